//! The test twin: a commit is the digest of the laid-out tree and of what the request says about it.

use std::fs;

use async_trait::async_trait;
use debbuild_core::{
    command::{OutputSink, Stream},
    context::Context,
    digest::{KeyHasher, Sha256},
    path::{AbsPath, IoResultExt as _},
};

use super::{CommitRequest, CommitStore, OstreeError, lay_out};
use crate::rootfs::RootfsError;

/// Makes commits that no OSTree knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryCommits;

#[async_trait]
impl CommitStore for MemoryCommits {
    async fn commit(
        &self,
        cx: &Context,
        request: &CommitRequest,
        log: &mut dyn OutputSink,
        repo: &AbsPath,
    ) -> Result<Sha256, OstreeError> {
        let tree = lay_out(&request.rootfs, request.epoch, Vec::new(), cx.cancel())?;
        let mut key = KeyHasher::new("memory-commit");
        key.part("tree", Sha256::of(&tree).as_bytes()).part("subject", &request.subject);
        key.part("time", request.epoch.to_string()).part("version", request.version.as_deref().unwrap_or_default());
        let commit = key.finish();
        let refs = repo.join("refs/heads").descend(&request.reference).map_err(RootfsError::from)?;
        fs::create_dir_all(refs.parent()).at("create", &refs)?;
        fs::write(&refs, format!("{commit}\n")).at("write", &refs)?;
        log.write(Stream::Stdout, format!("{commit}\n").as_bytes()).at("log", &refs)?;
        Ok(commit)
    }
}
