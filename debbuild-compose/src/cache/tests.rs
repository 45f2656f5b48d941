//! Outputs are kept whole, found checked, and never half.

use super::*;
use crate::{
    blueprint::DeliverableKind,
    plan::{NodeSpec, PackageSets, Placement, Plan},
};

fn node() -> PlannedNode {
    let spec = NodeSpec::new("base/x", "test/1", Placement::new("base", DeliverableKind::Iso, false));
    Plan::new(vec![spec], &PackageSets::default()).unwrap().nodes.remove(0)
}

#[test]
fn invariant_6_an_output_is_kept_whole_or_not_at_all() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let cache = NodeCache::open(AbsPath::new(folder.path()).unwrap()).unwrap();
    let node = node();
    assert_eq!(cache.find(node.key).unwrap(), Found::Nothing);
    let draft = cache.draft(node.key, "one").unwrap();
    fs::write(draft.output.join("file"), b"half").unwrap();
    assert_eq!(cache.find(node.key).unwrap(), Found::Nothing);
    cache.clear("one").unwrap();
    assert!(!draft.output.as_std().exists());

    let draft = cache.draft(node.key, "one").unwrap();
    fs::write(draft.output.join("file"), b"whole").unwrap();
    let facts = Facts::from([("size".to_owned(), "5".to_owned())]);
    let kept = cache.keep(draft, &node, facts, 3).unwrap();
    assert_eq!(cache.find(node.key).unwrap(), Found::Stored(Box::new(kept.clone())));
    assert_eq!(kept.files().collect::<Vec<_>>(), [("file", 5, Sha256::of(b"whole"))]);

    let file = kept.output.join("file");
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"wrong").unwrap();
    assert_eq!(cache.find(node.key).unwrap(), Found::Damaged);
    let draft = cache.draft(node.key, "two").unwrap();
    fs::write(draft.output.join("file"), b"whole").unwrap();
    cache.keep(draft, &node, Facts::new(), 1).unwrap();
    assert!(matches!(cache.find(node.key).unwrap(), Found::Stored(_)));
}

#[test]
fn the_first_time_of_a_set_stays() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let cache = NodeCache::open(AbsPath::new(folder.path()).unwrap()).unwrap();
    let content = Sha256::of(b"set");
    assert_eq!(cache.epoch(content), None);
    cache.note_epoch(content, Timestamp::from_seconds(5)).unwrap();
    cache.note_epoch(content, Timestamp::from_seconds(9)).unwrap();
    assert_eq!(cache.epoch(content), Some(Timestamp::from_seconds(5)));
    assert_eq!(cache.last_plan("none").unwrap(), PlanRecord::default());
}
