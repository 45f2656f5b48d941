//! Indexes put together: names, candidates in order of preference, and who provides what.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry as MapEntry},
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::{
    PackageIndex,
    encode::{self, Demands, Group},
    index::Entry,
};
use crate::{
    arch::Architecture,
    control::{BinaryPackage, MultiArch},
    relation::{Alternatives, Qualifier, Relation, VersionConstraint},
    version::Version,
};

/// apt's priority of an ordinary archive (apt_preferences(5)).
pub const PRIORITY: i32 = 500;

/// Which versions of a package may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Versions {
    /// Only the candidate, as apt does: of the highest priority, then the highest version.
    #[default]
    Candidate,
    /// All, the candidate first: for questions about a whole archive.
    All,
}

/// How indexes are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UniverseOptions {
    /// The architecture of the system.
    pub native: Architecture,
    /// Other architectures whose packages may be installed too.
    pub foreign: Vec<Architecture>,
    /// Which versions may be chosen.
    pub versions: Versions,
}

impl UniverseOptions {
    /// A system of one architecture, with apt's choice of versions.
    #[must_use]
    pub const fn new(native: Architecture) -> Self {
        Self { native, foreign: Vec::new(), versions: Versions::Candidate }
    }

    /// With packages of other architectures.
    #[must_use]
    pub fn with_foreign(mut self, foreign: Vec<Architecture>) -> Self {
        self.foreign = foreign;
        self
    }

    /// With another choice of versions.
    #[must_use]
    pub const fn with_versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }
}

/// A package that can be chosen, by its place in the universe.
pub(super) type SolvableId = u32;
/// A name in an architecture, of which at most one version can be installed, by its place in the universe.
pub(super) type NameId = u32;

struct Solvable {
    index: u32,
    entry: u32,
    name: NameId,
    /// The place of its architecture in the universe's list; 0 for `all` too.
    architecture: usize,
    demands: OnceLock<Result<Box<Demands>, String>>,
}

struct Name {
    /// The architecture's place.
    architecture: usize,
    /// Best first.
    candidates: Vec<SolvableId>,
}

type Groups = HashMap<(usize, Arc<str>), Arc<Group>>;

/// Immutable indexes put together. Questions about it can be asked from many threads at once.
pub struct Universe {
    options: UniverseOptions,
    indexes: Vec<(Arc<PackageIndex>, i32)>,
    solvables: Vec<Solvable>,
    names: Vec<Name>,
    by_name: HashMap<String, Vec<NameId>>,
    providers: HashMap<String, Vec<(SolvableId, Option<Version>)>>,
    /// Groups of alternatives by the architecture that asks and their text: many packages ask for the same.
    groups: Mutex<Groups>,
}

impl fmt::Debug for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Universe").field("options", &self.options).field("packages", &self.solvables.len()).finish()
    }
}

impl Universe {
    /// Puts indexes together, each with apt's priority for all of its packages ([`PRIORITY`] for an ordinary archive; the
    /// packages of an index with a negative one are never chosen). Of equal versions the one of the earlier index is taken.
    #[must_use]
    pub fn new(options: UniverseOptions, indexes: impl IntoIterator<Item = (Arc<PackageIndex>, i32)>) -> Self {
        let mut universe = Self {
            options,
            indexes: indexes.into_iter().filter(|(_, priority)| *priority >= 0).collect(),
            solvables: Vec::new(),
            names: Vec::new(),
            by_name: HashMap::new(),
            providers: HashMap::new(),
            groups: Mutex::default(),
        };
        universe.collect();
        universe.order();
        universe.note_providers();
        universe
    }

    /// How it was put together.
    #[must_use]
    pub fn options(&self) -> &UniverseOptions {
        &self.options
    }

