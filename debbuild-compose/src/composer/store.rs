//! The folder of composes: who may work on one, which are there, and how each ended.
//!
//! A compose is made in `.ID`, which nobody looks at, and gets its name by one rename when it has ended.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::symlink,
};

use debbuild_core::{
    context::Context,
    digest::Sha256,
    lock::LockFile,
    path::{AbsPath, IoResultExt as _},
};
use serde::de::DeserializeOwned;

use super::ComposeError;
use crate::{
    blueprint::Blueprint,
    files,
    gather::Because,
    identity::ComposeId,
    metadata::{ComposeInfo, Images, Packages},
    status::Status,
};

/// One compose of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComposeSummary {
    /// Its id.
    pub id: ComposeId,
    /// Its status; `STARTED` also when it was killed.
    pub status: Status,
    /// Its folder.
    pub folder: AbsPath,
}

/// One compose, with its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComposeDetail {
    /// What it is.
    pub summary: ComposeSummary,
    /// `composeinfo.json`, if it was published.
    pub info: Option<ComposeInfo>,
    /// `images.json`, if it was published.
    pub images: Option<Images>,
}

/// One step of the way from a package to what the blueprint names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// The package.
    pub package: String,
    /// Why it is there.
    pub because: Because,
}

/// A compose that this process may work on, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) id: ComposeId,
    /// Where it is made.
    pub(super) folder: AbsPath,
    pub(super) resumed: bool,
    _running: File,
}

const RUNNING: &str = "work/running";
const BLUEPRINT: &str = "work/blueprint";
pub(super) const BECAUSE: &str = "work/because.json";

/// The composes of one folder: to look at, without anything that makes them.
#[derive(Debug, Clone)]
pub struct Composes(AbsPath);

impl Composes {
    /// The composes in this folder, which may not be there yet.
    #[must_use]
    pub const fn new(folder: AbsPath) -> Self {
        Self(folder)
    }

    /// The composes of the folder, newest day and respin last, also those that run or were killed.
    ///
    /// # Errors
    /// [`ComposeError`].
    pub fn list(&self) -> Result<Vec<ComposeSummary>, ComposeError> {
        let mut found = Vec::new();
        for (id, folder) in self.folders()? {
            found.push(ComposeSummary { status: status(&id, &folder)?, id, folder });
        }
        found.sort_by(|a, b| {
            let key = |s: &ComposeSummary| (s.id.date().to_owned(), s.id.short().to_owned(), s.id.respin());
            key(a).cmp(&key(b))
        });
        Ok(found)
    }

    /// One compose, by its id or by the name of a `latest-` link.
    ///
    /// # Errors
    /// [`ComposeError::NotFound`].
    pub fn show(&self, name: &str) -> Result<ComposeDetail, ComposeError> {
        let summary = self.find(name)?;
        let (mut info, mut images) = (None, None);
        if summary.status.is_published() {
            info = Some(read_json(&summary, "metadata/composeinfo.json")?);
            images = Some(read_json(&summary, "metadata/images.json")?);
        }
        Ok(ComposeDetail { summary, info, images })
    }

    /// The way from a package of a compose to what the blueprint names; without a way where the lock was given.
    ///
    /// # Errors
    /// [`ComposeError::NotFound`], [`ComposeError::NoPackage`].
    pub fn why(&self, name: &str, package: &str) -> Result<Vec<Why>, ComposeError> {
        let summary = self.find(name)?;
        let because: BTreeMap<String, Because> = read_json(&summary, BECAUSE)?;
        let missing = || ComposeError::NoPackage { compose: summary.id.to_string(), package: package.to_owned() };
        if summary.status.is_published() {
            let packages: Packages = read_json(&summary, "metadata/packages.json")?;
            let mut all = packages.packages.values().flat_map(BTreeMap::values);
            if !all.any(|packages| packages.contains_key(package)) {
                return Err(missing());
            }
        } else if !because.contains_key(package) {
            return Err(missing());
        }
        let mut way: Vec<Why> = Vec::new();
        let mut next = Some(package.to_owned());
        while let Some(package) = next.take() {
            if way.iter().any(|step| step.package == package) {
                break;
            }
            if let Some(because) = because.get(&package).cloned() {
                if let Because::Needed { by, .. } = &because {
                    next = Some(by.clone());
                }
                way.push(Why { package, because });
            }
        }
        Ok(way)
    }

    /// The lock of a compose.
    ///
    /// # Errors
    /// [`ComposeError::NotFound`].
    pub fn lock(&self, name: &str) -> Result<LockFile, ComposeError> {
        read_json(&self.find(name)?, "compose.lock")
    }

    fn find(&self, name: &str) -> Result<ComposeSummary, ComposeError> {
        let missing = || ComposeError::NotFound(name.to_owned());
        let link = self.0.child(name).map_err(|_| missing())?;
        let target = fs::read_link(&link).ok().and_then(|target| target.to_str().map(str::to_owned));
        let id: ComposeId = target.as_deref().unwrap_or(name).parse().map_err(|_| missing())?;
        let found = self.folders()?.into_iter().find(|(other, _)| *other == id);
        let (id, folder) = found.ok_or_else(missing)?;
        Ok(ComposeSummary { status: status(&id, &folder)?, id, folder })
    }

