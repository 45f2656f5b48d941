# Builds the root of a session inside fresh namespaces. Constant; data comes as arguments: the scratch folder as seen here,
# the unpacked base, the relay's port (or nothing), the script that changes the root, and the command.
fail() { echo "session: $1" >&2; exit 125; }
place=$1 base=$2 port=$3 pivot=$4
shift 4
root=$place/root
mount --bind "$base" "$place/lower" || fail "cannot reach the unpacked base"
mount -t overlay overlay -o "lowerdir=$place/lower,upperdir=$place/upper,workdir=$place/work,userxattr" "$root" ||
    fail "cannot mount an overlay (the state folder must not itself be on one)"
hostname debbuild || fail "cannot set the host name"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" || fail "cannot mount /proc"
# A kernel that shows no sysfs to user namespaces leaves /sys empty.
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys" 2>/dev/null || :
mount -t tmpfs -o mode=755,nosuid,size=1m tmpfs "$root/dev" || fail "cannot mount /dev"
for name in null zero full random urandom tty; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name" || fail "cannot bind /dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts" || fail "cannot mount /dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm" || fail "cannot mount /dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run" || fail "cannot mount /run"
mkdir -m 1777 "$root/run/lock"
if [ -n "$port" ]; then
    mkdir "$root/run/debbuild"
    : >"$root/run/debbuild/gateway.sock"
    mount --bind "$place/gateway.sock" "$root/run/debbuild/gateway.sock" || fail "cannot bind the gateway's socket"
    cat >"$root/run/debbuild/apt.conf" <<END
Acquire::http::Proxy "http://127.0.0.1:$port";
Acquire::http::Timeout "300";
APT::Update::Error-Mode "any";
END
    # Its root changes with everybody's.
    socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,backlog=128" UNIX-CONNECT:/run/debbuild/gateway.sock </dev/null &
    tries=0
    until grep -qs " 0A " /proc/net/tcp; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || fail "the relay to the gateway does not listen"
        sleep 0.02
    done
fi
exec perl -e "$pivot" "$place" "$@"
