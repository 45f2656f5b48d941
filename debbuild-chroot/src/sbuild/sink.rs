//! Where sbuild's words go: into the log file, to the caller while they come, and through the reader of stages.

use std::{fs::File, io, io::Write as _, sync::Arc};

use debbuild_core::{
    build::LogFile,
    clock::Clock,
    command::{OutputSink, Stream},
    context::Context,
    digest::Hasher,
    event::Event,
    path::{AbsPath, FileError, IoResultExt as _},
};

use super::log::BuildLog;

/// The log of a running build.
pub(super) struct LogSink<'a> {
    name: String,
    path: AbsPath,
    file: File,
    hasher: Hasher,
    read: BuildLog,
    clock: Arc<dyn Clock>,
    cx: Context,
    live: &'a mut dyn OutputSink,
}

impl<'a> LogSink<'a> {
    pub(super) fn create(
        cx: &Context,
        path: AbsPath,
        name: String,
        live: &'a mut dyn OutputSink,
    ) -> Result<Self, FileError> {
        let file = File::create_new(&path).at("create", &path)?;
        let clock = Arc::clone(cx.clock());
        let read = BuildLog::new(clock.now());
        Ok(Self { name, path, file, hasher: Hasher::new(), read, clock, cx: cx.clone(), live })
    }

    /// Ends the log: durable, with its digest.
    pub(super) fn finish(mut self) -> Result<(BuildLog, LogFile, AbsPath), FileError> {
        self.read.finish(self.clock.now());
        self.file.sync_all().at("write", &self.path)?;
        let (size, sha256) = (self.hasher.size(), self.hasher.finish());
        Ok((self.read, LogFile { name: self.name, size, sha256 }, self.path))
    }
}

impl OutputSink for LogSink<'_> {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.read.push(bytes, self.clock.now());
        self.live.write(stream, bytes)?;
        self.cx.report(Event::Log { span: self.cx.span(), name: self.name.clone(), size: self.hasher.size() });
        Ok(())
    }
}
