# Builds the root of a session inside fresh namespaces, says `ready`, and holds both until its standard input ends. Constant; data comes
# as arguments: the scratch folder as seen here, the unpacked base, the relay's port (or nothing), the most that files of the
# session may take, in bytes and in number (or nothing), and whether a tmpfs has what an overlay keeps of deleted folders.
fail() { echo "session: $1" >&2; exit 125; }
place=$1 base=$2 port=$3 size=$4 files=$5 attributes=$6
root=$place/root over=$place/over
umask 022
limits=
[ -z "$size" ] || limits=,size=$size
[ -z "$files" ] || limits=$limits,nr_inodes=$files
memory() { mount -t tmpfs -o "mode=755$limits" tmpfs "$over" || fail "cannot mount a scratch in memory"; }
overlay() {
    mkdir -p "$over/upper" "$over/work" || fail "cannot write to the scratch folder"
    mount -t overlay overlay -o "lowerdir=$place/lower,upperdir=$over/upper,workdir=$over/work,userxattr" "$root" 2>/dev/null
}
[ -z "$limits" ] || memory
mount --bind "$base" "$place/lower" || fail "cannot reach the unpacked base"
# No overlay keeps what it writes on another one, on which containers lie: then in memory. Without any overlay the base is copied.
if ! overlay && { [ -n "$limits" ] || ! memory || [ -z "$attributes" ] || ! overlay; }; then
    mkdir "$over/copy" && cp -a "$place/lower/." "$over/copy" && mount --bind "$over/copy" "$root" ||
        fail "there is no overlay, and the base cannot be copied"
fi
mkdir "$over/run" "$over/shm" || fail "cannot write to the scratch folder"
chmod 1777 "$over/shm"
hostname debbuild || fail "cannot set the host name"
# A kernel that shows no sysfs to user namespaces leaves /sys empty.
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys" 2>/dev/null || :
mount -t tmpfs -o mode=755,nosuid,size=1m,nr_inodes=1k tmpfs "$root/dev" || fail "cannot mount /dev"
for name in null zero full random urandom tty; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name" || fail "cannot bind /dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts" || fail "cannot mount /dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
if [ -n "$limits" ]; then
    # What is written there counts too.
    mount --bind "$over/shm" "$root/dev/shm" || fail "cannot bind /dev/shm"
    mount --bind "$over/run" "$root/run" || fail "cannot bind /run"
else
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm" || fail "cannot mount /dev/shm"
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run" || fail "cannot mount /run"
fi
mkdir -m 1777 "$root/run/lock"
if [ -n "$port" ]; then
    mkdir "$root/run/debbuild"
    cat >"$root/run/debbuild/apt.conf" <<END
Acquire::http::Proxy "http://127.0.0.1:$port";
Acquire::http::Timeout "300";
APT::Update::Error-Mode "any";
END
fi
echo ready
exec cat >/dev/null
