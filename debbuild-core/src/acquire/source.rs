//! Fetching a source package: the newest (or the named) version of the opened suites, verified, as files in a folder.

use std::{fmt, fs, io, str::FromStr};

use super::{AcquireError, PoolFile, Suite};
use crate::{
    blocking,
    context::Context,
    control::{self, SourceControl, paragraphs},
    digest::{HashingReader, Sha256},
    name::SourceName,
    path::{AbsPath, IoResultExt as _},
    version::Version,
};

/// A source package that is wanted: `NAME` or `NAME=VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceRequest {
    /// Its name.
    pub name: SourceName,
    /// Its version; without one the newest by dpkg's order.
    pub version: Option<Version>,
}

impl SourceRequest {
    /// The newest version of this source package.
    #[must_use]
    pub const fn new(name: SourceName) -> Self {
        Self { name, version: None }
    }

    /// This version of it.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }
}

impl fmt::Display for SourceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}={version}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl FromStr for SourceRequest {
    type Err = SourceRequestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error =
            |reason: &dyn fmt::Display| SourceRequestError { text: text.to_owned(), reason: reason.to_string() };
        let (name, version) = text.split_once('=').map_or((text, None), |(name, version)| (name, Some(version)));
        let name = SourceName::new(name).map_err(|e| error(&e))?;
        let version = version.map(Version::new).transpose().map_err(|e| error(&e))?;
        Ok(Self { name, version })
    }
}

/// Text that names no source package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not NAME or NAME=VERSION of a source package: {text:?}: {reason}")]
pub struct SourceRequestError {
    /// The text.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

impl crate::error::Classify for SourceRequestError {
    fn class(&self) -> crate::error::Class {
        crate::error::Class::Usage
    }
}

/// A source package of an archive, as its verified index describes it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FoundSource {
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: Version,
    /// The name of the archive that has it.
    pub archive: String,
    /// The .dsc.
    pub dsc: PoolFile,
    /// All its files, the .dsc first.
    pub files: Vec<PoolFile>,
    suite: Suite,
}

/// A source package in a folder.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FetchedSource {
    /// What it is and where it came from.
    pub source: FoundSource,
    /// The .dsc.
    pub dsc: AbsPath,
    /// All its files, the .dsc first.
    pub files: Vec<AbsPath>,
}

/// Finds a source package in the indexes of these suites: the newest by dpkg's order, or the one of the version; of equal ones
/// that of the first suite. Versions that an archive keeps only for licences (`Extra-Source-Only`) are taken only when named.
///
/// # Errors
/// [`AcquireError::NoSource`], and as [`Suite::sources`].
pub async fn find_source(cx: &Context, suites: &[Suite], request: &SourceRequest) -> Result<FoundSource, AcquireError> {
    let mut best: Option<FoundSource> = None;
    for suite in suites {
        for component in suite.components() {
            let index = match suite.sources(cx, &component).await {
                Err(AcquireError::NoIndex { .. }) => continue,
                other => other?,
            };
            let (suite, request) = (suite.clone(), request.clone());
            for found in blocking::run(move || candidates(&suite, &index, &request)).await? {
                if best.as_ref().is_none_or(|best| found.version.compare(&best.version).is_gt()) {
                    best = Some(found);
                }
            }
        }
    }
    let suites: Vec<String> = suites.iter().map(|suite| suite.archive().what()).collect();
    best.ok_or_else(|| AcquireError::NoSource { wanted: request.to_string(), suites: suites.join(", ") })
}

/// Finds a source package and places its files into a folder, which must exist. Its .dsc is checked against the index, file by file.
///
/// # Errors
/// As [`find_source`] and [`Suite::file`]; [`AcquireError::Occupied`] when a file is there with other content, and then none is placed.
pub async fn fetch_source(
    cx: &Context,
    suites: &[Suite],
    request: &SourceRequest,
    into: &AbsPath,
) -> Result<FetchedSource, AcquireError> {
    let source = find_source(cx, suites, request).await?;
    let mut places = Vec::new();
    for file in &source.files {
        let blob = source.suite.file(cx, file).await?;
        let from = source.suite.store().local(cx, blob.id).await?;
        let name = file.path.rsplit('/').next().unwrap_or_default();
        places.push((from, into.child(name)?, blob.id));
    }
    let dsc = source.suite.store().read(cx, source.dsc.sha256, None).await?;
    check_dsc(&source, &dsc)?;
    let files: Vec<AbsPath> = places.iter().map(|(_, to, _)| to.clone()).collect();
    blocking::run(move || place(&places)).await?;
    Ok(FetchedSource { dsc: files[0].clone(), files, source })
}

