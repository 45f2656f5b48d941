//! A distribution from packages: APT repository, OSTree commit, live ISO and OCI image from one lock.
//!
//! A [`blueprint`] names archives, packages, variants and deliverables; [`gather`] turns it into a lock; the [`plan`] is a
//! graph of nodes keyed by what they are made of; [`phase`]s run those that the [`cache`] does not have.

pub mod blueprint;
pub mod cache;
pub mod composer;
mod files;
pub mod gather;
pub mod identity;
pub mod iso;
pub mod metadata;
pub mod oci;
pub mod ostree;
pub mod phase;
pub mod plan;
pub mod rootfs;
pub mod sources;
pub mod status;
