//! Questions about dependencies: what would be installed, and if nothing can be, why not.
//!
//! apt decides what is really installed; this predicts it, closes composes, and explains. A [`PackageSource`] loads immutable
//! [`PackageIndex`]es, a [`Universe`] puts them together with priorities, and a [`Resolver`] answers a [`Question`] about it.
//! "No" and "unknown" are answers, not errors.
//!
//! ```
//! use debbuild_core::{context::Context, relation::Relations, resolve::*};
//!
//! let packages = "Package: app\nVersion: 1\nArchitecture: all\nDepends: lib (>= 2)\nFilename: pool/app.deb\nSize: 1\n\
//!     SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
//! let index = PackageIndex::parse("example", packages);
//! let universe = Universe::new(UniverseOptions::new("amd64".parse()?), [(index.into(), PRIORITY)]);
//! let question = Question::Install(Install::new(Relations::parse("app")?));
//! let Answer::Unsatisfiable(why) = SatResolver::new().answer(&Context::new(), &universe, &question)? else { unreachable!() };
//! assert_eq!(why.sentences, ["the request needs app", "app 1 needs lib (>= 2), which no package provides"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod buildability;
mod closure;
#[cfg(feature = "testing")]
pub mod conformance;
mod demand;
mod diff;
pub mod edsp;
mod encode;
mod error;
mod explain;
mod index;
mod installability;
mod marks;
mod memory;
mod naming;
pub mod order;
mod picture;
#[cfg(test)]
mod plain;
mod planner;
pub mod preferences;
pub mod problem;
mod question;
mod rdeps;
mod sat;
mod source;
mod step;
mod together;
mod universe;
mod why;
mod why_not;

use std::{fmt, sync::Arc};

use async_trait::async_trait;

pub use answer::{Answer, AnswerKind, Explanation, Missing, Need, Reason, Removed, Selected, Solution};
pub use buildability::{BrokenSource, Buildability, BuildabilityOptions, UnknownSource, buildability};
pub use closure::{
    Checked, Closure, ClosureOptions, Doubt, Fault, Lent, Needs, Repositories, Strictness, StrictnessError, Subject,
    Use, closure,
};
pub use diff::{Change, Changed, Picked, diff};
pub use error::{ResolveError, SourceError};
pub use index::{IndexCache, PackageIndex};
pub use installability::{Broken, Installability, Unknown, installability};
pub use memory::{ExhaustiveResolver, MemorySource};
pub use picture::{EdgeKind, NodeKind, Picture, PictureEdge, PictureNode};
pub use question::{BuildDeps, Changes, Install, Question, Recommends};
pub use rdeps::{Dependency, Dependent, Needer, Rdeps, rdeps};
pub use sat::SatResolver;
pub use source::{
    ArchiveSource, DebFile, DebsSource, IndexSource, LARGEST_INDEX, RepositorySource, RepositoryState, SourcePackages,
};
pub use step::{By, Clash, Other, PackageVersion, Step, Unfit};
pub use universe::{INSTALLED, Installed, PRIORITY, Packages, Universe, UniverseOptions, Versions};
pub use why::{Link, Why, why};
pub use why_not::{minimise, minimise_all, why_not};

use preferences::Provenance;

/// Where packages come from: an index file, an archive, a tag. One of your own is under 60 lines: `examples/package_source.rs`.
#[async_trait]
pub trait PackageSource: fmt::Debug + Send + Sync {
    /// What it is called in answers and explanations, for example `bookworm/main`.
    fn name(&self) -> &str;

    /// Where its packages are from, as preferences see it; none where nothing is known of that.
    fn provenance(&self) -> Option<Provenance> {
        None
    }

    /// The packages that may matter for the question. What is returned never changes; a later call may return another index.
    ///
    /// # Errors
    /// [`SourceError`]; a stanza that cannot be read is a problem of the index, not an error.
    async fn load(&self, cx: &crate::context::Context, want: &Question) -> Result<Arc<PackageIndex>, SourceError>;

    /// The source packages that are there, for questions about all of them. Most have none.
    ///
    /// # Errors
    /// [`SourceError`]; a source package that cannot be read is a problem of the list, not an error.
    async fn source_packages(&self, cx: &crate::context::Context) -> Result<SourcePackages, SourceError> {
        cx.cancel().check()?;
        Ok(SourcePackages::default())
    }
}

/// Answers questions. Synchronous: long ones go through [`blocking::run`](crate::blocking::run).
pub trait Resolver: fmt::Debug + Send + Sync {
    /// Answers the question about this universe; the same question about the same universe has the same answer.
    ///
    /// # Errors
    /// [`ResolveError`]; that something cannot be installed is an answer.
    fn answer(&self, cx: &crate::context::Context, on: &Universe, question: &Question) -> Result<Answer, ResolveError>;
}

#[cfg(test)]
mod tests;
