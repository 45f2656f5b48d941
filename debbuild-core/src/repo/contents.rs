//! Contents indexes: which package has which file (apt-ftparchive(1), `contents`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, RepoError, catalog::Catalog, parallel};
use crate::{
    cancel::CancelToken,
    control::{single_paragraph, utf8},
};

/// How many lines a piece has, about; its last line is told by the path alone.
const LENGTH: u32 = 4096;

/// The pieces of the index of these packages, one after the other the whole text: paths in their order, each with the packages
/// that have it as `SECTION/NAME`. Packages whose paths were never read are left out.
pub(super) fn pieces(cancel: &CancelToken, catalog: &Catalog, entries: &[&Entry]) -> Result<Vec<String>, RepoError> {
    let known = parallel::map(entries, |entry| {
        cancel.check()?;
        let sha256 = entry.main_file()?.sha256;
        let Some(paths) = catalog.paths(sha256)? else { return Ok(None) };
        Ok::<_, RepoError>(Some((label(entry, &catalog.text(entry.known_by()?)?), paths)))
    })?;
    let known: Vec<(String, String)> = known.into_iter().flatten().collect();
    let labels: BTreeSet<&str> = known.iter().map(|(label, _)| label.as_str()).collect();
    let numbers: BTreeMap<&str, u32> = labels.iter().copied().zip(0..).collect();
    let labels: Vec<&str> = labels.into_iter().collect();
    let mut all: Vec<(&str, u32)> = Vec::new();
    for (label, paths) in &known {
        let number = numbers[label.as_str()];
        all.extend(paths.split('\n').filter(|path| !path.is_empty()).map(|path| (path, number)));
    }
    all.sort_unstable();
    all.dedup();
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    for same in all.chunk_by(|one, other| one.0 == other.0) {
        let path = same[0].0;
        let having: Vec<&str> = same.iter().map(|(_, number)| labels[*number as usize]).collect();
        piece.push_str(&format!("{path:<60}\t{}\n", having.join(",")));
        let mut sum = flate2::Crc::new();
        sum.update(path.as_bytes());
        if sum.sum().is_multiple_of(LENGTH) {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    Ok(pieces)
}

fn label(entry: &Entry, control: &[u8]) -> String {
    let own = || utf8(control).ok().and_then(|text| single_paragraph(text).ok()?.get("Section").map(str::to_owned));
    match entry.section.clone().or_else(own) {
        Some(section) => format!("{section}/{}", entry.name),
        None => entry.name.to_string(),
    }
}
