#!/bin/bash
# debbuild and the tools that do the same, side by side, on packages of the archive that this machine uses. As root.
#
#   benches/compare.sh DIR [BINARY]    works below DIR, which the build user can pass through; the tables go to standard output
#
# BINARY is the debbuild to measure (default: target/release/debbuild, which is built). RUNS is how often each command runs (5).
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh
dir=$(realpath -m "${1:?usage: benches/compare.sh DIR [BINARY]}")
need_packages hyperfine mmdebstrap apt-utils
if [ $# -ge 2 ]; then debbuild=$(realpath "$2"); else need_rust && cargo build --release -p debbuild-cli && debbuild=$PWD/target/release/debbuild; fi
mkdir -p "$dir"
export DEBBUILD_HOME=${DEBBUILD_HOME:-$dir/state}
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")

# Runs two commands in turn and prints hyperfine's table.
compare() {
  local title=$1; shift
  say "$title"
  hyperfine --style none --warmup 1 --runs "${RUNS:-5}" --export-markdown "$dir/table.md" "$@" >&2
  printf '\n%s\n\n' "$title"
  cat "$dir/table.md"
}

printf '%s, %s cores, load %s, %s, %s\n' "$(uname -sr)" "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)" "$("$debbuild" --version)" "$(mmdebstrap --version)"

chroot=$("$debbuild" chroot create --suite "$suite")

# A throw-away session: opened, used and removed. The peer unpacks the same chroot for each one, as sbuild's unshare mode does.
tarball=$("$debbuild" --format json chroot show "$chroot" | sed -n 's/.*"tarball": *"\([^"]*\)".*/\1/p' | head -n 1)
mkdir -p "$dir/session"
compare 'A session' \
  -n 'debbuild chroot run' "$debbuild chroot run $chroot -- true" \
  -n 'unpack, chroot' "unshare --mount sh -ec 'mount -t tmpfs none $dir/session; tar -xf $tarball -C $dir/session --exclude=./dev/*; chroot $dir/session true'"

# The indexes of a pool: every .deb is read, hashed and described. debbuild's side also copies, compresses and signs.
mkdir -p "$dir/pool"
if [ "$(find "$dir/pool" -name '*.deb' | wc -l)" -lt 60 ]; then
  (cd "$dir/pool" && dpkg-query -W -f '${Package}\n' | head -n 90 | xargs -n 15 apt-get download -q >&2 || true)
fi
printf '\n%s packages, %s\n' "$(find "$dir/pool" -name '*.deb' | wc -l)" "$(du -sh "$dir/pool" | cut -f1)"
compare 'The index of a pool' \
  --prepare "rm -rf $dir/apt" \
  -n 'debbuild repo init, add, publish' "$debbuild repo init $dir/apt --suite demo && $debbuild repo add $dir/apt $dir/pool && $debbuild repo publish $dir/apt" \
  -n 'apt-ftparchive packages, release' "apt-ftparchive packages $dir/pool >$dir/Packages && apt-ftparchive release $dir/pool >$dir/Release"

# A chroot that was made before, against making it again, which is what mmdebstrap alone can do.
compare 'A chroot that is there already' \
  -n 'debbuild chroot create' "$debbuild chroot create --suite $suite" \
  -n 'mmdebstrap' "mmdebstrap --quiet --variant=buildd $suite $dir/peer.tar /etc/apt/sources.list.d/*.sources"
