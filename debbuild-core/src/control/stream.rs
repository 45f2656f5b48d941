//! Indexes of any size from a stream: one paragraph in memory at a time.

use std::io::{self, BufRead, ErrorKind};

use super::{
    BinaryPackage, ControlError, Found, Paragraph, SourceControl,
    paragraph::{is_blank, paragraphs_from},
    tolerant::{ReadStanza, found},
    utf8,
};

/// The longest paragraph that is read from a stream, in bytes; the longest of Debian's indexes has some hundred thousand.
pub const LONGEST_PARAGRAPH: usize = 8 << 20;

/// Why the next paragraph of a stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The stream failed: nothing more comes.
    #[error("cannot read the stream")]
    Read(#[from] io::Error),
    /// This paragraph is bad; the next can be read.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// What was read of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Whether all of it was kept.
    pub(super) fits: bool,
    /// Whether it holds nothing but spaces.
    pub(super) blank: bool,
}

/// The lines of a stream, each up to a limit; what is longer is read over.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    limit: usize,
    /// How many have been read.
    pub(super) count: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R, limit: usize) -> Self {
        Self { input, limit, count: 0 }
    }

    /// Appends the next line with its end, up to the limit of the whole text. `None` at the end of the stream.
    pub(super) fn append(&mut self, text: &mut Vec<u8>) -> io::Result<Option<Line>> {
        let (mut any, mut line) = (false, Line { fits: true, blank: true });
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(buffer.len(), |at| at + 1);
            let kept = count.min(self.limit.saturating_sub(text.len()));
            text.extend_from_slice(&buffer[..kept]);
            line.blank &= is_blank(&buffer[..end.unwrap_or(count)]);
            line.fits &= kept == count;
            any |= count > 0;
            self.input.consume(count);
            if count == 0 || end.is_some() {
                self.count += usize::from(any);
                return Ok(any.then_some(line));
            }
        }
    }
}

/// Reads paragraphs from a stream as [`paragraphs`](super::paragraphs) does from a text, with memory for the longest of them.
#[derive(Debug)]
pub struct ParagraphReader<R> {
    lines: Lines<R>,
    text: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> ParagraphReader<R> {
    /// Reads from `input`, paragraphs of at most [`LONGEST_PARAGRAPH`] bytes.
    pub const fn new(input: R) -> Self {
        Self { lines: Lines::new(input, LONGEST_PARAGRAPH), text: Vec::new(), ended: false }
    }

    /// With another limit, in bytes.
    #[must_use]
    pub const fn with_limit(mut self, bytes: usize) -> Self {
        self.lines.limit = bytes;
        self
    }

    /// The next paragraph; `None` at the end. After a bad one reading goes on behind the next empty line.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn read(&mut self) -> Result<Option<Paragraph<'_>>, StreamError> {
        match self.fill() {
            Ok(None) => Ok(None),
            Ok(Some((before, true))) => Ok(self.parse(before)?),
            Ok(Some((before, false))) => {
                Err(ControlError::Syntax { line: before + 1, reason: "paragraph too long" }.into())
            }
            Err(error) => {
                self.ended = true;
                Err(error.into())
            }
        }
    }

    /// Fills the text with the lines up to an empty one or the end. Says how many lines stand before them, and whether they fitted.
    fn fill(&mut self) -> io::Result<Option<(usize, bool)>> {
        self.text.clear();
        let (mut first, mut fits, mut only_comments) = (self.lines.count, true, true);
        while !self.ended {
            let start = self.text.len();
            match self.lines.append(&mut self.text)? {
                None => self.ended = true,
                Some(Line { blank: true, .. }) if !only_comments => return Ok(Some((first, fits))),
                Some(Line { blank: true, .. }) => {
                    self.text.clear();
                    first = self.lines.count;
                    fits = true;
                }
                Some(line) => {
                    fits &= line.fits;
                    only_comments &= self.text.get(start).is_some_and(|byte| *byte == b'#');
                }
            }
        }
        Ok((!only_comments).then_some((first, fits)))
    }

    fn parse(&self, before: usize) -> Result<Option<Paragraph<'_>>, ControlError> {
        let text = utf8(&self.text).map_err(|error| match error {
            ControlError::Syntax { line, reason } => ControlError::Syntax { line: before + line, reason },
            other => other,
        })?;
        paragraphs_from(text, before).next().transpose()
    }
}

/// The stanzas of an index of packages, read from a stream: each with what is wrong with it, an error only where the stream fails.
#[derive(Debug)]
pub struct Stanzas<R, T> {
    paragraphs: ParagraphReader<R>,
    read: ReadStanza<T>,
}

impl<R: BufRead, T> Iterator for Stanzas<R, T> {
    type Item = io::Result<Found<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let paragraph = match self.paragraphs.read() {
            Ok(None) => return None,
            Ok(Some(paragraph)) => Ok(paragraph),
            Err(StreamError::Control(error)) => Err(error),
            Err(StreamError::Read(error)) => return Some(Err(error)),
        };
        Some(Ok(found(paragraph, self.read)))
    }
}

/// Reads a Packages index from a stream, as [`read_packages`](super::read_packages) reads a text.
pub const fn stream_packages<R: BufRead>(input: R) -> Stanzas<R, BinaryPackage> {
    Stanzas { paragraphs: ParagraphReader::new(input), read: BinaryPackage::stanza }
}

/// Reads a Sources index from a stream, as [`read_sources`](super::read_sources) reads a text.
pub const fn stream_sources<R: BufRead>(input: R) -> Stanzas<R, SourceControl> {
    Stanzas { paragraphs: ParagraphReader::new(input), read: SourceControl::stanza }
}
