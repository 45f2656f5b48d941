//! Who needs a package: relations from the other end, of packages and of source packages.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    PackageVersion, Universe,
    demand::named,
    encode::Group,
    index::{Field, GroupId},
    universe::SolvableId,
};
use crate::{
    cancel::Cancelled,
    context::Context,
    control::SourceControl,
    name::{PackageName, SourceName},
    relation::Alternatives,
    version::Version,
};

/// A question about who needs a package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rdeps {
    /// The package, real or virtual.
    pub package: PackageName,
    /// How far one goes: 1 for who needs it directly, 2 also for who needs those, and so on; none: to the end.
    pub depth: Option<usize>,
    /// Whether `Recommends` counts.
    pub recommends: bool,
    /// Whether `Suggests` counts.
    pub suggests: bool,
}

impl Rdeps {
    /// Who depends directly on this package.
    #[must_use]
    pub const fn new(package: PackageName) -> Self {
        Self { package, depth: Some(1), recommends: false, suggests: false }
    }

    /// As far as this; none: to the end.
    #[must_use]
    pub const fn with_depth(mut self, depth: Option<usize>) -> Self {
        self.depth = depth;
        self
    }

    /// With or without those that recommend it.
    #[must_use]
    pub const fn with_recommends(mut self, recommends: bool) -> Self {
        self.recommends = recommends;
        self
    }

    /// With or without those that suggest it.
    #[must_use]
    pub const fn with_suggests(mut self, suggests: bool) -> Self {
        self.suggests = suggests;
        self
    }

    fn fields(&self) -> impl Iterator<Item = (Field, Dependency)> {
        let fields = [
            (true, Field::PreDepends, Dependency::PreDepends),
            (true, Field::Depends, Dependency::Depends),
            (self.recommends, Field::Recommends, Dependency::Recommends),
            (self.suggests, Field::Suggests, Dependency::Suggests),
        ];
        fields.into_iter().filter(|(counts, ..)| *counts).map(|(_, field, kind)| (field, kind))
    }
}

/// The field by which something needs a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Dependency {
    /// `Pre-Depends`.
    PreDepends,
    /// `Depends`.
    Depends,
    /// `Recommends`.
    Recommends,
    /// `Suggests`.
    Suggests,
    /// `Build-Depends` of a source package.
    BuildDepends,
    /// `Build-Depends-Arch` of a source package.
    BuildDependsArch,
    /// `Build-Depends-Indep` of a source package.
    BuildDependsIndep,
}

/// Who needs a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Needer {
    /// A package.
    Package(PackageVersion),
    /// A source package, to be built.
    Source {
        /// Its name.
        name: SourceName,
        /// Its version.
        version: Version,
    },
}

/// One relation by which something needs a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Dependent {
    /// How far it is from the package that was asked about: 1 for who needs it directly.
    pub depth: usize,
    /// Who needs something.
    pub by: Needer,
    /// By which field.
    pub kind: Dependency,
    /// The group of alternatives.
    pub relation: String,
    /// The package that it needs, of those one step nearer.
    pub on: PackageName,
    /// The name by which it needs it, where that is one that the package provides.
    pub through: Option<PackageName>,
    /// Whether a version of the package that is there satisfies the relation.
    pub fits: bool,
}

