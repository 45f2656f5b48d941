//! Shared helpers.

pub mod boot;
pub mod debbuild;
pub mod source;
