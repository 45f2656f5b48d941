//! Unit tests of backends: the twin by the shared suite, and the command line of sessions.

use super::{copy::split_inside, *};

#[test]
fn paths_inside_are_plain() {
    assert_eq!(split_inside("/a/b").unwrap(), ("/a".to_owned(), "b".to_owned()));
    assert_eq!(split_inside("/").unwrap(), ("/".to_owned(), ".".to_owned()));
    for bad in ["a", "/a/../b", ""] {
        assert_eq!(split_inside(bad).unwrap_err().class(), Class::Usage, "{bad}");
    }
}

#[test]
fn a_command_of_schroots_is_arguments_behind_constant_words() {
    let inner = ["env", "-i", "sh", "$(reboot)"].map(str::to_owned).to_vec();
    let spec = schroot::joining(7, inner);
    let args: Vec<&str> = spec.args.iter().map(|arg| arg.to_str().unwrap()).collect();
    assert!(args.ends_with(&["--", "sh", "-c", schroot::ENTERED, "session", "env", "-i", "sh", "$(reboot)"]), "{spec}");
    assert!(args.contains(&"--target=7") && args.contains(&"--run-session"), "{spec}");
    assert!(!args.iter().any(|arg| arg.starts_with("--user") || arg.contains("preserve-environment")), "{spec}");
}

#[cfg(feature = "testing")]
mod suite {
    use std::sync::Arc;

    use debbuild_core::{
        command::{CommandRunner, ScriptedRunner},
        digest::Sha256,
    };

    use super::*;
    use crate::confine::{BuildUser, SubIds};

    #[tokio::test]
    async fn what_works_as_root_refuses_what_it_cannot_before_it_does_anything() {
        let ids = SubIds { first: 100_000, count: 65_536 };
        let place = AbsPath::new("/nowhere").unwrap();
        let (name, home, switch) = ("builder".to_owned(), place.clone(), true);
        let user = BuildUser { name, uid: 1001, gid: 1002, home, subuids: ids, subgids: ids, switch };
        let base = ChrootRef { id: ChrootId::new(Sha256::of(b"base")), tarball: place.join("base.tar") };
        let script = Arc::new(ScriptedRunner::new());
        let runner: Arc<dyn CommandRunner> = Arc::<ScriptedRunner>::clone(&script);
        let parts = (user, place.join("bases"), place.join("scratch"));
        let (user, bases, scratch) = parts.clone();
        let nspawn = NspawnBackend::new(NspawnOptions::new(Arc::clone(&runner), user, bases, scratch));
        let (user, bases, scratch) = parts;
        let schroot = SchrootBackend::new(SchrootOptions::new(runner, user, bases, scratch));
        conformance::capabilities_hold(&nspawn, &base).await;
        conformance::capabilities_hold(&schroot, &base).await;
        assert!(script.calls().is_empty());
    }

    #[tokio::test]
    async fn memory() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let scratch = AbsPath::new(folder.path()).unwrap();
        let tarball = scratch.join("base.tar");
        let mut builder = tar::Builder::new(std::fs::File::create(&tarball).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        builder.append_data(&mut header, "./etc/debian_version", &b"12\n"[..]).unwrap();
        builder.finish().unwrap();
        let base = ChrootRef { id: ChrootId::new(Sha256::of(b"base")), tarball };
        let backend = MemoryBackend::new();
        conformance::statuses_pass(&backend, &base).await;
        conformance::sessions_are_thrown_away(&backend, &base, "/etc/debian_version").await;
        conformance::capabilities_hold(&backend, &base).await;
        conformance::files_travel(&backend, &base, &scratch).await;
        conformance::snapshots_hold(&backend, &base, "/etc/debian_version").await;
        conformance::sessions_last(&backend, &base).await;
        conformance::use_is_respected(&backend, &base).await;
    }
}
