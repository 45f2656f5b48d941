//! The API in process: the queue itself, on behalf of one user.

mod tags;
mod tasks;
mod things;

use super::Reply;
use crate::{model::UserName, queue::Queue, store::Part};

/// The queue as one user sees it.
#[derive(Debug, Clone)]
pub struct Local {
    queue: Queue,
    user: UserName,
}

impl Local {
    /// The queue on behalf of this user.
    #[must_use]
    pub fn new(queue: Queue, user: UserName) -> Self {
        Self { queue, user }
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

/// The part of a list that a filter asks for: 100 where it does not say how many.
fn part(after: Option<&str>, limit: Option<u32>) -> Reply<Part> {
    Ok(Part::new(after.map(str::parse).transpose()?, limit.unwrap_or(100)))
}
