//! A clean place to build, one build, and the proof of what happened in it.
//!
//! Everything that runs apt or package code does so [confined](confine): in namespaces whose only peer is the archive
//! [gateway], as a user without rights on the host.

pub mod backend;
pub mod confine;
pub mod create;
mod durable;
pub mod gateway;
pub mod import;
pub mod layer;
pub mod limits;
pub mod manager;
pub mod profile;
pub mod sbuild;
