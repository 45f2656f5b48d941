//! The reporter that ignores everything.

use super::{Event, Reporter};

/// Ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullReporter;

impl Reporter for NullReporter {
    fn report(&self, _event: Event) {}
}
