//! From input files to entries of a suite and files of the pool; nothing is written here.

use std::{collections::HashMap, fs::File};

use md5::Digest as _;

use super::{Entry, EntryKind, Input, InputKind, Placement, Placing, PoolFile, RepoError, SuiteOptions, pool};
use crate::{
    context::Context,
    control::{
        BinaryPackage, Changes, ControlError, FileEntry, Paragraph, SourceControl, Stanza, signed_text,
        single_paragraph,
    },
    deb::{Deb, DebLimits},
    digest::{HashingReader, Sha256},
    error::chain,
    name::{ComponentName, FileName, PackageName, PoolPath},
    path::{AbsPath, IoResultExt as _},
};

/// The largest .dsc or .changes that is read, in bytes.
const LARGEST_CONTROL: u64 = 16 << 20;

/// An entry and the files that it needs in the pool.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) entry: Entry,
    pub(super) files: Vec<Placement>,
}

/// What reading an input needs to know.
#[derive(Debug)]
pub(super) struct Ingest<'a> {
    pub(super) cx: &'a Context,
    pub(super) options: &'a SuiteOptions,
    pub(super) how: Placing,
    /// Entries by the digest of their .deb or .dsc: what is known is not read again.
    pub(super) known: &'a HashMap<Sha256, Entry>,
}

fn refuse<T>(file: &AbsPath, reason: impl ToString) -> Result<T, RepoError> {
    Err(input_error(file, reason))
}

fn input_error(file: &AbsPath, reason: impl ToString) -> RepoError {
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

    fn known(&self, component: &ComponentName, sha256: Option<Sha256>) -> Option<&Entry> {
        let entry = self.known.get(&sha256?)?;
        (entry.component == *component).then_some(entry)
    }

    fn binary(&self, component: &ComponentName, input: &Input) -> Result<Taken, RepoError> {
        let (size, sha256) = measure(input)?;
        if let Some(entry) = self.known(component, Some(sha256)) {
            let files = entry.files.iter().map(|file| self.placement(file, input.file.clone())).collect();
            return Ok(Taken { entry: entry.clone(), files });
        }
        let control = self.control(input)?;
        let package = BinaryPackage::from_control(&control).map_err(|error| input_error(&input.file, chain(&error)))?;
        if !package.architecture.is_all() && !self.options.architectures.contains(&package.architecture) {
            return self.undeclared("architecture", &package.architecture);
        }
        let name = pool::binary_name(&package.package, &package.version, &package.architecture)?;
        let path = pool::file(&pool::folder(component, &package.source)?, &name)?;
        let file = PoolFile { path, size, sha256 };
        let stanza = binary_stanza(&control, &file).map_err(|error| input_error(&input.file, chain(&error)))?;
        let entry = Entry {
            kind: EntryKind::Binary,
            component: component.clone(),
            name: package.package,
            version: package.version,
            architecture: Some(package.architecture),
            source: package.source,
            source_version: package.source_version,
            files: vec![file.clone()],
            stanza,
        };
        Ok(Taken { entry, files: vec![self.placement(&file, input.file.clone())] })
    }

    fn control(&self, input: &Input) -> Result<String, RepoError> {
        let control = match &input.control {
            Some(control) => control.clone(),
            None => {
                let file = File::open(&input.file).at("open", &input.file)?;
                let deb = Deb::read(self.cx, file, &DebLimits::default());
                deb.map_err(|error| input_error(&input.file, chain(&error)))?.control
            }
        };
        let paragraph = single_paragraph(&control).map_err(|error| input_error(&input.file, chain(&error)))?;
        match paragraph.get("Package-Type") {
            None | Some("deb") => Ok(control),
            Some(other) => refuse(&input.file, format_args!("packages of type {other} are not published")),
        }
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
        let bad = |error: ControlError| input_error(&input.file, chain(&error));
        let control = SourceControl::from_unverified(&dsc).map_err(bad)?;
        let folder = pool::folder(component, &control.source)?;
        let own = FileName::new(&format!("{}_{}.dsc", control.source, control.version.without_epoch()))?;
        let mut files = vec![self.placement(
            &PoolFile { path: pool::file(&folder, &own)?, size: dsc.len() as u64, sha256 },
            input.file.clone(),
        )];
        for listed in &control.files {
            files.push(self.source_file(input, &folder, listed)?);
        }
        let text = signed_text(&dsc).map_err(bad)?;
        let stanza = single_paragraph(&text)
            .and_then(|paragraph| source_stanza(&paragraph, &folder, (&own, &dsc), listed))
            .map_err(bad)?;
        let entry = Entry {
            kind: EntryKind::Source,
            component: component.clone(),
            name: PackageName::new(control.source.as_str())?,
            version: control.version.clone(),
            architecture: None,
            source: control.source,
            source_version: control.version,
            files: files.iter().map(|f| PoolFile { path: f.path.clone(), size: f.size, sha256: f.sha256 }).collect(),
            stanza,
        };
        Ok(Taken { entry, files })
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
        Ok(self.placement(&in_pool, file))
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
                Some("deb") => {
                    let input = Input::new(InputKind::Binary, file).with_sha256(listed.file.sha256);
                    taken.push(self.binary(component, &input)?);
                }
                Some("dsc") => {
                    let input = Input::new(InputKind::Source, file).with_sha256(listed.file.sha256);
                    taken.push(self.source(component, &input, Some((&listed.section, &listed.priority)))?);
                }
                Some("udeb") => return refuse(&file, "installer packages (.udeb) are not published"),
                _ => {}
            }
        }
        if taken.is_empty() { refuse(&input.file, "it lists no .deb and no .dsc") } else { Ok(taken) }
    }

    fn placement(&self, file: &PoolFile, from: AbsPath) -> Placement {
        Placement::new(file.path.clone(), from, file.size, file.sha256, self.how)
    }
}

