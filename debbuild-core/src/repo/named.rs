//! What the indexes of a suite name, and where they contradict each other: pool, sources, Contents, Translation-en.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io::{self, BufRead, BufReader},
};

use bytes::Bytes;

use super::{Finding, RepoError, stanza::description_md5};
use crate::{
    acquire::{ENDINGS, unpack},
    blocking,
    cancel::CancelToken,
    context::Context,
    control::{
        self, BinaryPackage, ControlError, Paragraph, ParagraphReader, ReleaseFile, SourceControl, StreamError,
        stream_contents,
    },
    digest::HashingReader,
    error::chain,
    name::{NameError, PoolPath},
};

/// The most bytes of an index once it is decompressed.
const LARGEST_INDEX: u64 = 2 << 30;

/// Name and version of a source.
type SourceKey = (String, String);

/// What an index tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Packages,
    Sources,
    Translation,
    Contents,
}

impl Tells {
    /// By the path without the ending of a compression; `None` for what is only compared with its digest.
    pub(super) fn of(stem: &str) -> Option<Self> {
        match stem.rsplit('/').next().unwrap_or_default() {
            "Packages" => Some(Self::Packages),
            "Sources" => Some(Self::Sources),
            "Translation-en" => Some(Self::Translation),
            "Contents-source" => None,
            name => name.starts_with("Contents-").then_some(Self::Contents),
        }
    }

    /// Whether clients ask for it before anything else.
    pub(super) const fn is_needed(self) -> bool {
        matches!(self, Self::Packages | Self::Sources)
    }
}

/// What the indexes said so far. Memory is for names and digests only.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Files of the pool, each with the number of the index that named it first.
    files: BTreeMap<PoolPath, (ReleaseFile, usize)>,
    indexes: Vec<String>,
    sources: BTreeSet<SourceKey>,
    /// The sources that something was built from or has parts of, with what, and the index that lists that.
    needed: BTreeMap<SourceKey, (String, usize)>,
    /// The names in each Packages, by its path below the suite.
    packages: BTreeMap<String, HashSet<String>>,
    /// Descriptions that are elsewhere, by their md5 and with a package that has them, by component.
    described: BTreeMap<String, HashMap<u128, String>>,
    /// The md5s in each Translation-en, by component, with its path.
    translations: BTreeMap<String, (String, HashSet<u128>)>,
    /// The names in each Contents, by its path below the suite, with the whole path.
    contents: BTreeMap<String, (String, HashSet<String>)>,
    /// What is odd in an index itself.
    odd: Vec<Finding>,
}

impl Named {
    /// Reads an index below `dists/SUITE`; gives what is wrong with it.
    ///
    /// # Errors
    /// Of the stream.
    pub(super) fn read(
        &mut self,
        tells: Tells,
        stem: &str,
        index: &str,
        input: impl BufRead,
    ) -> io::Result<Vec<Finding>> {
        self.indexes.push(index.to_owned());
        let mut wrong = Vec::new();
        let mut find = |problem: String| wrong.push(Finding { path: index.to_owned(), problem });
        if tells == Tells::Contents {
            let (_, names) = self.contents.entry(stem.to_owned()).or_insert_with(|| (index.to_owned(), HashSet::new()));
            for found in stream_contents(input) {
                let found = found?;
                found.problems.into_iter().for_each(|problem| find(problem.to_string()));
                for package in found.value.into_iter().flat_map(|entry| entry.packages) {
                    if !names.contains(package.package.as_str()) {
                        names.insert(package.package.to_string());
                    }
                }
            }
            return Ok(wrong);
        }
        if tells == Tells::Packages {
            self.packages.entry(stem.to_owned()).or_default();
        }
        let mut stanzas = ParagraphReader::new(input);
        loop {
            let read = match stanzas.read() {
                Ok(None) => return Ok(wrong),
                Err(StreamError::Read(error)) => return Err(error),
                Err(StreamError::Control(error)) => Err((String::new(), error)),
                Ok(Some(stanza)) => self.stanza(tells, stem, index, &stanza).map_err(|error| {
                    (stanza.get("Package").map_or_else(String::new, |name| format!("{name}: ")), error)
                }),
            };
            match read {
                Ok(problem) => problem.into_iter().for_each(&mut find),
                Err((subject, error)) => find(format!("{subject}{}", chain(&error))),
            }
        }
    }

