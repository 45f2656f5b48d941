//! Packages from the bytes of an index, or from a file that holds them.

use std::{fs, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

use super::{PackageIndex, PackageSource, Question, SourceError};
use crate::{
    blocking,
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

#[derive(Debug, Clone)]
enum Origin {
    Bytes(Bytes),
    File(AbsPath),
}

/// Packages from an uncompressed Packages index. It is read when it is loaded, away from async threads.
#[derive(Debug, Clone)]
pub struct IndexSource {
    name: String,
    from: Origin,
    expected: Option<Sha256>,
}

impl IndexSource {
    /// From bytes.
    #[must_use]
    pub fn from_bytes(name: impl Into<String>, bytes: Bytes) -> Self {
        Self { name: name.into(), from: Origin::Bytes(bytes), expected: None }
    }

    /// From a file, read at each load.
    #[must_use]
    pub fn from_file(name: impl Into<String>, file: AbsPath) -> Self {
        Self { name: name.into(), from: Origin::File(file), expected: None }
    }

    /// Only if the bytes have this digest.
    #[must_use]
    pub fn with_expected(mut self, digest: Sha256) -> Self {
        self.expected = Some(digest);
        self
    }

    fn read(self) -> Result<PackageIndex, SourceError> {
        let bytes = match self.from {
            Origin::Bytes(bytes) => bytes,
            Origin::File(file) => fs::read(&file).at("read", &file)?.into(),
        };
        if self.expected.is_some_and(|expected| Sha256::of(&bytes) != expected) {
            return Err(SourceError::Mismatch { name: self.name });
        }
        PackageIndex::from_bytes(&self.name, &bytes)
            .map_err(|source| SourceError::Index { name: self.name.clone(), source })
    }
}

#[async_trait]
impl PackageSource for IndexSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        let source = self.clone();
        blocking::run(move || source.read()).await.map(Arc::new)
    }
}
