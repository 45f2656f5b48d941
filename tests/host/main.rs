//! Tests that need real tools; `tests/run.sh` installs them and runs these.

mod acquire;
mod build;
mod repo;
mod resolve;
mod sign;
