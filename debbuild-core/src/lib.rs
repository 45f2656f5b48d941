//! Debian's nouns, and the machinery that every debbuild crate needs.
//!
//! Nothing here prints, reads the environment, the home or the working directory, exits, or installs signal handlers:
//! settings arrive as values, and the first argument of every operation is a [`Context`](context::Context).
//!
//! ```
//! use debbuild_core::{context::Context, digest::Sha256, error::Class};
//!
//! let cx = Context::new();
//! cx.note("nothing is printed: reporters are given, not assumed");
//! assert_eq!(Class::Dependencies.exit_code(), 8);
//! assert_eq!(Sha256::of(b"").to_string().len(), 64);
//! ```

pub mod acquire;
pub mod arch;
pub mod blob;
pub mod blocking;
pub mod build;
pub mod cancel;
pub mod changelog;
pub mod clock;
pub mod command;
pub mod compressed;
pub mod config;
pub mod context;
pub mod control;
pub mod deb;
pub mod digest;
pub mod error;
pub mod event;
#[cfg(feature = "testing")]
pub mod fail;
#[cfg(not(feature = "testing"))]
mod fail;
pub mod file_lock;
#[cfg(feature = "testing")]
pub mod fuzz;
pub mod id;
pub mod lock;
#[cfg(feature = "resolve")]
pub mod mirror;
pub mod name;
pub mod path;
pub mod pattern;
pub mod relation;
pub mod repo;
#[cfg(feature = "resolve")]
pub mod resolve;
pub mod sign;
pub mod task;
pub mod upload;
pub mod version;
