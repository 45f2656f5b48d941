//! Composing distributions: the parts of compose wired to this machine's archives, keys and state folder.

use std::sync::Arc;

use debbuild_compose::{
    blueprint::{ArchiveChoice, ArchiveSource, Blueprint},
    composer::{
        ComposeDetail, ComposeReport, ComposeSummary, Composer, ComposerOptions, Composes, Planned, RunOptions, Why,
    },
    gather::{ArchiveGatherer, GatherArchive},
    iso::XorrisoIsos,
    oci::LayoutBuilder,
    ostree::OstreeCommits,
    phase::{ContainerPhase, IsoPhase, OstreePhase, Phase, RepositoryPhase, RootfsPhase},
    rootfs::{MmdebstrapOptions, MmdebstrapRootfs},
};
use debbuild_core::{
    acquire::{Archive, ArchiveReader, fetch::Uri},
    context::Context,
    error::Class,
    lock::LockFile,
    name::{ComponentName, SuiteName},
    path::AbsPath,
    sign::{Keyring, Signer},
};

use super::{App, AppError, Failure};

impl App {
    /// A blueprint from its file; with names (`VARIANT` or `VARIANT/KIND`) in `only`, that part of it.
    ///
    /// # Errors
    /// Class `config`, naming file and line; `not-found` for a name that the blueprint does not have.
    pub fn blueprint(&self, file: &AbsPath, only: &[String]) -> Result<Blueprint, AppError> {
        let blueprint = Blueprint::read(file)?;
        for name in only {
            let (variant, kind) = name.split_once('/').unwrap_or((name, ""));
            let known = blueprint.variant(variant);
            let found =
                known.is_some_and(|v| kind.is_empty() || v.deliverables.iter().any(|d| d.kind().name() == kind));
            if !found {
                return Err(Failure::new(Class::NotFound, format!("the blueprint has no {name}")).into());
            }
        }
        if only.is_empty() {
            return Ok(blueprint);
        }
        let wanted =
            |variant: &str, kind: &str| only.iter().any(|name| name == variant || *name == format!("{variant}/{kind}"));
        Ok(blueprint.only(|variant, kind| wanted(variant, kind.name())))
    }

    /// A composer for this blueprint, with the archives that it names; to compose from a lock it needs none (`online` false),
    /// and then no archive is looked for.
    ///
    /// # Errors
    /// Class `config` when an archive cannot be found on this machine.
    pub async fn composer(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        jobs: usize,
        online: bool,
    ) -> Result<Composer, AppError> {
        let reader = self.reader(cx).await?;
        let signer = self.signer()?;
        let mut archives = Vec::new();
        for choice in blueprint.archives.iter().filter(|_| online) {
            for archive in self.chosen(cx, &reader, signer.as_ref(), choice).await? {
                archives.push(GatherArchive::new(archive, choice.priority));
            }
        }
        let (runner, blobs) = (self.runner(), self.blobs()?);
        let scratch = MmdebstrapOptions::new(self.folder("scratch")?.join("rootfs"));
        let scratch = scratch.with_user(&self.settings().build.user);
        let rootfs = MmdebstrapRootfs::new(Arc::clone(runner), Arc::clone(&blobs), scratch);
        let phases: Vec<Arc<dyn Phase>> = vec![
            Arc::new(RepositoryPhase::new(blobs, Arc::clone(&signer))),
            Arc::new(RootfsPhase::new(Arc::new(rootfs))),
            Arc::new(ContainerPhase::new(Arc::new(LayoutBuilder))),
            Arc::new(IsoPhase::new(Arc::new(XorrisoIsos::new(Arc::clone(runner))))),
            Arc::new(OstreePhase::new(Arc::new(OstreeCommits::new(Arc::clone(runner))))),
        ];
        let options = ComposerOptions::new(self.home().join("composes"), self.folder("compose-cache")?).with_jobs(jobs);
        let gatherer = ArchiveGatherer::new(reader, archives);
        Ok(Composer::new(options, phases, Arc::new(gatherer), signer))
    }

    /// The archives that one entry of a blueprint means.
    async fn chosen(
        &self,
        cx: &Context,
        reader: &ArchiveReader,
        signer: &dyn Signer,
        choice: &ArchiveChoice,
    ) -> Result<Vec<Archive>, AppError> {
        let suite = SuiteName::new(&choice.suite)?;
        let components = choice.components.iter().map(|name| ComponentName::new(name));
        let components = components.collect::<Result<Vec<_>, _>>()?;
        let keyring = match &choice.keyring {
            Some(file) => Keyring::Files(vec![file.clone()]),
            None => self.keyring()?,
        };
        let archives = match &choice.source {
            ArchiveSource::Uri(uri) => vec![Archive::new(&choice.name, Uri::new(uri)?, suite, keyring)],
            ArchiveSource::Repository(name) => {
                let folder = self.home().join("repos").child(name)?;
                let keyring = Keyring::Bytes(signer.public_key(cx).await?);
                vec![Archive::new(&choice.name, Uri::new(&format!("file://{folder}"))?, suite, keyring)]
            }
            _ => {
                let mut archives = self.archives(cx, reader, &suite).await?.archives;
                for archive in &mut archives {
                    archive.name = format!("{}:{}", choice.name, archive.name);
                }
                archives
            }
        };
        let strict = |archive: Archive| {
            let check = archive.check_valid_until && choice.expires;
            archive.with_components(components.clone()).with_check_valid_until(check)
        };
        Ok(archives.into_iter().map(strict).collect())
    }

    /// Says what a compose of a blueprint would do.
    ///
    /// # Errors
    /// As [`Composer::plan`].
    pub async fn compose_plan(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        locked: Option<LockFile>,
    ) -> Result<Planned, AppError> {
        let composer = self.composer(cx, blueprint, 1, locked.is_none()).await?;
        Ok(composer.plan(cx, blueprint, &RunOptions::new().with_locked(locked)).await?)
    }

    /// Composes a blueprint; one that was killed is gone on with. With a lock, from the stored files alone: nothing is fetched.
    ///
    /// # Errors
    /// As [`Composer::run`].
    pub async fn compose_run(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        locked: Option<LockFile>,
        jobs: usize,
    ) -> Result<ComposeReport, AppError> {
        self.working_user(cx).await?;
        let composer = self.composer(cx, blueprint, jobs, locked.is_none()).await?;
        Ok(composer.run(cx, blueprint, &RunOptions::new().with_locked(locked)).await?)
    }

    /// The composes of this machine's state folder.
    #[must_use]
    pub fn composes(&self) -> Composes {
        Composes::new(self.home().join("composes"))
    }

    /// Every compose.
    ///
    /// # Errors
    /// As [`Composes::list`].
    pub fn compose_list(&self) -> Result<Vec<ComposeSummary>, AppError> {
        Ok(self.composes().list()?)
    }

    /// One compose, by id or by a `latest-` link.
    ///
    /// # Errors
    /// As [`Composes::show`].
    pub fn compose_show(&self, name: &str) -> Result<ComposeDetail, AppError> {
        Ok(self.composes().show(name)?)
    }

    /// Why a compose has a package.
    ///
    /// # Errors
    /// As [`Composes::why`].
    pub fn compose_why(&self, name: &str, package: &str) -> Result<Vec<Why>, AppError> {
        Ok(self.composes().why(name, package)?)
    }
}
