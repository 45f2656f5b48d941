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

# Whether the cargo that is found first is new enough; leaves its version in `have`.
have_rust() {
  local cargo_bin=${CARGO_HOME:-$HOME/.cargo}/bin
  if [ -d "$cargo_bin" ]; then PATH="$cargo_bin:$PATH"; fi
  hash -r
  have=
  if command -v cargo >/dev/null; then have=$(cargo --version 2>/dev/null | cut -d' ' -f2) || true; fi
  [ -n "$have" ] && printf '%s\n%s\n' "$rust_needed" "$have" | sort -C -V
}

# Installs a Rust: by rustup where it is; else Debian's own new one, which its security archive keeps for the browsers (it
# takes the place of the packages rustc and cargo); else by rustup's installer, into CARGO_HOME and RUSTUP_HOME.
install_rust() {
  if command -v rustup >/dev/null; then
    rustup toolchain install stable --profile minimal -c clippy -c rustfmt >&2 && rustup default stable >&2
    return
  fi
  local candidate installer status=0
  as_root apt-get update -q >&2 || return
  candidate=$(apt-cache policy cargo-web | sed -n 's/^  Candidate: //p')
  if [[ $candidate == [0-9]* ]] && dpkg --compare-versions "$candidate" ge "$rust_needed"; then
    need_packages rustc-web cargo-web rustfmt-web
  else
    need_packages ca-certificates curl
    installer=$(mktemp)
    curl --proto '=https' --tlsv1.2 -sSf -o "$installer" https://sh.rustup.rs &&
      sh "$installer" -y -q --no-modify-path --profile minimal -c clippy -c rustfmt >&2 || status=1
    rm -f "$installer"
    return $status
  fi
}

# Checks the Rust toolchain; Debian bookworm's rustc is too old. With DEBBUILD_INSTALL_RUST=1 it installs one.
need_rust() {
  local have
  have_rust && return
  if [ "${DEBBUILD_INSTALL_RUST:-}" = 1 ]; then
    say "installing Rust $rust_needed or newer"
    install_rust && have_rust && return
  fi
  die "debbuild needs Rust $rust_needed or newer, found ${have:-none}; install it (bookworm's security archive: rustc-web and cargo-web; or https://rustup.rs), or run this with DEBBUILD_INSTALL_RUST=1"
}
