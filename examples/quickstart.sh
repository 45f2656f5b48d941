#!/bin/bash
# From two source packages to a signed APT suite, an OSTree repository, a live ISO and a container image, on a fresh Debian bookworm machine.
#
#   examples/quickstart.sh [DIR]      everything is made below DIR (default: /var/lib/debbuild-quickstart for root, else
#                                     ~/debbuild-quickstart); root's folder must be one that the build user can pass through
#
# It installs what is needed (as root, or through sudo), builds debbuild, and then uses nothing but the debbuild command.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh

if [ "$(id -u)" = 0 ]; then default=/var/lib/debbuild-quickstart; else default=$HOME/debbuild-quickstart; fi
dir=$(realpath -m "${1:-$default}")
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
"$debbuild" chroot show "$chroot" | head -n 12

say "3. two source packages: Debian's hello as a new source version, and a package of our own"
parent=$("$debbuild" source fetch hello --suite $suite -o "$dir/sources/debian")
hello=$("$debbuild" source rebuild "$parent" --suite $suite --name demo --maintainer "Quickstart <demo@mirror.example>" -o "$dir/sources")
marker=$("$debbuild" source pack examples/packages/debbuild-marker --suite $suite -o "$dir/sources")

say "4. the queue: submit both, let a worker build them, look at the results"
tasks=$("$debbuild" task submit --suite $suite "$hello" "$marker")
"$debbuild" worker run --until-idle
"$debbuild" task list
builds=
for task in $tasks; do builds="$builds $("$debbuild" task show "$task" | sed -n 's/^  build: //p')"; done

say "5. a tag with both builds, published as a signed APT suite"
repo=$DEBBUILD_HOME/repos/demo
"$debbuild" tag list | grep -q '^demo ' || "$debbuild" tag create demo
# shellcheck disable=SC2086 # the numbers of the builds, one word each
"$debbuild" tag add demo $builds --reason "quickstart"
"$debbuild" tag show demo
[ -d "$repo" ] || "$debbuild" repo init "$repo" --suite demo --origin demo
"$debbuild" tag publish demo --repo "$repo" --suite demo
"$debbuild" repo verify "$repo"

say "6. a system from Debian's packages and ours: APT repository, OSTree commit, live ISO, container image"
compose=$("$debbuild" compose run examples/blueprints/quickstart.toml)
"$debbuild" compose show "$(basename "$compose")"

say "made in $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"
cat <<TABLE

compose=$compose
repo=$repo

what              where                          look at it with
signed APT suite  \$repo                          $debbuild repo list \$repo
APT repository    \$compose/base/amd64/repo       $debbuild compose why $(basename "$compose") hello
OSTree commit     \$compose/base/amd64/ostree     ostree --repo=\$compose/base/amd64/ostree log \$(ostree --repo=\$compose/base/amd64/ostree refs)
live ISO          \$compose/base/amd64/iso        qemu-system-x86_64 -m 2048 -nographic -cdrom \$compose/base/amd64/iso/*.iso
container image   \$compose/base/amd64/images     skopeo inspect oci:\$compose/base/amd64/images/oci
lock, metadata    \$compose/compose.lock          jq . \$compose/metadata/composeinfo.json
checksums         \$compose/SHA256SUMS            (cd \$compose && sha256sum -c SHA256SUMS)

export DEBBUILD_HOME=$DEBBUILD_HOME   # the state that the commands above look at
TABLE
