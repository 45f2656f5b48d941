"""Chroots, builds and composes, as far as they go without a chroot and a network."""

from pathlib import Path

import pytest

import debbuild
from debbuild import errors



def test_chroots_of_an_empty_state_folder(app: debbuild.App) -> None:
    try:
        assert app.chroots.list() == []
    except errors.InfrastructureError as error:
        assert error.hint, "a machine that is not prepared says what to do"
        return
    with pytest.raises(errors.NotFoundError):
        app.chroots.show("0" * 64)
    with pytest.raises(errors.NotFoundError):
        app.chroots.remove("0" * 64)
    with pytest.raises(errors.NotFoundError):
        app.chroots.run("0" * 64, ["true"])
    assert app.chroots.sessions() == []
    with pytest.raises(errors.NotFoundError):
        app.chroots.begin("0" * 64)
    with pytest.raises(errors.NotFoundError, match="no such session"):
        app.chroots.run(None, ["true"], session="0" * 32)
    with pytest.raises(errors.NotFoundError):
        app.chroots.snapshot("0" * 32, "one")
    with pytest.raises(errors.NotFoundError):
        app.chroots.rollback("0" * 32, "one")
    with pytest.raises(errors.NotFoundError):
        app.chroots.end("0" * 32)
    with pytest.raises(errors.NotFoundError):
        app.chroots.diff("0" * 64, "1" * 64)
    with pytest.raises(errors.NotFoundError):
        app.chroots.install("0" * 64, ["hello"])
    with pytest.raises(errors.NotFoundError):
        app.chroots.import_system("no-such-system.tar")
    with pytest.raises(errors.NotFoundError):
        app.chroots.export("0" * 64, Path("system.tar"))
    with pytest.raises(errors.NotFoundError):
        app.chroots.diff("0" * 64, "1" * 64, files=True)
    with pytest.raises(errors.NotFoundError):
        app.chroots.create(parent="0" * 64, include=["hello"], remove=["nano"])
    with pytest.raises(errors.NotFoundError):
        app.chroots.copy_out("0" * 64, "/etc/debian_version", ".")
    assert app.chroots.gc(dry_run=True) == {"dry_run": True, "chroots": []}


def test_wishes_are_checked_first(app: debbuild.App, tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError):
        app.chroots.create("bookworm", variant="enormous")
    with pytest.raises(errors.UsageError):
        app.chroots.create("bookworm", include=["Not_A_Name"])
    with pytest.raises(errors.UsageError, match="name one of them"):
        app.chroots.create("bookworm", profile="bookworm")
    with pytest.raises(errors.UsageError, match="did you mean"):
        app.chroots.create(profile="bookworn")
    with pytest.raises(errors.UsageError, match="name one of them"):
        app.chroots.run(None, ["true"])
    with pytest.raises(errors.UsageError, match="from its beginning"):
        app.chroots.run(None, ["true"], session="0" * 32, archives=True)
    with pytest.raises(errors.UsageError, match="not a bootstrapper"):
        app.chroots.create("bookworm", bootstrapper="cdebootstrap")  # type: ignore[arg-type]
    with pytest.raises(errors.UsageError, match="name only packages"):
        app.chroots.create("bookworm", parent="0" * 64)
    with pytest.raises(errors.UsageError, match="a chroot of arm64 cannot be a cross chroot for arm64"):
        app.chroots.create("bookworm", architecture="arm64", host="arm64")
    with pytest.raises(errors.UsageError):
        app.chroots.create("bookworm", host="any")
    with pytest.raises(errors.UsageError, match="name only packages"):
        app.chroots.create(parent="0" * 64, host="arm64")
    with pytest.raises(errors.UsageError, match="from a parent"):
        app.chroots.create("bookworm", remove=["nano"])
    with pytest.raises(errors.UsageError, match="not a form"):
        app.chroots.export("0" * 64, Path("system.zip"), form="zip")  # type: ignore[arg-type]
    with pytest.raises(errors.UsageError, match="named by its digest"):
        app.chroots.import_system("docker://mirror.example/debian:12")
    with pytest.raises(errors.UsageError, match="none is named"):
        app.chroots.install("0" * 64)
    with pytest.raises(errors.UsageError):
        app.chroots.install("0" * 64, ["Not_A_Name"])
    with pytest.raises(errors.UsageError, match="span of time"):
        app.chroots.run("0" * 64, ["true"], timeout=float("nan"))
    lock = tmp_path / "lock.json"
    lock.write_text("{}")
    with pytest.raises(errors.UsageError, match="not a lock file"):
        app.chroots.create_locked(lock)


