//! Tests that need real tools; `tests/run.sh` installs them and runs these.

mod acquire;
mod bootstrappers;
mod build;
mod chroot;
mod compose;
mod data;
mod fsck;
mod guides;
mod layers;
mod limits;
mod profile;
mod queue;
mod repo;
mod resolve;
mod sign;
