"""The resolver: which packages a question is about, and answers."""

from collections.abc import Sequence
from typing import Any, Literal, NotRequired, TypedDict

from .common import Path


class Broken(TypedDict):
    package: str
    version: str
    architecture: str
    explanation: str
    steps: NotRequired[list[dict[str, Any]]]


class Installability(TypedDict):
    checked: int
    broken: list[Broken]


class BrokenSource(TypedDict):
    source: str
    version: str
    explanation: str


class UnknownSource(TypedDict):
    source: str
    version: str
    reason: str


class Buildability(TypedDict):
    checked: int
    broken: list[BrokenSource]
    unknown: NotRequired[list[UnknownSource]]


class OrderedBuild(TypedDict):
    source: str
    version: str
    profiles: list[str]
    rebuild: bool


class Edge(TypedDict):
    source: str
    needs: str
    relation: str
    through: list[str]


class Break(TypedDict):
    """``kind`` says which of the other keys there are."""

    kind: Literal["profiles", "alternative", "existing"]
    source: str
    dropped: list[str]
    profiles: NotRequired[list[str]]
    relations: NotRequired[list[str]]
    relation: NotRequired[str]
    instead: NotRequired[str]
    packages: NotRequired[list[str]]


class Cycle(TypedDict):
    members: list[str]
    edge_count: int
    edges: list[Edge]
    breaks: list[Break]
    least: bool


class Blocked(TypedDict):
    source: str
    version: str
    by: str


class Order(TypedDict):
    stages: list[list[OrderedBuild]]
    cycles: list[Cycle]
    rebuilds: list[str]
    unbuildable: list[BrokenSource]
    unknown: list[UnknownSource]
    blocked: list[Blocked]
    built: list[str]
    outside: list[str]


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
    excluded: str
    architecture: str | None
    foreign: Sequence[str] | None


class InstallOptions(PackagesFrom, total=False):
    """What would be installed, and on which system: ``installed`` is a list in dpkg's form, without it nothing is there."""

    recommends: bool | Literal["never", "top-level", "all"]
    suggests: bool
    essential: bool
    remove: str | None
    upgrade_all: bool
    keep_all: bool
    nothing_new: bool
    installed: Path | None
    held: Sequence[str] | None


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
