//! What every [`PublishTarget`] must do, given an empty one and a scratch folder.

use bytes::Bytes;

use super::{Placement, Placing, PublishTarget, RepoError, StateId, TreeContent, TreeFile};
use crate::{
    context::Context,
    digest::Sha256,
    name::{PoolPath, SuiteName},
    path::AbsPath,
};

/// All of it, on an empty target.
///
/// # Panics
/// When the target does not conform.
pub async fn all(target: &dyn PublishTarget, scratch: &AbsPath) {
    std::fs::create_dir_all(scratch).expect("a scratch folder can be made");
    pool(target, scratch).await;
    large(target, scratch, 100_000).await;
    thinning(target, scratch).await;
    trees(target).await;
    by_time(target).await;
}

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

/// The pool can be listed and thinned out.
///
/// # Panics
/// When the target does not conform.
pub async fn thinning(target: &dyn PublishTarget, scratch: &AbsPath) {
    let cx = Context::new();
    let mut files = Vec::new();
    for name in ["one", "two", "three"] {
        let mut file = placement(scratch, name, name.as_bytes(), name.as_bytes(), Placing::Copy);
        file.path = path(&format!("pool/thin/{name}/{name}_1~a+b_all.deb"));
        files.push(file);
    }
    target.place(&cx, &files).await.expect("the files are placed");
    let listed = async || {
        let mut listed = target.pool(&cx).await.expect("the pool is listed");
        listed.retain(|(path, _)| path.as_str().starts_with("pool/thin/"));
        listed.sort();
        listed
    };
    let [one, two, three] = [&files[0], &files[1], &files[2]].map(|file| (file.path.clone(), file.size));
    assert_eq!(listed().await, [one.clone(), three.clone(), two.clone()]);
    target.remove(&cx, &[one.0.clone(), three.0]).await.expect("they are removed");
    target.remove(&cx, &[one.0]).await.expect("what is gone is gone");
    assert_eq!(listed().await, [two]);
}

/// States are reachable by time for as long as their trees stay.
///
/// # Panics
/// When the target does not conform.
pub async fn by_time(target: &dyn PublishTarget) {
    const THEN: &str = "20250510T091605Z";
    const LATER: &str = "20250511T091605Z";
    let cx = Context::new();
    let (one, two) = (StateId::new(1), StateId::new(2));
    let (mine, other) = (suite("timed"), suite("timed-updates/main"));
    let read = async |name: &str| target.read(&cx, &path(name)).await.expect("it can be read");
    let at = |suite: &SuiteName, time: &str, below: &str| {
        format!("{}/{below}", target.timed(suite, time).expect("a good path"))
    };
    let missing = target.expose(&cx, &mine, one, THEN).await;
    assert!(matches!(missing, Err(RepoError::NoState { .. })), "{missing:?}");
    for (suite, text) in [(&other, "other"), (&mine, "one")] {
        target.stage(&cx, suite, one, &tree(text)).await.expect("the tree is staged");
        target.switch(&cx, suite, one).await.expect("it switches");
    }
    for _again in 0..2 {
        target.expose(&cx, &mine, one, THEN).await.expect("it is exposed");
    }
    target.stage(&cx, &mine, two, &tree("two")).await.expect("the tree is staged");
    target.switch(&cx, &mine, two).await.expect("it switches");
    target.expose(&cx, &mine, two, LATER).await.expect("it is exposed");
    for (name, text) in [
        ("dists/timed/InRelease".to_owned(), "two"),
        (at(&mine, LATER, "InRelease"), "two"),
        (at(&mine, THEN, "main/Packages"), "one"),
        (at(&mine, THEN, "main/by-hash/one"), "one"),
    ] {
        assert_eq!(read(&name).await.as_deref(), Some(text.as_bytes()), "{name}");
    }
    // Where a whole archive lies at that time, the other suites are in it.
    let others = at(&other, THEN, "InRelease");
    let is_whole = others.starts_with("snapshots/");
    assert_eq!(read(&others).await.is_some(), is_whole);
    target.prune(&cx, &mine, &[one]).await.expect("it prunes");
    assert!(read(&at(&mine, THEN, "InRelease")).await.is_some());
    target.prune(&cx, &mine, &[]).await.expect("it prunes");
    assert_eq!(read(&at(&mine, THEN, "InRelease")).await, None);
    assert_eq!(read(&at(&mine, THEN, "main/Packages")).await, None);
    assert_eq!(read(&others).await.is_some(), is_whole);
    assert!(read(&at(&mine, LATER, "InRelease")).await.is_some());
}

fn tree(text: &'static str) -> Vec<TreeFile> {
    vec![
        TreeFile::new(path("main/Packages"), TreeContent::Bytes(Bytes::from_static(text.as_bytes()))),
        TreeFile::new(path(&format!("main/by-hash/{text}")), TreeContent::SameAs(path("main/Packages"))),
        TreeFile::new(path("InRelease"), TreeContent::Bytes(Bytes::from_static(text.as_bytes()))),
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

/// A file that no single request or buffer takes is placed whole.
///
/// # Panics
/// When the target does not conform.
pub async fn large(target: &dyn PublishTarget, scratch: &AbsPath, size: usize) {
    let cx = Context::new();
    let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
    let mut wrong = placement(scratch, "large", &content, &content, Placing::Copy);
    wrong.path = path("pool/main/l/large/large_1~a+b_all.deb");
    let right = wrong.clone();
    wrong.sha256 = Sha256::of(b"another");
    let result = target.place(&cx, &[wrong]).await;
    assert!(matches!(result, Err(RepoError::Mismatch { .. })), "{result:?}");
    target.place(&cx, std::slice::from_ref(&right)).await.expect("the file is placed");
    let stat = target.stat(&cx, &right.path).await.expect("it can be read");
    assert_eq!(stat, Some((right.size, right.sha256)));
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
        assert_eq!(target.trees(&cx, &suite).await.expect("it answers"), [one, two]);
        target.switch(&cx, &suite, two).await.expect("it switches");
        assert_eq!(read("InRelease").await.as_deref(), Some(&b"two"[..]));
        target.switch(&cx, &suite, two).await.expect("a switch can be repeated");
        target.prune(&cx, &suite, &[]).await.expect("it prunes");
        assert_eq!(target.trees(&cx, &suite).await.expect("it answers"), [two]);
        assert_eq!(read("main/Packages").await.as_deref(), Some(&b"two"[..]));
        assert_eq!(read("main/by-hash/one").await.as_deref(), Some(&b"one"[..]));
        let gone = target.switch(&cx, &suite, one).await;
        assert!(matches!(gone, Err(RepoError::NoState { .. })), "{gone:?}");
    }
}
