//! `import debbuild`: the native half of the Python package. It only converts; the use cases are `debbuild_cli::app`.
#![allow(missing_docs, reason = "the documentation that Python sees is in _debbuild.pyi")]

mod app;
mod control;
mod convert;
mod runtime;
mod version;

use pyo3::prelude::*;

#[pymodule]
fn _debbuild(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<app::PyApp>()?;
    module.add_class::<version::PyVersion>()?;
    module.add_function(wrap_pyfunction!(version::compare_versions, module)?)?;
    module.add_function(wrap_pyfunction!(control::paragraphs, module)?)?;
    module.add_function(wrap_pyfunction!(control::read_dsc, module)?)?;
    module.add_function(wrap_pyfunction!(control::read_changes, module)?)?;
    Ok(())
}
