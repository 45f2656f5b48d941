#!/bin/bash
# Chroots and sessions side by side with mmdebstrap, in one run, from the archive that this machine uses: benches/chroot.sh [OUTPUT-FOLDER]
# Each command runs RUNS (3) times, after a warm run. DEBBUILD_BIN names the debbuild to measure; without, an optimised one is built.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh
need_packages mmdebstrap uidmap socat iproute2 hyperfine python3
need_rust

out=${1:-target/bench-chroot}
mkdir -p "$out"
out=$(cd "$out" && pwd)
runs=${RUNS:-3} suite=${SUITE:-bookworm}
if [ -z "${DEBBUILD_BIN:-}" ]; then
  cargo build --release -p debbuild-cli
  DEBBUILD_BIN=$PWD/target/release/debbuild
fi
# Short and in reach of mapped users, on the disk.
work=$(mktemp -d /var/tmp/debbuild-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 0711 "$work"
export DEBBUILD_HOME=$work/home
cd "$work"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" | head -n 1)
[ -n "$mirror" ] || die "apt on this machine has no archive of $suite"

# What a fresh request costs: the chroots are gone, what the gateway has fetched stays.
cat >forget <<SH
#!/bin/sh
"$DEBBUILD_BIN" --format json chroot list | python3 -c 'import json, sys; [print(one["id"]) for one in json.load(sys.stdin)]' |
  while read -r id; do "$DEBBUILD_BIN" -q chroot remove "\$id"; done
SH
chmod +x forget

bench() {
  local name=$1; shift
  say "$name"
  hyperfine --warmup 1 --runs "$runs" --export-json "$out/$name.json" --export-markdown "$out/$name.md" "$@"
}
bench first \
  -n 'debbuild chroot create' --prepare ./forget "$DEBBUILD_BIN -q chroot create --suite $suite" \
  -n 'mmdebstrap' --prepare "rm -f $work/peer.tar" "mmdebstrap --quiet --variant=buildd $suite $work/peer.tar $mirror"
id=$("$DEBBUILD_BIN" -q chroot create --suite "$suite")
# The warm run reads apt's lists, which the next ones are given.
cat >unlayer <<SH
#!/bin/sh
"$DEBBUILD_BIN" --format json chroot list | python3 -c 'import json, sys; [print(one["id"]) for one in json.load(sys.stdin) if one["parent"]]' |
  while read -r layer; do "$DEBBUILD_BIN" -q chroot remove "\$layer"; done
SH
chmod +x unlayer
bench layer \
  -n 'debbuild chroot install' --prepare ./unlayer "$DEBBUILD_BIN -q chroot install $id less" \
  -n 'mmdebstrap --include' --prepare "rm -f $work/peer.tar" "mmdebstrap --quiet --variant=buildd --include=less $suite $work/peer.tar $mirror"
runs=20
bench again -n 'debbuild chroot create, once more' "$DEBBUILD_BIN -q chroot create --suite $suite"
bench session -n 'debbuild chroot run -- true' "$DEBBUILD_BIN -q chroot run $id -- true"
cat >sixteen <<SH
#!/bin/bash
# Sixteen sessions, in turn or all at once, each with a little work.
for n in {1..16}; do
  if [ "\$1" = parallel ]; then
    "$DEBBUILD_BIN" -q chroot run $id -- dpkg-query -W dpkg >/dev/null &
  else
    "$DEBBUILD_BIN" -q chroot run $id -- dpkg-query -W dpkg >/dev/null
  fi
done
wait
SH
chmod +x sixteen
runs=5
bench sixteen -n 'sixteen sessions in parallel' './sixteen parallel' -n 'sixteen sessions in turn' './sixteen turn'
