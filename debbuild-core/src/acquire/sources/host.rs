//! Which of the host's archives make a suite: those whose Release Origin owns it, with its updates and security suites.

use super::SourceEntry;
use crate::{
    acquire::{AcquireError, Archive, ArchiveReader},
    context::Context,
    control::paragraphs,
    error::{Class, Classify as _},
    name::SuiteName,
    sign::Keyring,
};

/// What is wanted of the host's archives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostQuery {
    /// The suite.
    pub suite: SuiteName,
    /// Whose archives own it: values of `Origin`, as [`vendors`] finds them.
    pub owners: Vec<String>,
    /// The keyring for entries that name none.
    pub default_keyring: Keyring,
    /// The endings of the suites that belong to it.
    pub endings: Vec<String>,
}

impl HostQuery {
    /// This suite with its `-updates` and `-security`, from archives of these origins.
    #[must_use]
    pub fn new(suite: SuiteName, owners: Vec<String>, default_keyring: Keyring) -> Self {
        Self { suite, owners, default_keyring, endings: vec!["-updates".to_owned(), "-security".to_owned()] }
    }

    /// With other suites that belong to it.
    #[must_use]
    pub fn with_endings(mut self, endings: Vec<String>) -> Self {
        self.endings = endings;
        self
    }
}

/// A suite of an entry that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassedOver {
    /// Where the entry stands.
    pub place: String,
    /// The suite.
    pub suite: SuiteName,
    /// Why it is not used.
    pub reason: String,
}

/// The archives that make a suite.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HostArchives {
    /// The archives: the suite itself first. Their names are their suites, made different where two are the same.
    pub archives: Vec<Archive>,
    /// What is not used, and why.
    pub passed_over: Vec<PassedOver>,
}

/// The vendors in the text of `/etc/dpkg/origins/default` (deb-origin(5)), the host's own first: they are what `Origin` says.
#[must_use]
pub fn vendors(text: &str) -> Vec<String> {
    let paragraphs = paragraphs(text).flatten();
    let names = paragraphs.flat_map(|paragraph| ["Vendor", "Parent"].map(|field| paragraph.get(field)));
    names.flatten().map(str::to_owned).collect()
}

/// Finds the archives that make a suite among the entries of the host.
///
/// Entries that list the suite are asked first; where there is none, every archive of an owner is asked whether it has it.
/// Only archives with a verified Release are used: each one is opened.
///
/// # Errors
/// [`AcquireError::NoHostArchive`] (`config`) when no entry has the suite; else what opening an archive gave.
pub async fn host_archives(
    cx: &Context,
    reader: &ArchiveReader,
    entries: &[SourceEntry],
    query: &HostQuery,
) -> Result<HostArchives, AcquireError> {
    let mut found = HostArchives::default();
    let family = family(query)?;
    let entries: Vec<&SourceEntry> = entries.iter().filter(|entry| entry.binary || entry.source).collect();
    for suite in &family {
        for entry in listing(&entries, suite) {
            consider(cx, reader, entry, suite, query, &mut found).await?;
        }
    }
    let owned = |found: &HostArchives, suite: &SuiteName| found.archives.iter().any(|archive| archive.suite == *suite);
    // Archives of an owner may have what the host itself does not use.
    let candidates = if owned(&found, &query.suite) {
        let used = |entry: &SourceEntry| found.archives.iter().any(|archive| archive.uris == entry.uris);
        listing(&entries, &query.suite).into_iter().filter(|entry| used(entry)).collect()
    } else {
        owners(cx, reader, &entries, query, &mut found).await
    };
    for suite in &family {
        for entry in &candidates {
            if !owned(&found, suite) {
                match consider(cx, reader, entry, suite, query, &mut found).await {
                    Err(error) if error.class() == Class::NotFound => {}
                    other => other?,
                }
            }
        }
    }
    if !owned(&found, &query.suite) {
        let passed = found.passed_over.iter().map(|one| format!("{} {}: {}", one.place, one.suite, one.reason));
        return Err(AcquireError::NoHostArchive {
            suite: query.suite.to_string(),
            owners: query.owners.join(", "),
            passed_over: passed.collect::<Vec<_>>().join("; "),
        });
    }
    found.archives.sort_by_key(|archive| family.iter().position(|suite| *suite == archive.suite));
    name_apart(&mut found.archives);
    Ok(found)
}

