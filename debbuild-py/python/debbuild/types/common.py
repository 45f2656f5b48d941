"""What is used everywhere: paths and events."""

from collections.abc import Callable
from os import PathLike
from typing import Any

Path = str | PathLike[str]

Event = dict[str, Any]
"""A progress event: ``event`` is its kind (started, progress, note, warning, log, finished).

A ``log`` with ``text`` is a line of a log."""

OnEvent = Callable[[Event], object]
