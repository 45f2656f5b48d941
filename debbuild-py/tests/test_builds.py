"""Questions about all source packages: can they be built, and in what order."""

from pathlib import Path

import pytest

import debbuild
from debbuild import errors

DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def archive(folder: Path, depends: dict[str, str]) -> tuple[Path, Path]:
    """Source packages with their build dependencies; each builds a package of its name."""
    sources, packages = folder / "Sources", folder / "Packages"
    sources.write_text(
        "\n".join(
            f"Package: {name}\nVersion: 1\nFormat: 1.0\nArchitecture: any\nBuild-Depends: {needs}\nDirectory: pool\n"
            f"Checksums-Sha256:\n {DIGEST} 1 {name}.tar.gz\n"
            for name, needs in depends.items()
        )
    )
    packages.write_text(
        "\n".join(
            f"Package: {name}\nVersion: 1\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 1\nSHA256: {DIGEST}\n"
            for name in [*depends, "build-essential"]
        )
    )
    return sources, packages


def test_order_and_buildability(app: debbuild.App, tmp_path: Path) -> None:
    depends = {"foo": "bar <!nocheck>", "bar": "foo", "top": "bar", "lost": "nowhere", "later": "lost"}
    sources, packages = archive(tmp_path, depends)
    found = app.buildability(files=[packages], sources=[sources], architecture="amd64")
    assert (found["checked"], [one["source"] for one in found["broken"]]) == (5, ["lost"])

    order = app.resolve_order(files=[packages], sources=[sources], architecture="amd64")
    stages = [[(build["source"], build["profiles"], build["rebuild"]) for build in stage] for stage in order["stages"]]
    full: list[str] = []
    expected = [
        [("foo", ["nocheck"], False)],
        [("bar", full, False)],
        [("foo", full, True), ("top", full, False)],
    ]
    assert stages == expected
    [cycle] = order["cycles"]
    assert (cycle["members"], cycle["edge_count"], cycle["least"]) == (["bar", "foo"], 2, True)
    assert cycle["edges"][1] == {"source": "foo", "needs": "bar", "relation": "bar", "through": ["bar"]}
    assert cycle["breaks"] == [
        {"kind": "profiles", "source": "foo", "profiles": ["nocheck"], "relations": ["bar"], "dropped": ["bar"]}
    ]
    assert order["rebuilds"] == ["foo"]
    assert [(one["source"], one["by"]) for one in order["blocked"]] == [("later", "lost")]
    assert "nowhere" in order["unbuildable"][0]["explanation"]

    given = app.resolve_order(["foo", "bar"], built=["bar"], files=[packages], sources=[sources], architecture="amd64")
    assert ([build["source"] for build in given["stages"][0]], given["built"]) == (["foo"], ["bar"])
    have = app.resolve_order(["foo"], have=[packages], files=[packages], sources=[sources], architecture="amd64")
    assert (have["stages"], have["built"]) == ([], ["foo"])
    none = app.resolve_order(
        ["foo", "bar"], break_by=[], edges=0, files=[packages], sources=[sources], architecture="amd64"
    )
    assert [one["kind"] for one in none["cycles"][0]["breaks"]] == ["existing"]
    assert none["cycles"][0]["edges"] == []
    nothing = app.resolve_order(arch_all=False, from_zero=True, files=[packages], sources=[sources], architecture="i386")
    assert {one["source"] for one in nothing["unbuildable"]} == set(depends)
    with pytest.raises(errors.NotFoundError):
        app.resolve_order(["absent"], files=[packages], sources=[sources], architecture="amd64")
    with pytest.raises(errors.UsageError):
        app.buildability(files=[packages], architecture="amd64")
