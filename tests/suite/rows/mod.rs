//! Bad inputs, one test for each row of the reference's table: refused with an error that names what is wrong, and nothing is left.
//!
//! Row 20 needs keys of real tools: `unknown_expired_revoked_weak_and_early_signatures_are_told_apart`.

mod deb;
mod packages;
mod resolver;
mod signed;
mod text;
mod uploads;

use std::fmt::Debug;

use debbuild_core::error::{Class, Classify, chain};

/// That something was refused, with a message that says this and a class that blames the input.
#[track_caller]
fn refused<T: Debug, E: Classify + Debug + 'static>(result: Result<T, E>, says: &str) {
    let error = result.expect_err(says);
    let message = chain(&error);
    assert!(message.contains(says), "{message:?} does not say {says:?}");
    assert!(
        matches!(
            error.class(),
            Class::Source | Class::Usage | Class::Verification | Class::NotAllowed | Class::Conflict
        ),
        "{:?}: {message}",
        error.class()
    );
}
