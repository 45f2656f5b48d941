"""Settings, errors and events."""

import gzip
import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

import debbuild
from debbuild import errors


def test_settings_are_the_command_lines(tmp_path: Path) -> None:
    config = tmp_path / "debbuild.toml"
    config.write_text("[build]\nuser = 'builder'\n")
    settings = {"gc.grace": "2h", "gateway.total-limit": "2G"}
    app = debbuild.App(home=tmp_path / "state", config=config, settings=settings)
    assert app.home == str(tmp_path / "state")
    assert app.settings()["build"]["user"] == "builder"
    assert app.settings()["gateway"]["total-limit"] == "2G"
    assert app.origins()["build.user"] == f"{config}:2"
    assert app.origins()["gc.grace"] == "command line"


def test_errors_have_class_hint_and_exit_code(tmp_path: Path) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text("\n[biuld]\n")
    with pytest.raises(errors.ConfigError, match="did you mean") as caught:
        debbuild.App(home=tmp_path, config=config)
    assert str(caught.value).startswith(f"{config}:2: unknown key")
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, debbuild.DebbuildError)


def test_every_class_has_its_exception() -> None:
    names = "compile test source qa unreproducible verification closure usage config architecture not-found"
    names += " not-allowed conflict infrastructure cancelled dependencies timeout stalled memory disk processes"
    names += " internal interrupted"
    assert sorted(errors._BY_CLASS) == sorted(names.split())
    for name, exception in errors._BY_CLASS.items():
        made = errors._make(name, "message", None, 1)
        assert type(made) is exception and made.error_class == name


def test_gc_and_doctor(tmp_path: Path) -> None:
    app = debbuild.App(home=tmp_path / "state")
    nothing = {"dry_run": True, "blobs": 0, "bytes": 0, "gateway": []}
    assert app.gc(dry_run=True) == nothing
    assert app.gc(dry_run=True, gateway_unused_for=3600.0, gateway_max_size=1 << 30) == nothing
    note = tmp_path / "state/gateway/notes/ab/cd.json"
    note.parent.mkdir(parents=True)
    file = {"url": "http://mirror.example/pool/x.deb", "sha256": "0" * 64, "size": 9}
    note.write_text(json.dumps({"schema": 1, **file}))
    os.utime(note, (1_700_000_000, 1_700_000_000))
    gone = app.gc(gateway_unused_for=3600.0)["gateway"]
    assert [(one["uri"], one["size"], one["reason"]) for one in gone] == [(file["url"], 9, "unused")]
    assert not note.exists()
    with pytest.raises(errors.UsageError):
        app.gc(gateway_unused_for=-1.0)
    report = app.doctor()
    assert report["schema"] == 1
    assert any(finding["name"] == "mmdebstrap" for finding in report["findings"])
    by_schroot = debbuild.App(home=tmp_path / "state", settings={"chroots.backend": "schroot"})
    assert by_schroot.settings()["chroots"]["backend"] == "schroot"
    [found] = [finding for finding in by_schroot.doctor()["findings"] if finding["name"] == "schroot"]
    assert found["level"] == ("ok" if os.path.exists("/usr/bin/schroot") else "missing")


def test_fsck_names_each_fault(tmp_path: Path) -> None:
    app = debbuild.App(home=tmp_path / "state")
    assert app.fsck() == {"good": True, "blobs": 0, "bytes": 0, "chroots": 0, "artifacts": 0, "faults": []}
    blob = tmp_path / "state/blobs/sha256/00" / ("0" * 64)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"damaged")
    report = app.fsck()
    [fault] = report["faults"]
    assert not report["good"] and (fault["kind"], fault["blob"]) == ("damaged", "0" * 64)
    app.fsck(repair=True)
    assert not blob.exists() and app.fsck()["good"]


