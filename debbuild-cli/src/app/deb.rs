//! Looking into .deb files.

use std::{fs, io};

use debbuild_core::{
    context::Context,
    deb::{Deb, DebEntry, DebError, DebLimits},
    error::{Class, Classify},
    path::{AbsPath, IoResultExt as _},
};

use super::{AppError, Machine};

/// A .deb that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{path}")]
struct BadDeb {
    path: AbsPath,
    source: DebError,
}

impl Classify for BadDeb {
    fn class(&self) -> Class {
        self.source.class()
    }
}

impl Machine {
    /// What a .deb says about itself: its control archive.
    ///
    /// # Errors
    /// Class `not-found` when there is no such file, `source` when it is not a .deb that can be taken.
    pub fn deb_show(&self, cx: &Context, path: &str) -> Result<Deb, AppError> {
        self.read(path, |file| Deb::read(cx, file, &DebLimits::default()))
    }

    /// The same, and the files that it would install, in their order.
    ///
    /// # Errors
    /// As [`Machine::deb_show`].
    pub fn deb_contents(&self, cx: &Context, path: &str) -> Result<(Deb, Vec<DebEntry>), AppError> {
        self.read(path, |file| Deb::read_all(cx, file, &DebLimits::default()))
    }

    fn read<T>(
        &self,
        path: &str,
        read: impl FnOnce(io::BufReader<fs::File>) -> Result<T, DebError>,
    ) -> Result<T, AppError> {
        let path = self.path(path)?;
        let file = fs::File::open(&path).at("read", &path)?;
        Ok(read(io::BufReader::new(file)).map_err(|source| BadDeb { path, source })?)
    }
}

#[cfg(test)]
mod tests {
    use debbuild_core::error::chain;

    use super::*;

    #[test]
    fn an_error_names_the_file_and_the_reason() {
        let path = AbsPath::new("/srv/x.deb").unwrap();
        let bad = BadDeb { path, source: DebError::Format("it is empty".to_owned()) };
        assert_eq!((chain(&bad).as_str(), bad.class()), ("/srv/x.deb: not a .deb: it is empty", Class::Source));
    }
}
