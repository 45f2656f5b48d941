//! A small signed archive in memory, for the tests of whatever reads archives.

use std::{collections::BTreeMap, fmt::Write as _, io, io::Write as _, sync::Arc};

use super::{
    Archive, PoolFile,
    fetch::{MemoryFetch, Uri, UriError},
};
use crate::{
    clock::Timestamp,
    context::Context,
    digest::Sha256,
    name::SuiteName,
    sign::{Keyring, MemorySigner, SignError, Signer},
};

/// One suite that is written into a [`MemoryFetch`], signed by a [`MemorySigner`] unless another signer is given (check it
/// with a [`MemoryVerifier`](crate::sign::MemoryVerifier)).
#[derive(Debug, Clone)]
pub struct ArchiveFixture {
    fetch: MemoryFetch,
    base: Uri,
    suite: SuiteName,
    signer: Arc<dyn Signer>,
    fields: BTreeMap<String, String>,
    indexes: BTreeMap<String, Vec<u8>>,
    by_hash_only: bool,
    detached: bool,
}

/// Why a fixture cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FixtureError {
    /// A path that cannot be.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A compressor failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ArchiveFixture {
    /// An empty suite below `base`, with Origin `Test` and its name as codename.
    #[must_use]
    pub fn new(fetch: MemoryFetch, base: Uri, suite: SuiteName) -> Self {
        let fields = [("Origin", "Test"), ("Codename", suite.as_str()), ("Components", "main")];
        let fields = fields.into_iter().chain([("Architectures", "all amd64"), ("Acquire-By-Hash", "yes")]);
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let signer = Arc::new(MemorySigner::new("archive"));
        Self { fetch, base, suite, signer, fields, indexes: BTreeMap::new(), by_hash_only: false, detached: false }
    }

    /// With a field of the Release; an empty value takes the field away.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Signed by another key.
    #[must_use]
    pub fn with_signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = signer;
        self
    }

    /// With an index (`main/binary-amd64/Packages`), which is listed plain and served xz-compressed.
    #[must_use]
    pub fn with_index(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.indexes.insert(path.to_owned(), text.into());
        self
    }

    /// With indexes served by their digest only, as while a mirror is being updated.
    #[must_use]
    pub const fn with_by_hash_only(mut self) -> Self {
        self.by_hash_only = true;
        self
    }

    /// With Release and Release.gpg in place of InRelease.
    #[must_use]
    pub const fn with_detached_signature(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Puts a file into the pool.
    ///
    /// # Errors
    /// [`FixtureError::Uri`].
    pub fn put_file(&self, path: &str, bytes: &[u8]) -> Result<PoolFile, FixtureError> {
        self.fetch.put(self.base.join(path)?, bytes.to_vec());
        Ok(PoolFile::new(path, bytes.len() as u64, Sha256::of(bytes)))
    }

    /// The address of a file below the suite's folder.
    ///
    /// # Errors
    /// [`FixtureError::Uri`].
    pub fn uri(&self, path: &str) -> Result<Uri, FixtureError> {
        Ok(self.base.join(&format!("dists/{}/{path}", self.suite))?)
    }

    /// Writes and signs everything, made at `date`.
    ///
    /// # Errors
    /// [`FixtureError`].
    pub async fn publish(
        &self,
        cx: &Context,
        date: Timestamp,
        valid_until: Option<Timestamp>,
    ) -> Result<(), FixtureError> {
        let mut release = String::new();
        for (name, value) in self.fields.iter().filter(|(_, value)| !value.is_empty()) {
            writeln!(release, "{name}: {value}").ok();
        }
        writeln!(release, "Date: {}", date.release_date()).ok();
        if let Some(until) = valid_until {
            writeln!(release, "Valid-Until: {}", until.release_date()).ok();
        }
        release.push_str("SHA256:\n");
        for (path, text) in &self.indexes {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(text)?;
            let xz = encoder.finish()?;
            writeln!(release, " {} {} {path}", Sha256::of(text), text.len()).ok();
            writeln!(release, " {} {} {path}.xz", Sha256::of(&xz), xz.len()).ok();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            self.fetch.put(self.uri(&format!("{folder}/by-hash/SHA256/{}", Sha256::of(&xz)))?, xz.clone());
            if !self.by_hash_only {
                self.fetch.put(self.uri(&format!("{path}.xz"))?, xz);
            }
        }
        for name in ["InRelease", "Release", "Release.gpg"] {
            self.fetch.remove(&self.uri(name)?);
        }
        if self.detached {
            let signature = self.signer.detach_sign(cx, release.as_bytes()).await?;
            self.fetch.put(self.uri("Release")?, release);
            self.fetch.put(self.uri("Release.gpg")?, signature);
        } else {
            self.fetch.put(self.uri("InRelease")?, self.signer.clear_sign(cx, release.as_bytes()).await?);
        }
        Ok(())
    }

    /// What a reader is told of it: signed by the key `archive`.
    ///
    /// # Errors
    /// [`FixtureError::Sign`].
    pub async fn archive(&self, cx: &Context) -> Result<Archive, FixtureError> {
        let keys = Keyring::Bytes(MemorySigner::new("archive").public_key(cx).await?);
        Ok(Archive::new("test", self.base.clone(), self.suite.clone(), keys))
    }
}
