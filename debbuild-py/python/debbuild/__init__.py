"""debbuild: build Debian packages in clean chroots, keep and publish them, and compose systems from them.

>>> import debbuild
>>> sorted(["1.0", "1.0~rc1", "2:0.1"], key=debbuild.Version)
['1.0~rc1', '1.0', '2:0.1']

``debbuild.aio`` (imported by itself) has the same for asyncio.
"""

from . import errors, types
from ._debbuild import (
    App,
    Chroots,
    Composes,
    Deb,
    Keys,
    Queue,
    Repository,
    Tags,
    Uploads,
    Version,
    __version__,
    compare_versions,
    paragraphs,
    read_changes,
    read_debian_control,
    read_dsc,
)
from .errors import DebbuildError

__all__ = [
    "App",
    "Chroots",
    "Composes",
    "Deb",
    "DebbuildError",
    "Keys",
    "Queue",
    "Repository",
    "Tags",
    "Uploads",
    "Version",
    "__version__",
    "compare_versions",
    "errors",
    "paragraphs",
    "read_changes",
    "read_debian_control",
    "read_dsc",
    "types",
]
