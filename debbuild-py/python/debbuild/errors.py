"""The exceptions: one tree, with the classes that the exit codes and the JSON forms of debbuild have too."""

from __future__ import annotations


class DebbuildError(Exception):
    """Something that debbuild could not do."""

    error_class: str = "internal"
    """The name of the class, as in JSON: ``not-found``."""

    def __init__(self, message: str, hint: str | None = None, exit_code: int = 70) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What can be done about it, where that is known."""
        self.exit_code = exit_code
        """The exit code that the command line has for it."""


class WorkError(DebbuildError):
    """The work itself failed: the fault is the source's, not the machine's."""


class CompileError(WorkError):
    error_class = "compile"


class TestError(WorkError):
    __test__ = False  # not for pytest
    error_class = "test"


class SourceError(WorkError, ValueError):
    error_class = "source"


class QaError(WorkError):
    error_class = "qa"


class UnreproducibleError(WorkError):
    error_class = "unreproducible"


class VerificationError(WorkError):
    error_class = "verification"


class ClosureError(WorkError):
    error_class = "closure"


class UsageError(DebbuildError, ValueError):
    error_class = "usage"


class ConfigError(DebbuildError, ValueError):
    error_class = "config"


class ArchitectureError(DebbuildError):
    error_class = "architecture"


class NotFoundError(DebbuildError, LookupError):
    error_class = "not-found"


class NotAllowedError(DebbuildError):
    error_class = "not-allowed"


class ConflictError(DebbuildError):
    error_class = "conflict"


class InfrastructureError(DebbuildError):
    error_class = "infrastructure"


class CancelledError(DebbuildError):
    error_class = "cancelled"


class DependenciesError(DebbuildError):
    error_class = "dependencies"


class LimitError(DebbuildError):
    """A limit was hit."""


class TimeLimitError(LimitError):
    error_class = "timeout"


class StalledError(LimitError):
    error_class = "stalled"


class MemoryLimitError(LimitError):
    error_class = "memory"


class DiskLimitError(LimitError):
    error_class = "disk"


class ProcessLimitError(LimitError):
    error_class = "processes"


class InternalError(DebbuildError):
    error_class = "internal"


class InterruptedError(DebbuildError):  # noqa: A001 - the name of the class in every door
    error_class = "interrupted"


def _leaves(cls: type[DebbuildError]) -> dict[str, type[DebbuildError]]:
    found = {cls.error_class: cls} if "error_class" in vars(cls) and cls is not DebbuildError else {}
    for sub in cls.__subclasses__():
        found |= _leaves(sub)
    return found


_BY_CLASS = _leaves(DebbuildError)


def _make(error_class: str, message: str, hint: str | None, exit_code: int) -> DebbuildError:
    """The exception for an error of the native half."""
    return _BY_CLASS.get(error_class, DebbuildError)(message, hint, exit_code)
