//! What a chroot should be, its key, and its way into records and back.

use std::collections::BTreeMap;

use debbuild_core::{
    acquire::{Archive, fetch::Uri},
    arch::Architecture,
    blob::BlobStore,
    blocking,
    build::ChrootId,
    context::Context,
    digest::{KeyHasher, Sha256},
    name::{ComponentName, PackageName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    sign::{Fingerprint, Keyring, armor},
    version::Version,
};

use super::{
    ManagerError, check_host,
    manifest::{ArchiveRecord, SpecRecord},
};
use crate::{
    create::{AptOption, BootstrapTool, Hook, Variant},
    gateway::AllowedArchive,
};

/// A chroot that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChrootSpec {
    /// The suite.
    pub suite: SuiteName,
    /// The architecture.
    pub architecture: Architecture,
    /// The host architecture of a cross chroot.
    pub host: Option<Architecture>,
    /// How much is in it.
    pub variant: Variant,
    /// More packages.
    pub include: Vec<PackageName>,
    /// Exact versions; with any, packages that are not named here are never chosen while it is made.
    pub versions: BTreeMap<PackageName, Version>,
    /// Where packages come from: the suite itself and its companions.
    pub archives: Vec<Archive>,
    /// Scripts that change it at the end.
    pub hooks: Vec<Hook>,
    /// Priorities of packages by the names of their archives, as apt_preferences(5) has them; others have what apt gives them.
    pub priorities: BTreeMap<String, i16>,
    /// Variables of its sessions and builds.
    pub environment: BTreeMap<String, String>,
    /// Options of apt, while it is made and inside.
    pub apt_options: Vec<AptOption>,
    /// The chroot that it is a layer over (see [`ChrootManager::layer_of`](super::ChrootManager::layer_of)).
    pub parent: Option<ChrootId>,
    /// Packages of the parent that are taken away.
    pub remove: Vec<PackageName>,
    /// The tool that makes its base.
    pub bootstrapper: BootstrapTool,
}

impl ChrootSpec {
    /// A chroot of this suite from these archives, where packages are built.
    #[must_use]
    pub fn new(suite: SuiteName, architecture: Architecture, archives: Vec<Archive>) -> Self {
        Self {
            suite,
            architecture,
            host: None,
            variant: Variant::Buildd,
            include: Vec::new(),
            versions: BTreeMap::new(),
            archives,
            hooks: Vec::new(),
            priorities: BTreeMap::new(),
            environment: BTreeMap::new(),
            apt_options: Vec::new(),
            parent: None,
            remove: Vec::new(),
            bootstrapper: BootstrapTool::Mmdebstrap,
        }
    }

    /// With another variant.
    #[must_use]
    pub fn with_variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// With more packages.
    #[must_use]
    pub fn with_include(mut self, include: Vec<PackageName>) -> Self {
        self.include = include;
        self
    }

    /// With exact versions; packages that are not named here are never chosen while it is made.
    #[must_use]
    pub fn with_versions(mut self, versions: BTreeMap<PackageName, Version>) -> Self {
        self.versions = versions;
        self
    }

    /// With scripts at the end.
    #[must_use]
    pub fn with_hooks(mut self, hooks: Vec<Hook>) -> Self {
        self.hooks = hooks;
        self
    }

    /// With priorities of packages by the names of their archives.
    #[must_use]
    pub fn with_priorities(mut self, priorities: BTreeMap<String, i16>) -> Self {
        self.priorities = priorities;
        self
    }

    /// With variables of its sessions and builds.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// With options of apt.
    #[must_use]
    pub fn with_apt_options(mut self, options: Vec<AptOption>) -> Self {
        self.apt_options = options;
        self
    }

    /// As a layer over this chroot, of which packages are taken away. Everything but what is included must be as the parent has it.
    #[must_use]
    pub fn with_parent(mut self, parent: Option<ChrootId>, remove: Vec<PackageName>) -> Self {
        self.parent = parent;
        self.remove = remove;
        self
    }

    /// Made by another tool; one that needs real root needs a manager that has it (`ManagerOptions::with_privileged`).
    #[must_use]
    pub fn with_bootstrapper(mut self, bootstrapper: BootstrapTool) -> Self {
        self.bootstrapper = bootstrapper;
        self
    }

