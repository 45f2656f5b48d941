//! The facade: plans composes, runs them, resumes them, and looks at those that are there.

mod assemble;
mod error;
mod nodes;
mod run;
mod store;

use std::{collections::BTreeMap, sync::Arc};

use debbuild_core::{blocking, context::Context, digest::Sha256, lock::LockFile, path::AbsPath, sign::Signer};
pub use error::ComposeError;
pub use nodes::{NodeOutcome, NodeReport};
pub use store::{ComposeDetail, ComposeSummary, Composes, Why};

use crate::{
    blueprint::Blueprint,
    cache::{Found, NodeCache},
    gather::{Because, Gathered, Gatherer},
    identity::ComposeId,
    phase::Phase,
    plan::{PackageSets, Plan, PlanContext, PlanRecord, PlannedNode, Reason},
    sources::SystemSources,
    status::Status,
};

/// Where a [`Composer`] works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ComposerOptions {
    /// The folder of composes.
    pub composes: AbsPath,
    /// The folder of node outputs; on the file system of `composes` outputs are linked, not copied.
    pub cache: AbsPath,
    /// How many nodes run at once.
    pub jobs: usize,
}

impl ComposerOptions {
    /// Works in these folders, one node at a time.
    #[must_use]
    pub fn new(composes: AbsPath, cache: AbsPath) -> Self {
        Self { composes, cache, jobs: 1 }
    }

    /// With more nodes at once.
    #[must_use]
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }
}

/// How one compose is run.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// Compose from this lock and the blob store alone instead of gathering; nothing is fetched.
    pub locked: Option<LockFile>,
}

impl RunOptions {
    /// Gathers anew.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Composes from a lock.
    #[must_use]
    pub fn with_locked(mut self, lock: Option<LockFile>) -> Self {
        self.locked = lock;
        self
    }
}

/// What a compose would do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Planned {
    /// The lock, with the times of its sets.
    pub lock: LockFile,
    /// Why packages are in it.
    pub because: BTreeMap<String, Because>,
    /// The packages of each deliverable.
    pub packages: PackageSets,
    /// The nodes.
    pub plan: Plan,
    /// Why each node is reused or made, in the plan's order.
    pub reasons: Vec<Reason>,
    found: BTreeMap<Sha256, Found>,
}

impl Planned {
    /// Each node with its reason.
    pub fn nodes(&self) -> impl Iterator<Item = (&PlannedNode, &Reason)> {
        self.plan.nodes.iter().zip(&self.reasons)
    }
}

/// What a compose did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ComposeReport {
    /// Its id.
    pub id: ComposeId,
    /// How it ended.
    pub status: Status,
    /// Its folder.
    pub folder: AbsPath,
    /// Whether it went on with one that was killed.
    pub resumed: bool,
    /// Its nodes, in the plan's order.
    pub nodes: Vec<NodeReport>,
}

/// Plans and runs composes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Composer {
    options: ComposerOptions,
    phases: Arc<[Arc<dyn Phase>]>,
    gatherer: Arc<dyn Gatherer>,
    signer: Arc<dyn Signer>,
}

impl Composer {
    /// A composer of these phases; nodes of later ones may be made of those of earlier ones, and the other way round.
    #[must_use]
    pub fn new(
        options: ComposerOptions,
        phases: Vec<Arc<dyn Phase>>,
        gatherer: Arc<dyn Gatherer>,
        signer: Arc<dyn Signer>,
    ) -> Self {
        Self { options, phases: phases.into(), gatherer, signer }
    }

    /// The composes that are there.
    #[must_use]
    pub fn composes(&self) -> Composes {
        Composes::new(self.options.composes.clone())
    }

    /// Says what a compose of this blueprint would do now, and changes nothing.
    ///
    /// # Errors
    /// [`ComposeError`].
    pub async fn plan(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        options: &RunOptions,
    ) -> Result<Planned, ComposeError> {
        let gathered = match &options.locked {
            Some(lock) => Gathered::new(lock.clone()),
            None => self.gatherer.gather(cx, blueprint).await?,
        };
        self.plan_gathered(cx, blueprint, gathered).await
    }

    async fn plan_gathered(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        gathered: Gathered,
    ) -> Result<Planned, ComposeError> {
        let Gathered { mut lock, because } = gathered;
        let cache = self.cache()?;
        let packages = PackageSets::new(blueprint, &lock, &mut |content| cache.epoch(content))?;
        packages.note_epochs(&mut lock);
        let signer = self.signer.fingerprint(cx).await?;
        let sources = SystemSources::new(blueprint, &lock);
        for line in sources.left_out {
            cx.note(line);
        }
        let context = PlanContext::new(blueprint, &packages, signer.as_str()).with_sources(&sources.files);
        let mut specs = Vec::new();
        for phase in self.phases.iter() {
            specs.extend(phase.plan(&context)?);
        }
        let plan = Plan::new(specs, &packages)?;
        let last = cache.last_plan(&record_name(blueprint))?;
        let keys: Vec<Sha256> = plan.nodes.iter().map(|node| node.key).collect();
        let cancel = cx.cancel().clone();
        let found = blocking::run(move || {
            let mut found = BTreeMap::new();
            for key in keys {
                cancel.check()?;
                found.insert(key, cache.find(key)?);
            }
            Ok::<_, ComposeError>(found)
        })
        .await?;
        let reasons = plan.nodes.iter().map(|node| reason(node, &last, &found)).collect();
        Ok(Planned { lock, because, packages, plan, reasons, found })
    }

    fn cache(&self) -> Result<NodeCache, ComposeError> {
        Ok(NodeCache::open(self.options.cache.clone())?)
    }
}

fn reason(node: &PlannedNode, last: &PlanRecord, found: &BTreeMap<Sha256, Found>) -> Reason {
    match found.get(&node.key) {
        Some(Found::Stored(_)) => Reason::SameKey,
        Some(Found::Damaged) => Reason::Damaged,
        _ => last.why(node),
    }
}

/// The name under which the last plan of a release is remembered.
fn record_name(blueprint: &Blueprint) -> String {
    format!("{}-{}-{}", blueprint.short, blueprint.version, blueprint.architecture)
}

#[cfg(all(test, feature = "testing"))]
mod tests;
