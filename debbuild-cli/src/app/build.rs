//! One build on this machine: the source found, the chroot made where there is none, the results in a folder.

use std::{fs, sync::Arc};

use debbuild_chroot::{
    confine::reap,
    sbuild::{BuildBases as _, BuildExecutor, PackageBuilder as _, Rebuilder, SbuildBuilder, SbuildParts, deliver},
};
use debbuild_core::{
    acquire::source::SourceRequest,
    arch::Architecture,
    build::{BuildOptions, BuildRecord, BuildRequest},
    changelog::Rebuild,
    command::OutputSink,
    context::Context,
    digest::Sha256,
    error::{Class, chain},
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
    task::TaskIo,
};

use super::{App, AppBases, AppError, Failure};

/// What is built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildSource {
    /// A .dsc with its files beside it.
    Dsc(AbsPath),
    /// A source package of this machine's archives.
    Named(SourceRequest),
}

/// A build that somebody wants done here and now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildOrder {
    /// What is built.
    pub source: BuildSource,
    /// For which suite; by default that of the chroot.
    pub suite: Option<SuiteName>,
    /// On which architecture; by default this machine's.
    pub architecture: Option<Architecture>,
    /// In which chroot, by id or the beginning of one; by default the newest of the suite, made if there is none.
    pub chroot: Option<String>,
    /// By which profile the chroot is found or made, where none is named; then the suite is the profile's by default.
    pub chroot_profile: Option<String>,
    /// How.
    pub options: BuildOptions,
    /// Where the results go as files; by default they are only kept in the store.
    pub output: Option<AbsPath>,
}

impl BuildOrder {
    /// A build of this source with the defaults.
    #[must_use]
    pub fn new(source: BuildSource) -> Self {
        let options = BuildOptions::default();
        let (suite, architecture, chroot, chroot_profile) = (None, None, None, None);
        Self { source, suite, architecture, chroot, chroot_profile, options, output: None }
    }
}

impl App {
    /// The builder of this machine, and the chroots that it builds in.
    ///
    /// # Errors
    /// When the machine is not prepared: sbuild, build user, tools.
    pub async fn builder(&self, cx: &Context) -> Result<(Arc<SbuildBuilder>, Arc<AppBases>), AppError> {
        let bases = Arc::new(AppBases(self.clone()));
        let (user, scratch) = (self.build_user(cx).await?, self.folder("scratch")?);
        let parts = SbuildParts::new(Arc::clone(self.runner()), self.gateway()?, user, scratch);
        let builder = SbuildBuilder::detect(cx, parts, Arc::<AppBases>::clone(&bases)).await?;
        Ok((Arc::new(builder), bases))
    }

    /// What does builds for a queue's worker on this machine.
    ///
    /// # Errors
    /// As [`App::builder`].
    pub async fn build_executor(&self, cx: &Context) -> Result<BuildExecutor, AppError> {
        let user = self.working_user(cx).await?;
        // What builds left whose process was killed; one that cannot go yet is looked at again by the next build.
        if let Err(error) = reap(cx, &**self.runner(), &user, &self.folder("scratch")?).await {
            cx.warn(format!("a dead build's folder could not be removed: {}", chain(&error)));
        }
        let (builder, bases) = self.builder(cx).await?;
        Ok(BuildExecutor::new(builder, bases, vec![self.architecture(cx).await?]))
    }

