//! Source packages from the archives of this machine.

use std::fs;

use debbuild_core::{
    acquire::{
        ArchiveReader, Suite,
        source::{FetchedSource, SourceRequest, fetch_source},
    },
    context::Context,
    event::Unit,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
};

use super::{App, AppError, settle};

impl App {
    /// Opens the archives that make a suite: each Release verified and fresh.
    ///
    /// # Errors
    /// As [`App::archives`].
    pub async fn suites(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        suite: &SuiteName,
    ) -> Result<Vec<Suite>, AppError> {
        let step = cx.step(format!("open {suite}"), Unit::None, None);
        let opened = self.open_suites(step.context(), reader, suite).await;
        settle(step, opened)
    }

    async fn open_suites(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        suite: &SuiteName,
    ) -> Result<Vec<Suite>, AppError> {
        let host = self.archives(cx, reader, suite).await?;
        let mut opened = Vec::new();
        for archive in &host.archives {
            opened.push(reader.open(cx, archive).await?);
        }
        let names: Vec<String> = host.archives.iter().map(|archive| archive.suite.to_string()).collect();
        cx.note(format!("archives: {}", names.join(", ")));
        Ok(opened)
    }

    /// Fetches the newest (or the named) version of a source package of a suite, its updates and security suites, verified,
    /// as files in a folder, which is made where it is not there.
    ///
    /// # Errors
    /// Class `not-found` for an unknown package or version, `conflict` when a file is there with other content,
    /// `verification` and `infrastructure` as the archive gives them.
    pub async fn source_fetch(
        &self,
        cx: &Context,
        request: &SourceRequest,
        suite: &SuiteName,
        into: &AbsPath,
    ) -> Result<FetchedSource, AppError> {
        let reader = self.reader(cx).await?;
        let suites = self.suites(cx, &reader, suite).await?;
        fs::create_dir_all(into).at("create", into)?;
        let step = cx.step(format!("fetch {request}"), Unit::None, None);
        let fetched = fetch_source(step.context(), &suites, request, into).await;
        Ok(step.end(fetched)?)
    }
}
