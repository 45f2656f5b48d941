#!/bin/bash
# The resolver side by side with apt and dose, in one run, on the archive that this machine uses: benches/resolve.sh [OUTPUT-FOLDER]
# Each command runs RUNS (3) times, after a warm run. DEBBUILD_BIN names the debbuild to measure; without, an optimised one is built.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh
need_packages apt dose-distcheck dose-builddebcheck hyperfine time python3
need_rust

out=${1:-target/bench-resolve}
mkdir -p "$out"
out=$(cd "$out" && pwd)
runs=${RUNS:-3}
if [ -z "${DEBBUILD_BIN:-}" ]; then
  cargo build --release -p debbuild-cli
  DEBBUILD_BIN=$PWD/target/release/debbuild
fi
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
export DEBBUILD_HOME=$work/home
mkdir -p "$DEBBUILD_HOME" "$work/apt/lists/partial" "$work/sources"
cd "$work"

say "the indexes of the archive"
arch=$(dpkg --print-architecture)
main=$(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' | head -n 1)
[ -n "$main" ] || die "apt has no Packages file: run apt-get update"
/usr/lib/apt/apt-helper cat-file "$main" >Packages
# The source packages of the same archive, fetched by apt into a tree of its own.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ ! -e "$list" ] || sed -n 's/^deb /deb-src /p' "$list" >>sources/all.list
done
for list in /etc/apt/sources.list.d/*.sources; do
  [ ! -e "$list" ] || sed 's/^Types:.*/Types: deb-src/' "$list" >"sources/$(basename "$list")"
done
of_sources=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/sources" -o "Dir::State::lists=$work/apt/lists")
apt-get update -qq "${of_sources[@]}" -o APT::Sandbox::User=root
sources=$(apt-get indextargets "${of_sources[@]}" --format '$(FILENAME)' 'Created-By: Sources' | head -n 1)
/usr/lib/apt/apt-helper cat-file "$sources" >Sources
grep -c '^Package: ' Packages Sources || true

# apt as Debian ships it: with its caches, on an empty system.
touch apt/status
cat >theirs <<SH
#!/bin/sh
exec apt-get -s install "\$@" -o Dir::State::status=$work/apt/status -o Dir::Cache=$work/apt -o Dir::Cache::pkgcache=pkgcache.bin \
  -o Dir::Cache::srcpkgcache=srcpkgcache.bin -o Dir::Etc::Parts=/dev/null -o Debug::NoLocking=1 -o APT::Install-Recommends=false
SH
chmod +x theirs

bench() {
  local name=$1; shift
  say "$name"
  hyperfine --ignore-failure --warmup 1 --runs "$runs" --export-json "$out/$name.json" --export-markdown "$out/$name.md" "$@"
}
bench packages \
  -n 'debbuild resolve installability' "$DEBBUILD_BIN resolve installability --packages Packages" \
  -n 'dose-debcheck' "dose-debcheck --deb-native-arch=$arch --failures Packages"
runs=${SLOW_RUNS:-2} bench sources \
  -n 'debbuild resolve build-deps --all' "$DEBBUILD_BIN resolve build-deps --all --packages Packages --sources Sources" \
  -n 'dose-builddebcheck' "dose-builddebcheck --deb-native-arch=$arch --failures Packages Sources"
bench install \
  -n 'debbuild resolve install task-gnome-desktop' "$DEBBUILD_BIN resolve install task-gnome-desktop --packages Packages" \
  -n 'apt-get -s install task-gnome-desktop' './theirs task-gnome-desktop'
bench order -n 'debbuild resolve order' "$DEBBUILD_BIN resolve order --packages Packages --sources Sources"

say "peak memory"
rm -f "$out/memory.txt"
peak() {
  local name=$1; shift
  /usr/bin/time -f "$name: %M KiB" -o time.txt "$@" >/dev/null 2>&1 || true
  tail -n 1 time.txt | tee -a "$out/memory.txt"
}
peak 'debbuild, packages' "$DEBBUILD_BIN" resolve installability --packages Packages
peak 'dose, packages' dose-debcheck "--deb-native-arch=$arch" --failures Packages
peak 'debbuild, order' "$DEBBUILD_BIN" resolve order --packages Packages --sources Sources
