//! The door: from a .changes somewhere to staged packages, or a reason why not.

use std::{fs, sync::Arc};

use super::{Outcome, Refusal, Upload, UploadError, Uploader, Uploaders, log::Log};
use crate::{
    blocking,
    context::Context,
    control::Changes,
    digest::Sha256,
    error::{Classify as _, chain},
    file_lock::FileLock,
    name::{ComponentName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::{AddOptions, Entry, Input, InputKind, RepoError, Repository, SuiteOptions},
    sign::{Fingerprint, Keyring, Signature, Verified, Verifier},
};

/// The largest .changes that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// Where an upload goes, other than it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadOptions {
    /// The suite; without, what its `Distribution` says.
    pub suite: Option<SuiteName>,
    /// The component; without, what its sections say (`non-free/libs`), else `main`.
    pub component: Option<ComponentName>,
    /// Whether the .changes and what it lists are removed once they are taken: an incoming folder becomes empty.
    pub remove: bool,
}

impl UploadOptions {
    /// Where the upload says.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// To this suite.
    #[must_use]
    pub fn with_suite(mut self, suite: Option<SuiteName>) -> Self {
        self.suite = suite;
        self
    }

    /// Into this component.
    #[must_use]
    pub fn with_component(mut self, component: Option<ComponentName>) -> Self {
        self.component = component;
        self
    }

    /// Removing what was taken.
    #[must_use]
    pub const fn with_remove(mut self, remove: bool) -> Self {
        self.remove = remove;
        self
    }
}

/// Takes uploads into a repository.
#[derive(Debug, Clone)]
pub struct UploadDoor {
    repository: Repository,
    uploaders: Uploaders,
    verifier: Arc<dyn Verifier>,
    keys: Keyring,
}

impl UploadDoor {
    /// For this repository, by these rules; `keys` are the uploaders' public keys.
    #[must_use]
    pub fn new(repository: Repository, uploaders: Uploaders, verifier: Arc<dyn Verifier>, keys: Keyring) -> Self {
        Self { repository, uploaders, verifier, keys }
    }

    /// Checks a .changes and stages its packages; the decision is recorded either way. Files beside it that it does not list are
    /// left alone. When this ends in the middle, the same upload is taken again.
    ///
    /// # Errors
    /// [`Refusal`]; of an upload for one suite nothing is staged then.
    pub async fn accept(&self, cx: &Context, changes: &AbsPath, options: &UploadOptions) -> Result<Upload, Refusal> {
        let mut upload = Upload::begin(cx.now(), changes.name());
        // One decision at a time: two processes do not take the same upload at once.
        let lock = self.repository.dir().join(".debbuild/uploads.lock");
        let (decided, _held) = match FileLock::acquire(cx, &lock).await {
            Ok(held) => (self.decide(cx, changes, options, &mut upload).await, Some(held)),
            Err(error) => (Err(RepoError::from(error).into()), None),
        };
        if let Err(error) = &decided {
            upload.class = Some(error.class().name().to_owned());
            upload.reason = Some(chain(error));
        }
        let (log, line) = (self.records(), upload.clone());
        let written = blocking::run(move || log.add(&line)).await;
        match decided.and_then(|files| written.map(|()| files)) {
            Ok(files) => {
                if options.remove {
                    remove(cx, files).await;
                }
                Ok(upload)
            }
            Err(error) => Err(Refusal { upload: Box::new(upload), error }),
        }
    }

    /// The uploads that were decided, oldest first.
    ///
    /// # Errors
    /// [`UploadError::Log`].
    pub async fn log(_: &Context, repository: &Repository) -> Result<Vec<Upload>, UploadError> {
        let log = log_of(repository);
        blocking::run(move || log.read()).await
    }

    fn records(&self) -> Log {
        log_of(&self.repository)
    }

    async fn decide(
        &self,
        cx: &Context,
        file: &AbsPath,
        options: &UploadOptions,
        upload: &mut Upload,
    ) -> Result<Vec<AbsPath>, UploadError> {
        let bytes = read(file).await?;
        let verified = self.verifier.verify_clear(cx, file.name(), &bytes, &self.keys, None).await?;
        upload.text = Some(Sha256::of(verified.text()));
        let changes = changes(file, &bytes, &verified)?;
        upload.source = Some(changes.source.to_string());
        upload.version = Some(changes.version.to_string());
        let suites = self.suites(cx, file, &changes, options).await?;
        upload.suites = suites.iter().map(ToString::to_string).collect();
        let signature = self.may(file, &changes, &suites, &verified, upload)?;
        self.in_time(cx, file, &signature)?;
        self.is_new(file, upload).await?;
        let component = match &options.component {
            Some(component) => component.clone(),
            None => component(file, &changes)?,
        };
        for suite in &suites {
            // The file is read again there: it must be what was verified here.
            let input = Input::new(InputKind::Changes, file.clone()).with_sha256(Sha256::of(&bytes));
            let options = AddOptions::new(component.clone());
            let entries = self.repository.add_with(cx, suite, vec![input], &options).await?;
            upload.packages = entries.iter().map(package).collect();
        }
        upload.outcome = Outcome::Accepted;
        let listed = changes.files.iter().map(|listed| file.parent().child(listed.file.name.as_str()));
        // The .changes goes last: as long as it is there, the others are.
        Ok(listed.chain([Ok(file.clone())]).collect::<Result<_, _>>()?)
    }

