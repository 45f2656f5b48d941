//! Cancellation: a cloneable token that long operations watch.

/// A wish to stop. Clones share it; children are cancelled with their parent, not the other way round.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(tokio_util::sync::CancellationToken);

impl CancelToken {
    /// A token that nobody has cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one, and can be cancelled alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Asks everything that watches this token to stop.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether somebody asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until somebody asks to stop.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// An error if somebody asked to stop: for loops of synchronous work.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

/// The work was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

impl crate::error::Classify for Cancelled {
    fn class(&self) -> crate::error::Class {
        crate::error::Class::Cancelled
    }
}
