//! Small archives for tests, and what must hold of every order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    context::Context,
    control::{SourceControl, read_sources},
    relation::{BuildProfile, Relations},
    resolve::{
        BuildDeps, PRIORITY, PackageIndex, SatResolver, Universe, UniverseOptions,
        order::{Break, Order, OrderOptions, graph::Graph},
        planner::Planner,
        sat::Choice,
        universe::SolvableId,
    },
};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// An archive: each source package has its fields and builds a binary package of its name, and those that name it.
pub(super) struct World {
    pub(super) sources: Vec<SourceControl>,
    pub(super) universe: Universe,
}

/// `sources` are names with a value of `Build-Depends` (and further fields, on lines of their own), `packages` are names with
/// their source package and fields.
pub(super) fn world(sources: &[(&str, &str)], packages: &[(&str, &str, &str)]) -> World {
    let stanza = |(name, depends): &(&str, &str)| {
        let depends =
            if depends.starts_with('\n') { depends.trim_start() } else { &format!("Build-Depends: {depends}") };
        let architecture = if depends.contains("Architecture: ") { "" } else { "Architecture: any all\n" };
        format!(
            "Package: {name}\nVersion: 1\nFormat: 1.0\n{architecture}{}\nDirectory: pool\nChecksums-Sha256:\n {EMPTY} 1 {name}.tar.gz\n",
            depends.trim_end()
        )
    };
    let (sources, problems) = read_sources(&sources.iter().map(stanza).collect::<Vec<_>>().join("\n"));
    assert!(problems.is_empty(), "{problems:?}");
    let given = packages.iter().map(|(name, source, fields)| (*name, *source, *fields));
    let own = sources.iter().map(|source| source.source.as_str());
    let own = own.filter(|name| packages.iter().all(|package| package.0 != *name)).map(|name| (name, name, ""));
    let base = [("build-essential", "essentials", "Depends: tools"), ("tools", "tools", "")];
    let base = base.into_iter().filter(|(name, ..)| packages.iter().all(|package| package.0 != *name));
    let base = base.filter(|(name, ..)| sources.iter().all(|source| source.source.as_str() != *name));
    let stanza = |(name, source, fields): (&str, &str, &str)| {
        let architecture = if fields.contains("Architecture: ") { "" } else { "Architecture: amd64\n" };
        let fields = if fields.is_empty() { String::new() } else { format!("{fields}\n") };
        format!(
            "Package: {name}\nVersion: 1\nSource: {source}\n{architecture}{fields}Filename: pool/{name}.deb\nSize: 1\nSHA256: {EMPTY}\n"
        )
    };
    let text: Vec<String> = given.chain(own).chain(base).map(stanza).collect();
    let index = PackageIndex::parse("world", text.join("\n"));
    assert!(index.problems().is_empty(), "{:?}", index.problems());
    let options = UniverseOptions::new("amd64".parse().unwrap());
    let universe = Universe::new(options, [(Arc::new(index), PRIORITY)]);
    World { sources, universe }
}

/// How a source package is built first: its profiles, and what is taken for build dependencies.
type Variant = (BTreeSet<BuildProfile>, Vec<(String, String)>);
type Variants = BTreeMap<String, Variant>;

impl World {
    pub(super) fn order(&self, options: &OrderOptions) -> Order {
        let order = super::super::order(&Context::new(), &self.sources, &self.universe, options).unwrap();
        if let Err(wrong) = self.check(options, &order) {
            panic!("{wrong}\n{order:#?}");
        }
        order
    }

    fn source(&self, name: &str) -> &SourceControl {
        let versions = self.sources.iter().filter(|source| source.source.as_str() == name);
        versions.max_by(|a, b| a.version.compare(&b.version)).unwrap()
    }

    fn taken(&self, source: &SourceControl) -> Vec<SolvableId> {
        let build = BuildDeps::new(source.clone(), "amd64".parse().unwrap());
        match Planner::new(&self.universe, SatResolver::new()).build_set(&Context::new(), build).unwrap() {
            Choice::Set(set) => set,
            other => panic!("{}: {other:?}", source.source),
        }
    }

    /// What a build takes that is not there from the start: packages with their source packages.
    fn needs(&self, options: &OrderOptions, name: &str, variant: &Variant) -> Vec<(String, String)> {
        let mut source = self.source(name).clone();
        let profiles = options.profiles.union(&variant.0).cloned().collect();
        let mut depends = source.relations.depends.reduce(&"amd64".parse().unwrap(), &profiles);
        for group in &mut depends.0 {
            if let Some((_, pick)) = variant.1.iter().find(|(relation, _)| *relation == group.to_string()) {
                *group = Relations::parse(pick).unwrap().0.remove(0);
            }
        }
        source.relations.depends = depends;
        let mut base = source.clone();
        base.relations = Default::default();
        let base = if options.from_zero { Vec::new() } else { self.taken(&base) };
        let text = |id: SolvableId| (self.universe.package_name(id).to_owned(), self.universe.source(id).0.to_owned());
        let had = |id: &SolvableId| {
            let have = options.have.iter().find(|(package, _)| package.as_str() == self.universe.package_name(*id));
            have.is_some_and(|(_, version)| version >= self.universe.version(*id))
        };
        self.taken(&source).into_iter().filter(|id| !base.contains(id) && !had(id)).map(text).collect()
    }

