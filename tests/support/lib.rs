//! Shared helpers.

pub mod background;
pub mod bench;
pub mod boot;
pub mod debbuild;
pub mod pool;
pub mod source;
pub mod watch;

/// The README's examples, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