    /// Takes a stanza; gives a contradiction to an earlier index.
    fn stanza(
        &mut self,
        tells: Tells,
        stem: &str,
        index: &str,
        stanza: &Paragraph<'_>,
    ) -> Result<Option<String>, ControlError> {
        match tells {
            Tells::Packages => self.binary(stem, stanza),
            Tells::Sources => self.source(stanza),
            _ => {
                self.translation(stem, index, stanza);
                Ok(None)
            }
        }
    }

    fn binary(&mut self, stem: &str, stanza: &Paragraph<'_>) -> Result<Option<String>, ControlError> {
        let package = BinaryPackage::from_stanza(stanza)?;
        let own = (package.source.to_string(), package.source_version.to_string());
        let others = control::built_using(stanza);
        let others = others.into_iter().map(|(source, version)| (source.to_string(), version.to_string()));
        let number = self.indexes.len() - 1;
        for (source, why) in std::iter::once((own, "was built from")).chain(others.map(|one| (one, "has parts of"))) {
            let by = || (format!("{} {} {why}", package.package, package.version), number);
            self.needed.entry(source).or_insert_with(by);
        }
        // The installer has no translations.
        let elsewhere = stanza.get("Description-md5").filter(|_| !stem.contains("/debian-installer/"));
        if let Some(md5) = elsewhere.and_then(md5) {
            self.described
                .entry(component(stem))
                .or_default()
                .entry(md5)
                .or_insert_with(|| package.package.to_string());
        }
        self.packages.entry(stem.to_owned()).or_default().insert(package.package.to_string());
        let Some(at) = package.location else { return Ok(None) };
        Ok(self.file(at.filename, ReleaseFile { size: at.size, sha256: at.sha256 }))
    }

    fn source(&mut self, stanza: &Paragraph<'_>) -> Result<Option<String>, ControlError> {
        let source = SourceControl::from_stanza(stanza)?;
        self.sources.insert((source.source.to_string(), source.version.to_string()));
        let Some(folder) = source.directory else { return Ok(None) };
        let mut problem = None;
        for file in source.files {
            let path: Result<PoolPath, NameError> = PoolPath::new(&format!("{folder}/{}", file.name));
            let path = path.map_err(|error| stanza.error("Directory", error))?;
            problem = problem.or(self.file(path, ReleaseFile { size: file.size, sha256: file.sha256 }));
        }
        Ok(problem)
    }

    fn translation(&mut self, stem: &str, index: &str, stanza: &Paragraph<'_>) {
        let Some((said, md5)) = stanza.get("Description-md5").and_then(|said| Some((said, md5(said)?))) else { return };
        let known = self.translations.entry(component(stem)).or_insert_with(|| (index.to_owned(), HashSet::new()));
        known.1.insert(md5);
        if stanza.get("Description-en").is_some_and(|text| description_md5(text) != said) {
            let name = stanza.get("Package").unwrap_or_default();
            let problem = format!("{name}: {said} is not the md5 of this description");
            self.odd.push(Finding { path: index.to_owned(), problem });
        }
    }

    /// Takes a file of the pool; says where another index has it otherwise.
    fn file(&mut self, path: PoolPath, listed: ReleaseFile) -> Option<String> {
        let number = self.indexes.len() - 1;
        let (first, by) = *self.files.entry(path.clone()).or_insert((listed, number));
        (first != listed).then(|| {
            let other = self.indexes.get(by).filter(|_| by != number);
            let other = other.map_or("before", String::as_str);
            format!("it lists {path} with another size or sha256 than {other}")
        })
    }

    /// The files of the pool that are named.
    pub(super) fn files(&self) -> BTreeMap<PoolPath, ReleaseFile> {
        self.files.iter().map(|(path, (file, _))| (path.clone(), *file)).collect()
    }

    /// What is odd in an index, or when all of them are seen together.
    pub(super) fn odd(mut self) -> Vec<Finding> {
        let mut odd = std::mem::take(&mut self.odd);
        odd.extend(self.without_source());
        odd.extend(self.without_description());
        odd.extend(self.unknown_in_contents());
        odd
    }

    /// Binary packages whose source the suite does not have. A suite without any source is one of binary packages only.
    fn without_source(&self) -> Vec<Finding> {
        if self.sources.is_empty() {
            return Vec::new();
        }
        let missing = self.needed.iter().filter(|(source, _)| !self.sources.contains(source));
        let finding = |((source, version), (by, index)): (&SourceKey, &(String, usize))| Finding {
            path: self.indexes.get(*index).cloned().unwrap_or_default(),
            problem: format!("{by} source {source} {version}, which the suite does not have"),
        };
        missing.map(finding).collect()
    }

