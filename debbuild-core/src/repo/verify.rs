//! Checking a published suite as a client reads it, and the pool against the records.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{PublishTarget, RepoError, tree::by_hash};
use crate::{
    acquire::decompress,
    blocking,
    context::Context,
    control::{Release, read_packages, read_sources, signed_text},
    digest::Sha256,
    error::{Class, Classify as _, chain},
    event::Unit,
    name::{PoolPath, SuiteName},
    sign::{Keyring, Verifier},
};

/// Something wrong with a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file, below the repository's folder.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many files were read.
    pub files: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    /// The class of what is wrong, if anything is.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        (!self.is_good()).then_some(Class::Verification)
    }

    fn find(&mut self, path: impl ToString, problem: impl ToString) {
        self.findings.push(Finding { path: path.to_string(), problem: problem.to_string() });
    }
}

struct Check<'a> {
    cx: &'a Context,
    target: &'a dyn PublishTarget,
    suite: &'a SuiteName,
    report: Report,
}

/// Checks everything below `dists/SUITE` and every pool file that it names.
pub(super) async fn published(
    cx: &Context,
    target: &dyn PublishTarget,
    suite: &SuiteName,
    keys: Option<(&dyn Verifier, &Keyring)>,
) -> Result<Report, RepoError> {
    let mut check = Check { cx, target, suite, report: Report::default() };
    if let Some(release) = check.release(keys).await? {
        check.indexes(&release).await?;
        let wanted = check.pool_files(&release).await?;
        let pool = files(cx, target, wanted).await?;
        check.report.files += pool.files;
        check.report.findings.extend(pool.findings);
    }
    Ok(check.report)
}

/// Checks that these files of the pool have this size in bytes and digest.
pub(super) async fn files(
    cx: &Context,
    target: &dyn PublishTarget,
    wanted: BTreeMap<PoolPath, (u64, Sha256)>,
) -> Result<Report, RepoError> {
    let step = cx.step("check the pool", Unit::Items, Some(wanted.len() as u64));
    let mut report = Report::default();
    let checked = async {
        for (path, (size, sha256)) in wanted {
            cx.cancel().check()?;
            compare(&mut report, &path, target.stat(cx, &path).await?, size, sha256);
            step.progress(report.files);
        }
        Ok(())
    };
    let checked: Result<(), RepoError> = checked.await;
    step.end(checked)?;
    Ok(report)
}

fn compare(report: &mut Report, path: &PoolPath, found: Option<(u64, Sha256)>, size: u64, sha256: Sha256) {
    report.files += 1;
    let problem = match found {
        None => "it is missing".to_owned(),
        Some((found, _)) if found != size => format!("it has {found} bytes instead of {size}"),
        Some((_, found)) if found != sha256 => format!("its sha256 is {found} instead of {sha256}"),
        Some(_) => return,
    };
    report.find(path, problem);
}

