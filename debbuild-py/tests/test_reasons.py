"""Why packages are there, why they cannot be, who needs them, and what differs between two answers."""

import json
from pathlib import Path

import pytest

import debbuild
from debbuild import errors

DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
LOCATION = f"Filename: pool/x.deb\nSize: 1\nSHA256: {DIGEST}\n"


def packages(folder: Path, *stanzas: tuple[str, str, str]) -> Path:
    made = folder / "Packages"
    made.write_text(
        "\n".join(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\n{more}{LOCATION}" for name, version, more in stanzas
        )
    )
    return made


def test_why_and_why_not(app: debbuild.App, tmp_path: Path) -> None:
    file = packages(
        tmp_path,
        ("app", "1", "Depends: lib\n"),
        ("lib", "1", ""),
        ("clash", "1", "Depends: app\nConflicts: lib\n"),
    )
    why = app.resolve_why("lib", "app", files=[file], architecture="amd64", svg=True)
    assert [link["text"] for link in why["chains"][0]] == ["the request needs app", "app 1 depends on lib"]
    assert why["svg"].startswith("<svg ") and "dot" not in why
    assert app.resolve_why("clash", "app", files=[file], architecture="amd64", svg=True)["svg"] is None
    no = app.resolve_why_not("clash", files=[file], architecture="amd64", dot=True)
    assert no["minimal"] and no["steps"][-1]["step"] == "conflicts"
    assert no["dot"].startswith("digraph ")
    assert app.resolve_why_not("app", files=[file], architecture="amd64") == {"answer": "satisfied", "packages": 2}
    assert not app.resolve_why_not("clash", files=[file], architecture="amd64", limit=0)["minimal"]
    [broken] = app.installability(files=[file], architecture="amd64", explain=True)["broken"]
    assert (broken["package"], broken["steps"][-1]["step"]) == ("clash", "conflicts")
    with pytest.raises(errors.UsageError):
        app.resolve_why("Not_A_Name", files=[file])


def test_rdeps_and_diff(app: debbuild.App, tmp_path: Path, dsc: Path) -> None:
    file = packages(tmp_path, ("app", "1", "Depends: lib\n"), ("lib", "1", ""), ("top", "1", "Depends: app\n"))
    [direct] = app.resolve_rdeps("lib", files=[file], architecture="amd64")
    assert (direct["by"]["package"], direct["kind"], direct["fits"]) == ("app", "depends", True)
    found = app.resolve_rdeps("lib", files=[file], architecture="amd64", depth=None)
    assert [(one["depth"], one["by"]["package"]) for one in found] == [(1, "app"), (2, "top")]

    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(app.resolve_install("app", files=[file], architecture="amd64")))
    file = packages(tmp_path, ("app", "2", ""))
    after.write_text(json.dumps(app.resolve_install("app", files=[file], architecture="amd64")))
    app_changed, lib_changed = app.resolve_diff(before, after)
    assert app_changed["after"] and app_changed["after"]["version"] == "2"
    assert (app_changed["change"], lib_changed["change"], lib_changed["after"]) == ("upgraded", "removed", None)
    with pytest.raises(errors.UsageError, match="is not an answer"):
        app.resolve_diff(before, file)
