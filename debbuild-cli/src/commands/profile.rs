//! `debbuild profile`: named kinds of chroots.

use clap::Subcommand;
use serde_json::Value;

use super::{Answer, Done, Door};
use crate::{
    app::{profile_json, profile_summary_json},
    console::Table,
};

/// Show the profiles that chroots are made by
#[derive(Debug, clap::Args)]
pub(crate) struct ProfileArgs {
    #[command(subcommand)]
    verb: ProfileVerb,
}

#[derive(Debug, Subcommand)]
enum ProfileVerb {
    /// List the profiles: the built-in ones, and those of /etc/debbuild/profiles.d and ~/.config/debbuild/profiles.d
    List,
    /// Show a profile with all that it builds on
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The profile: its name, a file that has one (FILE.toml), or both (FILE.toml#NAME)
    name: String,
    /// Say for each value where it was written
    #[arg(long)]
    origins: bool,
}

pub(super) fn profile(door: &Door, args: &ProfileArgs) -> Answer {
    match &args.verb {
        ProfileVerb::List => list(door),
        ProfileVerb::Show(args) => show(door, args),
    }
}

fn list(door: &Door) -> Answer {
    let profiles = door.app.profiles()?;
    let wire: Vec<Value> = profiles.iter().map(profile_summary_json).collect();
    door.out.show(&wire, |_| {
        let mut table = Table::new(["NAME", "SUITE", "FOR", "DEFINED AT"]);
        for profile in &profiles {
            let suite = profile.suite.as_ref().map_or("-", |suite| suite.as_str()).to_owned();
            table.row([profile.name.clone(), suite, profile.description.clone(), profile.place.to_string()]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}

fn show(door: &Door, args: &ShowArgs) -> Answer {
    let profile = door.app.profile(&args.name)?;
    door.out.show(&profile_json(&profile, args.origins)?, |_| {
        let line = |key: &str, value: &str, origin: String| format!("{key} = {value}{origin}\n");
        if args.origins {
            profile.origins().iter().map(|one| line(&one.key, &one.value, format!("  # {}", one.place))).collect()
        } else {
            profile.values().iter().map(|one| line(&one.key, &one.value, String::new())).collect()
        }
    })?;
    Ok(Done::Well)
}