def test_a_build_that_cannot_be_tried_is_an_exception(app: debbuild.App, dsc: Path) -> None:
    with pytest.raises(errors.UsageError, match="neither a .dsc nor a source package"):
        app.build("Not_A_Name", suite="bookworm")
    with pytest.raises(debbuild.DebbuildError) as caught:
        app.build(dsc)
    assert caught.value.error_class in {"usage", "infrastructure"}
    with pytest.raises(errors.UsageError):
        app.source_rebuild(dsc, suite="bookworm", name="N4ME", maintainer="T <t@example.org>", into="out")
    with pytest.raises(errors.UsageError):
        app.source_pack("tree", suite="not a suite", into="out")


def test_build_dependencies(app: debbuild.App, dsc: Path, tmp_path: Path) -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    packages = tmp_path / "Packages"
    fields = f"Architecture: all\nFilename: pool/x.deb\nSize: 1\nSHA256: {digest}\n"
    packages.write_text(
        f"Package: debhelper\nVersion: 13.1\nProvides: debhelper-compat (= 13)\n{fields}\n"
        f"Package: build-essential\nVersion: 1\n{fields}"
    )
    answer = app.resolve_build_deps(dsc, files=[packages], architecture="amd64")
    assert answer["answer"] == "satisfied"
    assert "debhelper" in [package["package"] for package in answer["packages"]]
    packages.write_text(f"Package: build-essential\nVersion: 1\n{fields}")
    answer = app.resolve_build_deps(dsc, files=[packages], architecture="amd64")
    assert answer["answer"] == "unsatisfiable"
    with pytest.raises(errors.NotFoundError):
        app.resolve_build_deps("tiny", files=[packages], architecture="amd64")


def test_composes(app: debbuild.App, tmp_path: Path) -> None:
    assert app.composes.list() == []
    with pytest.raises(errors.NotFoundError):
        app.composes.show("latest-demo")
    blueprint = tmp_path / "demo.toml"
    blueprint.write_text("[blueprnt]\n")
    with pytest.raises(errors.ConfigError, match="demo.toml:1"):
        app.composes.plan(blueprint)
    with pytest.raises(errors.ConfigError, match="demo.toml:1"):
        app.composes.run(blueprint)
    minimal = Path(__file__).parents[2] / "examples/blueprints/minimal.toml"
    with pytest.raises(errors.NotFoundError, match="the blueprint has no nothing"):
        app.composes.plan(minimal, only=["nothing"])
    lock = tmp_path / "compose.lock"
    lock.write_text("{}")
    with pytest.raises(errors.UsageError, match="is not a lock"):
        app.composes.run(minimal, locked=lock)
    assert app.composes.list() == []


def test_profiles(app: debbuild.App, tmp_path: Path) -> None:
    assert {"bookworm", "trixie", "sid"} <= {one["name"] for one in app.profiles()}
    file = tmp_path / "own.toml"
    file.write_text("[profiles.own]\ninherits = 'trixie'\nadd.include = ['eatmydata']\nhost = 'arm64'\n")
    shown = app.profile(str(file), origins=True)
    assert shown["profile"]["host"] == "arm64"
    assert shown["profile"]["suite"] == "trixie"
    assert shown["origins"]["include.0"] == f"{file}:3"
    file.write_text("[profiles.own]\nsuit = 'trixie'\n")
    with pytest.raises(errors.ConfigError, match="own.toml:2: .*did you mean"):
        app.profile(str(file))
