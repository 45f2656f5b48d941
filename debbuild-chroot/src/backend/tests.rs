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

#[cfg(feature = "testing")]
mod suite {
    use debbuild_core::digest::Sha256;

    use super::*;

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
