//! What must not stand in the tree: hosts of registries and mirrors, paths of somebody's machine.

use super::{TREE, none};

/// Each is written in two halves, so that this file does not find itself.
fn forbidden() -> Vec<String> {
    let halves = [
        ("deb.deb", "ian.org"),
        ("security.deb", "ian.org"),
        ("ftp.deb", "ian.org"),
        ("archive.ubu", "ntu.com"),
        ("snapshot.deb", "ian.org"),
        ("static.cra", "tes.io"),
        ("index.cra", "tes.io"),
        ("pypi.", "org"),
        ("pythonho", "sted."),
        ("registry.np", "mjs"),
        ("/root", "/."),
        ("/home", "/user"),
    ];
    halves.iter().map(|(a, b)| format!("{a}{b}")).collect()
}

#[test]
fn no_registry_no_mirror_no_home() {
    let words = forbidden();
    let mut found = Vec::new();
    for file in TREE.iter().filter(|file| !file.name.ends_with("Cargo.lock") && !file.name.starts_with("LICENSE")) {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{}: {word}", file.name, number + 1));
            }
        }
    }
    none("hosts and paths that belong to one machine", found);
}
