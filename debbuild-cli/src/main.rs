//! The debbuild command.
fn main() {}
