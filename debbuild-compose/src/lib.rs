//! A distribution from packages: APT repository, OSTree commit, live ISO and OCI image from one lock.
//!
//! A [`blueprint`] names archives, packages, variants and deliverables.

pub mod blueprint;
pub mod identity;
pub mod status;
