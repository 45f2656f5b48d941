//! What the documents promise: every test that they name exists.

use super::{TREE, none};

#[test]
fn every_test_that_the_architecture_names_exists() {
    let page = TREE.iter().find(|file| file.name == "docs/architecture.md").expect("docs/architecture.md exists");
    let invariants = page.text.split("## Invariants").nth(1).expect("the page has its invariants");
    let named = invariants.lines().filter_map(|line| line.split_once("Test").map(|(_, tests)| tests));
    let names: Vec<&str> = named.flat_map(|tests| tests.split('`').skip(1).step_by(2)).collect();
    assert!(!names.is_empty(), "the invariants name no test");
    let exists = |name: &str| TREE.iter().any(|file| file.text.contains(&format!(" {name}(")));
    none("tests that do not exist", names.into_iter().filter(|name| !exists(name)).map(str::to_owned).collect());
}

#[test]
fn every_proof_of_acceptance_exists() {
    let text =
        |name: &str| TREE.iter().find(|file| file.name == name).map(|file| file.text.as_str()).expect("it exists");
    let rows = text("docs/acceptance.md").lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "));
    let proofs: Vec<&str> = rows.flat_map(|(_, proofs)| proofs.split('`').skip(1).step_by(2)).collect();
    assert!(proofs.len() > 10, "the page names its proofs");
    let scripts = ["tests/run.sh", "tests/host/tools.sh", "tests/support/full.sh"].map(text).concat();
    let is_part =
        |name: &str| scripts.contains(&format!("part {name} ")) || scripts.contains(&format!("part \"{name}\" "));
    let is_test = |name: &str| TREE.iter().any(|file| file.is_rust() && file.text.contains(&format!("fn {name}(")));
    let missing = proofs.into_iter().filter(|name| !is_part(name) && !is_test(name));
    none("proofs that do not exist", missing.map(str::to_owned).collect());
}

/// The commands in the last column of the tables of docs/seeds.md, each as its words without options.
fn seed_commands() -> Vec<Vec<String>> {
    let page = TREE.iter().find(|file| file.name == "docs/seeds.md").expect("docs/seeds.md exists");
    let cells = page.text.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | ").map(|(_, cell)| cell));
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let words = quoted.filter_map(|text| text.strip_prefix("debbuild "));
    words.map(|rest| rest.split_whitespace().map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn every_command_that_the_seeds_name_exists() {
    let commands = seed_commands();
    assert!(commands.len() > 20, "the page names its commands");
    let user = debbuild_suite::debbuild::Sandbox::new();
    let mut missing = Vec::new();
    for words in commands {
        let ran = user.run(words.iter().map(String::as_str).chain(["--help"])).await;
        if ran.status != 0 {
            missing.push(words.join(" "));
        }
    }
    none("commands that do not exist", missing);
}
