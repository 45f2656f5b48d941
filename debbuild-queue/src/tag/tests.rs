//! Which builds a tag offers.

use debbuild_core::{
    build::{BuildRecord, BuilderInfo},
    clock::Timestamp,
};

use super::{Layer, merge};
use crate::model::{AttemptId, Build, BuildId, TagName, TaskId};

fn build(number: i64, source: &str, version: &str, architecture: &str) -> Build {
    let nothing = String::new;
    let builder = BuilderInfo { tool: nothing(), version: nothing(), backend: nothing(), isolation: nothing() };
    let record = BuildRecord::new(source, version, architecture, "sid", builder);
    let attempt = AttemptId { task: TaskId::new(number), number: 1 };
    Build::new(BuildId::new(number), attempt, Timestamp::from_seconds(0), record)
}

fn numbers(layers: &[Layer]) -> Vec<i64> {
    merge(layers).iter().map(|content| content.build.id.get()).collect()
}

#[test]
fn versions_of_one_source_are_never_mixed() {
    let tag = TagName::new("t").unwrap();
    let both = vec![build(1, "a", "1", "amd64"), build(2, "a", "1", "arm64")];
    assert_eq!(numbers(&[Layer::new(tag.clone(), both.clone(), vec![])]), [1, 2]);
    let newer = [both, vec![build(3, "a", "2", "amd64")]].concat();
    assert_eq!(numbers(&[Layer::new(tag.clone(), newer.clone(), vec![])]), [3]);
    let all = [newer, vec![build(4, "a", "2", "arm64"), build(5, "a", "2", "amd64")]].concat();
    assert_eq!(numbers(&[Layer::new(tag, all, vec![])]), [5, 4]);
}

#[test]
fn the_nearest_layer_decides() {
    let name = |text: &str| TagName::new(text).unwrap();
    let near = Layer::new(name("near"), vec![build(1, "a", "1", "amd64")], vec!["c".to_owned()]);
    let middle = Layer::new(name("middle"), vec![build(2, "b", "1", "amd64")], vec![]);
    let far = vec![build(3, "a", "9", "arm64"), build(4, "b", "9", "amd64"), build(5, "c", "1", "amd64")];
    assert_eq!(numbers(&[near, middle, Layer::new(name("far"), far, vec![])]), [1, 2]);
}
