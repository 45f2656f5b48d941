# Starts the holder of a session that lasts, and waits until it is ready. Constant; data comes as arguments: the scratch folder, its lock,
# the lock of the unpacked base, and the command that is the holder. Every process of the holder has both locks, shared with who starts
# it: they are free when the last one is gone. Its input is a fifo that it has open for writing too, so that it never ends.
place=$1 lock=$2 base=$3
shift 3
fail() { echo "session: $1" >&2; exit 125; }
umask 022
mkfifo -m 600 "$place/wait" "$place/ready" || fail "cannot write to the scratch folder"
exec 8<"$lock" 9<"$base"
flock --shared --nonblock 8 && flock --shared --nonblock 9 || fail "somebody removes what it needs"
setsid "$@" 0<>"$place/wait" 1>"$place/ready" 2>"$place/said" &
echo "$!" >"$place/process"
word=
read -r word <"$place/ready" || :
[ "$word" = ready ] && exit 0
cat "$place/said" >&2
exit 125
