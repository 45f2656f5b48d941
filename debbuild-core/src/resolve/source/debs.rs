//! Packages from .deb files, and source packages from .dsc files: those of a folder, or those that are named.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    sync::Arc,
};

use async_trait::async_trait;

use super::SourcePackages;
use crate::{
    blocking,
    context::Context,
    control::{ControlError, Problem, SourceControl, Stanza, own_fields, single_paragraph},
    deb::{Deb, DebError, DebLimits},
    digest::{HashingReader, Sha256},
    error::chain,
    name::PoolPath,
    path::{AbsPath, FileError, IoResultExt as _},
    repo::parallel,
    resolve::{PackageIndex, PackageSource, Question, SourceError},
};

/// The largest .dsc that is read, in bytes.
const LARGEST_DSC: u64 = 16 << 20;
/// How much of a file is read at a time, in bytes.
const CHUNK: usize = 256 << 10;

/// A .deb.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebFile {
    /// The file; a blob's path will do.
    pub file: AbsPath,
    /// Where answers say that it is (`Filename`).
    pub path: PoolPath,
    /// Its digest, where that is known: then only its control data are read.
    pub sha256: Option<Sha256>,
}

impl DebFile {
    /// This file, under this path in answers.
    #[must_use]
    pub const fn new(file: AbsPath, path: PoolPath) -> Self {
        Self { file, path, sha256: None }
    }

    /// With its digest, which the caller knows to be right.
    #[must_use]
    pub const fn with_sha256(mut self, sha256: Sha256) -> Self {
        self.sha256 = Some(sha256);
        self
    }
}

/// What a load reads.
#[derive(Debug, Clone, Default)]
struct Listing {
    debs: Vec<DebFile>,
    dscs: Vec<AbsPath>,
    problems: Vec<Problem>,
}

#[derive(Debug, Clone)]
enum Origin {
    Folder { folder: AbsPath, recursive: bool },
    Files(Listing),
}

/// The packages of .deb files, and the source packages of .dsc files, whose signatures are not checked. A file that is no package
/// is a problem of the index. They have the order of their paths.
#[derive(Debug, Clone)]
pub struct DebsSource {
    name: String,
    from: Origin,
}

impl DebsSource {
    /// The .deb and .dsc files in this folder and in those below it, looked for at each load. Links to folders are not followed.
    #[must_use]
    pub fn from_folder(name: impl Into<String>, folder: AbsPath) -> Self {
        Self { name: name.into(), from: Origin::Folder { folder, recursive: true } }
    }

    /// These .deb and .dsc files.
    #[must_use]
    pub fn from_files(name: impl Into<String>, debs: Vec<DebFile>, dscs: Vec<AbsPath>) -> Self {
        Self { name: name.into(), from: Origin::Files(Listing { debs, dscs, problems: Vec::new() }) }
    }

    /// Whether the folders below the folder are looked at too.
    #[must_use]
    pub fn with_recursive(mut self, all: bool) -> Self {
        if let Origin::Folder { recursive, .. } = &mut self.from {
            *recursive = all;
        }
        self
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        match &self.from {
            Origin::Files(listing) => Ok(listing.clone()),
            Origin::Folder { folder, recursive } => Ok(Listing::of(folder, *recursive)?),
        }
    }

    fn packages(&self, cx: &Context) -> Result<PackageIndex, SourceError> {
        let mut listing = self.listing()?;
        let read = parallel::map_waiting(&listing.debs, |deb| stanza(cx, deb))?;
        let mut text = String::new();
        for (deb, stanza) in listing.debs.iter().zip(read) {
            match stanza {
                Ok(stanza) => {
                    text.push_str(&stanza);
                    text.push('\n');
                }
                Err(error) => listing.problems.push(problem(deb.path.as_str(), error)),
            }
        }
        Ok(PackageIndex::parse(&self.name, text).with_problems(listing.problems))
    }

