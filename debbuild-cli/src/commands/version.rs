//! `debbuild version`: questions about version numbers.

use std::cmp::Ordering;

use clap::Subcommand;
use debbuild_core::version::Version;
use serde_json::json;

use super::{Answer, Done, Door};

/// Compare versions of packages
#[derive(Debug, clap::Args)]
pub(crate) struct VersionArgs {
    #[command(subcommand)]
    verb: VersionVerb,
}

#[derive(Debug, Subcommand)]
enum VersionVerb {
    /// Print which of two versions is the later one, in dpkg's order
    Compare(CompareArgs),
}

#[derive(Debug, clap::Args)]
struct CompareArgs {
    /// A version
    #[arg(value_parser = Version::new)]
    a: Version,
    /// Another version
    #[arg(value_parser = Version::new)]
    b: Version,
}

pub(super) fn version(door: &Door, args: &VersionArgs) -> Answer {
    let VersionVerb::Compare(CompareArgs { a, b }) = &args.verb;
    let order = a.compare(b);
    let wire = json!({ "a": a.as_str(), "b": b.as_str(), "order": order as i8, "identical": a == b });
    door.out.show(&wire, |_| {
        let sign = match order {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        format!("{a} {sign} {b}\n")
    })?;
    Ok(Done::Well)
}
