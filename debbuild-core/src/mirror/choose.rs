//! Choosing: the packages that are selected, what they depend on, and the sources that belong to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, btree_map::Entry as MapEntry};

use super::{
    LeftOut, Listed, MirrorError, MirrorOptions, MirrorPlan,
    listing::{self, Descriptions, Index, Key},
    suite_options,
};
use crate::{
    acquire::{AcquireError, Suite},
    arch::Architecture,
    blocking,
    context::Context,
    control::Paragraph,
    event::Unit,
    name::ComponentName,
    pattern::Subject,
    relation::{Alternatives, Operator, Relation, Relations},
    repo::EntryKind,
    resolve::{
        Answer, Install, PRIORITY, PackageIndex, Question, Resolver as _, SatResolver, Universe, UniverseOptions,
        Versions,
    },
};

/// Chooses what a mirror of these opened suites holds. Of packages that several suites list, the first one's is taken.
///
/// # Errors
/// [`MirrorError::Undeclared`] for a component or architecture that no suite has, [`MirrorError::Nothing`], and what reading
/// the indexes gives. Unmet dependencies are in the plan.
pub async fn plan(cx: &Context, suites: &[Suite], options: &MirrorOptions) -> Result<MirrorPlan, MirrorError> {
    let step = cx.step("choose packages", Unit::None, None);
    let planned = plan_in(step.context(), suites, options).await;
    step.end(planned)
}

async fn plan_in(cx: &Context, suites: &[Suite], options: &MirrorOptions) -> Result<MirrorPlan, MirrorError> {
    let first = suites.first().ok_or(MirrorError::NoArchive)?;
    let components = components(suites, options)?;
    architectures(suites, options)?;
    let indexes = Indexes::read(cx, suites, &components, options).await?;
    let suite = suite_options(&options.suite, first.release(), components, options.architectures.clone());
    let (inner, wanted) = (cx.clone(), options.clone());
    let chosen = blocking::run(move || indexes.choose(&inner, &wanted)).await?;
    if let (true, Some(filter)) = (chosen.listed.is_empty(), &options.filter) {
        let suite = first.archive().suite.to_string();
        return Err(MirrorError::Nothing { suite, pattern: filter.to_string() });
    }
    Ok(MirrorPlan {
        suite,
        packages: chosen.listed.into_values().collect(),
        left_out: chosen.left_out,
        suites: suites.to_vec(),
        options: options.clone(),
    })
}

/// The components of all suites, or those that are wanted.
fn components(suites: &[Suite], options: &MirrorOptions) -> Result<Vec<ComponentName>, MirrorError> {
    let mut all = Vec::new();
    for component in suites.iter().flat_map(Suite::components) {
        if !all.contains(&component) {
            all.push(component);
        }
    }
    match options.components.iter().find(|wanted| !all.contains(wanted)) {
        Some(missing) => Err(undeclared(suites, "component", missing)),
        None if options.components.is_empty() => Ok(all),
        None => Ok(options.components.clone()),
    }
}

fn architectures(suites: &[Suite], options: &MirrorOptions) -> Result<(), MirrorError> {
    let has = |wanted: &Architecture| suites.iter().any(|suite| suite.release().architectures.contains(wanted));
    match options.architectures.iter().find(|wanted| wanted.is_all() || !has(wanted)) {
        Some(missing) => Err(undeclared(suites, "architecture", missing)),
        None => Ok(()),
    }
}

fn undeclared(suites: &[Suite], kind: &'static str, name: impl ToString) -> MirrorError {
    let names: Vec<&str> = suites.iter().map(|suite| suite.archive().suite.as_str()).collect();
    MirrorError::Undeclared { suite: names.join(", "), kind, name: name.to_string() }
}

#[derive(Debug, Default)]
struct Indexes {
    all: Vec<Index>,
    descriptions: Descriptions,
}

#[derive(Debug, Default)]
struct Chosen {
    listed: BTreeMap<Key, Listed>,
    left_out: Vec<LeftOut>,
}

