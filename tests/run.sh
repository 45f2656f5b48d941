#!/bin/bash
# Installs what the tests need and runs all of them; works on a fresh Debian machine.
#
#   tests/run.sh            everything: lint, unit, suite, host, Python (under 40 minutes on 2 cores)
#   tests/run.sh --quick    without the host tier
#   tests/run.sh --full     everything, then every acceptance command however long, with a report in docs/full-run.md
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

failed=() passed=0 report=$(mktemp)
trap 'rm -f "$report"' EXIT
# Runs one part, times it, and goes on when it fails: one run shows everything that is wrong.
part() {
  local name=$1 start=$SECONDS; shift
  say "$name"
  if "$@"; then
    passed=$((passed + 1)); printf '| %s | passed | %ss |\n' "$name" "$((SECONDS - start))" >>"$report"
  else
    failed+=("$name"); printf '| %s | FAILED | %ss |\n' "$name" "$((SECONDS - start))" >>"$report"
  fi
}

# nextest where it is installed (a process per test), else cargo's own runner.
run_tests() {
  if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --no-fail-fast "$@"; else cargo test "$@"; fi
}

need_packages build-essential pkg-config
need_rust
rustfmt --version >/dev/null && cargo clippy --version >/dev/null || die "rustfmt and clippy are needed: rustup component add rustfmt clippy"

part format cargo fmt --all --check
part clippy cargo clippy --workspace --all-targets --features host -- -D warnings
part binary cargo build -p debbuild-cli
export DEBBUILD_BIN=$PWD/target/debug/debbuild

part "unit debbuild-core" run_tests -p debbuild-core --features testing,http,resolve
for crate in chroot queue compose; do
  part "unit debbuild-$crate" run_tests -p "debbuild-$crate" --features testing
done
part "unit debbuild-cli" run_tests -p debbuild-cli
part "documentation examples" cargo test -q --doc -p debbuild-core -p debbuild-chroot -p debbuild-queue -p debbuild-compose --features testing
part suite run_tests -p debbuild-suite --test suite
need_packages python3 python3-venv
part python tests/support/python.sh

if [ "$mode" != quick ]; then
  . tests/host/tools.sh
fi

printf '\n| part | result | time |\n| --- | --- | --- |\n' && cat "$report"
if [ "$mode" = full ]; then
  {
    printf '# Full run\n\nCommit %s, %s, %s cores, %s.\n\n| part | result | time |\n| --- | --- | --- |\n' \
      "$(git rev-parse HEAD)" "$(. /etc/os-release && echo "$PRETTY_NAME")" "$(nproc)" "$(date -u +%Y-%m-%d)"
    cat "$report"
  } >docs/full-run.md
fi
printf '\n%d passed, %d failed\n' "$passed" "${#failed[@]}"
[ ${#failed[@]} -eq 0 ]
