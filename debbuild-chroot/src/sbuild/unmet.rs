//! What apt says about dependencies that it cannot satisfy.

use std::fmt;

use super::log::LogStage;

/// One dependency that apt could not satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmet {
    /// The package that has the dependency; `None` for the source itself.
    pub package: Option<String>,
    /// The kind, for example `Depends`.
    pub kind: String,
    /// The relation, for example `make (>= 99)`.
    pub relation: String,
    /// What apt adds, for example `it is not installable`.
    pub reason: Option<String>,
    /// The line of the log.
    pub line: u64,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(package) = &self.package {
            write!(f, "{package} {} ", self.kind.to_lowercase())?;
        }
        f.write_str(&self.relation)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// sbuild's own package, which depends on the build dependencies.
const DUMMY: &str = "sbuild-build-depends-";

/// Reads the block after `The following packages have unmet dependencies:`.
#[must_use]
pub fn read(stage: &LogStage) -> Vec<Unmet> {
    let mut found = Vec::new();
    let mut package = None;
    let mut inside = false;
    for (line, text) in &stage.tail {
        if text.starts_with("The following packages have unmet dependencies:") {
            inside = true;
            found.clear();
            continue;
        }
        // apt's error stream can overtake its table by a line.
        if !inside || text.starts_with("E: ") {
            continue;
        }
        if !text.starts_with(' ') {
            inside = false;
            continue;
        }
        let mut rest = text.trim();
        if let Some((name, after)) = rest.split_once(" : ") {
            package = (!name.starts_with(DUMMY)).then(|| name.trim().to_owned());
            rest = after.trim();
        }
        let Some((kind, relation)) = rest.split_once(": ") else { continue };
        let (relation, reason) = match relation.split_once(" but ") {
            Some((relation, reason)) => (relation, Some(reason.to_owned())),
            None => (relation, None),
        };
        let (kind, relation) = (kind.to_owned(), relation.trim().to_owned());
        found.push(Unmet { package: package.clone(), kind, relation, reason, line: *line });
    }
    found
}
