"""Repositories, with a real package."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import debbuild
from debbuild import errors


def test_from_a_package_to_a_verified_suite(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    assert repository.folder == str(tmp_path / "apt")
    options = repository.init("demo", architectures=["amd64"], origin="Example")
    assert (options["suite"], options["origin"]) == ("demo", "Example")
    [added] = repository.add([deb])
    assert (added["package"], added["version"], added["component"]) == ("tiny", "1.0-1", "main")
    assert repository.list() == [added]
    [state] = repository.publish()
    assert (state["suite"], state["state"], state["packages"]) == ("demo", 1, 1)
    report = repository.verify()
    assert report["good"] and report["files"] > 0 and report["findings"] == []
    assert (tmp_path / "apt/dists/demo/InRelease").is_file()


def test_states_can_be_compared_and_switched(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    repository.init("demo", architectures=["amd64"])
    repository.add([deb])
    [first] = repository.publish()
    assert [package["package"] for package in repository.remove(["tiny=1.0-1"])] == ["tiny"]
    assert [change["removed"] for change in repository.diff()] == [["1.0-1"]]
    [second] = repository.publish(suite="demo")
    assert repository.list() == []
    third = repository.switch(first["state"])
    assert third["switched_to"] == first["state"]
    assert third["snapshot"] == third["date"].replace("-", "").replace(":", "")
    assert [package["package"] for package in repository.list(state=third["state"])] == ["tiny"]
    assert {first["state"], second["state"], third["state"]} == {state["state"] for state in repository.states()}
    files = repository.export_key(tmp_path / "key", uri="https://apt.example.org")
    assert "URIs: https://apt.example.org" in Path(files["sources"]).read_text()

    def answer(place: str) -> object:
        return app.resolve_install("tiny", repositories=[place], architecture="amd64")["answer"]

    here = repository.folder
    assert answer(f"{here}@{first['state']}") == answer(here) == answer(f"{here}@{third['snapshot']}") == "satisfied"
    assert answer(f"{here}:demo@{second['state']}") == "unsatisfiable"
    with pytest.raises(errors.NotFoundError):
        answer(f"{here}@20200101T000000Z")


def test_keys_follow_one_another_and_are_handed_out(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    repository.init("demo", architectures=["amd64"])
    repository.add([deb])
    assert app.keys.list() == []
    repository.publish()
    [old] = app.keys.list()
    new = app.keys.rotate()
    assert [(key["fingerprint"], key["role"]) for key in app.keys.list()] == [
        (old["fingerprint"], "signing"),
        (new, "signing"),
    ]
    repository.publish()
    assert repository.verify()["good"]
    assert [key["role"] for key in app.keys.retire(old["fingerprint"])] == ["signing", "retired"]
    with pytest.raises(errors.ConfigError, match="the only one"):
        app.keys.retire(new)
    order = {"name": "demo", "maintainer": "Demo <demo@example.org>", "uri": "https://apt.example.org"}
    package = Path(repository.keyring_package(tmp_path / "key", **order))
    fields = subprocess.run(["dpkg-deb", "--field", package], check=True, capture_output=True, text=True).stdout
    assert "Package: demo-archive-keyring\n" in fields
    assert repository.add([package])[0]["package"] == "demo-archive-keyring"


def test_states_go_by_a_rule_and_stay_by_name(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    address = "https://apt.example.org/snapshots/@SNAPSHOTID@/"
    assert repository.init("demo", architectures=["amd64"], snapshots=address)["snapshots"] == address
    repository.add([deb])
    for _ in range(6):
        repository.publish()
    assert len(list((tmp_path / "apt/snapshots").iterdir())) == 6
    assert repository.retain() == {"last": None, "seconds": None, "names": {}}
    assert repository.retain(last=1, names={"beta": 1}) == {"last": 1, "seconds": None, "names": {"beta": 1}}
    with pytest.raises(errors.NotFoundError):
        repository.retain(names={"none": 99})
    # States of the last hour stay, as clients may be in the middle of an update.
    assert repository.gc(dry_run=True) == {"states": [], "files": [], "bytes": 0, "kept_sources": []}
    assert repository.retain(last=0, forget=["beta"]) == {"last": None, "seconds": None, "names": {}}
    assert repository.gc() == {"states": [], "files": [], "bytes": 0, "kept_sources": []}


def test_indexes_have_patches(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    made = repository.init("demo", architectures=["amd64"], pdiffs=5, formats=["plain"], contents=False)
    assert made["pdiffs"] == 5
    repository.add([deb])
    repository.publish()
    package = repository.list()[0]["package"]
    overrides = tmp_path / "override"
    overrides.write_text(f"{package} important net\n")
    repository.add([deb], overrides=overrides)
    repository.publish()
    folder = tmp_path / "apt/dists/demo/main/binary-amd64/Packages.diff"
    assert len(list(folder.glob("*.gz"))) == 1 and "SHA256-Current:" in (folder / "Index").read_text()
    assert repository.verify()["good"]
    assert "pdiffs" not in repository.init("demo", pdiffs="none")
    repository.publish()
    assert not (folder / "Index").exists()
    with pytest.raises(errors.UsageError, match="neither a number nor"):
        repository.init("demo", pdiffs="all")  # type: ignore[arg-type]


def test_another_folder_follows(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    repository.init("demo", architectures=["amd64"])
    repository.add([deb])
    [state] = repository.publish()
    assert repository.publish(to=str(tmp_path / "mirror")) == [state]
    here, there = (tmp_path / place / "dists/demo/InRelease" for place in ("apt", "mirror"))
    assert here.read_bytes() == there.read_bytes()
    with pytest.raises(errors.ConfigError, match="no key for S3"):
        app.repository(tmp_path / "apt").publish(to="s3://bucket/prefix")


def test_a_suite_has_the_indexes_that_it_is_told_to_have(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    options = repository.init(
        "demo", architectures=["amd64"], formats=["plain", "xz"], translations=False, keep=2, not_automatic=True
    )
    assert (options["formats"], options["keep"], options["translations"]) == (["plain", "xz"], 2, False)
    overrides = tmp_path / "overrides"
    overrides.write_text("tiny important net\n")
    [added] = repository.add([deb], contents=False, overrides=overrides)
    assert (added["section"], added["priority"]) == ("net", "important")
    assert repository.list(["tiny"]) == [added] and repository.list(["other"]) == []
    repository.publish()
    suite = tmp_path / "apt/dists/demo"
    assert "\nSection: net\n" in (suite / "main/binary-amd64/Packages").read_text()
    assert (suite / "main/Contents-amd64.xz").is_file() and not (suite / "main/i18n").exists()
    assert "\nNotAutomatic: yes\n" in (suite / "Release").read_text()
    assert "keep" not in repository.init("demo", keep="all", contents=False)
    with pytest.raises(errors.UsageError, match="none of plain"):
        repository.init("demo", formats=["rar"])  # type: ignore[list-item]


def test_what_is_wrong_is_said(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    with pytest.raises(errors.NotFoundError):
        repository.list()
    repository.init("one", architectures=["amd64"])
    repository.init("two", architectures=["amd64"])
    with pytest.raises(errors.UsageError, match="several suites"):
        repository.add([deb])
    with pytest.raises(debbuild.DebbuildError):
        repository.add([tmp_path / "none.deb"], suite="one")
    with pytest.raises(errors.UsageError):
        repository.remove(["Not_A_Name"], suite="one")
    assert repository.list(suite="one") == []


def test_a_damaged_pool_is_an_answer(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    repository.init("demo", architectures=["amd64"])
    repository.add([deb])
    repository.publish()
    [pooled] = (tmp_path / "apt").rglob("tiny_1.0-1_all.deb")
    pooled.chmod(0o644)
    pooled.write_bytes(b"damaged")
    report = repository.check()
    assert not report["good"] and report["findings"]


def test_a_repository_is_mirrored_and_imported(app: debbuild.App, deb: Path, tmp_path: Path) -> None:
    theirs = app.repository(tmp_path / "theirs")
    theirs.init("demo", architectures=["amd64"], label="Theirs")
    theirs.add([deb])
    theirs.publish()
    key = theirs.export_key(tmp_path / "key")["keyring"]
    archive = f"file://{tmp_path}/theirs"

    ours = app.repository(tmp_path / "ours")
    plan = ours.mirror("demo", from_=archive, keyrings=[key], architectures=["amd64"], dry_run=True)
    assert [package["package"] for package in plan["packages"]] == ["tiny"] and not (tmp_path / "ours").exists()
    report = ours.mirror("demo", from_=archive, keyrings=[key], architectures=["amd64"], into="copy")
    assert (report["published"], report["state"]["suite"]) == (True, "copy")
    assert ours.verify()["good"]
    again = ours.mirror("demo", from_=archive, keyrings=[key], architectures=["amd64"], into="copy")
    assert (again["published"], again["kept"], again["bytes"]) == (False, 1, 0)
    with pytest.raises(errors.UsageError, match="at character 3"):
        ours.mirror("demo", from_=archive, keyrings=[key], filters=["~n["])
    with pytest.raises(errors.NotFoundError):
        ours.mirror("demo", from_=archive, keyrings=[key], architectures=["amd64"], filters=["~nnone"])

    checked = app.verify_archive(archive, "demo", keyrings=[key])
    assert checked["good"] and checked["notes"] == [], checked
    [pooled] = (tmp_path / "ours").rglob("tiny_1.0-1_all.deb")
    pooled.unlink()
    assert not ours.verify()["good"]
    mended = ours.verify(repair=True, from_=archive, from_suite="demo", from_keyrings=[key])
    assert mended["good"] and mended["repair"] == {"mended": [str(pooled.relative_to(tmp_path / "ours"))], "lost": []}

    report = ours.import_tree(tmp_path / "theirs", "demo", keyrings=[key], link=True)
    assert [change["package"] for change in report["added"]] == ["tiny"]
    assert ours.list(suite="demo") == theirs.list()
    with pytest.raises(errors.NotFoundError):
        ours.import_tree(tmp_path / "theirs", "other")


def test_the_example(deb: Path, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples/python/first_steps.py"
    command = [sys.executable, *map(str, [example, tmp_path / "state", tmp_path / "apt", deb])]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert said.stdout == "tiny 1.0-1\nstate 1 verified: True\n"
    code = example.read_text().split('"""\n\n', 1)[1]
    assert f"```python\n{code}```" in (example.parents[2] / "README.md").read_text()


