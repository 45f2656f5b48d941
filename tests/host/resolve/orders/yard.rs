//! Real packages and source packages of the host's archive, as an order is checked with.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use debbuild_core::{
    context::Context,
    control::{BinaryPackage, SourceControl, SourceRelations, single_paragraph},
    name::PackageName,
    relation::{Alternatives, BuildProfile, Relation, Relations},
    resolve::{
        Answer, BuildDeps, PRIORITY, PackageIndex, Question, Resolver as _, SatResolver, Universe, UniverseOptions,
    },
};
use debbuild_suite::pool::RealArchive;

use super::super::amd64;

/// Of so many packages that are enough for a relation each is taken along.
const MOST_OTHERS: usize = 4;

/// What one name stands for, and its stanza.
pub(super) type Listed<T> = (T, String);

/// An archive: the newest of each package and of each source package that builds something here, by name.
pub(super) struct Yard {
    pub(super) packages: BTreeMap<String, Listed<BinaryPackage>>,
    pub(super) sources: BTreeMap<String, Listed<SourceControl>>,
    pub(super) universe: Universe,
    /// What is there while nothing at all is asked for: essential packages and build-essential.
    pub(super) base: BTreeSet<String>,
}

fn stanzas(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(str::trim).filter(|stanza| !stanza.is_empty())
}

impl Yard {
    pub(super) fn new(packages: &str, sources: &str) -> Self {
        let mut yard = Self {
            packages: BTreeMap::new(),
            sources: BTreeMap::new(),
            universe: universe(packages),
            base: BTreeSet::new(),
        };
        for stanza in stanzas(packages) {
            let package = BinaryPackage::from_stanza(&single_paragraph(stanza).unwrap()).unwrap();
            let name = package.package.to_string();
            let known = yard.packages.get(&name);
            if known.is_none_or(|(known, _)| package.version.compare(&known.version).is_gt()) {
                yard.packages.insert(name, (package, stanza.to_owned()));
            }
        }
        for stanza in stanzas(sources) {
            let source = SourceControl::from_stanza(&single_paragraph(stanza).unwrap()).unwrap();
            let builds = source.architectures.iter().any(|one| one.matches(&amd64()) || one.as_str() == "all");
            let name = source.source.to_string();
            let known = yard.sources.get(&name);
            let newest = known.is_none_or(|(known, _)| source.version.compare(&known.version).is_gt());
            if builds && !source.extra_only && newest {
                yard.sources.insert(name, (source, stanza.to_owned()));
            }
        }
        let mut nothing = yard.sources.values().next().unwrap().0.clone();
        nothing.relations = SourceRelations::default();
        yard.base = yard.taken(&nothing, &BTreeSet::new()).unwrap();
        yard
    }

    /// The main component of the host's archive.
    pub(super) async fn whole() -> Self {
        let archive = RealArchive::open().await;
        Self::new(&archive.packages().await, &archive.sources().await)
    }

    /// Some source packages, with the packages that their full builds take, with what else is enough for build dependencies, and
    /// no others.
    pub(super) fn part(&self, names: &[&str]) -> (String, String) {
        let mut providers: HashMap<&PackageName, BTreeSet<&str>> = HashMap::new();
        for (name, (package, _)) in &self.packages {
            let provided =
                package.relations.provides.iter().flat_map(|group| &group.0).map(|relation| &relation.package);
            for of in provided.chain([&package.package]) {
                providers.entry(of).or_default().insert(name);
            }
        }
        let (mut taken, mut sources) = (self.base.clone(), String::new());
        for name in names {
            let (source, stanza) = &self.sources[*name];
            let groups = self.groups(name, &BTreeSet::new());
            taken.extend(self.taken(source, &BTreeSet::new()).unwrap());
            for (at, group) in groups.iter().enumerate() {
                let others = group.0.iter().flat_map(|relation| providers.get(&relation.package)).flatten();
                let others: BTreeSet<&str> = others.copied().filter(|one| self.satisfies(one, group)).collect();
                for other in others.iter().filter(|_| (2..=MOST_OTHERS).contains(&others.len())) {
                    let mut groups = groups.clone();
                    groups[at] = Relations::parse(other).unwrap().0.remove(0);
                    taken.extend(self.taken(&with(source, groups), &BTreeSet::new()).into_iter().flatten());
                }
            }
            sources += &format!("{stanza}\n\n");
        }
        (taken.iter().map(|name| format!("{}\n\n", self.packages[name].1)).collect(), sources)
    }

    /// The packages that are installed for a build; none where that is not possible.
    pub(super) fn taken(&self, source: &SourceControl, profiles: &BTreeSet<BuildProfile>) -> Option<BTreeSet<String>> {
        let question = BuildDeps::new(source.clone(), amd64()).with_profiles(profiles.clone());
        let question = Question::BuildDeps(Box::new(question));
        match SatResolver::new().answer(&Context::new(), &self.universe, &question).unwrap() {
            Answer::Satisfied(found) => {
                Some(found.packages.iter().map(|selected| selected.package.package.to_string()).collect())
            }
            Answer::Unsatisfiable(_) => None,
            other => panic!("{}: {other:?}", source.source),
        }
    }

    pub(super) fn controls(&self) -> Vec<SourceControl> {
        self.sources.values().map(|(source, _)| source.clone()).collect()
    }

    /// What a source package needs for a build with these profiles.
    pub(super) fn groups(&self, source: &str, profiles: &BTreeSet<BuildProfile>) -> Vec<Alternatives> {
        let relations = &self.sources[source].0.relations;
        let parts = [&relations.depends.0[..], &relations.depends_arch.0, &relations.depends_indep.0];
        Relations(parts.concat()).reduce(&amd64(), profiles).0
    }

    /// Whether a package is one of those that are enough for a relation, by its name or by what it provides.
    pub(super) fn satisfies(&self, package: &str, group: &Alternatives) -> bool {
        let (package, _) = &self.packages[package];
        let meets = |relation: &Relation| {
            let constraint = relation.constraint.as_ref();
            let own = package.package == relation.package && constraint.is_none_or(|one| one.accepts(&package.version));
            let provides = package.relations.provides.iter().flat_map(|group| &group.0);
            own || provides.filter(|provided| provided.package == relation.package).any(|provided| {
                let version = provided.constraint.as_ref().map(|one| &one.version);
                constraint.is_none_or(|one| version.is_some_and(|version| one.accepts(version)))
            })
        };
        group.0.iter().any(meets)
    }

    /// Whether a build with these profiles makes a package of its source package, as far as Package-List says.
    pub(super) fn makes(&self, source: &str, package: &str, profiles: &BTreeSet<BuildProfile>) -> bool {
        let mut said = self.sources[source].0.profiled.iter().filter(|one| one.package.as_str() == package).peekable();
        said.peek().is_none() || said.any(|one| one.is_built(profiles))
    }
}

/// A source package that needs this and nothing else.
pub(super) fn with(source: &SourceControl, groups: Vec<Alternatives>) -> SourceControl {
    let mut source = source.clone();
    source.relations.depends = Relations(groups);
    (source.relations.depends_arch, source.relations.depends_indep) = Default::default();
    source
}

fn universe(packages: &str) -> Universe {
    let index = PackageIndex::parse("main", packages);
    assert!(index.problems().is_empty(), "{:?}", &index.problems()[..1]);
    Universe::new(UniverseOptions::new(amd64()), [(Arc::new(index), PRIORITY)])
}
