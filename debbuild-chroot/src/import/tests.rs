//! Unit tests of imports: what means harm, what layers come to, and images by digest.

use std::{collections::BTreeMap, fs, io::Read as _};

use debbuild_core::{
    blob::MemoryStore,
    deb::fixture::{entry, tarball},
};
use tar::EntryType as T;

use super::*;

const STATUS: &str = "Package: dpkg\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";

struct Place {
    _folder: tempfile::TempDir,
    path: AbsPath,
    store: MemoryStore,
    cx: Context,
}

fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = AbsPath::new(folder.path()).unwrap();
    let store = MemoryStore::new(path.join("blobs"));
    fs::create_dir(path.join("blobs")).unwrap();
    Place { _folder: folder, path, store, cx: Context::new() }
}

fn host() -> Architecture {
    Architecture::new("amd64").unwrap()
}

fn file(path: &str, content: &str) -> Vec<u8> {
    entry(T::Regular, path, "", content.as_bytes())
}

fn folder(path: &str) -> Vec<u8> {
    entry(T::Directory, path, "", b"")
}

impl Place {
    /// Imports what a request names; gives what is in the result, by path.
    async fn import(&self, source: ImportSource) -> Result<(Flattened, BTreeMap<String, String>), ImportError> {
        let request = ImportRequest::new(source, host());
        let scratch = self.path.child(&format!("scratch-{}", fs::read_dir(&self.path).unwrap().count())).unwrap();
        fs::create_dir(&scratch).unwrap();
        let found = find(&self.cx, &self.store, &request, &scratch).await?;
        let to = scratch.join("chroot.tar");
        let system = flatten(&self.cx, found, &to).await?;
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(fs::File::open(&to).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut text =
                entry.link_name().unwrap().map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
            entry.read_to_string(&mut text).unwrap();
            assert_eq!(files.insert(path.clone(), text), None, "{path} is there once");
        }
        Ok((system, files))
    }

    async fn import_tar(&self, entries: &[Vec<u8>]) -> Result<(Flattened, BTreeMap<String, String>), ImportError> {
        let path = self.path.join("system.tar");
        fs::write(&path, tarball(entries)).unwrap();
        self.import(ImportSource::Tar(path)).await
    }

    /// Puts a blob into the layout.
    fn blob(&self, bytes: &[u8]) -> Sha256 {
        let folder = self.path.join("layout/blobs/sha256");
        fs::create_dir_all(&folder).unwrap();
        let id = Sha256::of(bytes);
        fs::write(folder.child(&id.to_string()).unwrap(), bytes).unwrap();
        id
    }

