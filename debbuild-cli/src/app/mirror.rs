//! Other archives read into a repository of this machine: mirrors and imports.

use debbuild_core::{
    acquire::{Archive, fetch::Uri},
    arch::Architecture,
    context::Context,
    mirror::{Change, ImportOptions, ImportPlan, LeftOut, Listed, MirrorOptions, MirrorPlan, Report, plan, read_tree},
    name::{ComponentName, SuiteName},
    path::AbsPath,
    pattern::Pattern,
    repo::Placing,
    sign::{Keyring, Verifier},
};
use serde_json::{Value, json};

use super::{App, AppError, repo::state_json};

/// What is mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorOrder {
    /// The suite, as the archive calls it.
    pub suite: SuiteName,
    /// The suite of ours; without, of the same name.
    pub into: Option<SuiteName>,
    /// Where the archive is; without, the archives of this machine that make the suite, with its updates and security.
    pub from: Option<Uri>,
    /// Who may sign it; without, the keyrings of the setting `archives.keyrings`.
    pub keyrings: Vec<AbsPath>,
    /// The components; none means all.
    pub components: Vec<ComponentName>,
    /// The architectures; none means this machine's own.
    pub architectures: Vec<Architecture>,
    /// Only packages that one of these selects; none means all.
    pub filters: Vec<Pattern>,
    /// Also what those depend on.
    pub with_deps: bool,
    /// Also their sources.
    pub sources: bool,
    /// The most bytes that may be fetched.
    pub limit: Option<u64>,
    /// Copy into the pool instead of linking the stored bytes.
    pub copy: bool,
}

impl MirrorOrder {
    /// All of this suite from the archives of this machine, for its own architecture, without sources.
    #[must_use]
    pub const fn new(suite: SuiteName) -> Self {
        Self {
            suite,
            into: None,
            from: None,
            keyrings: Vec::new(),
            components: Vec::new(),
            architectures: Vec::new(),
            filters: Vec::new(),
            with_deps: false,
            sources: false,
            limit: None,
            copy: false,
        }
    }
}

impl App {
    /// Opens the archives and chooses what a mirror of them holds; nothing of ours is changed.
    ///
    /// # Errors
    /// What opening an archive gives (its Release may be expired, older than the last one, not signed); [`plan`]'s own.
    pub async fn mirror_plan(&self, cx: &Context, order: &MirrorOrder) -> Result<MirrorPlan, AppError> {
        let reader = self.reader(cx).await?;
        let archives = match &order.from {
            Some(uri) => {
                let keys = match order.keyrings.as_slice() {
                    [] => self.keyring()?,
                    files => Keyring::Files(files.to_vec()),
                };
                let archive = Archive::new(order.suite.as_str(), uri.clone(), order.suite.clone(), keys);
                vec![archive.with_components(order.components.clone())]
            }
            None => self.archives(cx, &reader, &order.suite).await?.archives,
        };
        let mut suites = Vec::with_capacity(archives.len());
        for archive in &archives {
            suites.push(reader.open(cx, archive).await?);
        }
        let architectures = match order.architectures.as_slice() {
            [] => vec![self.architecture(cx).await?],
            named => named.to_vec(),
        };
        let filter = match order.filters.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(Pattern::any(several.to_vec())),
        };
        let into = order.into.clone().unwrap_or_else(|| order.suite.clone());
        let options = MirrorOptions::new(into, architectures)
            .with_components(order.components.clone())
            .with_filter(filter, order.with_deps)
            .with_sources(order.sources)
            .with_limit(order.limit)
            .with_placing(if order.copy { Placing::Copy } else { Placing::Link });
        Ok(plan(cx, &suites, &options).await?)
    }

    /// Makes a suite of the repository in this folder hold what the plan says, and publishes it.
    ///
    /// # Errors
    /// Those of [`MirrorPlan::apply`].
    pub async fn mirror_apply(&self, cx: &Context, dir: &AbsPath, plan: &MirrorPlan) -> Result<Report, AppError> {
        Ok(plan.apply(cx, dir, &*self.signer()?).await?)
    }

    /// Adds a suite of a published tree of this machine to the repository in this folder, and publishes it. With keyrings its
    /// Release must be signed by one of their keys.
    ///
    /// # Errors
    /// Those of [`read_tree`] and [`ImportPlan::apply`].
    pub async fn repo_import(
        &self,
        cx: &Context,
        dir: &AbsPath,
        options: &ImportOptions,
        keyrings: Vec<AbsPath>,
    ) -> Result<Report, AppError> {
        let plan: ImportPlan = if keyrings.is_empty() {
            read_tree(cx, options, None).await?
        } else {
            let verifier = self.verifier(cx).await?;
            let keys = (&verifier as &dyn Verifier, &Keyring::Files(keyrings));
            read_tree(cx, options, Some(keys)).await?
        };
        Ok(plan.apply(cx, dir, &*self.signer()?).await?)
    }
}

fn left_out_json(left_out: &[LeftOut]) -> Value {
    Value::Array(left_out.iter().map(|one| json!({ "what": one.what, "reason": one.reason })).collect())
}

/// What a mirror will hold, as every door shows it; sizes in bytes.
#[must_use]
pub fn mirror_plan_json(plan: &MirrorPlan) -> Value {
    let package = |listed: &Listed| {
        json!({
            "package": listed.name,
            "version": listed.version,
            "architecture": listed.architecture_name(),
            "component": listed.component,
            "source": listed.source,
            "source_version": listed.source_version,
            "size": listed.files.iter().map(|file| file.size).sum::<u64>(),
        })
    };
    let packages: Vec<Value> = plan.packages.iter().map(package).collect();
    json!({ "packages": packages, "bytes": plan.bytes(), "left_out": left_out_json(&plan.left_out) })
}

/// What a mirror or an import did, as every door shows it; `bytes` is the size of what was added.
#[must_use]
pub fn mirror_report_json(report: &Report) -> Value {
    let changes = |changes: &[Change]| {
        let one = |change: &Change| json!({ "package": change.name, "version": change.version, "architecture": change.architecture });
        Value::Array(changes.iter().map(one).collect())
    };
    json!({
        "added": changes(&report.added),
        "removed": changes(&report.removed),
        "kept": report.kept,
        "bytes": report.bytes,
        "left_out": left_out_json(&report.left_out),
        "published": report.published,
        "state": state_json(&report.state),
    })
}
