//! Unit tests of layers: the command, what is taken of the parent as it is, and the twin.

use std::fs;

use super::*;

fn request() -> LayerRequest {
    let names = |names: &[&str]| names.iter().map(|name| PackageName::new(name).unwrap()).collect::<Vec<_>>();
    LayerRequest::new(GatewayOptions::new(Vec::new()), Timestamp::from_seconds(1_700_000_000))
        .with_packages(names(&["g++", "hello"]), names(&["nano"]))
}

fn folder() -> (tempfile::TempDir, AbsPath) {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = AbsPath::new(folder.path()).unwrap();
    (folder, path)
}

/// A tar archive of these paths, each with its content.
fn tarball(path: &AbsPath, entries: &[(&str, &str)]) {
    let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.finish().unwrap();
}

#[test]
fn data_comes_after_the_constant_script() {
    let plain = session::command(&request(), "fetch", vec!["g++".to_owned(), "nano-".to_owned()]);
    assert_eq!(plain.argv[..2], ["sh", "-c"]);
    assert_eq!(plain.argv[3..], ["layer", "fetch", "", "", "g++", "nano-"]);
    assert_eq!(plain.env["SOURCE_DATE_EPOCH"], "1700000000");
    let replayed = session::command(&request().with_replay(true).with_upgrade(true), "ready", Vec::new());
    assert_eq!(replayed.argv[3..], ["layer", "ready", "expired", "upgrade"]);
    assert_eq!(plain.argv[2], replayed.argv[2]);
}

#[test]
fn what_sessions_cover_comes_from_the_parent_byte_for_byte() {
    let (_folder, path) = folder();
    let (parent, whole) = (path.join("parent.tar"), path.join("whole.tar"));
    let long = format!("run/{}x", "long/".repeat(40));
    let files =
        [("dev/null", ""), ("etc/a", "a"), ("run/lock", "held"), (&*long, "x"), ("sysv/b", "b"), ("proc/none", "")];
    tarball(&parent, &files);
    let mut bytes = Vec::new();
    pack::mounted(&parent, &mut bytes).unwrap();
    bytes.extend([0; 1024]);
    fs::write(&whole, bytes).unwrap();
    let mut archive = tar::Archive::new(fs::File::open(&whole).unwrap());
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = String::new();
        std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
        found.push((path, content));
    }
    let expected = files.iter().filter(|(name, _)| !name.starts_with("etc") && !name.starts_with("sysv"));
    let expected: Vec<_> = expected.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    assert_eq!(found, expected);
    assert!(matches!(pack::status(&whole), Err(LayerError::NoStatus)));
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_twin_conforms() {
    use debbuild_core::{build::ChrootId, digest::Sha256};

    let (_folder, path) = folder();
    let tarball_path = path.join("parent.tar");
    let status = "Package: nano\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
    tarball(&tarball_path, &[("etc/a", "a"), ("var/lib/dpkg/status", status)]);
    let parent = ChrootRef { id: ChrootId::new(Sha256::of(b"parent")), tarball: tarball_path };
    let twin = MemoryLayers::new();
    for name in ["g++", "hello"] {
        twin.set_package(name, "Status: install ok installed\nVersion: 2\nArchitecture: all\n");
    }
    conformance::layers_are_clean_and_repeat(&twin, &parent, &request(), &path).await;
    assert_eq!(twin.requests().len(), 4);
    let to = path.join("last.tar");
    let made = twin
        .make(&debbuild_core::context::Context::new(), &parent, &request(), &to, &mut debbuild_core::command::Discard)
        .await
        .unwrap();
    assert!(!made.status.contains("nano") && made.status.contains("Package: hello\n"), "{}", made.status);
}
