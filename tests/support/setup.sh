# Shared by examples/quickstart.sh and tests/run.sh: the Rust toolchain and Debian packages. Sourced, not run.

# The oldest Rust that the workspace compiles with (rust-version in Cargo.toml).
rust_needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

say() { printf '\n== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 6; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs the named Debian packages that are not installed yet.
need_packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "not root and no sudo; as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  as_root apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}

# Checks the Rust toolchain; Debian bookworm's own is too old. With DEBBUILD_INSTALL_RUST=1 it installs one through rustup.
need_rust() {
  local have=
  [ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"
  command -v cargo >/dev/null && have=$(cargo --version | cut -d' ' -f2)
  if [ -n "$have" ] && printf '%s\n%s\n' "$rust_needed" "$have" | sort -C -V; then return; fi
  if [ "${DEBBUILD_INSTALL_RUST:-}" = 1 ]; then
    command -v rustup >/dev/null || need_packages rustup
    rustup toolchain install stable --profile minimal -c clippy -c rustfmt && rustup default stable && return
  fi
  die "debbuild needs Rust $rust_needed or newer, found ${have:-none}; install it with rustup (https://rustup.rs), or run this with DEBBUILD_INSTALL_RUST=1"
}
