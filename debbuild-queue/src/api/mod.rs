//! What doors use: versioned wire types, and one trait per resource that the queue itself and remote clients implement.

pub mod v1;
