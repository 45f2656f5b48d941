//! Submissions: source packages become tasks of one request.

use debbuild_core::{
    acquire::source::SourceRequest,
    arch::Architecture,
    build::{BuildOptions, ChrootId},
    command::Discard,
    context::Context,
    error::Class,
    name::SuiteName,
    path::AbsPath,
};
use debbuild_queue::{
    api::v1::{SCHEMA, SubmitTask, SubmitTasks, Submitted, Tasks as _},
    model::IdempotencyKey,
};

use super::{App, AppError, BuildSource, BuildSubmission, Failure};

/// Source packages to build, submitted together or not at all.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubmitOrder {
    /// What is built.
    pub sources: Vec<BuildSource>,
    /// For which suite.
    pub suite: SuiteName,
    /// On which architecture; by default this machine's.
    pub architecture: Option<Architecture>,
    /// In which chroot; by default the newest of the suite when the build begins.
    pub chroot: Option<ChrootId>,
    /// By which profile the chroot is found or made, now, where none is named.
    pub chroot_profile: Option<String>,
    /// Higher goes first; 0 is usual.
    pub priority: i32,
    /// Tasks that must succeed first.
    pub after: Vec<i64>,
    /// Whether each waits until the one before has succeeded.
    pub in_order: bool,
    /// The same key again submits nothing new; by default a new one.
    pub key: Option<String>,
    /// How.
    pub options: BuildOptions,
}

impl SubmitOrder {
    /// These builds with the defaults.
    #[must_use]
    pub fn new(sources: Vec<BuildSource>, suite: SuiteName) -> Self {
        let options = BuildOptions::default();
        let (architecture, chroot, chroot_profile, after) = (None, None, None, Vec::new());
        let (priority, in_order, key) = (0, false, None);
        Self { sources, suite, architecture, chroot, chroot_profile, priority, after, in_order, key, options }
    }
}

impl App {
    /// What a text means as a source to build: the path of a .dsc, or `NAME` or `NAME=VERSION` in the archives of this machine.
    ///
    /// # Errors
    /// Class `usage` when it is neither.
    pub fn build_source_of(&self, text: &str) -> Result<BuildSource, AppError> {
        if text.ends_with(".dsc") {
            return Ok(BuildSource::Dsc(self.machine().path(text)?));
        }
        let wrong = |error| Failure::new(Class::Usage, format!("neither a .dsc nor a source package: {error}"));
        Ok(BuildSource::Named(text.parse().map_err(wrong)?))
    }

    /// The suite of a submission: the one that is named, else that of the profile of its chroot.
    ///
    /// # Errors
    /// Class `usage` when neither is named; as [`App::profile`].
    pub fn submit_suite(&self, suite: Option<SuiteName>, profile: Option<&str>) -> Result<SuiteName, AppError> {
        match (suite, profile) {
            (Some(suite), _) => Ok(suite),
            (None, Some(name)) => Ok(self.profile(name)?.suite),
            (None, None) => Err(Failure::new(Class::Usage, "the suite to build for is not known").into()),
        }
    }

    /// Submits builds to the queue of this machine.
    ///
    /// # Errors
    /// As [`App::build_task`], and for named sources [`App::source_fetch`]; nothing is submitted then.
    pub async fn submit(&self, cx: &Context, order: &SubmitOrder) -> Result<Submitted, AppError> {
        let architecture = match &order.architecture {
            Some(architecture) => architecture.clone(),
            None => self.architecture(cx).await?,
        };
        let chroot = match (order.chroot, &order.chroot_profile) {
            (None, Some(name)) => Some(self.chroot_of_profile(cx, name, &architecture, &mut Discard).await?),
            (named, _) => named,
        };
        let mut tasks = Vec::new();
        for (place, source) in order.sources.iter().enumerate() {
            let dsc = match source {
                BuildSource::Dsc(path) => path.clone(),
                BuildSource::Named(request) => self.fetch_to_submit(cx, request, &order.suite).await?,
            };
            let wanted = BuildSubmission::new(dsc, order.suite.clone(), architecture.clone())
                .with_chroot(chroot)
                .with_options(order.options.clone());
            let spec = self.build_task(cx, &wanted).await?;
            let label = format!("{} {} {architecture}", wanted.dsc.name().trim_end_matches(".dsc"), order.suite);
            let after_earlier = if order.in_order { place.checked_sub(1).into_iter().collect() } else { Vec::new() };
            tasks.push(SubmitTask { spec, label, priority: order.priority, after: order.after.clone(), after_earlier });
        }
        let key = order.key.as_deref().map_or_else(|| Ok(IdempotencyKey::random()), IdempotencyKey::new)?;
        let request = SubmitTasks { schema: SCHEMA, idempotency_key: key.to_string(), tasks };
        Ok(self.api().await?.submit(cx, &request).await?)
    }

    /// The .dsc of a source of the suite's archives, fetched into the scratch folder.
    async fn fetch_to_submit(
        &self,
        cx: &Context,
        request: &SourceRequest,
        suite: &SuiteName,
    ) -> Result<AbsPath, AppError> {
        let name = request.to_string().replace(['=', ':', '~'], "_");
        let into = self.home().join("scratch/sources").child(&name)?;
        Ok(self.source_fetch(cx, request, suite, &into).await?.dsc)
    }
}
