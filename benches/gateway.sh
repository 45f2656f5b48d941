#!/bin/bash
# The gateway side by side with `cat FILE | socat`, in one run: a kept file of 100 MB, to a reader at a unix socket: benches/gateway.sh [OUTPUT-FOLDER]
# Each side is read RUNS (5) times, in turn, after a warm run; then 16 readers read at once, for the peak memory.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh
need_packages socat python3
need_rust

out=${1:-target/bench-gateway}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cargo build --release --example gateway_fixture
fixture=$PWD/target/release/examples/gateway_fixture
read=$PWD/benches/gateway_read.py
# Short: addresses of sockets have 107 bytes.
work=$(mktemp -d /var/tmp/debbuild-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p archive/pool/b/bench
head -c 100000000 /dev/urandom >archive/pool/b/bench/bench_1_all.deb

# Ends when its standard input does, also when this script is killed.
mkfifo stop
"$fixture" "$work" <stop &
pid=$!
exec 3>stop
for _ in {1..500}; do [ ! -S gateway.sock ] || break; sleep 0.02; done
say "a file of 100 MB"
python3 "$read" "$pid" "${RUNS:-5}" "$out"
exec 3>&-
wait "$pid"
