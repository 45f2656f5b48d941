//! Checking a published suite as a client reads it, and the pool against the records.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::{
    PublishTarget, RepoError, Report, State,
    named::{Named, Tells, Unpacking, stem},
    pdiff,
    reading::{ForeignArchive, MISSING, Published, Reading, VerifyOptions},
    tree::by_hash,
};
use crate::{
    acquire::ENDINGS,
    context::{Context, Step},
    control::{FileEntry, Release, ReleaseFile, signed_text},
    digest::Sha256,
    error::{Class, Classify as _, chain},
    event::Unit,
    name::{PoolPath, SuiteName},
    sign::{Keyring, Verifier},
};

/// How many files are read at a time.
const PARALLEL: usize = 4;

impl ForeignArchive {
    /// Reads an archive of somebody else as a client does and checks it: signatures by these keys (without keys: only that
    /// InRelease says what Release says), dates, indexes and their copies by hash, every file that they name, and what they
    /// say of each other.
    ///
    /// # Errors
    /// [`RepoError::Fetch`] when it cannot be reached; what is wrong with it is in the report.
    pub async fn verify(
        &self,
        cx: &Context,
        suite: &SuiteName,
        keys: Option<(&dyn Verifier, &Keyring)>,
        options: &VerifyOptions,
    ) -> Result<Report, RepoError> {
        Check::new(cx, self, suite, options).run(keys).await
    }
}

/// Checks what was published to a place, of whose repository nothing is known here, as [`ForeignArchive::verify`] does.
///
/// # Errors
/// When the place cannot be reached; what is wrong with what lies there is in the report.
pub async fn verify_published(
    cx: &Context,
    target: &dyn PublishTarget,
    suite: &SuiteName,
    keys: Option<(&dyn Verifier, &Keyring)>,
    options: &VerifyOptions,
) -> Result<Report, RepoError> {
    Check::new(cx, &Published(target), suite, options).run(keys).await
}

/// Checks everything below `dists/SUITE` of our own tree, as the record of its state says, with these copies by hash for readers
/// of earlier states, and every pool file that it names.
pub(super) async fn own(
    cx: &Context,
    target: &dyn PublishTarget,
    state: &State,
    copies: BTreeMap<PoolPath, ReleaseFile>,
    keys: Option<(&dyn Verifier, &Keyring)>,
) -> Result<Report, RepoError> {
    let (tree, options) = (Published(target), VerifyOptions::new());
    let check = Check::new(cx, &tree, &state.options.suite, &options);
    Check { own: Some(state), copies, ..check }.run(keys).await
}

/// Checks that these files have this size in bytes and digest.
pub(super) async fn files(
    cx: &Context,
    tree: &dyn Reading,
    wanted: BTreeMap<PoolPath, ReleaseFile>,
) -> Result<Report, RepoError> {
    let step = cx.step("check files", Unit::Items, Some(wanted.len() as u64));
    let judged = judge_all(&step, tree, wanted).await;
    step.end(judged)
}

async fn judge_all(
    step: &Step,
    tree: &dyn Reading,
    wanted: BTreeMap<PoolPath, ReleaseFile>,
) -> Result<Report, RepoError> {
    let (cx, mut report) = (step.context(), Report::default());
    let judged = wanted.into_iter().map(|(path, listed)| async move {
        cx.cancel().check()?;
        let problem = tree.judge(cx, &path, listed).await?;
        Ok::<_, RepoError>((path, problem))
    });
    let mut judged = futures_util::stream::iter(judged).buffered(PARALLEL);
    while let Some(one) = judged.next().await {
        let (path, problem) = one?;
        report.files += 1;
        step.progress(report.files);
        if let Some(problem) = problem {
            report.find(path, problem);
        }
    }
    Ok(report)
}

struct Check<'a> {
    cx: &'a Context,
    tree: &'a dyn Reading,
    suite: &'a SuiteName,
    /// In our own tree every file that the record says is there must be; elsewhere one form of each index is enough.
    own: Option<&'a State>,
    options: &'a VerifyOptions,
    /// Copies by hash, to be looked at once each: indexes with the same text share them.
    copies: BTreeMap<PoolPath, ReleaseFile>,
    report: Report,
}

impl<'a> Check<'a> {
    fn new(cx: &'a Context, tree: &'a dyn Reading, suite: &'a SuiteName, options: &'a VerifyOptions) -> Self {
        Self { cx, tree, suite, own: None, options, copies: BTreeMap::new(), report: Report::default() }
    }

    async fn run(mut self, keys: Option<(&dyn Verifier, &Keyring)>) -> Result<Report, RepoError> {
        let Some(release) = self.release(keys).await? else { return Ok(self.report) };
        let named = self.indexes(&release).await?;
        let mut wanted = std::mem::take(&mut self.copies);
        if !self.options.indexes_only {
            wanted.extend(named.files());
        }
        let checked = files(self.cx, self.tree, wanted).await?;
        self.report.files += checked.files;
        self.report.findings.extend(checked.findings);
        self.report.notes.extend(named.odd());
        Ok(self.report)
    }

