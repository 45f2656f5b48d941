//! What every [`ChrootBackend`] must do, given a chroot that has `/etc/debian_version` or another file that is named.

use std::{fs::File, io::Read as _};

use debbuild_core::{
    cancel::CancelToken,
    command::{Capture, Discard, Stdin},
    context::Context,
    error::{Class, Classify as _},
    path::AbsPath,
};

use super::{Capabilities, ChrootBackend, ChrootRef, SessionCommand, SessionOptions};
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
