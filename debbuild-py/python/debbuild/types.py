"""The shapes of the values that debbuild takes and gives: those of the command line's JSON."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, NotRequired, TypedDict

Path = str | PathLike[str]

Event = dict[str, Any]
"""A progress event: ``event`` is its kind (started, progress, note, warning, log, finished).

A ``log`` with ``text`` is a line of a log."""

OnEvent = Callable[[Event], object]


class File(TypedDict):
    name: str
    size: int
    sha256: str


class Dsc(TypedDict):
    source: str
    version: str
    format: str
    binaries: list[str]
    architectures: list[str]
    maintainer: str | None
    build_depends: str
    build_depends_arch: str
    build_depends_indep: str
    files: list[File]


class Changes(TypedDict):
    source: str
    version: str
    architectures: list[str]
    distributions: list[str]
    binaries: list[str]
    changed_by: str | None
    closes: list[int]
    files: list[File]


class ControlFile(TypedDict):
    name: str
    size: int


class DebShow(TypedDict):
    package: str
    version: str
    architecture: str
    source: str
    source_version: str
    format: str
    control_compression: str
    fields: dict[str, str]
    control_files: list[ControlFile]
    conffiles: list[str]


class DebFile(TypedDict):
    path: str
    kind: str
    size: int
    mode: str
    user: str
    group: str
    uid: int
    gid: int
    modified: str
    link: str | None


class BinaryTemplate(TypedDict):
    package: str
    architectures: list[str]
    package_type: str
    section: str | None
    depends: str
    synopsis: str | None


class DebianControl(TypedDict):
    source: str
    section: str | None
    maintainer: str | None
    build_depends: str
    build_depends_arch: str
    build_depends_indep: str
    binaries: list[BinaryTemplate]
    substvars: list[str]


class FetchedFile(TypedDict):
    path: str
    size: int
    sha256: str


class FetchedSource(TypedDict):
    source: str
    version: str
    archive: str
    dsc: str
    files: list[FetchedFile]


class Broken(TypedDict):
    package: str
    version: str
    architecture: str
    explanation: str


class Installability(TypedDict):
    checked: int
    broken: list[Broken]


class PackagesFrom(TypedDict, total=False):
    """Which packages a question is about."""

    files: Sequence[Path] | None
    sources: Sequence[Path] | None
    debs: Sequence[Path] | None
    repositories: Sequence[Path] | None
    tags: Sequence[str] | None
    suite: str | None
    lookaside_files: Sequence[Path] | None
    lookaside_suites: Sequence[str] | None
    lookaside_repositories: Sequence[Path] | None
    preferences: Sequence[Path] | None
    architecture: str | None
    foreign: Sequence[str] | None


class AptChange(TypedDict):
    """Something that apt is to do."""

    action: Literal["install", "remove", "autoremove"]
    id: int
    package: str
    version: str
    architecture: str


class AptReply(TypedDict):
    """What apt is told: ``changes`` of a solution, or ``kind`` and ``message`` of an error."""

    reply: Literal["solution", "error"]
    changes: NotRequired[list[AptChange]]
    kind: NotRequired[str]
    message: NotRequired[str]


class Replayed(TypedDict):
    """What became of a problem that was kept: the ``answer`` now, and whether it is of the kind that was ``expected``."""

    expected: Literal["satisfied", "unsatisfiable", "unknown"]
    same: bool
    packages: int
    answer: dict[str, Any]


class Subject(TypedDict):
    package: str
    version: str
    architecture: str


class Doubt(Subject):
    reason: str


class Lent(Subject):
    origin: str


class Use(TypedDict):
    need: str
    relation: str
    package: Lent


class Needs(Subject):
    uses: list[Use]


class Lookaside(TypedDict):
    needs: list[Needs]
    packages: list[Lent]


class Checked(TypedDict):
    strictness: Literal["off", "lenient", "fatal"]
    checked: int
    broken: list[Broken]
    unknown: NotRequired[list[Doubt]]


class Closure(TypedDict):
    closed: bool
    failed: bool
    install: Checked | None
    build: Checked | None
    lookaside: Lookaside


class Dependent(TypedDict):
    depth: int
    by: dict[str, str]
    kind: str
    relation: str
    on: str
    through: str | None
    fits: bool


class Picked(TypedDict):
    package: str
    version: str
    architecture: str
    origin: str
    sha256: str | None


class Changed(TypedDict):
    change: Literal["added", "removed", "upgraded", "downgraded", "other"]
    before: Picked | None
    after: Picked | None
    other_origin: bool
    other_content: bool


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


class Swept(TypedDict):
    dry_run: bool
    blobs: int
    bytes: int


class Chroot(TypedDict):
    id: str
    suite: str
    architecture: str
    variant: str
    include: list[str]
    created: str
    epoch: str
    packages: int
    size: int
    sha256: str
    tarball: str


class ChrootDetail(TypedDict):
    chroot: Chroot
    lock: dict[str, Any]


class ChrootPackage(TypedDict):
    package: str
    version: str
    architecture: str
    sha256: str


class ChrootDiff(TypedDict):
    removed: list[ChrootPackage]
    added: list[ChrootPackage]


class Run(TypedDict):
    """How a command ended, and all it said."""

    status: int | None
    signal: int | None
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


class Added(TypedDict):
    """A package of a suite."""

    package: str
    version: str
    architecture: str
    component: str
    source: str
    source_version: str
    section: str | None
    priority: str | None
    files: list[dict[str, Any]]


class Upload(TypedDict):
    """An upload that was taken or refused; ``class`` is that of the error."""

    at: str
    file: str
    accepted: bool
    reason: str | None
    key: str | None
    by: str | None
    source: str | None
    version: str | None
    suites: list[str]
    packages: list[str]


class RepositoryState(TypedDict):
    """A state of a suite; ``snapshot`` is its time as the addresses of earlier states have it."""

    suite: str
    state: int
    date: str
    snapshot: str
    valid_until: str | None
    signed_by: str
    release_sha256: str
    switched_to: int | None
    packages: int


class Problem(TypedDict):
    path: str
    problem: str


class Check(TypedDict):
    good: bool
    files: int
    findings: list[Problem]
    notes: list[Problem]
    repair: NotRequired[dict[str, Any]]


class Submitted(TypedDict):
    schema: int
    request: int
    tasks: list[int]
    repeated: bool


class Attempt(TypedDict):
    id: str
    worker: str
    state: str
    leased_at: str
    started_at: str | None
    ended_at: str | None
    log_size: int
    failure: dict[str, Any] | None


class Task(TypedDict):
    schema: int
    id: int
    request: int
    by: str
    spec: dict[str, Any]
    label: str
    priority: int
    state: Literal["blocked", "ready", "leased", "succeeded", "failed", "aborted", "cancelled"]
    ended: bool
    submitted_at: str
    ended_at: str | None
    not_before: str | None
    infrastructure_failures: int
    cancel: dict[str, Any] | None
    failure: dict[str, Any] | None
    after: list[int]
    retry_of: int | None
    retried_by: int | None
    attempts: NotRequired[list[Attempt]]
    builds: NotRequired[list[int]]


class TaskList(TypedDict):
    schema: int
    tasks: list[Task]
    next: str | None


class ArtifactFile(TypedDict):
    name: str
    kind: str
    size: int
    sha256: str


class ArtifactList(TypedDict):
    schema: int
    attempt: str
    artifacts: list[ArtifactFile]


class TaskEvent(TypedDict):
    cursor: str
    at: str
    task: NotRequired[int]
    attempt: NotRequired[str]
    tag: NotRequired[str]
    worker: NotRequired[str]
    kind: str
    text: str


class Explanation(TypedDict):
    schema: int
    task: int
    state: str
    place: int | None
    reasons: list[str]


class Worked(TypedDict):
    schema: int
    worker: str
    attempts: int
    replayed: int
    abandoned: int


class Tag(TypedDict):
    schema: int
    id: int
    name: str
    version: int
    parents: list[str]
    blocked: list[str]


class TagList(TypedDict):
    schema: int
    tags: list[Tag]


TagBuild = TypedDict(
    "TagBuild", {"build": int, "source": str, "version": str, "architecture": str, "from": str}
)


class TagContent(TypedDict):
    schema: int
    tag: Tag
    builds: list[TagBuild]


class TagChange(TypedDict):
    version: int
    at: str
    by: str
    action: str
    build: int | None
    text: str


class TagHistory(TypedDict):
    schema: int
    tag: str
    changes: list[TagChange]


class Compose(TypedDict):
    id: str
    status: str
    folder: str
