//! `debbuild config show`: every setting, its value, and where it came from.

use clap::Subcommand;

use super::{Answer, Done, Door};

/// Show the configuration
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Print every setting with its value
    Show {
        /// Say for each where its value came from
        #[arg(long)]
        origins: bool,
    },
}

pub(super) fn config(door: &Door, args: &ConfigArgs) -> Answer {
    let ConfigVerb::Show { origins } = args.verb;
    let settings = door.app.settings_json()?;
    let leaves = door.app.origins();
    let wire = if origins {
        let places: serde_json::Map<_, _> =
            leaves.iter().map(|leaf| (leaf.key.clone(), leaf.place.to_string().into())).collect();
        serde_json::json!({ "settings": settings, "origins": places, "home": door.app.home().as_str() })
    } else {
        serde_json::json!({ "settings": settings, "home": door.app.home().as_str() })
    };
    door.out.show(&wire, |_| {
        let lines = leaves.iter().map(|leaf| {
            let origin = if origins { format!("  # {}", leaf.place) } else { String::new() };
            format!("{} = {}{origin}\n", leaf.key, leaf.value)
        });
        lines.collect()
    })?;
    Ok(Done::Well)
}
