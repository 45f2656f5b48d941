#!/bin/bash
# Builds the Python package into a virtual environment below target/ and runs its tests, and checks its stubs. DEBBUILD_BIN is the
# command that it must agree with; without it, it is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$PWD/target/python
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q 'maturin>=1.8,<2' pytest mypy
VIRTUAL_ENV=$venv "$venv/bin/maturin" develop -q --manifest-path debbuild-py/Cargo.toml
if [ -z "${DEBBUILD_BIN:-}" ]; then
  cargo build -q -p debbuild-cli
  export DEBBUILD_BIN=$PWD/target/debug/debbuild
fi
cd debbuild-py
"$venv/bin/python" -m pytest -q
"$venv/bin/python" -m mypy.stubtest debbuild
"$venv/bin/python" -m mypy --strict tests