/// The entries that list a suite.
fn listing<'a>(entries: &[&'a SourceEntry], suite: &SuiteName) -> Vec<&'a SourceEntry> {
    entries.iter().filter(|entry| entry.suites.contains(suite)).copied().collect()
}

/// The suite, and those that belong to it.
fn family(query: &HostQuery) -> Result<Vec<SuiteName>, AcquireError> {
    let endings = std::iter::once("").chain(query.endings.iter().map(String::as_str));
    Ok(endings.map(|ending| SuiteName::new(&format!("{}{ending}", query.suite))).collect::<Result<_, _>>()?)
}

/// The entries of owners, told by the first suite that each lists itself; what cannot be opened is passed over.
async fn owners<'a>(
    cx: &Context,
    reader: &ArchiveReader,
    entries: &[&'a SourceEntry],
    query: &HostQuery,
    found: &mut HostArchives,
) -> Vec<&'a SourceEntry> {
    let mut candidates: Vec<&SourceEntry> = Vec::new();
    for entry in entries {
        let Some(suite) = entry.suites.first() else { continue };
        if candidates.iter().any(|known| known.uris == entry.uris) {
            continue;
        }
        let reason = match reader.open(cx, &entry.archive(suite, &query.default_keyring)).await {
            Ok(opened) => match not_owned(opened.release().origin.as_deref(), query) {
                None => {
                    candidates.push(entry);
                    continue;
                }
                Some(reason) => reason,
            },
            Err(error) => crate::error::chain(&error),
        };
        found.passed_over.push(PassedOver { place: entry.place(), suite: suite.clone(), reason });
    }
    candidates
}

fn not_owned(origin: Option<&str>, query: &HostQuery) -> Option<String> {
    match origin {
        Some(origin) if query.owners.iter().any(|owner| owner == origin) => None,
        Some(origin) => Some(format!("its Origin is {origin}")),
        None => Some("it names no Origin".to_owned()),
    }
}

/// Opens one suite of an entry, and takes it where its Origin is an owner.
async fn consider(
    cx: &Context,
    reader: &ArchiveReader,
    entry: &SourceEntry,
    suite: &SuiteName,
    query: &HostQuery,
    found: &mut HostArchives,
) -> Result<(), AcquireError> {
    let archive = entry.archive(suite, &query.default_keyring);
    let same = |known: &&mut Archive| known.suite == archive.suite && known.uris == archive.uris;
    if let Some(known) = found.archives.iter_mut().find(same) {
        // `deb` and `deb-src` lines of one archive are one archive.
        let more = archive.components.into_iter().filter(|component| !known.components.contains(component));
        let more: Vec<_> = more.collect();
        known.components.extend(more);
        return Ok(());
    }
    let opened = reader.open(cx, &archive).await?;
    match not_owned(opened.release().origin.as_deref(), query) {
        None => found.archives.push(archive),
        Some(reason) => found.passed_over.push(PassedOver { place: entry.place(), suite: suite.clone(), reason }),
    }
    Ok(())
}

/// Locks and records name archives: two of one suite get numbers.
fn name_apart(archives: &mut [Archive]) {
    for at in 1..archives.len() {
        let (before, rest) = archives.split_at_mut(at);
        let twins = before.iter().filter(|other| other.suite == rest[0].suite).count();
        if twins > 0 {
            rest[0].name = format!("{}-{}", rest[0].suite, twins + 1);
        }
    }
}
