//! Sessions that last, and snapshots, by the real tools: from one command to the next, through the command line, and after a kill.

use std::time::{Duration, Instant};

use debbuild_chroot::{
    backend::{ChrootBackend as _, Session, SessionCommand, SessionOptions},
    limits::Limits,
};
use debbuild_core::{
    command::{Capture, CommandSpec, Discard},
    error::{Class, Classify as _},
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::Sandbox,
};
use serde_json::json;

use crate::chroot::shared;

/// What a script in a session says, and whether it ended well.
async fn script(bench: &Bench, session: &mut dyn Session, text: &str) -> (bool, String) {
    let mut said = Capture::default();
    let exit = session.run(&bench.cx, &SessionCommand::new(["sh", "-c", text]), &mut said).await.unwrap();
    (exit.success(), String::from_utf8_lossy(&said.stdout).into_owned())
}

#[tokio::test]
async fn a_session_lasts_from_one_command_to_the_next() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let (user, id) = (Sandbox::new(), chroot.id.to_string());
    let run = async |args: &[&str]| {
        let using = ["--format", "json", "--home", bench.home.as_str()];
        user.run([&using[..], args].concat()).await
    };
    let begun = run(&["chroot", "begin", &id, "--archives", "--open-files", "99"]).await;
    assert_eq!(begun.status, 0, "{begun:?}");
    let session = begun.json()["id"].as_str().unwrap().to_owned();
    let inside = async |text: &str| run(&["chroot", "run", "--session", &session, "--", "sh", "-c", text]).await;

    let first = inside("echo one >/srv/new; echo one >/run/state; ulimit -n; apt-get -q update >/dev/null").await;
    assert_eq!((first.status, first.stdout.as_str()), (0, "99\n"), "{first:?}");
    let kept = run(&["chroot", "snapshot", &session, "clean"]).await;
    assert_eq!(kept.json()["snapshots"], json!(["clean"]), "{kept:?}");
    let second = inside("cat /srv/new; rm -r /srv/new /run/state /etc/apt; exit 3").await;
    assert_eq!((second.status, second.stdout.as_str()), (3, "one\n"), "{second:?}");
    let taken = run(&["chroot", "snapshot", &session, "clean"]).await;
    assert_eq!(taken.error()["class"], "conflict", "{taken:?}");
    let known = run(&["chroot", "sessions"]).await.json();
    let known = known.as_array().unwrap().iter().find(|one| one["id"] == session.as_str()).unwrap().clone();
    assert_eq!((&known["chroot"], &known["archives"]), (&json!(id), &json!(true)), "{known}");
    let shown = run(&["chroot", "show", &id]).await.json();
    assert!(shown["sessions"].as_array().unwrap().contains(&json!(session)));

    let back = run(&["chroot", "rollback", &session[..12], "clean"]).await;
    assert_eq!(back.status, 0, "{back:?}");
    let third = inside("cat /srv/new /run/state; apt-get -q update >/dev/null").await;
    assert_eq!((third.status, third.stdout.as_str()), (0, "one\none\n"), "{third:?}");
    let ended = run(&["chroot", "end", &session]).await;
    assert_eq!(ended.json(), json!({ "ended": session }), "{ended:?}");
    let gone = inside("true").await;
    assert_eq!((gone.status, &gone.error()["class"]), (125, &"not-found".into()), "{gone:?}");
    let scratch = bench.home.join("scratch").child(&format!("lasting-{session}")).unwrap();
    assert!(!scratch.as_std().exists());
}

#[tokio::test]
async fn a_killed_holder_ends_its_session_and_a_reap_clears_it() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let id = bench.backend.begin(&bench.cx, &chroot.reference(), &SessionOptions::new()).await.unwrap();
    let mut session = bench.backend.attach(&bench.cx, id, None).await.unwrap();
    assert!(script(&bench, &mut *session, "echo one >/srv/new").await.0);
    let scratch = bench.home.join("scratch").child(&format!("lasting-{id}")).unwrap();
    let process = std::fs::read_to_string(scratch.join("process")).unwrap();
    let kill = CommandSpec::new("sh").with_args(["-c", r#"kill -KILL "$1""#, "sh", process.trim()]);
    let sleep = SessionCommand::new(["sleep", "100"]);
    let mut quiet = Discard;
    let (exit, killed) = tokio::join!(session.run(&bench.cx, &sleep, &mut quiet), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        bench.runner.run(&bench.cx, &kill, &mut Discard).await.unwrap().success()
    });
    assert!(killed && !exit.is_ok_and(|exit| exit.success()), "its commands end with it");
    drop(session);
    let started = Instant::now();
    while bench.backend.lasting().unwrap().iter().any(|one| one.id == id) {
        assert!(started.elapsed() < Duration::from_secs(20), "its lock is still held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let gone = bench.backend.attach(&bench.cx, id, None).await;
    assert_eq!(gone.unwrap_err().class(), Class::NotFound);
    bench.manager.reap(&bench.cx).await.unwrap();
    assert!(!scratch.as_std().exists());
}

#[tokio::test]
async fn a_full_scratch_has_room_again_after_a_rollback() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let limits = Limits::new().with_scratch(Some(16 << 20), Some(1_000));
    let options = SessionOptions::new().with_limits(limits);
    let mut session = bench.backend.open(&bench.cx, &chroot.reference(), &options).await.unwrap();
    assert!(script(&bench, &mut *session, "echo one >/srv/new").await.0);
    session.snapshot(&bench.cx, "clean").await.unwrap();
    let full = "dd if=/dev/zero of=/srv/large bs=1M count=20 2>/dev/null || (cd /srv && seq 2000 | xargs touch)";
    assert!(!script(&bench, &mut *session, full).await.0);
    let kept = session.snapshot(&bench.cx, "full").await;
    assert!(kept.is_err() && session.snapshots() == ["clean"], "there is no room for one more");
    assert_eq!(script(&bench, &mut *session, "cat /srv/new").await, (true, "one\n".to_owned()));
    session.rollback(&bench.cx, "clean").await.unwrap();
    let room = "dd if=/dev/zero of=/srv/large bs=1M count=10 2>/dev/null; df --output=size -k / | tail -n 1; ls /srv";
    let (well, said) = script(&bench, &mut *session, room).await;
    let words: Vec<&str> = said.split_whitespace().collect();
    assert_eq!((well, words.as_slice()), (true, ["16384", "large", "new"].as_slice()), "{said}");
    session.close(&bench.cx).await.unwrap();
}
