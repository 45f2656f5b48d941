# Builds the root of a session inside fresh namespaces, says `ready`, and holds both until its standard input has a line or ends.
# Constant; data comes as arguments: the scratch folder as seen here, the unpacked base, the relay's port (or nothing), and the most
# that files of the session may take, in bytes and in number (or nothing).
place=$1 base=$2 port=$3 size=$4 files=$5
root=$place/root over=$place/over
umask 022
limits=
[ -z "$size" ] || limits=,size=$size
[ -z "$files" ] || limits=$limits,nr_inodes=$files
if [ -n "$limits" ]; then
    mount -t tmpfs -o "mode=755$limits" tmpfs "$over" || fail "cannot mount a scratch with limits"
fi
cd "$over" && mkdir 1 w1 run shm || fail "cannot write to the scratch folder"
if [ -n "$limits" ]; then
    # What is written to /run and /dev/shm counts too.
    chmod 1777 shm
else
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$over/shm" || fail "cannot mount /dev/shm"
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$over/run" || fail "cannot mount /run"
fi
mount --bind "$base" "$place/lower" || fail "cannot reach the unpacked base"
stack ../lower 1 || fail "cannot mount an overlay (the state folder must not itself be on one)"
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