    /// The request as records keep it; the keyrings become blobs.
    pub(super) async fn record(&self, cx: &Context, blobs: &dyn BlobStore) -> Result<SpecRecord, ManagerError> {
        check_host(&self.architecture, self.host.as_ref())?;
        let mut archives = Vec::new();
        for archive in &self.archives {
            let keys = keyring(&archive.signed_by).await?;
            archives.push(ArchiveRecord {
                name: archive.name.clone(),
                uris: archive.uris.iter().map(ToString::to_string).collect(),
                suite: archive.suite.clone(),
                components: archive.components.iter().map(ToString::to_string).collect(),
                keyring_sha256: blobs.put(cx, keys.into()).await?.id,
                signers: archive.signers.iter().map(ToString::to_string).collect(),
                check_valid_until: archive.check_valid_until,
                check_suite: archive.check_suite,
                priority: self.priorities.get(&archive.name).copied(),
            });
        }
        Ok(SpecRecord {
            suite: self.suite.clone(),
            architecture: self.architecture.clone(),
            host: self.host.clone(),
            variant: self.variant.name().to_owned(),
            include: sorted(&self.include),
            versions: self.versions.clone(),
            archives,
            hooks: self.hooks.iter().map(|hook| (hook.name.clone(), hook.text.clone())).collect(),
            environment: self.environment.clone(),
            apt_options: self.apt_options.iter().map(|one| (one.key.clone(), one.value.clone())).collect(),
            parent: self.parent.map(|id| id.to_string()),
            remove: sorted(&self.remove),
            bootstrapper: Some(self.bootstrapper.name().to_owned())
                .filter(|_| self.bootstrapper != BootstrapTool::Mmdebstrap),
            imported: None,
        })
    }

    /// The request that a record keeps.
    pub(super) async fn from_record(
        cx: &Context,
        record: &SpecRecord,
        blobs: &dyn BlobStore,
    ) -> Result<Self, ManagerError> {
        if let Some(from) = &record.imported {
            return Err(ManagerError::Imported { kind: from.kind.clone(), sha256: from.sha256 });
        }
        let mut archives = Vec::new();
        for kept in &record.archives {
            let keys = Keyring::Bytes(blobs.read(cx, kept.keyring_sha256, None).await?.to_vec());
            let uris = kept.uris.iter().map(|uri| Uri::new(uri)).collect::<Result<Vec<_>, _>>();
            let uris = uris.map_err(|error| bad("an address", error))?;
            let first = uris.first().cloned().ok_or_else(|| bad("an archive", "it has no address"))?;
            let components = kept.components.iter().map(|name| ComponentName::new(name)).collect::<Result<Vec<_>, _>>();
            let signers = kept.signers.iter().map(|text| Fingerprint::new(text)).collect::<Result<Vec<_>, _>>();
            let archive = Archive::new(&kept.name, first, kept.suite.clone(), keys)
                .with_uris(uris)
                .with_components(components.map_err(|error| bad("a component", error))?)
                .with_signers(signers.map_err(|error| bad("a signer", error))?)
                .with_check_valid_until(kept.check_valid_until)
                .with_check_suite(kept.check_suite);
            archives.push(archive);
        }
        let priorities = record.archives.iter().filter_map(|kept| Some((kept.name.clone(), kept.priority?)));
        let options = record.apt_options.iter().map(|(key, value)| AptOption::new(key, value));
        let parent = record
            .parent
            .as_deref()
            .map(str::parse::<ChrootId>)
            .transpose()
            .map_err(|error| bad("the parent", error))?;
        let hooks = record.hooks.iter().map(|(name, text)| Hook { name: name.clone(), text: text.clone() });
        Ok(Self::new(record.suite.clone(), record.architecture.clone(), archives)
            .with_host(record.host.clone())
            .with_variant(record.variant.parse()?)
            .with_bootstrapper(record.bootstrapper.as_deref().map_or(Ok(BootstrapTool::Mmdebstrap), str::parse)?)
            .with_include(packages(&record.include)?)
            .with_versions(record.versions.clone())
            .with_parent(parent, packages(&record.remove)?)
            .with_hooks(hooks.collect())
            .with_priorities(priorities.collect())
            .with_environment(record.environment.clone())
            .with_apt_options(options.collect::<Result<_, _>>()?))
    }
}