    fn sources(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        let mut found = SourcePackages::default();
        for file in self.listing()?.dscs {
            cx.cancel().check()?;
            match dsc(&file)? {
                Ok(source) => found.packages.push(source),
                Err(error) => found.problems.push(problem(file.name(), error)),
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl PackageSource for DebsSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        let (source, cx) = (self.clone(), cx.clone());
        blocking::run(move || source.packages(&cx)).await.map(Arc::new)
    }

    async fn source_packages(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        cx.cancel().check()?;
        let (source, cx) = (self.clone(), cx.clone());
        blocking::run(move || source.sources(&cx)).await
    }
}

fn problem(subject: &str, error: ControlError) -> Problem {
    Problem { subject: Some(subject.to_owned()), error }
}

fn unreadable(reason: impl ToString) -> ControlError {
    ControlError::Unreadable(reason.to_string())
}

impl Listing {
    fn of(top: &AbsPath, recursive: bool) -> Result<Self, FileError> {
        let (mut listing, mut folders, mut files) = (Self::default(), vec![top.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).at("read", &folder)? {
                let entry = entry.at("read", &folder)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_folder = entry.file_type().at("look at", &folder)?.is_dir();
                match AbsPath::new(entry.path()) {
                    Ok(path) if is_folder => folders.extend(recursive.then_some(path)),
                    Ok(path) => files.push(path),
                    Err(error) if name.ends_with(".deb") => listing.problems.push(problem(&name, unreadable(error))),
                    Err(_) => {}
                }
            }
        }
        files.sort();
        for file in files {
            listing.note(top, file);
        }
        Ok(listing)
    }

    fn note(&mut self, top: &AbsPath, file: AbsPath) {
        if file.name().ends_with(".dsc") {
            self.dscs.push(file);
        } else if file.name().ends_with(".deb") {
            let below = file.as_str().strip_prefix(top.as_str()).unwrap_or_default().trim_start_matches('/');
            let path = PoolPath::new(below).map_err(unreadable);
            // What is no plain file could keep its reader waiting.
            let is_plain = fs::metadata(&file)
                .map_err(unreadable)
                .and_then(|found| found.is_file().then_some(()).ok_or_else(|| unreadable("it is no plain file")));
            match path.and_then(|path| is_plain.map(|()| path)) {
                Ok(path) => self.debs.push(DebFile::new(file, path)),
                Err(error) => self.problems.push(problem(below, error)),
            }
        }
    }
}

/// The stanza of a .deb in a Packages index, or what is wrong with it.
fn stanza(cx: &Context, deb: &DebFile) -> Result<Result<String, ControlError>, SourceError> {
    cx.cancel().check()?;
    let file = &deb.file;
    let opened = File::open(file).at("open", file)?;
    let length = opened.metadata().at("look at", file)?.len();
    let mut reader = HashingReader::new(BufReader::with_capacity(CHUNK, opened));
    let read = match Deb::read(cx, &mut reader, &DebLimits::default()) {
        Err(DebError::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(DebError::Read { source, .. }) if source.raw_os_error().is_some() => {
            return Err(FileError { action: "read", path: file.clone(), source }.into());
        }
        Err(error) => return Ok(Err(unreadable(chain(&error)))),
        Ok(read) => read,
    };
    let (size, sha256) = match deb.sha256 {
        Some(known) => (length, known),
        None => {
            io::copy(&mut reader, &mut io::sink()).at("read", file)?;
            reader.finish()
        }
    };
    Ok(located(&read.control, &deb.path, size, sha256))
}

/// The fields of a control file, then where the file is.
fn located(control: &str, path: &PoolPath, size: u64, sha256: Sha256) -> Result<String, ControlError> {
    let mut stanza = Stanza::new();
    for (name, value) in own_fields(&single_paragraph(control)?) {
        stanza.verbatim(name, value)?;
    }
    stanza.field("Filename", path)?.field("Size", size)?.field("SHA256", sha256)?;
    Ok(stanza.as_str().to_owned())
}

/// The source package of a .dsc, or what is wrong with it.
fn dsc(file: &AbsPath) -> Result<Result<SourceControl, ControlError>, SourceError> {
    if fs::metadata(file).at("look at", file)?.len() > LARGEST_DSC {
        return Ok(Err(unreadable("it is too large for a .dsc")));
    }
    Ok(SourceControl::from_unverified(&fs::read(file).at("read", file)?))
}
