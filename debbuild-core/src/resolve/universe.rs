//! Indexes put together: names, candidates in order of preference, and who provides what.

use std::{
    cmp::Reverse,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::{
    PackageIndex,
    encode::{self, Demands, Group},
    index::{ANY, Alternative, Field, GroupId, NATIVE, NONE, Row, TextId, UNQUALIFIED},
};
use crate::{
    arch::Architecture,
    control::{BinaryPackage, MultiArch},
    name::PackageName,
    relation::{Alternatives, Operator, Qualifier, Relation},
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
/// The name of a package, real or not, by its place among all names: in the order in which they are first named, as in apt's cache.
pub(super) type Symbol = u32;

struct Solvable {
    index: u32,
    row: u32,
    name: NameId,
    demands: OnceLock<Result<Box<Demands>, String>>,
}

struct Name {
    symbol: Symbol,
    /// The place of its architecture in the universe's list; 0 for `all` too.
    architecture: u32,
    /// Best first.
    candidates: Vec<SolvableId>,
}

/// An index with the universe's numbers for its texts and groups.
struct Part {
    packages: Arc<PackageIndex>,
    priority: i32,
    /// By text: the symbol, for names of packages.
    symbols: Vec<Symbol>,
    /// By group: what it means for a package of the system's own architecture.
    groups: Vec<OnceLock<Arc<Group>>>,
}

/// Who provides a name, in which version; none where it says none.
type Providers = Vec<(SolvableId, Option<(u32, TextId)>)>;
type Groups = HashMap<(u32, Arc<str>), Arc<Group>>;

/// Immutable indexes put together. Questions about it can be asked from many threads at once.
pub struct Universe {
    options: UniverseOptions,
    parts: Vec<Part>,
    solvables: Vec<Solvable>,
    names: Vec<Name>,
    symbols: HashMap<Box<str>, Symbol>,
    /// By symbol: the packages of that name.
    named: Vec<Vec<NameId>>,
    /// By symbol: the packages that provide it.
    providers: Vec<Providers>,
    /// Groups of alternatives by the architecture that asks and their text, of questions and of packages of other architectures.
    groups: Mutex<Groups>,
}

impl fmt::Debug for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Universe").field("options", &self.options).field("packages", &self.solvables.len()).finish()
    }
}

/// What a relation is about, whether it stands in an index or in a question.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// None: no package has this name or provides it.
    symbol: Option<Symbol>,
    constraint: Option<(Operator, &'a Version)>,
    qualifier: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// As the one that asks, or one that serves all.
    Own,
    Any,
    /// The architecture of this place; none: of no architecture of the universe.
    Place(Option<u32>),
}

impl Target<'_> {
    fn accepts(&self, version: &Version) -> bool {
        self.constraint.is_none_or(|(operator, wanted)| operator.accepts(version, wanted))
    }
}

impl Universe {
    /// Puts indexes together, each with apt's priority for all of its packages ([`PRIORITY`] for an ordinary archive; the
    /// packages of an index with a negative one are never chosen). Of equal versions the one of the earlier index is taken.
    #[must_use]
    pub fn new(options: UniverseOptions, indexes: impl IntoIterator<Item = (Arc<PackageIndex>, i32)>) -> Self {
        let mut universe = Self {
            options,
            parts: Vec::new(),
            solvables: Vec::new(),
            names: Vec::new(),
            symbols: HashMap::new(),
            named: Vec::new(),
            providers: Vec::new(),
            groups: Mutex::default(),
        };
        for (packages, priority) in indexes {
            if priority >= 0 {
                universe.add(packages, priority);
            }
        }
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
        self.symbols.get(package).into_iter().flat_map(|symbol| self.named(*symbol)).map(|id| self.version(id))
    }

