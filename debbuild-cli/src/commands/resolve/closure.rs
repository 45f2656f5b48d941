//! `debbuild resolve closure`: whether repositories are closed, with what lies beside them.

use std::fmt::Write as _;

use debbuild_core::{
    error::Class,
    relation::BuildProfile,
    resolve::{Checked, Closure, Strictness},
};

use super::{
    super::{Answer, Done, Door},
    from::{PlacesArgs, places},
};
use crate::app::{ClosureAsk, closure_json};

#[derive(Debug, clap::Args)]
pub(super) struct ClosureArgs {
    /// Whether every binary package must be installable: `off`, `lenient` (report), `fatal` (exit with 1)
    #[arg(long, value_name = "STRICTNESS", default_value_t = Strictness::Lenient)]
    install: Strictness,
    /// Whether the build dependencies of every source package must be
    #[arg(long, value_name = "STRICTNESS", default_value_t = Strictness::Lenient)]
    build: Strictness,
    /// Build profiles
    #[arg(long, value_delimiter = ',', value_name = "P,..")]
    profiles: Vec<BuildProfile>,
    #[command(flatten)]
    places: PlacesArgs,
}

pub(super) async fn closure(door: &Door, args: ClosureArgs) -> Answer {
    let ask = ClosureAsk::new(args.install, args.build).with_profiles(args.profiles.into_iter().collect());
    let found = door.app.resolve_closure(&door.cx, &places(door, &args.places)?, ask).await?;
    door.out.show(&closure_json(&found), |_| text(&found))?;
    Ok(if found.fails() { Done::Failed(Class::Closure) } else { Done::Well })
}

fn text(found: &Closure) -> String {
    let mut text = String::new();
    let parts = [(&found.install, "installed"), (&found.build, "built")];
    for (part, what) in parts.iter().filter_map(|(part, what)| Some((part.as_ref()?, what))) {
        for fault in &part.faults {
            writeln!(text, "{} cannot be {what}: {}", fault.subject, fault.explanation).ok();
        }
        for doubt in &part.unknown {
            writeln!(text, "{}: not known whether it can be {what}: {}", doubt.subject, doubt.reason).ok();
        }
    }
    for needs in &found.needs {
        for one in &needs.uses {
            let lent = &one.package;
            let taken = format!("{} {} {} of {}", lent.package, lent.version, lent.architecture, lent.origin);
            writeln!(text, "{} takes {taken} for {}", needs.subject, one.relation).ok();
        }
    }
    for (part, what) in parts.iter().filter_map(|(part, what)| Some((part.as_ref()?, what))) {
        let Checked { checked, faults, .. } = part;
        writeln!(text, "{} of {checked} packages cannot be {what}", faults.len()).ok();
    }
    if !found.lent.is_empty() {
        writeln!(text, "{} packages of lookasides are needed", found.lent.len()).ok();
    }
    text
}
