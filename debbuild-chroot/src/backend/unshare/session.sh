# Builds the root of a session inside fresh namespaces, says `ready`, and holds both until its standard input has a line or ends.
# Constant; data comes as arguments: the scratch folder as seen here, the unpacked base, the relay's port (or nothing), the most that
# files of the session may take, in bytes and in number (or nothing), and whether a tmpfs has what overlays keep of deleted folders.
place=$1 base=$2 port=$3 size=$4 files=$5 attributes=$6
root=$place/root over=$place/over
umask 022
limits=
[ -z "$size" ] || limits=,size=$size
[ -z "$files" ] || limits=$limits,nr_inodes=$files
memory() { mount -t tmpfs -o "mode=755$limits" tmpfs "$over" || fail "cannot mount a scratch in memory"; }
# Whether an overlay can keep there what it writes.
lies() {
    mkdir -p "$over/try/upper" "$over/try/work" || fail "cannot write to the scratch folder"
    mount -t overlay overlay -o "lowerdir=$place/lower,upperdir=$over/try/upper,workdir=$over/try/work,userxattr" "$root" 2>/dev/null &&
        umount "$root"
}
mount --bind "$base" "$place/lower" || fail "cannot reach the unpacked base"
[ -z "$limits" ] || memory
# No overlay lies on another one, as in containers: then what is written is kept in memory. Without any overlay the base is copied.
copied=
if ! lies && { [ -n "$limits" ] || ! memory || [ -z "$attributes" ] || ! lies; }; then copied=yes; fi
rm -rf "$over/try"
cd "$over" && mkdir 1 w1 run shm || fail "cannot write to the scratch folder"
if [ -n "$limits" ]; then
    # What is written to /run and /dev/shm counts too.
    chmod 1777 shm
else
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$over/shm" || fail "cannot mount /dev/shm"
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$over/run" || fail "cannot mount /run"
fi
if [ -n "$copied" ]; then
    mkdir copy && cp -a ../lower/. copy && mount --bind copy "$root" || fail "there is no overlay, and the base cannot be copied"
else
    stack ../lower 1 || fail "cannot mount an overlay"
fi
hostname debbuild || fail "cannot set the host name"
furnish
mkdir -m 1777 run/lock
if [ -n "$port" ]; then
    mkdir run/debbuild
    cat >run/debbuild/apt.conf <<END
Acquire::http::Proxy "http://127.0.0.1:$port";
Acquire::http::Timeout "300";
APT::Update::Error-Mode "any";
END
fi
cd /
echo ready
read -r _ || :
