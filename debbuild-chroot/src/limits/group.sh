# Runs a command in a control group of its own and writes down what it used. Constant; data comes as arguments: where control groups
# are mounted, the one to make it in (or nothing: the scope that this process is in), its name, the file for what it used, the most
# memory in bytes and the most processes (or nothing), and the command. What must not be disturbed by signals uses no other program.
fail() { echo "limits: $1" >&2; exit 125; }
mount=$1 folder=$2 name=$3 report=$4 memory=$5 processes=$6
shift 6
# The command gets these signals as ever; this process waits for its end.
trap : INT QUIT TERM
unset XDG_RUNTIME_DIR INVOCATION_ID
if [ -z "$folder" ]; then
    while IFS=: read -r number kinds path; do
        [ "$number$kinds" != 0 ] || folder=$mount$path
    done </proc/self/cgroup
    # A control group with processes of its own passes nothing on.
    mkdir "$folder/keep" && echo 0 >"$folder/keep/cgroup.procs" || fail "cannot use the scope $folder"
fi
passed=
read -r passed <"$folder/cgroup.subtree_control"
for one in memory pids; do
    case " $passed " in
    *" $one "*) ;;
    *) echo "+$one" >"$folder/cgroup.subtree_control" || fail "$folder does not pass on the controller $one" ;;
    esac
done
group=$folder/$name
mkdir "$group" || fail "cannot make the control group $group"
limit() { [ -z "$2" ] || echo "$2" >"$group/$1" || fail "cannot set $1 of $group"; }
limit memory.max "$memory"
limit pids.max "$processes"
if [ -n "$memory" ]; then
    limit memory.oom.group 1
    # Kernels without swap have no such file.
    [ ! -e "$group/memory.swap.max" ] || limit memory.swap.max 0
fi
(
    echo 0 >"$group/cgroup.procs" || fail "cannot enter the control group $group"
    exec "$@"
)
status=$?
# Whoever has put something else there gets nothing written.
set -C
{
    read -r peak <"$group/memory.peak" && echo "peak $peak"
    while read -r line; do echo "$line"; done <"$group/memory.events"
    while read -r line; do echo "$line"; done <"$group/cpu.stat"
} 2>/dev/null >"$report"
set +C
{ echo 1 >"$group/cgroup.kill"; } 2>/dev/null
tries=0
until rmdir "$group" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || break
    sleep 0.02
done
exit "$status"
