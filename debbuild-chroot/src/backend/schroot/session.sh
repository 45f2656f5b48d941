# Begins a session of schroot inside fresh namespaces, says `ready`, and ends it when its standard input ends. Constant; data comes as
# arguments: the scratch folder as seen here, and the unpacked base.
#
# schroot reads fixed places (/etc/schroot, /var/lib/schroot, /run/schroot) and asks PAM. So it gets a root of its own, with the host's
# programs, read-only, and what is written here: the host's own chroots, sessions and rules are not looked at and not touched, and
# who leaves the chroot finds nothing else. All of it goes with the mount namespace.
fail() { echo "session: $1" >&2; exit 125; }
place=$1 base=$2
umask 022
# Who is asked to end still ends the session.
trap : INT TERM
command -v schroot >/dev/null || fail "schroot is not installed (apt install schroot)"
mount -t tmpfs -o mode=755 tmpfs "$place/root" || fail "cannot mount a root"
cd "$place/root" || fail "cannot enter the root"
mkdir -p base dev etc/pam.d etc/schroot/chroot.d etc/schroot/debbuild etc/schroot/setup.d mark old over proc root run/lock tmp under usr \
    var/lib/schroot/session || fail "cannot write to the root"
for name in bin sbin lib lib32 lib64 libx32; do
    [ ! -L "/$name" ] || cp -P "/$name" . || fail "cannot write to the root"
done
ln -s /run var/run
ln -s /run/lock var/lock
echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
cat >etc/pam.d/schroot <<END
auth required pam_rootok.so
account required pam_permit.so
session required pam_permit.so
END
cat >etc/schroot/schroot.conf <<END
[debbuild]
type=directory
directory=/base
profile=debbuild
users=root
root-users=root
union-type=overlay
union-overlay-directory=/over
union-underlay-directory=/under
END
cat >etc/schroot/debbuild/fstab <<END
proc /proc proc nosuid,nodev,noexec 0 0
sysfs /sys sysfs ro,nosuid,nodev,noexec 0 0
/dev /dev none rbind 0 0
tmpfs /run tmpfs mode=755,nosuid,nodev 0 0
tmpfs /run/lock tmpfs mode=1777,nosuid,nodev 0 0
/mark /run/debbuild none bind 0 0
END
# The others copy files of the host, or start services.
cp /etc/schroot/setup.d/05union /etc/schroot/setup.d/10mount etc/schroot/setup.d || fail "cannot copy the scripts of schroot"
{ mount --bind /usr usr && mount -o remount,bind,ro usr; } || fail "cannot bind the programs"
{ mount --bind "$base" base && mount -o remount,bind,ro base; } || fail "cannot reach the unpacked base"
{ mount --bind "$place/over" over && mount --bind "$place/mark" mark; } || fail "cannot bind the scratch folder"
mount -t proc proc proc || fail "cannot mount /proc"
mount -t tmpfs -o mode=755,nosuid,size=1m,nr_inodes=1k tmpfs dev || fail "cannot mount /dev"
for name in null zero full random urandom tty; do
    : >"dev/$name"
    mount --bind "/dev/$name" "dev/$name" || fail "cannot bind /dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts || fail "cannot mount /dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm || fail "cannot mount /dev/shm"
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
hostname debbuild || fail "cannot set the host name"
pivot_root . old || fail "cannot change the root"
cd /
{ umount -l /old && rmdir /old; } || fail "cannot let go of the old root"
schroot --quiet --begin-session --chroot=chroot:debbuild --session-name=debbuild >/dev/null ||
    fail "schroot cannot begin a session (the state folder must not itself be on an overlay)"
echo ready
cat >/dev/null
exec schroot --quiet --end-session --chroot=session:debbuild
