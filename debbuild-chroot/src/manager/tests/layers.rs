//! Unit tests of layers in the catalogue: their keys, what is in them, their locks, and how they follow their archives.

use debbuild_core::{deb::fixture::deb, name::PackageName};

use super::*;
use crate::{
    create::Variant,
    gateway::{AccessRecord, Served, Via},
    layer::Lists,
};

/// Later than the archive of every [`place`].
const LATER: Timestamp = Timestamp::from_seconds(1_700_000_100);

fn control(name: &str, version: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@debian.example>\nDescription: x\n"
    )
}

fn stanza(version: &str) -> String {
    format!("Status: install ok installed\nVersion: {version}\nArchitecture: all\n")
}

fn names(names: &[&str]) -> Vec<PackageName> {
    names.iter().map(|name| PackageName::new(name).unwrap()).collect()
}

impl Place {
    /// A chroot in which nothing but this version of apt is installed, from the archive.
    async fn with_apt(&self, version: &str) -> Chroot {
        let path = format!("pool/apt_{version}_all.deb");
        self.fixture.put_file(&path, &deb(&control("apt", version))).unwrap();
        self.bootstrapper.set_urls(vec![format!("http://mirror.example/debian/{path}")]);
        self.bootstrapper.set_status(format!("Package: apt\n{}", stanza(version)));
        self.create().await.unwrap()
    }

    /// From now on layers get this package, of version 1, through the gateway.
    async fn serve(&self, name: &str) {
        let bytes = deb(&control(name, "1"));
        let blob = self.manager.0.blobs.put(&self.cx, bytes.into()).await.unwrap();
        let path = format!("pool/{name}_1_all.deb");
        let (archive, via) = ("test".to_owned(), Via::Fetched);
        let served = vec![Served {
            archive,
            path,
            size: blob.size,
            sha256: blob.id,
            via,
            upstream: None,
            retries: 0,
            resumed: 0,
        }];
        self.layers.set_access(AccessRecord { served, ..AccessRecord::default() });
        self.layers.set_package(name, stanza("1"));
    }

    async fn layer(&self, parent: &Chroot, install: &[&str], remove: &[&str]) -> Result<Chroot, ManagerError> {
        let spec = self.manager.layer_of(&self.cx, parent, names(install), names(remove)).await?;
        self.manager.create(&self.cx, &spec, &mut Discard).await
    }

    fn packages(&self, chroot: &Chroot) -> Vec<String> {
        let lock = self.manager.lock(chroot.id).unwrap();
        lock.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
    }
}

#[tokio::test]
async fn a_layer_is_a_request_of_its_own_and_accounts_for_every_package() {
    let place = place().await;
    let parent = place.with_apt("2").await;
    place.serve("more").await;
    let layer = place.layer(&parent, &["more"], &[]).await.unwrap();
    assert!(layer.id != parent.id && layer.manifest.spec_key != parent.manifest.spec_key);
    assert_eq!(layer.manifest.spec.parent.as_deref(), Some(parent.id.to_string().as_str()));
    assert_eq!((layer.manifest.spec.include.clone(), layer.manifest.packages), (vec!["more".to_owned()], 2));
    assert_eq!(layer.manifest.tool, ("apt".to_owned(), "2".to_owned()));
    assert_eq!(place.packages(&layer), ["apt 2", "more 1"]);
    assert_eq!(place.layer(&parent, &["more"], &[]).await.unwrap(), layer, "it is found again");
    assert_eq!(place.layers.requests().len(), 1);
    // The parent's record is as it ever was.
    let text = std::fs::read_to_string(parent.tarball.parent().join("manifest.json")).unwrap();
    assert!(!text.contains("parent") && !text.contains("remove"), "{text}");

    let above = place.layer(&layer, &[], &["more"]).await.unwrap();
    assert_eq!(place.packages(&above), ["apt 2"]);
    assert!(above.id != parent.id, "the same packages, another way");
    place.layers.set_access(AccessRecord::default());
    place.layers.set_package("other", stanza("1"));
    let error = place.layer(&parent, &["other"], &[]).await.unwrap_err();
    assert!(matches!(error, ManagerError::Unaccounted { .. }), "{error}");
    let error = place.layer(&parent, &["none"], &[]).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
}

