//! APT repositories on this machine: which files are meant, which suite, by which key.

use std::{collections::BTreeSet, fs};

use debbuild_core::{
    arch::Architecture,
    blocking,
    context::Context,
    error::Class,
    name::{ComponentName, PackageName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::{Diff, Entry, Input, KeyExport, PoolFile, Report, Repository, State, SuiteOptions, Wanted},
    sign::Keyring,
    version::Version,
};
use serde_json::{Value, json};

use super::{App, AppError, Failure};

/// How a suite is made, or changed: what is not given stays, or is as the library has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SuiteChange {
    /// Components to have, besides those that are there.
    pub components: Vec<ComponentName>,
    /// Architectures to have, besides those that are there; for a new suite without any, this machine's own.
    pub architectures: Vec<Architecture>,
    /// The codename.
    pub codename: Option<SuiteName>,
    /// The origin.
    pub origin: Option<String>,
    /// The label.
    pub label: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// Where clients find each state by its time (`Some(None)`: nowhere); the address has `@SNAPSHOTID@` in it.
    pub snapshots: Option<Option<String>>,
    /// How long a publication is good, in seconds; `Some(None)` is for ever.
    pub valid_for_seconds: Option<Option<u64>>,
}

impl App {
    /// Makes a repository or a suite of it, or changes the suite.
    ///
    /// # Errors
    /// Those of [`Repository::init`].
    pub async fn repo_init(
        &self,
        cx: &Context,
        dir: &AbsPath,
        suite: &SuiteName,
        change: SuiteChange,
    ) -> Result<SuiteOptions, AppError> {
        let existing = match Repository::open(cx, dir.clone()).await {
            Ok(repository) => repository.suites(cx).await?.into_iter().find(|options| options.suite == *suite),
            Err(error) if debbuild_core::error::Classify::class(&error) == Class::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let is_new = existing.is_none();
        let mut options = match existing {
            Some(options) => options,
            None if change.architectures.is_empty() => {
                SuiteOptions::new(suite.clone(), vec![self.architecture(cx).await?])
            }
            None => SuiteOptions::new(suite.clone(), Vec::new()),
        };
        if is_new && !change.components.is_empty() {
            options.components.clear();
        }
        let components = change.components.into_iter().filter(|name| !options.components.contains(name));
        let components: BTreeSet<ComponentName> = components.collect();
        options.components.extend(components);
        let architectures: BTreeSet<Architecture> =
            change.architectures.into_iter().filter(|name| !options.architectures.contains(name)).collect();
        options.architectures.extend(architectures);
        options.codename = change.codename.unwrap_or(options.codename);
        options.origin = change.origin.unwrap_or(options.origin);
        options.label = change.label.unwrap_or(options.label);
        options.description = change.description.or(options.description);
        options.snapshots = change.snapshots.unwrap_or(options.snapshots);
        options.valid_for_seconds = change.valid_for_seconds.unwrap_or(options.valid_for_seconds);
        Repository::init(cx, dir.clone(), options.clone()).await?;
        Ok(options)
    }

    /// The suite that is meant: the named one, or the only one.
    ///
    /// # Errors
    /// Class `usage` when none is named and there are several, `not-found` when there is none.
    pub async fn repo_suite(
        &self,
        cx: &Context,
        repository: &Repository,
        named: Option<&SuiteName>,
    ) -> Result<SuiteName, AppError> {
        if let Some(named) = named {
            return Ok(named.clone());
        }
        let suites = repository.suites(cx).await?;
        match suites.as_slice() {
            [only] => Ok(only.suite.clone()),
            [] => Err(Failure::new(Class::NotFound, format!("no suite in {}", repository.dir())).into()),
            _ => {
                let names: Vec<&str> = suites.iter().map(|options| options.suite.as_str()).collect();
                let message = format!("{} has several suites: name one with --suite", repository.dir());
                Err(Failure::new(Class::Usage, message).with_hint(format!("suites: {}", names.join(", "))).into())
            }
        }
    }

    /// Publishes what is staged of a suite, or of every suite.
    ///
    /// # Errors
    /// Those of [`Repository::publish`]; suites before the one that failed are published.
    pub async fn repo_publish(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: Option<&SuiteName>,
    ) -> Result<Vec<State>, AppError> {
        let suites = match suite {
            Some(suite) => vec![suite.clone()],
            None => repository.suites(cx).await?.into_iter().map(|options| options.suite).collect(),
        };
        let signer = self.signer()?;
        let mut states = Vec::new();
        for suite in suites {
            states.push(repository.publish(cx, &suite, &*signer).await?);
        }
        Ok(states)
    }

    /// The inputs that files and folders stand for: of a folder every .deb and .dsc in it and below it, by path.
    ///
    /// # Errors
    /// When a path is not there, or a file is none of .deb, .dsc and .changes.
    pub async fn repo_inputs(&self, paths: Vec<AbsPath>) -> Result<Vec<Input>, AppError> {
        blocking::run(move || {
            let mut inputs = Vec::new();
            for path in paths {
                if fs::metadata(&path).at("look at", &path)?.is_dir() {
                    packages_below(&path, &mut inputs)?;
                } else {
                    inputs.push(Input::by_name(path)?);
                }
            }
            Ok(inputs)
        })
        .await
    }

    /// Checks a published suite as a client reads it, by our own key or these keyrings.
    ///
    /// # Errors
    /// Those of [`Repository::verify`]; what is wrong with the repository is in the report.
    pub async fn repo_verify(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        keyrings: Vec<AbsPath>,
    ) -> Result<Report, AppError> {
        let keys = if keyrings.is_empty() { self.signing_keys(cx).await? } else { Keyring::Files(keyrings) };
        let verifier = self.verifier(cx).await?;
        Ok(repository.verify(cx, suite, Some((&verifier, &keys))).await?)
    }

    /// Writes the public key of a suite as `SUITE-archive-keyring.gpg` and `SUITE.sources` into a folder.
    ///
    /// # Errors
    /// Those of [`Repository::export_key`], and of the files.
    pub async fn repo_key(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        uri: &str,
        into: &AbsPath,
    ) -> Result<[AbsPath; 2], AppError> {
        let key: KeyExport = repository.export_key(cx, suite, uri, &*self.signer()?).await?;
        let stem = suite.as_str().replace('/', "-");
        let files = [into.child(&format!("{stem}-archive-keyring.gpg"))?, into.child(&format!("{stem}.sources"))?];
        let (into, written) = (into.clone(), files.clone());
        blocking::run(move || {
            fs::create_dir_all(&into).at("create", &into)?;
            fs::write(&written[0], &key.keyring).at("write", &written[0])?;
            fs::write(&written[1], &key.sources).at("write", &written[1])
        })
        .await?;
        Ok(files)
    }
}

/// Which packages a text means: `NAME[=VERSION][/ARCHITECTURE]`, where the architecture may be `source`.
///
/// # Errors
/// Class `usage` when a part is malformed.
pub fn parse_wanted(text: &str) -> Result<Wanted, AppError> {
    let (rest, architecture) = text.rsplit_once('/').map_or((text, None), |(rest, arch)| (rest, Some(arch)));
    let (name, version) = rest.split_once('=').map_or((rest, None), |(name, version)| (name, Some(version)));
    let mut wanted = Wanted::new(PackageName::new(name)?);
    if let Some(version) = version {
        wanted = wanted.with_version(Version::new(version)?);
    }
    Ok(match architecture {
        Some(architecture) => wanted.with_architecture(architecture),
        None => wanted,
    })
}

fn packages_below(folder: &AbsPath, inputs: &mut Vec<Input>) -> Result<(), AppError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).at("read", folder)? {
        let entry = entry.at("read", folder)?;
        // A name that is not UTF-8 is no package's; a link to a folder could lead in circles.
        let Ok(path) = AbsPath::new(entry.path()) else { continue };
        paths.push((path, entry.file_type().at("look at", folder)?.is_dir()));
    }
    paths.sort();
    for (path, is_folder) in paths {
        if is_folder {
            packages_below(&path, inputs)?;
        } else if path.name().ends_with(".deb") || path.name().ends_with(".dsc") {
            inputs.push(Input::by_name(path)?);
        }
    }
    Ok(())
}

