//! The reporter that keeps everything: the test twin.

use std::sync::{Mutex, PoisonError};

use super::{Event, Reporter};

/// Keeps all events in order.
#[derive(Debug, Default)]
pub struct RecordingReporter(Mutex<Vec<Event>>);

impl RecordingReporter {
    /// All events so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Reporter for RecordingReporter {
    fn report(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}
