//! The keyword arguments that say which packages a question is about; every method that asks one takes all of them.

use std::path::PathBuf;

use debbuild_cli::app::{AppError, Lookaside, PackagesFrom, RepositoryPlace};
use debbuild_core::{arch::Architecture, name::SuiteName};
use debbuild_queue::model::TagName;
use pyo3::{exceptions::PyTypeError, prelude::*, types::PyDict};

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
        from.tags = self.tags.iter().map(|name| TagName::new(name)).collect::<Result<_, _>>()?;
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
