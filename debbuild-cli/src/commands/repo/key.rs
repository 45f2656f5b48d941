//! `debbuild repo key`: the keys that sign, and what clients need of them.

use clap::Subcommand;
use debbuild_core::{name::PackageName, sign::Fingerprint, version::Version};
use serde_json::{Value, json};

use super::{Answer, Done, Door, SuiteArgs, open};
use crate::{
    app::sign::{KeyringOrder, key_json},
    console::Table,
};

#[derive(Debug, clap::Args)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    verb: KeyVerb,
}

#[derive(Debug, Subcommand)]
enum KeyVerb {
    /// Write the public keys of a suite and a .sources file with them for clients
    Export(ExportArgs),
    /// Build the package NAME-archive-keyring, by which clients get the keys of later years
    Package(PackageArgs),
    /// List the keys that sign, and those that did
    List,
    /// Make one more key, which signs beside the others until they are retired
    Rotate,
    /// Let a key sign no more
    Retire(RetireArgs),
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Where clients reach the repository; without, its folder
    #[arg(long)]
    uri: Option<String>,
    /// Where to put the files; it is made where it does not exist
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: String,
}

#[derive(Debug, clap::Args)]
struct PackageArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// The archive's name; the package is called NAME-archive-keyring
    #[arg(long)]
    name: PackageName,
    /// The maintainer, as `Name <address>`
    #[arg(long)]
    maintainer: String,
    /// The package's version; without, the time at which the keys changed last
    #[arg(long)]
    version: Option<Version>,
    /// Where clients reach the repository: then the package has a .sources file for it
    #[arg(long)]
    uri: Option<String>,
    /// Where to put the package; it is made where it does not exist
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: String,
}

#[derive(Debug, clap::Args)]
struct RetireArgs {
    /// The key's fingerprint
    #[arg(value_parser = fingerprint)]
    fingerprint: Fingerprint,
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::new(text).map_err(|error| error.to_string())
}

pub(super) async fn key(door: &Door, args: &KeyArgs) -> Answer {
    match &args.verb {
        KeyVerb::Export(args) => export(door, args).await,
        KeyVerb::Package(args) => package(door, args).await,
        KeyVerb::List => list(door).await,
        KeyVerb::Rotate => {
            let made = door.app.key_rotate(&door.cx).await?;
            door.out.show(&json!({ "fingerprint": made.as_str() }), |_| format!("{made}\n"))?;
            Ok(Done::Well)
        }
        KeyVerb::Retire(args) => {
            door.app.key_retire(&door.cx, &args.fingerprint).await?;
            list(door).await
        }
    }
}

async fn export(door: &Door, args: &ExportArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let uri = args.uri.clone().unwrap_or_else(|| format!("file:{}", repository.dir()));
    let into = door.app.machine().path(&args.output)?;
    let [keyring, sources] = door.app.repo_key(&door.cx, &repository, &suite, &uri, &into).await?;
    let wire = json!({ "keyring": keyring.as_str(), "sources": sources.as_str() });
    door.out.show(&wire, |_| format!("{keyring}\n{sources}\n"))?;
    Ok(Done::Well)
}

async fn package(door: &Door, args: &PackageArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    let into = door.app.machine().path(&args.output)?;
    let order = KeyringOrder::new(args.name.clone(), &args.maintainer, into)
        .with_version(args.version.clone())
        .with_uri(args.uri.clone());
    let built = door.app.keyring_package(&door.cx, &repository, &suite, order).await?;
    door.out.show(&json!({ "package": built.as_str() }), |_| format!("{built}\n"))?;
    Ok(Done::Well)
}

async fn list(door: &Door) -> Answer {
    let keys = door.app.keys(&door.cx).await?;
    let wire: Vec<Value> = keys.iter().map(key_json).collect();
    door.out.show(&wire, |_| {
        let mut table = Table::new(["FINGERPRINT", "ROLE", "SINCE", "CREATED"]);
        for key in &keys {
            let time = |at: Option<debbuild_core::clock::Timestamp>| at.map_or_else(String::new, |at| at.to_string());
            table.row([key.fingerprint.to_string(), key.role.as_str().to_owned(), time(key.since), time(key.created)]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}
