//! Every public trait has a test twin and a conformance suite beside it, and libraries keep to themselves.

use super::{TREE, none};

/// Seams whose traits need no suite of their own, with the reason.
const EXEMPT: &[(&str, &str)] = &[
    ("debbuild-core/src/event/mod.rs", "a reporter may drop anything, so there is nothing that all must do"),
    ("debbuild-queue/src/api/v1/mod.rs", "its one implementation is in process, over stores that run one suite"),
];

#[test]
fn invariant_4_every_seam_has_a_twin_and_a_conformance_suite() {
    let mut missing = Vec::new();
    let seams = TREE.iter().filter(|file| file.is_library() && file.name.ends_with("/mod.rs"));
    for file in seams.filter(|file| !EXEMPT.iter().any(|(name, _)| *name == file.name)) {
        let traits = file.text.lines().filter_map(|line| line.strip_prefix("pub trait "));
        let seam = traits.map(|rest| rest.split([':', ' ', '<']).next().unwrap_or_default());
        let Some(seam) = seam.into_iter().find(|name| !name.ends_with("Ext")) else { continue };
        let folder = file.name.trim_end_matches("mod.rs");
        let has = |name: &str| TREE.iter().any(|other| other.name.starts_with(&format!("{folder}{name}")));
        if !has("conformance") {
            missing.push(format!("{seam} ({folder}) has no conformance.rs"));
        }
        if !["memory", "scripted", "recording"].iter().any(|twin| has(twin)) {
            missing.push(format!("{seam} ({folder}) has no twin"));
        }
    }
    none("seams without twin or suite", missing);
}

#[test]
fn invariant_1_libraries_neither_print_nor_read_the_surroundings() {
    const FORBIDDEN: &[&str] =
        &["println!", "eprintln!", "print!(", "std::env::", "env::var", "process::exit", "signal::ctrl_c", "set_hook("];
    let mut found = Vec::new();
    for file in TREE.iter().filter(|file| file.is_rust() && file.is_library() && !file.is_test()) {
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if FORBIDDEN.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", file.name, number + 1, line.trim()));
            }
        }
    }
    none("libraries that reach out", found);
}

#[test]
fn no_test_is_silenced() {
    let mut found = Vec::new();
    for file in TREE.iter().filter(|file| file.is_rust() && !file.name.starts_with("tests/suite/house/")) {
        for (number, line) in file.text.lines().enumerate() {
            if ["#[ignore", "todo!(", "unimplemented!(", "dbg!("].iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", file.name, number + 1, line.trim()));
            }
        }
    }
    none("silenced tests and stubs", found);
}
