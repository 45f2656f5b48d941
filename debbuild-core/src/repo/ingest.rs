//! From input files to entries of a suite and files of the pool; nothing is written here.

use std::{
    collections::HashMap,
    fs, io,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    BuiltUsing, Entry, EntryKind, Input, InputKind, Overrides, Placement, Placing, PoolFile, RepoError, SuiteOptions,
    bring::{Brought, bring},
    catalog::{Catalog, Known},
    overrides::is_word,
    pool,
    seen::{Seen, Stamp},
    stanza,
    told::given,
};
use crate::{
    context::Context,
    control::{BinaryPackage, Changes, ControlError, FileEntry, SourceControl, built_using, single_paragraph, utf8},
    deb::{self, Deb, DebError, DebLimits},
    digest::Sha256,
    error::chain,
    name::{ComponentName, FileName, PackageName, PoolPath},
    path::{AbsPath, IoResultExt as _},
};

/// The largest .dsc or .changes that is read, in bytes.
const LARGEST_CONTROL: u64 = 16 << 20;

/// An entry, and what is new because of it.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) entry: Entry,
    /// Whether it has debug symbols of another package.
    pub(super) is_debug: bool,
    /// The files that it needs in the pool; none where it is in the suite already.
    pub(super) files: Vec<Placement>,
    /// What the catalog did not know.
    pub(super) known: Vec<Known>,
    /// The file that was read.
    pub(super) read: Option<(AbsPath, Stamp, Sha256)>,
}

/// What reading an input needs to know.
#[derive(Debug)]
pub(super) struct Ingest<'a> {
    pub(super) cx: &'a Context,
    pub(super) options: &'a SuiteOptions,
    pub(super) how: Placing,
    /// Whether paths are wanted, for Contents.
    pub(super) contents: bool,
    pub(super) overrides: &'a Overrides,
    /// Entries by the digest of their .deb or .dsc, and whether they are in the suite of debug symbols: what is known is not
    /// read again.
    pub(super) staged: HashMap<Sha256, (&'a Entry, bool)>,
    pub(super) catalog: &'a Catalog,
    pub(super) seen: &'a Seen,
    /// The folder of the repository.
    pub(super) dir: &'a AbsPath,
    /// A folder for copies and links, on the file system of the pool.
    pub(super) scratch: AbsPath,
    pub(super) count: AtomicUsize,
}

fn refuse<T>(file: &AbsPath, reason: impl ToString) -> Result<T, RepoError> {
    Err(input_error(file, reason))
}

pub(super) fn input_error(file: &AbsPath, reason: impl ToString) -> RepoError {
    RepoError::Input { file: file.to_string(), reason: reason.to_string() }
}

