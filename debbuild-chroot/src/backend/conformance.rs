//! What every [`ChrootBackend`] must do, given a chroot that has `/etc/debian_version` or another file that is named.

use std::{fs::File, io::Read as _};

use debbuild_core::{
    cancel::CancelToken,
    command::{Capture, Discard, Stdin},
    context::Context,
    error::{Class, Classify as _},
    path::AbsPath,
};

use super::{Capabilities, ChrootBackend, ChrootRef, Session, SessionCommand, SessionId, SessionOptions};
use crate::{gateway::GatewayOptions, limits::Limits};

/// Statuses pass; a missing program is the shell's 127; no command at all is an error.
///
/// # Panics
/// When the backend does not conform.
pub async fn statuses_pass(backend: &dyn ChrootBackend, base: &ChrootRef) {
    let cx = Context::new();
    let mut session = backend.open(&cx, base, &SessionOptions::new()).await.expect("it opens");
    for (program, status) in [("true", 0), ("false", 1), ("no-such-program", 127)] {
        let exit = session.run(&cx, &SessionCommand::new([program]), &mut Discard).await.expect("it runs");
        assert_eq!(exit.status, Some(status), "{program}");
    }
    let nothing = session.run(&cx, &SessionCommand::new(Vec::<String>::new()), &mut Discard).await;
    assert_eq!(nothing.expect_err("there is no command").class(), Class::Usage);
    session.close(&cx).await.expect("it closes");
}

/// What one session writes, it reads again, and no other session sees.
///
/// # Panics
/// When the backend does not conform.
pub async fn sessions_are_thrown_away(backend: &dyn ChrootBackend, base: &ChrootRef, file: &str) {
    let cx = Context::new();
    let mut one = backend.open(&cx, base, &SessionOptions::new()).await.expect("it opens");
    let mut two = backend.open(&cx, base, &SessionOptions::new()).await.expect("a second one opens beside it");
    let write = SessionCommand::new(["tee", file]).with_stdin(Stdin::Bytes(b"changed\n".to_vec()));
    assert!(one.run(&cx, &write, &mut Discard).await.expect("it runs").success());
    let read = SessionCommand::new(["cat", file]);
    let (mut ours, mut theirs) = (Capture::default(), Capture::default());
    assert!(one.run(&cx, &read, &mut ours).await.expect("it runs").success());
    assert!(two.run(&cx, &read, &mut theirs).await.expect("it runs").success());
    assert_eq!(ours.stdout, b"changed\n");
    assert_ne!(theirs.stdout, b"changed\n");
    one.close(&cx).await.expect("it closes");
    two.close(&cx).await.expect("it closes");
    let mut three = backend.open(&cx, base, &SessionOptions::new()).await.expect("it opens");
    let mut later = Capture::default();
    assert!(three.run(&cx, &read, &mut later).await.expect("it runs").success());
    assert_eq!(later.stdout, theirs.stdout);
    three.close(&cx).await.expect("it closes");
}

/// A file copied in and out again has the same bytes; a missing one is named.
///
/// # Panics
/// When the backend does not conform.
pub async fn files_travel(backend: &dyn ChrootBackend, base: &ChrootRef, scratch: &AbsPath) {
    let cx = Context::new();
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let (to, from) = (scratch.join("in.tar"), scratch.join("out.tar"));
    let mut builder = tar::Builder::new(File::create(&to).expect("a tar"));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "folder/data", content.as_slice()).expect("it is written");
    builder.finish().expect("it is written");

    let mut session = backend.open(&cx, base, &SessionOptions::new()).await.expect("it opens");
    session.copy_in(&cx, &to, "/srv/new").await.expect("it is copied in");
    session.copy_out(&cx, "/srv/new/folder", &from).await.expect("it is copied out");
    let missing = session.copy_out(&cx, "/srv/none", &scratch.join("none.tar")).await;
    assert_eq!(missing.expect_err("it is not there").class(), Class::NotFound);
    let sneaky = session.copy_out(&cx, "/srv/../etc", &scratch.join("none.tar")).await;
    assert_eq!(sneaky.expect_err("it is not a plain path").class(), Class::Usage);
    session.close(&cx).await.expect("it closes");

    let mut archive = tar::Archive::new(File::open(&from).expect("the tar is there"));
    let mut found = None;
    for entry in archive.entries().expect("it is a tar") {
        let mut entry = entry.expect("it is whole");
        if entry.path().expect("a path").ends_with("folder/data") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("it can be read");
            found = Some(bytes);
        }
    }
    assert!(found.as_ref() == Some(&content), "the same bytes come back");
}

