//! `App.chroots`: chroots on top of others, from elsewhere and to elsewhere.

use std::path::PathBuf;

use debbuild_cli::app::{AppError, ExportForm, Failure, chroot_exported_json, chroot_json};
use debbuild_core::{
    arch::Architecture,
    error::Class,
    name::{PackageName, SuiteName},
};
use pyo3::prelude::*;

use crate::{chroots::PyChroots, convert::IntoPy as _, handle::Handle};

/// A layer that is asked for.
pub(crate) struct Layer {
    parent: String,
    install: Vec<PackageName>,
    remove: Vec<PackageName>,
}

fn names(names: &[String]) -> Result<Vec<PackageName>, AppError> {
    Ok(names.iter().map(|name| PackageName::new(name)).collect::<Result<_, _>>()?)
}

/// The layer that a call asks for, if it names a parent; `own`: whether it names what only a chroot without a parent has.
pub(crate) fn asked(
    parent: Option<String>,
    own: bool,
    install: Option<&[String]>,
    remove: Option<&[String]>,
) -> Result<Option<Layer>, AppError> {
    match (parent, own, remove) {
        (Some(parent), false, remove) => {
            let (install, remove) = (names(install.unwrap_or_default())?, names(remove.unwrap_or_default())?);
            Ok(Some(Layer { parent, install, remove }))
        }
        (Some(_), true, _) => {
            let message = "a chroot with a parent has its suite, architecture and variant: name only packages";
            Err(Failure::new(Class::Usage, message).into())
        }
        (None, _, Some(_)) => Err(Failure::new(Class::Usage, "packages are taken away from a parent: name one").into()),
        (None, _, None) => Ok(None),
    }
}

/// Makes a layer.
pub(crate) fn make<'py>(handle: &Handle, py: Python<'py>, layer: Layer) -> PyResult<Bound<'py, PyAny>> {
    handle.show_logged(py, |app, cx, mut log| async move {
        let Layer { parent, install, remove } = layer;
        Ok(chroot_json(&app.chroot_layer(&cx, &parent, install, remove, &mut log).await?))
    })
}

#[pymethods]
impl PyChroots {
    #[pyo3(signature = (id, packages=None, *, remove=None))]
    fn install<'py>(
        &self,
        py: Python<'py>,
        id: String,
        packages: Option<Vec<String>>,
        remove: Option<Vec<String>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let install = names(&packages.unwrap_or_default()).into_py_result(py)?;
        let remove = names(&remove.unwrap_or_default()).into_py_result(py)?;
        make(&self.0, py, Layer { parent: id, install, remove })
    }

    #[pyo3(signature = (id, to, *, form="tar"))]
    fn export<'py>(&self, py: Python<'py>, id: String, to: PathBuf, form: &str) -> PyResult<Bound<'py, PyAny>> {
        let form = form.parse::<ExportForm>().into_py_result(py)?;
        let to = self.0.path(&to).into_py_result(py)?;
        self.0.show(py, move |app, cx| async move {
            Ok(chroot_exported_json(&app.chroot_export(&cx, &id, form, &to).await?))
        })
    }

    #[pyo3(signature = (source, *, suite=None, architecture=None))]
    fn import_system<'py>(
        &self,
        py: Python<'py>,
        source: String,
        suite: Option<&str>,
        architecture: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let suite = suite.map(SuiteName::new).transpose().into_py_result(py)?;
        let architecture = architecture.map(Architecture::new).transpose().into_py_result(py)?;
        self.0.show(py, |app, cx| async move {
            Ok(chroot_json(&app.chroot_import(&cx, &source, suite, architecture).await?))
        })
    }
}
