"""What several tests need: a state folder, a tiny package and a tiny source package."""

import hashlib
import subprocess
from pathlib import Path

import pytest

import debbuild


@pytest.fixture
def app(tmp_path: Path) -> debbuild.App:
    return debbuild.App(home=tmp_path / "state")


@pytest.fixture
def deb(tmp_path: Path) -> Path:
    """A package without files, as dpkg-deb makes it."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    fields = "Package: tiny\nVersion: 1.0-1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: tiny\n"
    (tree / "DEBIAN/control").write_text(fields)
    made = tmp_path / "tiny_1.0-1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True, capture_output=True)
    return made


@pytest.fixture
def dsc(tmp_path: Path) -> Path:
    """A .dsc with its one file beside it; nobody unpacks it here."""
    data = b"not really a tar archive"
    (tmp_path / "tiny_1.0.tar.xz").write_bytes(data)
    digest, md5 = hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest()
    made = tmp_path / "tiny_1.0.dsc"
    made.write_text(
        "Format: 3.0 (native)\nSource: tiny\nBinary: tiny\nArchitecture: all\nVersion: 1.0\n"
        "Maintainer: T <t@example.org>\nBuild-Depends: debhelper-compat (= 13)\n"
        f"Checksums-Sha256:\n {digest} {len(data)} tiny_1.0.tar.xz\nFiles:\n {md5} {len(data)} tiny_1.0.tar.xz\n"
    )
    return made
