//! Tests over the whole workspace that need no tools but cargo and the debbuild binary.

mod builds;
mod cli;
mod compose;
mod examples;
mod fsck;
mod fuzz;
mod house;
mod locks;
mod reasons;
mod resolve;
mod rows;
mod toolchain;
