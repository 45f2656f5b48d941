"""This machine, chroots and builds."""

from typing import Any, Literal, NotRequired, TypedDict

from .locks import Lock


class Finding(TypedDict):
    group: str
    name: str
    level: Literal["ok", "optional", "missing"]
    detail: str
    mend: list[str]


class Report(TypedDict):
    schema: int
    ready: bool
    findings: list[Finding]


class LetGo(TypedDict):
    uri: str
    sha256: str
    size: int
    used: str
    reason: Literal["unused", "size"]


class Swept(TypedDict):
    dry_run: bool
    blobs: int
    bytes: int
    gateway: list[LetGo]


class ChrootImport(TypedDict):
    kind: Literal["tar", "oci"]
    sha256: str


class Chroot(TypedDict):
    id: str
    suite: str
    architecture: str
    host: str | None
    variant: str
    include: list[str]
    priorities: dict[str, int]
    environment: dict[str, str]
    apt_options: list[list[str]]
    parent: str | None
    remove: list[str]
    imported: ChrootImport | None
    bootstrapper: str | None
    created: str
    epoch: str
    packages: int
    size: int
    sha256: str
    tarball: str
    used: NotRequired[str]


class CollectedChroot(TypedDict):
    id: str
    reason: Literal["replaced", "unused", "size"]
    size: int
    used: str


class ChrootsCollected(TypedDict):
    dry_run: bool
    chroots: list[CollectedChroot]


class ProfileSummary(TypedDict):
    name: str
    description: str
    suite: str | None
    origin: str


class ProfileDetail(TypedDict):
    """What a profile says with all that it builds on; ``origins`` has the file and line of each value."""

    name: str
    profile: dict[str, Any]
    origins: NotRequired[dict[str, str]]


class ChrootSession(TypedDict):
    """A session that lasts, its chroot, when it was begun, and the names of its snapshots."""

    id: str
    chroot: str
    since: str
    archives: bool
    snapshots: list[str]


class ChrootDetail(TypedDict):
    """A chroot, its age in seconds, the ids of layers over it and of its sessions that last, what is installed, and its lock."""

    chroot: Chroot
    age: int
    layers: list[str]
    sessions: list[str]
    packages: list["ChrootPackage"]
    lock: Lock


class ChrootPackage(TypedDict):
    package: str
    version: str
    architecture: str
    sha256: str | None


class ChrootFile(TypedDict):
    kind: str
    mode: str
    uid: int
    gid: int
    size: int
    sha256: str | None
    link: str | None


class ChrootFileChange(TypedDict):
    path: str
    old: ChrootFile | None
    new: ChrootFile | None


class ChrootDiff(TypedDict):
    removed: list[ChrootPackage]
    added: list[ChrootPackage]
    files: list[ChrootFileChange] | None


class ChrootExport(TypedDict):
    id: str
    form: Literal["tar", "oci"]
    path: str
    sha256: str
    source: str


class Run(TypedDict):
    """How a command ended, and all it said; ``peak_memory`` in bytes, of all its processes together. ``cpu_time`` (seconds) is
    known where a control group holds its limits, which ``limits_by`` says."""

    status: int | None
    signal: int | None
    peak_memory: int | None
    cpu_time: float | None
    limits_by: Literal["scope", "cgroup", "rlimits"] | None
    stdout: bytes
    stderr: bytes


class Rebuilt(TypedDict):
    dsc: str


class BuildRecord(TypedDict):
    """``result.json``; its schema is ``docs/schemas/result-v1.json``."""

    schema: int
    source: str
    version: str
    architecture: str
    suite: str
    request_key: str | None
    build_key: str | None
    chroot_id: str | None
    outcome: Literal["succeeded", "failed", "aborted"]
    failure: dict[str, Any] | None
    stages: list[dict[str, Any]]
    artifacts: list[dict[str, Any]]
    resources: dict[str, Any]
    builder: dict[str, Any]
    network: str
    profiles: list[str]
    lock: str | None
    log: dict[str, Any] | None


class Compose(TypedDict):
    id: str
    status: str
    folder: str