#[tokio::test]
async fn a_layer_differs_from_its_parent_in_packages_alone() {
    let place = place().await;
    let parent = place.with_apt("2").await;
    let spec = place.manager.layer_of(&place.cx, &parent, names(&["more"]), Vec::new()).await.unwrap();
    let other = spec.clone().with_variant(Variant::Minbase);
    let error = place.manager.create(&place.cx, &other, &mut Discard).await.unwrap_err();
    assert_eq!((error.class(), error.to_string().contains("variant of its own")), (Class::Usage, true), "{error}");
    place.manager.remove(&place.cx, parent.id).await.unwrap();
    let error = place.manager.create(&place.cx, &spec, &mut Discard).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
    // Without apt nothing can be installed.
    place.bootstrapper.set_urls(Vec::new());
    place.bootstrapper.set_status(STATUS);
    let bare = place.create().await.unwrap();
    let error = place.layer(&bare, &["more"], &[]).await.unwrap_err();
    assert_eq!((error.class(), error.to_string().ends_with("it has no apt")), (Class::Usage, true), "{error}");
}

#[tokio::test]
async fn lists_are_read_once_for_all_layers_while_the_release_is_the_same() {
    let place = place().await;
    let parent = place.with_apt("2").await;
    for (name, kept) in [("one", true), ("two", false), ("three", false)] {
        place.serve(name).await;
        place.layer(&parent, &[name], &[]).await.unwrap();
        let request = place.layers.requests().pop().unwrap();
        assert_eq!(matches!(request.lists, Lists::Keep(_)), kept, "{name}: {request:?}");
        assert!(kept || matches!(request.lists, Lists::Given(_)));
        assert!(!request.upgrade);
    }
    // Lists that are not whole any more are read again.
    let folder = parent.tarball.parent();
    let lists = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("lists-");
    let files = || std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(lists);
    std::fs::write(files().next().unwrap(), "less").unwrap();
    place.serve("four").await;
    place.layer(&parent, &["four"], &[]).await.unwrap();
    assert!(matches!(place.layers.requests().pop().unwrap().lists, Lists::Keep(_)));
    // So are those of another Release; then what is there is brought up to date.
    place.fixture.publish(&place.cx, LATER, None).await.unwrap();
    place.serve("five").await;
    let layer = place.layer(&parent, &["five"], &[]).await.unwrap();
    let request = place.layers.requests().pop().unwrap();
    assert!(request.upgrade && matches!(request.lists, Lists::Keep(_)), "{request:?}");
    assert_eq!(layer.manifest.epoch, LATER);
    assert_eq!(files().count(), 1, "those of the release before are gone");
    assert_eq!(place.manager.check(parent.id).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn the_lock_of_a_layer_makes_its_parents_again_too() {
    let place = place().await;
    let parent = place.with_apt("2").await;
    place.serve("more").await;
    let layer = place.layer(&parent, &["more"], &[]).await.unwrap();
    let above = place.layer(&layer, &[], &["more"]).await.unwrap();
    let lock = place.manager.lock(above.id).unwrap();
    assert_eq!(lock.options.keys().filter(|name| name.starts_with("parent ")).count(), 2, "side by side");
    for id in [above.id, layer.id, parent.id] {
        place.manager.remove(&place.cx, id).await.unwrap();
    }
    let again = place.manager.create_locked(&place.cx, &lock, &mut Discard).await.unwrap();
    assert_eq!((again.id, again.manifest.tarball), (above.id, above.manifest.tarball));
    let mut ids: Vec<_> = place.manager.list().unwrap().iter().map(|chroot| chroot.id).collect();
    let mut expected = vec![above.id, layer.id, parent.id];
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let request = place.layers.requests().pop().unwrap();
    assert!(request.replay && request.lists == Lists::Fetch, "{request:?}");

    let mut alone = lock.clone();
    alone.options.retain(|name, _| !name.starts_with("parent "));
    for id in ids {
        place.manager.remove(&place.cx, id).await.unwrap();
    }
    let error = place.manager.create_locked(&place.cx, &alone, &mut Discard).await.unwrap_err();
    assert!(matches!(error, ManagerError::Lock(_)), "{error}");
}

#[tokio::test]
async fn an_update_of_a_layer_begins_with_its_parent() {
    let place = place().await;
    let parent = place.with_apt("2").await;
    place.serve("more").await;
    let layer = place.layer(&parent, &["more"], &[]).await.unwrap();
    let same = place.manager.update(&place.cx, &layer.id.to_string(), &mut Discard).await.unwrap();
    assert!(!same.changed, "{same:?}");
    place.fixture.publish(&place.cx, LATER, None).await.unwrap();
    let new = place.manager.update(&place.cx, &layer.id.to_string(), &mut Discard).await.unwrap();
    assert!(new.changed);
    let now = place.create().await.unwrap();
    assert!(now.id != parent.id);
    assert_eq!(new.chroot.manifest.spec.parent, Some(now.id.to_string()));
    assert!(!place.layers.requests().pop().unwrap().upgrade, "the new parent is as its archives are");
    assert_eq!(place.layer(&parent, &["more"], &[]).await.unwrap(), new.chroot, "the request leads to the newest");
}