/// What a backend does not declare it refuses; what it declares is there.
///
/// # Panics
/// When the backend does not conform.
pub async fn capabilities_hold(backend: &dyn ChrootBackend, base: &ChrootRef) {
    let cx = Context::new();
    let Capabilities { limits, archives, .. } = backend.capabilities();
    let limited = SessionOptions::new().with_limits(Limits::new().with_open_files(Some(64)));
    let reaching = SessionOptions::new().with_gateway(Some(GatewayOptions::new(Vec::new())));
    for (can, options) in [(limits, limited), (archives, reaching)] {
        match backend.open(&cx, base, &options).await {
            Ok(session) => {
                assert!(can, "{} does what it does not declare", backend.name());
                session.close(&cx).await.expect("it closes");
            }
            Err(error) => assert_eq!((can, error.class()), (false, Class::Usage), "{error}"),
        }
    }
}

/// What a file of a session has; nothing when it is not there.
async fn read(session: &mut dyn Session, file: &str) -> Option<Vec<u8>> {
    let mut said = Capture::default();
    let exit = session.run(&Context::new(), &SessionCommand::new(["cat", file]), &mut said).await.expect("it runs");
    exit.success().then_some(said.stdout)
}

async fn write(session: &mut dyn Session, file: &str, text: &str) {
    let write = SessionCommand::new(["tee", file]).with_stdin(Stdin::Bytes(text.into()));
    assert!(session.run(&Context::new(), &write, &mut Discard).await.expect("it runs").success(), "{file}");
}

async fn remove(session: &mut dyn Session, file: &str) {
    let remove = SessionCommand::new(["rm", file]);
    assert!(session.run(&Context::new(), &remove, &mut Discard).await.expect("it runs").success(), "{file}");
}

/// After a rollback all files are as they were at the snapshot, in whatever order one goes back; without snapshots they are refused.
///
/// # Panics
/// When the backend does not conform.
pub async fn snapshots_hold(backend: &dyn ChrootBackend, base: &ChrootRef, file: &str) {
    let cx = Context::new();
    let mut opened = backend.open(&cx, base, &SessionOptions::new()).await.expect("it opens");
    let session = &mut *opened;
    if !backend.capabilities().snapshots {
        assert_eq!(session.snapshot(&cx, "one").await.expect_err("it has none").class(), Class::Usage);
        assert_eq!(session.rollback(&cx, "one").await.expect_err("it has none").class(), Class::Usage);
        return opened.close(&cx).await.expect("it closes");
    }
    let (new, state) = ("/srv/new", "/run/state");
    write(session, new, "one").await;
    write(session, state, "one").await;
    session.snapshot(&cx, "one").await.expect("it is made");
    remove(session, file).await;
    write(session, new, "two").await;
    remove(session, state).await;
    session.snapshot(&cx, "two").await.expect("it is made");
    write(session, file, "three").await;
    write(session, state, "three").await;
    remove(session, new).await;
    for name in ["two", "one", "one", "two"] {
        session.rollback(&cx, name).await.expect("it goes back");
        assert_eq!(read(session, file).await.is_some(), name == "one", "a removed file is back");
        assert_eq!(read(session, new).await.as_deref(), Some(name.as_bytes()));
        assert_eq!(read(session, state).await.is_some(), name == "one");
        write(session, new, "other").await;
        write(session, "/srv/more", "more").await;
    }
    session.rollback(&cx, "one").await.expect("it goes back");
    assert_eq!(read(session, "/srv/more").await, None, "what was written is gone");
    write(session, new, "four").await;
    session.snapshot(&cx, "four").await.expect("it is made");
    for (name, there) in [("two", false), ("four", true)] {
        session.rollback(&cx, name).await.expect("it goes back");
        assert_eq!(read(session, file).await.is_some(), there);
        assert_eq!(read(session, new).await.as_deref(), Some(name.as_bytes()));
    }
    assert_eq!(session.snapshots(), ["one", "two", "four"]);
    assert_eq!(session.snapshot(&cx, "one").await.expect_err("it is there").class(), Class::Conflict);
    assert_eq!(session.snapshot(&cx, "a/b").await.expect_err("it is no name").class(), Class::Usage);
    assert_eq!(session.rollback(&cx, "three").await.expect_err("there is none").class(), Class::NotFound);
    assert_eq!(read(session, new).await.as_deref(), Some(&b"four"[..]), "what failed changed nothing");
    opened.close(&cx).await.expect("it closes");
}

