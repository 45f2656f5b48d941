//! Packages from the bytes of an index, or from a file that holds them.

use std::{fs::File, io::Read as _, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

use super::SourcePackages;
use crate::{
    acquire::decompress,
    blocking,
    cancel::CancelToken,
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
    resolve::{PackageIndex, PackageSource, Question, SourceError},
};

/// The most bytes that an index may have, also unpacked, where no other limit is given.
pub const LARGEST_INDEX: u64 = 2 << 30;

#[derive(Debug, Clone)]
enum Origin {
    Bytes(Bytes),
    File(AbsPath),
}

/// Packages from a Packages index, or source packages from a Sources index. It is read when it is loaded, away from async threads.
#[derive(Debug, Clone)]
pub struct IndexSource {
    name: String,
    from: Origin,
    of_sources: bool,
    expected: Option<Sha256>,
    limit: u64,
}

impl IndexSource {
    /// From the bytes of a Packages index, which are not compressed.
    #[must_use]
    pub fn from_bytes(name: impl Into<String>, bytes: Bytes) -> Self {
        Self::new(name.into(), Origin::Bytes(bytes))
    }

    /// From a Packages file, read at each load; compressed where its name ends with `.gz`, `.xz`, `.zst` or `.bz2`.
    #[must_use]
    pub fn from_file(name: impl Into<String>, file: AbsPath) -> Self {
        Self::new(name.into(), Origin::File(file))
    }

    fn new(name: String, from: Origin) -> Self {
        Self { name, from, of_sources: false, expected: None, limit: LARGEST_INDEX }
    }

    /// It is a Sources index: it has source packages, and no binary packages.
    #[must_use]
    pub const fn of_sources(mut self) -> Self {
        self.of_sources = true;
        self
    }

    /// Only if the bytes, as they are stored, have this digest.
    #[must_use]
    pub fn with_expected(mut self, digest: Sha256) -> Self {
        self.expected = Some(digest);
        self
    }

    /// With another limit than [`LARGEST_INDEX`].
    #[must_use]
    pub const fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// The index, unpacked.
    fn bytes(&self, cancel: &CancelToken) -> Result<Bytes, SourceError> {
        let (ending, bytes) = match &self.from {
            Origin::Bytes(bytes) => ("", bytes.clone()),
            Origin::File(file) => (file.name(), read(file, self.limit)?),
        };
        if self.expected.is_some_and(|expected| Sha256::of(&bytes) != expected) {
            return Err(SourceError::Mismatch { name: self.name.clone() });
        }
        let unpacked = decompress(ending, &bytes, self.limit, cancel);
        cancel.check()?;
        unpacked.map(Bytes::from).map_err(|source| SourceError::Unpack { name: self.name.clone(), source })
    }

    fn packages(&self, cancel: &CancelToken) -> Result<PackageIndex, SourceError> {
        if self.of_sources {
            return Ok(PackageIndex::parse(&self.name, ""));
        }
        PackageIndex::from_bytes(&self.name, &self.bytes(cancel)?)
            .map_err(|source| SourceError::Index { name: self.name.clone(), source })
    }

    fn sources(&self, cancel: &CancelToken) -> Result<SourcePackages, SourceError> {
        if self.of_sources {
            return SourcePackages::from_bytes(&self.name, &self.bytes(cancel)?);
        }
        Ok(SourcePackages::default())
    }
}

/// One byte more than the limit tells that there is more.
fn read(file: &AbsPath, limit: u64) -> Result<Bytes, SourceError> {
    let mut bytes = Vec::new();
    let opened = File::open(file).at("open", file)?;
    opened.take(limit.saturating_add(1)).read_to_end(&mut bytes).at("read", file)?;
    Ok(bytes.into())
}

#[async_trait]
impl PackageSource for IndexSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        let (source, cancel) = (self.clone(), cx.cancel().clone());
        blocking::run(move || source.packages(&cancel)).await.map(Arc::new)
    }

    async fn source_packages(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        cx.cancel().check()?;
        let (source, cancel) = (self.clone(), cx.cancel().clone());
        blocking::run(move || source.sources(&cancel)).await
    }
}
