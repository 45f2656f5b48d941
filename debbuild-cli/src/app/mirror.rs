//! Other archives: mirrored and imported into a repository of this machine, checked, and used to mend one.

use std::sync::Arc;

use debbuild_core::{
    acquire::{
        Archive,
        fetch::{SchemeFetch, Uri},
    },
    arch::Architecture,
    context::Context,
    mirror::{
        Change, ImportOptions, ImportPlan, LeftOut, Listed, Mended, MirrorOptions, MirrorPlan, Report, mend, plan,
        read_tree,
    },
    name::{ComponentName, SuiteName},
    path::AbsPath,
    pattern::Pattern,
    repo::{ForeignArchive, Placing, Repository, VerifyOptions, verify_published},
    sign::{Keyring, Verifier},
};
use serde_json::{Value, json};

use super::{
    App, AppError,
    repo::{report_json, state_json},
};

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
                let keys = self.keyring_or(&order.keyrings)?;
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

/// The archive that a repository is mended from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MendFrom {
    /// Where it is.
    pub uri: Uri,
    /// The suite, as the archive calls it.
    pub suite: SuiteName,
    /// Who may sign it; none means the keyrings of the setting `archives.keyrings`.
    pub keyrings: Vec<AbsPath>,
}

impl MendFrom {
    /// This archive.
    #[must_use]
    pub const fn new(uri: Uri, suite: SuiteName, keyrings: Vec<AbsPath>) -> Self {
        Self { uri, suite, keyrings }
    }
}

impl App {
    /// Those keyrings, or the ones of this machine.
    fn keyring_or(&self, keyrings: &[AbsPath]) -> Result<Keyring, AppError> {
        if keyrings.is_empty() { self.keyring() } else { Ok(Keyring::Files(keyrings.to_vec())) }
    }

    /// Checks an archive as a client reads it, by these keyrings or those of this machine; what we published to a bucket
    /// (`s3://BUCKET/PREFIX`) by our own key, where no keyring is given.
    ///
    /// # Errors
    /// Class `infrastructure` when it cannot be reached; what is wrong with it is in the report.
    pub async fn archive_verify(
        &self,
        cx: &Context,
        at: &str,
        suite: &SuiteName,
        keyrings: Vec<AbsPath>,
        options: &VerifyOptions,
    ) -> Result<debbuild_core::repo::Report, AppError> {
        let verifier = self.verifier(cx).await?;
        if at.starts_with("s3://") {
            let keys = if keyrings.is_empty() { self.signing_keys(cx).await? } else { Keyring::Files(keyrings) };
            let target = self.publish_target(at)?;
            return Ok(verify_published(cx, &*target, suite, Some((&verifier, &keys)), options).await?);
        }
        let fetch = Arc::new(SchemeFetch::with_http(self.http()?)?);
        let archive = ForeignArchive::new(fetch, Uri::new(at)?, self.folder("scratch")?);
        let keys = self.keyring_or(&keyrings)?;
        Ok(archive.verify(cx, suite, Some((&verifier, &keys)), options).await?)
    }

    /// Puts back what is missing or damaged of a suite: indexes made again, packages from the stored bytes and from an archive.
    ///
    /// # Errors
    /// What opening the archive gives, and those of [`mend`]; what nobody has is in the answer.
    pub async fn repo_mend(
        &self,
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        from: Option<&MendFrom>,
    ) -> Result<Mended, AppError> {
        let mut suites = Vec::new();
        if let Some(MendFrom { uri, suite, keyrings }) = from {
            let reader = self.reader(cx).await?;
            let keys = self.keyring_or(keyrings)?;
            suites.push(reader.open(cx, &Archive::new(suite.as_str(), uri.clone(), suite.clone(), keys)).await?);
        }
        Ok(mend(cx, repository, suite, &*self.blobs()?, &suites).await?)
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
        "changed": changes(&report.changed),
        "kept": report.kept,
        "bytes": report.bytes,
        "left_out": left_out_json(&report.left_out),
        "published": report.published,
        "state": state_json(&report.state),
    })
}

/// What a check found and what was mended before it, as every door shows it.
#[must_use]
pub fn verified_json(report: &debbuild_core::repo::Report, mended: Option<&Mended>) -> Value {
    let mut wire = report_json(report);
    if let Some(done) = mended {
        let lost = done.lost.iter().map(|(path, reason)| json!({ "path": path, "reason": reason }));
        wire["repair"] = json!({ "mended": done.mended, "lost": lost.collect::<Vec<_>>() });
    }
    wire
}