    async fn suites(
        &self,
        cx: &Context,
        file: &AbsPath,
        changes: &Changes,
        options: &UploadOptions,
    ) -> Result<Vec<SuiteName>, UploadError> {
        let there = self.repository.suites(cx).await?;
        let named = match &options.suite {
            Some(suite) => vec![suite.to_string()],
            None => changes.distributions.clone(),
        };
        if named.is_empty() {
            return Err(content(file, "it is for no distribution"));
        }
        let find = |name: &String| {
            let none = || UploadError::NoSuite { file: file.name().to_owned(), name: name.clone() };
            suite_called(&there, name).cloned().ok_or_else(none)
        };
        named.iter().map(find).collect()
    }

    /// A signature by somebody who may upload this to all these suites.
    fn may(
        &self,
        file: &AbsPath,
        changes: &Changes,
        suites: &[SuiteName],
        verified: &Verified,
        upload: &mut Upload,
    ) -> Result<Signature, UploadError> {
        let may = |uploader: &&Uploader| suites.iter().all(|suite| uploader.may(&changes.source, suite));
        let mut sources_only = None;
        for signature in verified.signatures() {
            upload.key = Some(signature.fingerprint.to_string());
            for uploader in self.uploaders.of(&signature.fingerprint) {
                upload.by = Some(uploader.name.clone());
                if !may(&uploader) {
                    continue;
                }
                if changes.architectures.is_empty() || uploader.binaries {
                    return Ok(signature.clone());
                }
                sources_only = Some(uploader.name.clone());
            }
        }
        let file = file.name().to_owned();
        if let Some(who) = sources_only {
            return Err(UploadError::SourceOnly { file, who });
        }
        let key = || upload.key.as_ref().map_or_else(|| "nobody".to_owned(), |key| format!("the key {key}"));
        Err(UploadError::NotAllowed {
            file,
            who: upload.by.clone().unwrap_or_else(key),
            source_name: changes.source.clone(),
            suite: suites.iter().map(SuiteName::as_str).collect::<Vec<_>>().join(" and "),
        })
    }

    /// What was signed long ago may have been meant for another day. What was signed in the future the verifier refuses.
    fn in_time(&self, cx: &Context, file: &AbsPath, signature: &Signature) -> Result<(), UploadError> {
        let Some(window) = self.uploaders.window() else { return Ok(()) };
        let file = file.name().to_owned();
        let no_date = |key: &Fingerprint| UploadError::NoDate { file: file.clone(), key: key.clone() };
        let made = signature.made.ok_or_else(|| no_date(&signature.fingerprint))?;
        if cx.now().since(made).as_secs() > window { Err(UploadError::TooOld { file, made }) } else { Ok(()) }
    }

    async fn is_new(&self, file: &AbsPath, upload: &Upload) -> Result<(), UploadError> {
        let log = self.records();
        let before = blocking::run(move || log.read()).await?;
        let same = |before: &&Upload| before.outcome == Outcome::Accepted && before.text == upload.text;
        match before.iter().find(same) {
            Some(before) => Err(UploadError::Replayed { file: file.name().to_owned(), at: before.at }),
            None => Ok(()),
        }
    }
}

/// The suite that an upload may be for: by its name, else by its codename.
fn suite_called<'a>(suites: &'a [SuiteOptions], name: &str) -> Option<&'a SuiteName> {
    let found = suites.iter().find(|options| options.suite.as_str() == name);
    found.or_else(|| suites.iter().find(|options| options.codename.as_str() == name)).map(|options| &options.suite)
}

fn log_of(repository: &Repository) -> Log {
    Log::new(repository.dir().join(".debbuild/uploads.jsonl"))
}

fn content(file: &AbsPath, reason: impl Into<String>) -> UploadError {
    UploadError::Content { file: file.name().to_owned(), reason: reason.into() }
}

/// What was taken is kept in the pool: a file that stays behind harms nobody.
async fn remove(cx: &Context, files: Vec<AbsPath>) {
    for file in files {
        let path = file.clone();
        if let Err(error) = blocking::run(move || fs::remove_file(&path)).await {
            cx.warn(format!("cannot remove {file}: {error}"));
        }
    }
}

async fn read(file: &AbsPath) -> Result<Vec<u8>, UploadError> {
    let file = file.clone();
    blocking::run(move || {
        if fs::metadata(&file).at("look at", &file)?.len() > LARGEST {
            return Err(content(&file, "it is too large for a .changes"));
        }
        Ok(fs::read(&file).at("read", &file)?)
    })
    .await
}

/// What the signed text says; what the repository will read of the file must be the same.
fn changes(file: &AbsPath, bytes: &[u8], verified: &Verified) -> Result<Changes, UploadError> {
    let wrong = |error| UploadError::Control { file: file.name().to_owned(), error };
    let changes = Changes::from_verified(verified).map_err(wrong)?;
    if Changes::from_unverified(bytes).map_err(wrong)? != changes {
        return Err(content(file, "it can be read in two ways"));
    }
    Ok(changes)
}

/// The component that the sections of all packages name.
fn component(file: &AbsPath, changes: &Changes) -> Result<ComponentName, UploadError> {
    let of = |section: &str| section.rsplit_once('/').map_or("main", |(component, _)| component).to_owned();
    let packages = changes.files.iter().filter(|listed| listed.section != "-" && !listed.section.is_empty());
    let mut names: Vec<String> = packages.map(|listed| of(&listed.section)).collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => Ok(ComponentName::new("main")?),
        [only] => Ok(ComponentName::new(only)?),
        several => Err(content(file, format!("its packages are of several components ({})", several.join(", ")))),
    }
}

fn package(entry: &Entry) -> String {
    let architecture = entry.architecture.as_ref().map_or("source", |architecture| architecture.as_str());
    format!("{}={}/{architecture}", entry.name, entry.version)
}
