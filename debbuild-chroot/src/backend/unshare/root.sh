# How the root of a session is put together: session.sh and layers.sh begin with this. Constant.
fail() { echo "session: $1" >&2; exit 125; }
# The overlay: the lower folders, newest first, and the number of the layer that is written to, seen from the folder that has them.
stack() { mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=w$2,userxattr" "$root"; }
# What lies over it. The folders of /run and /dev/shm are beside the layers, so that they stay when the root is made anew.
furnish() {
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
    mount --bind "$over/shm" "$root/dev/shm" || fail "cannot bind /dev/shm"
    mount --bind "$over/run" "$root/run" || fail "cannot bind /run"
}
