//! Commits by ostree(1): the laid-out tarball goes straight into an archive repository.

use std::{fs, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    blocking,
    command::{Capture, CommandRunner, CommandSpec, OutputSink, Tee},
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

use super::{CommitRequest, CommitStore, OstreeError, lay_out};
use crate::rootfs::{RootfsError, tarball};

/// The name of the laid-out tarball, beside the repository while it is made.
const TREE: &str = "tree.tar";

/// Commits by the command `ostree`.
#[derive(Debug)]
pub struct OstreeCommits {
    runner: Arc<dyn CommandRunner>,
}

impl OstreeCommits {
    /// Commits with this runner.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>) -> Self {
        Self { runner }
    }

    async fn ostree(
        &self,
        cx: &Context,
        step: &'static str,
        args: Vec<String>,
        log: &mut dyn OutputSink,
    ) -> Result<String, OstreeError> {
        let spec = CommandSpec::new("ostree").with_arg(step).with_args(args);
        let mut capture = Capture::default();
        let exit = self.runner.run(cx, &spec, &mut Tee(log, &mut capture)).await?;
        if exit.success() {
            return Ok(String::from_utf8_lossy(&capture.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&capture.stderr);
        Err(OstreeError::Ostree { step, reason: format!("{exit}: {}", said.trim()) })
    }
}

/// The arguments of `ostree commit`. Pure.
pub(super) fn commit_args(request: &CommitRequest, repo: &AbsPath, tree: &AbsPath) -> Vec<String> {
    let mut args = vec![
        format!("--repo={repo}"),
        format!("--branch={}", request.reference),
        format!("--subject={}", request.subject),
        format!("--timestamp=@{}", request.epoch.seconds()),
        // The cache makes everything durable with one syncfs.
        "--fsync=false".to_owned(),
        format!("--tree=tar={tree}"),
    ];
    args.extend(request.version.iter().map(|version| format!("--add-metadata-string=version={version}")));
    args
}

#[async_trait]
impl CommitStore for OstreeCommits {
    async fn commit(
        &self,
        cx: &Context,
        request: &CommitRequest,
        log: &mut dyn OutputSink,
        repo: &AbsPath,
    ) -> Result<Sha256, OstreeError> {
        let tree = repo.parent().child(TREE).map_err(RootfsError::from)?;
        let (source, target, epoch, cancel) =
            (request.rootfs.clone(), tree.clone(), request.epoch, cx.cancel().clone());
        blocking::run(move || {
            let file = lay_out(&source, epoch, tarball::create(&target)?, &cancel)?;
            file.into_inner().map_err(std::io::IntoInnerError::into_error).at("write", &target)?;
            Ok::<_, RootfsError>(())
        })
        .await?;
        self.ostree(cx, "init", vec![format!("--repo={repo}"), "--mode=archive".to_owned()], log).await?;
        // The fastest level costs 8 % of size and saves most of the time; the checksum is the same.
        let level = ["set", "archive.zlib-level", "1"].map(str::to_owned);
        self.ostree(cx, "config", [vec![format!("--repo={repo}")], level.to_vec()].concat(), log).await?;
        let said = self.ostree(cx, "commit", commit_args(request, repo, &tree), log).await?;
        fs::remove_file(&tree).at("remove", &tree)?;
        said.parse().map_err(|_| OstreeError::Ostree { step: "commit", reason: format!("not a checksum: {said:?}") })
    }
}