    /// Builds, with the log going to `log` as it is written. The record is an answer also when the build failed; its results are
    /// in the output folder then too, as far as there are any.
    ///
    /// # Errors
    /// What keeps a build from being tried: no such source or chroot, a machine that is not prepared.
    pub async fn build(
        &self,
        cx: &Context,
        order: &BuildOrder,
        log: &mut dyn OutputSink,
    ) -> Result<BuildRecord, AppError> {
        let (builder, bases) = self.builder(cx).await?;
        let architecture = match &order.architecture {
            Some(architecture) => architecture.clone(),
            None => self.architecture(cx).await?,
        };
        let by_profile = match (&order.chroot, &order.chroot_profile) {
            (None, Some(name)) => Some(self.chroot_of_profile(cx, name, &architecture, log).await?.to_string()),
            _ => None,
        };
        let (chroot, suite) = match (order.chroot.as_ref().or(by_profile.as_ref()), &order.suite) {
            (Some(id), suite) => {
                let chroot = self.chroots(cx).await?.find(id)?;
                let own = chroot.manifest.spec.suite.clone();
                (chroot.id, suite.clone().unwrap_or(own))
            }
            (None, Some(suite)) => (bases.newest(cx, suite, &architecture).await?.id, suite.clone()),
            (None, None) => {
                let failure = Failure::new(Class::Usage, "the suite to build for is not known");
                return Err(failure
                    .with_hint("name it with --suite, or a chroot with --chroot or --chroot-profile")
                    .into());
            }
        };
        let dsc = self.build_source(cx, order, &suite).await?;
        self.working_user(cx).await?;
        let bytes = fs::read(&dsc).at("read", &dsc)?;
        let request = BuildRequest::new(dsc, Sha256::of(&bytes), suite, architecture, chroot);
        let request = request.with_options(order.options.clone());
        let blobs = self.blobs()?;
        let mut io = TaskIo { blobs: Arc::clone(&blobs), scratch: self.folder("scratch")?, log };
        let record = builder.build(cx, &request, &mut io).await?;
        if let Some(folder) = &order.output {
            deliver(cx, &*blobs, &record, folder).await?;
        }
        Ok(record)
    }

    /// Makes a new source version of a source package, unpacked and packed again in a chroot of the suite, as files in `into`; its
    /// changelog entry is dated from the parent's. Gives the path of the new .dsc.
    ///
    /// # Errors
    /// Class `usage` when the rebuild cannot be written as a changelog entry, `source` when the parent cannot be packed again; what
    /// making the chroot gave.
    pub async fn source_rebuild(
        &self,
        cx: &Context,
        dsc: &AbsPath,
        rebuild: &Rebuild,
        into: &AbsPath,
    ) -> Result<AbsPath, AppError> {
        rebuild.check()?;
        let (architecture, suite) = (self.architecture(cx).await?, rebuild.suite.clone());
        let base = AppBases(self.clone()).newest(cx, &suite, &architecture).await?;
        let bytes = fs::read(dsc).at("read", dsc)?;
        let parent = BuildRequest::new(dsc.clone(), Sha256::of(&bytes), suite, architecture, base.id);
        let (runner, user) = (Arc::clone(self.runner()), self.working_user(cx).await?);
        let rebuilder = Rebuilder::new(runner, user, self.folder("scratch")?);
        Ok(rebuilder.make(cx, &base, &parent, rebuild, into).await?)
    }

    /// Makes a source package of an unpacked tree in a chroot of the suite, as files in `into`, and gives the path of its .dsc.
    ///
    /// # Errors
    /// Class `source` when the chroot's dpkg-source cannot pack the tree; what making the chroot gave.
    pub async fn source_pack(
        &self,
        cx: &Context,
        tree: &AbsPath,
        suite: &SuiteName,
        into: &AbsPath,
    ) -> Result<AbsPath, AppError> {
        let architecture = self.architecture(cx).await?;
        let base = AppBases(self.clone()).newest(cx, suite, &architecture).await?;
        let (runner, user) = (Arc::clone(self.runner()), self.working_user(cx).await?);
        Ok(Rebuilder::new(runner, user, self.folder("scratch")?).pack(cx, &base, tree, into).await?)
    }

    /// The .dsc of an order; one from the archives is kept below the state folder.
    async fn build_source(&self, cx: &Context, order: &BuildOrder, suite: &SuiteName) -> Result<AbsPath, AppError> {
        match &order.source {
            BuildSource::Dsc(path) => Ok(path.clone()),
            BuildSource::Named(request) => {
                let folder = self.folder("sources")?.child(&suite.as_str().replace('/', "-"))?;
                Ok(self.source_fetch(cx, request, suite, &folder).await?.dsc)
            }
        }
    }
}
