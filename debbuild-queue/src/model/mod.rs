//! What the queue is about: requests, tasks, attempts, workers, builds; and the pure rules that move them.

mod attempt;
mod build;
mod command;
mod event;
mod limits;
mod name;
mod rules;
mod secret;
mod task;
mod worker;

pub use attempt::{Attempt, AttemptId, AttemptState};
pub use build::{Build, BuildId};
pub use command::{Change, Command, Completion, Decision, Rejection, View};
pub use debbuild_core::build::{Artifact, Failure};
pub use event::{Event, EventKind, NewEvent, Subject};
pub use limits::Limits;
pub use name::{IdempotencyKey, NameError, TagName, UserName, WorkerName};
pub use rules::{decide, dependency_ended, lease};
pub use secret::{LeaseToken, LeaseTokenError, WorkerInstance};
pub use task::{CancelWish, NewTask, RequestId, SubmitRequest, Task, TaskId, TaskState};
pub use worker::{Worker, WorkerMode};
