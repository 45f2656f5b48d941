//! Who builds what, when, and where it is kept.

mod error;
pub mod model;
mod queue;
pub mod scheduler;
pub mod store;
pub mod tag;
pub mod worker;

pub use error::QueueError;
pub use queue::{
    Accepted, BUILD_KIND, Beat, BeatReply, ClaimRequest, EventPage, Explanation, Lease, LogChunk, LogPart, Queue,
    Submitted,
};