def test_the_command_line_says_the_same(app: debbuild.App, deb: Path, dsc: Path, tmp_path: Path) -> None:
    def cli(*arguments: str) -> object:
        command = [os.environ["DEBBUILD_BIN"], "--format", "json", "--set", f"home={app.home}", *arguments]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    repository = app.repository(tmp_path / "apt")
    made = repository.init("demo", architectures=["amd64"], valid_for="forever")
    assert made["valid_for_seconds"] is None
    repository.add([deb])
    repository.publish()
    app.queue.submit([dsc], suite="bookworm", architecture="amd64")
    app.tags.create("demo-testing")
    assert repository.list() == cli("repo", "list", repository.folder)
    assert repository.states() == cli("repo", "states", repository.folder)
    assert repository.verify() == cli("repo", "verify", repository.folder)
    assert app.queue.tasks() == cli("task", "list")
    assert app.queue.task(1) == cli("task", "show", "1")
    assert app.queue.explain(1) == cli("task", "explain", "1")
    assert app.tags.list() == cli("tag", "list")
    assert app.tags.history("demo-testing") == cli("tag", "history", "demo-testing")
    assert app.composes.list() == cli("compose", "list")
    assert {"settings": app.settings(), "home": app.home} == cli("config", "show")


def test_uploads_are_taken_once_and_only_from_those_who_may(app: debbuild.App, dsc: Path, tmp_path: Path) -> None:
    repository = app.repository(tmp_path / "apt")
    repository.init("demo", architectures=["amd64"])
    gpg = ["gpg", "--homedir", str(tmp_path / "gnupg"), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    (tmp_path / "gnupg").mkdir(mode=0o700)
    subprocess.run([*gpg, "--quick-generate-key", "ada@example.org"], check=True, capture_output=True)
    keyring, rules = tmp_path / "uploaders.gpg", tmp_path / "uploaders.toml"
    subprocess.run([*gpg, "--output", str(keyring), "--export"], check=True, capture_output=True)
    listed = subprocess.run([*gpg, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True).stdout
    key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    rules.write_text(f'schema = 1\n[[uploader]]\nname = "Ada"\nkeys = ["{key}"]\n')
    lines = []
    for file in (dsc, dsc.with_name("tiny_1.0.tar.xz")):
        data = file.read_bytes()
        lines.append((hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest(), len(data), file.name))
    changes = tmp_path / "tiny_1.0_source.changes"
    unsigned = tmp_path / "unsigned"
    unsigned.write_text(
        "Format: 1.8\nSource: tiny\nArchitecture: source\nVersion: 1.0\nDistribution: demo\nMaintainer: T <t@example.org>\n"
        "Checksums-Sha256:\n"
        + "".join(f" {sha256} {size} {name}\n" for sha256, _, size, name in lines)
        + "Files:\n"
        + "".join(f" {md5} {size} misc optional {name}\n" for _, md5, size, name in lines)
    )
    changes.write_bytes(unsigned.read_bytes())
    [refused] = repository.uploads.accept([changes], uploaders=rules, keyrings=[keyring])
    assert not refused["accepted"] and "no good signature" in str(refused["reason"])
    subprocess.run(
        [*gpg, "--yes", "--output", str(changes), "--clearsign", str(unsigned)], check=True, capture_output=True
    )
    [taken] = repository.uploads.accept([changes], uploaders=rules, keyrings=[keyring])
    assert (taken["accepted"], taken["by"], taken["packages"]) == (True, "Ada", ["tiny=1.0/source"]), taken
    [again] = repository.uploads.accept([changes], uploaders=rules, keyrings=[keyring])
    assert not again["accepted"] and "taken" in str(again["reason"])
    assert [upload["accepted"] for upload in repository.uploads.list()] == [False, True, False]
    assert [upload["accepted"] for upload in repository.uploads.list(["tiny"])] == [True, False]
    subprocess.run(["gpgconf", "--homedir", str(tmp_path / "gnupg"), "--kill", "all"], check=True)
