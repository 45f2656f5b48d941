//! Fail points: the moments just before something becomes durable, at which tests end the process.
//!
//! Without feature `testing` a point is nothing at all.

#[cfg(feature = "testing")]
use std::sync::OnceLock;

#[cfg(feature = "testing")]
static HOOK: OnceLock<fn(&'static str)> = OnceLock::new();

/// Calls `hook` at every fail point of this process from now on, with the point's name. The first hook stays.
#[cfg(feature = "testing")]
pub fn on_point(hook: fn(&'static str)) {
    // A second hook is a second test in one process, which then counts with the first.
    let _first = HOOK.set(hook);
}

/// A fail point: what follows makes something durable.
#[cfg(feature = "testing")]
pub(crate) fn point(name: &'static str) {
    if let Some(hook) = HOOK.get() {
        hook(name);
    }
}

/// A fail point: what follows makes something durable.
#[cfg(not(feature = "testing"))]
#[inline]
pub(crate) const fn point(_: &'static str) {}
