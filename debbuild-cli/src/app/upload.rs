//! Uploads taken into a repository.

use std::{fs, sync::Arc};

use debbuild_core::{
    blocking,
    context::Context,
    error::{Class, Classify as _},
    event::Unit,
    name::{ComponentName, SourceName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::Repository,
    sign::{GpgvVerifier, Keyring},
    upload::{Upload, UploadDoor, UploadOptions, Uploaders},
};

pub use super::wire::upload_json;
use super::{App, AppError, Failure, settle};

/// What is taken, and by whose leave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadOrder {
    /// The .changes files, and folders with such.
    pub files: Vec<AbsPath>,
    /// The file that says who may upload what.
    pub uploaders: AbsPath,
    /// Files with the uploaders' public keys.
    pub keyrings: Vec<AbsPath>,
    /// The suite; without, what each upload says.
    pub suite: Option<SuiteName>,
    /// The component; without, what each upload says.
    pub component: Option<ComponentName>,
    /// Whether the files of uploads that were taken are removed.
    pub remove: bool,
}

impl UploadOrder {
    /// These files, by these rules and keys.
    #[must_use]
    pub const fn new(files: Vec<AbsPath>, uploaders: AbsPath, keyrings: Vec<AbsPath>) -> Self {
        Self { files, uploaders, keyrings, suite: None, component: None, remove: false }
    }
}

impl App {
    /// Takes each upload, or refuses it; what became of each is in the answer, in the order of the files.
    ///
    /// # Errors
    /// When the rules or a folder cannot be read, or an upload failed for a reason that is not its own.
    pub async fn repo_accept(
        &self,
        cx: &Context,
        repository: &Repository,
        order: UploadOrder,
    ) -> Result<Vec<Upload>, AppError> {
        let rules = order.uploaders.clone();
        let text = blocking::run(move || fs::read_to_string(&rules).at("read", &rules)).await?;
        let uploaders = Uploaders::parse(order.uploaders.as_str(), &text)?;
        // gpgv says when a signature was made, which sqv does not.
        let verifier = GpgvVerifier::new(Arc::clone(self.runner()), self.folder("scratch")?);
        let keys = Keyring::Files(order.keyrings);
        let door = UploadDoor::new(repository.clone(), uploaders, Arc::new(verifier), keys);
        let options =
            UploadOptions::new().with_suite(order.suite).with_component(order.component).with_remove(order.remove);
        let files = order.files;
        let files = blocking::run(move || changes_files(files)).await?;
        let step = cx.step("take uploads", Unit::Items, Some(files.len() as u64));
        let taken = take(step.context(), &door, &files, &options).await;
        settle(step, taken)
    }

    /// The uploads that were decided, oldest first; of these sources only where there are any.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn repo_uploads(
        &self,
        cx: &Context,
        repository: &Repository,
        sources: &[SourceName],
    ) -> Result<Vec<Upload>, AppError> {
        let mut uploads = UploadDoor::log(cx, repository).await?;
        let named = |upload: &Upload| sources.iter().any(|source| upload.source.as_deref() == Some(source.as_str()));
        uploads.retain(|upload| sources.is_empty() || named(upload));
        Ok(uploads)
    }
}

async fn take(
    cx: &Context,
    door: &UploadDoor,
    files: &[AbsPath],
    options: &UploadOptions,
) -> Result<Vec<Upload>, AppError> {
    let mut uploads = Vec::new();
    for file in files {
        uploads.push(match door.accept(cx, file, options).await {
            Ok(upload) => upload,
            // These say nothing about the upload, and the next one would meet them too.
            Err(refusal) if matches!(refusal.class(), Class::Infrastructure | Class::Cancelled | Class::Config) => {
                return Err(refusal.error.into());
            }
            Err(refusal) => *refusal.upload,
        });
    }
    Ok(uploads)
}

/// The .changes files that files and folders stand for: of a folder those in it, by name.
fn changes_files(paths: Vec<AbsPath>) -> Result<Vec<AbsPath>, AppError> {
    let is_changes = |file: &AbsPath| file.as_str().ends_with(".changes");
    let mut files = Vec::new();
    for path in paths {
        if fs::metadata(&path).at("look at", &path)?.is_dir() {
            let mut found = Vec::new();
            for entry in fs::read_dir(&path).at("read", &path)? {
                let entry = entry.at("read", &path)?;
                found.extend(entry.file_name().to_str().and_then(|name| path.child(name).ok()).filter(is_changes));
            }
            found.sort();
            files.extend(found);
        } else if is_changes(&path) {
            files.push(path);
        } else {
            return Err(Failure::new(Class::Usage, format!("{path} is no .changes")).into());
        }
    }
    Ok(files)
}
