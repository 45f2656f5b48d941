//! The keyword arguments that say which packages a question is about, which every method that asks one takes, and those that say
//! what would be installed, and on which system.

use std::path::PathBuf;

use debbuild_cli::app::{AppError, Lookaside, PackagesFrom, RepositoryPlace};
use debbuild_core::{
    arch::Architecture,
    name::{PackageName, SuiteName},
    relation::Relations,
    resolve::{Install, Recommends},
};
use debbuild_queue::model::TagName;
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyDict,
};

use crate::{convert::IntoPy as _, handle::Handle};

/// The arguments as Python gives them.
#[derive(Debug, Default)]
struct Given {
    files: Vec<PathBuf>,
    sources: Vec<PathBuf>,
    debs: Vec<PathBuf>,
    repositories: Vec<PathBuf>,
    tags: Vec<String>,
    suite: Option<String>,
    lookaside_files: Vec<PathBuf>,
    lookaside_suites: Vec<String>,
    lookaside_repositories: Vec<PathBuf>,
    preferences: Vec<PathBuf>,
    excluded: String,
    architecture: Option<String>,
    foreign: Vec<String>,
}

impl Given {
    fn set(&mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if value.is_none() {
            return Ok(());
        }
        match name {
            "files" => self.files = value.extract()?,
            "sources" => self.sources = value.extract()?,
            "debs" => self.debs = value.extract()?,
            "repositories" => self.repositories = value.extract()?,
            "tags" => self.tags = value.extract()?,
            "suite" => self.suite = value.extract()?,
            "lookaside_files" => self.lookaside_files = value.extract()?,
            "lookaside_suites" => self.lookaside_suites = value.extract()?,
            "lookaside_repositories" => self.lookaside_repositories = value.extract()?,
            "preferences" => self.preferences = value.extract()?,
            "excluded" => self.excluded = value.extract()?,
            "architecture" => self.architecture = value.extract()?,
            "foreign" => self.foreign = value.extract()?,
            _ => return Err(PyTypeError::new_err(format!("got an unexpected keyword argument '{name}'"))),
        }
        Ok(())
    }

    fn read(&self, handle: &Handle) -> Result<PackagesFrom, AppError> {
        let machine = handle.app.machine();
        let repositories = |places: &[PathBuf]| {
            let places = places.iter().map(|place| RepositoryPlace::parse(machine, &place.to_string_lossy()));
            places.collect::<Result<Vec<_>, _>>()
        };
        let suites = |names: &[String]| names.iter().map(|name| SuiteName::new(name)).collect::<Result<Vec<_>, _>>();
        let architecture = |name: &String| Architecture::new(name);
        let mut beside = Lookaside::default();
        beside.packages = handle.paths(&self.lookaside_files)?;
        beside.suites = suites(&self.lookaside_suites)?;
        beside.repositories = repositories(&self.lookaside_repositories)?;
        let mut from = PackagesFrom::files(handle.paths(&self.files)?)
            .with_sources(handle.paths(&self.sources)?)
            .with_repositories(repositories(&self.repositories)?)
            .with_lookaside(beside)
            .with_architecture(self.architecture.as_ref().map(architecture).transpose()?);
        from.debs = handle.paths(&self.debs)?;
        from.preferences = handle.paths(&self.preferences)?;
        from.excluded = Relations::parse(&self.excluded)?;
        from.tags = self.tags.iter().map(TagName::new).collect::<Result<_, _>>()?;
        from.suite = self.suite.as_ref().map(|name| SuiteName::new(name)).transpose()?;
        from.foreign = self.foreign.iter().map(architecture).collect::<Result<_, _>>()?;
        Ok(from)
    }
}

/// The packages that these keyword arguments name.
pub(crate) fn packages_from(
    handle: &Handle,
    py: Python<'_>,
    places: Option<&Bound<'_, PyDict>>,
) -> PyResult<PackagesFrom> {
    let mut given = Given::default();
    for (name, value) in places.into_iter().flatten() {
        given.set(name.extract::<&str>()?, &value)?;
    }
    given.read(handle).into_py_result(py)
}

/// What is asked for, and of which system.
#[derive(Debug, Default)]
struct Asked {
    recommends: Recommends,
    suggests: bool,
    essential: bool,
    remove: String,
    upgrade_all: bool,
    keep_all: bool,
    nothing_new: bool,
    installed: Option<PathBuf>,
    held: Vec<String>,
}

impl Asked {
    /// Takes an argument; whether it is one of these.
    fn set(&mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        match name {
            "recommends" => self.recommends = recommends(value)?,
            "suggests" => self.suggests = value.extract()?,
            "essential" => self.essential = value.extract()?,
            "remove" => self.remove = value.extract::<Option<_>>()?.unwrap_or_default(),
            "upgrade_all" => self.upgrade_all = value.extract()?,
            "keep_all" => self.keep_all = value.extract()?,
            "nothing_new" => self.nothing_new = value.extract()?,
            "installed" => self.installed = value.extract()?,
            "held" => self.held = value.extract::<Option<_>>()?.unwrap_or_default(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read(&self, handle: &Handle, from: &mut PackagesFrom, seeds: &str) -> Result<Install, AppError> {
        from.installed = self.installed.as_ref().map(|file| handle.path(file)).transpose()?;
        from.held = self.held.iter().map(|name| PackageName::new(name)).collect::<Result<_, _>>()?;
        let ask = Install::new(Relations::parse(seeds)?).with_recommends(self.recommends);
        let ask = ask.with_suggests(self.suggests).with_essential(self.essential);
        let mut changes = ask.changes;
        (changes.upgrade_all, changes.keep_all, changes.nothing_new) =
            (self.upgrade_all, self.keep_all, self.nothing_new);
        Ok(ask.with_remove(Relations::parse(&self.remove)?).with_changes(changes))
    }
}

/// `True` is all, `False` never, else the word that is meant.
fn recommends(value: &Bound<'_, PyAny>) -> PyResult<Recommends> {
    if let Ok(all) = value.extract::<bool>() {
        return Ok(if all { Recommends::Install } else { Recommends::Ignore });
    }
    value.extract::<&str>()?.parse().map_err(|error| PyValueError::new_err(format!("recommends: {error}")))
}

/// What is asked for, and of which packages, as these keyword arguments say.
pub(crate) fn asked(
    handle: &Handle,
    py: Python<'_>,
    seeds: Option<&str>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<(PackagesFrom, Install)> {
    let (mut given, mut asked) = (Given::default(), Asked::default());
    for (name, value) in options.into_iter().flatten() {
        let name = name.extract::<&str>()?.to_owned();
        if !asked.set(&name, &value)? {
            given.set(&name, &value)?;
        }
    }
    let mut from = given.read(handle).into_py_result(py)?;
    let ask = asked.read(handle, &mut from, seeds.unwrap_or_default()).into_py_result(py)?;
    Ok((from, ask))
}
