//! Sessions that mean harm: each ends at its limit, leaves nothing, and its neighbour goes on.

use std::{fs, time::Duration};

use debbuild_chroot::{
    backend::{ChrootBackend as _, ChrootError, Session, SessionCommand, SessionOptions},
    limits::Limits,
};
use debbuild_core::{
    command::{Capture, Exit},
    error::{Class, Classify as _},
};
use debbuild_suite::bench::{Bench, cache};

use crate::chroot::shared;

const MIB: u64 = 1 << 20;

/// What a session is given, and a mark by which its processes are found.
struct Hostile {
    bench: Bench,
    session: Box<dyn Session>,
    mark: String,
}

impl Hostile {
    async fn open(name: &str, limits: Limits) -> Self {
        let bench = Bench::open(cache()).await;
        let (_, chroot) = shared(&bench).await;
        let options = SessionOptions::new().with_limits(limits);
        let session = bench.backend.open(&bench.cx, &chroot.reference(), &options).await.unwrap();
        Self { bench, session, mark: format!("hostile-{}-{name}", std::process::id()) }
    }

    /// Runs a script; `$0` is the mark.
    async fn run(&mut self, script: &str, seconds: u64) -> (Result<Exit, ChrootError>, String) {
        let command = SessionCommand::new(["sh", "-c", script, &self.mark]);
        let command = command.with_limits(Some(Duration::from_secs(seconds)), None);
        let mut said = Capture::default();
        let exit = self.session.run(&self.bench.cx, &command, &mut said).await;
        let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        self.all_gone(script).await;
        (exit, text)
    }