impl Indexes {
    async fn read(
        cx: &Context,
        suites: &[Suite],
        components: &[ComponentName],
        options: &MirrorOptions,
    ) -> Result<Self, MirrorError> {
        let mut indexes = Self::default();
        for (origin, suite) in suites.iter().enumerate() {
            let used = suite.components();
            let architectures = options.architectures.iter().flat_map(|one| suite.package_architectures(one));
            let architectures: BTreeSet<Architecture> = architectures.collect();
            for component in components {
                if !used.contains(component) {
                    continue;
                }
                for architecture in &architectures {
                    let path = format!("{component}/binary-{architecture}/Packages");
                    indexes.fetch(cx, suite, origin, component, Some(architecture.clone()), &path).await?;
                }
                if options.sources {
                    let path = format!("{component}/source/Sources");
                    indexes.fetch(cx, suite, origin, component, None, &path).await?;
                }
                let path = format!("{component}/i18n/Translation-en");
                if let Some(text) = fetch(cx, suite, &path).await? {
                    listing::descriptions(&text, &mut indexes.descriptions);
                }
            }
        }
        Ok(indexes)
    }

    async fn fetch(
        &mut self,
        cx: &Context,
        suite: &Suite,
        origin: usize,
        component: &ComponentName,
        architecture: Option<Architecture>,
        path: &str,
    ) -> Result<(), MirrorError> {
        let Some(text) = fetch(cx, suite, path).await? else { return Ok(()) };
        let kind = if architecture.is_some() { EntryKind::Binary } else { EntryKind::Source };
        let what = format!("{path} of {}", suite.archive().suite);
        self.all.push(Index { kind, component: component.clone(), architecture, text, origin, what });
        Ok(())
    }

    fn of(&self, kind: EntryKind) -> impl Iterator<Item = &Index> {
        self.all.iter().filter(move |index| index.kind == kind)
    }

    fn choose(&self, cx: &Context, options: &MirrorOptions) -> Result<Chosen, MirrorError> {
        let mut chosen = Chosen::default();
        let selected = |paragraph: &Paragraph<'_>| {
            options.filter.as_ref().is_none_or(|filter| filter.selects(&Subject::of(paragraph)))
        };
        for index in self.of(EntryKind::Binary) {
            cx.cancel().check()?;
            let listed = index.read(selected, &self.descriptions, &mut chosen.left_out);
            chosen.take(listed);
        }
        if options.with_deps && options.filter.is_some() {
            let needed = self.needed(cx, options, &mut chosen)?;
            for index in self.of(EntryKind::Binary) {
                let wanted = |paragraph: &Paragraph<'_>| key(paragraph).is_some_and(|key| needed.contains(&key));
                let listed = index.read(wanted, &self.descriptions, &mut chosen.left_out);
                chosen.take(listed);
            }
        }
        if options.sources {
            self.sources(options, &mut chosen);
        }
        Ok(chosen)
    }

    /// The packages by which the dependencies of the chosen ones hold.
    fn needed(
        &self,
        cx: &Context,
        options: &MirrorOptions,
        chosen: &mut Chosen,
    ) -> Result<HashSet<[String; 3]>, MirrorError> {
        let mut needed = HashSet::new();
        for native in &options.architectures {
            let fits = |index: &&Index| index.architecture.as_ref().is_some_and(|own| own.is_all() || own == native);
            let parse = |index: &Index| (PackageIndex::parse(&index.what, index.text.clone()).into(), PRIORITY);
            let universe_options = UniverseOptions::new(native.clone()).with_versions(Versions::All);
            let universe = Universe::new(universe_options, self.of(EntryKind::Binary).filter(fits).map(parse));
            let ours = |one: &&Listed| one.architecture.as_ref().is_some_and(|own| own.is_all() || own == native);
            // Of one package only one version can be installed: the newest are asked about together, the others alone.
            let mut newest: HashMap<_, &Listed> = HashMap::new();
            let mut older = Vec::new();
            for listed in chosen.listed.values().filter(ours) {
                older.extend(newest.insert(&listed.name, listed));
            }
            let mut newest: Vec<&Listed> = newest.into_values().collect();
            newest.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            let mut closing = Closing { cx, universe: &universe, needed: &mut needed, left_out: Vec::new() };
            closing.close(&newest)?;
            older.iter().try_for_each(|one| closing.close(&[*one]))?;
            let left_out = closing.left_out;
            chosen.left_out.extend(left_out);
        }
        Ok(needed)
    }

    /// The sources of what is chosen; without a filter all sources.
    fn sources(&self, options: &MirrorOptions, chosen: &mut Chosen) {
        let mut missing: BTreeMap<(String, String), String> = BTreeMap::new();
        for listed in chosen.listed.values() {
            let own = std::iter::once((&listed.source, &listed.source_version));
            for (source, version) in own.chain(listed.built_using.iter().map(|(source, version)| (source, version))) {
                let key = (source.to_string(), version.to_string());
                missing.entry(key).or_insert_with(|| listed.describe());
            }
        }
        let mut found = Vec::new();
        for index in self.of(EntryKind::Source) {
            let wanted = |paragraph: &Paragraph<'_>| {
                let field = |name| paragraph.get(name).unwrap_or_default().to_owned();
                options.filter.is_none() || missing.contains_key(&(field("Package"), field("Version")))
            };
            found.extend(index.read(wanted, &self.descriptions, &mut chosen.left_out));
        }
        for listed in &found {
            missing.remove(&(listed.name.to_string(), listed.version.to_string()));
        }
        chosen.take(found);
        for ((source, version), needed_by) in missing {
            let reason = format!("the archive does not have it, and {needed_by} was built from it");
            chosen.left_out.push(LeftOut::new(format!("{source} {version} source"), reason));
        }
    }
}

