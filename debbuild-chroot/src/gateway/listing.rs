//! What the indexes that passed through a door say of files of the pool: a mirror that gives others is not believed.
//!
//! Nothing here is a proof: apt inside checks the indexes. It keeps wrong bytes out of the cache, where they would stay under an
//! address whose file never changes, and lets the next mirror help.

use std::{
    collections::VecDeque,
    fs::File,
    io::BufReader,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use debbuild_core::{
    acquire::{PoolFile, packed_pool_files},
    blob::{Blob, BlobStore},
    blocking,
    cancel::CancelToken,
    context::Context,
    digest::Sha256,
};
use tokio::sync::OnceCell;

use super::{Expected, target::Target};

/// The most bytes of an index's text; those of Debian have a fifth of it.
const LONGEST: u64 = 256 << 20;

/// How many indexes all doors remember together, and each of them while it is open.
const REMEMBERED: usize = 8;
const OF_DOOR: usize = 32;

/// The files that an index names, sorted by the digest of their path: a few MB for the largest one.
type Listing = Vec<(Sha256, Expected)>;

/// An index that is read once, when first somebody wants to know.
type Reading = Arc<OnceCell<Listing>>;

/// Indexes that were read lately, whichever door they passed. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Listings(Arc<Mutex<VecDeque<(Sha256, Reading)>>>);

impl Listings {
    /// The reading of an index: that of others who wanted it lately, or one that nobody has begun.
    fn of(&self, index: Sha256) -> Reading {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(id, _)| *id == index).and_then(|at| all.remove(at));
        let reading = known.map(|(_, reading)| reading).unwrap_or_default();
        all.push_back((index, Arc::clone(&reading)));
        if all.len() > REMEMBERED {
            all.pop_front();
        }
        reading
    }
}

/// The indexes that passed through one door, each with the archive that it is of; the latest ones.
#[derive(Debug, Default)]
pub(super) struct Passed(Mutex<VecDeque<(String, Sha256, Reading)>>);

impl Passed {
    fn all(&self) -> MutexGuard<'_, VecDeque<(String, Sha256, Reading)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an index, and begins to read it.
    pub(super) fn add(
        &self,
        cx: &Context,
        listings: &Listings,
        blobs: &Arc<dyn BlobStore>,
        archive: &str,
        index: Blob,
    ) {
        let reading = {
            let mut all = self.all();
            if all.iter().any(|(of, id, _)| of == archive && *id == index.id) {
                return;
            }
            let reading = listings.of(index.id);
            all.push_back((archive.to_owned(), index.id, Arc::clone(&reading)));
            if all.len() > OF_DOOR {
                all.pop_front();
            }
            reading
        };
        let (cx, blobs) = (cx.clone(), Arc::clone(blobs));
        tokio::spawn(async move {
            reading.get_or_init(|| read(&cx, &*blobs, index.id)).await;
        });
    }

    /// What the indexes of its archive say of a file of the pool, where they agree.
    pub(super) async fn expected(&self, cx: &Context, blobs: &dyn BlobStore, target: &Target) -> Option<Expected> {
        let ours = |(archive, id, reading): &(String, Sha256, Reading)| {
            (*archive == target.archive).then(|| (*id, Arc::clone(reading)))
        };
        let indexes: Vec<(Sha256, Reading)> = self.all().iter().filter_map(ours).collect();
        let path = Sha256::of(target.path.as_bytes());
        let mut found: Option<Expected> = None;
        for (id, reading) in indexes {
            let listing = reading.get_or_init(|| read(cx, blobs, id)).await;
            let from = listing.partition_point(|(other, _)| *other < path);
            for (_, expected) in listing.iter().skip(from).take_while(|(other, _)| *other == path) {
                if found.is_some_and(|known| known != *expected) {
                    return None;
                }
                found = Some(*expected);
            }
        }
        found
    }
}

/// Reads an index; one that cannot be read says nothing.
async fn read(cx: &Context, blobs: &dyn BlobStore, index: Sha256) -> Listing {
    let Ok(path) = blobs.local(cx, index).await else { return Listing::new() };
    blocking::run(move || {
        // Others may be waiting for it too: it is not ours to cancel.
        let cancel = CancelToken::new();
        let files = File::open(&path).and_then(|file| packed_pool_files(BufReader::new(file), LONGEST, &cancel));
        let said = |PoolFile { path, size, sha256, .. }| (Sha256::of(path.as_bytes()), Expected { sha256, size });
        let mut listing: Listing = files.unwrap_or_default().into_iter().map(said).collect();
        listing.sort_unstable_by_key(|(path, _)| *path);
        listing
    })
    .await
}
