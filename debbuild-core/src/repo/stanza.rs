//! The stanzas of Packages and Sources, from the control data of packages.

use sha2::Digest as _;

use super::{Entry, EntryKind, RepoError, catalog::Catalog};
use crate::{
    control::{ControlError, Paragraph, Stanza, own_fields, signed_text, single_paragraph, utf8},
    digest::Sha256,
    error::chain,
};

/// The stanza of an entry, each line ended; a `short` one has its description's first line and the digest of the whole.
///
/// # Errors
/// [`RepoError::Record`] when nothing is known of it, [`RepoError::Input`] when what is known cannot be written.
pub(super) fn stanza(catalog: &Catalog, entry: &Entry, short: bool) -> Result<String, RepoError> {
    let file = entry.main_file()?;
    let known = catalog.text(entry.known_by()?)?;
    let written = match entry.kind {
        EntryKind::Binary | EntryKind::Udeb => utf8(&known).and_then(|control| binary(control, entry, short)),
        EntryKind::Source => source(&known, entry),
    };
    written.map_err(|error| RepoError::Input { file: file.path.to_string(), reason: chain(&error) })
}

/// The control file's fields as they are, but for what the archive gives, then where the file is.
pub(super) fn binary(control: &str, entry: &Entry, short: bool) -> Result<String, ControlError> {
    let paragraph = single_paragraph(control)?;
    let mut given = [("Section", entry.section.as_deref()), ("Priority", entry.priority.as_deref())];
    let mut stanza = Stanza::new();
    for (name, value) in own_fields(&paragraph) {
        let replaced =
            given.iter_mut().find(|(field, _)| name.eq_ignore_ascii_case(field)).and_then(|one| one.1.take());
        if short && name.eq_ignore_ascii_case("Description") {
            stanza.verbatim(name, value.lines().next().unwrap_or_default())?;
            stanza.field("Description-md5", description_md5(value))?;
        } else {
            stanza.verbatim(name, replaced.unwrap_or(value))?;
        }
    }
    for (name, value) in given {
        stanza.optional(name, value)?;
    }
    for file in &entry.files {
        stanza.field("Filename", &file.path)?.field("Size", file.size)?.field("SHA256", file.sha256)?;
    }
    Ok(stanza.as_str().to_owned())
}

/// The stanza of Translation-en, with the digest that tells whether it was there before; none without a description.
pub(super) fn translation(catalog: &Catalog, entry: &Entry) -> Result<Option<(String, String)>, RepoError> {
    let file = entry.main_file()?;
    let known = catalog.text(entry.known_by()?)?;
    let written = || {
        let paragraph = single_paragraph(utf8(&known)?)?;
        let Some(description) = paragraph.get("Description") else { return Ok(None) };
        let md5 = description_md5(description);
        let mut stanza = Stanza::new();
        stanza.field("Package", &entry.name)?.field("Description-md5", &md5)?;
        stanza.verbatim("Description-en", description)?;
        Ok(Some((md5, stanza.as_str().to_owned())))
    };
    written().map_err(|error: ControlError| RepoError::Input { file: file.path.to_string(), reason: chain(&error) })
}

/// The md5 of a description, its last line ended, by which apt finds its translations.
pub(super) fn description_md5(description: &str) -> String {
    hex::encode(md5::Md5::new().chain_update(description).chain_update("\n").finalize())
}

/// The .dsc's fields as they are, with `Package` for `Source`, the folder, and the .dsc itself before the files that it lists.
pub(super) fn source(dsc: &[u8], entry: &Entry) -> Result<String, ControlError> {
    const OURS: [&str; 4] = ["Source", "Directory", "Section", "Priority"];
    let text = signed_text(dsc)?;
    let paragraph: Paragraph<'_> = single_paragraph(&text)?;
    let path = entry.files.first().map_or("", |file| file.path.as_str());
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut stanza = Stanza::new();
    stanza.field("Package", paragraph.get("Source").unwrap_or_default())?;
    let is_ours = |name: &str| OURS.iter().any(|other| other.eq_ignore_ascii_case(name));
    for (field, value) in paragraph.fields().filter(|(name, _)| !is_ours(name)) {
        let sum = match field.to_ascii_lowercase().as_str() {
            "files" => hex::encode(md5::Md5::digest(dsc)),
            "checksums-sha1" => hex::encode(sha1::Sha1::digest(dsc)),
            "checksums-sha256" => Sha256::of(dsc).to_string(),
            // The .dsc's own sum would be missing: a list that is not whole is worse than none.
            "checksums-sha512" | "checksums-md5" => continue,
            _ => {
                stanza.verbatim(field, value)?;
                continue;
            }
        };
        let own = format!("{sum} {} {name}", dsc.len());
        stanza.list(field, std::iter::once(own.as_str()).chain(paragraph.lines(field)))?;
    }
    stanza.field("Directory", folder)?;
    let given = |of: &Option<String>, field| of.clone().or_else(|| paragraph.get(field).map(str::to_owned));
    stanza.optional("Section", given(&entry.section, "Section"))?;
    stanza.optional("Priority", given(&entry.priority, "Priority"))?;
    Ok(stanza.as_str().to_owned())
}