fn sorted(names: &[PackageName]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn packages(names: &[String]) -> Result<Vec<PackageName>, ManagerError> {
    let names = names.iter().map(|name| PackageName::new(name)).collect::<Result<Vec<_>, _>>();
    names.map_err(|error| bad("a package", error))
}

pub(super) fn bad(what: &str, error: impl std::fmt::Display) -> ManagerError {
    ManagerError::Record { what: what.to_owned(), reason: error.to_string() }
}

/// All keys of a keyring in binary form: apt and the verifiers then agree on one file.
async fn keyring(keys: &Keyring) -> Result<Vec<u8>, ManagerError> {
    let keys = keys.clone();
    blocking::run(move || {
        let sources: Vec<(String, Vec<u8>)> = match keys {
            Keyring::Files(files) => files.iter().map(read).collect::<Result<_, ManagerError>>()?,
            Keyring::Bytes(bytes) => vec![("an embedded key".to_owned(), bytes)],
            _ => return Err(bad("a keyring", "it is of a kind that is not known here")),
        };
        let mut all = Vec::new();
        for (what, bytes) in sources {
            all.extend(armor::dearmor(&bytes).map_err(|error| bad(&what, error))?);
        }
        Ok(all)
    })
    .await
}

fn read(file: &AbsPath) -> Result<(String, Vec<u8>), ManagerError> {
    Ok((file.to_string(), std::fs::read(file).at("read", file)?))
}

/// The name of an archive as a plain word: suites, after which archives are often named, may have a `/`.
pub(super) fn plain(name: &str) -> String {
    name.replace(|c: char| !(c.is_ascii_alphanumeric() || "-_.+~".contains(c)), "-")
}

/// The archives of a request as a gateway answers for them: one for each set of addresses, called after its first entry.
pub(super) fn allowed(record: &SpecRecord) -> Result<Vec<AllowedArchive>, ManagerError> {
    let mut seen: Vec<&[String]> = Vec::new();
    let mut all = Vec::new();
    for archive in &record.archives {
        if seen.contains(&archive.uris.as_slice()) {
            continue;
        }
        seen.push(&archive.uris);
        let uris = archive.uris.iter().map(|uri| Uri::new(uri)).collect::<Result<Vec<_>, _>>();
        let mut uris = uris.map_err(|error| bad("an address", error))?.into_iter();
        let first = uris.next().ok_or_else(|| bad("an archive", "it has no address"))?;
        all.push(uris.fold(AllowedArchive::new(plain(&archive.name), first), AllowedArchive::with_upstream));
    }
    Ok(all)
}

/// The priorities of a request, by the names under which the gateway knows archives, and suites.
pub(super) fn priorities(record: &SpecRecord) -> BTreeMap<(String, String), i16> {
    let first = |uris: &[String]| record.archives.iter().find(|one| one.uris == uris).map(|one| plain(&one.name));
    let all =
        record.archives.iter().filter_map(|one| Some(((first(&one.uris)?, one.suite.to_string()), one.priority?)));
    all.collect()
}

/// The key of a request: equal requests have equal keys.
pub(super) fn key(record: &SpecRecord) -> Sha256 {
    let mut key = KeyHasher::new("chroot spec v1");
    key.part("suite", record.suite.as_str())
        .part("architecture", record.architecture.as_str())
        .part("variant", &record.variant)
        .list("include", &record.include);
    for archive in &record.archives {
        key.part("name", &archive.name)
            .list("uris", &archive.uris)
            .part("archive suite", archive.suite.as_str())
            .list("components", &archive.components)
            .part("keyring", archive.keyring_sha256.as_bytes())
            .list("signers", &archive.signers)
            .part("checks", [u8::from(archive.check_valid_until), u8::from(archive.check_suite)]);
        if let Some(priority) = archive.priority {
            key.part("priority", priority.to_string());
        }
    }
    for (name, text) in &record.hooks {
        key.part("hook", name).part("text", text);
    }
    // What is not used leaves no trace: chroots that were made before it existed are found.
    for (name, value) in &record.environment {
        key.part("variable", name).part("value", value);
    }
    for (name, value) in &record.apt_options {
        key.part("apt option", name).part("value", value);
    }
    for (name, version) in &record.versions {
        key.part("version of", name.as_str()).part("version", version.as_str());
    }
    if let Some(parent) = &record.parent {
        key.part("parent", parent).list("remove", &record.remove);
    }
    if let Some(tool) = &record.bootstrapper {
        key.part("bootstrapper", tool);
    }
    if let Some(host) = &record.host {
        key.part("host", host.as_str());
    }
    if let Some(from) = &record.imported {
        key.part("imported", &from.kind).part("sha256", from.sha256.as_bytes());
    }
    key.finish()
}