impl Ingest<'_> {
    /// Reads one input.
    pub(super) fn take(&self, component: &ComponentName, input: &Input) -> Result<Vec<Taken>, RepoError> {
        self.cx.cancel().check()?;
        if !self.options.components.contains(component) {
            return self.undeclared("component", component);
        }
        match input.kind {
            InputKind::Binary => Ok(vec![self.binary(component, input)?]),
            InputKind::Source => Ok(vec![self.source(component, input, None)?]),
            InputKind::Changes => self.changes(component, input),
        }
    }

    fn undeclared<T>(&self, kind: &'static str, name: impl ToString) -> Result<T, RepoError> {
        Err(RepoError::Undeclared { suite: self.options.suite.clone(), kind, name: name.to_string() })
    }

    fn binary(&self, component: &ComponentName, input: &Input) -> Result<Taken, RepoError> {
        let metadata = fs::metadata(&input.file).at("look at", &input.file)?;
        let stamp = Stamp::of(&metadata);
        let promised = input.sha256.or_else(|| self.seen.digest(&input.file, &stamp));
        if let Some(staged) = self.staged(component, promised, input)? {
            return Ok(staged);
        }
        let unread = |sha256| Brought { size: metadata.len(), sha256, file: input.file.clone() };
        let (brought, (control, paths)) = match (promised, &input.control) {
            // With a promised digest the bytes are not read here: placing them checks it.
            (Some(sha256), Some(control)) => (unread(sha256), (control.clone(), None)),
            (Some(sha256), None) if self.knows(sha256) => {
                let known = self.catalog.text(sha256)?;
                let control = utf8(&known).map_err(|error| input_error(&input.file, chain(&error)))?;
                (unread(sha256), (control.to_owned(), None))
            }
            (_, given) => {
                let file = self.scratch.child(&self.count.fetch_add(1, Ordering::Relaxed).to_string())?;
                let (brought, inside) = bring(&input.file, file, self.how, |reader| match given {
                    Some(control) => Ok((control.clone(), None)),
                    None => self.inside(input, reader),
                })?;
                check_promise(input, brought.size, brought.sha256)?;
                if let Some(staged) = self.staged(component, Some(brought.sha256), input)? {
                    return Ok(Taken { read: Some((input.file.clone(), stamp, brought.sha256)), ..staged });
                }
                (brought, inside?)
            }
        };
        let (mut entry, is_debug) = self.binary_entry(component, input, &control, &brought)?;
        let is_read = brought.file != input.file;
        let known;
        (entry.control, known) = self.known(brought.sha256, control, paths)?;
        Ok(Taken {
            files: entry.files.iter().map(|file| self.placement(file, input, &brought)).collect(),
            entry: self.overridden(entry),
            is_debug,
            known,
            read: is_read.then(|| (input.file.clone(), stamp, brought.sha256)),
        })
    }

    fn binary_entry(
        &self,
        component: &ComponentName,
        input: &Input,
        control: &str,
        brought: &Brought,
    ) -> Result<(Entry, bool), RepoError> {
        let bad = |error: ControlError| input_error(&input.file, chain(&error));
        let package = BinaryPackage::from_control(control).map_err(bad)?;
        if !package.architecture.is_all() && !self.options.architectures.contains(&package.architecture) {
            return self.undeclared("architecture", &package.architecture);
        }
        let paragraph = single_paragraph(control).map_err(bad)?;
        let kind = match paragraph.get("Package-Type") {
            None | Some("deb") if input.file.name().ends_with(".udeb") => EntryKind::Udeb,
            None | Some("deb") => EntryKind::Binary,
            Some("udeb") => EntryKind::Udeb,
            Some(other) => return refuse(&input.file, format_args!("packages of type {other} are not published")),
        };
        let name = pool::binary_name(&package.package, &package.version, &package.architecture, kind)?;
        let path = pool::file(&pool::folder(component, &package.source)?, &name)?;
        let used = built_using(&paragraph).into_iter().map(|(source, version)| BuiltUsing { source, version });
        let entry = Entry {
            kind,
            component: component.clone(),
            name: package.package,
            version: package.version,
            architecture: Some(package.architecture),
            source: package.source,
            source_version: package.source_version,
            section: None,
            priority: None,
            built_using: used.collect(),
            files: vec![PoolFile { path, size: brought.size, sha256: brought.sha256 }],
            control: None,
        };
        // What cannot be written into an index is refused now.
        stanza::binary(control, &entry, false).map_err(bad)?;
        let is_debug = paragraph.get("Auto-Built-Package") == Some("debug-symbols");
        Ok((entry, is_debug))
    }

    /// The control file of a package, and where they are wanted the paths of its files.
    fn inside(&self, input: &Input, reader: impl io::Read) -> Result<(String, Option<Vec<String>>), RepoError> {
        let limits = DebLimits::default();
        let bad = |error: DebError| match error {
            DebError::Cancelled(cancelled) => RepoError::Cancelled(cancelled),
            error => input_error(&input.file, chain(&error)),
        };
        if !self.contents {
            return Ok((Deb::read(self.cx, reader, &limits).map_err(bad)?.control, None));
        }
        let (deb, entries) = Deb::read_all(self.cx, reader, &limits).map_err(bad)?;
        let files = entries.into_iter().filter(|entry| entry.kind != deb::EntryKind::Directory);
        // Lists hold one path a line.
        let mut paths: Vec<String> = files.map(|entry| entry.path).filter(|path| !path.contains('\n')).collect();
        paths.sort_unstable();
        Ok((deb.control, Some(paths)))
    }

    fn source(
        &self,
        component: &ComponentName,
        input: &Input,
        listed: Option<(&str, &str)>,
    ) -> Result<Taken, RepoError> {
        let dsc = small_file(&input.file)?;
        let sha256 = Sha256::of(&dsc);
        check_promise(input, dsc.len() as u64, sha256)?;
        if let Some(staged) = self.staged(component, Some(sha256), input)? {
            return Ok(staged);
        }
        let bad = |error: ControlError| input_error(&input.file, chain(&error));
        let control = SourceControl::from_unverified(&dsc).map_err(bad)?;
        let folder = pool::folder(component, &control.source)?;
        let own = FileName::new(&format!("{}_{}.dsc", control.source, control.version.without_epoch()))?;
        let own = PoolFile { path: pool::file(&folder, &own)?, size: dsc.len() as u64, sha256 };
        let mut files = vec![self.unread(&own, input.file.clone())];
        for listed in &control.files {
            files.push(self.source_file(input, &folder, listed)?);
        }
        let word = |part: &str| is_word(part).then(|| part.to_owned());
        let entry = Entry {
            kind: EntryKind::Source,
            component: component.clone(),
            name: PackageName::new(control.source.as_str())?,
            version: control.version.clone(),
            architecture: None,
            source: control.source,
            source_version: control.version,
            section: listed.and_then(|(section, _)| word(section)),
            priority: listed.and_then(|(_, priority)| word(priority)),
            built_using: Vec::new(),
            files: files.iter().map(|f| PoolFile { path: f.path.clone(), size: f.size, sha256: f.sha256 }).collect(),
            control: None,
        };
        let entry = self.overridden(given(entry, &input.given));
        stanza::source(&dsc, &entry).map_err(bad)?;
        let known = (!self.catalog.has(sha256)).then_some(Known { sha256, text: dsc, paths: None });
        Ok(Taken { entry, is_debug: false, files, known: known.into_iter().collect(), read: None })
    }

    fn source_file(&self, input: &Input, folder: &PoolPath, listed: &FileEntry) -> Result<Placement, RepoError> {
        let given = input.files.iter().find(|file| file.name == listed.name).map(|file| file.file.clone());
        let file = match given {
            Some(file) => file,
            None => input.file.parent().child(listed.name.as_str())?,
        };
        if !file.as_std().is_file() {
            return refuse(&input.file, format_args!("it lists {}, which is not there", listed.name));
        }
        let in_pool = PoolFile { path: pool::file(folder, &listed.name)?, size: listed.size, sha256: listed.sha256 };
        Ok(self.unread(&in_pool, file))
    }

    fn changes(&self, component: &ComponentName, input: &Input) -> Result<Vec<Taken>, RepoError> {
        let bytes = small_file(&input.file)?;
        check_promise(input, bytes.len() as u64, Sha256::of(&bytes))?;
        let changes = Changes::from_unverified(&bytes).map_err(|error| input_error(&input.file, chain(&error)))?;
        let mut taken = Vec::new();
        for listed in &changes.files {
            let file = input.file.parent().child(listed.file.name.as_str())?;
            if !file.as_std().is_file() {
                return refuse(&input.file, format_args!("it lists {}, which is not there", listed.file.name));
            }
            match listed.file.name.as_str().rsplit_once('.').map(|(_, ending)| ending) {
                Some("deb" | "udeb") => {
                    let input = Input::new(InputKind::Binary, file).with_sha256(listed.file.sha256);
                    let binary = self.binary(component, &input)?;
                    is_of(&changes, &binary.entry).or_else(|reason| refuse(&input.file, reason))?;
                    taken.push(binary);
                }
                Some("dsc") => {
                    let input = Input::new(InputKind::Source, file).with_sha256(listed.file.sha256);
                    let source = self.source(component, &input, Some((&listed.section, &listed.priority)))?;
                    is_of(&changes, &source.entry).or_else(|reason| refuse(&input.file, reason))?;
                    taken.push(source);
                }
                _ => {}
            }
        }
        if taken.is_empty() { refuse(&input.file, "it lists no .deb and no .dsc") } else { Ok(taken) }
    }

    fn unread(&self, file: &PoolFile, from: AbsPath) -> Placement {
        Placement::new(file.path.clone(), from, file.size, file.sha256, self.how)
    }

    fn placement(&self, file: &PoolFile, input: &Input, brought: &Brought) -> Placement {
        if brought.file == input.file {
            return self.unread(file, input.file.clone());
        }
        Placement::new(file.path.clone(), brought.file.clone(), file.size, file.sha256, Placing::Link).checked()
    }
}

