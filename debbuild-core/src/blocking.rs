//! The one bridge from async code to synchronous work (parsing, hashing, compression, solving).

use std::panic::resume_unwind;

/// Runs `work` on the blocking pool and waits for it; a panic in it continues here.
///
/// Dropping the future does not stop the work: give it a [`CancelToken`](crate::cancel::CancelToken) to watch.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down and nobody polls this future any more.
            Err(_) => std::future::pending().await,
        },
    }
}
