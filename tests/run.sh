#!/bin/bash
# Installs what the tests need and runs all of them; works on a fresh Debian machine.
#
#   tests/run.sh            everything: lint, unit, suite, host, Python (about an hour on 2 cores)
#   tests/run.sh --quick    without the host tier
#   tests/run.sh --full     everything, then every acceptance command however long, with a report in docs/full-run.md; it takes
#                           hours, and when it was stopped it goes on where it was, at the same commit
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/setup.sh

mode=all
case "${1:-}" in
  '') ;;
  --quick) mode=quick ;;
  --full) mode=full ;;
  *) echo "usage: tests/run.sh [--quick|--full]" >&2; exit 2 ;;
esac

# A first build is quicker when nothing is kept for a second one.
[ -d target ] || export CARGO_INCREMENTAL=0

failed=() passed=0
if [ "$mode" = full ]; then
  [ -z "$(git status --porcelain)" ] || die "a full run is of a commit: something here is not committed"
  # What passed at this commit is kept: it is not run again when the run is started again.
  kept=$PWD/target/full-run/$(git rev-parse HEAD)
  mkdir -p "$kept"
else
  kept=$(mktemp -d)
  trap 'rm -rf "$kept"' EXIT
fi
report=$kept/parts
touch "$report"
sed -i '/| FAILED |/d' "$report"
# Runs one part, times it, and goes on when it fails: one run shows everything that is wrong.
part() {
  local name=$1 start=$SECONDS; shift
  if grep -qF "| $name | passed |" "$report"; then
    say "$name: passed before"
    passed=$((passed + 1))
    return
  fi
  say "$name"
  if "$@"; then
    passed=$((passed + 1)); printf '| %s | passed | %ss |\n' "$name" "$((SECONDS - start))" >>"$report"
  else
    failed+=("$name"); printf '| %s | FAILED | %ss |\n' "$name" "$((SECONDS - start))" >>"$report"
  fi
}

# One set of packages and features for all test binaries, so that everything is compiled once.
tests=(--workspace --exclude debbuild-py --features
  "debbuild-core/testing debbuild-chroot/testing debbuild-queue/testing debbuild-compose/testing debbuild-suite/host")

# The tests of the host tier that passed, by the log of a run.
passed_tests() { sed -n 's/^ *PASS \[[^]]*\].* debbuild-suite::host \([^ ]*\)$/\1/p' "$kept/host.log" 2>/dev/null || :; }

# Runs the tests of one tier: nextest where it is installed (a process per test), else cargo's own runner.
run_tier() {
  local which='not binary(host)' name
  if cargo nextest --version >/dev/null 2>&1; then
    if [ "$1" = host ]; then
      which='binary(host)'
      for name in $(passed_tests); do which+=" - test(=$name)"; done
    fi
    if [ "$mode" = full ]; then
      cargo nextest run --no-tests pass "${tests[@]}" -E "$which" 2>&1 | tee -a "$kept/$1.log"
    else
      cargo nextest run "${tests[@]}" -E "$which"
    fi
  else
    case $1 in
      host) cargo test "${tests[@]}" --test host -- --test-threads=1 ;;
      *) cargo test "${tests[@]}" --lib --bins --test suite ;;
    esac
  fi
}

# Each library also compiles alone, without the features that the others switch on.
check_alone() {
  local crate
  for crate in core chroot queue compose; do cargo "$lint" -q -p "debbuild-$crate" "${strict[@]}" || return; done
  cargo "$lint" -q -p debbuild-queue --no-default-features "${strict[@]}"
}

need_packages build-essential pkg-config gnupg gpgv
need_rust
rustfmt --version >/dev/null || die "rustfmt is needed: rustup component add rustfmt, or the package rustfmt-web"
# Debian's own toolchain has no clippy: then the compiler alone looks.
if cargo clippy --version >/dev/null 2>&1; then lint=clippy strict=(-- -D warnings); else lint=check strict=(); fi

part format cargo fmt --all --check
part "$lint" cargo "$lint" "${tests[@]}" --all-targets "${strict[@]}"
if [ "$mode" = full ]; then part "$lint, each crate alone" check_alone; fi
# Without cargo-deny the suite still checks licences and bans, without nextest cargo runs the tests; --full installs both.
for tool in cargo-deny cargo-nextest; do
  if [ "$mode" = full ] && ! cargo "${tool#cargo-}" --version >/dev/null 2>&1; then part "install $tool" cargo install -q --locked "$tool"; fi
done
if cargo deny --version >/dev/null 2>&1; then
  part "cargo deny" cargo deny --log-level error --config .deny.toml check licenses bans sources
fi
part binary cargo build -p debbuild-cli
part examples cargo build "${tests[@]}" --examples
export DEBBUILD_BIN=$PWD/target/debug/debbuild
# Long forms: 1,000 real packages instead of 60.
[ "$mode" = full ] && export DEBBUILD_TEST_FULL=1

part "unit and suite" run_tier suite
part "documentation examples" cargo test -q --doc "${tests[@]}"
need_packages python3 python3-venv
part python tests/support/python.sh

if [ "$mode" != quick ]; then
  # Everything is compiled once more for it; the suite gives each target a few thousand inputs.
  if [ "$mode" = full ]; then part "fuzz targets" tests/fuzz/run.sh 60; fi
  . tests/host/tools.sh
fi

[ "$mode" = full ] && . tests/support/full.sh

printf '\n| part | result | time |\n| --- | --- | --- |\n' && cat "$report"
if [ "$mode" = full ]; then
  python3 tests/support/report.py docs/acceptance.md "$report" "$kept/suite.log" "$kept/host.log" >target/full-run.md ||
    failed+=("acceptance")
  mv target/full-run.md docs/full-run.md
fi
printf '\n%d passed, %d failed\n' "$passed" "${#failed[@]}"
[ ${#failed[@]} -eq 0 ]
