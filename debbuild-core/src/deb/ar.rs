//! The outer archive: the common subset of ar(5) that dpkg writes, and nothing else.

use std::io::{self, Read as _};

use super::DebError;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Reads members one after the other. Nothing is allocated by what a header claims.
#[derive(Debug)]
pub(super) struct Reader<R> {
    input: R,
    member: String,
    /// Bytes of the member that are still to be read.
    left: u64,
    /// Whether a padding byte follows.
    padded: bool,
}

impl<R: io::Read> Reader<R> {
    pub(super) fn new(mut input: R) -> Result<Self, DebError> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|source| DebError::Read { member: "the archive".to_owned(), source })?;
        if magic != *MAGIC {
            return Err(DebError::Format("it is not an ar archive".to_owned()));
        }
        Ok(Self { input, member: "the archive".to_owned(), left: 0, padded: false })
    }

    fn error(&self, source: io::Error) -> DebError {
        DebError::Read { member: self.member.clone(), source }
    }

    /// Name and size of the next member, after what is left of this one.
    pub(super) fn next_member(&mut self) -> Result<Option<(String, u64)>, DebError> {
        self.skip_rest()?;
        let mut header = Vec::with_capacity(HEADER);
        let result = self.input.by_ref().take(HEADER as u64).read_to_end(&mut header);
        match result.map_err(|source| self.error(source))? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(DebError::Format("it ends inside a member's header".to_owned())),
        }
        let bad = |what: &str| DebError::Format(format!("bad {what} in a member's header"));
        if &header[58..] != b"`\n" {
            return Err(bad("magic"));
        }
        let size = decimal(&header[48..58]).ok_or_else(|| bad("size"))?;
        let name = std::str::from_utf8(&header[..16]).map_err(|_| bad("name"))?.trim_end_matches(' ');
        let name = name.strip_suffix('/').unwrap_or(name);
        // "//" and "/12" are GNU's long names, "#1/12" is BSD's: dpkg has none of them.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(bad("name"));
        }
        self.member = name.to_owned();
        self.left = size;
        self.padded = size % 2 == 1;
        Ok(Some((name.to_owned(), size)))
    }

    /// The whole content of a member that the caller knows to be small.
    pub(super) fn read_small(&mut self) -> Result<Vec<u8>, DebError> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(|source| self.error(source))?;
        Ok(bytes)
    }

    /// Reads over the members that are left: those after the data archive are for others (deb(5)).
    pub(super) fn finish(&mut self) -> Result<(), DebError> {
        while let Some((name, _)) = self.next_member()? {
            if name.starts_with("control.tar") || name.starts_with("data.tar") {
                return Err(DebError::Format(format!("it has a second {name}")));
            }
        }
        Ok(())
    }

    fn skip_rest(&mut self) -> Result<(), DebError> {
        io::copy(self, &mut io::sink()).map_err(|source| self.error(source))?;
        if self.padded {
            let mut pad = [0];
            self.input.read_exact(&mut pad).map_err(|source| self.error(source))?;
            if pad != *b"\n" {
                return Err(DebError::Format(format!("no padding after {}", self.member)));
            }
            self.padded = false;
        }
        Ok(())
    }
}

/// The content of the member; an input that ends inside it is an error, not an end.
impl<R: io::Read> io::Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.input.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is truncated"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Digits, then spaces.
fn decimal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches(' ');
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
