//! The one APT client of the house: from an address to verified indexes and checked files in the blob store.

pub mod fetch;
