"""The queue, its workers and tags."""

from typing import Any, Literal, NotRequired, TypedDict


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
