//! Packages from the bytes of an index, or from a file that holds them.

use std::{fs::File, io::Read as _, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

use super::{SourcePackages, WORTH_KEEPING, read};
use crate::{
    acquire::{ENDINGS, decompress},
    blocking,
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
    resolve::{IndexCache, PackageIndex, PackageSource, Question, SourceError},
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
    cache: Option<IndexCache>,
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
        Self { name, from, of_sources: false, expected: None, limit: LARGEST_INDEX, cache: None }
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

    /// Read indexes are kept there, by the digest of the bytes that they were read from; small ones are not.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<IndexCache>) -> Self {
        self.cache = cache;
        self
    }

    /// The bytes as they are stored, which are those that were promised.
    fn stored(&self) -> Result<Bytes, SourceError> {
        let bytes = match &self.from {
            Origin::Bytes(bytes) => bytes.clone(),
            Origin::File(file) => read_file(file, self.limit)?,
        };
        match self.expected {
            Some(expected) if Sha256::of(&bytes) != expected => Err(SourceError::Mismatch { name: self.name.clone() }),
            _ => Ok(bytes),
        }
    }

    /// By its ending it is known how the index is compressed.
    fn file_name(&self) -> &str {
        match &self.from {
            Origin::Bytes(_) => "",
            Origin::File(file) => file.name(),
        }
    }

    /// By what a read index is kept: what bytes mean depends on how they are compressed.
    fn key(&self, stored: &Bytes) -> Sha256 {
        let (digest, name) = (Sha256::of(stored), self.file_name());
        match ENDINGS.into_iter().find(|ending| !ending.is_empty() && name.ends_with(ending)) {
            Some(ending) => Sha256::of(format!("{digest}{ending}").as_bytes()),
            None => digest,
        }
    }

    fn unpack(&self, cx: &Context, stored: &Bytes) -> Result<Bytes, SourceError> {
        let unpacked = decompress(self.file_name(), stored, self.limit, cx.cancel());
        cx.cancel().check()?;
        unpacked.map(Bytes::from).map_err(|source| SourceError::Unpack { name: self.name.clone(), source })
    }

    fn packages(&self, cx: &Context) -> Result<PackageIndex, SourceError> {
        if self.of_sources {
            return Ok(PackageIndex::parse(&self.name, ""));
        }
        let stored = self.stored()?;
        let cache = self.cache.as_ref().filter(|_| stored.len() as u64 >= WORTH_KEEPING);
        let keep = cache.map(|cache| (cache, self.key(&stored)));
        match keep.and_then(|(cache, digest)| cache.load(&self.name, digest)) {
            Some(known) => Ok(known),
            None => read(cx, &self.name, &self.unpack(cx, &stored)?, keep),
        }
    }

    fn sources(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        if self.of_sources {
            return SourcePackages::from_bytes(&self.name, &self.unpack(cx, &self.stored()?)?);
        }
        Ok(SourcePackages::default())
    }
}

/// One byte more than the limit tells that there is more.
fn read_file(file: &AbsPath, limit: u64) -> Result<Bytes, SourceError> {
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
        let (source, cx) = (self.clone(), cx.clone());
        blocking::run(move || source.packages(&cx)).await.map(Arc::new)
    }

    async fn source_packages(&self, cx: &Context) -> Result<SourcePackages, SourceError> {
        cx.cancel().check()?;
        let (source, cx) = (self.clone(), cx.clone());
        blocking::run(move || source.sources(&cx)).await
    }
}
