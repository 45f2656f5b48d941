//! `import debbuild`: the native half of the Python package. It only converts; the use cases are `debbuild_cli::app`.
#![allow(missing_docs, reason = "the documentation that Python sees is in _debbuild.pyi")]

mod app;
mod bell;
mod builds;
mod chroots;
mod composes;
mod control;
mod convert;
mod deb;
mod edsp;
mod handle;
mod keys;
mod layers;
mod locks;
mod places;
mod queue;
mod reasons;
mod repository;
mod runtime;
mod sessions;
mod suite;
mod tags;
mod uploads;
mod version;
mod work;

use pyo3::prelude::*;

#[pymodule]
fn _debbuild(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<app::PyApp>()?;
    module.add_class::<chroots::PyChroots>()?;
    module.add_class::<composes::PyComposes>()?;
    module.add_class::<deb::PyDeb>()?;
    module.add_class::<keys::PyKeys>()?;
    module.add_class::<queue::PyQueue>()?;
    module.add_class::<repository::PyRepository>()?;
    module.add_class::<tags::PyTags>()?;
    module.add_class::<uploads::PyUploads>()?;
    module.add_class::<version::PyVersion>()?;
    module.add_class::<work::PyWork>()?;
    module.add_function(wrap_pyfunction!(version::compare_versions, module)?)?;
    module.add_function(wrap_pyfunction!(control::paragraphs, module)?)?;
    module.add_function(wrap_pyfunction!(control::read_dsc, module)?)?;
    module.add_function(wrap_pyfunction!(control::read_changes, module)?)?;
    module.add_function(wrap_pyfunction!(control::read_debian_control, module)?)?;
    Ok(())
}
