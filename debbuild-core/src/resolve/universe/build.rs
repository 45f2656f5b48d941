//! Putting indexes together: candidates in order of preference, and who provides what.

use std::{cmp::Reverse, sync::OnceLock};

use super::{
    super::{
        index::{Field, NONE, Row},
        preferences::{Pinned, Preferences},
    },
    Name, NameId, Packages, Part, Providers, Solvable, SolvableId, Symbol, Universe, UniverseOptions, Versions,
    options::{INSTALLED, may_downgrade},
};
use crate::{arch::Architecture, relation::Operator};

impl Universe {
    /// Adds the packages of an index; `installed`: those that are on the system.
    pub(super) fn add(&mut self, packages: Packages, installed: bool) {
        let table = packages.index.table();
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
            let name = self.name(symbols[row.package as usize], architecture);
            // A list of what is installed has each name once; where it says otherwise the first counts.
            if installed && self.names[name as usize].installed.is_some() {
                continue;
            }
            if installed && let Some(same) = self.same(name, table.text(row.version)) {
                self.mark_installed(same);
                continue;
            }
            let priority = self.priority(&packages, row);
            if priority < 0 && !installed {
                continue;
            }
            let id = self.solvables.len() as SolvableId;
            self.names[name as usize].candidates.push(id);
            let demands = OnceLock::new();
            self.solvables.push(Solvable {
                index,
                row: at as u32,
                name,
                priority,
                installed: false,
                barred: false,
                demands,
            });
            if installed {
                self.mark_installed(id);
            }
        }
        let groups = std::iter::repeat_with(OnceLock::new).take(table.group_count()).collect();
        self.parts.push(Part { packages: packages.index, symbols, groups });
    }

    /// The priority of a package of an index.
    fn priority(&self, packages: &Packages, row: &Row) -> i32 {
        let preferences = &self.options.preferences;
        let Some(provenance) = packages.provenance.as_ref().filter(|_| *preferences != Preferences::default()) else {
            return packages.priority;
        };
        let table = packages.index.table();
        let Ok(architecture) = Architecture::new(table.text(row.architecture)) else { return packages.priority };
        let (package, version) = (table.text(row.package), table.text(row.version));
        let pinned = Pinned::new(package, version, &architecture, &self.options.native);
        preferences.priority(&pinned.with_source(table.text(row.source)), &[provenance])
    }

    /// The place of a name in an architecture.
    fn name(&mut self, symbol: Symbol, architecture: u32) -> NameId {
        let known = self.named[symbol as usize].iter().copied();
        let known = known.into_iter().find(|name| self.names[*name as usize].architecture == architecture);
        known.unwrap_or_else(|| {
            self.names.push(Name { symbol, architecture, candidates: Vec::new(), installed: None });
            let name = (self.names.len() - 1) as NameId;
            self.named[symbol as usize].push(name);
            name
        })
    }

    /// The package of that name and version that an archive has too.
    fn same(&self, name: NameId, version: &str) -> Option<SolvableId> {
        self.candidates(name).iter().copied().find(|id| self.version_text(*id) == version)
    }

    fn mark_installed(&mut self, id: SolvableId) {
        let solvable = &mut self.solvables[id as usize];
        (solvable.installed, solvable.priority) = (true, solvable.priority.max(INSTALLED));
        self.names[solvable.name as usize].installed = Some(id);
    }

    pub(super) fn order(&mut self) {
        let mut names = std::mem::take(&mut self.names);
        for name in names.iter_mut().filter(|name| name.candidates.len() > 1) {
            name.candidates.sort_by(|a, b| {
                let rank = |id: &SolvableId| self.rank(*id, name.installed);
                let version = |id: &SolvableId| self.version(*id);
                rank(b).cmp(&rank(a)).then_with(|| version(b).compare(version(a))).then(a.cmp(b))
            });
            if self.options.versions == Versions::Candidate {
                let candidate = name.candidates[0];
                name.candidates.retain(|id| *id == candidate || Some(*id) == name.installed);
            }
        }
        for ids in &mut self.named {
            ids.sort_by_key(|id| names[*id as usize].architecture);
        }
        self.names = names;
    }

    /// What decides first which version is the candidate: what is excluded is none, what is held stays, and an older version than
    /// the installed one is taken only where its priority demands that.
    fn rank(&self, id: SolvableId, installed: Option<SolvableId>) -> (bool, bool, bool, i32) {
        let Solvable { priority, barred, .. } = self.solvables[id as usize];
        let Some(current) = installed else { return (!barred, false, true, priority) };
        let held = self
            .options
            .installed
            .as_ref()
            .is_some_and(|installed| installed.held.iter().any(|held| held.as_str() == self.package_name(current)));
        let fits = may_downgrade(priority) || self.version(id).compare(self.version(current)).is_ge();
        (!barred, held && id == current, fits, priority)
    }

    /// Marks what is excluded, before anything is known of what others provide.
    pub(super) fn bar_excluded(&mut self) {
        self.providers.resize_with(self.symbols.len(), Vec::new);
        let mut barred = Vec::new();
        for relation in self.options.excluded.iter().flat_map(|group| &group.0) {
            let target = self.target_of(relation);
            barred.extend(self.satisfying(target, 0));
        }
        for id in barred {
            self.solvables[id as usize].barred = true;
        }
    }

    /// Providers in the order in which apt would take them.
    pub(super) fn note_providers(&mut self) {
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
}

/// The place of an architecture in the universe: 0 for the system's own and for `all`.
pub(super) fn place(options: &UniverseOptions, architecture: &str) -> Option<u32> {
    if architecture == "all" || architecture == options.native.as_str() {
        return Some(0);
    }
    options.foreign.iter().position(|foreign| foreign.as_str() == architecture).map(|at| at as u32 + 1)
}