impl Check<'_> {
    fn path(&self, below: &str) -> Result<PoolPath, RepoError> {
        Ok(PoolPath::new(&format!("dists/{}/{below}", self.suite))?)
    }

    async fn file(&mut self, below: &str) -> Result<Option<Bytes>, RepoError> {
        let path = self.path(below)?;
        let bytes = self.target.read(self.cx, &path).await?;
        self.report.files += 1;
        if bytes.is_none() {
            self.report.find(path, "it is missing");
        }
        Ok(bytes)
    }

    /// The Release file, if it can be trusted.
    async fn release(&mut self, keys: Option<(&dyn Verifier, &Keyring)>) -> Result<Option<Release>, RepoError> {
        let (clear, release) = (self.file("InRelease").await?, self.file("Release").await?);
        let detached = self.file("Release.gpg").await?;
        let (Some(clear), Some(release), Some(detached)) = (clear, release, detached) else { return Ok(None) };
        let inside = match keys {
            Some((verifier, keys)) => {
                let path = self.path("Release.gpg")?;
                let checked = verifier.verify_detached(self.cx, path.as_str(), &release, &detached, keys, None).await;
                self.judge(&path, checked)?;
                let path = self.path("InRelease")?;
                let checked = verifier.verify_clear(self.cx, path.as_str(), &clear, keys, None).await;
                self.judge(&path, checked)?.map(|verified| verified.text().to_vec())
            }
            None => match signed_text(&clear) {
                Ok(text) => Some(text.into_bytes()),
                Err(error) => {
                    self.report.find(self.path("InRelease")?, chain(&error));
                    None
                }
            },
        };
        let Some(inside) = inside else { return Ok(None) };
        if inside != release {
            self.report.find(self.path("Release")?, "it does not say what InRelease says");
        }
        match Release::from_unverified(&inside) {
            Ok(read) => {
                if read.valid_until.is_some_and(|until| until < self.cx.now()) {
                    self.report.find(self.path("InRelease")?, "it is past its Valid-Until: publish again");
                }
                Ok(Some(read))
            }
            Err(error) => {
                self.report.find(self.path("InRelease")?, chain(&error));
                Ok(None)
            }
        }
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

    async fn indexes(&mut self, release: &Release) -> Result<(), RepoError> {
        for (below, listed) in &release.files {
            self.cx.cancel().check()?;
            let mut paths = vec![self.path(below.as_str())?];
            if release.acquire_by_hash {
                paths.push(self.path(by_hash(below, listed.sha256)?.as_str())?);
            }
            let found = self.target.stat(self.cx, &paths[0]).await?;
            if found.is_none() && packed(release, below).is_some() {
                // Archives list the text of an index also where they hold it compressed only.
                continue;
            }
            for path in paths {
                let found = self.target.stat(self.cx, &path).await?;
                compare(&mut self.report, &path, found, listed.size, listed.sha256);
            }
        }
        Ok(())
    }

    /// The text of an index, from the file in whose name it is, or from a compressed one.
    async fn text(&mut self, release: &Release, below: &PoolPath) -> Result<Option<String>, RepoError> {
        let path = self.path(below.as_str())?;
        let Some(listed) = release.files.get(below) else { return Ok(None) };
        let plain = self.target.read(self.cx, &path).await?;
        let bytes = match (plain, packed(release, below)) {
            (Some(plain), _) => plain,
            (None, None) => return Ok(None),
            (None, Some(packed)) => {
                let Some(bytes) = self.file(packed.as_str()).await? else { return Ok(None) };
                let (cancel, limit, name) = (self.cx.cancel().clone(), listed.size, packed.to_string());
                let unpacked = blocking::run(move || decompress(&name, &bytes, limit, &cancel)).await;
                self.cx.cancel().check()?;
                match unpacked {
                    Ok(text) => Bytes::from(text),
                    Err(error) => {
                        self.report.find(self.path(packed.as_str())?, error);
                        return Ok(None);
                    }
                }
            }
        };
        let found = Some((bytes.len() as u64, Sha256::of(&bytes)));
        compare(&mut self.report, &path, found, listed.size, listed.sha256);
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// What the indexes name.
    async fn pool_files(&mut self, release: &Release) -> Result<BTreeMap<PoolPath, (u64, Sha256)>, RepoError> {
        let mut wanted = BTreeMap::new();
        for below in release.files.keys() {
            let name = below.as_str().rsplit('/').next().unwrap_or_default();
            if !matches!(name, "Packages" | "Sources") {
                continue;
            }
            let Some(text) = self.text(release, below).await? else { continue };
            let problems = if name == "Packages" {
                let (packages, problems) = read_packages(&text);
                for location in packages.into_iter().filter_map(|package| package.location) {
                    wanted.insert(location.filename, (location.size, location.sha256));
                }
                problems
            } else {
                let (sources, problems) = read_sources(&text);
                for source in sources {
                    let Some(folder) = source.directory else { continue };
                    for file in source.files {
                        wanted.insert(PoolPath::new(&format!("{folder}/{}", file.name))?, (file.size, file.sha256));
                    }
                }
                problems
            };
            for problem in problems {
                self.report.find(self.path(below.as_str())?, problem);
            }
        }
        Ok(wanted)
    }
}

/// The compressed form of a plain index that the Release file lists.
fn packed(release: &Release, below: &PoolPath) -> Option<PoolPath> {
    let packed = |ending: &&str| PoolPath::new(&format!("{below}{ending}")).ok();
    [".zst", ".xz", ".gz"].iter().filter_map(packed).find(|path| release.files.contains_key(path))
}