/// The stanzas of an index that the request means.
fn candidates(suite: &Suite, index: &[u8], request: &SourceRequest) -> Result<Vec<FoundSource>, AcquireError> {
    let what = || format!("Sources of {}", suite.archive().what());
    let unreadable = |source| AcquireError::Control { what: what(), source };
    let text = control::utf8(index).map_err(unreadable)?;
    let mut found = Vec::new();
    // Stanzas are many and the name is in few of them: only those are taken apart.
    let chunks = text.split("\n\n").filter(|chunk| chunk.contains(request.name.as_str()));
    for paragraph in chunks.flat_map(paragraphs).flatten() {
        let kept_only = paragraph.get("Extra-Source-Only").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
        if paragraph.get("Package") != Some(request.name.as_str()) || (kept_only && request.version.is_none()) {
            continue;
        }
        let stanza = SourceControl::from_stanza(&paragraph).map_err(unreadable)?;
        let wanted = request.version.as_ref().is_none_or(|version| version.compare(&stanza.version).is_eq());
        let (Some(folder), Some(dsc), true) = (&stanza.directory, stanza.dsc_file(), wanted) else { continue };
        let pool = |file: &control::FileEntry| PoolFile::new(format!("{folder}/{}", file.name), file.size, file.sha256);
        let others = stanza.files.iter().filter(|file| file.name != dsc.name);
        found.push(FoundSource {
            name: stanza.source.clone(),
            version: stanza.version.clone(),
            archive: suite.archive().name.clone(),
            dsc: pool(dsc),
            files: std::iter::once(dsc).chain(others).map(pool).collect(),
            suite: suite.clone(),
        });
    }
    Ok(found)
}

/// The .dsc must name the same package and the same files as the index: what builds from it is what was verified.
fn check_dsc(source: &FoundSource, bytes: &[u8]) -> Result<(), AcquireError> {
    let what = source.dsc.path.clone();
    let dsc =
        SourceControl::from_unverified(bytes).map_err(|source| AcquireError::Control { what: what.clone(), source })?;
    let names =
        |path: &str, size: u64, sha256: Sha256| (path.rsplit('/').next().unwrap_or("").to_owned(), size, sha256);
    let mut listed: Vec<_> = dsc.files.iter().map(|f| names(f.name.as_str(), f.size, f.sha256)).collect();
    let mut indexed: Vec<_> = source.files[1..].iter().map(|f| names(&f.path, f.size, f.sha256)).collect();
    listed.sort_unstable();
    indexed.sort_unstable();
    if dsc.source == source.name && dsc.version == source.version && listed == indexed {
        return Ok(());
    }
    let reason = "it names other files, or another version, than the index of the archive".to_owned();
    Err(AcquireError::Index { archive: source.suite.archive().what(), path: what, reason })
}

fn place(places: &[(AbsPath, AbsPath, Sha256)]) -> Result<(), AcquireError> {
    let mut missing = Vec::new();
    for (from, to, id) in places {
        match fs::File::open(to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((from, to)),
            other => {
                let mut reader = HashingReader::new(other.at("open", to)?);
                io::copy(&mut reader, &mut io::sink()).at("read", to)?;
                if reader.finish().1 != *id {
                    return Err(AcquireError::Occupied { path: to.clone() });
                }
            }
        }
    }
    for (from, to) in missing {
        let partial = to.parent().child(&format!(".{}.partial", to.name()))?;
        let mut file = fs::File::create(&partial).at("create", &partial)?;
        io::copy(&mut fs::File::open(from).at("open", from)?, &mut file).at("write", &partial)?;
        file.sync_all().at("sync", &partial)?;
        fs::rename(&partial, to).at("rename to", to)?;
    }
    Ok(())
}
