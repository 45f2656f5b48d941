//! Lists of files with checksums, in which every list must tell the same story.

use std::collections::BTreeMap;

use super::{ControlError, Paragraph};
use crate::{digest::Sha256, name::FileName};

/// A file that a control file vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its plain name.
    pub name: FileName,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// The files of `Checksums-Sha256`, in their order. Where `Files`, `Checksums-Sha1` or `Checksums-Sha512` are there too, they must
/// list the same names and sizes.
pub(super) fn file_entries(paragraph: &Paragraph<'_>) -> Result<Vec<FileEntry>, ControlError> {
    const FIELD: &str = "Checksums-Sha256";
    if paragraph.get(FIELD).is_none() {
        return Err(ControlError::Missing { field: FIELD, line: paragraph.first_line() });
    }
    let mut entries = Vec::new();
    let mut sizes = BTreeMap::new();
    for line in lines(paragraph, FIELD, 3) {
        let (sum, size, name) = line?;
        let sha256 = sum.to_lowercase().parse().map_err(|error| paragraph.error(FIELD, error))?;
        if sizes.insert(name.clone(), size).is_some() {
            return Err(paragraph.error(FIELD, format_args!("lists {name} twice")));
        }
        entries.push(FileEntry { name, size, sha256 });
    }
    for (field, columns, digits) in
        [("Files", 0, 32), ("Checksums-Md5", 3, 32), ("Checksums-Sha1", 3, 40), ("Checksums-Sha512", 3, 128)]
    {
        if paragraph.get(field).is_some() {
            agree(paragraph, field, columns, digits, &sizes)?;
        }
    }
    Ok(entries)
}

fn agree(
    paragraph: &Paragraph<'_>,
    field: &str,
    columns: usize,
    digits: usize,
    sizes: &BTreeMap<FileName, u64>,
) -> Result<(), ControlError> {
    let mut others = BTreeMap::new();
    for line in lines(paragraph, field, columns) {
        let (sum, size, name) = line?;
        if sum.len() != digits || !sum.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(paragraph.error(field, format_args!("not a checksum: {sum:?}")));
        }
        if others.insert(name.clone(), size).is_some() {
            return Err(paragraph.error(field, format_args!("lists {name} twice")));
        }
    }
    if others == *sizes {
        return Ok(());
    }
    let differs = |(name, size): (&FileName, &u64)| (others.get(name) != Some(size)).then(|| name.clone());
    let extra = |name: &FileName| !sizes.contains_key(name);
    let name = sizes.iter().find_map(differs).or_else(|| others.into_keys().find(extra));
    let name = name.map_or(String::new(), |name| name.to_string());
    Err(paragraph.error(field, format_args!("differs from Checksums-Sha256 about {name}")))
}

/// Checksum, size and name of each line; `columns` is 3, or 0 for 3 (.dsc) or 5 (.changes).
fn lines<'a>(
    paragraph: &'a Paragraph<'a>,
    field: &'a str,
    columns: usize,
) -> impl Iterator<Item = Result<(&'a str, u64, FileName), ControlError>> {
    paragraph.lines(field).map(move |line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            [sum, size, name] => entry(paragraph, field, sum, size, name),
            [sum, size, _, _, name] if columns == 0 => entry(paragraph, field, sum, size, name),
            _ => Err(paragraph.error(field, format_args!("not a line of a list of files: {line:?}"))),
        }
    })
}

fn entry<'a>(
    paragraph: &Paragraph<'_>,
    field: &str,
    sum: &'a str,
    size: &str,
    name: &str,
) -> Result<(&'a str, u64, FileName), ControlError> {
    let name = name.parse().map_err(|error| paragraph.error(field, error))?;
    let size = size.parse().map_err(|_| paragraph.error(field, format_args!("not a size: {size:?}")))?;
    Ok((sum, size, name))
}
