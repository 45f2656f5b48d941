//! Rows 21 to 23 and 29 to 32: uploads by people who may not, again, too late, or with something else in them.

use std::{fs, sync::Arc, time::Duration};

use debbuild_core::{
    arch::Architecture,
    clock::{FixedClock, Timestamp},
    context::Context,
    deb::fixture::{ar, entry, tarball},
    digest::Sha256,
    error::{Class, Classify as _},
    name::SuiteName,
    path::AbsPath,
    repo::{Entry, Repository, SuiteOptions},
    sign::{Fingerprint, Keyring, MemorySigner, MemoryVerifier, Signer as _},
    upload::{Outcome, Refusal, Upload, UploadDoor, UploadOptions, Uploader, Uploaders},
};

use super::refused;

struct Place {
    _folder: tempfile::TempDir,
    base: AbsPath,
    clock: FixedClock,
    cx: Context,
    repository: Repository,
    ada: MemorySigner,
    eve: MemorySigner,
}

fn stable() -> SuiteName {
    SuiteName::new("stable").unwrap()
}

async fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let clock = FixedClock::new(Timestamp::from_seconds(1_746_868_565));
    let cx = Context::new().with_clock(Arc::new(clock.clone()));
    let options = SuiteOptions::new(stable(), ["amd64", "arm64"].map(|name| Architecture::new(name).unwrap()).to_vec());
    let repository = Repository::init(&cx, base.join("repo"), options).await.unwrap();
    let [ada, eve] = ["ada", "eve"].map(MemorySigner::new);
    Place { _folder: folder, base, clock, cx, repository, ada, eve }
}

/// A package of this source.
fn deb(source: &str, architecture: &str, text: &str) -> Vec<u8> {
    let control = format!(
        "Package: demo\nSource: {source}\nVersion: 1.0-1\nArchitecture: {architecture}\nMaintainer: A <a@b.example>\n\
         Description: {text}\n"
    );
    let control = tarball(&[entry(tar::EntryType::Regular, "./control", "", control.as_bytes())]);
    let empty = tarball(&[]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &empty)])
}

impl Place {
    async fn key(&self, signer: &MemorySigner) -> Fingerprint {
        signer.fingerprint(&self.cx).await.unwrap()
    }

    /// Ada may upload demo, Eve only what is called games.
    async fn door(&self) -> UploadDoor {
        let uploaders = Uploaders::new(vec![
            Uploader::new("Ada", self.key(&self.ada).await).with_sources(&["demo"]),
            Uploader::new("Eve", self.key(&self.eve).await).with_sources(&["games-*"]),
        ]);
        let [ada, eve] = [self.ada.public_key(&self.cx).await.unwrap(), self.eve.public_key(&self.cx).await.unwrap()];
        let keys = Keyring::Bytes([ada, eve].concat());
        UploadDoor::new(self.repository.clone(), uploaders, Arc::new(MemoryVerifier::new()), keys)
    }

    /// Writes a package and a signed .changes that lists it.
    async fn changes(&self, signer: &MemorySigner, deb: &[u8]) -> AbsPath {
        let name = "demo_1.0-1_amd64.deb";
        fs::write(self.base.join(name), deb).unwrap();
        let size = deb.len();
        let text = format!(
            "Format: 1.8\nSource: demo\nBinary: demo\nArchitecture: amd64\nVersion: 1.0-1\nDistribution: stable\n\
             Maintainer: A <a@b.example>\nDescription: demo\nChanges: demo\nChecksums-Sha256:\n {} {size} {name}\n\
             Files:\n d41d8cd98f00b204e9800998ecf8427e {size} misc optional {name}\n",
            Sha256::of(deb)
        );
        let file = self.base.join("demo_1.0-1_amd64.changes");
        fs::write(&file, signer.clear_sign(&self.cx, text.as_bytes()).await.unwrap()).unwrap();
        file
    }

    async fn accept(&self, file: &AbsPath) -> Result<Upload, Refusal> {
        self.door().await.accept(&self.cx, file, &UploadOptions::new()).await
    }

    async fn staged(&self) -> Vec<Entry> {
        self.repository.list(&self.cx, &stable(), None).await.unwrap()
    }

    async fn log(&self) -> Vec<Upload> {
        UploadDoor::log(&self.cx, &self.repository).await.unwrap()
    }
}

#[tokio::test]
async fn row_21_a_good_signature_by_somebody_who_may_not() {
    let place = place().await;
    let file = place.changes(&place.eve, &deb("demo", "amd64", "x")).await;
    let error = place.accept(&file).await.unwrap_err();
    assert_eq!(error.class(), Class::NotAllowed);
    refused(Err::<(), _>(error), "Eve may not upload demo to stable");
    let stranger = MemorySigner::new("stranger");
    let file = place.changes(&stranger, &deb("demo", "amd64", "x")).await;
    assert_eq!(place.accept(&file).await.unwrap_err().class(), Class::Verification);
    assert_eq!(place.staged().await, []);
    let log = place.log().await;
    let told = |upload: &Upload| (upload.outcome, upload.class.clone(), upload.by.clone(), upload.key.is_some());
    assert_eq!(told(&log[0]), (Outcome::Refused, Some("not-allowed".to_owned()), Some("Eve".to_owned()), true));
    assert_eq!(told(&log[1]), (Outcome::Refused, Some("verification".to_owned()), None, false));
}

