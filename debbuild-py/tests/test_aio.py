"""The awaited twins: none is missing, they work side by side, and a cancelled one stops its work."""

import asyncio
import inspect
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, assert_type

import pytest

import debbuild
from debbuild import aio, errors
from debbuild.types import ProfileSummary

# Values and functions of one short step, which no room of an App gives.
ALONE = {"Deb", "DebbuildError", "Version"}
# What does no work answers at once.
AT_ONCE = {"App.origins", "App.repository", "App.settings"}

ROOMS = sorted(name for name in debbuild.__all__ if inspect.isclass(getattr(debbuild, name)) and name not in ALONE)


def public(room: type) -> set[str]:
    return {name for name in dir(room) if not name.startswith("_")}


def parameters(method: Any) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults, without ``self``."""
    found = inspect.signature(method).parameters.values()
    return [(one.name, one.kind, one.default) for one in found if one.name != "self"]


def test_every_room_has_its_twin() -> None:
    assert sorted(aio.__all__) == ROOMS
    assert parameters(aio.App) == parameters(debbuild.App)


@pytest.mark.parametrize("name", ROOMS)
def test_every_method_has_its_twin(name: str) -> None:
    room, twin = getattr(debbuild, name), getattr(aio, name)
    assert public(twin) == public(room)
    for method in public(room):
        waits, awaits = inspect.getattr_static(room, method), inspect.getattr_static(twin, method)
        if isinstance(awaits, property):
            assert inspect.isgetsetdescriptor(waits), method
            continue
        assert parameters(awaits) == parameters(waits), method
        if f"{name}.{method}" in AT_ONCE:
            assert not inspect.iscoroutinefunction(awaits), method
        else:
            assert inspect.iscoroutinefunction(awaits) and awaits.__wrapped__ is waits, method


def test_answers_are_the_same(app: debbuild.App) -> None:
    async def asked() -> None:
        there = aio.App(home=app.home)
        assert_type(await there.profiles(), list[ProfileSummary])
        assert await there.profiles() == app.profiles()
        assert (there.home, there.settings(), there.origins()) == (app.home, app.settings(), app.origins())
        assert await there.queue.tasks(limit=1) == app.queue.tasks(limit=1)
        assert await there.gc(dry_run=True) == app.gc(dry_run=True)

    asyncio.run(asked())


def test_two_creations_at_once(deb: Path, tmp_path: Path) -> None:
    async def made() -> list[bool]:
        apps = [aio.App(home=tmp_path / f"state{number}") for number in range(2)]
        both = [app.repository(tmp_path / f"apt{number}") for number, app in enumerate(apps)]
        await asyncio.gather(*(one.init("demo", architectures=["amd64"]) for one in both))
        added = await asyncio.gather(*(one.add([deb]) for one in both))
        assert [package["package"] for packages in added for package in packages] == ["tiny", "tiny"]
        await asyncio.gather(*(one.publish() for one in both))
        return [check["good"] for check in await asyncio.gather(*(one.verify() for one in both))]

    assert asyncio.run(made()) == [True, True]
    assert (tmp_path / "apt0/dists/demo/InRelease").exists() and (tmp_path / "apt1/dists/demo/InRelease").exists()


def test_errors_are_the_same(app: debbuild.App, tmp_path: Path) -> None:
    async def refused() -> None:
        there = aio.App(home=app.home)
        with pytest.raises(errors.NotFoundError) as caught:
            await there.queue.task(7)
        with pytest.raises(errors.NotFoundError) as waited:
            app.queue.task(7)
        assert str(caught.value) == str(waited.value) and caught.value.exit_code == waited.value.exit_code
        with pytest.raises(errors.UsageError, match="not a bootstrapper"):
            await there.chroots.create("bookworm", bootstrapper="cdebootstrap")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            await there.fsck(mend=True)  # type: ignore[call-arg]
        both = await asyncio.gather(there.lock_show("nowhere"), there.queue.task(8), return_exceptions=True)
        assert all(isinstance(one, errors.NotFoundError) for one in both), both

    asyncio.run(refused())


def test_events_come_on_the_thread_of_the_loop(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    app = aio.App(home=tmp_path, on_event=lambda event: seen.append((event["event"], threading.get_ident())))
    asyncio.run(app.doctor())
    assert [kind for kind, _ in seen] == ["started", "finished"]
    assert {thread for _, thread in seen} == {threading.get_ident()}

    def fail(_event: object) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        asyncio.run(aio.App(home=tmp_path, on_event=fail).doctor())


class Silent:
    """An archive that takes connections and never answers, served by the loop that awaits the work."""

    def __init__(self, tmp_path: Path, address: str) -> None:
        self.connected = asyncio.Event()
        sources = tmp_path / "only.list"
        sources.write_text(f"deb {address}/debian stable main\n")
        settings = {"archives.sources": str(sources), "archives.owners": "Debian", "archives.keyrings": ""}
        self.app = aio.App(home=tmp_path / "state", settings=settings)


@asynccontextmanager
async def silent(tmp_path: Path) -> AsyncIterator[Silent]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        made = Silent(tmp_path, f"http://127.0.0.1:{listening.getsockname()[1]}")

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            made.connected.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hear, sock=listening)
        try:
            yield made
        finally:
            server.close()


def test_a_cancelled_task_stops_its_work(tmp_path: Path) -> None:
    async def cancelled() -> None:
        async with silent(tmp_path) as archive:
            into = tmp_path / "out"
            task = asyncio.create_task(archive.app.source_fetch("hello", suite="stable", into=into))
            await asyncio.wait_for(archive.connected.wait(), 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not into.exists() or not list(into.iterdir())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await archive.app.source_fetch("hello", suite="stable", into=into)

    asyncio.run(cancelled())


def test_cancelled_creations_leave_no_chroot(tmp_path: Path) -> None:
    # The build user passes through to the state folder.
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o711)

    async def cancelled() -> None:
        async with silent(tmp_path) as archive:
            chroots = archive.app.chroots
            try:
                assert await chroots.list() == []
            except errors.InfrastructureError as error:
                assert error.hint, "a machine that is not prepared says what to do"
                return
            both = [asyncio.create_task(chroots.create("stable", variant=variant)) for variant in ("buildd", "minbase")]
            connected = asyncio.create_task(archive.connected.wait())
            first: list[asyncio.Task[Any]] = [connected, *both]
            await asyncio.wait(first, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            assert connected.done(), both
            for task in both:
                task.cancel()
            ended = await asyncio.gather(*both, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended
            assert await chroots.list() == []

    asyncio.run(cancelled())
