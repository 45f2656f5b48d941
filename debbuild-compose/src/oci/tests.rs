//! Layouts hold what they name, and are the same for the same request.

use std::{fs, io::Read as _};

use debbuild_core::cancel::CancelToken;

use super::*;
use crate::rootfs::tarball;

const EPOCH: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn request(base: &AbsPath) -> ImageRequest {
    let rootfs = base.join("rootfs.tar");
    let mut writer = tarball::Writer::new(tarball::create(&rootfs).unwrap(), EPOCH);
    for folder in ["", "dev", "dev/pts", "usr"] {
        writer.folder(folder).unwrap();
    }
    writer.file("usr/file", b"text").unwrap();
    writer.finish().unwrap().into_inner().unwrap();
    ImageRequest::new(rootfs, Architecture::new("arm64").unwrap(), "v1", EPOCH)
        .with_command(vec!["/bin/sh".to_owned()])
        .with_environment(BTreeMap::from([("A".to_owned(), "b=c".to_owned())]))
        .with_labels(BTreeMap::from([("x".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())]))
}

#[tokio::test]
async fn every_digest_leads_to_its_bytes() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let layout = base.join("oci");
    let digest = LayoutBuilder.build(&Context::new(), &request(&base), &layout).await.unwrap();
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let blob = |descriptor: &serde_json::Value| {
        let name = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let bytes = fs::read(layout.join("blobs/sha256").child(name).unwrap()).unwrap();
        assert_eq!(Sha256::of(&bytes).to_string(), name);
        assert_eq!(descriptor["size"].as_u64().unwrap(), bytes.len() as u64);
        bytes
    };
    let index = json(&fs::read(layout.join("index.json")).unwrap());
    let entry = &index["manifests"][0];
    assert_eq!(entry["digest"], format!("sha256:{digest}"));
    assert_eq!(entry["annotations"]["org.opencontainers.image.ref.name"], "v1");
    assert_eq!(entry["platform"]["architecture"], "arm64");
    let manifest = json(&blob(entry));
    let config = json(&blob(&manifest["config"]));
    assert_eq!(config["config"]["Cmd"][0], "/bin/sh");
    assert_eq!(config["config"]["Env"][0], "A=b=c");
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&blob(&manifest["layers"][0])[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", Sha256::of(&plain)));
    fs::write(base.join("layer.tar"), plain).unwrap();
    let mut paths = Vec::new();
    tarball::walk(&base.join("layer.tar"), &CancelToken::new(), &mut |member, _, _| {
        paths.push(member.path.clone());
        Ok(())
    })
    .unwrap();
    assert_eq!(paths, ["", "dev", "usr", "usr/file"]);
    assert_eq!(fs::read_dir(layout.join("blobs/sha256")).unwrap().count(), 3);
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn builders_conform() {
    for builder in [&LayoutBuilder as &dyn ImageBuilder, &MemoryImages] {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        conformance::images_are_reproducible(builder, &request(&base), &base).await;
    }
}
