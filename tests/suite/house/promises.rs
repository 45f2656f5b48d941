//! What the documents promise: every test that they name exists.

use super::{TREE, none};

#[test]
fn every_test_that_the_architecture_names_exists() {
    let page = TREE.iter().find(|file| file.name == "docs/architecture.md").expect("docs/architecture.md exists");
    let invariants = page.text.split("## Invariants").nth(1).expect("the page has its invariants");
    let named = invariants.split("Test: `").skip(1).chain(invariants.split("Tests: `").skip(1));
    let names: Vec<&str> = named.filter_map(|rest| rest.split('`').next()).collect();
    assert!(!names.is_empty(), "the invariants name no test");
    let exists = |name: &str| TREE.iter().any(|file| file.text.contains(&format!("fn {name}(")));
    none("tests that do not exist", names.into_iter().filter(|name| !exists(name)).map(str::to_owned).collect());
}
