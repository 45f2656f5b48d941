//! What every [`LastSeen`] must do.

use super::{LastSeen, Seen, SeenError};
use crate::{acquire::fetch::Validators, clock::Timestamp, context::Context, digest::Sha256, lock::LockedFile};

/// Dates only go forward, for each key by itself; what came last is remembered whole.
///
/// # Panics
/// When the memory does not conform.
pub async fn dates_only_go_forward(memory: &dyn LastSeen) {
    let (cx, key, other) = (Context::new(), Sha256::of(b"one suite"), Sha256::of(b"another"));
    assert_eq!(memory.get(&cx, key).await.expect("get"), None);
    let at = |seconds: i64| {
        let path = "dists/bookworm/InRelease".to_owned();
        let file = LockedFile { path, size: 5, sha256: Sha256::of(&seconds.to_le_bytes()) };
        let validators = Validators::new(Some(format!("\"{seconds}\"")), Some("yesterday".to_owned()));
        Seen::new(Timestamp::from_seconds(seconds), vec![file], validators)
    };
    for seconds in [1000, 1000, 2000] {
        memory.advance(&cx, key, at(seconds)).await.expect("forward");
        assert_eq!(memory.get(&cx, key).await.expect("get"), Some(at(seconds)));
    }
    let error = memory.advance(&cx, key, at(1999)).await;
    assert!(matches!(error, Err(SeenError::Older { .. })), "{error:?}");
    assert_eq!(memory.get(&cx, key).await.expect("get"), Some(at(2000)));
    memory.advance(&cx, other, at(5)).await.expect("another suite");
    assert_eq!(memory.get(&cx, other).await.expect("get"), Some(at(5)));
}
