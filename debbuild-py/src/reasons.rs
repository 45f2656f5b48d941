//! `App.resolve_why`, `resolve_why_not`, `resolve_rdeps` and `resolve_diff`: reasons.

use std::path::PathBuf;

use debbuild_cli::app::{PictureForm, changed_json, dependents_json, picture_of, reasons_json, why_not_json};
use debbuild_core::{
    name::PackageName,
    resolve::{Picture, Rdeps, Versions},
};
use pyo3::{prelude::*, types::PyDict};
use serde_json::Value;

use crate::{
    app::PyApp,
    convert::{IntoPy as _, seconds},
    places::{asked, packages_from},
};

/// With the pictures that are asked for, where there is something to draw.
fn drawn(mut value: Value, picture: Option<&Picture>, forms: [(bool, PictureForm); 2]) -> Value {
    for (_, form) in forms.iter().filter(|(asked, _)| *asked) {
        value[form.name()] = picture.map(|picture| form.draw(picture)).into();
    }
    value
}

#[pymethods]
impl PyApp {
    #[pyo3(signature = (package, seeds=None, *, dot=false, svg=false, **options))]
    fn resolve_why<'py>(
        &self,
        py: Python<'py>,
        package: &str,
        seeds: Option<&str>,
        dot: bool,
        svg: bool,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let package = PackageName::new(package).into_py_result(py)?;
        let (from, ask) = asked(&self.0, py, seeds, options)?;
        self.0.show(py, move |app, cx| async move {
            let reasons = app.resolve_why(&cx, &from, ask, package).await?;
            let forms = [(dot, PictureForm::Dot), (svg, PictureForm::Svg)];
            Ok(drawn(reasons_json(&reasons), reasons.picture().as_ref(), forms))
        })
    }

    #[pyo3(signature = (
        packages, *, any_version=false, limit=10.0, save_problem=None, dot=false, svg=false, **options
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn resolve_why_not<'py>(
        &self,
        py: Python<'py>,
        packages: &str,
        any_version: bool,
        limit: f64,
        save_problem: Option<PathBuf>,
        dot: bool,
        svg: bool,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (from, ask) = asked(&self.0, py, Some(packages), options)?;
        let versions = if any_version { Versions::All } else { Versions::Candidate };
        let limit = seconds(limit).into_py_result(py)?;
        let keep = save_problem.map(|file| self.0.path(&file)).transpose().into_py_result(py)?;
        self.0.show(py, move |app, cx| async move {
            let answer = app.resolve_why_not(&cx, &from, ask, versions, limit, keep.as_ref()).await?;
            let forms = [(dot, PictureForm::Dot), (svg, PictureForm::Svg)];
            Ok(drawn(why_not_json(&answer), picture_of(&answer).as_ref(), forms))
        })
    }

    #[pyo3(signature = (
        package, *, depth=1, recommends=false, suggests=false, build_deps=false, **places
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a Python method")]
    fn resolve_rdeps<'py>(
        &self,
        py: Python<'py>,
        package: &str,
        depth: Option<usize>,
        recommends: bool,
        suggests: bool,
        build_deps: bool,
        places: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ask = Rdeps::new(PackageName::new(package).into_py_result(py)?).with_depth(depth);
        let ask = ask.with_recommends(recommends).with_suggests(suggests);
        let from = packages_from(&self.0, py, places)?;
        self.0.show(py, move |app, cx| async move {
            Ok(dependents_json(&app.resolve_rdeps(&cx, &from, ask, build_deps).await?))
        })
    }

    fn resolve_diff<'py>(&self, py: Python<'py>, before: PathBuf, after: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let files = self.0.path(&before).and_then(|before| Ok((before, self.0.path(&after)?)));
        let (before, after) = files.into_py_result(py)?;
        self.0.show(py, |app, _cx| async move { Ok(changed_json(&app.resolve_diff(&before, &after)?)) })
    }
}
