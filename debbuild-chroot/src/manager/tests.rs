//! Unit tests of the manager: real gateway and catalogue, with archive, bootstrapper and sessions in memory.

use debbuild_core::{
    acquire::{
        fetch::{Fault, MemoryFetch, Uri},
        fixture::ArchiveFixture,
        seen::MemoryLastSeen,
    },
    arch::Architecture,
    blob::FolderStore,
    clock::{FixedClock, Timestamp},
    command::{Discard, SystemRunner},
    error::{Class, Classify as _},
    name::SuiteName,
    sign::MemoryVerifier,
};

use std::time::Duration;

use super::*;
use crate::{backend::MemoryBackend, confine::SubIds, create::MemoryBootstrapper, layer::MemoryLayers};

mod contents;
mod cross;
mod imports;
mod lasting;
mod layers;

const STATUS: &str = "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n";

pub(super) struct Place {
    _folder: tempfile::TempDir,
    pub(super) cx: Context,
    pub(super) fetch: MemoryFetch,
    pub(super) fixture: ArchiveFixture,
    pub(super) bootstrapper: Arc<MemoryBootstrapper>,
    layers: Arc<MemoryLayers>,
    pub(super) manager: ChrootManager,
}

pub(super) async fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let home = AbsPath::new(folder.path()).unwrap();
    let (cx, fetch) = (Context::new(), MemoryFetch::new());
    let base = Uri::new("https://mirror.example/debian").unwrap();
    let fixture = ArchiveFixture::new(fetch.clone(), base, SuiteName::new("s").unwrap());
    fixture.publish(&cx, Timestamp::from_seconds(1_700_000_000), None).await.unwrap();
    let blobs: Arc<dyn BlobStore> = Arc::new(FolderStore::open(home.join("blobs")).unwrap());
    let ids = SubIds { first: 100_000, count: 65_536 };
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let user =
        BuildUser { name: "b".to_owned(), uid, gid, home: home.clone(), subuids: ids, subgids: ids, switch: false };
    let verifier = Arc::new(MemoryVerifier::new());
    let seen = Arc::new(MemoryLastSeen::new());
    let work = home.join("work");
    std::fs::create_dir(&work).unwrap();
    let reader = ArchiveReader::new(Arc::new(fetch.clone()), verifier, Arc::clone(&blobs), seen, work);
    let gateway = Gateway::new(Arc::new(fetch.clone()), blobs, &home.join("gateway")).unwrap();
    let bootstrapper = Arc::new(MemoryBootstrapper::new(STATUS));
    let tool: Arc<dyn Bootstrapper> = Arc::clone(&bootstrapper) as Arc<dyn Bootstrapper>;
    let backend = Arc::new(MemoryBackend::new());
    let options = ManagerOptions::new(&home, user, Arc::new(SystemRunner), reader, gateway, tool, backend);
    let layers = Arc::new(MemoryLayers::new());
    let maker: Arc<dyn LayerMaker> = Arc::clone(&layers) as Arc<dyn LayerMaker>;
    let manager = ChrootManager::new(options.with_layers(maker)).unwrap();
    Place { _folder: folder, cx, fetch, fixture, bootstrapper, layers, manager }
}

impl Place {
    pub(super) async fn spec(&self) -> ChrootSpec {
        let archive = self.fixture.archive(&self.cx).await.unwrap();
        ChrootSpec::new(SuiteName::new("s").unwrap(), Architecture::new("amd64").unwrap(), vec![archive])
    }

    async fn create(&self) -> Result<Chroot, ManagerError> {
        self.manager.create(&self.cx, &self.spec().await, &mut Discard).await
    }
}

#[tokio::test]
async fn a_request_is_made_once_and_then_costs_nothing() {
    let place = place().await;
    let chroot = place.create().await.unwrap();
    let asked = place.fetch.asked().len();
    assert_eq!(place.create().await.unwrap(), chroot);
    assert_eq!((place.fetch.asked().len(), place.bootstrapper.runs()), (asked, 1));
    assert_eq!(place.manager.list().unwrap(), std::slice::from_ref(&chroot));
    let text = chroot.id.to_string();
    assert_eq!(place.manager.find(&text[..12]).unwrap(), chroot);
    assert_eq!(place.manager.find(&text[..11]).unwrap_err().class(), Class::NotFound);
    assert_eq!(place.manager.lock(chroot.id).unwrap().archives[0].date, Timestamp::from_seconds(1_700_000_000));
    assert_eq!(chroot.archives().unwrap()[0].bases, ["http://mirror.example/debian"]);

    place.manager.remove(&place.cx, chroot.id).await.unwrap();
    assert!(place.manager.list().unwrap().is_empty());
    place.create().await.unwrap();
    assert_eq!(place.bootstrapper.runs(), 2);
}