/// A state as every door shows it.
#[must_use]
pub fn state_json(state: &State) -> Value {
    json!({
        "suite": state.options.suite,
        "state": state.number,
        "date": state.date,
        "valid_until": state.valid_until,
        "signed_by": state.signed_by,
        "release_sha256": state.release_sha256,
        "switched_to": state.switched_to,
        "packages": state.content.packages,
    })
}

/// A package of a suite as every door shows it.
#[must_use]
pub fn entry_json(entry: &Entry) -> Value {
    let file = |file: &PoolFile| json!({ "path": file.path, "size": file.size, "sha256": file.sha256 });
    json!({
        "package": entry.name,
        "version": entry.version,
        "architecture": entry.architecture_name(),
        "component": entry.component,
        "source": entry.source,
        "source_version": entry.source_version,
        "files": entry.files.iter().map(file).collect::<Vec<_>>(),
    })
}

/// A suite as every door shows it.
#[must_use]
pub fn suite_json(options: &SuiteOptions) -> Value {
    json!(options)
}

/// The difference of two states as every door shows it.
#[must_use]
pub fn diff_json(diff: &Diff) -> Value {
    let change = |change: &debbuild_core::repo::Change| {
        json!({
            "package": change.name,
            "architecture": change.architecture,
            "change": change.kind().as_str(),
            "removed": change.removed,
            "added": change.added,
        })
    };
    Value::Array(diff.changes.iter().map(change).collect())
}

/// What a check found, as every door shows it.
#[must_use]
pub fn report_json(report: &Report) -> Value {
    let finding = |finding: &debbuild_core::repo::Finding| json!({ "path": finding.path, "problem": finding.problem });
    let findings: Vec<Value> = report.findings.iter().map(finding).collect();
    json!({ "good": report.is_good(), "files": report.files, "findings": findings })
}
