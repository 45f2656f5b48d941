//! A file that is read while it arrives.

use std::{fs::File, sync::Arc};

use tokio::sync::watch;

use super::Validators;

/// What of a file is there before its transfer ends, for those who cannot wait. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Arriving(Arc<watch::Sender<Arrived>>);

/// How far a transfer is.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Arrived {
    /// The file that is written, for reads at an offset. Another one stands for a transfer that began anew: what was read of
    /// the earlier one may not be what comes.
    pub file: Option<Arc<File>>,
    /// Bytes of it that are there.
    pub bytes: u64,
    /// The bytes that it will have, where the server says so.
    pub size: Option<u64>,
    /// What the server said about this version.
    pub validators: Validators,
    /// How often a transfer was tried again.
    pub retries: u32,
    /// Bytes that later tries found there and did not ask for again.
    pub resumed: u64,
}

impl Arriving {
    /// Nothing so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How far it is, and word of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arrived> {
        self.0.subscribe()
    }

    /// How far it is.
    #[must_use]
    pub fn now(&self) -> Arrived {
        self.0.borrow().clone()
    }

    /// A transfer begins, or goes on after `offset` bytes that are there.
    pub(super) fn begin(&self, file: File, offset: u64, size: Option<u64>, validators: Validators) {
        self.0.send_modify(|arrived| {
            if offset == 0 || arrived.file.is_none() {
                arrived.file = Some(Arc::new(file));
            }
            arrived.bytes = offset;
            arrived.resumed += offset;
            (arrived.size, arrived.validators) = (size, validators);
        });
    }

    /// This many bytes are there.
    pub(super) fn grown(&self, bytes: u64) {
        self.0.send_modify(|arrived| arrived.bytes = bytes);
    }

    /// It is tried once more.
    #[cfg(feature = "http")]
    pub(super) fn again(&self) {
        self.0.send_modify(|arrived| arrived.retries += 1);
    }
}

impl PartialEq for Arriving {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Arriving {}
