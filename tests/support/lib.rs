//! Shared helpers.

pub mod debbuild;
