#!/bin/bash
# From two source packages to a signed APT suite, an OSTree repository, a live ISO and a container image, on a fresh Debian bookworm machine.
#
#   examples/quickstart.sh [DIR]      everything is made below DIR (default: ./quickstart)
#
# It installs what is needed (as root, or through sudo), builds debbuild, and then uses nothing but the debbuild command.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh

dir=$(realpath -m "${1:-quickstart}")
suite=bookworm
began=$SECONDS
mkdir -p "$dir"
export DEBBUILD_HOME=$dir/state

say "1. the tools: a Rust compiler, debbuild itself, and what debbuild doctor finds missing"
need_packages build-essential pkg-config
need_rust
cargo build -p debbuild-cli
debbuild=$PWD/target/debug/debbuild
"$debbuild" doctor --fix

say "2. a clean chroot"
chroot=$("$debbuild" chroot create --suite $suite)
"$debbuild" chroot show "$chroot"

say "3. two source packages: Debian's hello as a new source version, and a package of our own"
"$debbuild" source fetch hello --suite $suite -o "$dir/sources/debian"
hello=$("$debbuild" source rebuild "$dir"/sources/debian/hello_*.dsc --name demo --chroot "$chroot" -o "$dir/sources")
marker=$("$debbuild" source pack examples/packages/debbuild-marker --chroot "$chroot" -o "$dir/sources")

say "4. the queue: submit both, let a worker build them, look at the results"
"$debbuild" tag create demo
"$debbuild" task submit --suite $suite --tag demo "$hello" "$marker"
"$debbuild" worker run --until-idle
"$debbuild" task list
"$debbuild" tag show demo

say "5. the tag as a signed APT suite"
"$debbuild" tag publish demo --repo "$dir/repo" --suite demo
"$debbuild" repo verify "$dir/repo"

say "6. a system from Debian's packages and ours: APT repository, OSTree commit, live ISO, container image"
compose=$("$debbuild" compose run examples/blueprints/minimal.toml --set "repo=$dir/repo" -o "$dir/composes")
"$debbuild" compose show "$compose"

say "made in $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"