#[tokio::test]
async fn an_update_is_the_same_chroot_until_something_changes() {
    let place = place().await;
    let old = place.create().await.unwrap();
    let text = old.id.to_string();
    let same = place.manager.update(&place.cx, &text, &mut Discard).await.unwrap();
    assert!(!same.changed && same.chroot.id == old.id);
    place.fixture.publish(&place.cx, Timestamp::from_seconds(1_700_000_100), None).await.unwrap();
    let new = place.manager.update(&place.cx, &text, &mut Discard).await.unwrap();
    assert!(new.changed && new.chroot.id != old.id);
    assert_eq!(place.create().await.unwrap(), new.chroot, "the request leads to the newest generation");
    assert_eq!(place.manager.list().unwrap().len(), 2);
    let would = place.manager.gc(&place.cx, &GcOptions::new(Duration::ZERO).with_dry_run(true)).await.unwrap();
    assert!(
        would.iter().all(|one| one.id == old.id && one.reason == GcReason::Replaced),
        "only what was replaced goes"
    );
    assert_eq!(place.manager.list().unwrap().len(), 2);
}

#[tokio::test]
async fn what_nobody_uses_goes_and_what_was_used_last_stays_longest() {
    let place = place().await;
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(2_000_000_000)));
    let cx = place.cx.clone().with_clock(Arc::<FixedClock>::clone(&clock));
    let (base, mut all) = (place.spec().await, Vec::new());
    for name in ["ONE", "TWO", "THREE"] {
        let spec = base.clone().with_environment([(name.to_owned(), "1".to_owned())].into());
        all.push(place.manager.create(&cx, &spec, &mut Discard).await.unwrap());
        clock.advance(Duration::from_secs(1000));
    }
    let [first, second, third] = all.as_slice() else { panic!("{all:?}") };
    let gc = async |options: GcOptions| {
        let gone = place.manager.gc(&cx, &options).await.unwrap();
        gone.iter().map(|one| (one.id, one.reason)).collect::<Vec<_>>()
    };
    let options = GcOptions::new(Duration::ZERO).with_dry_run(true);
    assert_eq!(gc(options.clone()).await, []);
    // A session is a use, and so is a build.
    let session = place.manager.open(&cx, first, &SessionOptions::new()).await.unwrap();
    session.close(&cx).await.unwrap();
    assert_eq!(place.manager.used(first), cx.now());
    let hour = Some(Duration::from_secs(1500));
    assert_eq!(gc(options.clone().with_unused_for(hour)).await, [(second.id, GcReason::Unused)]);
    place.manager.base(&cx, second.id).unwrap();
    assert_eq!(gc(options.clone().with_unused_for(hour)).await, []);
    let size = first.manifest.tarball.size;
    assert_eq!(gc(options.clone().with_max_size(Some(3 * size))).await, []);
    assert_eq!(gc(options.with_max_size(Some(3 * size - 1))).await, [(third.id, GcReason::Size)]);
    assert_eq!(place.manager.list().unwrap().len(), 3);
    // One in use stays.
    let session = place.manager.open(&cx, third, &SessionOptions::new()).await.unwrap();
    let none = GcOptions::new(Duration::ZERO).with_max_size(Some(0));
    assert_eq!(gc(none.clone()).await.len(), 2);
    session.close(&cx).await.unwrap();
    assert_eq!(gc(none).await, [(third.id, GcReason::Size)]);
    assert_eq!(place.manager.list().unwrap(), []);
}

#[tokio::test]
async fn failures_are_the_archives_and_leave_nothing() {
    let place = place().await;
    let url = "http://mirror.example/debian/pool/x.deb";
    place.bootstrapper.set_urls(vec![url.to_owned()]);
    let upstream = Uri::new("https://mirror.example/debian/pool/x.deb").unwrap();
    place.fetch.fail_next(upstream, Fault::Unreachable);
    let error = place.create().await.unwrap_err();
    assert!(matches!(error, ManagerError::Archive(_)), "{error}");
    assert_eq!(error.class(), Class::Infrastructure);
    assert!(place.manager.list().unwrap().is_empty());

    place.bootstrapper.set_urls(Vec::new());
    place.bootstrapper.set_status("Package: x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n");
    let error = place.create().await.unwrap_err();
    assert!(matches!(error, ManagerError::Unaccounted { .. }), "a package that nobody served: {error}");
    assert!(place.manager.list().unwrap().is_empty());
}