/// Size in bytes and digest of an input. With a promised digest the bytes are not read here: placing them checks it.
fn measure(input: &Input) -> Result<(u64, Sha256), RepoError> {
    let file = File::open(&input.file).at("open", &input.file)?;
    if let Some(promised) = input.sha256 {
        return Ok((file.metadata().at("look at", &input.file)?.len(), promised));
    }
    let mut reader = HashingReader::new(file);
    std::io::copy(&mut reader, &mut std::io::sink()).at("read", &input.file)?;
    Ok(reader.finish())
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

/// The control file's fields as they are, then where the file is.
fn binary_stanza(control: &str, file: &PoolFile) -> Result<String, ControlError> {
    const OURS: [&str; 7] = ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Status"];
    let paragraph = single_paragraph(control)?;
    let mut stanza = Stanza::new();
    for (name, value) in paragraph.fields().filter(|(name, _)| !is_one_of(name, &OURS)) {
        stanza.verbatim(name, value)?;
    }
    stanza.field("Filename", &file.path)?.field("Size", file.size)?.field("SHA256", file.sha256)?;
    Ok(stanza.as_str().to_owned())
}

/// The .dsc's fields as they are, with `Package` for `Source`, the folder, and the .dsc itself before the files that it lists.
fn source_stanza(
    paragraph: &Paragraph<'_>,
    folder: &PoolPath,
    (name, dsc): (&FileName, &[u8]),
    listed: Option<(&str, &str)>,
) -> Result<String, ControlError> {
    const OURS: [&str; 4] = ["Source", "Directory", "Section", "Priority"];
    let mut stanza = Stanza::new();
    stanza.field("Package", paragraph.get("Source").unwrap_or_default())?;
    for (field, value) in paragraph.fields().filter(|(name, _)| !is_one_of(name, &OURS)) {
        let sum = match field.to_ascii_lowercase().as_str() {
            "files" => hex::encode(md5::Md5::digest(dsc)),
            "checksums-sha1" => hex::encode(sha1::Sha1::digest(dsc)),
            "checksums-sha256" => Sha256::of(dsc).to_string(),
            // The .dsc's own sum would be missing: a list that is not whole is worse than none.
            "checksums-sha512" | "checksums-md5" => continue,
            _ => {
                stanza.verbatim(field, value)?;
                continue;
            }
        };
        let own = format!("{sum} {} {name}", dsc.len());
        stanza.list(field, std::iter::once(own.as_str()).chain(paragraph.lines(field)))?;
    }
    stanza.field("Directory", folder)?;
    let own = (paragraph.get("Section"), paragraph.get("Priority"));
    let (section, priority) = listed.map_or(own, |(section, priority)| (Some(section), Some(priority)));
    stanza.optional("Section", section)?.optional("Priority", priority)?;
    Ok(stanza.as_str().to_owned())
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}
