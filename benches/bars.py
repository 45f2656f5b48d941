"""Reads what benches/repo.sh, resolve.sh, chroot.sh or gateway.sh measured, prints it beside the bars, and ends with 1 when one is not held.

bars.py repositories|resolver|chroots|gateway FOLDER
"""

import json
import re
import sys
from pathlib import Path


def means(folder, name):
    """The mean wall times of a comparison, in seconds, in the order of its commands."""
    return [run["mean"] for run in json.loads((folder / f"{name}.json").read_text())["results"]]


def peaks(folder):
    """Peak memory by what was measured, in MiB."""
    found = re.findall(r"^(.*): (\d+) KiB", (folder / "memory.txt").read_text(), re.M)
    return {name: int(kib) / 1024 for name, kib in found}


def repositories(folder):
    """What was measured, the figure, its bar, and whether it is held."""
    ours, ftparchive, reprepro = means(folder, "link")
    yield "pool to signed suite by hard links, of `apt-ftparchive packages`", ours / ftparchive, 0.5, ""
    yield "the same, of `reprepro`", ours / reprepro, 0.25, ""
    ours, theirs = means(folder, "copy")
    yield "the same, copying, of `cp`, `sync` and `apt-ftparchive packages`", ours / theirs, 0.8, ""
    ours, theirs = means(folder, "contents")
    yield "the same with Contents, of `apt-ftparchive contents` and `packages`", ours / theirs, 0.5, ""
    ours, theirs = means(folder, "unchanged")
    yield "nothing changed, more than reading the folder", ours - theirs, 0.1, " s"
    yield "one package into 63,440", means(folder, "one")[0], 1.5, " s"
    yield "peak memory at 63,440 packages", max(peaks(folder).values()), 300, " MiB"


def resolver(folder):
    """The same of the resolver."""
    ours, dose = means(folder, "packages")
    yield "verdict for all packages, of `dose-debcheck`", ours / dose, 0.1, ""
    memory = peaks(folder)
    yield "its memory, of that of `dose-debcheck`", memory["debbuild, packages"] / memory["dose, packages"], 0.8, ""
    ours, dose = means(folder, "sources")
    yield "verdict for all sources, of `dose-builddebcheck`", ours / dose, 0.05, ""
    ours, apt = means(folder, "install")
    yield "task-gnome-desktop from a kept index, of `apt-get -s install`", ours / apt, 0.05, ""
    yield "build order of all sources", means(folder, "order")[0], 30, " s"
    yield "its memory", memory["debbuild, order"], 2048, " MiB"


def chroots(folder):
    """The same of chroots and sessions."""
    ours, theirs = means(folder, "first")
    yield "first buildd chroot of a suite from a warm gateway, of `mmdebstrap`", ours / theirs, 0.75, ""
    ours, theirs = means(folder, "layer")
    yield "a package on top of a chroot that exists, of `mmdebstrap --include`", ours / theirs, 0.2, ""
    yield "a chroot that exists", means(folder, "again")[0], 0.1, " s"
    yield "a session that runs `true`", means(folder, "session")[0], 0.3, " s"
    parallel, turn = means(folder, "sixteen")
    yield "16 sessions in parallel, of the same in turn", parallel / turn, 0.7, ""


def gateway(folder):
    """The same of the gateway."""
    ours, theirs = means(folder, "serve")
    yield "a kept file of 100 MB, of `cat FILE | socat`", ours / theirs, 2, ""
    memory = peaks(folder)
    yield "peak memory, one reader", memory["one reader"], 32, " MiB"
    yield "peak memory, 16 readers at once", memory["16 readers"], 64, " MiB"


def main(kind, folder):
    """Prints the table."""
    missed = 0
    rows = {"repositories": repositories, "resolver": resolver, "chroots": chroots, "gateway": gateway}[kind]
    print(f"| {kind} | figure | at most | |\n| --- | ---: | ---: | --- |")
    for what, figure, bar, unit in rows(Path(folder)):
        held = figure <= bar
        missed += not held
        print(f"| {what} | {figure:.3f}{unit} | {bar}{unit} | {'held' if held else '**not held**'} |")
    return 1 if missed else 0


sys.exit(main(*sys.argv[1:]))
