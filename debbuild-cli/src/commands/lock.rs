//! `debbuild lock`: the exact inputs of chroots, builds and composes.

use std::collections::BTreeMap;

use clap::Subcommand;
use debbuild_core::{
    error::Class,
    lock::{ArchiveAccess, ArchiveChange, ListStyle, LockDiff, LockFile, ValueChange},
    name::{PackageName, SuiteName},
};
use serde_json::json;

use super::{Answer, Done, Door, changes::changed_text};
use crate::{
    app::{ChrootWish, change_name, lock_diff_json, lock_text, units::show_size},
    console::Table,
};

/// The most characters of a value that people are shown.
const SHOWN: usize = 60;

/// Show, compare and list locks, and make one from a .buildinfo
#[derive(Debug, clap::Args)]
pub(crate) struct LockArgs {
    #[command(subcommand)]
    verb: LockVerb,
}

#[derive(Debug, Subcommand)]
enum LockVerb {
    /// Show what a lock is of: its archives, its packages, its options; as JSON the lock itself
    Show(ShowArgs),
    /// Show what differs between two locks: packages, archives, options and tools
    Diff(DiffArgs),
    /// List the packages of a lock, as other tools take them
    List(ListArgs),
    /// Print the lock of a chroot that has exactly the packages that a build had
    FromBuildinfo(BuildinfoArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// A lock file, or a chroot: its id, or at least 12 digits of it
    lock: String,
}

#[derive(Debug, clap::Args)]
struct DiffArgs {
    /// A lock file, or the id of a chroot
    before: String,
    /// Another
    after: String,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// A lock file, or a chroot: its id, or at least 12 digits of it
    lock: String,
    /// The form: `debrebuild` is PACKAGE=VERSION, with :ARCH for other architectures; `apt` names every architecture; `sources`
    /// is the sha256 and the path of each file, as `sha256sum --check` takes them
    #[arg(long, default_value_t)]
    style: ListStyle,
}

#[derive(Debug, clap::Args)]
struct BuildinfoArgs {
    /// The .buildinfo; its signature is not checked, archives vouch for the packages
    file: String,
    /// Look in the archives of this suite; its -updates and -security suites are used too
    #[arg(long, short, required_unless_present = "profile")]
    suite: Option<SuiteName>,
    /// Look in the archives of this profile: its name, a file that has one (FILE.toml), or both (FILE.toml#NAME)
    #[arg(long, short, value_name = "NAME", conflicts_with = "suite")]
    profile: Option<String>,
    /// More packages, with all that they need: `apt` for a chroot to build in
    #[arg(long, value_name = "PACKAGE,..", value_delimiter = ',')]
    include: Vec<PackageName>,
    /// Write the lock to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
}

pub(super) async fn lock(door: &Door, args: &LockArgs) -> Answer {
    match &args.verb {
        LockVerb::Show(args) => {
            let lock = door.app.lock_show(&door.cx, &args.lock).await?;
            door.out.show(&lock, shown)?;
        }
        LockVerb::Diff(args) => {
            let diff = door.app.lock_diff(&door.cx, &args.before, &args.after).await?;
            door.out.show(&lock_diff_json(&diff), |_| diff_text(&diff))?;
        }
        LockVerb::List(args) => {
            let lines = door.app.lock_list(&door.cx, &args.lock, args.style).await?;
            door.out.show(&lines, |lines| lines.iter().map(|line| format!("{line}\n")).collect())?;
        }
        LockVerb::FromBuildinfo(args) => return from_buildinfo(door, args).await,
    }
    Ok(Done::Well)
}

async fn from_buildinfo(door: &Door, args: &BuildinfoArgs) -> Answer {
    let machine = door.app.machine();
    let wish = match (&args.profile, &args.suite) {
        (Some(profile), _) => ChrootWish::of_profile(profile),
        (None, Some(suite)) => ChrootWish::new(suite.clone()),
        (None, None) => return Ok(Done::Failed(Class::Usage)),
    };
    let wish = wish.with_include(args.include.clone());
    let output = args.output.as_ref().map(|file| machine.path(file)).transpose()?;
    let file = machine.path(&args.file)?;
    let lock = door.app.lock_from_buildinfo(&door.cx, &file, &wish, output.as_ref()).await?;
    match output {
        Some(output) => door.out.show(&json!({ "lock": output.as_str() }), |_| format!("{output}\n"))?,
        None => door.out.bytes(&lock_text(&lock)?)?,
    }
    Ok(Done::Well)
}

fn shown(lock: &LockFile) -> String {
    let all = lock.all_packages();
    let size: u64 = all.iter().map(|package| package.size).sum();
    let mut text = format!(
        "kind: {}\narchitecture: {}\nverified: {}\npackages: {}, {}\n",
        lock.kind.name(),
        lock.architecture,
        lock.verified_at,
        all.len(),
        show_size(size)
    );
    for (name, own) in &lock.additions {
        let size: u64 = own.iter().map(|package| package.size).sum();
        text.push_str(&format!("packages of {name}: {}, {}\n", own.len(), show_size(size)));
    }
    let values = |kind: &str, values: &BTreeMap<String, String>| -> String {
        values.iter().map(|(name, value)| format!("{kind} {name}: {}\n", short(value))).collect()
    };
    text.push_str(&values("tool", &lock.tools));
    text.push_str(&values("option", &lock.options));
    let mut table = Table::new(["ARCHIVE", "SUITE", "DATE", "VALID UNTIL", "RELEASE", "INDEXES", "URI"]);
    for archive in &lock.archives {
        table.row([
            archive.name.clone(),
            archive.suite.clone(),
            archive.date.to_string(),
            archive.valid_until.map_or_else(|| "-".to_owned(), |until| until.to_string()),
            archive.release.sha256.to_string().chars().take(12).collect(),
            archive.indexes.len().to_string(),
            archive.uris.join(" "),
        ]);
    }
    format!("{text}\n{}", table.text())
}

/// As much of a value as people read.
fn short(value: &str) -> String {
    let mut rest = value.chars();
    let start: String = rest.by_ref().take(SHOWN).collect();
    if rest.next().is_some() { format!("{start}..") } else { start }
}

fn diff_text(diff: &LockDiff) -> String {
    if diff.is_empty() {
        return "Nothing differs.\n".to_owned();
    }
    let side = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), short);
    let values = |kind: &str, changes: &[ValueChange]| -> String {
        let line = |one: &ValueChange| format!("{kind}{}: {}, was {}\n", one.name, side(&one.after), side(&one.before));
        changes.iter().map(line).collect()
    };
    let mut text = values("", &diff.about) + &values("tool ", &diff.tools) + &values("option ", &diff.options);
    if !diff.archives.is_empty() {
        text.push_str(&format!("\n{}", archives_text(&diff.archives)));
    }
    if !diff.packages.is_empty() {
        text.push_str(&format!("\n{}", changed_text(&diff.packages)));
    }
    for (name, changed) in &diff.additions {
        text.push_str(&format!("\nPackages of {name}:\n{}", changed_text(changed)));
    }
    text.trim_start_matches('\n').to_owned()
}

fn archives_text(archives: &[ArchiveChange]) -> String {
    let mut table = Table::new(["CHANGE", "ARCHIVE", "SUITE", "BEFORE", "AFTER", "ALSO"]);
    for one in archives {
        let Some(archive) = one.archive() else { continue };
        let date = |archive: &Option<ArchiveAccess>| {
            archive.as_ref().map_or_else(|| "-".to_owned(), |archive| archive.date.to_string())
        };
        let also = [
            (one.has_other_release(), "another Release"),
            (one.has_other_keyring(), "other keys"),
            (one.has_other_uris(), "another address"),
        ];
        let also: Vec<&str> = also.into_iter().filter(|(is, _)| *is).map(|(_, text)| text).collect();
        let change = change_name(one.change()).to_owned();
        let (name, suite) = (archive.name.clone(), archive.suite.clone());
        table.row([change, name, suite, date(&one.before), date(&one.after), also.join("; ")]);
    }
    table.text()
}
