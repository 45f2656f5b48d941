//! What is found of packages that are wanted exactly, in an archive in memory, and the chroot that is made of it.

use debbuild_core::{
    acquire::fetch::Uri,
    clock::Timestamp,
    command::Discard,
    deb::fixture::deb,
    digest::Sha256,
    error::{Class, Classify as _},
    lock::ListStyle,
};

use super::*;
use crate::manager::{
    manifest::SpecRecord,
    tests::{Place, place},
};

/// Packages of the archive: name, version, further fields.
const PACKAGES: [(&str, &str, &str); 6] = [
    ("base", "1", "Essential: yes\n"),
    ("base", "2", "Essential: yes\n"),
    ("tool", "1", "Depends: base (>= 1)\n"),
    ("extra", "1", "Depends: more, tool\n"),
    ("more", "1", ""),
    ("clash", "1", "Conflicts: tool\n"),
];

fn path(name: &str, version: &str) -> String {
    format!("pool/main/{name}_{version}_amd64.deb")
}

async fn with_packages() -> Place {
    let place = place().await;
    let mut index = String::new();
    for (name, version, fields) in PACKAGES {
        let maintainer = "Maintainer: T <t@mirror.example>";
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\n{maintainer}\n{fields}Description: for a test\n"
        );
        let (path, bytes) = (path(name, version), deb(&control));
        place.fixture.put_file(&path, &bytes).unwrap();
        let (size, sha256) = (bytes.len(), Sha256::of(&bytes));
        index.push_str(&format!("{control}Filename: {path}\nSize: {size}\nSHA256: {sha256}\n\n"));
    }
    let fixture = place.fixture.clone().with_index("main/binary-amd64/Packages", index);
    fixture.publish(&place.cx, Timestamp::from_seconds(1_700_000_100), None).await.unwrap();
    place
}

fn wanted(packages: &[(&str, &str)]) -> Vec<InstalledPackage> {
    let one = |(name, version): &(&str, &str)| InstalledPackage {
        package: PackageName::new(name).unwrap(),
        architecture: None,
        version: Version::new(version).unwrap(),
    };
    packages.iter().map(one).collect()
}

/// From now on these are what the bootstrapper fetches and installs.
fn install(place: &Place, packages: &[(&str, &str)]) {
    let status = |(name, version): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n")
    };
    place.bootstrapper.set_status(packages.iter().map(status).collect::<String>());
    let url = |(name, version): &(&str, &str)| format!("http://mirror.example/debian/{}", path(name, version));
    place.bootstrapper.set_urls(packages.iter().map(url).collect());
}

async fn lock(place: &Place, spec: &ChrootSpec, packages: &[InstalledPackage]) -> Result<LockFile, ManagerError> {
    lock_exact(&place.cx, &place.manager.0.reader, spec, packages).await
}

#[tokio::test]
async fn what_is_wanted_is_locked_made_and_made_again_without_network() {
    let place = with_packages().await;
    let (spec, packages) = (place.spec().await, [("tool", "1"), ("base", "1")]);
    let lock = lock(&place, &spec, &wanted(&packages)).await.unwrap();
    assert_eq!(lock.list(ListStyle::Debrebuild), ["base=1", "tool=1"]);
    assert_eq!(lock.archives[0].indexes.len(), 1, "{:?}", lock.archives);
    let record: SpecRecord = serde_json::from_str(&lock.options[SPEC_OPTION]).unwrap();
    assert_eq!((record.variant.as_str(), record.include.join(" ").as_str()), ("essential", "base tool"));
    assert_eq!(record.versions.values().map(Version::as_str).collect::<Vec<_>>(), ["1", "1"]);

    install(&place, &packages);
    let create = async || place.manager.create_locked(&place.cx, &lock, &mut Discard).await;
    let first = create().await.unwrap();
    assert_eq!(place.manager.lock(first.id).unwrap().packages, lock.packages);
    place.manager.remove(&place.cx, first.id).await.unwrap();
    let asked = place.fetch.asked().len();
    for (name, version, _) in PACKAGES {
        let base = Uri::new("https://mirror.example/debian").unwrap();
        place.fetch.remove(&base.join(&path(name, version)).unwrap());
    }
    let second = create().await.unwrap();
    assert_eq!((second.id, second.manifest.tarball), (first.id, first.manifest.tarball), "byte for byte");
    assert_eq!((place.fetch.asked().len(), place.bootstrapper.runs()), (asked, 2));

    // What the lock does not name cannot be had.
    place.manager.remove(&place.cx, first.id).await.unwrap();
    install(&place, &[("base", "2"), ("tool", "1")]);
    assert!(create().await.is_err());
    assert!(place.manager.list().unwrap().is_empty());
}

