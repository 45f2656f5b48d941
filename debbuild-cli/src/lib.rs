//! The debbuild command, and [`app`]: the wiring that Rust and Python embedders share with it.
//!
//! Without the default feature `cli` this crate is only `app`: no clap, no terminal.

pub mod app;
#[cfg(feature = "cli")]
mod args;
#[cfg(feature = "cli")]
mod commands;
#[cfg(feature = "cli")]
mod console;
#[cfg(feature = "cli")]
mod entry;

#[cfg(feature = "cli")]
pub use args::command;
#[cfg(feature = "cli")]
pub use entry::main;
