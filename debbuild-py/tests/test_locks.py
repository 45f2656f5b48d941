"""Locks: shown, listed, compared, and made from a .buildinfo."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import debbuild
from debbuild import errors

DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def lock_file(folder: Path, name: str, version: str, **more: Any) -> Path:
    path = f"pool/hello_{version}_amd64.deb"
    package = {"name": "hello", "architecture": "amd64", "version": version, "sha256": DIGEST, "size": 7}
    lock = {"schema": 1, "kind": "chroot", "architecture": "amd64", "verified_at": "2025-05-10T09:16:05Z"}
    lock |= {"archives": [], "packages": [package | {"archive": "main", "path": path}]} | more
    made = folder / name
    made.write_text(json.dumps(lock))
    return made


def test_locks_are_shown_listed_and_compared(app: debbuild.App, tmp_path: Path) -> None:
    before = lock_file(tmp_path, "before.json", "1:2.10-3", tools={"mmdebstrap": "1.3.5"})
    after = lock_file(tmp_path, "after.json", "2.12-1")
    assert app.lock_show(before) == json.loads(before.read_text())
    assert app.lock_list(before) == ["hello=1:2.10-3"]
    assert app.lock_list(str(before), style="apt") == ["hello:amd64=1:2.10-3"]
    assert app.lock_list(before, style="sources") == [f"{DIGEST}  pool/hello_1:2.10-3_amd64.deb"]
    assert app.lock_diff(before, before)["same"]
    found = app.lock_diff(before, after)
    [changed] = found["packages"]
    assert not found["same"] and (changed["change"], changed["other_content"]) == ("downgraded", False)
    assert found["tools"] == [{"name": "mmdebstrap", "before": "1.3.5", "after": None}]
    assert (found["archives"], found["additions"], found["about"]) == ([], {}, [])
    with pytest.raises(ValueError, match="none of debrebuild, apt and sources"):
        app.lock_list(before, style="dose")  # type: ignore[arg-type]


def test_what_is_no_lock_is_refused(app: debbuild.App, tmp_path: Path) -> None:
    with pytest.raises(errors.NotFoundError, match="neither a lock file nor the id of a chroot"):
        app.lock_show("nowhere")
    with pytest.raises(errors.UsageError, match="unknown field `more`"):
        app.lock_show(lock_file(tmp_path, "more.json", "1", more=1))
    with pytest.raises(errors.UsageError, match="its schema is 2, and this version reads 1"):
        app.lock_show(lock_file(tmp_path, "schema.json", "1", schema=2))
    with pytest.raises(errors.UsageError, match="not a sha256"):
        damaged = lock_file(tmp_path, "damaged.json", "1")
        damaged.write_text(damaged.read_text().replace(DIGEST, DIGEST[1:]))
        app.chroots.create_locked(damaged)


def test_a_lock_from_a_buildinfo(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    repository.init("demo", architectures=["amd64"])
    repository.add([deb])
    repository.publish()
    keys = repository.export_key(tmp_path / "keys")
    profile = tmp_path / "own.toml"
    profile.write_text(
        f"[profiles.own]\nsuite = 'demo'\nmirrors = ['file://{tmp_path}/apt']\nkeyrings = ['{keys['keyring']}']\n"
    )

    def buildinfo(*installed: str) -> Path:
        made = tmp_path / "tiny_1.0-1_amd64.buildinfo"
        lines = ",\n ".join(installed)
        made.write_text(
            "Format: 1.0\nSource: tiny\nBinary: tiny\nArchitecture: all\nVersion: 1.0-1\nChecksums-Sha256:\n"
            f" {DIGEST} 0 tiny_1.0-1_all.deb\nBuild-Origin: Example\nBuild-Architecture: amd64\n"
            f'Installed-Build-Depends:\n {lines}\nEnvironment:\n LANG="C.UTF-8"\n'
        )
        return made

    output = tmp_path / "lock.json"
    lock = app.lock_from_buildinfo(buildinfo("tiny (= 1.0-1)"), profile=str(profile), output=output)
    [package] = lock["packages"]
    assert (package["name"], package["version"]) == ("tiny", "1.0-1")
    assert package["sha256"] == hashlib.sha256(deb.read_bytes()).hexdigest()
    assert app.lock_show(output) == lock
    request = json.loads(lock["options"]["spec"])
    assert (request["include"], request["versions"]) == (["tiny"], {"tiny": "1.0-1"})
    assert (request["variant"], request["environment"]) == ("essential", {"LANG": "C.UTF-8"})
    assert json.loads(lock["options"]["buildinfo"])["origin"] == "Example"

    other = buildinfo("tiny (= 2)", "gone (= 1)")
    with pytest.raises(errors.NotFoundError, match=r"no archive has gone \(= 1\), tiny \(= 2\)"):
        app.lock_from_buildinfo(other, profile=str(profile), output=tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()
    with pytest.raises(errors.DependenciesError):
        app.lock_from_buildinfo(buildinfo("tiny (= 1.0-1)"), profile=str(profile), include=["gone"])
    with pytest.raises(errors.UsageError, match="name one of them"):
        app.lock_from_buildinfo(other)
    with pytest.raises(errors.SourceError):
        app.lock_from_buildinfo(profile, profile=str(profile))
