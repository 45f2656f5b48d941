//! What must hold of every order, worked out from the stanzas and from what the order says, beside dose.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    fs,
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use debbuild_core::{
    command::{Capture, CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
    relation::{BuildProfile, Relations},
    resolve::order::{Break, Build, Cycle, Edge, Order},
};

use super::yard::{Yard, with};

/// How a source package is built first, and what it takes from somewhere else.
#[derive(Debug, Default)]
struct Variant {
    profiles: BTreeSet<BuildProfile>,
    /// What is taken for relations.
    picks: BTreeMap<String, String>,
    existing: BTreeSet<String>,
}

/// Never, where a stage is told.
const NEVER: usize = usize::MAX;

/// An order with what follows from it.
pub(super) struct Check<'a> {
    yard: &'a Yard,
    order: &'a Order,
    variants: BTreeMap<String, Variant>,
    /// By package: the first stage that has it from the start.
    since: HashMap<&'a str, usize>,
}

impl<'a> Check<'a> {
    pub(super) fn new(yard: &'a Yard, order: &'a Order) -> Self {
        let mut variants: BTreeMap<String, Variant> = BTreeMap::new();
        for one in order.cycles.iter().flat_map(|cycle| &cycle.breaks) {
            match one {
                Break::Profiles { source, profiles, .. } => {
                    variants.entry(source.to_string()).or_default().profiles.clone_from(profiles);
                }
                Break::Alternative { source, relation, instead, .. } => {
                    variants.entry(source.to_string()).or_default().picks.insert(relation.clone(), instead.to_string());
                }
                Break::Existing { packages, dropped, .. } => {
                    for source in dropped {
                        let packages = packages.iter().map(ToString::to_string);
                        variants.entry(source.to_string()).or_default().existing.extend(packages);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let mut builds: HashMap<&str, Vec<(usize, &Build)>> = HashMap::new();
        for (stage, build) in in_stages(order) {
            builds.entry(build.source.as_str()).or_default().push((stage, build));
        }
        let since = yard.packages.iter().map(|(name, (package, _))| {
            let source = package.source.as_str();
            let there = yard.base.contains(name)
                || !yard.sources.contains_key(source)
                || !yard.makes(source, name, &BTreeSet::new());
            let of = builds.get(source).map_or(&[][..], Vec::as_slice);
            let made = of.iter().filter(|(_, build)| yard.makes(source, name, &build.profiles));
            let made = made.map(|(stage, _)| stage + 1).min().unwrap_or(NEVER);
            (name.as_str(), if there { 0 } else { made })
        });
        let since = since.collect();
        Self { yard, order, variants, since }
    }

    /// Every source package is in one list; those that are built with profiles first are built in full later.
    pub(super) fn lists(&self) {
        let (mut first, mut again) = (BTreeMap::new(), BTreeMap::new());
        for (stage, build) in in_stages(self.order) {
            let builds = if build.rebuild { &mut again } else { &mut first };
            assert_eq!(builds.insert(build.source.to_string(), stage), None, "{build:?} is there twice");
            let variant = self.variants.get(build.source.as_str()).map(|variant| &variant.profiles);
            let expected = variant.filter(|_| !build.rebuild).cloned().unwrap_or_default();
            assert_eq!(build.profiles, expected, "{}", build.source);
            assert_eq!(build.version, self.yard.sources[build.source.as_str()].0.version);
        }
        let not = self.order.unbuildable.iter().map(|one| &one.source);
        let not = not.chain(self.order.blocked.iter().map(|one| &one.source)).map(ToString::to_string);
        let listed: Vec<String> = first.keys().cloned().chain(not).collect();
        let all: BTreeSet<String> = listed.iter().cloned().collect();
        assert_eq!((all.len(), self.order.unknown.len(), self.order.built.len()), (listed.len(), 0, 0));
        assert!(all.iter().eq(self.yard.sources.keys()), "not each source package is in a list");
        let reduced = self.variants.iter().filter(|(_, variant)| !variant.profiles.is_empty());
        assert!(reduced.map(|(source, _)| source).eq(again.keys()), "{again:?}");
        assert!(again.iter().all(|(source, stage)| first[source] < *stage), "{again:?}");
        assert!(self.order.rebuilds.iter().map(ToString::to_string).eq(again.keys().cloned()));
    }

    /// build-deps installs what is there, comes from an earlier stage, or is named as coming from somewhere else. Returns for how
    /// many builds it would take something else if all of the archive was there. Looks at each `every`th build.
    pub(super) fn needs(&self, every: usize) -> usize {
        let builds: Vec<(usize, &Build)> = in_stages(self.order).step_by(every).collect();
        let (threads, others) = (thread::available_parallelism().map_or(1, NonZero::get), AtomicUsize::new(0));
        thread::scope(|scope| {
            for part in builds.chunks(builds.len().div_ceil(threads).max(1)) {
                scope.spawn(|| {
                    let other = part.iter().filter(|(stage, build)| self.needs_of(*stage, build)).count();
                    others.fetch_add(other, Ordering::Relaxed);
                });
            }
        });
        others.into_inner()
    }

    /// Checks one build: whether something else is taken for it because of what is not there yet.
    fn needs_of(&self, stage: usize, build: &Build) -> bool {
        let name = build.source.as_str();
        let none = Variant::default();
        let variant = self.variants.get(name).unwrap_or(&none);
        let mut groups = self.yard.groups(name, &build.profiles);
        for group in groups.iter_mut().filter(|_| !build.rebuild) {
            if let Some(instead) = variant.picks.get(&group.to_string()) {
                *group = Relations::parse(instead).unwrap().0.remove(0);
            }
        }
        let mut source = with(&self.yard.sources[name].0, groups);
        let mut absent: BTreeSet<String> = BTreeSet::new();
        loop {
            let taken = self.yard.taken(&source, &build.profiles);
            let Some(taken) = taken else { panic!("{name} in stage {stage} cannot do without {absent:?}") };
            let is_absent =
                |package: &&String| self.since[package.as_str()] > stage && !variant.existing.contains(*package);
            let more: Vec<&String> = taken.iter().filter(is_absent).collect();
            if more.is_empty() {
                return !absent.is_empty();
            }
            // What is not there cannot be installed: the same question, without it.
            for package in more {
                let version = &self.yard.packages[package].0.version;
                let without = Relations::parse(&format!("{package} (= {version})")).unwrap();
                source.relations.conflicts.0.extend(without.0);
                assert!(absent.insert(package.clone()), "{package} is taken again");
            }
        }
    }

    /// dose can install the build dependencies of every build in these stages from what is there then, and from that alone.
    pub(super) async fn dose(&self, of: impl Fn(usize) -> bool) -> usize {
        let mut groups: BTreeMap<(usize, String, &BTreeSet<String>), Vec<&str>> = BTreeMap::new();
        let (none, mut count) = (BTreeSet::new(), 0);
        for (stage, build) in in_stages(self.order).filter(|(stage, _)| of(*stage)) {
            let existing = self.variants.get(build.source.as_str()).map_or(&none, |variant| &variant.existing);
            let profiles = build.profiles.iter().map(BuildProfile::as_str).collect::<Vec<_>>().join(",");
            groups.entry((stage, profiles, existing)).or_default().push(build.source.as_str());
            count += 1;
        }
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let [packages, list] = ["Packages", "Sources"].map(|name| folder.path().join(name));
        for ((stage, profiles, existing), names) in groups {
            let there = |name: &str| self.since[name] <= stage || existing.contains(name);
            let of = self.yard.packages.iter().filter(|(name, _)| there(name));
            fs::write(&packages, of.map(|(_, (_, stanza))| format!("{stanza}\n\n")).collect::<String>()).unwrap();
            let of = names.iter().map(|name| format!("{}\n\n", self.yard.sources[*name].1));
            fs::write(&list, of.collect::<String>()).unwrap();
            let spec =
                CommandSpec::new("dose-builddebcheck").with_args(["--deb-native-arch=amd64", "--failures", "-e"]);
            let profile = (!profiles.is_empty()).then(|| format!("--deb-profiles={profiles}"));
            let mut said = Capture::default();
            let spec = spec.with_args(profile).with_args([&packages, &list]);
            let exit = SystemRunner.run(&Context::new(), &spec, &mut said).await.unwrap();
            let report = String::from_utf8_lossy(&said.stdout);
            let checked = report.lines().find_map(|line| line.strip_prefix("source-packages: "));
            let checked = checked.and_then(|count| count.trim().parse().ok());
            assert_eq!((exit.success(), checked), (true, Some(names.len())), "{stage} {profiles} {names:?}: {report}");
        }
        count
    }

    /// Cycles are cycles, by relations that are really there, and what breaks them is real too.
    pub(super) fn cycles(&self) {
        let mut seen = BTreeSet::new();
        for cycle in &self.order.cycles {
            assert!(cycle.members.iter().all(|member| seen.insert(member)), "{:?} twice", cycle.members);
            cycle.edges.iter().for_each(|edge| self.edge(edge));
            if cycle.edges.len() == cycle.edge_count {
                assert!(is_connected(cycle, false) && is_connected(cycle, true), "{:?}", cycle.members);
            } else {
                assert!(cycle.edges.is_empty());
            }
            assert!(!cycle.breaks.is_empty(), "{:?}", cycle.members);
            cycle.breaks.iter().for_each(|one| self.broken(cycle, one));
        }
    }

    fn edge(&self, edge: &Edge) {
        let groups = self.yard.groups(edge.source.as_str(), &BTreeSet::new());
        let group = groups.iter().find(|group| group.to_string() == edge.relation);
        let first = edge.through[0].as_str();
        assert!(group.is_some_and(|group| self.yard.satisfies(first, group)), "{edge:?}");
        for pair in edge.through.windows(2) {
            let relations = &self.yard.packages[pair[0].as_str()].0.relations;
            let mut groups = relations.pre_depends.iter().chain(relations.depends.iter());
            assert!(groups.any(|group| self.yard.satisfies(pair[1].as_str(), group)), "{pair:?} in {edge:?}");
        }
        let last = edge.through.last().map(|last| &self.yard.packages[last.as_str()].0.source);
        assert_eq!(last, Some(&edge.needs));
    }

    fn broken(&self, cycle: &Cycle, one: &Break) {
        let (Break::Profiles { source, dropped, .. }
        | Break::Alternative { source, dropped, .. }
        | Break::Existing { source, dropped, .. }) = one
        else {
            panic!("{one:?}")
        };
        assert!(cycle.members.contains(source) && dropped.iter().all(|name| cycle.members.contains(name)), "{one:?}");
        let groups = |profiles: &BTreeSet<BuildProfile>| self.yard.groups(source.as_str(), profiles);
        match one {
            Break::Profiles { profiles, relations, .. } => {
                let left = groups(profiles);
                let gone = groups(&BTreeSet::new()).into_iter().filter(|group| !left.contains(group));
                let gone: Vec<String> = gone.map(|group| group.to_string()).collect();
                assert!(!gone.is_empty() && gone == *relations, "{one:?}: {gone:?}");
            }
            Break::Alternative { relation, instead, .. } => {
                let groups = groups(&self.variants[source.as_str()].profiles);
                let group = groups.iter().find(|group| group.to_string() == *relation);
                assert!(group.is_some_and(|group| self.yard.satisfies(instead.as_str(), group)), "{one:?}");
            }
            Break::Existing { packages, dropped, .. } => {
                let of = |name: &str| &self.yard.packages[name].0.source;
                assert!(!dropped.is_empty() && packages.iter().all(|name| of(name.as_str()) == source), "{one:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    /// The figures of an order.
    pub(super) fn summary(&self) -> String {
        let (stages, builds) = (self.order.stages.len(), in_stages(self.order).count());
        let largest = self.order.cycles.iter().map(|cycle| cycle.members.len()).max().unwrap_or_default();
        let mut text = format!("{} source packages: {builds} builds in {stages} stages, ", self.yard.sources.len());
        write!(text, "{} cycles (the largest of {largest})", self.order.cycles.len()).unwrap();
        for (what, of) in [("profiles", 0), ("alternatives", 1), ("what is elsewhere", 2)] {
            let kind = |one: &&Break| match one {
                Break::Profiles { .. } => 0,
                Break::Alternative { .. } => 1,
                _ => 2,
            };
            let breaks = self.order.cycles.iter().flat_map(|cycle| &cycle.breaks).filter(|one| kind(one) == of);
            write!(text, ", {} broken by {what}", breaks.count()).unwrap();
        }
        text
    }
}

fn in_stages(order: &Order) -> impl Iterator<Item = (usize, &Build)> {
    order.stages.iter().enumerate().flat_map(|(stage, builds)| builds.iter().map(move |build| (stage, build)))
}

/// Whether each member is reached from the first one by the edges, or against them.
fn is_connected(cycle: &Cycle, against: bool) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![&cycle.members[0]];
    while let Some(at) = open.pop() {
        for edge in &cycle.edges {
            let (from, to) = if against { (&edge.needs, &edge.source) } else { (&edge.source, &edge.needs) };
            if from == at && seen.insert(to) {
                open.push(to);
            }
        }
    }
    cycle.members.iter().all(|member| seen.contains(member))
}
