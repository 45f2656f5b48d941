#!/bin/bash
# Lets libFuzzer look for inputs that break a reader, for SECONDS in each target, one target per processor: tests/fuzz/run.sh [SECONDS]
# What reached new code is kept in target/fuzz/corpus (or FUZZ_CORPUS) and is where the next run begins. A stable compiler is enough.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
out=$PWD/target/fuzz
corpus=${FUZZ_CORPUS:-$out/corpus}
host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz gives to a compiler for `--sanitizer none`.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
 -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# Naming the target keeps the flags from build scripts and macros.
cargo build -q --locked --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$out"
export FUZZ=$out/$host/debug/debbuild-fuzz CORPUS=$corpus FOUND=$out/found SECONDS_EACH=$seconds
mkdir -p "$corpus" "$FOUND" "$out/log"
export LOGS=$out/log

one() {
  FUZZ_TARGET=$1 FUZZ_SEEDS=$LOGS/$1.seeds "$FUZZ" >/dev/null 2>&1
  mkdir -p "$CORPUS/$1"
  if FUZZ_TARGET=$1 "$FUZZ" "$CORPUS/$1" "$LOGS/$1.seeds" -max_total_time="$SECONDS_EACH" -dict="$LOGS/$1.dict" -timeout=10 \
    -rss_limit_mb=1024 -max_len=65536 -artifact_prefix="$FOUND/$1-" -print_final_stats=1 >"$LOGS/$1.log" 2>&1; then
    printf '%s: %s inputs, %s kept\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$LOGS/$1.log")" \
      "$(find "$CORPUS/$1" -type f | wc -l)"
  else
    tail -n 40 "$LOGS/$1.log"
    printf '%s: found something; again with FUZZ_TARGET=%s %s FILE\n' "$1" "$1" "$FUZZ"
    return 1
  fi
}
export -f one
FUZZ_LIST=1 "$FUZZ" 2>/dev/null | grep -E "scenarios|problems|preferences" | xargs -P "$(nproc)" -I '{}' bash -c 'one "$1"' one '{}'
