"""The shapes of the values that debbuild takes and gives: those of the command line's JSON."""

from collections.abc import Callable
from os import PathLike
from typing import Any, Literal, TypedDict

Path = str | PathLike[str]

Event = dict[str, Any]
"""A progress event: ``event`` is its kind (started, progress, note, warning, log, finished)."""

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
