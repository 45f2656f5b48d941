//! `debbuild source`: source packages of archives, and new ones made inside a chroot.

use clap::Subcommand;
use debbuild_core::{acquire::source::SourceRequest, changelog::Rebuild, name::SuiteName, path::AbsPath};

use super::{Answer, Done, Door};
use crate::app::fetched_json;

/// Fetch and make source packages
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    #[command(subcommand)]
    verb: SourceVerb,
}

#[derive(Debug, Subcommand)]
enum SourceVerb {
    /// Fetch a source package from the archives of this machine, verified, and print the path of its .dsc
    Fetch(FetchArgs),
    /// Make a no-change rebuild a new source version (VERSION+0NAME1), and print the path of its .dsc
    Rebuild(RebuildArgs),
    /// Make a source package of an unpacked tree, inside a chroot, and print the path of its .dsc
    Pack(PackArgs),
}

#[derive(Debug, clap::Args)]
struct PackArgs {
    /// The unpacked tree, with its debian folder
    tree: String,
    /// The suite in whose newest chroot the source is packed
    #[arg(long, short)]
    suite: SuiteName,
    /// Where to put the files; it is made where it does not exist
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: String,
}

#[derive(Debug, clap::Args)]
struct RebuildArgs {
    /// The parent's .dsc, with its files beside it
    #[arg(value_name = "DSC")]
    dsc: String,
    /// The suite to rebuild for; the source is packed in its newest chroot
    #[arg(long, short)]
    suite: SuiteName,
    /// Who rebuilds, in letters: the NAME of the new version
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Which rebuild of this version it is
    #[arg(long, default_value_t = 1)]
    number: u32,
    /// Who signs the changelog entry
    #[arg(long, value_name = "NAME <ADDRESS>")]
    maintainer: String,
    /// Where to put the files; it is made where it does not exist
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: String,
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
    match &args.verb {
        SourceVerb::Fetch(args) => fetch(door, args).await,
        SourceVerb::Rebuild(args) => rebuild(door, args).await,
        SourceVerb::Pack(args) => {
            let (tree, into) = (door.app.machine().path(&args.tree)?, door.app.machine().path(&args.output)?);
            let dsc = door.app.source_pack(&door.cx, &tree, &args.suite, &into).await?;
            made(door, &dsc)
        }
    }
}

async fn rebuild(door: &Door, args: &RebuildArgs) -> Answer {
    let machine = door.app.machine();
    let (dsc, into) = (machine.path(&args.dsc)?, machine.path(&args.output)?);
    let rebuild = Rebuild::new(&args.name, args.suite.clone(), &args.maintainer).with_number(args.number);
    let dsc = door.app.source_rebuild(&door.cx, &dsc, &rebuild, &into).await?;
    made(door, &dsc)
}

fn made(door: &Door, dsc: &AbsPath) -> Answer {
    door.out.show(&serde_json::json!({ "dsc": dsc.as_str() }), |_| format!("{dsc}\n"))?;
    Ok(Done::Well)
}

async fn fetch(door: &Door, args: &FetchArgs) -> Answer {
    let into = door.app.machine().path(&args.output)?;
    let fetched = door.app.source_fetch(&door.cx, &args.source, &args.suite, &into).await?;
    let wire = fetched_json(&fetched);
    door.out.show(&wire, |_| format!("{}\n", fetched.dsc))?;
    Ok(Done::Well)
}
