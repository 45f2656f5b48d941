//! Tests that need real tools; `tests/run.sh` installs them and runs these.

mod acquire;
mod bootstrappers;
mod build;
mod cgroup;
mod chroot;
mod compose;
mod data;
mod foreign;
mod fsck;
mod gateway;
mod guides;
mod layers;
mod limits;
mod locks;
mod profile;
mod queue;
mod repo;
mod resolve;
mod rows;
mod schroot;
mod sessions;
mod sign;