    /// Whether a build with these profiles makes a package.
    fn makes(&self, source: &str, package: &str, profiles: &BTreeSet<BuildProfile>) -> bool {
        self.source(source).profiled.iter().all(|one| one.package.as_str() != package || one.is_built(profiles))
    }

    /// What is wrong with an order, worked out from the archive and from what the order says alone.
    pub(super) fn check(&self, options: &OrderOptions, order: &Order) -> Result<(), String> {
        let variants = variants(order);
        let mut stages: BTreeMap<(String, bool), usize> = BTreeMap::new();
        for (stage, build) in
            order.stages.iter().enumerate().flat_map(|(at, builds)| builds.iter().map(move |b| (at, b)))
        {
            let first = &variants.get(build.source.as_str()).cloned().unwrap_or_default().0;
            if build.profiles != if build.rebuild { BTreeSet::new() } else { first.clone() } {
                return Err(format!("{build:?} has other profiles than its break says"));
            }
            if stages.insert((build.source.to_string(), build.rebuild), stage).is_some() {
                return Err(format!("{build:?} is there twice"));
            }
        }
        self.check_lists(order, &stages)?;
        let cuts = self.cuts(options, order, &stages, &variants)?;
        if !self.graph(options, order, &variants, &cuts).is_acyclic() {
            return Err("the builds need each other".to_owned());
        }
        self.check_breaks(options, order, &variants, &cuts)
    }

    /// Every source package is in one list, and those that are built have the right builds.
    fn check_lists(&self, order: &Order, stages: &BTreeMap<(String, bool), usize>) -> Result<(), String> {
        let variants = variants(order);
        let mut known: Vec<String> = stages.keys().filter(|(_, rebuild)| !rebuild).map(|key| key.0.clone()).collect();
        known.extend(order.unbuildable.iter().map(|one| one.source.to_string()));
        known.extend(order.blocked.iter().map(|one| one.source.to_string()));
        known.extend(order.built.iter().map(ToString::to_string));
        known.sort_unstable();
        let mut all: Vec<String> = self.sources.iter().map(|source| source.source.to_string()).collect();
        all.sort_unstable();
        all.dedup();
        if known != all {
            return Err(format!("{known:?} are not {all:?}"));
        }
        for ((source, rebuild), stage) in stages {
            let reduced = variants.get(source).is_some_and(|variant| !variant.0.is_empty());
            let second = stages.get(&(source.clone(), true));
            if reduced != second.is_some() || !rebuild && second.is_some_and(|second| second <= stage) {
                return Err(format!("{source} is not rebuilt as it should be"));
            }
            if order.rebuilds.iter().any(|one| one.as_str() == source) != reduced {
                return Err(format!("{source} in the rebuilds"));
            }
        }
        Ok(())
    }

    /// Each need of each build is met by an earlier stage, or by a break: those breaks, by build and by what it needs.
    fn cuts(
        &self,
        options: &OrderOptions,
        order: &Order,
        stages: &BTreeMap<(String, bool), usize>,
        variants: &Variants,
    ) -> Result<BTreeSet<(String, bool, String)>, String> {
        let mut cuts = BTreeSet::new();
        for ((name, rebuild), stage) in stages {
            let variant = if *rebuild { Default::default() } else { variants.get(name).cloned().unwrap_or_default() };
            let mut earliest = usize::from(*rebuild) * (stages[&(name.clone(), false)] + 1);
            for (package, source) in self.needs(options, name, &variant) {
                let Some(made) = self.maker(order, variants, name, &package, &source) else { continue };
                let made = stages[&made];
                if made < *stage {
                    earliest = earliest.max(made + 1);
                    continue;
                }
                let given = order.cycles.iter().flat_map(|cycle| &cycle.breaks).any(|one| {
                    matches!(one, Break::Existing { source: of, packages, dropped }
                        if of.as_str() == source && packages.iter().any(|one| one.as_str() == package)
                            && dropped.iter().any(|one| one.as_str() == name))
                });
                if !given {
                    return Err(format!(
                        "{name} in stage {stage} needs {package} of {source}, which is made in {made}"
                    ));
                }
                cuts.insert((name.clone(), *rebuild, source));
            }
            if earliest != *stage {
                return Err(format!("{name} could be built in stage {earliest} and is in {stage}"));
            }
        }
        Ok(cuts)
    }

