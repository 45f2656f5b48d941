//! Patches between the indexes of successive states (pdiffs): clients fetch what changed in place of the whole.
//!
//! `INDEX.diff/Index` lists earlier texts of an index, each with the `diff --ed` script that makes the next one of it, in the form
//! of dak that apt reads (apt.conf(5), `Acquire::PDiffs`). Scripts are not merged (there is no `X-Patch-Precedence`): one is made
//! for each change of an index and stays as it is, and apt merges those that it needs.

use bytes::Bytes;
use imara_diff::{Algorithm, Diff, InternedInput};
use serde::{Deserialize, Serialize};

use super::{
    IndexFile, IndexFormat, RepoError, Repository, State, StateId, SuiteOptions, TreeContent, chunk, index::Indexes,
};
use crate::{
    acquire::decompress,
    blocking,
    cancel::CancelToken,
    clock::Timestamp,
    context::Context,
    control::{ControlError, FileEntry, Stanza, single_paragraph, utf8},
    digest::Sha256,
    name::PoolPath,
};

/// What the name of the folder with the patches of an index ends with, and that of their list.
const FOLDER: &str = ".diff";
const LIST: &str = "Index";

/// Size in bytes and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    size: u64,
    sha256: Sha256,
}

impl Sum {
    fn of(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, sha256: Sha256::of(bytes) }
    }
}

/// A text that an index had, and the script that makes the next one of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Patch {
    /// The path of the packed script below `dists/SUITE/`.
    pub(super) path: PoolPath,
    from: Sum,
    script: Sum,
    packed: Sum,
}

/// Whether a file of a tree is a patch: no other file ever has its path.
#[cfg(feature = "s3")]
pub(super) fn is_patch(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, name)| folder.ends_with(FOLDER) && name != LIST)
}

/// The index whose patches this file lists, if it is such a list.
pub(super) fn index_of(path: &str) -> Option<&str> {
    path.strip_suffix(LIST)?.strip_suffix('/')?.strip_suffix(FOLDER)
}

/// Where a patch of an index is.
pub(super) fn path(index: &str, name: &str) -> String {
    format!("{index}{FOLDER}/{name}")
}

/// The packed patches that a list names.
pub(super) fn downloads(list: &[u8]) -> Result<Vec<FileEntry>, ControlError> {
    const FIELD: &str = "SHA256-Download";
    let paragraph = single_paragraph(utf8(list)?)?;
    let line = |line: &str| {
        let bad = || paragraph.error(FIELD, format_args!("not a line of a list of files: {line:?}"));
        let [sha256, size, name] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else { return Err(bad()) };
        let name = name.parse().map_err(|error| paragraph.error(FIELD, error))?;
        Ok(FileEntry { name, size: size.parse().map_err(|_| bad())?, sha256: sha256.parse().map_err(|_| bad())? })
    };
    paragraph.lines(FIELD).map(line).collect()
}

/// The list of patches, oldest first, that lead to a text.
fn list(current: Sum, patches: &[Patch]) -> Result<String, ControlError> {
    let name = |patch: &Patch| patch.path.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    let plain = |patch: &Patch| name(patch).trim_end_matches(".gz").to_owned();
    let line = |sum: Sum, name: String| format!("{} {} {name}", sum.sha256, sum.size);
    let mut stanza = Stanza::new();
    stanza.field("SHA256-Current", format_args!("{} {}", current.sha256, current.size))?;
    stanza.list("SHA256-History", patches.iter().map(|patch| line(patch.from, plain(patch))))?;
    stanza.list("SHA256-Patches", patches.iter().map(|patch| line(patch.script, plain(patch))))?;
    stanza.list("SHA256-Download", patches.iter().map(|patch| line(patch.packed, name(patch))))?;
    Ok(stanza.as_str().to_owned())
}

/// The script by which ed(1) makes the new text of the old one, as `diff --ed` writes it: the last change comes first, so that
/// the numbers of the lines before it hold. None where there is no such script: a text does not end its last line, or a line to
/// be added is the full stop that ends an addition.
fn script(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    // The library numbers lines by 31 bits.
    let is_text = |text: &[u8]| text.len() < i32::MAX as usize && text.last().is_none_or(|last| *last == b'\n');
    if !is_text(old) || !is_text(new) {
        return None;
    }
    // Most of an index is before the first change and after the last one.
    let same = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let start = old[..same].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let before = old[..start].iter().filter(|byte| **byte == b'\n').count() as u64;
    let (old, new) = (&old[start..], &new[start..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let tail = &old[old.len() - same..];
    let tail = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| same - at - 1);
    let input = InternedInput::new(&old[..old.len() - tail], &new[..new.len() - tail]);
    let hunks: Vec<_> = Diff::compute(Algorithm::Histogram, &input).hunks().collect();
    let mut script = Vec::new();
    for hunk in hunks.iter().rev() {
        let (first, last) = (before + u64::from(hunk.before.start), before + u64::from(hunk.before.end));
        let command = match (hunk.is_pure_insertion(), hunk.is_pure_removal()) {
            (true, _) => format!("{first}a\n"),
            (_, removal) => {
                let letter = if removal { 'd' } else { 'c' };
                let lines = if first + 1 == last { last.to_string() } else { format!("{},{last}", first + 1) };
                format!("{lines}{letter}\n")
            }
        };
        script.extend(command.as_bytes());
        for line in &input.after[hunk.after.start as usize..hunk.after.end as usize] {
            let line = input.interner[*line];
            if line == b".\n" {
                return None;
            }
            script.extend(line);
        }
        if !hunk.is_pure_removal() {
            script.extend(b".\n");
        }
    }
    Some(script)
}

/// The plain file of an index, as a state lists it.
fn plain<'a>(listed: &'a [IndexFile], path: &PoolPath) -> Option<&'a IndexFile> {
    listed.iter().find(|file| file.path == *path)
}

