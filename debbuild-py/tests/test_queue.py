"""Tasks and tags."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import debbuild
from debbuild import errors


def test_submit_list_cancel_and_retry(app: debbuild.App, dsc: Path, tmp_path: Path) -> None:
    queue = app.queue
    submitted = queue.submit([dsc, dsc], suite="bookworm", architecture="amd64", in_order=True, priority=3, key="once")
    assert submitted["tasks"] == [1, 2] and not submitted["repeated"]
    again = queue.submit([dsc, dsc], suite="bookworm", architecture="amd64", in_order=True, priority=3, key="once")
    assert again["repeated"] and again["tasks"] == [1, 2]
    assert [(task["id"], task["state"]) for task in queue.tasks()["tasks"]] == [(2, "blocked"), (1, "ready")]
    first = queue.task(1)
    assert first["label"] == "tiny_1.0 bookworm amd64"
    assert first["priority"] == 3 and first["spec"]["kind"] == "build"
    page = queue.tasks(limit=1)
    assert page["next"] is not None
    assert [task["id"] for task in queue.tasks(after=page["next"])["tasks"]] == [1]
    assert queue.set_priority(1, 5)["priority"] == 5
    assert queue.explain(1)["state"] == "ready"
    assert queue.log(1) == b""
    with pytest.raises(errors.NotFoundError):
        queue.fetch(1, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    cancelled = queue.cancel(1, reason="not wanted")
    assert cancelled["state"] == "cancelled" and cancelled["ended"]
    assert [task["id"] for task in queue.tasks(states=["cancelled"], label="tiny")["tasks"]] == [2, 1]
    retried = queue.retry(1)
    assert (retried["id"], retried["retry_of"], retried["state"]) == (3, 1, "ready")


def test_refused_submissions_change_nothing(app: debbuild.App, dsc: Path, tmp_path: Path) -> None:
    queue = app.queue
    with pytest.raises(errors.UsageError, match="neither a .dsc nor a source package"):
        queue.submit(["Not_A_Name"], suite="bookworm")
    with pytest.raises(errors.NotFoundError):
        queue.submit([tmp_path / "none.dsc"], suite="bookworm")
    with pytest.raises(errors.UsageError, match="span of time"):
        queue.submit([dsc], suite="bookworm", timeout=-1)
    (tmp_path / "tiny_1.0.tar.xz").write_bytes(b"another archive of this size")
    with pytest.raises(errors.WorkError):
        queue.submit([dsc], suite="bookworm")
    assert queue.tasks()["tasks"] == []
    with pytest.raises(errors.NotFoundError):
        queue.task(7)
    with pytest.raises(errors.NotFoundError):
        queue.cancel(7)


def test_tags(app: debbuild.App, tmp_path: Path) -> None:
    tags = app.tags
    created = tags.create("demo-testing")
    assert (created["name"], created["parents"]) == ("demo-testing", [])
    tags.create("demo-candidate", parents=["demo-testing"])
    assert tags.block("demo-candidate", "tiny")["blocked"] == ["tiny"]
    assert tags.inherit("demo-candidate", [])["parents"] == []
    assert [tag["name"] for tag in tags.list()["tags"]] == ["demo-candidate", "demo-testing"]
    assert tags.show("demo-testing")["builds"] == []
    history = tags.history("demo-candidate")
    assert [change["action"] for change in history["changes"]] == ["create", "block", "inherit"]
    with pytest.raises(errors.ConflictError):
        tags.create("demo-testing")
    with pytest.raises(errors.NotFoundError):
        tags.add("demo-testing", 99, reason="no such build")
    with pytest.raises(errors.NotFoundError):
        tags.publish("demo-testing", repository=tmp_path / "none", suite="demo")
    app.repository(tmp_path / "apt").init("demo", architectures=["amd64"])
    published = tags.publish("demo-testing", repository=tmp_path / "apt", suite="demo")
    assert (published["suite"], published["packages"]) == ("demo", 0)
    assert tags.history("demo-testing")["changes"][-1]["action"] == "publish"


def test_workers(app: debbuild.App) -> None:
    assert app.queue.workers()["workers"] == []
    for ask in (app.queue.worker, app.queue.drain, app.queue.enable):
        with pytest.raises(errors.NotFoundError):
            ask("nobody")


def test_watch_tells_what_happened_until_all_have_ended(app: debbuild.App, dsc: Path) -> None:
    app.queue.submit([dsc], suite="bookworm", architecture="amd64")
    app.queue.cancel(1, reason="no need")
    events = app.queue.watch([1])
    assert [event["task"] for event in events] == [1] * len(events)
    assert events[-1]["kind"] == "ended"
    command = [os.environ["DEBBUILD_BIN"], "--format", "json", "--set", f"home={app.home}", "task", "watch", "1"]
    said = subprocess.run(command, capture_output=True, text=True).stdout
    assert [json.loads(line) for line in said.splitlines()] == events
    with pytest.raises(errors.NotFoundError):
        app.queue.watch([2])