    /// Every compose with the folder it is in now.
    fn folders(&self) -> Result<Vec<(ComposeId, AbsPath)>, ComposeError> {
        let base = &self.0;
        let entries = match fs::read_dir(base) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.at("list", base)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.at("list", base)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let id = name.strip_prefix('.').unwrap_or(&name).parse();
            if let (Ok(id), true) = (id, entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                found.push((id, base.child(&name)?));
            }
        }
        Ok(found)
    }

    /// Takes the compose of this blueprint that was killed, or begins a new one. Ends other killed ones.
    pub(super) fn claim(&self, cx: &Context, blueprint: &Blueprint, digest: Sha256) -> Result<Claim, ComposeError> {
        let base = &self.0;
        files::make_folder(base)?;
        let gate = base.join(".claim");
        let gate = File::options().create(true).append(true).open(&gate).at("open", &gate)?;
        gate.lock().at("lock", base)?;
        let mut resumed = None;
        let mut respin = 0;
        let new = ComposeId::new(&blueprint.short, &blueprint.version, cx.now(), blueprint.kind, 0)?;
        for (id, folder) in self.folders()? {
            if id.clone().with_respin(0) == new {
                respin = respin.max(id.respin() + 1);
            }
            let Some(running) = abandoned(base, &folder)? else { continue };
            let state = status(&id, &folder).unwrap_or(Status::Terminated);
            let same = fs::read_to_string(folder.join(BLUEPRINT)).is_ok_and(|text| text.trim() == digest.to_string());
            if state == Status::Started && same && resumed.is_none() {
                resumed = Some(Claim { id, folder, resumed: true, _running: running });
            } else if state == Status::Started {
                cx.note(format!("{id} was killed and is of another blueprint: it ends as TERMINATED"));
                self.end(&id, &folder, Status::Terminated)?;
            } else {
                self.end(&id, &folder, state)?;
            }
        }
        if let Some(claim) = resumed {
            return Ok(claim);
        }
        let id = new.with_respin(respin);
        let folder = base.child(&format!(".{id}"))?;
        for name in ["logs", "work"] {
            files::make_folder(&folder.join(name))?;
        }
        let path = folder.join(RUNNING);
        let running = File::create(&path).at("create", &path)?;
        running.lock().at("lock", &path)?;
        files::write(&folder.join(BLUEPRINT), format!("{digest}\n").as_bytes())?;
        files::write(&folder.join("COMPOSE_ID"), format!("{id}\n").as_bytes())?;
        files::write(&folder.join("STATUS"), Status::Started.to_file().as_bytes())?;
        Ok(Claim { id, folder, resumed: false, _running: running })
    }

    /// Ends a compose: the status is written, and the folder gets its name by one rename.
    pub(super) fn end(&self, id: &ComposeId, folder: &AbsPath, last: Status) -> Result<AbsPath, ComposeError> {
        let now = status(id, folder).unwrap_or(Status::Started);
        if now != last {
            now.then(last)?;
        }
        files::write(&folder.join("STATUS"), last.to_file().as_bytes())?;
        files::sync_all_below(folder)?;
        let base = &self.0;
        let named = base.child(&id.to_string())?;
        fs::rename(folder, &named).at("rename to", &named)?;
        files::sync_folder(base)?;
        if last.is_published() {
            let draft = base.child(&format!(".{}.new", id.latest_link()))?;
            files::remove_file(&draft)?;
            symlink(id.to_string(), &draft).at("create", &draft)?;
            let link = base.child(&id.latest_link())?;
            fs::rename(&draft, &link).at("rename to", &link)?;
            files::sync_folder(base)?;
        }
        Ok(named)
    }
}

/// The lock of a compose in the making whose process is gone.
fn abandoned(base: &AbsPath, folder: &AbsPath) -> Result<Option<File>, ComposeError> {
    if !folder.name().starts_with('.') || folder.parent() != *base {
        return Ok(None);
    }
    files::make_folder(&folder.join("work"))?;
    files::make_folder(&folder.join("logs"))?;
    let path = folder.join(RUNNING);
    let file = File::options().create(true).append(true).open(&path).at("open", &path)?;
    Ok(file.try_lock().is_ok().then_some(file))
}

fn status(id: &ComposeId, folder: &AbsPath) -> Result<Status, ComposeError> {
    let unreadable =
        |message: String| ComposeError::Unreadable { compose: id.to_string(), file: "STATUS".to_owned(), message };
    let text = fs::read_to_string(folder.join("STATUS")).map_err(|error| unreadable(error.to_string()))?;
    Status::from_file(&text).map_err(|error| unreadable(error.to_string()))
}

fn read_json<T: DeserializeOwned>(of: &ComposeSummary, file: &'static str) -> Result<T, ComposeError> {
    let unreadable =
        |message: String| ComposeError::Unreadable { compose: of.id.to_string(), file: file.to_owned(), message };
    let bytes = fs::read(of.folder.join(file)).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}
