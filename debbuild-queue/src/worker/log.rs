//! An attempt's log: a file that takes every byte at once, and is read on from where the queue has it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
};

use debbuild_core::{
    blocking,
    command::{OutputSink, Stream},
    path::{AbsPath, FileError, IoResultExt as _},
};

/// How much of a log goes with one heartbeat, in bytes.
pub(super) const CHUNK: usize = 256 * 1024;

/// Takes both streams, in the order in which they come.
#[derive(Debug)]
pub(super) struct LogFile(File);

impl LogFile {
    /// A new, empty log.
    pub(super) async fn create(path: &AbsPath) -> Result<Self, FileError> {
        let path = path.clone();
        blocking::run(move || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600).open(&path).at("create", &path).map(Self)
        })
        .await
    }
}

impl OutputSink for LogFile {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// What the log has from this offset on, at most [`CHUNK`] bytes; nothing before the attempt made it and after it was handed in.
pub(super) async fn read_on(path: &AbsPath, offset: u64) -> Result<Vec<u8>, FileError> {
    let path = path.clone();
    blocking::run(move || {
        let mut bytes = vec![0; CHUNK];
        let count = match File::open(&path).and_then(|file| file.read_at(&mut bytes, offset)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            read => read.at("read", &path)?,
        };
        bytes.truncate(count);
        Ok(bytes)
    })
    .await
}
