"""Reads a file of 100 MB from the gateway and from `cat FILE | socat`, in turn, and then 16 times at once from the gateway.

gateway_read.py PID RUNS FOLDER, in the folder of the gateway that the process PID is; writes serve.json and memory.txt to FOLDER.
"""

import json
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FILE = Path("archive/pool/b/bench/bench_1_all.deb")
REQUEST = b"GET /bench/pool/b/bench/bench_1_all.deb HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"


def read(path, request):
    """The seconds from connecting to the end of all bytes."""
    start, count, buffer = time.monotonic(), 0, bytearray(1 << 20)
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(path)
        stream.sendall(request)
        while got := stream.recv_into(buffer):
            count += got
    spent = time.monotonic() - start
    if count < FILE.stat().st_size:
        sys.exit(f"{path} gave {count} bytes")
    return spent


def gateway():
    return read("gateway.sock", REQUEST)


def peer():
    path = Path("peer.sock")
    path.unlink(missing_ok=True)
    with subprocess.Popen(["sh", "-c", 'cat "$1" | socat -u STDIN "UNIX-LISTEN:$2"', "sh", str(FILE), str(path)]):
        while True:
            try:
                return read(str(path), b"")
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)


def peak(pid):
    """The most memory that a process had, in KiB."""
    return int(re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def main(pid, runs, out):
    """Measures, and says what came out."""
    gateway(), peer()
    ours, theirs = zip(*((gateway(), peer()) for _ in range(int(runs))), strict=True)
    memory = [f"one reader: {peak(pid)} KiB"]
    with ThreadPoolExecutor(16) as readers:
        for future in [readers.submit(gateway) for _ in range(16)]:
            future.result()
    memory.append(f"16 readers: {peak(pid)} KiB")
    sides = {"debbuild's gateway": ours, "cat, socat": theirs}
    results = [{"command": name, "mean": sum(times) / len(times), "times": times} for name, times in sides.items()]
    Path(out, "serve.json").write_text(json.dumps({"results": results}))
    Path(out, "memory.txt").write_text("\n".join(memory) + "\n")
    print(*(f"{one['command']}: {one['mean']:.3f} s" for one in results), *memory, sep="\n")


main(*sys.argv[1:])
