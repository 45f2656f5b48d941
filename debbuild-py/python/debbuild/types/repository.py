"""Repositories and uploads to them."""

from typing import Any, NotRequired, TypedDict


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
