# What only `tests/run.sh --full` does: the quickstart on clean clones, as root and as an ordinary user, and the figures beside other
# tools. Sourced by run.sh.

# Clones what is committed into a folder and runs its quickstart there, cold; then checks what it says it made, and how long it took:
# a user waits for 15 minutes on 2 cores.
quickstart() {
  local place=$1 start=$SECONDS
  git clone -q "$PWD" "$place/debbuild" && cd "$place/debbuild" && examples/quickstart.sh "$place/made" >"$place/table" &&
    cat "$place/table" && check_made "$place/table" &&
    { [ $((SECONDS - start)) -le 900 ] || { echo "it took $((SECONDS - start)) seconds, more than 15 minutes"; false; }; }
}

# The quickstart's table names a repository and a compose; each deliverable is there and the checksums hold.
check_made() {
  local compose repo
  compose=$(sed -n 's/^compose=//p' "$1") repo=$(sed -n 's/^repo=//p' "$1")
  grep -q '^SHA256:' "$repo/dists/demo/InRelease" && [ "$(cat "$compose/STATUS")" = FINISHED ] &&
    (cd "$compose" && sha256sum --quiet -c SHA256SUMS) && grep -q '"hello"' "$compose/metadata/packages.json" &&
    for made in repo ostree iso images; do [ -n "$(ls -A "$compose/base/amd64/$made")" ] || return; done
}

# As the user who runs this: root, or an ordinary user with sudo.
quickstart_as_self() (
  place=$(mktemp -d "$1/debbuild-full.XXXXXX") || exit
  trap 'rm -rf "$place"' EXIT
  chmod 0755 "$place" && quickstart "$place"
)

# As an ordinary user who may use sudo, made for this and removed afterwards. The toolchain is a copy: root's is not for others.
quickstart_as_user() (
  user=debbuild-full
  trap 'rm -f "/etc/sudoers.d/$user"; userdel -r "$user" >/dev/null 2>&1' EXIT
  useradd --create-home --shell /bin/bash "$user" || exit
  home=$(getent passwd "$user" | cut -d: -f6)
  printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" >"/etc/sudoers.d/$user"
  cp -a "$(rustc --print sysroot)" "$home/toolchain" && git clone -q --bare "$PWD" "$home/source" || exit
  { printf 'export PATH=$HOME/toolchain/bin:$PATH\n'; declare -f quickstart check_made; printf 'cd "$HOME/source" && quickstart "$HOME"\n'; } >"$home/run"
  chown -R "$user:" "$home"
  runuser -l "$user" -c "bash $home/run"
)

# Repositories, the resolver, chroots or the gateway beside the tools that do the same, by an optimised debbuild, and whether the bars are held.
figures() (
  unset DEBBUILD_BIN
  RUNS=3 "benches/$2" "target/figures/$1" && python3 benches/bars.py "$1" "target/figures/$1" >"target/figures/$1/bars.md"
  status=$?
  cat "target/figures/$1/bars.md"
  exit $status
)

if [ "$(id -u)" = 0 ]; then
  need_packages sudo git
  part "quickstart as root" quickstart_as_self /var/lib
  part "quickstart as an ordinary user" quickstart_as_user
else
  part "quickstart as an ordinary user" quickstart_as_self "$HOME"
fi
part "figures of repositories" figures repositories repo.sh
part "figures of the resolver" figures resolver resolve.sh
part "figures of chroots" figures chroots chroot.sh
part "figures of the gateway" figures gateway gateway.sh
