//! Who builds what, when, and where it is kept.

pub mod api;
mod error;
pub mod model;
mod queue;
pub mod scheduler;
pub mod store;
pub mod suite;
pub mod tag;
pub mod worker;

pub use error::QueueError;
pub use queue::{
    Accepted, BUILD_KIND, Beat, BeatReply, ClaimRequest, EventPage, Explanation, Lease, LogChunk, LogPart, Queue,
    Submitted,
};
