//! Where the output of a command goes: sinks are lossless, and a sink that fails ends the command.

use std::io;

/// Which stream bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes output in the order in which it was read.
pub trait OutputSink: Send {
    /// Takes some bytes; all of them.
    ///
    /// # Errors
    /// When the bytes cannot be kept; the command is then killed.
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()>;
}

/// Forgets all output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl OutputSink for Discard {
    fn write(&mut self, _stream: Stream, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps all output in memory: for commands that say little.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capture {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl OutputSink for Capture {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match stream {
            Stream::Stdout => self.stdout.extend_from_slice(bytes),
            Stream::Stderr => self.stderr.extend_from_slice(bytes),
        }
        Ok(())
    }
}

/// Keeps the last bytes of both streams together: for error messages.
#[derive(Debug, Clone)]
pub struct Tail {
    bytes: Vec<u8>,
    limit: usize,
}

impl Tail {
    /// Keeps at least the last `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// The last lines, as text.
    #[must_use]
    pub fn text(&self) -> String {
        let from = self.bytes.len().saturating_sub(self.limit);
        String::from_utf8_lossy(&self.bytes[from..]).trim().to_owned()
    }
}

impl OutputSink for Tail {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * self.limit {
            self.bytes.drain(..self.bytes.len() - self.limit);
        }
        Ok(())
    }
}

/// Gives all output to two sinks.
#[derive(Debug)]
pub struct Tee<A, B>(pub A, pub B);

impl<A: OutputSink, B: OutputSink> OutputSink for Tee<A, B> {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.0.write(stream, bytes)?;
        self.1.write(stream, bytes)
    }
}

impl<T: OutputSink + ?Sized> OutputSink for &mut T {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        (**self).write(stream, bytes)
    }
}

impl OutputSink for Box<dyn OutputSink + '_> {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        (**self).write(stream, bytes)
    }
}
