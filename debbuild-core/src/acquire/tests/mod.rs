//! Archives in memory, honest and otherwise, read through the whole chain.

mod honest;
mod refused;
mod rows;
mod source;

use std::{sync::Arc, time::Duration};

use super::{
    AcquireError, ArchiveReader, Suite,
    fetch::{MemoryFetch, Uri},
    fixture::ArchiveFixture,
    seen::MemoryLastSeen,
};
use crate::{
    arch::Architecture,
    blob::MemoryStore,
    clock::{Clock as _, FixedClock, Timestamp},
    context::Context,
    name::{ComponentName, SuiteName},
    path::AbsPath,
    sign::MemoryVerifier,
};

const PACKAGES: &str = "Package: hello\nVersion: 2.10-3\nArchitecture: amd64\n\n";

/// A machine with a reader, at noon of some day.
pub(super) struct World {
    _folder: tempfile::TempDir,
    pub(super) fetch: MemoryFetch,
    pub(super) reader: ArchiveReader,
    clock: FixedClock,
    scratch: AbsPath,
    pub(super) cx: Context,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let scratch = AbsPath::new(folder.path()).unwrap();
        let fetch = MemoryFetch::new();
        let reader = ArchiveReader::new(
            Arc::new(fetch.clone()),
            Arc::new(MemoryVerifier::new()),
            Arc::new(MemoryStore::new(scratch.clone())),
            Arc::new(MemoryLastSeen::new()),
            scratch.clone(),
        );
        let clock = FixedClock::new(Timestamp::from_seconds(1_750_000_000));
        let cx = Context::new().with_clock(Arc::new(clock.clone()));
        Self { _folder: folder, fetch, reader, clock, scratch, cx }
    }

    /// A reader of another process: it shares nothing but the store and the scratch folder.
    fn other_reader(&self) -> ArchiveReader {
        ArchiveReader::new(
            Arc::new(self.fetch.clone()),
            Arc::new(MemoryVerifier::new()),
            Arc::clone(self.reader.store()),
            Arc::new(MemoryLastSeen::new()),
            self.scratch.clone(),
        )
    }

    fn archive(&self) -> ArchiveFixture {
        let base = Uri::new("http://mirror.example/debian").unwrap();
        ArchiveFixture::new(self.fetch.clone(), base, SuiteName::new("bookworm").unwrap())
            .with_index("main/binary-amd64/Packages", PACKAGES)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn ago(&self, seconds: i64) -> Timestamp {
        Timestamp::from_seconds(self.now().seconds() - seconds)
    }

    pub(super) async fn publish(&self, fixture: &ArchiveFixture) {
        fixture.publish(&self.cx, self.ago(3600), Some(self.now().after(Duration::from_secs(86400)))).await.unwrap();
    }

    async fn open(&self, fixture: &ArchiveFixture) -> Result<Suite, AcquireError> {
        self.reader.open(&self.cx, &fixture.archive(&self.cx).await.unwrap()).await
    }
}

fn main_component() -> ComponentName {
    ComponentName::new("main").unwrap()
}

fn amd64() -> Architecture {
    Architecture::new("amd64").unwrap()
}