/// The files of an index that are stored, those first that are read fastest.
fn stored<'a>(listed: &'a [IndexFile], path: &PoolPath) -> Vec<&'a IndexFile> {
    let formats = [IndexFormat::Plain, IndexFormat::Zstd, IndexFormat::Gzip, IndexFormat::Xz];
    let of = |format: IndexFormat| {
        let path = format!("{path}{}", format.ending());
        listed.iter().find(|file| file.stored && file.path.as_str() == path)
    };
    formats.into_iter().filter_map(of).collect()
}

/// The text of an index; none where it is not what was listed.
fn text(file: &IndexFile, bytes: &[u8], plain: &IndexFile, cancel: &CancelToken) -> Option<Vec<u8>> {
    let text = decompress(file.path.as_str(), bytes, plain.size, cancel).ok()?;
    (Sum::of(&text) == Sum { size: plain.size, sha256: plain.sha256 }).then_some(text)
}

/// The state that patches are made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leading<'a> {
    pub(super) options: &'a SuiteOptions,
    pub(super) state: StateId,
    pub(super) date: Timestamp,
    /// The one that readers have.
    pub(super) before: Option<&'a State>,
}

impl Repository {
    /// Adds the patches that lead from the indexes that readers have, and had, to these, where the suite has such.
    pub(super) async fn add_patches(
        &self,
        cx: &Context,
        to: Leading<'_>,
        indexes: &mut Indexes,
    ) -> Result<(), RepoError> {
        let (Some(most), Some(before)) = (to.options.pdiffs, to.before) else { return Ok(()) };
        let paths: Vec<PoolPath> = indexes.made_of.keys().cloned().collect();
        for path in paths {
            let Some(now) = plain(&indexes.listed, &path).cloned() else { continue };
            let mut patches = before.patches.get(&path).cloned().unwrap_or_default();
            if plain(&before.indexes, &path).is_none_or(|old| old.sha256 != now.sha256) {
                match self.patch(cx, to, before, &now, indexes).await? {
                    Some((patch, script)) => {
                        indexes.scripts.insert(patch.path.clone(), script);
                        patches.push(patch);
                    }
                    // No way leads from there to here.
                    None => patches.clear(),
                }
            }
            // Clients take the whole index where that is less to fetch.
            let whole = stored(&indexes.listed, &path).iter().map(|file| file.size).min().unwrap_or(0);
            let sizes = |patches: &[Patch]| patches.iter().map(|patch| patch.packed.size).sum::<u64>();
            while patches.len() > most.get() || sizes(&patches) > whole {
                let gone = patches.remove(0);
                indexes.scripts.remove(&gone.path);
            }
            if !patches.is_empty() {
                add_list(&now, before, &patches, indexes)?;
                indexes.patches.insert(path, patches);
            }
        }
        indexes.listed.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(())
    }

    /// The patch from what readers have of an index to what it is now, with the packed script.
    async fn patch(
        &self,
        cx: &Context,
        to: Leading<'_>,
        before: &State,
        now: &IndexFile,
        indexes: &Indexes,
    ) -> Result<Option<(Patch, Bytes)>, RepoError> {
        let of_now = stored(&indexes.listed, &now.path).into_iter();
        let mut made = of_now.filter_map(|file| match indexes.content.get(&file.path) {
            Some(TreeContent::Bytes(bytes)) => Some((file.clone(), bytes.clone())),
            _ => None,
        });
        let (Some(old), Some((new_file, new_bytes))) = (plain(&before.indexes, &now.path), made.next()) else {
            return Ok(None);
        };
        let Some(old_file) = stored(&before.indexes, &now.path).first().map(|file| (*file).clone()) else {
            return Ok(None);
        };
        let published = PoolPath::new(&format!("dists/{}/{}", to.options.suite, old_file.path))?;
        let Some(old_bytes) = self.target.read(cx, &published).await? else { return Ok(None) };
        let name = path(now.path.as_str(), &format!("{}-{}.gz", to.date.snapshot_id(), to.state));
        let (path, old, now, cancel) = (PoolPath::new(&name)?, old.clone(), now.clone(), cx.cancel().clone());
        blocking::run(move || {
            let old_text = text(&old_file, &old_bytes, &old, &cancel);
            let new_text = text(&new_file, &new_bytes, &now, &cancel);
            cancel.check()?;
            let (Some(old_text), Some(new_text)) = (old_text, new_text) else { return Ok(None) };
            let Some(script) = script(&old_text, &new_text) else { return Ok(None) };
            let packed = chunk::gzip(&script)
                .map_err(|error| RepoError::Input { file: path.to_string(), reason: error.to_string() })?;
            let (script, sum) = (Sum::of(&script), Sum::of(&packed));
            Ok(Some((Patch { path, from: Sum::of(&old_text), script, packed: sum }, Bytes::from(packed))))
        })
        .await
    }
}

