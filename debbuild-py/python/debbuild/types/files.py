"""Files: what is in .debs, source packages and uploads."""

from typing import TypedDict


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