    /// The build that makes a package for a source package; none where it is not built.
    fn maker(
        &self,
        order: &Order,
        variants: &Variants,
        by: &str,
        package: &str,
        source: &str,
    ) -> Option<(String, bool)> {
        let built = order.stages.iter().flatten().any(|build| build.source.as_str() == source);
        built.then(|| {
            let together = order.cycles.iter().any(|cycle| {
                [by, source].iter().all(|name| cycle.members.iter().any(|member| member.as_str() == *name))
            });
            let profiles = variants.get(source).map(|variant| variant.0.clone()).unwrap_or_default();
            let later = !profiles.is_empty() && (!together || !self.makes(source, package, &profiles));
            (source.to_owned(), later)
        })
    }

    /// The builds with these variants and without these needs.
    fn graph(
        &self,
        options: &OrderOptions,
        order: &Order,
        variants: &Variants,
        cuts: &BTreeSet<(String, bool, String)>,
    ) -> Graph {
        let mut names: Vec<String> = order.stages.iter().flatten().map(|build| build.source.to_string()).collect();
        names.sort_unstable();
        names.dedup();
        let place = |(name, later): (String, bool)| names.binary_search(&name).unwrap() as u32 * 2 + u32::from(later);
        let mut graph = Graph::new();
        for name in &names {
            for rebuild in [false, true] {
                let variant = variants.get(name).cloned().unwrap_or_default();
                if rebuild && variant.0.is_empty() {
                    graph.push(Vec::new());
                    continue;
                }
                let mut row = if rebuild { vec![place((name.clone(), false))] } else { Vec::new() };
                for (package, source) in self.needs(options, name, &if rebuild { Default::default() } else { variant })
                {
                    if !cuts.contains(&(name.clone(), rebuild, source.clone())) {
                        row.extend(self.maker(order, variants, name, &package, &source).map(place));
                    }
                }
                graph.push(row);
            }
        }
        graph
    }

    /// Whether another way to build a member of a cycle needs only what the cycle has, or what is needed now or by a full build.
    fn fits(&self, options: &OrderOptions, order: &Order, name: &str, now: &Variant, other: &Variant) -> bool {
        let cycle =
            order.cycles.iter().find(|cycle| cycle.members.iter().any(|member| member.as_str() == name)).unwrap();
        let needs = |variant: &Variant| -> BTreeSet<String> {
            let needs = self.needs(options, name, variant).into_iter().map(|(_, source)| source);
            needs.filter(|source| cycle.members.iter().all(|member| member.as_str() != source)).collect()
        };
        let known: BTreeSet<String> = needs(now).union(&needs(&Variant::default())).cloned().collect();
        needs(other).is_subset(&known)
    }

    /// Without any of the breaks there is a cycle again.
    fn check_breaks(
        &self,
        options: &OrderOptions,
        order: &Order,
        variants: &Variants,
        cuts: &BTreeSet<(String, bool, String)>,
    ) -> Result<(), String> {
        for cut in cuts {
            let mut fewer = cuts.clone();
            fewer.remove(cut);
            if self.graph(options, order, variants, &fewer).is_acyclic() {
                return Err(format!("{cut:?} need not be there already"));
            }
        }
        for (name, variant) in variants {
            for at in 0..variant.1.len() {
                let (now, mut variants) = (variant, variants.clone());
                variants.get_mut(name).unwrap().1.remove(at);
                let fits = self.fits(options, order, name, now, &variants[name]);
                if fits && self.graph(options, order, &variants, cuts).is_acyclic() {
                    return Err(format!("{name} does not need {:?}", variant.1[at]));
                }
            }
            let used: Vec<&BuildProfile> = variant.0.iter().collect();
            for set in 0..(1_u32 << used.len()) - 1 {
                let fewer = used.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, one)| (*one).clone());
                let (mut variants, mut cuts) = (variants.clone(), cuts.clone());
                variants.get_mut(name).unwrap().0 = fewer.collect();
                if set == 0 {
                    let full = cuts.iter().filter(|cut| cut.0 == *name).map(|cut| (name.clone(), false, cut.2.clone()));
                    cuts.extend(full.collect::<Vec<_>>());
                }
                let fits = self.fits(options, order, name, variant, &variants[name]);
                if fits && self.graph(options, order, &variants, &cuts).is_acyclic() {
                    return Err(format!("{name} needs fewer profiles than {used:?}"));
                }
            }
        }
        Ok(())
    }
}

fn variants(order: &Order) -> Variants {
    let mut variants = Variants::new();
    for one in order.cycles.iter().flat_map(|cycle| &cycle.breaks) {
        match one {
            Break::Profiles { source, profiles, .. } => {
                variants.entry(source.to_string()).or_default().0 = profiles.clone();
            }
            Break::Alternative { source, relation, instead, .. } => {
                let picks = &mut variants.entry(source.to_string()).or_default().1;
                picks.push((relation.clone(), instead.to_string()));
            }
            Break::Existing { .. } => {}
        }
    }
    variants
}
