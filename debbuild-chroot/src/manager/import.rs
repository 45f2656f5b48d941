//! Chroots from elsewhere: their bytes are known, the archives of their packages are not.

use std::collections::BTreeMap;

use debbuild_core::{
    arch::Architecture,
    blob::Adopt,
    build::ChrootId,
    clock::Timestamp,
    context::Context,
    digest::{KeyHasher, Sha256},
    event::Unit,
    lock::{LockFile, LockKind},
    name::SuiteName,
};

use super::{
    Chroot, ChrootManager, ManagerError,
    make::{Entry, SPEC_OPTION},
    manifest::{ImportRecord, SpecRecord},
    packages, spec,
};
use crate::{
    confine::Scratch,
    import::{self, Flattened, Found, ImportError, ImportRequest},
};

/// What the records of imported chroots say of their variant.
const VARIANT: &str = "imported";
/// The option of a lock that says what the chroot was imported from.
const IMPORTED_OPTION: &str = "imported";

impl ChrootManager {
    /// Takes a system from elsewhere into the catalogue; one that was taken before is found by its bytes. Nothing of it is unpacked on the
    /// host, and nothing is claimed of where its packages came from: builds in it have no lock.
    ///
    /// # Errors
    /// [`ManagerError::Import`] when it is no system of Debian's kind, or its bytes are not those of the digest; nothing is kept then.
    pub async fn import(&self, cx: &Context, request: &ImportRequest) -> Result<Chroot, ManagerError> {
        let step = cx.step("import a chroot", Unit::None, None);
        let cx = step.context().clone();
        let scratch = Scratch::create(&self.0.scratch, "import", &self.0.user)?;
        let made = self.import_by(&cx, request, &scratch).await;
        scratch.remove(&cx, &*self.0.runner, &self.0.user).await?;
        step.end(made)
    }

    async fn import_by(
        &self,
        cx: &Context,
        request: &ImportRequest,
        scratch: &Scratch,
    ) -> Result<Chroot, ManagerError> {
        let found = import::find(cx, &*self.0.blobs, request, scratch.path()).await?;
        let key = request_key(request, &found);
        if let Some(chroot) = self.0.catalogue.newest(key)? {
            return Ok(chroot);
        }
        let from = ImportRecord { kind: found.kind.to_owned(), sha256: found.sha256 };
        let tarball = scratch.path().child("chroot.tar")?;
        let system = import::flatten(cx, found, &tarball).await?;
        if system.devices > 0 {
            cx.note(format!("{} device nodes are left out: sessions have their own", system.devices));
        }
        // This process wrote it: nobody else can.
        let tarball = self.0.blobs.adopt(cx, &tarball, Adopt::Link, None).await?;
        let record = record(request, &system, from)?;
        let mut lock = LockFile::new(LockKind::Chroot, record.architecture.clone(), cx.now());
        let text = serde_json::to_string(&record).map_err(|error| spec::bad("the request", error))?;
        lock.options.insert(SPEC_OPTION.to_owned(), text);
        let source = record.imported.iter().map(|from| format!("{} sha256:{}", from.kind, from.sha256));
        lock.options.extend(source.map(|source| (IMPORTED_OPTION.to_owned(), source)));
        let entry = Entry {
            id: identity(&record, tarball.id),
            tarball,
            epoch: Timestamp::from_seconds(system.latest),
            packages: packages::installed(&system.status)?.len(),
            tool: ("debbuild".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            below: Vec::new(),
        };
        let chroot = self.enter(cx, &record, &lock, entry).await?;
        self.0.catalogue.set_newest(key, chroot.id)?;
        Ok(chroot)
    }
}

/// The key of what is asked for, once its bytes are known.
fn request_key(request: &ImportRequest, found: &Found) -> Sha256 {
    let mut key = KeyHasher::new("chroot import request v1");
    key.part("kind", found.kind)
        .part("sha256", found.sha256.as_bytes())
        .part("suite", request.suite.as_ref().map_or("", SuiteName::as_str))
        .part("architecture", request.architecture.as_ref().map_or("", Architecture::as_str))
        .part("host", request.host.as_str());
    key.finish()
}

fn record(request: &ImportRequest, system: &Flattened, from: ImportRecord) -> Result<SpecRecord, ManagerError> {
    let own = || system.suite().ok_or(ImportError::NoSuite);
    let suite = request.suite.clone().map_or_else(own, Ok)?;
    let architecture = architecture(&system.status)?;
    if let Some(wanted) = request.architecture.clone().filter(|wanted| *wanted != architecture) {
        return Err(ImportError::Architecture { found: architecture, wanted }.into());
    }
    Ok(SpecRecord {
        suite,
        architecture,
        host: None,
        variant: VARIANT.to_owned(),
        include: Vec::new(),
        versions: BTreeMap::new(),
        archives: Vec::new(),
        hooks: Vec::new(),
        environment: BTreeMap::new(),
        apt_options: Vec::new(),
        parent: None,
        remove: Vec::new(),
        bootstrapper: None,
        imported: Some(from),
    })
}

/// The architecture of a system: that of its dpkg.
fn architecture(status: &str) -> Result<Architecture, ManagerError> {
    let installed = packages::installed(status)?;
    let dpkg = installed.into_iter().find(|(name, ..)| name == "dpkg");
    let own = dpkg.and_then(|(_, architecture, _)| Architecture::new(&architecture).ok());
    Ok(own.ok_or(ImportError::NoStatus)?)
}

/// The identity of an imported chroot: its content, and what it is taken for.
fn identity(record: &SpecRecord, tarball: Sha256) -> ChrootId {
    let mut key = KeyHasher::new("chroot import v1");
    key.part("suite", record.suite.as_str())
        .part("architecture", record.architecture.as_str())
        .part("content", tarball.as_bytes());
    ChrootId::new(key.finish())
}