    /// Waits until no process has the mark: what was killed takes a moment to give its memory back.
    async fn all_gone(&self, script: &str) {
        for _ in 0..100 {
            if marked(&self.mark).is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{script}: {:?} live on", marked(&self.mark));
    }

    /// Closes the session, after which nothing of it is there.
    async fn close(self) {
        self.session.close(&self.bench.cx).await.unwrap();
        assert!(marked(&self.mark).is_empty());
    }
}

/// The processes of this machine that have a word in their command line.
fn marked(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(mark)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_ends_at_its_limits_and_its_neighbour_goes_on() {
    let mut bomb = Hostile::open("bomb", Limits::new().with_processes(Some(80)).with_memory(Some(512 * MIB))).await;
    let mut neighbour = Hostile::open("neighbour", Limits::new().with_processes(Some(80))).await;
    let explode = "bomb() { sh -c \"sleep 100; : $0\" & bomb | bomb & }; bomb; sleep 100";
    let work = "for i in 1 2 3 4 5 6 7 8; do seq 1000 | sort | tail -n 1 >/dev/null; sleep 0.5; done; echo well";
    let ((exit, said), (well, told)) = tokio::join!(bomb.run(explode, 6), neighbour.run(work, 60));
    // It goes on until its time is up, or its shells give up before.
    assert!(exit.as_ref().map_or_else(|error| error.class() == Class::Timeout, |exit| !exit.success()), "{exit:?}");
    assert!(said.contains("Cannot fork") || said.contains("Resource temporarily unavailable"), "{said}");
    assert!(well.unwrap().success() && told == "well\n", "{told}");
    bomb.close().await;
    neighbour.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_for_one_process_and_for_all_together() {
    let mut session = Hostile::open("memory", Limits::new().with_memory(Some(256 * MIB))).await;
    let (exit, said) = session.run("exec perl -e '$held = \"x\" x (64 << 30)'", 60).await;
    // By the kernel at once, or, in a control group, when it is filled.
    let refused = |exit: Exit| !exit.success() && said.contains("Out of memory");
    assert!(exit.map_or_else(|error| error.class() == Class::Memory, refused), "{said}");
    let many = "for i in 1 2 3 4 5 6; do perl -e '$held = \"x\" x (64 << 20); sleep 100' & done; wait";
    let (exit, _) = session.run(many, 60).await;
    let error = exit.unwrap_err();
    assert_eq!(error.class(), Class::Memory, "{error}");
    let (exit, _) = session.run("exec perl -e '$held = \"x\" x (32 << 20); sleep 1'", 60).await;
    let exit = exit.unwrap();
    assert!(exit.success() && (32 * MIB..256 * MIB).contains(&exit.peak_memory.unwrap()), "{exit:?}");
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_what_is_left_behind_are_limited() {
    let limits = Limits::new().with_file_size(Some(16 * MIB)).with_open_files(Some(64));
    let mut busy = Hostile::open("busy", limits.with_cpu_time(Some(Duration::from_secs(1)))).await;
    let (exit, _) = busy.run("while :; do :; done", 60).await;
    assert!(!exit.unwrap().success(), "it was busy for ever");
    busy.close().await;
    let mut session = Hostile::open("files", limits).await;
    let (exit, said) = session.run("truncate --size 1T /sparse; status=$?; stat -c %s /sparse; exit $status", 60).await;
    assert!(!exit.unwrap().success() && said.starts_with("0\n"), "{said}");
    let (exit, said) = session.run("exec perl -e 'my @held; while (open(my $file, \"<\", \"/etc/passwd\")) { push @held, $file } print scalar(@held)'", 60).await;
    assert!(exit.unwrap().success() && said.parse::<u32>().unwrap() < 64, "{said}");
    // A daemon that left its parents, a mount, a file that changes its user, folders that nobody may enter, a limit taken back.
    let (exit, said) = session
        .run(
            "(setsid sh -c \"sleep 1000; : $0\" & ); (mount -t tmpfs none /mnt && touch /mnt/here) 2>/dev/null; \
             cp /bin/sh /srv/sh && chmod 4755 /srv/sh; mkdir -p /srv/a/b && touch /srv/a/b/c && chmod 000 /srv/a/b /srv/a; \
             ulimit -n 100000 2>/dev/null && echo raised; echo done",
            60,
        )
        .await;
    assert!(exit.unwrap().success() && said == "done\n", "{said}");
    let (exit, said) = session.run("ls /mnt; echo empty", 60).await;
    assert!(exit.unwrap().success() && said == "empty\n", "{said}");
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_writes_is_limited_in_size_and_number() {
    let mut session = Hostile::open("scratch", Limits::new().with_scratch(Some(64 * MIB), Some(5_000))).await;
    for place in ["/srv/large", "/dev/shm/large", "/run/large"] {
        let fill = format!("dd if=/dev/zero of={place} bs=1M count=100; status=$?; rm {place}; exit $status");
        let (exit, said) = session.run(&fill, 60).await;
        assert!(!exit.unwrap().success() && said.contains("No space left on device"), "{place}: {said}");
    }
    let (exit, said) =
        session.run("mkdir /srv/many && cd /srv/many && seq 1000000 | xargs touch 2>&1 | tail -n 1", 60).await;
    assert!(exit.is_ok() && said.contains("No space left on device"), "{said}");
    // What lies below can still be deleted and made anew, and what was written is there for the next command.
    let script = "rm -r /srv/many /usr/share/doc && mkdir /usr/share/doc && ls /usr/share/doc && echo kept >/srv/file";
    let (exit, said) = session.run(script, 60).await;
    assert!(exit.unwrap().success() && said.is_empty(), "{said}");
    let (exit, said) = session.run("cat /srv/file; ls /usr/share/doc", 60).await;
    assert!(exit.unwrap().success() && said == "kept\n", "{said}");
    session.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_asked_to_end_and_leaves_files_but_no_process_and_no_ipc() {
    let mut session = Hostile::open("parting", Limits::new()).await;
    let polite = "trap 'touch /run/bye; exit 0' TERM; touch /run/here; perl -e 'semget(1234, 1, 01600) // die'; sleep 100 & wait";
    let (exit, _) = session.run(polite, 3).await;
    let error = exit.unwrap_err();
    assert_eq!(error.class(), Class::Timeout, "{error}");
    assert!(error.to_string().starts_with("sh was killed after 3s"), "{error}");
    let look =
        "ls /run/here /run/bye; perl -e 'print defined(semget(1234, 1, 0)) ? 1 : 0'; echo; ls /proc | grep -c '^[0-9]'";
    let (exit, said) = session.run(look, 60).await;
    let lines: Vec<&str> = said.lines().collect();
    assert!(exit.unwrap().success() && lines[..3] == ["/run/bye", "/run/here", "0"], "{said}");
    assert!(lines[3].parse::<u32>().unwrap() < 8, "{said}");
    session.close().await;
}
