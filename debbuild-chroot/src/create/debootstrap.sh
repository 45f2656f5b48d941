# Makes a base system as real root, in namespaces whose only peer is the gateway. Constant; data comes as arguments: the scratch folder, the
# suite, the architecture, the variant (or nothing), components, the address, whether archives may have expired, the architecture that is
# built for where that is another one, and packages. The rest lies in the scratch folder: boot.gpg, keys, final.sources, preferences, apt.conf,
# hook-0, hook-1 and so on.
place=$1 suite=$2 arch=$3 variant=$4 components=$5 mirror=$6 expired=$7 host=$8
shift 8
root=$place/root
fail() { echo "debootstrap: $1" >&2; exit 1; }
inside() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        DEBCONF_NONINTERACTIVE_SEEN=true "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" "http_proxy=$http_proxy" "$@"
}
debootstrap ${variant:+"--variant=$variant"} "--arch=$arch" "--components=$components" --force-check-gpg "--keyring=$place/boot.gpg" \
    "$suite" "$root" "$mirror" || fail "it failed"
umount "$root/proc" 2>/dev/null
umount "$root/sys" 2>/dev/null
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" || fail "cannot mount /proc"

# All sources, and what comes of all of them together.
apt=$root/etc/apt
rm -f "$apt/sources.list" "$root/etc/resolv.conf" "$root/etc/hostname"
mkdir -p "$apt/keyrings" "$apt/sources.list.d" "$apt/preferences.d" "$apt/apt.conf.d" || fail "cannot write to $apt"
cp --no-preserve=all "$place"/keys/* "$apt/keyrings/" && cp --no-preserve=all "$place/final.sources" "$apt/sources.list.d/debbuild.sources" ||
    fail "cannot write to $apt"
if [ -e "$place/preferences" ]; then cp --no-preserve=all "$place/preferences" "$apt/preferences.d/debbuild" || fail "cannot write to $apt"; fi
if [ -e "$place/apt.conf" ]; then cp --no-preserve=all "$place/apt.conf" "$apt/apt.conf.d/98debbuild" || fail "cannot write to $apt"; fi
printf '%s\n' 'APT::Install-Recommends "false";' 'Acquire::Languages "none";' >"$apt/apt.conf.d/00debbuild-boot"
printf '%s\n' 'APT::Update::Error-Mode "any";' 'Acquire::http::Timeout "300";' 'Acquire::Retries "0";' 'DPkg::Use-Pty "false";' \
    >"$apt/apt.conf.d/99debbuild-boot"
[ -z "$expired" ] || echo 'Acquire::Check-Valid-Until "false";' >>"$apt/apt.conf.d/99debbuild-boot"
policy=$root/usr/sbin/policy-rc.d
printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 0755 "$policy" || fail "cannot write $policy"
[ -z "$host" ] || inside dpkg --add-architecture "$host" || fail "cannot add the architecture $host"
inside apt-get --quiet=2 update && inside apt-get --quiet --yes dist-upgrade || fail "cannot upgrade"
if [ $# -gt 0 ]; then
    inside apt-get --quiet --yes install "$@" || fail "cannot install"
fi
number=0
while [ -e "$place/hook-$number" ]; do
    "$place/hook-$number" "$root" || fail "script $number failed"
    number=$((number + 1))
done

# As other bootstrappers leave it.
rm -f "$policy" "$apt/apt.conf.d/00debbuild-boot" "$apt/apt.conf.d/99debbuild-boot" "$root/var/log/bootstrap.log" "$root/var/log/dpkg.log" \
    "$root/var/log/apt/history.log" "$root/var/log/apt/term.log" "$root/var/log/apt/eipp.log.xz" "$root/var/log/alternatives.log" \
    "$root/var/cache/ldconfig/aux-cache" "$root/var/lib/dbus/machine-id" &&
    inside apt-get clean &&
    find "$root/var/lib/apt/lists" -mindepth 1 ! -path "$root/var/lib/apt/lists/lock" ! -path "$root/var/lib/apt/lists/partial" -delete &&
    find "$root/tmp" "$root/run" -mindepth 1 ! -path "$root/run/lock" -delete || fail "cannot tidy up"
if [ -e "$root/etc/machine-id" ]; then
    rm "$root/etc/machine-id" && : >"$root/etc/machine-id" || fail "cannot tidy up"
fi
umount "$root/proc" || fail "cannot unmount /proc"
cp --no-preserve=all "$root/var/lib/dpkg/status" "$place/status" &&
    tar --create --file "$place/chroot.tar" --directory "$root" --sort=name "--mtime=@$SOURCE_DATE_EPOCH" --clamp-mtime --numeric-owner \
        --one-file-system --format=pax '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' --xattrs . ||
    fail "cannot pack the system"
