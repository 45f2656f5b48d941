//! The API in process: the queue itself, on behalf of one user.

mod tags;
mod tasks;
mod things;

use crate::{model::UserName, queue::Queue};

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
