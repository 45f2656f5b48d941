//! Unit tests of cross chroots: what is in their request, record and lock, what layers over them have, and what is refused.

use std::io::Read as _;

use debbuild_core::{deb::fixture::deb, lock::ListStyle, name::PackageName};

use super::*;
use crate::create::Variant;

/// The packages of the archive, by architecture; the library may be there for both at once.
const PACKAGES: [(&str, &str); 3] = [("apt", "amd64"), ("libc6", "amd64"), ("libc6", "arm64")];

fn control(name: &str, architecture: &str) -> String {
    let maintainer = "Maintainer: T <t@mirror.example>";
    format!(
        "Package: {name}\nVersion: 1\nArchitecture: {architecture}\nMulti-Arch: same\n{maintainer}\nDescription: for a test\n"
    )
}

fn arm64() -> Architecture {
    Architecture::new("arm64").unwrap()
}

impl Place {
    /// From now on the archive has both architectures, and the bootstrapper reads the indexes of both and installs everything.
    async fn with_both(&self) {
        let mut fixture = self.fixture.clone().with_field("Architectures", "all amd64 arm64");
        let base = "http://mirror.example/debian";
        let (mut urls, mut status) = (Vec::new(), String::new());
        for own in ["amd64", "arm64"] {
            let index = format!("main/binary-{own}/Packages");
            urls.push(format!("{base}/dists/s/{index}.xz"));
            let mut text = String::new();
            for (name, architecture) in PACKAGES.into_iter().filter(|(_, architecture)| *architecture == own) {
                let (path, control) = (format!("pool/main/{name}_1_{architecture}.deb"), control(name, architecture));
                let bytes = deb(&control);
                fixture.put_file(&path, &bytes).unwrap();
                let (size, sha256) = (bytes.len(), Sha256::of(&bytes));
                text.push_str(&format!("{control}Filename: {path}\nSize: {size}\nSHA256: {sha256}\n\n"));
                urls.push(format!("{base}/{path}"));
                status.push_str(&format!(
                    "Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: {architecture}\n\n"
                ));
            }
            fixture = fixture.with_index(&index, text);
        }
        fixture.publish(&self.cx, Timestamp::from_seconds(1_700_000_100), None).await.unwrap();
        self.bootstrapper.set_urls(urls);
        self.bootstrapper.set_status(status);
    }

    async fn cross(&self) -> Chroot {
        let spec = self.spec().await.with_host(Some(arm64()));
        self.manager.create(&self.cx, &spec, &mut Discard).await.unwrap()
    }
}

/// What dpkg of a chroot knows of architectures.
fn architectures(chroot: &Chroot) -> Option<String> {
    let mut archive = tar::Archive::new(std::fs::File::open(&chroot.tarball).unwrap());
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut found = entries.find(|entry| entry.path().unwrap().ends_with("var/lib/dpkg/arch"))?;
    let mut text = String::new();
    found.read_to_string(&mut text).unwrap();
    Some(text)
}

#[tokio::test]
async fn a_cross_chroot_has_both_architectures_in_record_and_lock() {
    let place = place().await;
    place.with_both().await;
    let plain = place.create().await.unwrap();
    let text = std::fs::read_to_string(plain.tarball.parent().join("manifest.json")).unwrap();
    assert!(!text.contains("\"host\""), "other chroots are recorded as ever: {text}");
    assert_eq!(architectures(&plain), None);

    let cross = place.cross().await;
    assert!(cross.id != plain.id && cross.manifest.spec_key != plain.manifest.spec_key);
    let spec = &cross.manifest.spec;
    assert_eq!((spec.architecture.as_str(), &spec.host, spec.include.len()), ("amd64", &Some(arm64()), 0));
    assert_eq!(architectures(&cross).as_deref(), Some("amd64\narm64\n"));
    let lock = place.manager.lock(cross.id).unwrap();
    assert_eq!(lock.architecture.as_str(), "amd64");
    assert_eq!(lock.list(ListStyle::Debrebuild), ["apt=1", "libc6=1", "libc6:arm64=1"]);
    let indexes: Vec<&str> = lock.archives[0].indexes.iter().map(|file| file.path.as_str()).collect();
    let index = |architecture: &str| format!("dists/s/main/binary-{architecture}/Packages.xz");
    assert_eq!(indexes, [index("amd64"), index("arm64")]);

    // Made again from the lock, with nothing fetched; then by an update, from the record.
    place.manager.remove(&place.cx, cross.id).await.unwrap();
    let asked = place.fetch.asked().len();
    let again = place.manager.create_locked(&place.cx, &lock, &mut Discard).await.unwrap();
    assert_eq!((again.id, again.manifest.tarball), (cross.id, cross.manifest.tarball), "byte for byte");
    assert_eq!((place.fetch.asked().len(), &again.manifest.spec), (asked, &cross.manifest.spec));
    let same = place.manager.update(&place.cx, &cross.id.to_string(), &mut Discard).await.unwrap();
    assert!(!same.changed, "{same:?}");
    assert_eq!(place.cross().await.id, cross.id);
}

#[tokio::test]
async fn a_layer_over_a_cross_chroot_is_one_too() {
    let place = place().await;
    place.with_both().await;
    let parent = place.cross().await;
    let library = vec![PackageName::new("libc6").unwrap()];
    let spec = place.manager.layer_of(&place.cx, &parent, Vec::new(), library).await.unwrap();
    let layer = place.manager.create(&place.cx, &spec, &mut Discard).await.unwrap();
    assert_eq!(layer.manifest.spec.host, Some(arm64()));
    assert!(place.layers.requests()[0].install.is_empty(), "its compilers are the parent's");
    let other = spec.with_host(Some(Architecture::new("armhf").unwrap()));
    let error = place.manager.create(&place.cx, &other, &mut Discard).await.unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("host architecture of its own"), "{error}");
}

#[tokio::test]
async fn a_chroot_for_its_own_architecture_is_no_cross_chroot() {
    let place = place().await;
    for host in ["amd64", "all"] {
        let spec = place.spec().await.with_host(Some(Architecture::new(host).unwrap()));
        let error = place.manager.create(&place.cx, &spec, &mut Discard).await.unwrap_err();
        assert_eq!(error.to_string(), format!("a chroot of amd64 cannot be a cross chroot for {host}"));
        assert_eq!((error.class(), error.hint().is_some()), (Class::Usage, true));
    }
    assert_eq!(place.bootstrapper.runs(), 0);
}

#[tokio::test]
async fn where_packages_are_built_there_are_compilers_for_the_host_architecture() {
    let place = place().await;
    let spec = place.spec().await.with_include(vec![PackageName::new("eatmydata").unwrap()]);
    let included = |spec: &ChrootSpec| spec.included().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(included(&spec), ["eatmydata"]);
    let cross = spec.with_host(Some(arm64()));
    assert_eq!(included(&cross), ["eatmydata", "crossbuild-essential-arm64"]);
    assert_eq!(included(&cross.with_variant(Variant::Apt)), ["eatmydata"], "only packages of both can be had");
}