/// The list of the patches of an index, with its path.
fn listing(now: &IndexFile, patches: &[Patch]) -> Result<(PoolPath, Bytes), RepoError> {
    let path = PoolPath::new(&path(now.path.as_str(), LIST))?;
    let text = list(Sum { size: now.size, sha256: now.sha256 }, patches)
        .map_err(|error| RepoError::Input { file: path.to_string(), reason: error.to_string() })?;
    Ok((path, text.into()))
}

/// The lists of patches of a state, made again.
pub(super) fn lists(state: &State) -> Result<Vec<Bytes>, RepoError> {
    let lists = state.patches.iter().filter_map(|(path, patches)| Some((plain(&state.indexes, path)?, patches)));
    lists.map(|(now, patches)| Ok(listing(now, patches)?.1)).collect()
}

/// Adds the list of the patches of an index. Where it is what it was, readers keep the file that they have.
fn add_list(now: &IndexFile, before: &State, patches: &[Patch], indexes: &mut Indexes) -> Result<(), RepoError> {
    let (path, text) = listing(now, patches)?;
    let Sum { size, sha256 } = Sum::of(&text);
    let file = IndexFile { path: path.clone(), size, sha256, stored: true };
    let content = if before.indexes.contains(&file) {
        TreeContent::Earlier(before.id(), path.clone())
    } else {
        TreeContent::Bytes(text)
    };
    indexes.content.insert(path, content);
    indexes.listed.push(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What ed(1) makes of a text by a script.
    fn applied(text: &str, script: &str) -> String {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut rest = script.split_inclusive('\n');
        while let Some(command) = rest.next() {
            let (range, letter) = command.trim_end().split_at(command.trim_end().len() - 1);
            let (first, last) = range.split_once(',').unwrap_or((range, range));
            let [first, last] = [first, last].map(|number| number.parse::<usize>().unwrap());
            let more: Vec<&str> =
                if letter == "d" { Vec::new() } else { rest.by_ref().take_while(|line| *line != ".\n").collect() };
            let place = if letter == "a" { first..first } else { first - 1..last };
            lines.splice(place, more);
        }
        lines.concat()
    }

    fn made(old: &str, new: &str) -> Option<String> {
        script(old.as_bytes(), new.as_bytes()).map(|script| String::from_utf8(script).unwrap())
    }

    #[test]
    fn scripts_are_those_of_diff_ed() {
        for (old, new, expected) in [
            ("", "a\nb\n", "0a\na\nb\n.\n"),
            ("a\nb\n", "", "1,2d\n"),
            ("a\nb\nc\n", "a\nc\n", "2d\n"),
            ("a\nb\nc\nd\n", "a\nx\ny\nd\n", "2,3c\nx\ny\n.\n"),
            ("a\nb\nc\n", "a\nb\nc\nd\n", "3a\nd\n.\n"),
            ("a\nb\nc\nd\ne\n", "x\nb\nc\nd\ny\ne\n", "4a\ny\n.\n1c\nx\n.\n"),
            ("a\n", "a\n", ""),
        ] {
            assert_eq!(made(old, new).as_deref(), Some(expected), "{old:?} {new:?}");
        }
        assert_eq!(made("a", "b\n"), None, "a last line without an end");
        assert_eq!(made("a\n", "a\n.\n"), None, "a line that would end the addition");
        assert_eq!(made("a\n", "a\n .\n").as_deref(), Some("1a\n .\n.\n"), "no line of an index is one");
    }

    proptest! {
        #[test]
        fn a_script_makes_the_new_text_of_the_old_one(
            old in proptest::collection::vec("[ab]{0,2}", 0..40),
            new in proptest::collection::vec("[ab]{0,2}", 0..40),
        ) {
            let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let (old, new) = (text(&old), text(&new));
            prop_assert_eq!(applied(&old, &made(&old, &new).unwrap()), new);
        }
    }
}
