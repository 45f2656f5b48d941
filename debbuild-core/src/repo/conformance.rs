//! What every [`PublishTarget`] must do, given an empty one and a scratch folder.

use bytes::Bytes;

use super::{Placement, Placing, PublishTarget, RepoError, StateId, TreeContent, TreeFile};
use crate::{
    context::Context,
    digest::Sha256,
    name::{PoolPath, SuiteName},
    path::AbsPath,
};

fn path(text: &str) -> PoolPath {
    PoolPath::new(text).expect("a good path")
}

fn suite(text: &str) -> SuiteName {
    SuiteName::new(text).expect("a good suite")
}

fn placement(scratch: &AbsPath, name: &str, content: &[u8], promised: &[u8], how: Placing) -> Placement {
    let file = scratch.child(name).expect("a good name");
    std::fs::write(&file, content).expect("the scratch folder takes files");
    Placement::new(path("pool/main/a/a/a_1_all.deb"), file, promised.len() as u64, Sha256::of(promised), how)
}

fn tree(text: &'static str) -> Vec<TreeFile> {
    vec![
        TreeFile::new(path("main/Packages"), TreeContent::Bytes(Bytes::from_static(text.as_bytes()))),
        TreeFile::new(path(&format!("main/by-hash/{text}")), TreeContent::SameAs(path("main/Packages"))),
    ]
}

/// A pool path has one content for ever, and only what was promised.
///
/// # Panics
/// When the target does not conform.
pub async fn pool(target: &dyn PublishTarget, scratch: &AbsPath) {
    let cx = Context::new();
    for how in [Placing::Copy, Placing::Link] {
        let wrong = placement(scratch, "wrong", b"not it", b"it", how);
        let result = target.place(&cx, &[wrong]).await;
        assert!(matches!(result, Err(RepoError::Mismatch { .. })), "{result:?}");
        assert_eq!(target.read(&cx, &path("pool/main/a/a/a_1_all.deb")).await.expect("it can be read"), None);
    }
    let first = placement(scratch, "first", b"it", b"it", Placing::Copy);
    target.place(&cx, &[first.clone(), first.clone()]).await.expect("the file is placed");
    let linked = placement(scratch, "linked", b"it", b"it", Placing::Link);
    target.place(&cx, &[linked]).await.expect("the same file is no conflict");
    std::fs::write(&first.file, b"changed").expect("the scratch folder takes files");
    let other = placement(scratch, "other", b"another", b"another", Placing::Copy);
    let result = target.place(&cx, &[other]).await;
    assert!(matches!(result, Err(RepoError::Conflict { .. })), "{result:?}");
    let stat = target.stat(&cx, &first.path).await.expect("it can be read");
    assert_eq!(stat, Some((2, Sha256::of(b"it"))), "placed files are copies");
}

/// A tree is seen only after the switch, then all of it, and earlier trees can be taken from.
///
/// # Panics
/// When the target does not conform.
pub async fn trees(target: &dyn PublishTarget) {
    let cx = Context::new();
    for suite in [suite("stable"), suite("stable-updates/main")] {
        let (one, two) = (StateId::new(1), StateId::new(2));
        let read =
            async |name: &str| target.read(&cx, &path(&format!("dists/{suite}/{name}"))).await.expect("it can be read");
        assert_eq!(target.current(&cx, &suite).await.expect("it answers"), None);
        let missing = target.switch(&cx, &suite, one).await;
        assert!(matches!(missing, Err(RepoError::NoState { .. })), "{missing:?}");
        target.stage(&cx, &suite, one, &tree("interrupted")).await.expect("the tree is staged");
        target.stage(&cx, &suite, one, &tree("one")).await.expect("an interrupted run can be repeated");
        assert_eq!(read("main/Packages").await, None, "a staged tree is not seen");
        target.switch(&cx, &suite, one).await.expect("it switches");
        assert_eq!(target.current(&cx, &suite).await.expect("it answers"), Some(one));
        assert_eq!(read("main/Packages").await.as_deref(), Some(&b"one"[..]));
        assert_eq!(read("main/by-hash/one").await.as_deref(), Some(&b"one"[..]));
        assert_eq!(read("main/by-hash/interrupted").await, None);
        let again = target.stage(&cx, &suite, one, &tree("other")).await;
        assert!(matches!(again, Err(RepoError::Current { .. })), "{again:?}");

        let mut second = tree("two");
        second.push(TreeFile::new(path("main/by-hash/one"), TreeContent::Earlier(one, path("main/Packages"))));
        target.stage(&cx, &suite, two, &second).await.expect("the tree is staged");
        assert_eq!(read("main/Packages").await.as_deref(), Some(&b"one"[..]));
        target.switch(&cx, &suite, two).await.expect("it switches");
        target.prune(&cx, &suite, &[]).await.expect("it prunes");
        assert_eq!(read("main/Packages").await.as_deref(), Some(&b"two"[..]));
        assert_eq!(read("main/by-hash/one").await.as_deref(), Some(&b"one"[..]));
        let gone = target.switch(&cx, &suite, one).await;
        assert!(matches!(gone, Err(RepoError::NoState { .. })), "{gone:?}");
    }
}
