//! A worker as the queue sees it: what it can do, whether it may have work, and how often it failed in a row.

use debbuild_core::{clock::Timestamp, task::Capabilities};

use super::{WorkerInstance, WorkerName};

/// Whether a worker may have new work, as its operator wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerMode {
    /// It may.
    Enabled,
    /// It finishes what it has and gets nothing new.
    Draining,
}

impl WorkerMode {
    /// The name in stores and wire forms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Draining => "draining",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Enabled, Self::Draining].into_iter().find(|mode| mode.name() == name)
    }
}

/// A worker, as stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worker {
    /// Its name.
    pub name: WorkerName,
    /// Its newest process.
    pub instance: WorkerInstance,
    /// What its newest process can do.
    pub capabilities: Capabilities,
    /// Whether it may have new work.
    pub mode: WorkerMode,
    /// Infrastructure failures in a row.
    pub failures: u32,
    /// Until when it gets nothing because of them.
    pub quarantined: Option<Timestamp>,
    /// When it last spoke, by the clock of whoever heard it: for people only.
    pub seen: Timestamp,
    /// Grows with every change.
    pub revision: i64,
}

impl Worker {
    /// A worker that nobody has heard of before.
    #[must_use]
    pub fn new(name: WorkerName, instance: WorkerInstance, capabilities: Capabilities, now: Timestamp) -> Self {
        Self {
            name,
            instance,
            capabilities,
            mode: WorkerMode::Enabled,
            failures: 0,
            quarantined: None,
            seen: now,
            revision: 0,
        }
    }

    /// Whether it is in quarantine now.
    #[must_use]
    pub fn is_quarantined(&self, now: Timestamp) -> bool {
        self.quarantined.is_some_and(|until| now < until)
    }
}