def test_events_come_on_the_calling_thread(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    app = debbuild.App(home=tmp_path, on_event=lambda event: seen.append((event["event"], threading.get_ident())))
    app.doctor()
    assert [kind for kind, _ in seen] == ["started", "finished"]
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_an_exception_of_the_callback_is_raised(tmp_path: Path) -> None:
    def fail(_event: object) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        debbuild.App(home=tmp_path, on_event=fail).doctor()


def dead_archive(tmp_path: Path) -> debbuild.App:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/debian"
    sources = tmp_path / "only.sources"
    sources.write_text(f"Types: deb\nURIs: {address}\nSuites: stable\nComponents: main\n")
    settings = {"archives.sources": str(sources), "archives.owners": "Debian", "archives.keyrings": ""}
    return debbuild.App(home=tmp_path / "state", settings=settings)


def test_a_dead_mirror_is_infrastructure(tmp_path: Path) -> None:
    with pytest.raises(errors.InfrastructureError) as caught:
        dead_archive(tmp_path).source_fetch("hello", suite="stable", into=tmp_path / "out")
    assert caught.value.exit_code == 6
    with pytest.raises(errors.UsageError):
        dead_archive(tmp_path).source_fetch("Not_A_Name", suite="stable", into=tmp_path / "out")


def test_ctrl_c_cancels_and_is_raised(tmp_path: Path) -> None:
    # Started in the background of a shell, Python has the signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        sources = tmp_path / "only.list"
        sources.write_text(f"deb http://127.0.0.1:{silent.getsockname()[1]}/debian stable main\n")
        settings = {"archives.sources": str(sources), "archives.owners": "Debian", "archives.keyrings": ""}
        app = debbuild.App(home=tmp_path / "state", settings=settings)
        timer = threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            app.source_fetch("hello", suite="stable", into=tmp_path / "out")
        timer.join()


def test_questions_about_dependencies(tmp_path: Path) -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    location = f"Filename: pool/x.deb\nSize: 1\nSHA256: {digest}\n"
    packages = tmp_path / "Packages"
    packages.write_text(
        f"Package: app\nVersion: 1\nArchitecture: all\nDepends: lib\n{location}\n"
        f"Package: lib\nVersion: 1\nArchitecture: all\n{location}\n"
        f"Package: broken\nVersion: 1\nArchitecture: all\nDepends: nowhere\n{location}"
    )
    app = debbuild.App(home=tmp_path / "state")
    answer = app.resolve_install("app", files=[packages], architecture="amd64")
    assert [package["package"] for package in answer["packages"]] == ["app", "lib"]
    found = app.installability(files=[packages], architecture="amd64")
    assert found["checked"] == 3
    assert [package["package"] for package in found["broken"]] == ["broken"]
    with pytest.raises(errors.UsageError):
        app.installability()
    with pytest.raises(TypeError, match="unexpected keyword argument 'filez'"):
        app.installability(filez=[packages])  # type: ignore[call-arg]


def test_problems_are_kept_and_asked_again(tmp_path: Path) -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    stanza = "Package: {}\nVersion: {}\nArchitecture: all\n{}Filename: pool/x.deb\nSize: 1\n" + f"SHA256: {digest}\n\n"
    packages = tmp_path / "Packages"
    packages.write_text(
        stanza.format("app", 2, "Depends: lib (>= 2), other\n")
        + stanza.format("app", 1, "")
        + stanza.format("lib", 1, "")
        + stanza.format("other", 1, "")
    )
    app = debbuild.App(home=tmp_path / "state")
    kept = tmp_path / "problem"
    answer = app.resolve_install("app", files=[packages], architecture="amd64", save_problem=kept)
    assert answer["answer"] == "unsatisfiable"
    again = app.resolve_replay(kept)
    assert (again["expected"], again["same"], again["packages"]) == ("unsatisfiable", True, 2)
    assert again["answer"]["explanation"][-1] == answer["explanation"][-1]
    other = tmp_path / "other"
    app.resolve_why_not("other", files=[packages], architecture="amd64", save_problem=other)
    assert app.resolve_replay(other)["expected"] == "satisfied"
    with pytest.raises(errors.UsageError):
        app.resolve_replay(packages)

    preferences = tmp_path / "preferences"
    preferences.write_text("Package: app\nPin: version 1\nPin-Priority: 990\n")
    answer = app.resolve_install("app", files=[packages], architecture="amd64", preferences=[preferences])
    assert [package["version"] for package in answer["packages"]] == ["1"]


def test_a_system_that_has_packages_is_told_what_changes(tmp_path: Path) -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    stanza = "Package: {}\nVersion: {}\nArchitecture: all\n{}"
    location = f"Filename: pool/x.deb\nSize: 1\nSHA256: {digest}\n\n"
    packages, status = tmp_path / "Packages", tmp_path / "status"
    packages.write_text(
        stanza.format("app", 2, "Depends: lib (>= 2)\nRecommends: more\n" + location)
        + stanza.format("lib", 2, "Conflicts: old\n" + location)
        + stanza.format("more", 1, location)
    )
    status.write_text(stanza.format("lib", 1, "\n") + stanza.format("old", 1, "\n") + stanza.format("app", 1, "\n"))
    app = debbuild.App(home=tmp_path / "state")

    def changes(**options: Any) -> list[str]:
        answer = app.resolve_install(files=[packages], architecture="amd64", installed=status, **options)
        changed = [one for one in answer["packages"] if one["installed"] != one["version"]]
        return ["+" + one["package"] for one in changed] + ["-" + one["package"] for one in answer["removed"]]

    assert changes(packages="app") == ["+app", "+lib", "-old"]
    assert changes(packages="app", recommends=True) == ["+app", "+lib", "+more", "-old"]
    assert changes(packages="app", recommends="top-level") == ["+app", "+lib", "+more", "-old"]
    assert changes(upgrade_all=True, held=["lib"]) == []
    assert changes(remove="app") == ["-app"]
    assert changes(upgrade_all=True, excluded="old") == changes(upgrade_all=True)
    no = app.resolve_why_not("app", files=[packages], architecture="amd64", installed=status, keep_all=True)
    assert no["answer"] == "unsatisfiable"
    why = app.resolve_why("lib", "app", files=[packages], architecture="amd64", installed=status)
    assert why["there"]
    with pytest.raises(ValueError, match="none of never, top-level and all"):
        changes(packages="app", recommends="some")


def test_apt_is_answered(tmp_path: Path) -> None:
    app = debbuild.App(home=tmp_path / "state")
    request = "Request: EDSP 0.5\nArchitecture: amd64\nInstall: app:amd64\n\n"
    package = "Package: app\nVersion: 1\nArchitecture: all\nAPT-ID: 7\nAPT-Pin: 500\n"
    reply = app.resolve_edsp(request + package + "APT-Candidate: yes\n")
    change = {"action": "install", "id": 7, "package": "app", "version": "1", "architecture": "all"}
    assert reply == {"reply": "solution", "changes": [change]}
    refused = app.resolve_edsp(request + package)
    assert refused["kind"] == "ERR_SCENARIO"
    assert refused["message"] == "scenario: app:amd64 is to be installed and has no candidate"
    solver = Path(app.install_edsp(tmp_path / "solvers"))
    assert solver.name == "debbuild"
    assert os.access(solver, os.X_OK)


def test_closure_with_lookasides(tmp_path: Path) -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    def index(name: str, relations: str) -> str:
        location = f"Filename: pool/{name}.deb\nSize: 1\nSHA256: {digest}\n"
        return f"Package: {name}\nVersion: 1\nArchitecture: all\n{relations}{location}\n"

    ours, beside = tmp_path / "ours.gz", tmp_path / "beside"
    ours.write_bytes(gzip.compress((index("app", "Depends: lib\n") + index("tool", "Depends: nowhere\n")).encode()))
    beside.write_text(index("lib", ""))
    app = debbuild.App(home=tmp_path / "state")
    found = app.resolve_closure(install="fatal", files=[ours], lookaside_files=[beside], architecture="amd64")
    assert found["failed"] and found["install"] is not None
    assert [broken["package"] for broken in found["install"]["broken"]] == ["tool"]
    assert [needs["package"] for needs in found["lookaside"]["needs"]] == ["app"]
    assert [lent["package"] for lent in found["lookaside"]["packages"]] == ["lib"]
    checked = app.installability(files=[ours], lookaside_files=[beside], architecture="amd64")
    assert checked["checked"] == 2
    lenient = app.resolve_closure(build="off", files=[ours], architecture="amd64", foreign=["i386"])
    assert not lenient["failed"] and not lenient["closed"] and lenient["build"] is None
    missing: list[dict[str, Any]] = [
        {"repositories": [tmp_path / "apt"]},
        {"repositories": [f"{tmp_path}/apt:demo@staged"]},
        {"lookaside_repositories": [tmp_path / "apt"]},
        {"tags": ["elsewhere"]},
        {"debs": [tmp_path / "debs"]},
    ]
    for places in missing:
        with pytest.raises(errors.NotFoundError):
            app.resolve_closure(architecture="amd64", **places)
    with pytest.raises(errors.UsageError):
        app.resolve_closure(install="strict", files=[ours])  # type: ignore[arg-type]