#[tokio::test]
async fn damaged_files_come_back_from_their_blobs_or_the_chroot_is_set_aside() {
    let place = place().await;
    let (chroot, manager) = (place.create().await.unwrap(), &place.manager);
    let (id, tarball, folder) = (chroot.id, &chroot.tarball, chroot.tarball.parent());
    let lock = folder.join("lock.json");
    assert_eq!((manager.ids().unwrap(), manager.check(id).await.unwrap()), (vec![id], vec![]));
    let good = [std::fs::read(&lock).unwrap(), std::fs::read(tarball).unwrap()];
    // As new files: the archive is a link to its blob.
    std::fs::remove_file(tarball).unwrap();
    let mut bytes = good[1].clone();
    bytes[good[1].len() / 2] ^= 1;
    std::fs::write(tarball, bytes).unwrap();
    std::fs::remove_file(&lock).unwrap();
    let named = manager.check(id).await.unwrap();
    assert_eq!(named[0], format!("{lock} is missing"));
    assert!(named.len() == 2 && named[1].starts_with(&format!("{tarball} is damaged: its sha256 is ")), "{named:?}");
    assert_eq!(manager.mend(&place.cx, id).await.unwrap(), None);
    assert_eq!(good, [std::fs::read(&lock).unwrap(), std::fs::read(tarball).unwrap()]);
    // A lock that is another one's, though it can be read.
    std::fs::remove_file(&lock).unwrap();
    std::fs::write(&lock, String::from_utf8(good[0].clone()).unwrap().replace("amd64", "arm64")).unwrap();
    assert_eq!(manager.check(id).await.unwrap().len(), 1);
    assert_eq!(manager.mend(&place.cx, id).await.unwrap(), None);
    assert_eq!(manager.check(id).await.unwrap(), Vec::<String>::new());

    // The blob has the same damage.
    let blob = manager.0.blobs.local(&place.cx, chroot.manifest.tarball.sha256).await.unwrap();
    for path in [&blob, tarball] {
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, "damaged").unwrap();
    }
    let aside = manager.mend(&place.cx, id).await.unwrap().unwrap();
    assert_eq!(std::fs::read(aside.join("chroot.tar")).unwrap(), b"damaged", "nothing is thrown away");
    assert!(manager.ids().unwrap().is_empty() && manager.list().unwrap().is_empty());
    std::fs::remove_file(&blob).unwrap();
    assert_eq!(place.create().await.unwrap().id, id, "the next request makes it again");
    assert_eq!(place.bootstrapper.runs(), 2);

    // A record that cannot be read.
    std::fs::write(folder.join("manifest.json"), "{").unwrap();
    assert!(manager.list().is_err());
    let named = manager.check(id).await.unwrap();
    assert!(named.len() == 1 && named[0].contains("manifest.json"), "{named:?}");
    assert!(manager.mend(&place.cx, id).await.unwrap().is_some());
    assert!(manager.list().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_asked_of_apt_and_sessions_is_part_of_key_record_and_lock() {
    let place = place().await;
    let plain = place.create().await.unwrap();
    let text = std::fs::read_to_string(plain.tarball.parent().join("manifest.json")).unwrap();
    for word in ["priority", "environment", "apt_options"] {
        assert!(!text.contains(word), "a request without {word} is recorded as ever");
    }
    let option = crate::create::AptOption::new("APT::Install-Recommends", "false").unwrap();
    let spec = || async { place.spec().await };
    let wishes = [
        spec().await.with_priorities([("test".to_owned(), 700)].into()),
        spec().await.with_environment([("LANG".to_owned(), "C".to_owned())].into()),
        spec().await.with_apt_options(vec![option]),
    ];
    let (mut ids, mut keys) = (vec![plain.id], vec![plain.manifest.spec_key]);
    for wish in wishes {
        let chroot = place.manager.create(&place.cx, &wish, &mut Discard).await.unwrap();
        assert!(!ids.contains(&chroot.id) && !keys.contains(&chroot.manifest.spec_key));
        let lock = place.manager.lock(chroot.id).unwrap();
        assert_eq!(place.manager.create_locked(&place.cx, &lock, &mut Discard).await.unwrap().id, chroot.id);
        let same = place.manager.update(&place.cx, &chroot.id.to_string(), &mut Discard).await.unwrap();
        assert!(!same.changed, "the record gives the whole request again");
        ids.push(chroot.id);
        keys.push(chroot.manifest.spec_key);
    }
    let mut archive = tar::Archive::new(
        std::fs::File::open(
            place.manager.list().unwrap().iter().find(|one| one.id == ids[1]).unwrap().tarball.as_std(),
        )
        .unwrap(),
    );
    let pinned = archive
        .entries()
        .unwrap()
        .map(Result::unwrap)
        .find(|entry| entry.path().unwrap().ends_with("preferences.d/debbuild"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut pinned.unwrap(), &mut text).unwrap();
    assert_eq!(text, "Package: *\nPin: release o=Test,n=s\nPin-Priority: 700\n");
    let (pinned, varied) =
        (place.manager.base(&place.cx, ids[1]).unwrap(), place.manager.base(&place.cx, ids[2]).unwrap());
    assert_eq!(pinned.priorities, [(("test".to_owned(), "s".to_owned()), 700)].into());
    assert_eq!(varied.environment, [("LANG".to_owned(), "C".to_owned())].into());
}