impl Chosen {
    fn take(&mut self, listed: Vec<Listed>) {
        for one in listed {
            match self.listed.entry(one.key()) {
                MapEntry::Vacant(vacant) => {
                    vacant.insert(one);
                }
                MapEntry::Occupied(there) if same(there.get(), &one) => {}
                MapEntry::Occupied(_) => {
                    let reason = "it is listed twice with different content: the first is taken";
                    self.left_out.push(LeftOut::new(one.describe(), reason));
                }
            }
        }
    }
}

fn same(one: &Listed, other: &Listed) -> bool {
    let sums = |listed: &Listed| listed.files.iter().map(|file| file.sha256).collect::<Vec<_>>();
    sums(one) == sums(other)
}

/// Name, version and architecture of a stanza.
fn key(paragraph: &Paragraph<'_>) -> Option<[String; 3]> {
    let field = |name| paragraph.get(name).map(str::to_owned);
    Some([field("Package")?, field("Version")?, field("Architecture")?])
}

struct Closing<'a> {
    cx: &'a Context,
    universe: &'a Universe,
    needed: &'a mut HashSet<[String; 3]>,
    left_out: Vec<LeftOut>,
}

impl Closing<'_> {
    /// Finds what these packages depend on: together, and where they cannot be installed together, in halves.
    fn close(&mut self, seeds: &[&Listed]) -> Result<(), MirrorError> {
        if seeds.is_empty() {
            return Ok(());
        }
        let exactly = |listed: &&Listed| {
            let relation = Relation::new(listed.name.clone());
            Alternatives(vec![relation.with_constraint(Operator::Equal, listed.version.clone())])
        };
        let question = Question::Install(Install::new(Relations(seeds.iter().map(exactly).collect())));
        let reason = match SatResolver::new().answer(self.cx, self.universe, &question)? {
            Answer::Satisfied(solution) => {
                let packages = solution.packages.iter().map(|selected| &selected.package);
                self.needed.extend(packages.map(|package| {
                    [package.package.to_string(), package.version.to_string(), package.architecture.to_string()]
                }));
                return Ok(());
            }
            Answer::Unsatisfiable(why) => why.to_string(),
            Answer::Unknown(why) => why,
        };
        if let [one] = seeds {
            let what = format!("the dependencies of {}", one.describe());
            self.left_out.push(LeftOut::new(what, reason));
            return Ok(());
        }
        let (left, right) = seeds.split_at(seeds.len() / 2);
        self.close(left)?;
        self.close(right)
    }
}

/// The text of an index; `None` where the suite lists none.
async fn fetch(cx: &Context, suite: &Suite, path: &str) -> Result<Option<String>, MirrorError> {
    match suite.index(cx, path).await {
        Ok(bytes) => Ok(Some(listing::text(path, &bytes)?)),
        Err(AcquireError::NoIndex { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
