//! APT repositories on this machine: which files are meant, which suite, by which key.

use std::{collections::BTreeSet, fs, num::NonZeroUsize};

use debbuild_core::{
    arch::Architecture,
    blocking,
    context::Context,
    error::Class,
    name::{ComponentName, PackageName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::{
        AddOptions, Entry, IndexFormat, Input, KeyExport, Overrides, Placing, Report, Repository, State, StateId,
        SuiteOptions, Wanted,
    },
    sign::Keyring,
    version::Version,
};

pub use super::wire::{diff_json, entry_json, report_json, state_json, suite_json};
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
    /// The version.
    pub version: Option<String>,
    /// `NotAutomatic`.
    pub not_automatic: Option<bool>,
    /// `ButAutomaticUpgrades`.
    pub but_automatic_upgrades: Option<bool>,
    /// Where changelogs are.
    pub changelogs: Option<String>,
    /// The fingerprints of the keys that clients are to accept from now on; where there are any, instead of those before.
    pub signed_by: Vec<String>,
    /// The formats of indexes; where there are any, instead of those before.
    pub formats: Vec<IndexFormat>,
    /// Whether it has Contents indexes.
    pub contents: Option<bool>,
    /// Whether long descriptions are in Translation-en.
    pub translations: Option<bool>,
    /// How many patches of each index stay; `Some(None)`: there are none.
    pub pdiffs: Option<Option<NonZeroUsize>>,
    /// How many versions of a package stay; `Some(None)` is all.
    pub keep: Option<Option<NonZeroUsize>>,
    /// The suite for packages of debug symbols.
    pub debug_suite: Option<SuiteName>,
}

impl SuiteChange {
    /// The suite with everything that is given but its components and architectures.
    fn apply(self, options: &mut SuiteOptions) {
        fn set<T>(value: Option<T>, to: &mut T) {
            if let Some(value) = value {
                *to = value;
            }
        }
        set(self.codename, &mut options.codename);
        set(self.origin, &mut options.origin);
        set(self.label, &mut options.label);
        set(self.valid_for_seconds, &mut options.valid_for_seconds);
        set(self.not_automatic, &mut options.not_automatic);
        set(self.but_automatic_upgrades, &mut options.but_automatic_upgrades);
        set(self.contents, &mut options.contents);
        set(self.translations, &mut options.translations);
        set(self.pdiffs, &mut options.pdiffs);
        set(self.keep, &mut options.keep);
        set(self.description.map(Some), &mut options.description);
        set(self.version.map(Some), &mut options.version);
        set(self.changelogs.map(Some), &mut options.changelogs);
        set(self.snapshots, &mut options.snapshots);
        set(self.debug_suite.map(Some), &mut options.debug_suite);
        set((!self.signed_by.is_empty()).then_some(self.signed_by), &mut options.signed_by);
        set((!self.formats.is_empty()).then_some(self.formats), &mut options.formats);
    }
}

/// How packages are added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddChange {
    /// The component.
    pub component: ComponentName,
    /// Whether the files are linked.
    pub link: bool,
    /// Whether the paths of their files are read, where the suite has Contents indexes.
    pub contents: bool,
    /// How many versions of each package stay, in place of the suite's own number.
    pub keep: Option<NonZeroUsize>,
    /// An override file, as apt-ftparchive reads it.
    pub overrides: Option<AbsPath>,
}

impl AddChange {
    /// Into this component, copied, with Contents, everything stays.
    #[must_use]
    pub const fn new(component: ComponentName) -> Self {
        Self { component, link: false, contents: true, keep: None, overrides: None }
    }
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
        let components = change.components.iter().filter(|name| !options.components.contains(name));
        let components: BTreeSet<ComponentName> = components.cloned().collect();
        options.components.extend(components);
        let architectures = change.architectures.iter().filter(|name| !options.architectures.contains(name));
        let architectures: BTreeSet<Architecture> = architectures.cloned().collect();
        options.architectures.extend(architectures);
        change.apply(&mut options);
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
                let message = format!("{} has several suites: name one", repository.dir());
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

    /// The inputs that files and folders stand for: of a folder every .deb, .udeb and .dsc in it and below it, by path.
    ///
    /// # Errors
    /// When a path is not there, or a file is none of .deb, .udeb, .dsc and .changes.
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

    /// Stages what files and folders stand for.
    ///
    /// # Errors
    /// Those of [`App::repo_inputs`] and of [`Repository::add`], and of the override file.
    pub async fn repo_add(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        paths: Vec<AbsPath>,
        change: AddChange,
    ) -> Result<Vec<Entry>, AppError> {
        let inputs = self.repo_inputs(paths).await?;
        let mut options = AddOptions::new(change.component).with_contents(change.contents).with_keep(change.keep);
        options.how = if change.link { Placing::Link } else { Placing::Copy };
        if let Some(file) = change.overrides {
            let read = file.clone();
            let text = blocking::run(move || fs::read_to_string(&read).at("read", &read)).await?;
            options = options.with_overrides(Overrides::parse(file.as_str(), &text)?);
        }
        Ok(repository.add_with(cx, suite, inputs, &options).await?)
    }

    /// The packages of a state, or those that are staged; of these names only where there are any, the newest first.
    ///
    /// # Errors
    /// Those of [`Repository::list`].
    pub async fn repo_list(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        state: Option<StateId>,
        names: &[PackageName],
    ) -> Result<Vec<Entry>, AppError> {
        let mut entries = repository.list(cx, suite, state).await?;
        if !names.is_empty() {
            entries.retain(|entry| names.contains(&entry.name));
            entries.reverse();
        }
        Ok(entries)
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
        } else if [".deb", ".udeb", ".dsc"].iter().any(|ending| path.name().ends_with(ending)) {
            inputs.push(Input::by_name(path)?);
        }
    }
    Ok(())
}