    /// How many packages can be chosen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.iter().map(|name| name.candidates.len()).sum()
    }

    /// Whether there is nothing to choose.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The versions of a package that can be chosen, best first, those of the system's own architecture before others.
    pub fn versions(&self, package: &str) -> impl Iterator<Item = &Version> {
        self.named(package).map(|id| &self.entry(id).version)
    }

    /// How many packages there are, also those that cannot be chosen, and how many names.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.solvables.len(), self.names.len())
    }

    /// All packages that can be chosen.
    pub(super) fn all(&self) -> impl Iterator<Item = SolvableId> {
        self.names.iter().flat_map(|name| &name.candidates).copied()
    }

    fn collect(&mut self) {
        for (index, (packages, _)) in self.indexes.iter().enumerate() {
            for (at, entry) in packages.entries().iter().enumerate() {
                let Some(architecture) = place(&self.options, &entry.architecture) else { continue };
                let ids = match self.by_name.entry(entry.package.as_str().to_owned()) {
                    MapEntry::Occupied(found) => found.into_mut(),
                    MapEntry::Vacant(vacant) => vacant.insert(Vec::new()),
                };
                let id = self.solvables.len() as SolvableId;
                let known = ids.iter().copied().find(|name| self.names[*name as usize].architecture == architecture);
                let name = known.unwrap_or_else(|| {
                    let name = self.names.len() as NameId;
                    self.names.push(Name { architecture, candidates: Vec::new() });
                    ids.push(name);
                    name
                });
                self.names[name as usize].candidates.push(id);
                let (index, entry) = (index as u32, at as u32);
                self.solvables.push(Solvable { index, entry, name, architecture, demands: OnceLock::new() });
            }
        }
    }

    fn order(&mut self) {
        let mut names = std::mem::take(&mut self.names);
        for name in &mut names {
            name.candidates.sort_by(|a, b| {
                let key = |id: &SolvableId| {
                    (self.indexes[self.solvables[*id as usize].index as usize].1, &self.entry(*id).version)
                };
                let ((priority_a, version_a), (priority_b, version_b)) = (key(a), key(b));
                priority_b.cmp(&priority_a).then_with(|| version_b.compare(version_a)).then(a.cmp(b))
            });
            if self.options.versions == Versions::Candidate {
                name.candidates.truncate(1);
            }
        }
        self.names = names;
        for ids in self.by_name.values_mut() {
            ids.sort_by_key(|id| self.names[*id as usize].architecture);
        }
    }

    /// Providers in the order in which apt would take them: by priority, then as the indexes have them.
    fn note_providers(&mut self) {
        let mut providers: HashMap<String, Vec<(SolvableId, Option<Version>)>> = HashMap::new();
        for id in self.all() {
            for (name, version) in &self.entry(id).provides {
                providers.entry(name.as_str().to_owned()).or_default().push((id, version.clone()));
            }
        }
        for list in providers.values_mut() {
            list.sort_by_key(|(id, _)| {
                let entry = self.entry(*id);
                (Reverse(entry.essential), self.architecture(*id), entry.rank, *id)
            });
        }
        self.providers = providers;
    }

    pub(super) fn entry(&self, id: SolvableId) -> &Entry {
        let solvable = &self.solvables[id as usize];
        &self.indexes[solvable.index as usize].0.entries()[solvable.entry as usize]
    }

    /// The name of a package.
    pub(super) fn package_name(&self, id: SolvableId) -> &str {
        self.entry(id).package.as_str()
    }

    /// The version of a package.
    pub(super) fn version(&self, id: SolvableId) -> &Version {
        &self.entry(id).version
    }

    /// The source package that a package was built from, and that one's version.
    pub(super) fn source(&self, id: SolvableId) -> (&str, &str) {
        let entry = self.entry(id);
        let (source, version) = &entry.source;
        (source, version.as_deref().unwrap_or_else(|| entry.version.as_str()))
    }

    pub(super) fn origin(&self, id: SolvableId) -> &Arc<str> {
        self.indexes[self.solvables[id as usize].index as usize].0.label()
    }

    pub(super) fn name_of(&self, id: SolvableId) -> NameId {
        self.solvables[id as usize].name
    }

    pub(super) fn architecture(&self, id: SolvableId) -> usize {
        self.solvables[id as usize].architecture
    }

    pub(super) fn candidates(&self, name: NameId) -> &[SolvableId] {
        &self.names[name as usize].candidates
    }

    /// Name, version and (where it is another than the system's) architecture of a package, for sentences.
    pub(super) fn describe(&self, id: SolvableId) -> String {
        let entry = self.entry(id);
        match self.architecture(id) {
            0 => format!("{} {}", entry.package, entry.version),
            _ => format!("{}:{} {}", entry.package, entry.architecture, entry.version),
        }
    }

    /// The whole stanza; the error as text.
    pub(super) fn read(&self, id: SolvableId) -> Result<BinaryPackage, String> {
        let solvable = &self.solvables[id as usize];
        let index = &self.indexes[solvable.index as usize].0;
        index.package(solvable.entry as usize).map_err(|error| crate::error::chain(&error))
    }

    /// What a package demands, worked out once; or why it cannot be used.
    pub(super) fn demands(&self, id: SolvableId) -> Result<&Demands, &str> {
        let known = &self.solvables[id as usize].demands;
        let demands = known.get_or_init(|| encode::demands(self, id).map(Box::new));
        demands.as_deref().map_err(String::as_str)
    }

    /// A group of alternatives, as a package (or question) of that architecture means it; worked out once.
    pub(super) fn group(&self, alternatives: &Alternatives, context: usize) -> Arc<Group> {
        let key = (context, Arc::from(alternatives.to_string()));
        let groups = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = groups().get(&key) {
            return Arc::clone(known);
        }
        let choices = encode::choices(self, alternatives, context);
        let group = Arc::new(Group { text: Arc::clone(&key.1), choices });
        Arc::clone(groups().entry(key).or_insert(group))
    }

    fn named(&self, package: &str) -> impl Iterator<Item = SolvableId> {
        let names = self.by_name.get(package).map_or(&[][..], Vec::as_slice);
        names.iter().flat_map(|name| self.candidates(*name)).copied()
    }

    fn provided(&self, package: &str, constraint: Option<&VersionConstraint>) -> impl Iterator<Item = SolvableId> {
        let list = self.providers.get(package).map_or(&[][..], Vec::as_slice);
        list.iter()
            .filter(move |(_, version)| match (constraint, version) {
                (None, _) => true,
                (Some(constraint), Some(version)) => constraint.accepts(version),
                (Some(_), None) => false,
            })
            .map(|(id, _)| *id)
    }

    /// Packages of that name or that provide it, whose version fits: the real ones first, best first.
    fn matching(&self, relation: &Relation) -> Vec<SolvableId> {
        let (package, constraint) = (relation.package.as_str(), relation.constraint.as_ref());
        let fits = |id: &SolvableId| constraint.is_none_or(|constraint| constraint.accepts(&self.entry(*id).version));
        let mut found: Vec<SolvableId> = self.named(package).filter(fits).collect();
        for id in self.provided(package, constraint) {
            if !found.contains(&id) {
                found.push(id);
            }
        }
        found
    }

    /// The packages that satisfy a relation of a package (or question) of that architecture, in order of preference.
    pub(super) fn satisfying(&self, relation: &Relation, context: usize) -> Vec<SolvableId> {
        let mut found = self.matching(relation);
        found.retain(|id| {
            let (own, multi_arch) = (self.architecture(*id), self.entry(*id).multi_arch);
            match &relation.qualifier {
                None => own == context || multi_arch == MultiArch::Foreign,
                Some(Qualifier::Any) => multi_arch == MultiArch::Allowed,
                Some(Qualifier::Native) => own == 0,
                Some(Qualifier::Architecture(wanted)) => Some(own) == place(&self.options, wanted),
            }
        });
        found
    }

    /// The packages that a `Conflicts` or `Breaks` of `id` forbids: of every architecture, but never itself under another version
    /// or architecture (those cannot be installed together anyway, or are meant to be).
    pub(super) fn forbidden(&self, relation: &Relation, id: SolvableId) -> Vec<SolvableId> {
        let own = &self.entry(id).package;
        let mut found = self.matching(relation);
        found.retain(|other| {
            let wanted = match &relation.qualifier {
                Some(Qualifier::Architecture(wanted)) => {
                    Some(self.architecture(*other)) == place(&self.options, wanted)
                }
                _ => true,
            };
            wanted && self.entry(*other).package != *own
        });
        found
    }

    /// The packages that cannot be installed beside `id` because they are it in another architecture.
    pub(super) fn siblings(&self, id: SolvableId) -> Vec<SolvableId> {
        let own = self.entry(id);
        let together = |other: &Entry| {
            own.multi_arch == MultiArch::Same && other.multi_arch == MultiArch::Same && own.version == other.version
        };
        self.named(own.package.as_str())
            .filter(|other| self.name_of(*other) != self.name_of(id) && !together(self.entry(*other)))
            .collect()
    }

    /// The names of the system's own architecture that have an essential candidate, with those candidates.
    pub(super) fn essential(&self) -> Vec<Vec<SolvableId>> {
        let own = self.names.iter().filter(|name| name.architecture == 0);
        let essential = |name: &Name| -> Vec<SolvableId> {
            name.candidates.iter().copied().filter(|id| self.entry(*id).essential).collect()
        };
        own.map(essential).filter(|candidates| !candidates.is_empty()).collect()
    }
}

/// The place of an architecture in the universe: 0 for the system's own and for `all`.
fn place(options: &UniverseOptions, architecture: &Architecture) -> Option<usize> {
    if architecture.is_all() || *architecture == options.native {
        return Some(0);
    }
    options.foreign.iter().position(|foreign| foreign == architecture).map(|at| at + 1)
}
