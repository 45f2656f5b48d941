//! Bad inputs, one test for each row of the reference's table: refused with an error that names what is wrong, and nothing is left.
//!
//! Rows 20 and 29 need keys and files: the tests of signing and of a build's artifacts hold them.

pub(crate) mod deb;
mod packages;
mod signed;
mod text;

use std::fmt::Debug;

use debbuild_core::error::{Class, Classify, chain};

/// That something was refused, with a message that says this and a class that blames the input.
#[track_caller]
fn refused<T: Debug, E: Classify + Debug + 'static>(result: Result<T, E>, says: &str) {
    let error = result.expect_err(says);
    let message = chain(&error);
    assert!(message.contains(says), "{message:?} does not say {says:?}");
    assert!(
        matches!(error.class(), Class::Source | Class::Usage | Class::Verification),
        "{:?}: {message}",
        error.class()
    );
}
