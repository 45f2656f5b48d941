# Seals what was written as a layer, or goes back to the layers of a snapshot, by making the root anew. No command runs meanwhile, and
# each one that comes sees the mounts as they are when it begins. Constant; data comes as arguments: the scratch folder as seen here;
# `seal` or `back`; the lower folders of the new root, newest first; the number of the layer that is written to then, and that of the
# newest sealed one below it; the lower folders of the root as it is; and what is noted of the layers once they are so.
place=$1 what=$2 lower=$3 upper=$4 sealed=$5 before=$6 note=$7
root=$place/root over=$place/over
umask 022
cd "$over" || fail "cannot enter the scratch folder"
[ ! -d copy ] || fail "where users get no overlay, a session has no snapshots"
# An empty layer, whose folder is like that of the sealed one.
fresh() {
    rm -rf -- "$upper" "w$upper" && mkdir "$upper" "w$upper" && chown --reference="$sealed" "$upper" &&
        chmod --reference="$sealed" "$upper" && touch --reference="$sealed" "$upper"
}
keep() {
    rm -rf -- "s$sealed" && mkdir "s$sealed" "s$sealed/run" "s$sealed/shm" &&
        cp -a run/. "s$sealed/run" && cp -a shm/. "s$sealed/shm"
}
put_back() {
    find run shm -mindepth 1 -delete && cp -a "s$sealed/run/." run && cp -a "s$sealed/shm/." shm
}
# The whole tree of mounts at once.
bare() { ! mountpoint --quiet "$root" || umount --lazy "$root"; }
mounted() { stack "$1" "$2" && (furnish); }
write() { printf '%s\n' "$note" >"$place/layers.new"; }
# Without a root no command runs: none sees half of a change.
lost() { bare; fail "$1; it has no root until it is rolled back"; }
if [ "$what" = seal ]; then
    mountpoint --quiet "$root" || fail "it has no root until it is rolled back"
    if ! { fresh && keep && write; }; then
        rm -rf -- "$upper" "w$upper" "s$sealed"
        fail "cannot write to the scratch folder"
    fi
    bare || fail "cannot let go of the root"
    mounted "$lower" "$upper" && exec mv -- "$place/layers.new" "$place/layers"
    bare && mounted "$before" "$sealed" || lost "cannot mount the root again"
    rm -rf -- "$upper" "w$upper" "s$sealed"
    fail "cannot mount one more layer"
fi
bare || fail "cannot let go of the root"
fresh && put_back && write || lost "cannot put the files back"
mounted "$lower" "$upper" || lost "cannot mount the layers of the snapshot"
exec mv -- "$place/layers.new" "$place/layers"
