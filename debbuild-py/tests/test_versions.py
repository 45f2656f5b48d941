"""Versions and control files."""

import subprocess

import pytest

import debbuild
from debbuild import Version, compare_versions, errors


@pytest.mark.parametrize(
    ("a", "b"),
    [("1.0", "1.0~rc1"), ("2.10-3", "2.10-3+b1"), ("0:1.0", "1.0"), ("1:0", "9"), ("1.0-1", "1.0-1~bpo12+1")],
)
def test_order_is_dpkgs(a: str, b: str) -> None:
    def dpkg(relation: str) -> bool:
        return subprocess.run(["dpkg", "--compare-versions", a, relation, b], check=False).returncode == 0

    want = -1 if dpkg("lt") else 1 if dpkg("gt") else 0
    assert compare_versions(a, b) == want
    assert compare_versions(b, a) == -want
    assert Version(a).compare(Version(b)) == want


def test_versions_sort_and_are_keys() -> None:
    texts = ["2:0.1", "1.0", "1.0~rc1"]
    assert [str(v) for v in sorted(map(Version, texts))] == ["1.0~rc1", "1.0", "2:0.1"]
    assert len({Version("1.0"), Version("1.0"), Version("1.0-0")}) == 2
    assert Version("1.0") != "1.0"
    version = Version("1:2.0-3")
    assert (version.epoch, version.upstream, version.revision) == (1, "2.0", "3")
    assert str(version.with_suffix("+0NAME1")) == "1:2.0-3+0NAME1"
    assert repr(version) == 'Version("1:2.0-3")'


def test_what_is_no_version_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="version") as caught:
        Version("not a version")
    assert isinstance(caught.value, debbuild.DebbuildError)
    assert caught.value.exit_code in (1, 2)


DSC = b"""Format: 3.0 (native)
Source: marker
Binary: marker
Architecture: all
Version: 1.0
Maintainer: A <a@example.org>
Build-Depends: debhelper-compat (= 13)
Checksums-Sha256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 marker_1.0.tar.xz
Files:
 d41d8cd98f00b204e9800998ecf8427e 0 marker_1.0.tar.xz
"""


def test_control_files() -> None:
    assert debbuild.paragraphs("A: 1\nB: x\n y\n\nA: 2\n") == [{"A": "1", "B": "x\n y"}, {"A": "2"}]
    dsc = debbuild.read_dsc(DSC)
    assert (dsc["source"], dsc["version"], dsc["build_depends"]) == ("marker", "1.0", "debhelper-compat (= 13)")
    assert dsc["files"][0]["name"] == "marker_1.0.tar.xz"
    with pytest.raises(errors.SourceError, match="Version"):
        debbuild.read_dsc(DSC.replace(b"Version: 1.0\n", b""))
