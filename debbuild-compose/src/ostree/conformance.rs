//! What every [`CommitStore`] must do, given a request whose root file system can be committed.

use std::fs;

use debbuild_core::{command::Discard, context::Context, path::AbsPath};

use super::{CommitRequest, CommitStore};

/// The ref points to the commit, the same request gives the same checksum, another subject another.
///
/// # Panics
/// When the store does not conform.
pub async fn commits_are_reproducible(store: &dyn CommitStore, request: &CommitRequest, scratch: &AbsPath) {
    let cx = Context::new();
    let mut commits = Vec::new();
    let other = request.clone().with_subject("another subject");
    for (name, request) in [("one", request), ("two", request), ("three", &other)] {
        let repo = scratch.child(name).and_then(|folder| folder.child("repo")).expect("plain names");
        fs::create_dir_all(&repo).expect("scratch can be written");
        let commit = store.commit(&cx, request, &mut Discard, &repo).await.expect("it commits");
        let reference = repo.join("refs/heads").descend(&request.reference).expect("a ref");
        assert_eq!(fs::read_to_string(reference).expect("the ref is there").trim(), commit.to_string());
        commits.push(commit);
    }
    assert_eq!(commits[0], commits[1]);
    assert_ne!(commits[0], commits[2]);
}
