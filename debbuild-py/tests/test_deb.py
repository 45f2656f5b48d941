"""Looking into .deb files, as the command line does."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import debbuild
from debbuild import errors

CONTROL = """Package: demo
Version: 1:1.0-1
Architecture: all
Maintainer: A <a@example.org>
Description: shows
 at length
"""


@pytest.fixture
def deb(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(CONTROL)
    (tree / "DEBIAN/conffiles").write_text("/etc/demo.conf\n")
    (tree / "etc").mkdir()
    (tree / "etc/demo.conf").write_text("x = 1\n")
    (tree / "etc/link").symlink_to("demo.conf")
    (tree / "DEBIAN").chmod(0o755)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, tmp_path / "demo.deb"], check=True, capture_output=True)
    return tmp_path / "demo.deb"


def cli(*args: str | Path) -> object:
    command = [os.environ["DEBBUILD_BIN"], "--format", "json", *map(str, args)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_python_and_the_command_line_say_the_same(deb: Path) -> None:
    package = debbuild.Deb(deb)
    assert (package.package, package.version, package.architecture) == ("demo", "1:1.0-1", "all")
    assert package.control == CONTROL
    assert package.control_file("conffiles") == b"/etc/demo.conf\n"
    assert package.control_file("postinst") is None
    shown = package.show()
    assert shown == cli("deb", "show", deb)
    assert shown["fields"]["Description"] == "shows\n at length"
    contents = package.contents()
    assert {"files": contents, "package": "demo", "version": "1:1.0-1", "architecture": "all"} == cli("deb", "contents", deb)
    link = next(entry for entry in contents if entry["path"] == "etc/link")
    assert (link["kind"], link["link"], link["user"]) == ("symbolic-link", "demo.conf", "root")


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.deb").write_bytes(b"!<arch>\n")
    with pytest.raises(errors.SourceError, match="empty"):
        debbuild.Deb(tmp_path / "x.deb")
    with pytest.raises(errors.NotFoundError):
        debbuild.Deb(tmp_path / "y.deb")


def test_debian_control() -> None:
    text = b"Source: demo\nBuild-Depends: gettext,\n# no\n ${x:Depends}\n\nPackage: demo\nArchitecture: any\nDepends: ${shlibs:Depends}\n"
    control = debbuild.read_debian_control(text)
    assert (control["source"], control["build_depends"]) == ("demo", "gettext")
    assert control["substvars"] == ["shlibs:Depends", "x:Depends"]
    assert control["binaries"][0]["architectures"] == ["any"]
