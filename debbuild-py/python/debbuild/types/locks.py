"""Locks: the exact inputs of chroots, builds and composes."""

from typing import Literal, NotRequired, TypedDict

from .resolve import Changed


class LockedFile(TypedDict):
    path: str
    size: int
    sha256: str


class LockedArchive(TypedDict):
    name: str
    uris: list[str]
    suite: str
    release: LockedFile
    release_signature: NotRequired[LockedFile]
    date: str
    valid_until: NotRequired[str]
    expiry_checked: bool
    keyring_sha256: str
    indexes: list[LockedFile]


class LockedPackage(TypedDict):
    name: str
    architecture: str
    version: str
    sha256: str
    size: int
    archive: str
    path: str


class Lock(TypedDict):
    """``lock.json``; its schema is ``docs/schemas/lock-v1.json``."""

    schema: int
    kind: Literal["chroot", "build", "compose"]
    architecture: str
    verified_at: str
    archives: list[LockedArchive]
    packages: list[LockedPackage]
    additions: NotRequired[dict[str, list[LockedPackage]]]
    options: NotRequired[dict[str, str]]
    tools: NotRequired[dict[str, str]]


class ValueChange(TypedDict):
    name: str
    before: str | None
    after: str | None


class ArchiveState(TypedDict):
    date: str
    release_sha256: str
    keyring_sha256: str
    uris: list[str]


class ArchiveChange(TypedDict):
    name: str
    suite: str
    change: Literal["added", "removed", "other"]
    before: ArchiveState | None
    after: ArchiveState | None
    other_release: bool
    other_keyring: bool
    other_uris: bool


class LockDiff(TypedDict):
    """What differs between two locks; ``about`` is what they are of: kind and architecture."""

    same: bool
    about: list[ValueChange]
    packages: list[Changed]
    additions: dict[str, list[Changed]]
    archives: list[ArchiveChange]
    options: list[ValueChange]
    tools: list[ValueChange]
