//! Source packages: the newest, a named one, and those that do not hold together.

use std::fs;

use super::{AcquireError, ArchiveFixture, World};
use crate::{
    acquire::{
        Suite,
        source::{SourceRequest, fetch_source, find_source},
    },
    digest::Sha256,
    error::{Class, Classify as _},
    path::AbsPath,
    version::Version,
};

/// A stanza of Sources for a version, whose .dsc and tarball are put into the pool; `listed` is the tarball that the .dsc lists.
fn source(fixture: &ArchiveFixture, version: &str, extra: &str, listed: &[u8]) -> String {
    let tar = format!("tar of {version}").into_bytes();
    let bare = Version::new(version).unwrap().without_epoch().to_owned();
    let (folder, name) = ("pool/main/h/hello", format!("hello_{bare}.tar.xz"));
    let head = format!("Version: {version}\nFormat: 3.0 (native)\nBinary: hello\nArchitecture: any\n");
    let dsc = format!("Source: hello\n{head}Checksums-Sha256:\n {} {} {name}\n", Sha256::of(listed), listed.len());
    let dsc_file = fixture.put_file(&format!("{folder}/hello_{bare}.dsc"), dsc.as_bytes()).unwrap();
    let tar_file = fixture.put_file(&format!("{folder}/{name}"), &tar).unwrap();
    format!(
        "Package: hello\n{head}{extra}Directory: {folder}\nChecksums-Sha256:\n {} {} {name}\n {} {} hello_{bare}.dsc\n\n",
        tar_file.sha256, tar_file.size, dsc_file.sha256, dsc_file.size
    )
}

fn honest(fixture: &ArchiveFixture, version: &str, extra: &str) -> String {
    source(fixture, version, extra, format!("tar of {version}").as_bytes())
}

async fn open(world: &World, sources: impl Fn(&ArchiveFixture) -> String + Send) -> Suite {
    let fixture = world.archive();
    let text = sources(&fixture);
    let fixture = fixture.with_index("main/source/Sources", text);
    world.publish(&fixture).await;
    world.open(&fixture).await.unwrap()
}

fn folder(world: &World) -> AbsPath {
    let folder = world.scratch.join("sources");
    fs::create_dir_all(&folder).unwrap();
    folder
}

async fn hello(world: &World) -> Suite {
    let versions = [("2.9-1", ""), ("1:0.1-1", "Extra-Source-Only: yes\n"), ("2.10-3", ""), ("2.10-2", "")];
    open(world, |fixture| versions.map(|(version, extra)| honest(fixture, version, extra)).concat()).await
}

#[tokio::test]
async fn the_newest_or_the_named_version_is_placed() {
    let world = World::new();
    let suite = hello(&world).await;
    let into = folder(&world);
    let fetch =
        async |text: &str| fetch_source(&world.cx, std::slice::from_ref(&suite), &text.parse().unwrap(), &into).await;
    let newest = fetch("hello").await.unwrap();
    assert_eq!((newest.source.version.as_str(), newest.dsc.name()), ("2.10-3", "hello_2.10-3.dsc"));
    assert_eq!(newest.files.len(), 2);
    assert_eq!(fs::read(&newest.files[1]).unwrap(), b"tar of 2.10-3");
    assert_eq!(fetch("hello=2.9-1").await.unwrap().dsc.name(), "hello_2.9-1.dsc");
    assert_eq!(fetch("hello=1:0.1-1").await.unwrap().dsc.name(), "hello_0.1-1.dsc");
    assert_eq!(fs::read_dir(&into).unwrap().count(), 6);
    assert_eq!(fetch("hello").await.unwrap().files, newest.files);
    for absent in ["hello=3", "hallo"] {
        let error = fetch(absent).await.unwrap_err();
        assert_eq!(error.class(), Class::NotFound, "{error}");
    }
    assert_eq!("Hello".parse::<SourceRequest>().unwrap_err().class(), Class::Usage);
}

#[tokio::test]
async fn a_file_with_other_content_is_not_overwritten() {
    let world = World::new();
    let suite = hello(&world).await;
    let into = folder(&world);
    fs::write(into.join("hello_2.10-3.tar.xz"), "mine").unwrap();
    let error = fetch_source(&world.cx, &[suite], &"hello".parse().unwrap(), &into).await.unwrap_err();
    assert!(matches!(error, AcquireError::Occupied { .. }), "{error}");
    assert_eq!(error.class(), Class::Conflict);
    assert_eq!(fs::read_dir(&into).unwrap().count(), 1);
}

#[tokio::test]
async fn a_dsc_that_lists_other_files_than_the_index_is_refused() {
    let world = World::new();
    let suite = open(&world, |fixture| source(fixture, "2.10-3", "", b"another tarball")).await;
    let into = folder(&world);
    let request: SourceRequest = "hello".parse().unwrap();
    assert!(find_source(&world.cx, std::slice::from_ref(&suite), &request).await.is_ok());
    let error = fetch_source(&world.cx, &[suite], &request, &into).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    assert_eq!(fs::read_dir(&into).unwrap().count(), 0);
}
