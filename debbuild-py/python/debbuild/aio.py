"""debbuild for asyncio: the classes and methods of ``debbuild``, awaited.

>>> app = debbuild.aio.App(home=state)
>>> await asyncio.gather(app.chroots.create("bookworm"), app.chroots.create("trixie"))

Names, arguments, answers and exceptions are those of the methods that wait, where each is described. Methods that do no
work (``App.repository``, ``settings`` and ``origins``) answer at once. Work holds no thread of Python, and ``on_event`` is
called on that of the loop. When a task is cancelled, so is its work, and ``asyncio.CancelledError`` is raised when it has
stopped and tidied up.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, final

from . import _debbuild
from .types import OnEvent, Path

__all__ = ["App", "Chroots", "Composes", "Keys", "Queue", "Repository", "Tags", "Uploads"]

_Native = TypeVar("_Native")
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


class _Room(Generic[_Native]):
    """What every class here holds: an object whose methods give the work that they start."""

    def __init__(self, native: _Native) -> None:
        self._native = native


async def _end(work: _debbuild.Work) -> Any:
    """What work comes to, without a thread that waits."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    cancelled: asyncio.CancelledError | None = None
    loop.add_reader(work.fileno(), ready.set)
    try:
        while not work.poll():
            ready.clear()
            try:
                await ready.wait()
            except asyncio.CancelledError as error:
                # It still has to tidy up.
                work.cancel()
                cancelled = cancelled or error
    finally:
        # For a coroutine that is thrown away; what has ended does not mind.
        work.cancel()
        loop.remove_reader(work.fileno())
    if cancelled is not None:
        raise cancelled
    return work.result()


def _twin(
    method: Callable[Concatenate[Any, _Given], _Answer],
) -> Callable[Concatenate[_Room[Any], _Given], Coroutine[Any, Any, _Answer]]:
    """The method that awaits what this one waits for."""

    async def twin(room: _Room[Any], /, *given: _Given.args, **named: _Given.kwargs) -> _Answer:
        answer: _Answer = await _end(cast(_debbuild.Work, method(room._native, *given, **named)))
        return answer

    functools.update_wrapper(twin, method)
    return twin


@final
class Chroots(_Room[_debbuild.Chroots]):
    """``debbuild.Chroots``, awaited."""

    create = _twin(_debbuild.Chroots.create)
    install = _twin(_debbuild.Chroots.install)
    export = _twin(_debbuild.Chroots.export)
    import_system = _twin(_debbuild.Chroots.import_system)
    create_locked = _twin(_debbuild.Chroots.create_locked)
    list = _twin(_debbuild.Chroots.list)
    show = _twin(_debbuild.Chroots.show)
    update = _twin(_debbuild.Chroots.update)
    diff = _twin(_debbuild.Chroots.diff)
    copy_out = _twin(_debbuild.Chroots.copy_out)
    remove = _twin(_debbuild.Chroots.remove)
    gc = _twin(_debbuild.Chroots.gc)
    run = _twin(_debbuild.Chroots.run)
    begin = _twin(_debbuild.Chroots.begin)
    sessions = _twin(_debbuild.Chroots.sessions)
    snapshot = _twin(_debbuild.Chroots.snapshot)
    rollback = _twin(_debbuild.Chroots.rollback)
    end = _twin(_debbuild.Chroots.end)


@final
class Uploads(_Room[_debbuild.Uploads]):
    """``debbuild.Uploads``, awaited."""

    accept = _twin(_debbuild.Uploads.accept)
    list = _twin(_debbuild.Uploads.list)


@final
class Repository(_Room[_debbuild.Repository]):
    """``debbuild.Repository``, awaited."""

    @property
    def folder(self) -> str:
        return self._native.folder

    @property
    def uploads(self) -> Uploads:
        return Uploads(self._native.uploads)

    init = _twin(_debbuild.Repository.init)
    add = _twin(_debbuild.Repository.add)
    remove = _twin(_debbuild.Repository.remove)
    publish = _twin(_debbuild.Repository.publish)
    list = _twin(_debbuild.Repository.list)
    states = _twin(_debbuild.Repository.states)
    diff = _twin(_debbuild.Repository.diff)
    switch = _twin(_debbuild.Repository.switch)
    verify = _twin(_debbuild.Repository.verify)
    check = _twin(_debbuild.Repository.check)
    export_key = _twin(_debbuild.Repository.export_key)
    mirror = _twin(_debbuild.Repository.mirror)
    import_tree = _twin(_debbuild.Repository.import_tree)
    retain = _twin(_debbuild.Repository.retain)
    gc = _twin(_debbuild.Repository.gc)
    keyring_package = _twin(_debbuild.Repository.keyring_package)


@final
class Keys(_Room[_debbuild.Keys]):
    """``debbuild.Keys``, awaited."""

    list = _twin(_debbuild.Keys.list)
    rotate = _twin(_debbuild.Keys.rotate)
    retire = _twin(_debbuild.Keys.retire)


