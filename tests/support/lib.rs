//! Shared helpers.

pub mod debbuild;
pub mod source;