    fn path(&self, below: &str) -> Result<PoolPath, RepoError> {
        Ok(PoolPath::new(&format!("dists/{}/{below}", self.suite))?)
    }

    async fn file(&mut self, below: &str) -> Result<Option<Bytes>, RepoError> {
        let path = self.path(below)?;
        let bytes = self.tree.read(self.cx, &path).await?;
        self.report.files += 1;
        if bytes.is_none() && self.own.is_some() {
            self.report.find(path, MISSING);
        }
        Ok(bytes)
    }

    /// The Release file, if it can be trusted: from InRelease, else from Release with its signature beside it.
    async fn release(&mut self, keys: Option<(&dyn Verifier, &Keyring)>) -> Result<Option<Release>, RepoError> {
        let clear = self.file("InRelease").await?;
        // Some archives have only InRelease, which is all that clients of today ask for.
        let (release, detached) = (self.file("Release").await?, self.file("Release.gpg").await?);
        let inside = match &clear {
            Some(clear) => self.inside(clear, keys).await?.map(Bytes::from),
            None => None,
        };
        let mut beside = None;
        match (&inside, release, detached) {
            (Some(inside), Some(release), _) if *inside != release => {
                self.report.find(self.path("Release")?, "it does not say what InRelease says");
            }
            (_, Some(release), Some(detached)) => beside = self.beside(release, &detached, keys).await?,
            _ => {}
        }
        if clear.is_none() && self.own.is_none() {
            match beside {
                Some(_) => self.report.note(self.path("InRelease")?, MISSING),
                None => self.report.find(self.path("InRelease")?, MISSING),
            }
        }
        let Some(text) = inside.or(beside) else { return Ok(None) };
        if let Some(state) = self.own.filter(|state| state.release_sha256 != Sha256::of(&text)) {
            self.report.find(self.path("InRelease")?, format!("it is not the one of state {}", state.number));
        }
        match Release::from_unverified(&text) {
            Ok(read) => {
                self.dates(&read)?;
                Ok(Some(read))
            }
            Err(error) => {
                self.report.find(self.path("InRelease")?, chain(&error));
                Ok(None)
            }
        }
    }

    /// The text of Release, if the signature beside it is good.
    async fn beside(
        &mut self,
        release: Bytes,
        detached: &[u8],
        keys: Option<(&dyn Verifier, &Keyring)>,
    ) -> Result<Option<Bytes>, RepoError> {
        let Some((verifier, keys)) = keys else { return Ok(Some(release)) };
        let path = self.path("Release.gpg")?;
        let checked = verifier.verify_detached(self.cx, path.as_str(), &release, detached, keys, None).await;
        Ok(self.judge(&path, checked)?.map(|_| release))
    }

    /// The text inside InRelease.
    async fn inside(
        &mut self,
        clear: &[u8],
        keys: Option<(&dyn Verifier, &Keyring)>,
    ) -> Result<Option<Vec<u8>>, RepoError> {
        let path = self.path("InRelease")?;
        if let Some((verifier, keys)) = keys {
            let checked = verifier.verify_clear(self.cx, path.as_str(), clear, keys, None).await;
            return Ok(self.judge(&path, checked)?.map(|verified| verified.text().to_vec()));
        }
        match signed_text(clear) {
            Ok(text) => Ok(Some(text.into_bytes())),
            Err(error) => {
                self.report.find(path, chain(&error));
                Ok(None)
            }
        }
    }

    /// apt refuses an expired Release, and one that is dated more than ten seconds ahead.
    fn dates(&mut self, release: &Release) -> Result<(), RepoError> {
        let now = self.cx.now();
        if release.valid_until.is_some_and(|until| until < now) {
            let advice = if self.own.is_some() { ": publish again" } else { "" };
            self.report.find(self.path("InRelease")?, format!("it is past its Valid-Until{advice}"));
        }
        if release.date > now.after(std::time::Duration::from_secs(10)) {
            self.report.find(self.path("InRelease")?, format!("it is dated {}, which is in the future", release.date));
        }
        let mut names = [&release.suite, &release.codename].into_iter().flatten().peekable();
        // As apt, which knows `stable/updates` by the Release of `stable`: so are states by their time, and old security suites.
        let ours = |name: &SuiteName| {
            let more = self.suite.as_str().strip_prefix(name.as_str());
            more.is_some_and(|more| more.is_empty() || more.starts_with('/'))
        };
        if names.peek().is_some() && !names.any(ours) {
            self.report.note(self.path("InRelease")?, "it calls itself by the name of another suite");
        }
        Ok(())
    }