#[tokio::test]
async fn all_that_no_archive_has_is_named_and_nothing_is_half_done() {
    let place = with_packages().await;
    let spec = place.spec().await;
    let error = lock(&place, &spec, &wanted(&[("base", "3"), ("tool", "1"), ("gone", "1:1")])).await.unwrap_err();
    assert_eq!(error.to_string(), "no archive has base (= 3), gone (= 1:1)");
    assert_eq!((error.class(), error.hint().is_some()), (Class::NotFound, true));
    let error = lock(&place, &spec, &wanted(&[("base", "1"), ("base", "2")])).await.unwrap_err();
    assert_eq!((error.class(), error.to_string().as_str()), (Class::Usage, "base is wanted in two versions"));

    let mut foreign = wanted(&[("base", "1"), ("tool", "1")]);
    foreign[0].architecture = Some(spec.architecture.clone());
    assert!(lock(&place, &spec, &foreign).await.is_ok(), "its own architecture may be said");
    foreign[1].architecture = Some(Architecture::new("armhf").unwrap());
    let error = lock(&place, &spec, &foreign).await.unwrap_err();
    assert_eq!(error.class(), Class::Architecture);
    assert!(error.to_string().ends_with(": tool:armhf"), "{error}");
}

#[tokio::test]
async fn what_is_included_besides_comes_with_all_that_it_needs() {
    let place = with_packages().await;
    let include = async |name: &str| place.spec().await.with_include(vec![PackageName::new(name).unwrap()]);
    let packages = wanted(&[("base", "1"), ("tool", "1")]);
    let found = lock(&place, &include("extra").await, &packages).await.unwrap();
    assert_eq!(found.list(ListStyle::Debrebuild), ["base=1", "extra=1", "more=1", "tool=1"]);
    assert_eq!(found.packages[1].archive, found.packages[0].archive);
    let error = lock(&place, &include("clash").await, &packages).await.unwrap_err();
    assert_eq!(error.class(), Class::Dependencies, "{error}");
    assert_eq!(lock(&place, &include("nowhere").await, &packages).await.unwrap_err().class(), Class::Dependencies);
}

#[tokio::test]
async fn in_a_cross_chroot_the_indexes_of_both_architectures_are_locked() {
    let place = with_packages().await;
    let (foreign, native) = ("main/binary-arm64/Packages", "main/binary-amd64/Packages");
    let fields = "Package: base\nVersion: 1\nArchitecture: amd64\nMaintainer: T <t@mirror.example>\n";
    let (path, bytes) = (path("base", "1"), deb(&format!("{fields}Description: for a test\n")));
    place.fixture.put_file(&path, &bytes).unwrap();
    let (size, sha256) = (bytes.len(), Sha256::of(&bytes));
    let text = format!("{fields}Filename: {path}\nSize: {size}\nSHA256: {sha256}\n");
    let fixture = place.fixture.clone().with_field("Architectures", "all amd64 arm64");
    let fixture = fixture.with_index(native, text.clone()).with_index(foreign, text.replace("amd64", "arm64"));
    fixture.publish(&place.cx, Timestamp::from_seconds(1_700_000_200), None).await.unwrap();

    let spec = place.spec().await.with_host(Some(Architecture::new("arm64").unwrap()));
    let lock = lock(&place, &spec, &wanted(&[("base", "1")])).await.unwrap();
    assert_eq!(lock.list(ListStyle::Debrebuild), ["base=1"], "its packages are of its own architecture");
    install(&place, &[("base", "1")]);
    let mut urls = vec![format!("http://mirror.example/debian/{path}")];
    urls.extend([native, foreign].map(|index| format!("http://mirror.example/debian/dists/s/{index}.xz")));
    place.bootstrapper.set_urls(urls);
    let made = place.manager.create_locked(&place.cx, &lock, &mut Discard).await.unwrap();
    assert_eq!(made.manifest.spec.host, spec.host);
}
