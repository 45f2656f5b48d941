//! Debian versions.

use std::{
    cmp::Ordering,
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
};

use debbuild_core::version::Version;
use pyo3::{class::basic::CompareOp, prelude::*};

use crate::convert::IntoPy as _;

#[pyclass(name = "Version", module = "debbuild", frozen)]
#[derive(Debug)]
pub(crate) struct PyVersion(Version);

#[pymethods]
impl PyVersion {
    #[new]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        Version::new(text).into_py_result(py).map(Self)
    }

    #[getter]
    fn epoch(&self) -> Option<u32> {
        self.0.epoch()
    }

    #[getter]
    fn upstream(&self) -> &str {
        self.0.upstream()
    }

    #[getter]
    fn revision(&self) -> Option<&str> {
        self.0.revision()
    }

    fn compare(&self, other: PyRef<'_, Self>) -> i8 {
        number(self.0.compare(&other.0))
    }

    fn with_suffix(&self, py: Python<'_>, suffix: &str) -> PyResult<Self> {
        self.0.with_suffix(suffix).into_py_result(py).map(Self)
    }

    fn __richcmp__(&self, other: PyRef<'_, Self>, op: CompareOp) -> bool {
        op.matches(self.0.cmp(&other.0))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.as_str().hash(&mut hasher);
        hasher.finish()
    }

    fn __str__(&self) -> &str {
        self.0.as_str()
    }

    fn __repr__(&self) -> String {
        format!("Version({:?})", self.0.as_str())
    }
}

/// dpkg's order of two versions: -1, 0 or 1.
#[pyfunction]
pub(crate) fn compare_versions(py: Python<'_>, a: &str, b: &str) -> PyResult<i8> {
    let (a, b) = (Version::new(a).into_py_result(py)?, Version::new(b).into_py_result(py)?);
    Ok(number(a.compare(&b)))
}

const fn number(order: Ordering) -> i8 {
    match order {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}