/// A session that lasts keeps its files and snapshots for who comes next, is for one at a time, and holds its chroot until it is ended.
///
/// # Panics
/// When the backend does not conform.
pub async fn sessions_last(backend: &dyn ChrootBackend, base: &ChrootRef) {
    let cx = Context::new();
    let nobody = backend.attach(&cx, SessionId::random(), None).await;
    assert_eq!(nobody.expect_err("there is none").class(), Class::NotFound);
    let begun = backend.begin(&cx, base, &SessionOptions::new()).await;
    if !backend.capabilities().lasting {
        return assert_eq!(begun.expect_err("it has none").class(), Class::Usage);
    }
    let id = begun.expect("it begins");
    let mut session = backend.attach(&cx, id, None).await.expect("it is there");
    write(&mut *session, "/srv/new", "one").await;
    session.snapshot(&cx, "one").await.expect("it is made");
    write(&mut *session, "/srv/new", "two").await;
    let second = backend.attach(&cx, id, None).await;
    assert_eq!(second.expect_err("it is in use").class(), Class::Conflict);
    assert_eq!(backend.end(&cx, id).await.expect_err("it is in use").class(), Class::Conflict);
    session.close(&cx).await.expect("it closes");

    assert_eq!(backend.forget(&cx, base.id).await.expect_err("it is in use").class(), Class::Conflict);
    backend.reap(&cx).await.expect("it looks");
    let known = backend.lasting().expect("they are known");
    let known = known.iter().find(|session| session.id == id).expect("it is among them");
    assert_eq!((known.chroot, known.archives, &*known.snapshots), (base.id, false, &["one".to_owned()][..]));
    let mut session = backend.attach(&cx, id, None).await.expect("it is there again");
    assert_eq!(read(&mut *session, "/srv/new").await.as_deref(), Some(&b"two"[..]));
    session.rollback(&cx, "one").await.expect("it goes back");
    assert_eq!(read(&mut *session, "/srv/new").await.as_deref(), Some(&b"one"[..]));
    drop(session);

    backend.end(&cx, id).await.expect("it ends");
    assert_eq!(backend.end(&cx, id).await.expect_err("it has ended").class(), Class::NotFound);
    let gone = backend.attach(&cx, id, None).await;
    assert_eq!(gone.expect_err("it has ended").class(), Class::NotFound);
    assert!(backend.lasting().expect("they are known").iter().all(|session| session.id != id));
}

/// A cancelled context runs nothing, and a chroot in use is not forgotten.
///
/// # Panics
/// When the backend does not conform.
pub async fn use_is_respected(backend: &dyn ChrootBackend, base: &ChrootRef) {
    let cx = Context::new();
    let mut session = backend.open(&cx, base, &SessionOptions::new()).await.expect("it opens");
    let cancel = CancelToken::new();
    cancel.cancel();
    let cancelled = cx.clone().with_cancel(cancel);
    let refused = session.run(&cancelled, &SessionCommand::new(["true"]), &mut Discard).await;
    assert_eq!(refused.expect_err("it was cancelled").class(), Class::Cancelled);
    assert_eq!(backend.forget(&cx, base.id).await.expect_err("it is in use").class(), Class::Conflict);
    session.close(&cx).await.expect("it closes");
    backend.forget(&cx, base.id).await.expect("nobody uses it");
}
