//! The terminal: data on standard output, talk and progress on standard error.

mod clean;
mod printer;
mod talk;

pub(crate) use clean::clean;
pub(crate) use printer::{Format, PrintError, Printer, Table};
pub(crate) use talk::Talk;