#[tokio::test]
async fn row_22_the_same_upload_twice() {
    let place = place().await;
    let file = place.changes(&place.ada, &deb("demo", "amd64", "x")).await;
    let upload = place.accept(&file).await.unwrap();
    assert_eq!((upload.outcome, upload.by.as_deref()), (Outcome::Accepted, Some("Ada")));
    assert_eq!(upload.packages, ["demo=1.0-1/amd64"]);
    let error = place.accept(&file).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    refused(Err::<(), _>(error), "the same upload was taken at 2025-05-10T09:16:05Z");
    // A newer signature of the same text is the same upload.
    place.clock.advance(Duration::from_secs(60));
    let again = place.changes(&place.ada, &deb("demo", "amd64", "x")).await;
    assert_eq!(place.accept(&again).await.unwrap_err().class(), Class::Conflict);
    assert_eq!((place.staged().await.len(), place.log().await.len()), (1, 3));
}

#[tokio::test]
async fn row_22_the_same_upload_twice_at_once() {
    let place = place().await;
    let file = place.changes(&place.ada, &deb("demo", "amd64", "x")).await;
    let both = tokio::join!(place.accept(&file), place.accept(&file));
    let accepted = [&both.0, &both.1].into_iter().filter(|one| one.is_ok()).count();
    assert_eq!((accepted, place.log().await.len()), (1, 2), "{both:?}");
}

#[tokio::test]
async fn row_23_signatures_of_another_day() {
    let place = place().await;
    let early = place.changes(&place.ada, &deb("demo", "amd64", "x")).await;
    place.clock.advance(Duration::from_secs(15 * 24 * 60 * 60));
    refused(place.accept(&early).await, "which is longer ago than an upload may wait");
    // Signed by a clock that is eight days ahead.
    let ahead = Timestamp::from_seconds(place.cx.now().seconds() + 8 * 24 * 60 * 60);
    let signer = place.ada.clone();
    let theirs = Place { cx: Context::new().with_clock(Arc::new(FixedClock::new(ahead))), ..place };
    let late = theirs.changes(&signer, &deb("demo", "amd64", "x")).await;
    let ours = Context::new().with_clock(Arc::new(theirs.clock.clone()));
    refused(theirs.door().await.accept(&ours, &late, &UploadOptions::new()).await, "after the time it is checked at");
    assert_eq!(theirs.staged().await, []);
}

#[tokio::test]
async fn row_29_files_that_are_not_there_and_files_that_are_not_listed() {
    let place = place().await;
    let file = place.changes(&place.ada, &deb("demo", "amd64", "x")).await;
    let listed = place.base.join("demo_1.0-1_amd64.deb");
    fs::rename(&listed, place.base.join("away")).unwrap();
    refused(place.accept(&file).await, "it lists demo_1.0-1_amd64.deb, which is not there");
    fs::write(&listed, deb("demo", "amd64", "y")).unwrap();
    refused(place.accept(&file).await, "is not what was promised");
    fs::rename(place.base.join("away"), &listed).unwrap();
    fs::write(place.base.join("other_1_amd64.deb"), deb("demo", "amd64", "z")).unwrap();
    place.accept(&file).await.unwrap();
    assert_eq!(place.staged().await.len(), 1, "what is not listed is left alone");
}

#[tokio::test]
async fn row_30_and_31_packages_that_are_of_something_else() {
    let place = place().await;
    for (deb, says) in [
        (deb("other", "amd64", "x"), "it is of the source other 1.0-1, the .changes of demo 1.0-1"),
        (deb("demo (2.0)", "amd64", "x"), "it is of the source demo 2.0"),
        (deb("demo", "arm64", "x"), "its architecture arm64 is none of the .changes"),
    ] {
        let file = place.changes(&place.ada, &deb).await;
        refused(place.accept(&file).await, says);
    }
    let text = fs::read_to_string(place.changes(&place.ada, &deb("demo", "amd64", "x")).await).unwrap();
    let file = place.base.join("unsigned.changes");
    fs::write(&file, text.replace("Distribution: stable", "Distribution: unstable")).unwrap();
    assert_eq!(place.accept(&file).await.unwrap_err().class(), Class::Verification);
    assert_eq!(place.staged().await, []);
}

#[tokio::test]
async fn row_32_the_same_name_with_other_bytes() {
    let place = place().await;
    let first = place.changes(&place.ada, &deb("demo", "amd64", "x")).await;
    place.accept(&first).await.unwrap();
    let second = place.changes(&place.ada, &deb("demo", "amd64", "y")).await;
    let error = place.accept(&second).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    refused(Err::<(), _>(error), "is already there with other content");
    assert_eq!(place.staged().await.len(), 1);
}
