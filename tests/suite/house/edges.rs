//! Dependency edges between the crates, and what the libraries never pull.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

const ALLOWED: &[(&str, &[&str])] = &[
    ("debbuild-core", &[]),
    ("debbuild-chroot", &["debbuild-core"]),
    ("debbuild-queue", &["debbuild-core"]),
    ("debbuild-compose", &["debbuild-core", "debbuild-chroot"]),
    ("debbuild-cli", &["debbuild-core", "debbuild-chroot", "debbuild-queue", "debbuild-compose"]),
    ("debbuild-py", &["debbuild-core", "debbuild-chroot", "debbuild-queue", "debbuild-compose", "debbuild-cli"]),
];

#[test]
fn crates_see_only_what_the_architecture_allows() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    for package in &metadata.packages {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name.as_str()) else {
            assert_eq!(package.name.as_str(), "debbuild-suite", "a crate that the architecture does not know");
            continue;
        };
        let normal = package.dependencies.iter().filter(|edge| edge.kind == DependencyKind::Normal);
        let ours = normal.filter(|edge| edge.name.starts_with("debbuild-"));
        for edge in ours {
            assert!(allowed.contains(&edge.name.as_str()), "{} must not depend on {}", package.name, edge.name);
            let feature_only = package.name.as_str() == "debbuild-compose" && edge.name == "debbuild-chroot";
            assert!(!feature_only || edge.optional, "compose sees chroot only behind its feature rootfs");
        }
    }
}

#[test]
fn libraries_by_default_pull_no_doors() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    let resolve = metadata.resolve.as_ref().expect("metadata has a graph");
    let nodes = |id: &cargo_metadata::PackageId| resolve.nodes.iter().find(|node| node.id == *id);
    for library in ["debbuild-core", "debbuild-chroot", "debbuild-queue", "debbuild-compose"] {
        let start = metadata.packages.iter().find(|package| package.name.as_str() == library).expect("crate exists");
        let (mut seen, mut todo) = (BTreeSet::new(), vec![start.id.clone()]);
        while let Some(id) = todo.pop() {
            if seen.insert(id.clone()) {
                let normal = nodes(&id)
                    .into_iter()
                    .flat_map(|node| &node.deps)
                    .filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
                todo.extend(normal.map(|edge| edge.pkg.clone()));
            }
        }
        for package in metadata.packages.iter().filter(|package| seen.contains(&package.id)) {
            let name = package.name.as_str();
            assert!(!matches!(name, "axum" | "pyo3" | "clap" | "indicatif"), "{library} pulls {name}");
        }
    }
}

#[test]
fn licences_are_permissive_and_banned_crates_are_absent() {
    const FREE: &[&str] = &[
        "MIT",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "0BSD",
        "CC0-1.0",
        "Unlicense",
        "BSL-1.0",
        "Unicode-3.0",
        "CDLA-Permissive-2.0",
        "bzip2-1.0.6",
        "MIT-0",
    ];
    const BANNED: &[&str] = &["ar", "tokio-tar", "async-tar", "serde_yml", "aws-lc-rs", "aws-lc-sys", "openssl-sys"];
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    for package in &metadata.packages {
        let name = package.name.as_str();
        assert!(!BANNED.contains(&name), "{name} is banned");
        let licence = package.license.as_deref().unwrap_or("none").replace(['(', ')'], "").replace('/', " OR ");
        let fine = licence.split(" AND ").all(|part| part.split(" OR ").any(|one| FREE.contains(&one.trim())));
        let free = fine || licence.split(" OR ").any(|one| FREE.contains(&one.trim()));
        assert!(free, "{name} has the licence {licence}");
    }
}
