# Changes the root for good, drops the host's file systems, and runs the command as a child: process 1 reaps orphans. Perl,
# because the programs of the old root are out of reach at the moment in which it is let go.
require "syscall.ph";
my ($place, @command) = @ARGV;
my ($here, $old, $gone) = (".", "mnt", "/mnt");
sub fail { print STDERR "session: cannot $_[0]: $!\n"; exit 125 }
chdir "$place/root" or fail("enter the new root");
open(my $mark, ">", "$place/started") or fail("write to the scratch folder");
close $mark;
syscall(&SYS_pivot_root, $here, $old) == 0 or fail("change the root");
syscall(&SYS_umount2, $gone, 2) == 0 or fail("let go of the old root");
chdir "/";
my $child = fork // fail("fork");
if (!$child) {
    # Those who wait for it let these signals pass by.
    $SIG{$_} = "DEFAULT" for qw(INT QUIT TERM);
    exec { $command[0] } @command;
    print STDERR "$command[0]: $!\n";
    exit 127;
}
while ((my $ended = wait) > 0) {
    next if $ended != $child;
    exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}
