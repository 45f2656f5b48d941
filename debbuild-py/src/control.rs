//! Control files as plain values.

use debbuild_core::control::{BinaryTemplate, Changes, DebianControl, FileEntry, SourceControl};
use pyo3::{prelude::*, types::PyDict};
use serde_json::{Value, json};

use crate::convert::{IntoPy as _, plain};

/// The paragraphs of a control file, fields in their order.
#[pyfunction]
pub(crate) fn paragraphs<'py>(py: Python<'py>, text: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let mut all = Vec::new();
    for paragraph in debbuild_core::control::paragraphs(text) {
        let fields = PyDict::new(py);
        for (name, value) in paragraph.into_py_result(py)?.fields() {
            fields.set_item(name, value)?;
        }
        all.push(fields);
    }
    Ok(all)
}

fn strings<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn file(entry: &FileEntry) -> Value {
    json!({ "name": entry.name.to_string(), "size": entry.size, "sha256": entry.sha256.to_string() })
}

/// A source package as its .dsc describes it. The signature is not checked.
#[pyfunction]
pub(crate) fn read_dsc<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let dsc = SourceControl::from_unverified(data).into_py_result(py)?;
    let value = json!({
        "source": dsc.source.to_string(),
        "version": dsc.version.to_string(),
        "format": dsc.format,
        "binaries": strings(&dsc.binaries),
        "architectures": strings(&dsc.architectures),
        "maintainer": dsc.maintainer,
        "build_depends": dsc.relations.depends.to_string(),
        "build_depends_arch": dsc.relations.depends_arch.to_string(),
        "build_depends_indep": dsc.relations.depends_indep.to_string(),
        "files": dsc.files.iter().map(file).collect::<Vec<_>>(),
    });
    plain(py, &value)
}

/// An upload as its .changes describes it. The signature is not checked.
#[pyfunction]
pub(crate) fn read_changes<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let changes = Changes::from_unverified(data).into_py_result(py)?;
    let value = json!({
        "source": changes.source.to_string(),
        "version": changes.version.to_string(),
        "architectures": strings(&changes.architectures),
        "distributions": changes.distributions,
        "binaries": strings(&changes.binaries),
        "changed_by": changes.changed_by,
        "closes": changes.closes,
        "files": changes.files.iter().map(|listed| file(&listed.file)).collect::<Vec<_>>(),
    });
    plain(py, &value)
}

fn binary(template: &BinaryTemplate) -> Value {
    json!({
        "package": template.package.to_string(),
        "architectures": strings(&template.architectures),
        "package_type": template.package_type.as_deref().unwrap_or("deb"),
        "section": template.section,
        "depends": template.relations.depends.to_string(),
        "synopsis": template.synopsis,
    })
}

/// A source package as its debian/control describes it, before substitution.
#[pyfunction]
pub(crate) fn read_debian_control<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let control = DebianControl::read(data).into_py_result(py)?;
    let value = json!({
        "source": control.source.to_string(),
        "section": control.section,
        "maintainer": control.maintainer,
        "build_depends": control.relations.depends.to_string(),
        "build_depends_arch": control.relations.depends_arch.to_string(),
        "build_depends_indep": control.relations.depends_indep.to_string(),
        "binaries": control.binaries.iter().map(binary).collect::<Vec<_>>(),
        "substvars": control.substvars,
    });
    plain(py, &value)
}
