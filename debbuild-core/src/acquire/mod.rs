//! The one APT client of the house: from an address to verified indexes and checked files in the blob store.
//!
//! [`ArchiveReader::open`] gets the signed index of one suite, has a [`Verifier`](crate::sign::Verifier) check it, refuses it
//! when it is expired, dated ahead, older than what was seen before, or of another suite; the [`Suite`] it gives then hands
//! out indexes and files, each checked against that index and kept as a blob.

mod archive;
mod decompress;
mod error;
pub mod fetch;
#[cfg(feature = "testing")]
pub mod fixture;
mod flight;
mod get;
mod pool;
mod reader;
mod release;
pub mod seen;
pub mod source;
pub mod sources;
mod suite;

pub use archive::Archive;
pub use decompress::decompress;
pub(crate) use decompress::{ENDINGS, unpack};
pub use error::AcquireError;
pub use pool::{PoolFile, packed_pool_files, pool_files};
pub use reader::{ArchiveReader, ReaderOptions};
pub use suite::Suite;

#[cfg(all(test, feature = "testing"))]
mod tests;