    /// Packages whose description should be in Translation-en, where the component has one.
    fn without_description(&self) -> Vec<Finding> {
        let odd = self.translations.iter().filter_map(|(component, (index, there))| {
            let described = self.described.get(component)?;
            let missing = described.iter().filter(|(md5, _)| !there.contains(md5)).map(|(_, name)| name.as_str());
            several(index, missing, "it lacks the long description of packages")
        });
        odd.collect()
    }

    /// Names in Contents that the Packages of the same architecture, or of `all`, do not have.
    fn unknown_in_contents(&self) -> Vec<Finding> {
        let odd = self.contents.iter().filter_map(|(stem, (index, names))| {
            let (folder, file) = stem.rsplit_once('/').unwrap_or(("", stem));
            let name = file.strip_prefix("Contents-")?;
            let (below, architecture) =
                name.strip_prefix("udeb-").map_or(("", name), |rest| ("debian-installer/", rest));
            let its = |path: &str| {
                let rest = path.strip_prefix(folder)?.trim_start_matches('/');
                // Some archives have one for all components, at the top of the suite.
                let rest = if folder.is_empty() { rest.split_once('/')?.1 } else { rest };
                let of = rest.strip_prefix(below)?.strip_prefix("binary-")?.strip_suffix("/Packages")?;
                Some(of == architecture || of == "all")
            };
            let lists: Vec<_> = self.packages.iter().filter(|(path, _)| its(path) == Some(true)).collect();
            if lists.is_empty() {
                return None;
            }
            let unknown = names.iter().filter(|name| !lists.iter().any(|(_, known)| known.contains(*name)));
            several(index, unknown.map(String::as_str), "it names packages that the suite does not have")
        });
        odd.collect()
    }
}

/// One finding for all of these, with the first by its name.
fn several<'a>(path: &str, names: impl Iterator<Item = &'a str>, what: &str) -> Option<Finding> {
    let names: BTreeSet<&str> = names.collect();
    let first = names.first()?;
    let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
    Some(Finding { path: path.to_owned(), problem: format!("{what}: {first}{more}") })
}

/// The component of an index, by its path below `dists/SUITE`.
fn component(stem: &str) -> String {
    let parts = ["/binary-", "/debian-installer/", "/source/", "/i18n/"];
    let end = parts.iter().filter_map(|part| stem.find(part)).min();
    stem.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

fn md5(text: &str) -> Option<u128> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// A file that holds an index, to be unpacked and compared with what the Release says of the text, and perhaps read.
#[derive(Debug)]
pub(super) struct Unpacking {
    pub(super) path: String,
    pub(super) stem: String,
    pub(super) plain: Option<ReleaseFile>,
    pub(super) tells: Option<Tells>,
}

impl Unpacking {
    /// Gives also what is still to be read: nothing more, once one form was read to its end.
    pub(super) async fn run(
        self,
        cx: &Context,
        bytes: Bytes,
        mut named: Named,
    ) -> Result<(Named, Vec<Finding>, Option<Tells>), RepoError> {
        let cancel = cx.cancel().clone();
        let done = blocking::run(move || match self.read(&bytes, &cancel, &mut named) {
            Ok(findings) => (named, findings, None),
            Err(error) => (named, vec![Finding { path: self.path, problem: error.to_string() }], self.tells),
        })
        .await;
        cx.cancel().check()?;
        Ok(done)
    }

    fn read(&self, bytes: &[u8], cancel: &CancelToken, named: &mut Named) -> io::Result<Vec<Finding>> {
        let limit = self.plain.map_or(LARGEST_INDEX, |file| file.size.min(LARGEST_INDEX));
        let text = HashingReader::new(unpack(&self.path, bytes, limit, cancel)?);
        let mut text = BufReader::with_capacity(128 * 1024, text);
        let mut findings = match self.tells {
            Some(tells) => named.read(tells, &self.stem, &self.path, &mut text)?,
            None => Vec::new(),
        };
        io::copy(&mut text, &mut io::sink())?;
        let (size, sha256) = text.into_inner().finish();
        if self.plain.is_some_and(|listed| listed != ReleaseFile { size, sha256 }) {
            let problem = "unpacked it is not what the Release says".to_owned();
            findings.push(Finding { path: self.path.clone(), problem });
        }
        Ok(findings)
    }
}

/// The path of an index without the ending of its compression.
pub(super) fn stem(path: &str) -> &str {
    ENDINGS.into_iter().filter(|ending| !ending.is_empty()).find_map(|ending| path.strip_suffix(ending)).unwrap_or(path)
}
