//! For tests: random universes of a few packages, and Debian's rules once more, as plainly as they can be said.

use std::{collections::HashSet, sync::Arc};

use proptest::prelude::*;

use super::{By, Install, PRIORITY, PackageIndex, PackageVersion, Question, Universe, UniverseOptions};
use crate::{
    arch::Architecture,
    control::{BinaryPackage, MultiArch},
    relation::{Alternatives, Qualifier, Relation, Relations},
};

pub(super) fn stanza(name: &str, version: &str, architecture: &str, more: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{more}Filename: pool/{name}.deb\nSize: 1\n\
         SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\n"
    )
}

pub(super) fn index(stanzas: &[String]) -> Arc<PackageIndex> {
    let index = PackageIndex::parse("x", stanzas.concat());
    assert!(index.problems().is_empty(), "{:?}", index.problems());
    Arc::new(index)
}

pub(super) fn options() -> UniverseOptions {
    let arch = |name| Architecture::new(name).unwrap();
    UniverseOptions::new(arch("amd64")).with_foreign(vec![arch("i386")])
}

pub(super) fn universe(stanzas: &[String]) -> Universe {
    Universe::new(options(), [(index(stanzas), PRIORITY)])
}

pub(super) fn install(seeds: &str) -> Question {
    Question::Install(Install::new(Relations::parse(seeds).unwrap()))
}

/// A relation field about the packages of a small universe.
pub(super) fn field(name: &'static str, most: usize) -> impl Strategy<Value = String> {
    let qualifier = prop::option::weighted(0.05, prop::sample::select(vec![":any", ":native", ":i386", ":amd64"]));
    let version = prop::option::weighted(0.25, "(<<|<=|=|>=|>>) [1-3]");
    let relation = ("p[a-d]", qualifier, version).prop_map(|(name, qualifier, version)| {
        let version = version.map(|version| format!(" ({version})"));
        format!("{name}{}{}", qualifier.unwrap_or_default(), version.unwrap_or_default())
    });
    let group = prop::collection::vec(relation, 1..3).prop_map(|group| group.join(" | "));
    prop::collection::vec(group, 0..=most).prop_map(move |groups| match (groups.len(), name) {
        (0, _) => String::new(),
        (_, "Conflicts" | "Breaks") => format!("{name}: {}\n", groups.join(", ").replace(" | ", ", ")),
        _ => format!("{name}: {}\n", groups.join(", ")),
    })
}

pub(super) fn package() -> impl Strategy<Value = String> {
    let provides = prop::option::weighted(0.4, ("p[a-d]", prop::option::of("[1-3]")));
    let provides = provides.prop_map(|provides| match provides {
        None => String::new(),
        Some((name, None)) => format!("Provides: {name}\n"),
        Some((name, Some(version))) => format!("Provides: {name} (= {version})\n"),
    });
    let architecture = prop::sample::select(vec!["amd64", "amd64", "amd64", "amd64", "all", "i386"]);
    let multi =
        prop::sample::select(vec!["", "", "Multi-Arch: foreign\n", "Multi-Arch: allowed\n", "Multi-Arch: same\n"]);
    let fields = (field("Pre-Depends", 1), field("Depends", 2), field("Conflicts", 2), field("Breaks", 1), provides);
    ("p[a-d]", "[1-3]", architecture, multi, fields).prop_map(|(name, version, architecture, multi, fields)| {
        let multi = if architecture == "all" && multi.contains("same") { "" } else { multi };
        let (pre, depends, conflicts, breaks, provides) = fields;
        stanza(&name, &version, architecture, &format!("{multi}{pre}{depends}{conflicts}{breaks}{provides}"))
    })
}

/// Universes of up to 8 packages in which a version of a package is there once.
pub(super) fn universes() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(package(), 3..9).prop_map(|packages| {
        let mut seen = HashSet::new();
        let mut once = |stanza: &String| seen.insert(stanza.lines().take(3).map(str::to_owned).collect::<Vec<_>>());
        packages.into_iter().filter(|stanza| once(stanza)).collect()
    })
}

/// The rules once more, as plainly as they can be said.
pub(super) struct Rules {
    pub(super) packages: Vec<BinaryPackage>,
    pub(super) seeds: Relations,
}

pub(super) fn is_native(architecture: &Architecture) -> bool {
    architecture.as_str() != "i386"
}

impl Rules {
    pub(super) fn is(package: &BinaryPackage, named: &PackageVersion) -> bool {
        (&package.package, &package.version, &package.architecture)
            == (&named.package, &named.version, &named.architecture)
    }

    pub(super) fn find(&self, named: &PackageVersion) -> usize {
        self.packages.iter().position(|package| Self::is(package, named)).expect("the package is there")
    }

    /// The package that asks; `None` for the question.
    pub(super) fn asker(&self, by: &By) -> Option<usize> {
        by.package().map(|package| self.find(package))
    }

    pub(super) fn has_name_and_version(package: &BinaryPackage, relation: &Relation) -> bool {
        let constraint = relation.constraint.as_ref();
        let own = package.package == relation.package
            && constraint.is_none_or(|constraint| constraint.accepts(&package.version));
        let provided = package.relations.provides.iter().flat_map(|group| &group.0);
        own || provided.filter(|provided| provided.package == relation.package).any(|provided| {
            constraint.is_none_or(|constraint| {
                provided.constraint.as_ref().is_some_and(|provided| constraint.accepts(&provided.version))
            })
        })
    }

    pub(super) fn satisfies(&self, at: usize, relation: &Relation, by: Option<usize>) -> bool {
        let package = &self.packages[at];
        let context = by.is_none_or(|by| is_native(&self.packages[by].architecture));
        let native = is_native(&package.architecture);
        Self::has_name_and_version(package, relation)
            && match &relation.qualifier {
                None => native == context || package.multi_arch == MultiArch::Foreign,
                Some(Qualifier::Any) => package.multi_arch == MultiArch::Allowed,
                Some(Qualifier::Native) => native,
                Some(Qualifier::Architecture(wanted)) => native == is_native(wanted),
            }
    }

    pub(super) fn meets(&self, at: usize, group: &Alternatives, by: Option<usize>) -> bool {
        group.0.iter().any(|relation| self.satisfies(at, relation, by))
    }
}
