//! The log of a node: a file that takes everything its tools say.

use std::{
    fs::File,
    io::{self, Write as _},
};

use debbuild_core::{
    command::{OutputSink, Stream},
    path::{AbsPath, FileError, IoResultExt as _},
};

/// A sink that appends both streams to a file.
#[derive(Debug)]
pub struct LogFile(File);

impl LogFile {
    /// Opens the log, after what it may have already.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(path: &AbsPath) -> Result<Self, FileError> {
        File::options().create(true).append(true).open(path).at("open", path).map(Self)
    }
}

impl OutputSink for LogFile {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}
