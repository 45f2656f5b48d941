//! Shared helpers.

pub mod bench;
pub mod boot;
pub mod debbuild;
pub mod source;
pub mod watch;
