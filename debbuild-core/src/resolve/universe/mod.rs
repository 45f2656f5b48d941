//! Indexes put together: names, candidates in order of preference, and who provides what.

mod build;
mod matching;
mod options;
mod reverse;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

pub(super) use matching::Target;
pub use options::{INSTALLED, Installed, PRIORITY, Packages, UniverseOptions, Versions};

use super::{
    PackageIndex,
    encode::{self, Demands, Group},
    index::{NONE, Row, TextId},
    preferences::Provenance,
};
use crate::{
    arch::Architecture,
    control::{BinaryPackage, MultiArch},
    name::PackageName,
    version::Version,
};

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
    priority: i32,
    /// Whether it is on the system.
    installed: bool,
    /// Whether it is never chosen.
    barred: bool,
    demands: OnceLock<Result<Box<Demands>, String>>,
}

struct Name {
    symbol: Symbol,
    /// The place of its architecture in the universe's list; 0 for `all` too.
    architecture: u32,
    /// Best first.
    candidates: Vec<SolvableId>,
    /// The version that is on the system.
    installed: Option<SolvableId>,
}

/// An index with the universe's numbers for its texts and groups.
struct Part {
    packages: Arc<PackageIndex>,
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
    essential: OnceLock<Vec<Arc<Group>>>,
}

impl fmt::Debug for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Universe").field("options", &self.options).field("packages", &self.solvables.len()).finish()
    }
}

impl Universe {
    /// Puts indexes together, each with apt's priority for all of its packages. Of equal versions the one of the earlier index is
    /// taken.
    #[must_use]
    pub fn new(options: UniverseOptions, indexes: impl IntoIterator<Item: Into<Packages>>) -> Self {
        let mut universe = Self {
            options,
            parts: Vec::new(),
            solvables: Vec::new(),
            names: Vec::new(),
            symbols: HashMap::new(),
            named: Vec::new(),
            providers: Vec::new(),
            groups: Mutex::default(),
            essential: OnceLock::new(),
        };
        for packages in indexes {
            universe.add(packages.into(), false);
        }
        if let Some(Installed { packages, .. }) = universe.options.installed.clone() {
            universe.add(Packages::new(packages, Provenance::installed()), true);
        }
        universe.bar_excluded();
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
        self.called(package).map(|id| self.version(id))
    }

    /// The packages of that name that can be chosen, of every architecture.
    pub(super) fn called(&self, package: &str) -> impl Iterator<Item = SolvableId> {
        self.symbols.get(package).into_iter().flat_map(|symbol| self.named(*symbol))
    }

    /// How many packages there are, also those that cannot be chosen, and how many names.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.solvables.len(), self.names.len())
    }

    /// All packages that can be chosen.
    pub(super) fn all(&self) -> impl Iterator<Item = SolvableId> {
        self.names.iter().flat_map(|name| &name.candidates).copied()
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

    fn version_text(&self, id: SolvableId) -> &str {
        self.text(id, self.row(id).version)
    }

    /// Whether a package is on the system.
    pub(super) fn is_installed(&self, id: SolvableId) -> bool {
        self.solvables[id as usize].installed
    }

    /// Which version of a name is on the system.
    pub(super) fn installed(&self, name: NameId) -> Option<SolvableId> {
        self.names[name as usize].installed
    }

    /// Everything that is on the system.
    pub(super) fn all_installed(&self) -> impl Iterator<Item = SolvableId> {
        self.names.iter().filter_map(|name| name.installed)
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

    /// The stanza as the index has it.
    pub(super) fn stanza(&self, id: SolvableId) -> &str {
        self.part(id).packages.stanza(self.row(id))
    }

    /// Its priority.
    pub(super) fn priority_of(&self, id: SolvableId) -> i32 {
        self.solvables[id as usize].priority
    }

    /// Why a package cannot be used, where it cannot.
    pub(super) fn unusable(&self, id: SolvableId) -> Option<&str> {
        if self.solvables[id as usize].barred {
            return Some("it is excluded");
        }
        let bad = self.row(id).bad;
        (bad != NONE).then(|| self.text(id, bad))
    }

    /// What a package demands, worked out once; or why it cannot be used.
    pub(super) fn demands(&self, id: SolvableId) -> Result<&Demands, &str> {
        let known = &self.solvables[id as usize].demands;
        let demands = known.get_or_init(|| encode::demands(self, id).map(Box::new));
        demands.as_deref().map_err(String::as_str)
    }

    /// The packages that cannot be installed beside `id` because they are it in another architecture.
    pub(super) fn siblings(&self, id: SolvableId) -> Vec<SolvableId> {
        let (own, same) = (self.name_of(id), self.row(id).multi_arch() == MultiArch::Same);
        let together = |other: SolvableId| {
            same && self.row(other).multi_arch() == MultiArch::Same && self.version(id) == self.version(other)
        };
        self.named(self.symbol(id)).filter(|other| self.name_of(*other) != own && !together(*other)).collect()
    }

    /// For each name of the system's own architecture that has an essential candidate: those candidates.
    pub(super) fn essential(&self) -> &[Arc<Group>] {
        self.essential.get_or_init(|| {
            let own = self.names.iter().filter(|name| name.architecture == 0);
            let group = |name: &Name| {
                let candidates = name.candidates.iter().copied();
                let choices: Vec<SolvableId> = candidates.filter(|id| self.row(*id).essential()).collect();
                let text = Arc::from(self.package_name(*choices.first()?));
                Some(Arc::new(Group { text, choices }))
            };
            own.filter_map(group).collect()
        })
    }
}
