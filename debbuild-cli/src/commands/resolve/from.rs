//! The options that say which packages a question is about; every verb has them.

use debbuild_core::{arch::Architecture, name::SuiteName, relation::Relations};
use debbuild_queue::model::TagName;

use super::{super::Door, ask::together};
use crate::app::{AppError, Lookaside, PackagesFrom, RepositoryPlace};

/// Which packages there are, and whether `no` is a failure.
#[derive(Debug, clap::Args)]
pub(super) struct FromArgs {
    #[command(flatten)]
    pub(super) places: PlacesArgs,
    /// Exit with 8 when the answer is no
    #[arg(long)]
    pub(super) check: bool,
}

/// Which packages there are.
#[derive(Debug, clap::Args)]
pub(super) struct PlacesArgs {
    /// A Packages file, also .gz, .xz, .zst or .bz2; this and the next may be given more than once
    #[arg(long, value_name = "FILE")]
    packages: Vec<String>,
    /// A Sources file, also compressed
    #[arg(long, value_name = "FILE")]
    sources: Vec<String>,
    /// A folder with .deb and .dsc files, also below it
    #[arg(long, value_name = "DIR")]
    debs: Vec<String>,
    /// A repository; STATE is `staged`, a number or a time, without it what is published
    #[arg(long, value_name = "DIR[:SUITE][@STATE]")]
    repo: Vec<String>,
    /// A tag of the queue: what it offers
    #[arg(long, value_name = "TAG")]
    tag: Vec<TagName>,
    /// A suite of the archives of this machine, with its -updates and -security
    #[arg(long, short)]
    suite: Option<SuiteName>,
    /// A Packages file that lies beside: it may be used, and nothing is asked about what is in it
    #[arg(long, value_name = "FILE")]
    lookaside_packages: Vec<String>,
    /// A suite that lies beside
    #[arg(long, value_name = "SUITE")]
    lookaside_suite: Vec<SuiteName>,
    /// A repository that lies beside
    #[arg(long, value_name = "DIR[:SUITE][@STATE]")]
    lookaside_repo: Vec<String>,
    /// A file of preferences (apt_preferences), which decide about candidates; may be given more than once
    #[arg(long, value_name = "FILE")]
    preferences: Vec<String>,
    /// Packages that are never chosen: 'a', 'b (<< 2)'; may be given more than once
    #[arg(long, value_name = "PACKAGES", value_parser = Relations::parse)]
    excluded: Vec<Relations>,
    /// The architecture; that of this machine where none is given
    #[arg(long)]
    arch: Option<Architecture>,
    /// Other architectures whose packages may be installed too
    #[arg(long, value_name = "ARCH,..", value_delimiter = ',')]
    foreign: Vec<Architecture>,
}

pub(super) fn from(door: &Door, args: &FromArgs) -> Result<PackagesFrom, AppError> {
    places(door, &args.places)
}

pub(super) fn places(door: &Door, args: &PlacesArgs) -> Result<PackagesFrom, AppError> {
    let machine = door.app.machine();
    let paths = |files: &[String]| files.iter().map(|file| machine.path(file)).collect::<Result<Vec<_>, _>>();
    let repositories = |places: &[String]| {
        places.iter().map(|place| RepositoryPlace::parse(machine, place)).collect::<Result<Vec<_>, _>>()
    };
    let beside = Lookaside {
        packages: paths(&args.lookaside_packages)?,
        suites: args.lookaside_suite.clone(),
        repositories: repositories(&args.lookaside_repo)?,
    };
    let mut from = PackagesFrom::files(paths(&args.packages)?)
        .with_sources(paths(&args.sources)?)
        .with_repositories(repositories(&args.repo)?)
        .with_lookaside(beside)
        .with_architecture(args.arch.clone());
    from.debs = paths(&args.debs)?;
    from.preferences = paths(&args.preferences)?;
    from.excluded = together(&args.excluded);
    from.tags.clone_from(&args.tag);
    from.suite.clone_from(&args.suite);
    from.foreign.clone_from(&args.foreign);
    Ok(from)
}
