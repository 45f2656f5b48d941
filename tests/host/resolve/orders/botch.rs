//! Cycles of some real source packages, against the strongly connected components of botch's graphs.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    resolve::order::Cycle,
};
use debbuild_suite::bench::cache;

use super::{note, ordered, small, yard::Yard};

/// By source package: those that it needs.
type Needs = BTreeMap<String, BTreeSet<String>>;

/// Runs a program of botch, which tests/host/tools.sh unpacks: its package depends on all of OCaml, its programs do not.
async fn botch(program: &'static str, args: &[&Path]) -> Vec<u8> {
    let program = cache().join("botch/usr/bin").join(program);
    assert!(program.as_std().exists(), "{program} is missing: tests/host/tools.sh unpacks it");
    let spec = CommandSpec::new(program.as_str()).with_args(["--deb-native-arch=amd64", "--quiet"]).with_args(args);
    SystemRunner.output(&Context::new(), &spec).await.unwrap()
}

/// botch's graph of source packages. It wants a source package for each package, so that those that are not built get one, and
/// it is told that their packages are there.
async fn graph(yard: &Yard) -> Needs {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let [packages, sources, there, builds] =
        ["Packages", "Sources", "There", "builds.xml"].map(|name| folder.path().join(name));
    let text = |of: &mut dyn Iterator<Item = &String>| of.map(|stanza| format!("{stanza}\n\n")).collect::<String>();
    let mut stanzas = text(&mut yard.sources.values().map(|(_, stanza)| stanza));
    let outside = yard.packages.values().map(|(package, _)| (&package.source, &package.source_version));
    for (name, version) in outside.filter(|(name, _)| !yard.sources.contains_key(name.as_str())).collect::<HashSet<_>>()
    {
        write!(stanzas, "Package: {name}\nVersion: {version}\nArchitecture: any all\n\n").unwrap();
    }
    fs::write(&sources, stanzas).unwrap();
    fs::write(&packages, text(&mut yard.packages.values().map(|(_, stanza)| stanza))).unwrap();
    let is_there = |name: &String, source: &str| yard.base.contains(name) || !yard.sources.contains_key(source);
    let of = yard.packages.iter().filter(|(name, (package, _))| is_there(name, package.source.as_str()));
    fs::write(&there, text(&mut of.map(|(_, (_, stanza))| stanza))).unwrap();

    let available = format!("--available={}", there.display());
    let made = botch("botch-create-graph", &[Path::new(&available), &packages, &sources]).await;
    fs::write(&builds, made).unwrap();
    read(&String::from_utf8(botch("botch-buildgraph2srcgraph", &[&builds, &packages, &sources]).await).unwrap())
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(found, _)| found)
}

/// Reads the nodes and edges of GraphML, as botch writes it.
fn read(graphml: &str) -> Needs {
    let nodes = graphml.split("<node id=\"").skip(1);
    let names: BTreeMap<&str, &str> =
        nodes.map(|node| (node.split('"').next().unwrap(), between(node, "<data key=\"name\">", "<"))).collect();
    let mut needs: Needs = names.values().map(|name| ((*name).to_owned(), BTreeSet::new())).collect();
    for edge in graphml.split("<edge ").skip(1) {
        let [from, to] = ["source=\"", "target=\""].map(|end| names[between(edge, end, "\"")]);
        needs.get_mut(from).unwrap().insert(to.to_owned());
    }
    needs
}

/// What is reached from a source package.
fn reached<'n>(needs: &'n Needs, from: &'n str) -> BTreeSet<&'n str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        open.extend(needs[at].iter().map(String::as_str).filter(|to| reached.insert(*to)));
    }
    reached
}

/// The sets of source packages that all need each other, and those that need themselves.
fn cycles(needs: &Needs) -> BTreeSet<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        needs.keys().map(|name| (name.as_str(), reached(needs, name))).collect();
    let cycle = |name: &str| reached[name].iter().copied().filter(|other| reached[other].contains(name)).collect();
    needs.keys().map(|name| cycle(name)).filter(|cycle: &BTreeSet<&str>| !cycle.is_empty()).collect()
}

fn members(cycle: &Cycle) -> BTreeSet<&str> {
    cycle.members.iter().map(|name| name.as_str()).collect()
}

/// Who needs whom within cycles.
fn edges<'n>(needs: &'n Needs, cycles: &BTreeSet<BTreeSet<&str>>) -> BTreeSet<(&'n str, &'n str)> {
    let all = needs.iter().flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())));
    all.filter(|(from, to)| cycles.iter().any(|cycle| cycle.contains(from) && cycle.contains(to))).collect()
}

#[tokio::test]
async fn botch_finds_the_same_cycles_of_real_sources() {
    let (packages, sources) = small().await;
    let mut yard = Yard::new(&packages, &sources);
    let (all, names): (_, Vec<String>) = (yard.sources.clone(), yard.sources.keys().cloned().collect());
    // All need each other; parts of them, with the others there, have smaller cycles.
    let (mut counts, mut report) = (Vec::new(), String::new());
    for part in [&names[..]].into_iter().chain(names.chunks(16)).chain(names.chunks(8)) {
        yard.sources.clone_from(&all);
        yard.sources.retain(|name, _| part.contains(name));
        let (needs, order) = (graph(&yard).await, ordered(&yard));
        let ours: BTreeSet<BTreeSet<&str>> = order.cycles.iter().map(members).collect();
        assert_eq!(cycles(&needs), ours, "of {part:?}");
        counts.push(ours.len());
        // Where several packages are enough for a relation, botch may take another one than apt.
        let theirs = edges(&needs, &ours);
        let edges = order.cycles.iter().flat_map(|cycle| &cycle.edges);
        let edges: BTreeSet<(&str, &str)> = edges.map(|edge| (edge.source.as_str(), edge.needs.as_str())).collect();
        let others: Vec<_> = edges.symmetric_difference(&theirs).collect();
        assert!(others.len() <= edges.len() / 50 + 1, "{} edges: {others:?}", edges.len());
        let sizes: Vec<usize> = ours.iter().map(BTreeSet::len).collect();
        writeln!(
            report,
            "{} source packages: cycles of {sizes:?}, {} edges, {others:?} in one only",
            part.len(),
            edges.len()
        )
        .unwrap();
    }
    assert!(counts.iter().any(|count| *count > 1), "{report}");
    note("cycles-of-some.md", &report);
}