    /// How many packages there are, also those that cannot be chosen, and how many names.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.solvables.len(), self.names.len())
    }

    /// All packages that can be chosen.
    pub(super) fn all(&self) -> impl Iterator<Item = SolvableId> {
        self.names.iter().flat_map(|name| &name.candidates).copied()
    }

    fn add(&mut self, packages: Arc<PackageIndex>, priority: i32) {
        let table = packages.table();
        let mut symbols = vec![Symbol::MAX; table.text_count()];
        for id in &table.names {
            let text = table.text(*id);
            let next = self.symbols.len() as Symbol;
            symbols[*id as usize] = match self.symbols.get(text) {
                Some(known) => *known,
                None => *self.symbols.entry(text.into()).or_insert(next),
            };
        }
        self.named.resize_with(self.symbols.len(), Vec::new);
        let index = self.parts.len() as u32;
        for (at, row) in table.rows.iter().enumerate() {
            let Some(architecture) = place(&self.options, table.text(row.architecture)) else { continue };
            let symbol = symbols[row.package as usize];
            let known = self.named[symbol as usize].iter().copied();
            let known = known.into_iter().find(|name| self.names[*name as usize].architecture == architecture);
            let name = known.unwrap_or_else(|| {
                self.names.push(Name { symbol, architecture, candidates: Vec::new() });
                let name = (self.names.len() - 1) as NameId;
                self.named[symbol as usize].push(name);
                name
            });
            self.names[name as usize].candidates.push(self.solvables.len() as SolvableId);
            self.solvables.push(Solvable { index, row: at as u32, name, demands: OnceLock::new() });
        }
        let groups = std::iter::repeat_with(OnceLock::new).take(table.group_count()).collect();
        self.parts.push(Part { packages, priority, symbols, groups });
    }

    fn order(&mut self) {
        let mut names = std::mem::take(&mut self.names);
        for name in names.iter_mut().filter(|name| name.candidates.len() > 1) {
            name.candidates.sort_by(|a, b| {
                let priority = |id: &SolvableId| self.part(*id).priority;
                let version = |id: &SolvableId| self.version(*id);
                priority(b).cmp(&priority(a)).then_with(|| version(b).compare(version(a))).then(a.cmp(b))
            });
            if self.options.versions == Versions::Candidate {
                name.candidates.truncate(1);
            }
        }
        for ids in &mut self.named {
            ids.sort_by_key(|id| names[*id as usize].architecture);
        }
        self.names = names;
    }

    /// Providers in the order in which apt would take them.
    fn note_providers(&mut self) {
        let mut providers: Vec<Providers> = Vec::new();
        providers.resize_with(self.symbols.len(), Vec::new);
        for id in self.all() {
            let (part, row) = (self.part(id), self.row(id));
            let table = part.packages.table();
            for alternative in table.groups(row, Field::Provides).iter().flat_map(|group| table.alternatives(*group)) {
                // A version counts only with `=` (Policy 7.5).
                let exact = alternative.version != NONE && alternative.operator() == Operator::Equal;
                let version = exact.then(|| (self.solvables[id as usize].index, alternative.version));
                providers[part.symbols[alternative.package as usize] as usize].push((id, version));
            }
        }
        for list in providers.iter_mut().filter(|list| list.len() > 1) {
            list.sort_by_key(|(id, _)| {
                let row = self.row(*id);
                let (essential, protected) = (Reverse(row.essential()), Reverse(row.protected()));
                (essential, protected, self.architecture(*id), row.rank(), Reverse(self.symbol(*id)), *id)
            });
        }
        self.providers = providers;
    }

    fn part(&self, id: SolvableId) -> &Part {
        &self.parts[self.solvables[id as usize].index as usize]
    }

    pub(super) fn row(&self, id: SolvableId) -> &Row {
        &self.part(id).packages.table().rows[self.solvables[id as usize].row as usize]
    }

    fn text(&self, id: SolvableId, text: TextId) -> &str {
        self.part(id).packages.table().text(text)
    }

    /// The name of a package.
    pub(super) fn package_name(&self, id: SolvableId) -> &str {
        self.text(id, self.row(id).package)
    }

    /// The version of a package.
    pub(super) fn version(&self, id: SolvableId) -> &Version {
        self.part(id).packages.version(self.row(id).version)
    }

    /// The source package that a package was built from, and that one's version.
    pub(super) fn source(&self, id: SolvableId) -> (&str, &str) {
        let row = self.row(id);
        let version = if row.source_version == NONE { row.version } else { row.source_version };
        (self.text(id, row.source), self.text(id, version))
    }

    /// The name and architecture of a package as the index has them.
    pub(super) fn identity(&self, id: SolvableId) -> Option<(PackageName, Architecture)> {
        let architecture = Architecture::new(self.text(id, self.row(id).architecture)).ok()?;
        Some((PackageName::new(self.package_name(id)).ok()?, architecture))
    }

    pub(super) fn origin(&self, id: SolvableId) -> &Arc<str> {
        self.part(id).packages.label()
    }

    pub(super) fn name_of(&self, id: SolvableId) -> NameId {
        self.solvables[id as usize].name
    }

    /// The symbol of its name.
    pub(super) fn symbol(&self, id: SolvableId) -> Symbol {
        self.names[self.name_of(id) as usize].symbol
    }

    pub(super) fn architecture(&self, id: SolvableId) -> u32 {
        self.names[self.name_of(id) as usize].architecture
    }

    pub(super) fn candidates(&self, name: NameId) -> &[SolvableId] {
        &self.names[name as usize].candidates
    }

    /// Name, version and (where it is another than the system's) architecture of a package, for sentences.
    pub(super) fn describe(&self, id: SolvableId) -> String {
        let (package, version) = (self.package_name(id), self.version(id));
        match self.architecture(id) {
            0 => format!("{package} {version}"),
            _ => format!("{package}:{} {version}", self.text(id, self.row(id).architecture)),
        }
    }

    /// The whole stanza; the error as text.
    pub(super) fn read(&self, id: SolvableId) -> Result<BinaryPackage, String> {
        self.part(id).packages.package(self.row(id)).map_err(|error| crate::error::chain(&error))
    }

    /// Why a package cannot be used, where it cannot.
    pub(super) fn unusable(&self, id: SolvableId) -> Option<&str> {
        let bad = self.row(id).bad;
        (bad != NONE).then(|| self.text(id, bad))
    }

    /// What a package demands, worked out once; or why it cannot be used.
    pub(super) fn demands(&self, id: SolvableId) -> Result<&Demands, &str> {
        let known = &self.solvables[id as usize].demands;
        let demands = known.get_or_init(|| encode::demands(self, id).map(Box::new));
        demands.as_deref().map_err(String::as_str)
    }

    /// The groups of a field of a package, as it means them.
    pub(super) fn groups_of(&self, id: SolvableId, field: Field) -> impl Iterator<Item = Arc<Group>> {
        let (part, context) = (self.part(id), self.architecture(id));
        let groups = part.packages.table().groups(self.row(id), field);
        groups.iter().map(move |group| self.group_of(part, *group, context))
    }

    /// The relations of a field of a package that has no alternatives, each as text and with what it is about.
    pub(super) fn targets_of(&self, id: SolvableId, field: Field) -> impl Iterator<Item = (GroupId, Target<'_>)> {
        let part = self.part(id);
        let table = part.packages.table();
        table.groups(self.row(id), field).iter().flat_map(move |group| {
            table.alternatives(*group).iter().map(move |alternative| (*group, self.target(part, alternative)))
        })
    }

    /// A group of the index of a package, as text.
    pub(super) fn group_text(&self, id: SolvableId, group: GroupId) -> String {
        self.part(id).packages.table().group_text(group)
    }

    fn group_of(&self, part: &Part, group: GroupId, context: u32) -> Arc<Group> {
        let make = || {
            let table = part.packages.table();
            let targets = table.alternatives(group).iter().map(|alternative| self.target(part, alternative));
            let choices = encode::choices(self, targets, context);
            Arc::new(Group { text: table.group_text(group).into(), choices })
        };
        if context == 0 {
            return Arc::clone(part.groups[group as usize].get_or_init(make));
        }
        let key = (context, part.packages.table().group_text(group).into());
        self.known(key, make)
    }

    /// A group of alternatives, as a package (or question) of that architecture means it; worked out once.
    pub(super) fn group(&self, alternatives: &Alternatives, context: u32) -> Arc<Group> {
        let key = (context, Arc::from(alternatives.to_string()));
        self.known(key.clone(), || {
            let targets = alternatives.0.iter().map(|relation| self.target_of(relation));
            Arc::new(Group { text: key.1, choices: encode::choices(self, targets, context) })
        })
    }

    fn known(&self, key: (u32, Arc<str>), make: impl FnOnce() -> Arc<Group>) -> Arc<Group> {
        let groups = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = groups().get(&key) {
            return Arc::clone(known);
        }
        let group = make();
        Arc::clone(groups().entry(key).or_insert(group))
    }

    fn target<'a>(&self, part: &'a Part, alternative: &Alternative) -> Target<'a> {
        let constraint =
            (alternative.version != NONE).then(|| (alternative.operator(), part.packages.version(alternative.version)));
        let qualifier = match alternative.qualifier {
            UNQUALIFIED => Wanted::Own,
            ANY => Wanted::Any,
            NATIVE => Wanted::Place(Some(0)),
            architecture => Wanted::Place(place(&self.options, part.packages.table().text(architecture))),
        };
        Target { symbol: Some(part.symbols[alternative.package as usize]), constraint, qualifier }
    }

    /// What a relation of a question is about.
    pub(super) fn target_of<'a>(&self, relation: &'a Relation) -> Target<'a> {
        let constraint = relation.constraint.as_ref().map(|constraint| (constraint.operator, &constraint.version));
        let qualifier = match &relation.qualifier {
            None => Wanted::Own,
            Some(Qualifier::Any) => Wanted::Any,
            Some(Qualifier::Native) => Wanted::Place(Some(0)),
            Some(Qualifier::Architecture(wanted)) => Wanted::Place(place(&self.options, wanted.as_str())),
        };
        Target { symbol: self.symbols.get(relation.package.as_str()).copied(), constraint, qualifier }
    }

    fn named(&self, symbol: Symbol) -> impl Iterator<Item = SolvableId> {
        self.named[symbol as usize].iter().flat_map(|name| self.candidates(*name)).copied()
    }

    /// Packages of that name or that provide it, whose version fits: the real ones first, best first.
    fn matching<'u>(&'u self, target: Target<'u>) -> impl Iterator<Item = SolvableId> + use<'u> {
        let named = target.symbol.into_iter().flat_map(|symbol| self.named(symbol));
        let real = named.filter(move |id| target.accepts(self.version(*id)));
        let providers = target.symbol.into_iter().flat_map(|symbol| &self.providers[symbol as usize]);
        let fits = move |version: &Option<(u32, TextId)>| match version {
            None => target.constraint.is_none(),
            Some((index, version)) => target.accepts(self.parts[*index as usize].packages.version(*version)),
        };
        real.chain(providers.filter(move |(_, version)| fits(version)).map(|(id, _)| *id))
    }

    /// The packages that satisfy a relation of a package (or question) of that architecture, in order of preference. One that
    /// provides its own name may occur twice.
    pub(super) fn satisfying<'u>(&'u self, target: Target<'u>, context: u32) -> impl Iterator<Item = SolvableId> + 'u {
        self.matching(target).filter(move |id| {
            let own = self.architecture(*id);
            match target.qualifier {
                Wanted::Own => own == context || self.row(*id).multi_arch() == MultiArch::Foreign,
                Wanted::Any => self.row(*id).multi_arch() == MultiArch::Allowed,
                Wanted::Place(wanted) => Some(own) == wanted,
            }
        })
    }

    /// The packages that a `Conflicts` or `Breaks` of `id` forbids: of every architecture, but never itself under another version
    /// or architecture (those cannot be installed together anyway, or are meant to be).
    pub(super) fn forbidden(&self, target: Target<'_>, id: SolvableId) -> Vec<SolvableId> {
        let own = self.symbol(id);
        let mut found: Vec<SolvableId> = Vec::new();
        for other in self.matching(target) {
            let wanted = match target.qualifier {
                Wanted::Place(wanted) => Some(self.architecture(other)) == wanted,
                Wanted::Own | Wanted::Any => true,
            };
            if wanted && self.symbol(other) != own && !found.contains(&other) {
                found.push(other);
            }
        }
        found
    }

    /// The packages that cannot be installed beside `id` because they are it in another architecture.
    pub(super) fn siblings(&self, id: SolvableId) -> Vec<SolvableId> {
        let (own, same) = (self.name_of(id), self.row(id).multi_arch() == MultiArch::Same);
        let together = |other: SolvableId| {
            same && self.row(other).multi_arch() == MultiArch::Same && self.version(id) == self.version(other)
        };
        self.named(self.symbol(id)).filter(|other| self.name_of(*other) != own && !together(*other)).collect()
    }

    /// The names of the system's own architecture that have an essential candidate, with those candidates.
    pub(super) fn essential(&self) -> Vec<Vec<SolvableId>> {
        let own = self.names.iter().filter(|name| name.architecture == 0);
        let essential = |name: &Name| -> Vec<SolvableId> {
            name.candidates.iter().copied().filter(|id| self.row(*id).essential()).collect()
        };
        own.map(essential).filter(|candidates| !candidates.is_empty()).collect()
    }
}

/// The place of an architecture in the universe: 0 for the system's own and for `all`.
fn place(options: &UniverseOptions, architecture: &str) -> Option<u32> {
    if architecture == "all" || architecture == options.native.as_str() {
        return Some(0);
    }
    options.foreign.iter().position(|foreign| foreign.as_str() == architecture).map(|at| at as u32 + 1)
}
