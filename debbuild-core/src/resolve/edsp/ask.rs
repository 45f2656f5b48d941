//! A scenario as a universe and a question about it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    super::{Changes, Install, Installed, PackageIndex, Packages, Universe, UniverseOptions, Versions, naming::naming},
    Scenario, ScenarioError, Settings,
    scenario::Listed,
};
use crate::{
    arch::Architecture,
    control::paragraphs,
    name::PackageName,
    relation::{Alternatives, Operator, Qualifier, Relation, Relations, VersionConstraint},
    version::Version,
};

/// The priority of candidates: apt has chosen them, also where they are older than what is installed.
const CANDIDATES: i32 = i16::MAX as i32 + 1;

/// The relation fields in the order in which apt reads them.
const FIELDS: [&str; 7] = ["Pre-Depends", "Depends", "Conflicts", "Breaks", "Recommends", "Suggests", "Provides"];

/// The versions of a name that can be asked for, by name and architecture.
type ByName<'s> = HashMap<(&'s str, &'s Architecture), Vec<&'s Listed<'s>>>;

impl Scenario<'_> {
    /// The packages, with apt's candidates before all other versions.
    ///
    /// # Errors
    /// [`ScenarioError::Contents`] for a package that cannot be read.
    pub fn universe(&self) -> Result<Universe, ScenarioError> {
        let strict = self.request.strict_pinning;
        let wanted: HashSet<(&str, &Architecture)> =
            self.request.install.iter().map(|(name, architecture)| (name.as_str(), architecture)).collect();
        let (mut candidates, mut installed, mut others) = (String::new(), String::new(), BTreeMap::new());
        let mut held = BTreeSet::new();
        let there = self.there();
        for listed in self.versions.iter().filter(|listed| !self.is_refused(listed, &there)) {
            // What is installed does not give way to another build of the same version.
            let here = there.get(&(listed.name, self.place(listed)));
            let same = here.filter(|here| here.version == listed.version && here.id != listed.id);
            if let Some(here) = same {
                if listed.candidate {
                    here.write(&mut candidates);
                }
            } else if listed.candidate {
                listed.write(&mut candidates);
            } else if !strict && !listed.installed {
                listed.write(others.entry(Reverse(listed.priority)).or_default());
            }
            if listed.installed {
                listed.write(&mut installed);
                // apt lists what its user has let go all the same.
                if listed.hold && (listed.candidate || !wanted.contains(&(listed.name, self.place(listed)))) {
                    held.insert(listed.package.clone());
                }
            }
        }
        let mut parts: Vec<Packages> = vec![naming(&self.names(), &[]), index("candidates", candidates, CANDIDATES)?];
        for (Reverse(priority), text) in others {
            parts.push(index("other versions", text, priority)?);
        }
        let request = &self.request;
        let options = UniverseOptions::new(request.architecture.clone()).with_foreign(request.foreign.clone());
        let installed = Installed::new(index("installed", installed, 0)?.index).with_held(held);
        let versions = if strict { Versions::Candidate } else { Versions::All };
        Ok(Universe::new(options.with_versions(versions).with_installed(installed), parts))
    }

    /// What is asked.
    ///
    /// # Errors
    /// [`ScenarioError::Contents`] for a package that is not there or has no candidate.
    pub fn question(&self, settings: &Settings) -> Result<Install, ScenarioError> {
        let settings = self.request.settings(settings)?;
        let by_name = self.by_name();
        let seeds = self.request.install.iter().map(|(name, architecture)| self.seed(&by_name, name, architecture));
        let seeds: Vec<Alternatives> = seeds.collect::<Result<_, _>>()?;
        let mut removes = Vec::new();
        for (name, architecture) in &self.request.remove {
            let listed = known(&by_name, name, architecture)?;
            removes.push(relation(&listed[0].package, architecture, None));
        }
        let changes = Changes {
            upgrade_all: self.request.upgrade_all,
            keep_all: self.request.forbid_remove,
            nothing_new: self.request.forbid_new_install,
        };
        let install = Install::new(Relations(seeds)).with_remove(Relations(removes)).with_changes(changes);
        Ok(install.with_recommends(settings.recommends).with_suggests(settings.suggests))
    }

    /// One package that is asked for: its candidate, else the version that is installed.
    fn seed<'s>(
        &self,
        by_name: &'s ByName<'s>,
        name: &'s str,
        architecture: &'s Architecture,
    ) -> Result<Alternatives, ScenarioError> {
        let listed = known(by_name, name, architecture)?;
        let here = listed.iter().find(|listed| listed.installed);
        let candidate = listed.iter().find(|listed| listed.candidate);
        let best = match (candidate, here) {
            (Some(candidate), None) if candidate.hold => None,
            (Some(candidate), _) => Some(candidate),
            (None, here) => here,
        };
        let Some(best) = best else {
            let why = if candidate.is_some() { "is held" } else { "has no candidate" };
            return Err(ScenarioError::Contents(format!("{name}:{architecture} is to be installed and {why}")));
        };
        let version = self.request.strict_pinning.then_some(&best.version);
        Ok(relation(&best.package, architecture, version))
    }

    /// The versions that are installed, by name and architecture.
    fn there(&self) -> HashMap<(&str, &Architecture), &Listed<'_>> {
        let installed = self.versions.iter().filter(|listed| listed.installed);
        installed.map(|listed| ((listed.name, self.place(listed)), listed)).collect()
    }

    /// Whether apt's user does not want any version: it is held, and not installed.
    fn is_refused(&self, listed: &Listed<'_>, there: &HashMap<(&str, &Architecture), &Listed<'_>>) -> bool {
        listed.hold && !there.contains_key(&(listed.name, self.place(listed)))
    }

    /// The names of packages in the order in which apt came to know them.
    fn names(&self) -> Vec<&str> {
        let (mut names, mut seen) = (Vec::new(), HashSet::new());
        let mut note = |name| {
            if seen.insert(name) && PackageName::new(name).is_ok() {
                names.push(name);
            }
        };
        for listed in &self.versions {
            note(listed.package.as_str());
            let Some(Ok(stanza)) = paragraphs(listed.stanza).next() else { continue };
            for field in FIELDS.into_iter().filter_map(|field| stanza.get(field)) {
                for relation in field.split([',', '|']) {
                    note(
                        relation.trim_ascii_start().split([' ', ':', '(']).next().unwrap_or_default().trim_ascii_end(),
                    );
                }
            }
        }
        names
    }
}

