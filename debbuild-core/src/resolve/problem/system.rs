//! The system that a problem is about.

use std::collections::BTreeSet;

use super::{
    super::{Installed, PackageIndex, Packages, Universe, UniverseOptions, Versions},
    Problem, ProblemError,
};
use crate::{
    arch::Architecture,
    control::{ControlError, Paragraph},
    name::PackageName,
    relation::Relations,
};

/// What is kept of the options of a universe: preferences are in the priorities of its packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct System {
    native: Architecture,
    foreign: Vec<Architecture>,
    versions: Versions,
    excluded: Relations,
    held: BTreeSet<PackageName>,
}

impl System {
    pub(super) fn of(options: &UniverseOptions) -> Self {
        Self {
            native: options.native.clone(),
            foreign: options.foreign.clone(),
            versions: options.versions,
            excluded: options.excluded.clone(),
            held: options.installed.as_ref().map_or_else(BTreeSet::new, |installed| installed.held.clone()),
        }
    }

    /// The architecture of the system.
    pub(super) const fn native(&self) -> &Architecture {
        &self.native
    }

    /// The fields that say what it is.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let joined = |words: Vec<&str>| words.join(" ");
        let versions = match self.versions {
            Versions::Candidate => "candidate",
            Versions::All => "all",
        };
        let mut fields = vec![
            ("Architecture", self.native.to_string()),
            ("Foreign-Architectures", joined(self.foreign.iter().map(Architecture::as_str).collect())),
            ("Versions", versions.to_owned()),
            ("Excluded", self.excluded.to_string()),
            ("Held", joined(self.held.iter().map(PackageName::as_str).collect())),
        ];
        fields.retain(|(_, value)| !value.is_empty());
        fields
    }

    pub(super) fn read(paragraph: &Paragraph<'_>) -> Result<Self, ControlError> {
        let versions = match paragraph.get("Versions").unwrap_or("candidate") {
            "candidate" => Versions::Candidate,
            "all" => Versions::All,
            _ => return Err(paragraph.error("Versions", "is neither candidate nor all")),
        };
        Ok(Self {
            native: paragraph.required("Architecture")?,
            foreign: paragraph.list("Foreign-Architectures", false)?,
            versions,
            excluded: paragraph.relations("Excluded")?,
            held: paragraph.list("Held", false)?.into_iter().collect(),
        })
    }
}

/// The universe of a problem, in which names become known in their order.
pub(super) fn put_together(problem: &Problem) -> Result<Universe, ProblemError> {
    let System { native, foreign, versions, excluded, held } = problem.system.clone();
    let options = UniverseOptions::new(native).with_foreign(foreign).with_versions(versions);
    let mut options = options.with_excluded(excluded);
    let mut indexes: Vec<Packages> = vec![problem.order.naming()];
    let mut installed = String::new();
    for part in &problem.parts {
        indexes.push((part.index()?, part.priority).into());
        part.stanzas.iter().for_each(|stanza| installed += &stanza.installed());
    }
    if !installed.is_empty() {
        let index = PackageIndex::parse_status("installed", installed);
        options = options.with_installed(Installed::new(index.into()).with_held(held));
    }
    Ok(Universe::new(options, indexes))
}