    /// A bad signature is a finding; a tool that cannot run is an error.
    fn judge<T>(
        &mut self,
        path: &PoolPath,
        checked: Result<T, crate::sign::SignError>,
    ) -> Result<Option<T>, RepoError> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class() == Class::Verification => {
                self.report.find(path, chain(&error));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Checks the files that the Release lists, each form of an index against its text, and their copies by hash; reads what
    /// they say.
    async fn indexes(&mut self, release: &Release) -> Result<Named, RepoError> {
        let mut forms: BTreeMap<&str, Vec<(&PoolPath, ReleaseFile)>> = BTreeMap::new();
        let wanted = |path: &PoolPath| self.options.wants(&release.architectures, path.as_str());
        for (path, listed) in release.files.iter().filter(|(path, _)| wanted(path)) {
            forms.entry(stem(path.as_str())).or_default().push((path, *listed));
        }
        let step = self.cx.step("check indexes", Unit::Items, Some(forms.len() as u64));
        let read = self.forms(&step, release, forms).await;
        step.end(read)
    }

    async fn forms(
        &mut self,
        step: &Step,
        release: &Release,
        forms: BTreeMap<&str, Vec<(&PoolPath, ReleaseFile)>>,
    ) -> Result<Named, RepoError> {
        let mut named = Named::default();
        for (done, (stem, mut forms)) in (1..).zip(forms) {
            self.cx.cancel().check()?;
            forms.sort_by_key(|(path, _)| {
                ENDINGS.iter().position(|ending| path.as_str().strip_prefix(stem) == Some(ending))
            });
            named = self.index(release, stem, &forms, named).await?;
            if let (Some(index), Some(_), [(path, listed)]) = (pdiff::index_of(stem), self.own, &forms[..]) {
                self.patches(index, path, *listed).await?;
            }
            step.progress(done);
        }
        Ok(named)
    }

    /// Has the patches of an index checked, which a list of ours names.
    async fn patches(&mut self, index: &str, list: &PoolPath, listed: ReleaseFile) -> Result<(), RepoError> {
        // Clients read it by hash, whatever has its name at the moment; what is wrong with it is said with its other form.
        let path = self.path(by_hash(list, listed.sha256)?.as_str())?;
        let Ok(bytes) = self.tree.take(self.cx, &path, listed).await? else { return Ok(()) };
        match pdiff::downloads(&bytes) {
            Ok(patches) => {
                for FileEntry { name, size, sha256 } in patches {
                    let patch = self.path(&pdiff::path(index, name.as_str()))?;
                    self.copies.insert(patch, ReleaseFile { size, sha256 });
                }
            }
            Err(error) => self.report.find(path, chain(&error)),
        }
        Ok(())
    }

    /// Checks all forms of an index; the first good one is read.
    async fn index(
        &mut self,
        release: &Release,
        stem: &str,
        forms: &[(&PoolPath, ReleaseFile)],
        mut named: Named,
    ) -> Result<Named, RepoError> {
        let (mut tells, mut is_there, mut missing) = (Tells::of(stem), false, Vec::new());
        let is_needed = tells.is_some_and(Tells::is_needed);
        for (below, listed) in forms {
            let (path, packed) = (self.path(below.as_str())?, below.as_str() != stem);
            self.report.files += 1;
            // Of our own every form is unpacked, elsewhere the one that is read.
            let problem = if tells.is_some() || packed && self.own.is_some() {
                match self.tree.take(self.cx, &path, *listed).await? {
                    Err(problem) => Some(problem),
                    Ok(bytes) => {
                        let plain = release.file(stem);
                        let work = Unpacking { path: path.to_string(), stem: stem.to_owned(), plain, tells };
                        let findings;
                        (named, findings, tells) = work.run(self.cx, bytes, named).await?;
                        self.report.findings.extend(findings);
                        None
                    }
                }
            } else {
                self.tree.judge(self.cx, &path, *listed).await?
            };
            let is_missing = problem.as_deref() == Some(MISSING);
            if is_missing && !self.must_be_there(below) {
                missing.push((packed, path));
                continue;
            }
            is_there |= !is_missing;
            problem.into_iter().for_each(|problem| self.report.find(&path, problem));
            if release.acquire_by_hash {
                self.copies.insert(self.path(by_hash(below, listed.sha256)?.as_str())?, *listed);
            }
        }
        if self.own.is_none() {
            self.missing(missing, is_there, is_needed);
        }
        Ok(named)
    }

    /// Whether the record says that this file is there: of the others only the digest is listed, and the text is in another form.
    fn must_be_there(&self, below: &PoolPath) -> bool {
        self.own.is_some_and(|state| state.indexes.iter().any(|index| index.stored && index.path == *below))
    }

    /// Judges what somebody else's archive lists of an index and does not have: its text may be there compressed only, and a
    /// partial mirror lacks what its clients do not ask for.
    fn missing(&mut self, missing: Vec<(bool, PoolPath)>, is_there: bool, is_needed: bool) {
        if is_there {
            for (_, path) in missing.into_iter().filter(|(packed, _)| *packed) {
                self.report.note(path, "it is missing, and there in another form");
            }
        } else if let Some((_, path)) = missing.into_iter().next() {
            let said = "it is listed, and there in no form";
            if is_needed { self.report.find(path, said) } else { self.report.note(path, said) }
        }
    }
}
