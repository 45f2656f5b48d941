//! What was uploaded, by whom, and what became of it: one line of JSON each, only ever added to.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
};

use serde::{Deserialize, Serialize};

use super::UploadError;
use crate::{
    clock::Timestamp,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

/// The version of a line's format.
pub const UPLOAD_SCHEMA: u32 = 1;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// Its packages are staged.
    Accepted,
    /// Nothing of it was taken.
    Refused,
}

/// An upload, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Upload {
    /// [`UPLOAD_SCHEMA`].
    pub schema: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// The name of the .changes.
    pub file: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The class of the error, where it was refused.
    pub class: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The digest of the signed text, where the signature is good.
    pub text: Option<Sha256>,
    /// The primary key that signed.
    pub key: Option<String>,
    /// Who that is, by the rules.
    pub by: Option<String>,
    /// The source package.
    pub source: Option<String>,
    /// The version of the upload.
    pub version: Option<String>,
    /// The suites that it is for.
    pub suites: Vec<String>,
    /// The packages that it brought, as `NAME=VERSION/ARCHITECTURE`.
    pub packages: Vec<String>,
}

impl Upload {
    /// Nothing is known yet but the name of the file.
    pub(super) fn begin(at: Timestamp, file: &str) -> Self {
        Self {
            schema: UPLOAD_SCHEMA,
            at,
            file: file.to_owned(),
            outcome: Outcome::Refused,
            class: None,
            reason: None,
            text: None,
            key: None,
            by: None,
            source: None,
            version: None,
            suites: Vec::new(),
            packages: Vec::new(),
        }
    }
}

/// The file of the lines.
#[derive(Debug, Clone)]
pub(super) struct Log(AbsPath);

impl Log {
    pub(super) const fn new(file: AbsPath) -> Self {
        Self(file)
    }

    /// All uploads, oldest first. A last line that a power cut left half written is none.
    pub(super) fn read(&self) -> Result<Vec<Upload>, UploadError> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(UploadError::Log { file: self.0.to_string(), reason: error.to_string() }),
        };
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let read = |(number, line): (usize, &str)| {
            let wrong = |reason: String| UploadError::Log { file: self.0.to_string(), reason };
            let upload: Upload =
                serde_json::from_str(line).map_err(|error| wrong(format!("line {}: {error}", number + 1)))?;
            match upload.schema {
                UPLOAD_SCHEMA => Ok(upload),
                other => Err(wrong(format!("line {}: schema {other} is not known", number + 1))),
            }
        };
        whole.enumerate().map(read).collect()
    }

    /// Adds a line durably.
    pub(super) fn add(&self, upload: &Upload) -> Result<(), UploadError> {
        let wrong = |reason: String| UploadError::Log { file: self.0.to_string(), reason };
        let mut line = serde_json::to_vec(upload).map_err(|error| wrong(error.to_string()))?;
        line.push(b'\n');
        let is_new = !self.0.as_std().exists();
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&self.0).at("open", &self.0)?;
        end_last_line(&mut file).at("read", &self.0)?;
        file.write_all(&line).at("write", &self.0)?;
        file.sync_data().at("write", &self.0)?;
        if is_new {
            let folder = self.0.parent();
            File::open(&folder).and_then(|folder| folder.sync_all()).at("write", &folder)?;
        }
        Ok(())
    }
}

/// Cuts off what a power cut left of a line.
fn end_last_line(file: &mut File) -> std::io::Result<()> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
    }
    Ok(())
}
