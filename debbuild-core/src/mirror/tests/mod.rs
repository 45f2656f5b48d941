//! Mirrors of archives in memory, and imports of trees.

mod checked;
mod import;
mod mirrored;
mod told;

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    acquire::{
        ArchiveReader, decompress,
        fetch::{MemoryFetch, Uri},
        fixture::ArchiveFixture,
        seen::MemoryLastSeen,
    },
    blob::MemoryStore,
    clock::{Clock as _, FixedClock, Timestamp},
    context::Context,
    digest::Sha256,
    path::AbsPath,
    repo::Repository,
    sign::{Keyring, MemorySigner, MemoryVerifier, Signer as _},
};

/// A machine with a reader, a key and a place for repositories.
struct World {
    _folder: tempfile::TempDir,
    base: AbsPath,
    fetch: MemoryFetch,
    reader: ArchiveReader,
    clock: FixedClock,
    cx: Context,
    signer: MemorySigner,
}

fn world() -> World {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let scratch = base.join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let fetch = MemoryFetch::new();
    let reader = ArchiveReader::new(
        Arc::new(fetch.clone()),
        Arc::new(MemoryVerifier::new()),
        Arc::new(MemoryStore::new(scratch.clone())),
        Arc::new(MemoryLastSeen::new()),
        scratch,
    );
    let clock = FixedClock::new(Timestamp::from_seconds(1_750_000_000));
    let cx = Context::new().with_clock(Arc::new(clock.clone()));
    World { _folder: folder, base, fetch, reader, clock, cx, signer: MemorySigner::new("ours") }
}

fn suite(name: &str) -> SuiteName {
    SuiteName::new(name).unwrap()
}

fn amd64() -> Architecture {
    Architecture::new("amd64").unwrap()
}

/// A stanza of Packages, whose file is put into the pool of the archive.
fn package(fixture: &ArchiveFixture, name: &str, version: &str, more: &str) -> String {
    let path = format!("pool/main/x/{name}_{}_amd64.deb", version.replace(':', "%3a"));
    let deb = fixture.put_file(&path, format!("{name} {version}").as_bytes()).unwrap();
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: a package\n\
         {more}Filename: {path}\nSize: {}\nSHA256: {}\n\n",
        deb.size, deb.sha256
    )
}

/// A stanza of Sources, whose files are put into the pool of the archive.
fn source(fixture: &ArchiveFixture, name: &str, version: &str) -> String {
    let tar_name = format!("{name}_{version}.tar.xz");
    let tar = format!("tar of {name} {version}");
    let head = format!("Version: {version}\nFormat: 3.0 (native)\nBinary: {name}\nArchitecture: any\n");
    let sum = Sha256::of(tar.as_bytes());
    let dsc = format!("Source: {name}\n{head}Checksums-Sha256:\n {sum} {} {tar_name}\n", tar.len());
    let folder = format!("pool/main/x/{name}");
    fixture.put_file(&format!("{folder}/{tar_name}"), tar.as_bytes()).unwrap();
    let dsc_file = fixture.put_file(&format!("{folder}/{name}_{version}.dsc"), dsc.as_bytes()).unwrap();
    format!(
        "Package: {name}\n{head}Directory: {folder}\nChecksums-Sha256:\n {} {} {name}_{version}.dsc\n {sum} {} {tar_name}\n\n",
        dsc_file.sha256,
        dsc_file.size,
        tar.len()
    )
}

impl World {
    fn fixture(&self) -> ArchiveFixture {
        let base = Uri::new("http://mirror.example/debian").unwrap();
        ArchiveFixture::new(self.fetch.clone(), base, suite("bookworm")).with_field("Label", "Tested")
    }

    /// Publishes the archive again, a minute later.
    async fn publish(&self, fixture: &ArchiveFixture) {
        self.clock.advance(Duration::from_secs(60));
        let until = self.clock.now().after(Duration::from_secs(86_400));
        fixture.publish(&self.cx, self.clock.now(), Some(until)).await.unwrap();
    }

    async fn plan(&self, fixture: &ArchiveFixture, options: &MirrorOptions) -> Result<MirrorPlan, MirrorError> {
        let suite = self.reader.open(&self.cx, &fixture.archive(&self.cx).await.unwrap()).await?;
        plan(&self.cx, &[suite], options).await
    }

    async fn mirror(&self, fixture: &ArchiveFixture, options: &MirrorOptions) -> Result<Report, MirrorError> {
        self.plan(fixture, options).await?.apply(&self.cx, &self.dir(), &self.signer).await
    }

    fn dir(&self) -> AbsPath {
        self.base.join("ours")
    }

    async fn verified(&self, dir: &AbsPath, name: &str) -> crate::repo::Report {
        let repository = Repository::open(&self.cx, dir.clone()).await.unwrap();
        let keys = Keyring::Bytes(self.signer.public_key(&self.cx).await.unwrap());
        repository.verify(&self.cx, &suite(name), Some((&MemoryVerifier::new(), &keys))).await.unwrap()
    }

    /// The text of an index of a suite of ours.
    fn index(&self, dir: &AbsPath, below: &str) -> String {
        let bytes = std::fs::read(dir.descend(&format!("dists/{below}.gz")).unwrap()).unwrap();
        let text = decompress("index.gz", &bytes, 1 << 20, self.cx.cancel()).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// `NAME VERSION ARCHITECTURE` of everything in a suite of ours.
    async fn list(&self, dir: &AbsPath, name: &str) -> Vec<String> {
        let repository = Repository::open(&self.cx, dir.clone()).await.unwrap();
        let entries = repository.list(&self.cx, &suite(name), None).await.unwrap();
        entries.iter().map(crate::repo::Entry::key).collect()
    }
}
