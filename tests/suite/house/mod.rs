//! Tests that hold the house: its edges, the size of its rooms, and what must not stand in its files.

mod doors;
mod edges;
mod promises;
mod rooms;
mod seams;
mod words;

use std::{fs, path::Path, sync::LazyLock};

/// A text file of the tree.
struct Source {
    /// Its path below the top, with `/`.
    name: String,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.name.ends_with(".rs")
    }

    fn is_test(&self) -> bool {
        let test_folder = self.name.starts_with("tests/") || self.name.contains("/tests/");
        test_folder || self.name.ends_with("/tests.rs")
    }

    /// Whether it belongs to one of the four library crates.
    fn is_library(&self) -> bool {
        ["core", "chroot", "queue", "compose"]
            .iter()
            .any(|name| self.name.starts_with(&format!("debbuild-{name}/src/")))
    }
}

/// Every text file that belongs to the project: what git tracks or would add.
static TREE: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let mut found = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut found);
    assert!(found.len() > 20, "the tree was not found");
    found
});

fn collect(folder: &Path, prefix: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("folder is readable") {
        let entry = entry.expect("entry is readable");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("entry has a type");
        if kind.is_dir() {
            if !matches!(name.as_str(), "target" | ".git" | ".venv" | "__pycache__" | ".pytest_cache") {
                collect(&entry.path(), &format!("{path}/"), found);
            }
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            found.push(Source { name: path, text });
        }
    }
}

/// Fails with all findings at once.
fn none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
