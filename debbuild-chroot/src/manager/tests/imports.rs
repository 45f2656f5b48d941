//! Unit tests of imported chroots: what is claimed of them, and what is not.

use debbuild_core::deb::fixture::{entry, tarball};
use tar::EntryType as T;

use super::*;
use crate::import::{ImportRequest, ImportSource};

const INSTALLED: &str = "Package: dpkg\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";

fn system(release: &str) -> Vec<u8> {
    tarball(&[
        entry(T::Regular, "var/lib/dpkg/status", "", INSTALLED.as_bytes()),
        entry(T::Regular, "usr/lib/os-release", "", release.as_bytes()),
    ])
}

impl Place {
    fn file(&self, name: &str, bytes: &[u8]) -> ImportRequest {
        let path = AbsPath::new(self._folder.path().join(name)).unwrap();
        std::fs::write(&path, bytes).unwrap();
        ImportRequest::new(ImportSource::Tar(path), Architecture::new("amd64").unwrap())
    }
}

#[tokio::test]
async fn an_imported_chroot_is_known_by_its_bytes_and_claims_no_archive() {
    let place = place().await;
    let bytes = system("VERSION_CODENAME=s\n");
    let request = place.file("one.tar", &bytes);
    let chroot = place.manager.import(&place.cx, &request).await.unwrap();
    let manifest = &chroot.manifest;
    let from = manifest.spec.imported.clone().unwrap();
    assert_eq!((from.kind.as_str(), from.sha256), ("tar", Sha256::of(&bytes)));
    assert_eq!(
        (manifest.spec.suite.as_str(), manifest.spec.architecture.as_str(), manifest.packages),
        ("s", "amd64", 1)
    );
    let lock = place.manager.lock(chroot.id).unwrap();
    assert!(lock.packages.is_empty() && lock.archives.is_empty());
    assert_eq!(lock.options["imported"], format!("tar sha256:{}", from.sha256));
    let base = place.manager.base(&place.cx, chroot.id).unwrap();
    assert!(base.lock.is_none() && base.archives.is_empty(), "a build in it has no lock");
    assert_eq!(place.manager.check(chroot.id).await.unwrap(), Vec::<String>::new());
    let session = place.manager.open(&place.cx, &chroot, &SessionOptions::new()).await.unwrap();
    session.close(&place.cx).await.unwrap();

    let again = place.file("two.tar", &bytes);
    assert_eq!(place.manager.import(&place.cx, &again).await.unwrap(), chroot, "the same bytes are the same chroot");
    let error = place.manager.update(&place.cx, &chroot.id.to_string(), &mut Discard).await.unwrap_err();
    assert_eq!((error.class(), matches!(error, ManagerError::Imported { .. })), (Class::Usage, true));
    let error = place.manager.layer_of(&place.cx, &chroot, Vec::new(), Vec::new()).await.unwrap_err();
    assert!(matches!(error, ManagerError::Imported { .. }), "{error}");
    place.manager.remove(&place.cx, chroot.id).await.unwrap();
    let error = place.manager.create_locked(&place.cx, &lock, &mut Discard).await.unwrap_err();
    assert!(matches!(error, ManagerError::Imported { .. }), "{error}");
    assert_eq!(place.manager.import(&place.cx, &again).await.unwrap().id, chroot.id);
}

#[tokio::test]
async fn what_it_is_taken_for_is_part_of_its_identity() {
    let place = place().await;
    let nameless = place.file("nameless.tar", &system("NAME=x\n"));
    let error = place.manager.import(&place.cx, &nameless).await.unwrap_err();
    assert_eq!((error.class(), error.hint().as_deref()), (Class::Usage, Some("name it: --suite")));
    let named = |suite: &str| nameless.clone().with_suite(Some(SuiteName::new(suite).unwrap()));
    let one = place.manager.import(&place.cx, &named("one")).await.unwrap();
    let two = place.manager.import(&place.cx, &named("two")).await.unwrap();
    assert!(one.id != two.id && one.manifest.tarball == two.manifest.tarball);
    let foreign = named("one").with_architecture(Some(Architecture::new("arm64").unwrap()));
    let error = place.manager.import(&place.cx, &foreign).await.unwrap_err();
    assert_eq!((error.class(), error.to_string().as_str()), (Class::Architecture, "it is of amd64, not of arm64"));
    assert_eq!(place.manager.list().unwrap().len(), 2, "a failure leaves nothing");
}
