//! The strict test twin of a builder: answers only for sources that it was told about.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use debbuild_core::{
    blob::BlobStore,
    build::{BuildRecord, BuildRequest, BuilderInfo, ChrootId, Failure, LogFile, Outcome},
    command::Stream,
    context::Context,
    digest::Sha256,
    error::Class,
    path::AbsPath,
    task::TaskIo,
};

use super::{BuilderError, PackageBuilder, artifacts, input};

/// What one source becomes, and what is said meanwhile.
type Scene = (Result<Vec<(String, Bytes)>, Failure>, String);

/// Knows some chroots, and what becomes of some sources.
#[derive(Debug, Default)]
pub struct ScriptedBuilder {
    chroots: Vec<ChrootId>,
    script: BTreeMap<Sha256, Scene>,
    seen: Mutex<Vec<BuildRequest>>,
}

impl ScriptedBuilder {
    /// A builder with these chroots that can build nothing yet.
    #[must_use]
    pub fn new(chroots: Vec<ChrootId>) -> Self {
        Self { chroots, ..Self::default() }
    }

    /// Builds the source whose .dsc has this digest into these files, saying `log`.
    #[must_use]
    pub fn with_success(mut self, dsc: Sha256, files: Vec<(String, Bytes)>, log: impl Into<String>) -> Self {
        self.script.insert(dsc, (Ok(files), log.into()));
        self
    }

    /// Fails to build the source whose .dsc has this digest, saying `log`.
    #[must_use]
    pub fn with_failure(mut self, dsc: Sha256, failure: Failure, log: impl Into<String>) -> Self {
        self.script.insert(dsc, (Err(failure), log.into()));
        self
    }

    /// What was asked for, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<BuildRequest> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn play(
        &self,
        cx: &Context,
        request: &BuildRequest,
        io: &mut TaskIo<'_>,
        record: &mut BuildRecord,
    ) -> Result<(), Failure> {
        let failed = |error: &dyn std::error::Error| Failure::new(Class::Infrastructure, error.to_string());
        let folder = io.scratch.child("in").map_err(|error| failed(&error))?;
        std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let control = input::stage(request, &folder)?;
        control.source.to_string().clone_into(&mut record.source);
        control.version.to_string().clone_into(&mut record.version);
        let (answer, log) = self
            .script
            .get(&request.dsc_sha256)
            .ok_or_else(|| Failure::new(Class::Infrastructure, format!("{} is not in the script", request.dsc)))?;
        io.log.write(Stream::Stdout, log.as_bytes()).map_err(|error| failed(&error))?;
        let blob = io.blobs.put(cx, Bytes::from(log.clone())).await.map_err(|error| failed(&error))?;
        let name = format!("{}_{}_{}.build", record.source, control.version.without_epoch(), record.architecture);
        record.log = Some(LogFile { name, size: blob.size, sha256: blob.id });
        for (name, bytes) in answer.as_ref().map_err(Failure::clone)? {
            record.artifacts.push(keep(cx, &*io.blobs, name, bytes).await.map_err(|error| failed(&error))?);
        }
        let kept = record.artifacts.iter().map(|artifact| artifact.sha256).chain([blob.id]);
        let kept: Vec<Sha256> = kept.collect();
        let name = request.dsc_sha256.to_string();
        io.blobs.pin(cx, "build", &name, &kept).await.map_err(|error| failed(&error))
    }
}

async fn keep(
    cx: &Context,
    blobs: &dyn BlobStore,
    name: &str,
    bytes: &Bytes,
) -> Result<debbuild_core::build::Artifact, debbuild_core::blob::BlobError> {
    let blob = blobs.put(cx, bytes.clone()).await?;
    let kind = artifacts::kind(name).to_owned();
    Ok(debbuild_core::build::Artifact { name: name.to_owned(), kind, size: blob.size, sha256: blob.id })
}

#[async_trait]
impl PackageBuilder for ScriptedBuilder {
    async fn build(
        &self,
        cx: &Context,
        request: &BuildRequest,
        io: &mut TaskIo<'_>,
    ) -> Result<BuildRecord, BuilderError> {
        if !self.chroots.contains(&request.chroot) {
            return Err(BuilderError::NoChroot(request.chroot));
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let [tool, version, backend, isolation] = ["scripted", "1", "memory", "none"].map(str::to_owned);
        let builder = BuilderInfo { tool, version, backend, isolation };
        let (name, version) = name_of(&request.dsc);
        let mut record =
            BuildRecord::new(name, version, request.architecture.as_str(), request.suite.as_str(), builder);
        record.chroot_id = Some(request.chroot.digest());
        record.profiles.clone_from(&request.options.profiles);
        let failure = if cx.cancel().is_cancelled() {
            Some(Failure::new(Class::Cancelled, "the build was cancelled"))
        } else {
            self.play(cx, request, io, &mut record).await.err()
        };
        settle(&mut record, failure);
        Ok(record)
    }
}

/// The outcome that follows from the failure, or from none.
pub(super) fn settle(record: &mut BuildRecord, failure: Option<Failure>) {
    record.failure = failure;
    record.outcome = record.class().map_or(Outcome::Succeeded, Outcome::of);
}

/// Source and version from the name of a .dsc: what a record says before the file has been read.
pub(super) fn name_of(dsc: &AbsPath) -> (String, String) {
    let stem = dsc.name().strip_suffix(".dsc").unwrap_or(dsc.name());
    let (name, version) = stem.split_once('_').unwrap_or((stem, ""));
    (name.to_owned(), version.to_owned())
}
