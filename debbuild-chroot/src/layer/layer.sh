# Works in a session of the parent, as root of it. Constant; data comes as arguments: where apt's lists are (`given` on standard input,
# to `fetch`, to fetch and `pack` to standard output, or `ready`), whether archives may have expired, whether everything is upgraded, and
# packages, those to take away with a `-` at their end. The system goes to standard output, everything else to standard error.
lists=$1 expired=$2 upgrade=$3
shift 3
exec 3>&1 >&2
fail() { echo "layer: $1"; exit 1; }
conf=/etc/apt/apt.conf.d
if [ "$lists" != ready ]; then
    # What a bootstrap gives apt: weaker than the chroot's own options, and stronger.
    printf '%s\n' 'APT::Install-Recommends "false";' 'Acquire::Languages "none";' >"$conf/00debbuild-layer" &&
        printf '%s\n' 'Acquire::Retries "0";' 'Dir::Cache::pkgcache "";' 'DPkg::Use-Pty "false";' \
            'DPkg::Options { "--force-confdef"; "--force-confold"; };' >"$conf/99debbuild-layer" ||
        fail "cannot write to $conf"
    [ -z "$expired" ] || echo 'Acquire::Check-Valid-Until "false";' >>"$conf/99debbuild-layer"
fi
case $lists in
given) tar --extract --numeric-owner --directory /var || fail "cannot unpack apt's lists" ;;
fetch) apt-get --quiet=2 update || fail "cannot read the archives" ;;
pack)
    apt-get --quiet=2 update || fail "cannot read the archives"
    cache=cache/apt/srcpkgcache.bin
    [ -e "/var/$cache" ] || cache=
    tar --create --numeric-owner --directory /var lib/apt/lists $cache >&3 || fail "cannot pack apt's lists"
    exit 0
    ;;
esac
exec </dev/null

# Nothing is started, by neither of the ways.
policy=/usr/sbin/policy-rc.d daemon=/sbin/start-stop-daemon made=
if [ ! -e "$policy" ] && [ -d /usr/sbin ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 0755 "$policy" || fail "cannot write $policy"
    made=$policy
fi
if [ -f "$daemon" ]; then
    mv "$daemon" "$daemon.real" && printf '#!/bin/sh\n# debbuild-layer\nexit 0\n' >"$daemon" && chmod 0755 "$daemon" ||
        fail "cannot replace $daemon"
fi
if [ -n "$upgrade" ]; then
    apt-get --quiet --yes dist-upgrade || fail "cannot upgrade"
fi
if [ $# -gt 0 ]; then
    apt-get --quiet --yes --purge install "$@" || fail "cannot install"
fi
if [ -f "$daemon.real" ]; then
    # An upgrade of dpkg has brought its own.
    if grep -q '^# debbuild-layer$' "$daemon"; then mv "$daemon.real" "$daemon"; else rm "$daemon.real"; fi ||
        fail "cannot put $daemon back"
fi

# As a bootstrap leaves it.
rm -f $made "$conf/00debbuild-layer" "$conf/99debbuild-layer" /etc/resolv.conf /etc/hostname /var/log/dpkg.log /var/log/apt/history.log \
    /var/log/apt/term.log /var/log/alternatives.log /var/log/apt/eipp.log.xz /var/cache/ldconfig/aux-cache /var/lib/dbus/machine-id &&
    apt-get clean &&
    find /var/lib/apt/lists -mindepth 1 ! -path /var/lib/apt/lists/lock ! -path /var/lib/apt/lists/partial -delete &&
    find /tmp -mindepth 1 -delete || fail "cannot tidy up"
# Some of these change only where lists are read, and with the same times every layer is the same.
for folder in /tmp /etc/apt/apt.conf.d /var/lib/apt/lists /var/lib/apt/lists/lock /var/lib/apt/lists/partial /var/cache/apt /var/cache/apt/archives \
    /var/cache/apt/archives/lock /var/cache/apt/archives/partial /var/log/apt; do
    [ ! -e "$folder" ] || touch "$folder" || fail "cannot tidy up"
done
if [ -e /etc/machine-id ]; then
    rm /etc/machine-id && : >/etc/machine-id || fail "cannot tidy up"
fi
tar --create --directory / --sort=name "--mtime=@$SOURCE_DATE_EPOCH" --clamp-mtime --numeric-owner --one-file-system --format=pax \
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' --xattrs \
    --exclude=./dev --exclude=./proc --exclude=./run --exclude=./sys . >&3 || fail "cannot pack the system"
