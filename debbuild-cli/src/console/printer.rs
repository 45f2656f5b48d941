//! Standard output: values for people or as JSON.

use std::{
    ffi::OsString,
    io::{self, Write as _},
};

use clap::ValueEnum;
use debbuild_core::error::{Class, Classify};
use serde::Serialize;

use super::clean;

/// Whom output is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// People
    #[default]
    Human,
    /// Programs: one JSON document on standard output (streams: one per line), JSON lines on standard error
    Json,
}

impl Format {
    /// The format that the arguments ask for, before they are parsed.
    pub(crate) fn of_arguments(arguments: &[OsString]) -> Self {
        let words: Vec<&str> =
            arguments.iter().map_while(|word| word.to_str()).take_while(|word| *word != "--").collect();
        let json = words.contains(&"--format=json") || words.windows(2).any(|pair| pair == ["--format", "json"]);
        if json { Self::Json } else { Self::Human }
    }
}

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct PrintError(#[from] io::Error);

impl PrintError {
    /// Whether the reader went away: then the command ends quietly.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

impl Classify for PrintError {
    fn class(&self) -> Class {
        Class::Infrastructure
    }
}

/// Prints data. All text for people is cleaned of escape sequences here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: Format,
}

impl Printer {
    pub(crate) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// Prints the one value of a command: as JSON, or as `human` writes it (with its line ends).
    pub(crate) fn show<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) -> Result<(), PrintError> {
        match self.format {
            Format::Human => self.bytes(clean(&human(value)).as_bytes()),
            Format::Json => {
                let mut text = serde_json::to_vec_pretty(value).map_err(io::Error::from)?;
                text.push(b'\n');
                self.bytes(&text)
            }
        }
    }

    /// Prints one value of a stream: one line of JSON, or what `human` writes.
    pub(crate) fn line<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) -> Result<(), PrintError> {
        match self.format {
            Format::Human => self.bytes(clean(&human(value)).as_bytes()),
            Format::Json => {
                let mut text = serde_json::to_vec(value).map_err(io::Error::from)?;
                text.push(b'\n');
                self.bytes(&text)
            }
        }
    }

    /// Prints a part of a protocol that comes before the value of the command; with JSON there is only the value.
    pub(crate) fn protocol(&self, part: impl FnOnce() -> String) -> Result<(), PrintError> {
        match self.format {
            Format::Human => self.bytes(clean(&part()).as_bytes()),
            Format::Json => Ok(()),
        }
    }

    /// Prints bytes as they are: completion scripts, files.
    #[expect(clippy::unused_self, reason = "printing goes through the printer")]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), PrintError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }
}

/// Rows in columns, for people.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles.
    pub(crate) fn new<const N: usize>(titles: [&str; N]) -> Self {
        Self { rows: vec![titles.iter().map(|&title| title.to_owned()).collect()] }
    }

    /// One more row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The table as text, columns aligned, no spaces at line ends.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| clean(cell).replace('\n', " ")).collect()).collect();
        let widths: Vec<usize> = (0..columns)
            .map(|at| {
                rows.iter().filter_map(|row| row.get(at)).map(|c| console::measure_text_width(c)).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&console::pad_str(cell, *width, console::Alignment::Left, None));
                line.push_str("  ");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_clean() {
        let mut table = Table::new(["NAME", "VERSION"]);
        table.row(["hello".to_owned(), "2.10-3".to_owned()]);
        table.row(["a\u{1b}[31m".to_owned(), "1\n2".to_owned()]);
        assert_eq!(table.text(), "NAME   VERSION\nhello  2.10-3\na      1 2\n");
    }

    #[test]
    fn the_format_is_known_before_parsing() {
        let of = |words: &[&str]| Format::of_arguments(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of(&["debbuild", "--format", "json", "gc"]), Format::Json);
        assert_eq!(of(&["debbuild", "gc", "--format=json"]), Format::Json);
        assert_eq!(of(&["debbuild", "chroot", "run", "--", "--format=json"]), Format::Human);
    }
}