@final
class Queue(_Room[_debbuild.Queue]):
    """``debbuild.Queue``, awaited."""

    submit = _twin(_debbuild.Queue.submit)
    tasks = _twin(_debbuild.Queue.tasks)
    task = _twin(_debbuild.Queue.task)
    cancel = _twin(_debbuild.Queue.cancel)
    retry = _twin(_debbuild.Queue.retry)
    explain = _twin(_debbuild.Queue.explain)
    set_priority = _twin(_debbuild.Queue.set_priority)
    watch = _twin(_debbuild.Queue.watch)
    log = _twin(_debbuild.Queue.log)
    fetch = _twin(_debbuild.Queue.fetch)
    workers = _twin(_debbuild.Queue.workers)
    worker = _twin(_debbuild.Queue.worker)
    drain = _twin(_debbuild.Queue.drain)
    enable = _twin(_debbuild.Queue.enable)
    run_worker = _twin(_debbuild.Queue.run_worker)


@final
class Tags(_Room[_debbuild.Tags]):
    """``debbuild.Tags``, awaited."""

    create = _twin(_debbuild.Tags.create)
    list = _twin(_debbuild.Tags.list)
    show = _twin(_debbuild.Tags.show)
    add = _twin(_debbuild.Tags.add)
    remove = _twin(_debbuild.Tags.remove)
    inherit = _twin(_debbuild.Tags.inherit)
    block = _twin(_debbuild.Tags.block)
    history = _twin(_debbuild.Tags.history)
    publish = _twin(_debbuild.Tags.publish)


@final
class Composes(_Room[_debbuild.Composes]):
    """``debbuild.Composes``, awaited."""

    plan = _twin(_debbuild.Composes.plan)
    run = _twin(_debbuild.Composes.run)
    list = _twin(_debbuild.Composes.list)
    show = _twin(_debbuild.Composes.show)
    why = _twin(_debbuild.Composes.why)


@final
class App(_Room[_debbuild.App]):
    """``debbuild.App``, awaited."""

    def __init__(
        self,
        *,
        home: Path | None = None,
        config: Path | None = None,
        settings: Mapping[str, str] | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        app = _debbuild.App(home=home, config=config, settings=settings, on_event=on_event)
        super().__init__(app._awaited())

    @property
    def home(self) -> str:
        return self._native.home

    @property
    def chroots(self) -> Chroots:
        return Chroots(self._native.chroots)

    @property
    def queue(self) -> Queue:
        return Queue(self._native.queue)

    @property
    def keys(self) -> Keys:
        return Keys(self._native.keys)

    @property
    def tags(self) -> Tags:
        return Tags(self._native.tags)

    @property
    def composes(self) -> Composes:
        return Composes(self._native.composes)

    def repository(self, folder: Path) -> Repository:
        """The repository in a folder, which need not exist before ``init``."""
        return Repository(self._native.repository(folder))

    def settings(self) -> dict[str, Any]:
        """Every setting."""
        return self._native.settings()

    def origins(self) -> dict[str, str]:
        """Where each setting's value came from."""
        return self._native.origins()

    profiles = _twin(_debbuild.App.profiles)
    profile = _twin(_debbuild.App.profile)
    doctor = _twin(_debbuild.App.doctor)
    source_fetch = _twin(_debbuild.App.source_fetch)
    source_rebuild = _twin(_debbuild.App.source_rebuild)
    source_pack = _twin(_debbuild.App.source_pack)
    build = _twin(_debbuild.App.build)
    resolve_build_deps = _twin(_debbuild.App.resolve_build_deps)
    resolve_install = _twin(_debbuild.App.resolve_install)
    resolve_replay = _twin(_debbuild.App.resolve_replay)
    resolve_edsp = _twin(_debbuild.App.resolve_edsp)
    install_edsp = _twin(_debbuild.App.install_edsp)
    installability = _twin(_debbuild.App.installability)
    buildability = _twin(_debbuild.App.buildability)
    resolve_order = _twin(_debbuild.App.resolve_order)
    resolve_closure = _twin(_debbuild.App.resolve_closure)
    resolve_why = _twin(_debbuild.App.resolve_why)
    resolve_why_not = _twin(_debbuild.App.resolve_why_not)
    resolve_rdeps = _twin(_debbuild.App.resolve_rdeps)
    resolve_diff = _twin(_debbuild.App.resolve_diff)
    lock_show = _twin(_debbuild.App.lock_show)
    lock_list = _twin(_debbuild.App.lock_list)
    lock_diff = _twin(_debbuild.App.lock_diff)
    lock_from_buildinfo = _twin(_debbuild.App.lock_from_buildinfo)
    verify_archive = _twin(_debbuild.App.verify_archive)
    fsck = _twin(_debbuild.App.fsck)
    gc = _twin(_debbuild.App.gc)
