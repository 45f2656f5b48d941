"""Writes the report of a full run: the parts, and for each line of docs/acceptance.md what showed it."""

import pathlib
import re
import subprocess
import sys


def parts(path):
    """The parts of the run by name: whether it passed, and its seconds."""
    rows = (line.strip().strip("|").split("|") for line in open(path, encoding="utf-8"))
    return {name.strip(): (result.strip() == "passed", float(time.strip().rstrip("s"))) for name, result, time in rows}


def tests(paths):
    """The Rust tests by the last part of their name, as nextest's logs say: whether they passed in the end, and their seconds."""
    ended = r"^ +(PASS|LEAK|FAIL|TIMEOUT|ABORT|SIG\w+) +\[ *([\d.]+)s\] +(?:\( *\d+/\d+\) +)?(\S+) +(\S+)$"
    last = {}
    for path in paths:
        for status, seconds, binary, name in re.findall(ended, pathlib.Path(path).read_text(encoding="utf-8"), re.M):
            last[binary, name] = (status in ("PASS", "LEAK"), float(seconds))
    found = {}
    for (_, name), (good, seconds) in last.items():
        name = name.rsplit("::", 1)[-1]
        before, spent = found.get(name, (True, 0.0))
        found[name] = (before and good, spent + seconds)
    return found


def shown(cell, results):
    """What a line is shown by, each with its result; and whether all of it passed."""
    good, texts = True, []
    for name in re.findall(r"`([^`]+)`", cell):
        passed, seconds = results.get(name, (False, None))
        good = good and passed
        texts.append(f"`{name}` " + ("did not run" if seconds is None else f"{seconds:.0f} s"))
    return good, ", ".join(texts)


def output(*command):
    """The first line that a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main(page, part_file, *logs):
    """Prints the report; the status is 1 when a line does not hold."""
    known, rust = parts(part_file), tests(logs)
    results, bad = {**rust, **known}, 0
    system = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release", encoding="utf-8") if "=" in line)
    memory = int(open("/proc/meminfo", encoding="utf-8").readline().split()[1]) // 1024**2
    print("# Full run\n\nWritten by `tests/run.sh --full`: every line of [acceptance.md](acceptance.md), and what showed it.\n")
    print(f"Commit {output('git', 'rev-parse', 'HEAD')}, {output('date', '-u', '+%Y-%m-%d %H:%M')} UTC; "
          f"{system['PRETTY_NAME'].strip(chr(34))}, kernel {output('uname', '-r')}, {output('nproc')} cores, {memory} GiB; "
          f"{output('rustc', '--version')}. {len(rust)} Rust tests.\n")
    print("| part | result | time |\n| --- | --- | --- |")
    for name, (good, seconds) in known.items():
        print(f"| {name} | {'passed' if good else '**FAILED**'} | {seconds // 60:.0f} min {seconds % 60:02.0f} s |")
    for line in open(page, encoding="utf-8"):
        if line.startswith("## "):
            print(f"\n{line.strip()}\n\n| must hold | result | shown by |\n| --- | --- | --- |")
        elif line.startswith("| ") and "`" in line:
            must, cell = line.strip().strip("|").rsplit(" | ", 1)
            good, texts = shown(cell, results)
            bad += not good
            print(f"| {must.strip()} | {'holds' if good else '**DOES NOT HOLD**'} | {texts} |")
    figures = sorted(pathlib.Path("target/figures").glob("*/bars.md")) + sorted(pathlib.Path("target/figures").glob("*/seeds.md"))
    if figures:
        print("\n## Figures")
    for figure in figures:
        print(f"\n{figure.read_text(encoding='utf-8').rstrip()}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
