//! `debbuild source`: source packages of archives.

use clap::Subcommand;
use debbuild_core::{acquire::source::SourceRequest, name::SuiteName};

use super::{Answer, Done, Door};
use crate::app::fetched_json;

/// Fetch source packages
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    #[command(subcommand)]
    verb: SourceVerb,
}

#[derive(Debug, Subcommand)]
enum SourceVerb {
    /// Fetch a source package from the archives of this machine, verified, and print the path of its .dsc
    Fetch(FetchArgs),
}

#[derive(Debug, clap::Args)]
struct FetchArgs {
    /// The source package; without a version the newest
    #[arg(value_name = "NAME[=VERSION]")]
    source: SourceRequest,
    /// The suite; its -updates and -security suites are looked at too
    #[arg(long, short)]
    suite: SuiteName,
    /// Where to put the files; it is made where it does not exist
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: String,
}

pub(super) async fn source(door: &Door, args: &SourceArgs) -> Answer {
    let SourceVerb::Fetch(args) = &args.verb;
    let into = door.app.machine().path(&args.output)?;
    let fetched = door.app.source_fetch(&door.cx, &args.source, &args.suite, &into).await?;
    let wire = fetched_json(&fetched);
    door.out.show(&wire, |_| format!("{}\n", fetched.dsc))?;
    Ok(Done::Well)
}