/// Whether a package is one of this .changes: of its source, in its version, for one of its architectures.
fn is_of(changes: &Changes, entry: &Entry) -> Result<(), String> {
    if (&entry.source, &entry.source_version) != (&changes.source, &changes.source_version) {
        let (theirs, ours) = (&entry.source, &changes.source);
        return Err(format!(
            "it is of the source {theirs} {}, the .changes of {ours} {}",
            entry.source_version, changes.source_version
        ));
    }
    match &entry.architecture {
        Some(architecture) if !changes.architectures.contains(architecture) => {
            Err(format!("its architecture {architecture} is none of the .changes"))
        }
        None if !changes.has_source => Err("the .changes says that it has no source".to_owned()),
        _ => Ok(()),
    }
}

fn small_file(path: &AbsPath) -> Result<Vec<u8>, RepoError> {
    if std::fs::metadata(path).at("look at", path)?.len() > LARGEST_CONTROL {
        return refuse(path, "it is too large for a control file");
    }
    Ok(std::fs::read(path).at("read", path)?)
}

fn check_promise(input: &Input, size: u64, sha256: Sha256) -> Result<(), RepoError> {
    match input.sha256 {
        Some(promised) if promised != sha256 => Err(RepoError::Mismatch {
            file: input.file.to_string(),
            expected: promised.to_string(),
            actual: format!("{sha256}, {size} bytes"),
        }),
        _ => Ok(()),
    }
}
