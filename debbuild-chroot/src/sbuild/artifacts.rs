//! What a build left: everything that its .changes lists, nothing else, and each file as the list says.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
};

use debbuild_core::{
    arch::Architecture,
    build::Artifact,
    control::{Buildinfo, Changes, SourceControl},
    digest::{HashingReader, Sha256},
    path::{AbsPath, IoResultExt as _},
};

/// The largest .changes and .buildinfo that are read, in bytes.
const CONTROL_LIMIT: u64 = 16 << 20;

/// The verified files of a build.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Artifacts {
    /// The files, the .changes first.
    pub files: Vec<Artifact>,
    /// What the .changes says.
    pub changes: Changes,
    /// What the .buildinfo says, if there is one.
    pub buildinfo: Option<Buildinfo>,
}

/// Whose fault it is when the files are not right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The package made something else than it says.
    #[error("the package made something else than it says: {0}")]
    Source(String),
    /// Files did not come out of the chroot as they were made.
    #[error("the results did not come out of the chroot: {0}")]
    Lost(String),
}

/// Reads and checks what is in `folder` after a build of `source` for `architecture`.
///
/// # Errors
/// [`ArtifactError`] naming the file.
pub fn verify(
    folder: &AbsPath,
    source: &SourceControl,
    architecture: &Architecture,
) -> Result<Artifacts, ArtifactError> {
    let lost = |error: debbuild_core::path::FileError| ArtifactError::Lost(debbuild_core::error::chain(&error));
    let name = format!("{}_{}_{architecture}.changes", source.source, source.version.without_epoch());
    let path = folder.child(&name).map_err(|error| ArtifactError::Source(error.to_string()))?;
    let bytes = read(&path).map_err(lost)?;
    let changes = Changes::from_unverified(&bytes).map_err(|error| {
        ArtifactError::Source(format!("{name} cannot be read: {}", debbuild_core::error::chain(&error)))
    })?;
    if changes.source != source.source || changes.source_version != source.version || changes.version != source.version
    {
        let made =
            format!("{} {} where {} {} was built", changes.source, changes.version, source.source, source.version);
        return Err(ArtifactError::Source(made));
    }
    let mut files = vec![Artifact {
        kind: "changes".to_owned(),
        size: bytes.len() as u64,
        sha256: Sha256::of(&bytes),
        name: name.clone(),
    }];
    let mut buildinfo = None;
    for entry in changes.files.iter().map(|listed| &listed.file) {
        let path = folder.child(entry.name.as_str()).map_err(|error| ArtifactError::Source(error.to_string()))?;
        if !fs::symlink_metadata(&path).at("look at", &path).map_err(lost)?.is_file() {
            return Err(ArtifactError::Lost(format!("{} is not a plain file", entry.name)));
        }
        let file = File::open(&path).at("open", &path).map_err(lost)?;
        let mut reader = HashingReader::new(file);
        io::copy(&mut reader, &mut io::sink()).at("read", &path).map_err(lost)?;
        if reader.finish() != (entry.size, entry.sha256) {
            return Err(ArtifactError::Lost(format!("{} is not what {name} says", entry.name)));
        }
        let kind = kind(entry.name.as_str());
        if matches!(kind, "deb" | "udeb") {
            check_deb(entry.name.as_str(), &changes, architecture)?;
        } else if kind == "buildinfo" {
            let bytes = read(&path).map_err(lost)?;
            let read = Buildinfo::from_unverified(&bytes);
            buildinfo = Some(read.map_err(|error| ArtifactError::Source(debbuild_core::error::chain(&error)))?);
        }
        let (name, kind) = (entry.name.to_string(), kind.to_owned());
        files.push(Artifact { name, kind, size: entry.size, sha256: entry.sha256 });
    }
    nothing_else(folder, &files)?;
    if !files.iter().any(|file| matches!(file.kind.as_str(), "deb" | "udeb")) {
        return Err(ArtifactError::Source(format!("{name} lists no package")));
    }
    Ok(Artifacts { files, changes, buildinfo })
}

fn read(path: &AbsPath) -> Result<Vec<u8>, debbuild_core::path::FileError> {
    let size = fs::symlink_metadata(path).at("look at", path)?;
    if !size.is_file() || size.len() > CONTROL_LIMIT {
        return Err(io::Error::from(io::ErrorKind::InvalidData)).at("read", path);
    }
    fs::read(path).at("read", path)
}

/// `NAME_VERSION_ARCHITECTURE.deb`: a name that the .changes lists and an architecture that was built for.
fn check_deb(name: &str, changes: &Changes, architecture: &Architecture) -> Result<(), ArtifactError> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let parts: Vec<&str> = stem.split('_').collect();
    let [package, _, built] = parts[..] else {
        return Err(ArtifactError::Source(format!("{name} is not named as a package")));
    };
    if built != "all" && built != architecture.as_str() {
        return Err(ArtifactError::Source(format!("{name} is not for {architecture}")));
    }
    let parent = package.strip_suffix("-dbgsym").unwrap_or(package);
    if changes.binaries.iter().any(|binary| binary.as_str() == package || binary.as_str() == parent) {
        Ok(())
    } else {
        Err(ArtifactError::Source(format!("{name} is of no package that the .changes names")))
    }
}

fn nothing_else(folder: &AbsPath, files: &[Artifact]) -> Result<(), ArtifactError> {
    let known: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let entries = fs::read_dir(folder).map_err(|error| ArtifactError::Lost(error.to_string()))?;
    for entry in entries {
        let name = entry.map_err(|error| ArtifactError::Lost(error.to_string()))?.file_name();
        if !name.to_str().is_some_and(|name| known.contains(name)) {
            return Err(ArtifactError::Source(format!("{} is listed nowhere", name.to_string_lossy())));
        }
    }
    Ok(())
}

/// The kind of a file by its name, as the record says it.
#[must_use]
pub fn kind(name: &str) -> &'static str {
    let ends = |suffix: &str| name.ends_with(suffix);
    match () {
        () if ends(".deb") || ends(".ddeb") => "deb",
        () if ends(".udeb") => "udeb",
        () if ends(".changes") => "changes",
        () if ends(".buildinfo") => "buildinfo",
        () if ends(".dsc") => "dsc",
        () if ends(".build") || ends(".log") => "log",
        () if name.contains(".tar.") || ends(".diff.gz") => "tarball",
        () => "other",
    }
}