    fn image(&self, layers: &[&[Vec<u8>]]) -> Sha256 {
        let layer = |entries: &&[Vec<u8>]| {
            let id = self.blob(&tarball(entries));
            format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{id}","size":1}}"#)
        };
        let layers: Vec<String> = layers.iter().map(layer).collect();
        self.blob(format!(r#"{{"schemaVersion":2,"config":{{}},"layers":[{}]}}"#, layers.join(",")).as_bytes())
    }

    async fn import_image(&self, digest: Sha256) -> Result<(Flattened, BTreeMap<String, String>), ImportError> {
        self.import(ImportSource::Oci { layout: self.path.join("layout"), digest }).await
    }
}

#[tokio::test]
async fn a_system_becomes_a_plain_archive_without_devices() {
    let place = place();
    let entries = [
        folder("./"),
        entry(T::Char, "./dev/null", "", b""),
        entry(T::Block, "./srv/disk", "", b""),
        file("./dev/notes", "x"),
        file("/etc/passwd", "root"),
        file("bin/su", "#!"),
        entry(T::Link, "bin/su2", "./bin/su", b""),
        entry(T::Symlink, "etc/mtab", "/proc/mounts", b""),
        entry(T::Symlink, "etc/up", "../../..//x/", b""),
        file("./var/lib/dpkg/status", STATUS),
        file("usr/lib/os-release", "NAME=x\nVERSION_CODENAME=bookworm\n"),
    ];
    let (system, files) = place.import_tar(&entries).await.unwrap();
    assert_eq!((system.status.as_str(), system.devices), (STATUS, 2));
    assert_eq!(system.suite().unwrap().as_str(), "bookworm");
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected =
        ["./", "bin/su", "bin/su2", "etc/mtab", "etc/passwd", "etc/up", "usr/lib/os-release", "var/lib/dpkg/status"];
    assert_eq!(paths, expected);
    assert_eq!((files["bin/su2"].as_str(), files["etc/up"].as_str()), ("bin/su", "../../..//x/"));
    let mode = |path: &str| {
        let scratch = fs::read_dir(&place.path).unwrap().map(|entry| entry.unwrap().path());
        let tar = scratch.map(|folder| folder.join("chroot.tar")).find(|tar| tar.exists()).unwrap();
        let mut archive = tar::Archive::new(fs::File::open(tar).unwrap());
        let mut entries = archive.entries().unwrap().map(Result::unwrap);
        entries.find(|entry| entry.path().unwrap().ends_with(path)).unwrap().header().mode().unwrap()
    };
    assert_eq!(mode("bin/su"), 0o4755, "it means something only in the session's own user namespace");
}

#[tokio::test]
async fn whatever_leads_out_of_the_system_refuses_it() {
    let status = || file("var/lib/dpkg/status", STATUS);
    let cases = [
        (vec![file("../etc/cron.d/x", "x"), status()], "leads out"),
        (vec![file("a/../../x", "x"), status()], "leads out"),
        (vec![entry(T::Link, "shadow", "../../etc/shadow", b""), status()], "leads out"),
        (vec![entry(T::Link, "shadow", "/etc/shadow", b""), status()], "which is no file"),
        (vec![entry(T::Symlink, "etc", "/etc", b""), file("etc/passwd", "x"), status()], "\"etc\" is not a folder"),
        (vec![file("etc/passwd", "x"), entry(T::Symlink, "etc", "/etc", b""), status()], "kept"),
        (vec![entry(T::Symlink, "s", "/etc/shadow", b""), entry(T::Link, "h", "s", b""), status()], "which is no file"),
        (vec![entry(T::new(b'Z'), "odd", "", b""), status()], "of a kind"),
        (vec![file("a", "x")], "not a Debian system"),
    ];
    for (entries, reason) in cases {
        let answer = place().import_tar(&entries).await;
        match answer {
            // The later entry is the last word, as for tar itself: the folder is gone, with what was in it.
            Ok((_, files)) => assert!(reason == "kept" && !files.contains_key("etc/passwd"), "{files:?}"),
            Err(error) => {
                assert!(error.to_string().contains(reason), "{error} is not because it {reason}");
                assert_eq!(error.class(), Class::Usage);
            }
        }
    }
    let place = place();
    fs::write(place.path.join("system.tar"), "no archive at all").unwrap();
    let error = place.import(ImportSource::Tar(place.path.join("system.tar"))).await.unwrap_err();
    assert_eq!(error.class(), Class::Usage, "{error}");
    let error = place.import(ImportSource::Tar(place.path.join("none.tar"))).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
}

#[tokio::test]
async fn later_layers_replace_and_take_away() {
    let place = place();
    let lower = [
        file("var/lib/dpkg/status", "old"),
        file("a/one", "1"),
        file("a/two", "2"),
        file("b/three", "3"),
        file("b-c", "beside"),
        file("c/four", "4"),
        entry(T::Link, "c/five", "c/four", b""),
        entry(T::Symlink, "link", "a", b""),
    ];
    let upper = [
        file("var/lib/dpkg/status", STATUS),
        file("a/.wh.one", ""),
        // What the layer itself has in an opaque folder stays, wherever its entry stands.
        file("b/new", "n"),
        file("b/.wh..wh..opq", ""),
        file(".wh..wh.plnk", ""),
        folder("link"),
        file("link/in", "i"),
    ];
    let (_, files) = place.import_image(place.image(&[&lower, &upper])).await.unwrap();
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(paths, ["a/two", "b-c", "b/new", "c/five", "c/four", "link", "link/in", "var/lib/dpkg/status"]);
    assert_eq!(files["var/lib/dpkg/status"], STATUS);
    let torn = [file("c/four", "other")];
    let error = place.import_image(place.image(&[&lower, &upper, &torn])).await.unwrap_err();
    assert!(error.to_string().contains("a later layer replaces"), "{error}");
}

#[tokio::test]
async fn an_image_is_what_its_digest_says_or_nothing() {
    let place = place();
    let system = [file("var/lib/dpkg/status", STATUS)];
    let image = place.image(&[&system]);
    let other = place.image(&[&[file("var/lib/dpkg/status", "other")]]);
    let entry_for = |id: Sha256, architecture: &str| {
        format!(r#"{{"digest":"sha256:{id}","platform":{{"os":"linux","architecture":"{architecture}"}}}}"#)
    };
    let index = format!(r#"{{"manifests":[{},{}]}}"#, entry_for(other, "arm64"), entry_for(image, "amd64"));
    let index = place.blob(index.as_bytes());
    let (system, _) = place.import_image(index).await.unwrap();
    assert_eq!(system.status, STATUS, "the image for this machine");
    let foreign = format!(r#"{{"manifests":[{},{}]}}"#, entry_for(other, "arm64"), entry_for(other, "s390x"));
    let error = place.import_image(place.blob(foreign.as_bytes())).await.unwrap_err();
    assert!(error.to_string().contains("no image for amd64"), "{error}");
    let error = place.import_image(Sha256::of(b"nothing")).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
    let error = place.import_image(place.blob(b"{}")).await.unwrap_err();
    assert_eq!(error.class(), Class::Usage, "{error}");

    // An archive of the layout is the same image.
    let blobs = place.path.join("layout/blobs/sha256");
    let mut entries = vec![file("index.json", "{}"), file("../blobs/sha256/x", "no")];
    for one in fs::read_dir(&blobs).unwrap().map(Result::unwrap) {
        let name = format!("./blobs/sha256/{}", one.file_name().to_string_lossy());
        entries.push(entry(T::Regular, &name, "", &fs::read(one.path()).unwrap()));
    }
    let archive = place.path.join("layout.tar");
    fs::write(&archive, tarball(&entries)).unwrap();
    let source = ImportSource::Oci { layout: archive, digest: index };
    assert_eq!(place.import(source).await.unwrap().0.status, STATUS);

    // Other bytes under a digest.
    let mut refused = 0;
    for name in fs::read_dir(&blobs).unwrap().map(|one| one.unwrap().path()) {
        let bytes = fs::read(&name).unwrap();
        fs::write(&name, [bytes.as_slice(), b" "].concat()).unwrap();
        let error = place.import_image(image).await.map(drop);
        fs::write(&name, &bytes).unwrap();
        if let Err(error) = error {
            assert_eq!(error.class(), Class::Verification, "{error}");
            refused += 1;
        }
    }
    assert_eq!(refused, 2, "the manifest and the layer");
    assert!("sha256:abc".parse::<OciDigest>().is_err() && "latest".parse::<OciDigest>().is_err());
}