impl Listed<'_> {
    /// Adds its stanza to an index.
    fn write(&self, text: &mut String) {
        if self.is_made_up() {
            let Self { package, version, architecture, .. } = self;
            *text += &format!("Package: {package}\nVersion: {version}\nArchitecture: {architecture}\n");
            if let Some(Ok(stanza)) = paragraphs(self.stanza).next() {
                let fields = FIELDS.into_iter().filter_map(|field| Some((field, stanza.get(field)?)));
                fields.for_each(|(field, value)| *text += &format!("{field}: {value}\n"));
            }
            *text += "\n";
        } else {
            *text += self.stanza.trim_matches('\n');
            *text += "\n\n";
        }
    }
}

/// The versions of a package that the request names.
fn known<'s>(
    by_name: &'s ByName<'s>,
    name: &'s str,
    architecture: &'s Architecture,
) -> Result<&'s [&'s Listed<'s>], ScenarioError> {
    let unknown = || ScenarioError::Contents(format!("the request is about {name}:{architecture}, which is not there"));
    by_name.get(&(name, architecture)).map(Vec::as_slice).ok_or_else(unknown)
}

fn index(name: &str, text: String, priority: i32) -> Result<Packages, ScenarioError> {
    let index = PackageIndex::parse_status(name, text);
    match index.problems().iter().find(|problem| problem.subject.is_none()) {
        Some(problem) => Err(ScenarioError::Control(problem.error.clone())),
        None => Ok((Arc::new(index), priority).into()),
    }
}

fn relation(package: &PackageName, architecture: &Architecture, version: Option<&Version>) -> Alternatives {
    let constraint = version.map(|version| VersionConstraint { operator: Operator::Equal, version: version.clone() });
    Alternatives(vec![Relation {
        package: package.clone(),
        qualifier: Some(Qualifier::Architecture(architecture.clone())),
        constraint,
        architectures: Vec::new(),
        profiles: Vec::new(),
    }])
}
