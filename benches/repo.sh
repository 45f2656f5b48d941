#!/bin/bash
# Repositories side by side with apt-ftparchive and reprepro, in one run: benches/repo.sh [OUTPUT-FOLDER]
# DEBS (1000) packages of at most LARGEST (5000000) bytes each are taken, RUNS (5) times.
# DEBBUILD_BIN names the debbuild to measure; without, an optimised one is built.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh
need_packages apt-utils reprepro hyperfine gpg gpg-agent time
need_rust

out=${1:-target/bench}
mkdir -p "$out"
out=$(cd "$out" && pwd)
count=${DEBS:-1000}
largest=${LARGEST:-5000000}
runs=${RUNS:-5}
if [ -z "${DEBBUILD_BIN:-}" ]; then
  cargo build --release -p debbuild-cli
  DEBBUILD_BIN=$PWD/target/release/debbuild
fi
cargo build --example repo_fixture
work=$(mktemp -d "$out/work.XXXXXX")
trap 'gpgconf --homedir "$GNUPGHOME" --kill all; rm -rf "$work"' EXIT
export DEBBUILD_HOME=$work/home
export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"
cd "$work"

say "$count packages"
"$OLDPWD/target/debug/examples/repo_fixture" debs "$count" "$largest" "$work/debs"
du -sh --apparent-size debs
arch=$(dpkg --print-architecture)
cat > ours <<SH
#!/bin/sh
# ours REPOSITORY OPTION..: a folder of packages to a signed suite
dir=\$1; shift
"$DEBBUILD_BIN" repo init "\$dir" --suite stable -a $arch >/dev/null 2>&1
"$DEBBUILD_BIN" repo add "\$dir" "\$@" debs >/dev/null 2>&1
"$DEBBUILD_BIN" repo publish "\$dir" >/dev/null 2>&1
SH
chmod +x ours
./ours warm --link --no-contents # also makes the key
gpg --batch --quiet --passphrase '' --quick-generate-key bench@example.org
mkdir -p conf
printf 'Codename: stable\nArchitectures: %s\nComponents: main\nSignWith: yes\nDebIndices: Packages Release . .gz\n' "$arch" > conf/distributions
# ext4 searches past every file that was removed within the last minutes when it makes folders: nothing is removed between runs.
cat > aside <<'SH'
#!/bin/sh
mkdir -p gone
for one; do [ ! -e "$one" ] || mv "$one" "$(mktemp -d gone/XXXXXX)"; done
sync
SH
chmod +x aside
cat > theirs <<SH
#!/bin/sh
mkdir -p reprepro/conf; cp conf/distributions reprepro/conf/
reprepro -b reprepro includedeb stable debs/*.deb >/dev/null 2>&1
SH
chmod +x theirs

bench() {
  name=$1; shift
  say "$name"
  hyperfine --warmup 1 --runs "$runs" --export-json "$out/$name.json" --export-markdown "$out/$name.md" "$@"
}
bench link --prepare './aside ours-link reprepro' \
  -n 'debbuild, hard links' './ours ours-link --link --no-contents' \
  -n 'apt-ftparchive packages' 'apt-ftparchive packages debs > Packages' \
  -n 'reprepro' './theirs'
bench copy --prepare './aside ours-copy copy' \
  -n 'debbuild, copies' './ours ours-copy --no-contents' \
  -n 'cp, sync, apt-ftparchive packages' 'cp -r debs copy && sync && apt-ftparchive packages copy > Packages'
runs=2 bench contents --prepare './aside ours-contents' \
  -n 'debbuild with Contents' './ours ours-contents --link' \
  -n 'apt-ftparchive contents and packages' 'apt-ftparchive contents debs > Contents; apt-ftparchive packages debs > Packages'
"$DEBBUILD_BIN" repo add warm --link --no-contents debs >/dev/null 2>&1
bench unchanged \
  -n 'debbuild, nothing changed' "$DEBBUILD_BIN repo add warm --link --no-contents debs" \
  -n 'find with sizes and times' "find debs -printf '%s %T@ %i %p\\n'"

say "the whole archive"
"$OLDPWD/target/debug/examples/repo_fixture" suite "$work/large"
"$DEBBUILD_BIN" repo publish large >/dev/null
one=$(find debs -name 'hello_*.deb' | head -n 1)
mkdir tree
dpkg-deb -R "$one" tree
sed -i 's/^Package: .*/Package: hello-bench/' tree/DEBIAN/control
dpkg-deb -b tree one.deb >/dev/null
cat > one <<SH
#!/bin/sh
"$DEBBUILD_BIN" repo add \$1 one.deb >/dev/null 2>&1 && "$DEBBUILD_BIN" repo publish \$1 >/dev/null 2>&1
SH
chmod +x one
bench one --prepare './aside copy; cp -a large copy; sync' -n 'one package into the whole archive' './one copy'
./aside copy; cp -a large copy
for verb in 'add copy one.deb' 'publish copy'; do
  /usr/bin/time -f "repo $verb: %M KiB, %e s" "$DEBBUILD_BIN" repo $verb >/dev/null 2>time.txt || cat time.txt
  tail -n 1 time.txt | tee -a "$out/memory.txt"
done