/// Finds who needs a package: among the packages that can be chosen, and among source packages as they are built on the system's
/// architecture without profiles. Relations are found by the names that they name, whatever version they ask for. Each is listed
/// at the least depth at which it is found, once for each relation. Ordered by depth, then name.
///
/// # Errors
/// [`Cancelled`].
pub fn rdeps(cx: &Context, on: &Universe, sources: &[SourceControl], ask: &Rdeps) -> Result<Vec<Dependent>, Cancelled> {
    let search = Search::new(cx, on, sources, ask)?;
    let mut found = Vec::new();
    let mut seen: HashSet<PackageName> = HashSet::from([ask.package.clone()]);
    let mut seen_sources = HashSet::new();
    let mut level = vec![ask.package.clone()];
    let mut depth = 1;
    while !level.is_empty() && ask.depth.is_none_or(|most| depth <= most) {
        let mut direct = Vec::new();
        for name in &level {
            cx.cancel().check()?;
            search.dependents(name, depth, &mut direct);
        }
        direct.retain(|one| match &one.by {
            Needer::Package(by) => !seen.contains(&by.package),
            Needer::Source { name, .. } => !seen_sources.contains(name),
        });
        level.clear();
        for one in &direct {
            match &one.by {
                Needer::Package(by) if seen.insert(by.package.clone()) => level.push(by.package.clone()),
                Needer::Package(_) => {}
                Needer::Source { name, .. } => _ = seen_sources.insert(name.clone()),
            }
        }
        // Of several names in one relation that mean the same package, its own is told.
        direct.sort();
        direct.dedup_by(|b, a| (&a.by, a.kind, &a.relation, &a.on) == (&b.by, b.kind, &b.relation, &b.on));
        found.append(&mut direct);
        depth += 1;
    }
    Ok(found)
}

/// The relations of packages that name something.
type OfPackages<'u> = HashMap<&'u str, Vec<(SolvableId, GroupId, Dependency)>>;
/// The relations of source packages that name something, as the system's architecture means them.
type OfSources<'s> = HashMap<String, Vec<(&'s SourceControl, Dependency, Alternatives)>>;

struct Search<'u> {
    universe: &'u Universe,
    packages: OfPackages<'u>,
    sources: OfSources<'u>,
}

impl<'u> Search<'u> {
    fn new(cx: &Context, universe: &'u Universe, sources: &'u [SourceControl], ask: &Rdeps) -> Result<Self, Cancelled> {
        let mut search = Self { universe, packages: HashMap::new(), sources: HashMap::new() };
        for id in universe.all() {
            if id % 1000 == 0 {
                cx.cancel().check()?;
            }
            for (field, kind) in ask.fields() {
                for (group, name) in universe.naming(id, field) {
                    search.packages.entry(name).or_default().push((id, group, kind));
                }
            }
        }
        for source in sources {
            cx.cancel().check()?;
            search.note(source);
        }
        Ok(search)
    }

    fn note(&mut self, source: &'u SourceControl) {
        let own = &source.relations;
        let fields = [
            (Dependency::BuildDepends, &own.depends),
            (Dependency::BuildDependsArch, &own.depends_arch),
            (Dependency::BuildDependsIndep, &own.depends_indep),
        ];
        for (kind, relations) in fields {
            for group in relations.reduce(&self.universe.options().native, &BTreeSet::new()).0 {
                for relation in &group.0 {
                    let entry = self.sources.entry(relation.package.to_string()).or_default();
                    entry.push((source, kind, group.clone()));
                }
            }
        }
    }

    /// Who needs a package by its name or by one that a version of it provides.
    fn dependents(&self, on: &PackageName, depth: usize, found: &mut Vec<Dependent>) {
        let called = || self.universe.called(on.as_str());
        let mut provided: Vec<&str> =
            called().flat_map(|id| self.universe.naming(id, Field::Provides)).map(|(_, name)| name).collect();
        provided.sort_unstable();
        provided.dedup();
        let real = called().next().is_some();
        for name in [on.as_str()].into_iter().chain(provided) {
            let through = (name != on.as_str()).then(|| PackageName::new(name).ok()).flatten();
            let dependent = |by, kind, group: &Group| {
                let is_it = |id: &SolvableId| !real || self.universe.package_name(*id) == on.as_str();
                let fits = group.choices.iter().any(is_it);
                let (relation, on, through) = (group.text.to_string(), on.clone(), through.clone());
                Dependent { depth, by, kind, relation, on, through, fits }
            };
            for (id, group, kind) in self.packages.get(name).into_iter().flatten() {
                let Some(by) = named(self.universe, *id).filter(|by| by.package != *on) else { continue };
                found.push(dependent(Needer::Package(by), *kind, &self.universe.group_as_meant(*id, *group)));
            }
            for (source, kind, group) in self.sources.get(name).into_iter().flatten() {
                let by = Needer::Source { name: source.source.clone(), version: source.version.clone() };
                found.push(dependent(by, *kind, &self.universe.group(group, 0)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
