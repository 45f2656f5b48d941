//! Contents indexes (wiki "DebianRepository/Format"): which package has which path.

use std::io::{self, BufRead};

use super::{ControlError, Found, stream::Lines, utf8};
use crate::name::PackageName;

/// The longest line that is read, in bytes: a path that thousands of packages share.
const LONGEST_LINE: usize = 4 << 20;

/// A path and the packages that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentsEntry {
    /// The path below the root, without a leading `/`.
    pub path: String,
    /// Who has it.
    pub packages: Vec<ContentsPackage>,
}

/// A package as Contents names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentsPackage {
    /// Its section, perhaps with a component: `non-free/libs`.
    pub section: Option<String>,
    /// Its name.
    pub package: PackageName,
}

/// The entries of a Contents index, read from a stream with memory for the longest line: each with what is wrong with it, an
/// error only where the stream fails.
#[derive(Debug)]
pub struct Contents<R> {
    lines: Lines<R>,
    text: Vec<u8>,
    failed: bool,
}

/// Reads a Contents index, decompressed. The line `FILE LOCATION`, which some have above the list, is passed over.
pub const fn stream_contents<R: BufRead>(input: R) -> Contents<R> {
    Contents { lines: Lines::new(input, LONGEST_LINE), text: Vec::new(), failed: false }
}

impl<R: BufRead> Iterator for Contents<R> {
    type Item = io::Result<Found<ContentsEntry>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            self.text.clear();
            let read = match self.lines.append(&mut self.text) {
                Ok(read) => read?,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            };
            let line = self.lines.count;
            let wrong = |reason| Some(Ok(Found::bad(None, ControlError::Syntax { line, reason })));
            if !read.fits {
                return wrong("line too long");
            }
            let Ok(text) = utf8(&self.text) else { return wrong("not UTF-8, or NUL") };
            let text = text.trim_ascii_end();
            if text.is_empty() || text.starts_with("FILE ") && text.ends_with(" LOCATION") {
                continue;
            }
            return match entry(text) {
                Some(entry) => Some(Ok(Found::good(entry))),
                None => wrong("expected a path and packages"),
            };
        }
        None
    }
}

/// The path may have spaces, the list of packages may not.
fn entry(line: &str) -> Option<ContentsEntry> {
    let (path, packages) = line.rsplit_once([' ', '\t'])?;
    let path = path.trim_ascii_end();
    let package = |text: &str| {
        let (section, name) = text.rsplit_once('/').map_or((None, text), |(section, name)| (Some(section), name));
        Some(ContentsPackage { section: section.map(str::to_owned), package: PackageName::new(name).ok()? })
    };
    let packages: Option<Vec<ContentsPackage>> = packages.split(',').map(package).collect();
    (!path.is_empty()).then_some(ContentsEntry { path: path.to_owned(), packages: packages? })
}
