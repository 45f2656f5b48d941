//! `App.buildability` and `App.resolve_order`: questions about all source packages.

use std::path::PathBuf;

use debbuild_cli::app::{AppError, OrderAsk, buildability_json, order_json};
use debbuild_core::{
    name::{NameError, SourceName},
    resolve::{BuildabilityOptions, order::OrderOptions},
};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    app::{PyApp, build_profiles},
    convert::IntoPy as _,
    places::packages_from,
};

fn names(names: Option<Vec<String>>) -> Result<Vec<SourceName>, NameError> {
    names.unwrap_or_default().iter().map(|name| SourceName::new(name)).collect()
}

#[pymethods]
impl PyApp {
    #[pyo3(signature = (*, profiles=None, **places))]
    fn buildability<'py>(
        &self,
        py: Python<'py>,
        profiles: Option<Vec<String>>,
        places: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let profiles = build_profiles(profiles).into_py_result(py)?;
        let options = BuildabilityOptions::new().with_profiles(profiles);
        let from = packages_from(&self.0, py, places)?;
        self.0.show(py, |app, cx| async move { Ok(buildability_json(&app.buildability(&cx, &from, options).await?)) })
    }

    #[pyo3(signature = (
        packages=None, *, profiles=None, arch_all=true, from_zero=false, have=None, built=None, break_by=None, edges=None,
        **places
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn resolve_order<'py>(
        &self,
        py: Python<'py>,
        packages: Option<Vec<String>>,
        profiles: Option<Vec<String>>,
        arch_all: bool,
        from_zero: bool,
        have: Option<Vec<PathBuf>>,
        built: Option<Vec<String>>,
        break_by: Option<Vec<String>>,
        edges: Option<usize>,
        places: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let made = || -> Result<OrderAsk, AppError> {
            let mut options = OrderOptions::new()
                .with_profiles(build_profiles(profiles)?)
                .with_from_zero(from_zero)
                .with_built(names(built)?.into_iter().collect());
            if let Some(profiles) = break_by {
                let profiles = profiles.iter().map(|name| name.parse()).collect::<Result<Vec<_>, NameError>>()?;
                options = options.with_breaking(profiles);
            }
            if let Some(edges) = edges {
                options = options.with_most_edges(edges);
            }
            let options = if arch_all { options } else { options.with_any_only() };
            let have = self.0.paths(&have.unwrap_or_default())?;
            Ok(OrderAsk::new(options).with_sources(names(packages)?).with_have(have))
        };
        let ask = made().into_py_result(py)?;
        let from = packages_from(&self.0, py, places)?;
        self.0.show(py, |app, cx| async move { Ok(order_json(&app.resolve_order(&cx, &from, ask).await?)) })
    }
}
