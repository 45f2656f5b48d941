//! Events: what happened, in the order of commits, from any cursor on.

use async_trait::async_trait;
use debbuild_core::{clock::Timestamp, context::Context};
use serde::{Deserialize, Serialize};

use super::Reply;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where to go on after it.
    pub cursor: String,
    /// When.
    pub at: Timestamp,
    /// The task it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<i64>,
    /// The attempt it is about, `TASK.N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// The tag it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The worker it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// What happened, for example `started`.
    pub kind: String,
    /// The rest, for people.
    pub text: String,
}

/// Events, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventList {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The events.
    pub events: Vec<Event>,
    /// Where to go on.
    pub next: String,
}

/// What can be done with events.
#[async_trait]
pub trait Events: Send + Sync {
    /// Events after a cursor (from the beginning without one), of one task or all. Without any it waits, at most `wait`
    /// seconds.
    async fn events(&self, cx: &Context, after: Option<&str>, task: Option<i64>, wait_seconds: u64)
    -> Reply<EventList>;
    /// Where events are now.
    async fn now(&self, cx: &Context) -> Reply<String>;
}
