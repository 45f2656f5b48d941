# The host tier of tests/run.sh: what it installs, and its parts. Sourced by run.sh.

# Everything that debbuild itself needs, and what only the tests compare with.
need_packages ca-certificates sbuild mmdebstrap uidmap socat iproute2 gnupg gpgv sqv apt-utils apt-file devscripts dpkg-dev debhelper fakeroot lintian \
  libcap2-bin squashfs-tools xorriso grub-common grub-pc-bin grub-efi-amd64-bin mtools dosfstools e2fsprogs ostree skopeo umoci \
  qemu-system-x86 ovmf curl dose-distcheck dose-builddebcheck dctrl-tools graphviz librsvg2-bin reprepro aptly debootstrap ed patch python3 python3-venv python3-dev sudo \
  bubblewrap systemd-container schroot arch-test qemu-user-static binfmt-support
# Where no systemd does it: the kernel learns that QEMU runs other architectures' programs.
if [ "$(id -u)" = 0 ]; then
  for format in qemu-aarch64 qemu-arm; do update-binfmts --enable "$format" || :; done
fi

# The user that builds run as when started as root (debbuild doctor --fix makes it too).
if [ "$(id -u)" = 0 ] && ! id debbuild >/dev/null 2>&1; then
  useradd --system --create-home --shell /usr/sbin/nologin debbuild
fi
if [ "$(id -u)" = 0 ] && ! grep -q '^debbuild:' /etc/subuid; then
  usermod --add-subuids 2000000-2065535 --add-subgids 2000000-2065535 debbuild
fi

# Chroots and downloads are made once and shared by all host tests of this machine.
if [ "$(id -u)" = 0 ]; then shared=/var/cache/debbuild-tests; else shared=${XDG_CACHE_HOME:-$HOME/.cache}/debbuild-tests; fi
export DEBBUILD_TEST_CACHE=${DEBBUILD_TEST_CACHE:-$shared}
mkdir -p "$DEBBUILD_TEST_CACHE"

# A server of S3-compatible storage on loopback, to publish to.
if [ ! -x "$DEBBUILD_TEST_CACHE/moto/bin/moto_server" ]; then
  say "installing moto"
  python3 -m venv "$DEBBUILD_TEST_CACHE/moto" && "$DEBBUILD_TEST_CACHE/moto/bin/pip" install -q 'moto[s3]' flask flask-cors ||
    rm -rf "$DEBBUILD_TEST_CACHE/moto"
fi
# botch's programs need nothing of all the OCaml that its package depends on: they are unpacked, not installed.
if [ ! -x "$DEBBUILD_TEST_CACHE/botch/usr/bin/botch-create-graph" ]; then
  say "unpacking botch"
  mkdir -p "$DEBBUILD_TEST_CACHE/botch"
  (cd "$DEBBUILD_TEST_CACHE/botch" && apt-get download -qq -o APT::Sandbox::User=root botch && dpkg-deb -x botch_*.deb . && rm botch_*.deb) ||
    rm -rf "$DEBBUILD_TEST_CACHE/botch"
fi
part host run_tier host
