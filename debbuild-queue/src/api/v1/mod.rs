//! Version 1 of the API: wire types carry [`SCHEMA`], fields are only ever added; ended things stay as they were told.

mod artifacts;
mod builds;
mod error;
mod events;
mod local;
mod tags;
mod tasks;
mod workers;

pub use artifacts::{Artifact, ArtifactList, Artifacts};
pub use builds::{Build, BuildFilter, BuildList, Builds};
pub use error::ApiError;
pub use events::{Event, EventList, Events};
pub use local::Local;
pub use tags::{Tag, TagBuild, TagChange, TagContent, TagHistory, TagList, Tags};
pub use tasks::{
    Attempt, CancelWish, Explanation, LogPart, SubmitTask, SubmitTasks, Submitted, Task, TaskFilter, TaskList, Tasks,
};
pub use workers::{Worker, WorkerList, Workers};

/// The schema version that every document of this API carries.
pub const SCHEMA: u32 = 1;

/// The answer of the API.
pub type Reply<T> = Result<T, ApiError>;

/// The whole API, for those who hold one object.
pub trait Api: Tasks + Builds + Artifacts + Workers + Tags + Events {}

impl<T: Tasks + Builds + Artifacts + Workers + Tags + Events + ?Sized> Api for T {}

#[cfg(all(test, feature = "testing"))]
mod tests;
