"""The native half of debbuild."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

from .types import Changes, Dsc, FetchedSource, Installability, OnEvent, Path, Report, Swept

__all__ = [
    "App",
    "Version",
    "__version__",
    "compare_versions",
    "paragraphs",
    "read_changes",
    "read_dsc",
]

__version__: str

@final
class Version:
    """A Debian version. Equal when the text is equal; ordered as dpkg orders."""

    def __new__(cls, text: str) -> Version: ...
    @property
    def epoch(self) -> int | None: ...
    @property
    def upstream(self) -> str: ...
    @property
    def revision(self) -> str | None: ...
    def compare(self, other: Version) -> Literal[-1, 0, 1]: ...
    def with_suffix(self, suffix: str) -> Version: ...
    def __lt__(self, other: Version, /) -> bool: ...
    def __le__(self, other: Version, /) -> bool: ...
    def __gt__(self, other: Version, /) -> bool: ...
    def __ge__(self, other: Version, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def compare_versions(a: str, b: str) -> Literal[-1, 0, 1]:
    """dpkg's order of two versions."""

def paragraphs(text: str) -> list[dict[str, str]]:
    """The paragraphs of a control file, fields in their order."""

def read_dsc(data: bytes) -> Dsc:
    """A source package as its .dsc describes it. The signature is not checked."""

def read_changes(data: bytes) -> Changes:
    """An upload as its .changes describes it. The signature is not checked."""

@final
class App:
    """debbuild on this machine: the same settings, state and use cases as the command line.

    ``settings`` are single keys (``{"build.user": "builder"}``), above all files and variables. ``on_event`` is called
    with progress events, on the thread that called the method. Ctrl-C cancels the work before it is raised.
    """

    def __new__(
        cls,
        *,
        home: Path | None = None,
        config: Path | None = None,
        settings: Mapping[str, str] | None = None,
        on_event: OnEvent | None = None,
    ) -> App: ...
    @property
    def home(self) -> str: ...
    def settings(self) -> dict[str, Any]:
        """Every setting."""

    def origins(self) -> dict[str, str]:
        """Where each setting's value came from."""

    def doctor(self) -> Report:
        """Is this machine ready?"""

    def source_fetch(self, source: str, *, suite: str, into: Path) -> FetchedSource:
        """Fetch a source package (``NAME`` or ``NAME=VERSION``) from the archives of this machine, verified."""

    def resolve_install(
        self,
        packages: str,
        *,
        suite: str | None = None,
        files: Sequence[Path] | None = None,
        architecture: str | None = None,
    ) -> dict[str, Any]:
        """What would be installed for packages (written as in Depends), or why they cannot be."""

    def installability(
        self,
        *,
        suite: str | None = None,
        files: Sequence[Path] | None = None,
        architecture: str | None = None,
    ) -> Installability:
        """Which packages of a suite, or of Packages files, cannot be installed."""

    def gc(self, *, dry_run: bool = False) -> Swept:
        """Remove stored bytes that nothing needs."""
