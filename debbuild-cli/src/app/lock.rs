//! Locks: read from files or of chroots, compared, listed, and made from what a .buildinfo says.

use std::fs;

use debbuild_chroot::{create::variable_name, manager::lock_exact};
use debbuild_core::{
    context::Context,
    control::Buildinfo,
    digest::Sha256,
    error::{Class, Classify as _, chain},
    id::SHORTEST_PREFIX,
    lock::{ListStyle, LockDiff, LockFile},
    path::{AbsPath, IoResultExt as _},
};
use serde_json::json;

use super::{App, AppError, ChrootWish, Failure};

/// The option of a lock that says which build it repeats, for people.
const BUILDINFO_OPTION: &str = "buildinfo";

impl App {
    /// A lock from its file.
    ///
    /// # Errors
    /// Class `usage` when it is none, naming what is wrong and where.
    pub fn lock_file(&self, file: &AbsPath) -> Result<LockFile, AppError> {
        let lock = LockFile::from_json(&fs::read(file).at("read", file)?);
        Ok(lock.map_err(|error| Failure::new(Class::Usage, format!("{file} is not a lock file: {error}")))?)
    }

    /// A lock: that of a file, or that of a chroot by its id (12 digits or more of it).
    ///
    /// # Errors
    /// Class `not-found` when there is neither; class `usage` for a file that is no lock.
    pub async fn lock_show(&self, cx: &Context, lock: &str) -> Result<LockFile, AppError> {
        let file = self.machine().path(lock)?;
        if file.as_std().exists() {
            return self.lock_file(&file);
        }
        if lock.len() < SHORTEST_PREFIX || !lock.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let failure =
                Failure::new(Class::NotFound, format!("{lock} is neither a lock file nor the id of a chroot"));
            return Err(failure.with_hint("debbuild chroot list").into());
        }
        let manager = self.chroots(cx).await?;
        Ok(manager.lock(manager.find(lock)?.id)?)
    }

    /// The packages of a lock as lines of a list.
    ///
    /// # Errors
    /// As [`App::lock_show`].
    pub async fn lock_list(&self, cx: &Context, lock: &str, style: ListStyle) -> Result<Vec<String>, AppError> {
        Ok(self.lock_show(cx, lock).await?.list(style))
    }

    /// What differs between two locks, each in a file or of a chroot.
    ///
    /// # Errors
    /// As [`App::lock_show`].
    pub async fn lock_diff(&self, cx: &Context, before: &str, after: &str) -> Result<LockDiff, AppError> {
        let before = self.lock_show(cx, before).await?;
        Ok(before.diff(&self.lock_show(cx, after).await?))
    }

    /// The lock of a chroot that has exactly the packages that a build had, for the architecture that it was made on and with the
    /// variables that it had. They are looked for in the archives of the wish, whose `include` comes besides, with all that it
    /// needs; how much else a chroot of the wish would have does not count. Written to `output`, where that is given.
    ///
    /// The signature of the .buildinfo is not checked: it only chooses versions, and archives vouch for what they are.
    ///
    /// # Errors
    /// Class `source` for a file that is no .buildinfo; class `not-found`, naming every package that no archive has in its version.
    pub async fn lock_from_buildinfo(
        &self,
        cx: &Context,
        file: &AbsPath,
        wish: &ChrootWish,
        output: Option<&AbsPath>,
    ) -> Result<LockFile, AppError> {
        let bytes = fs::read(file).at("read", file)?;
        let build = buildinfo(file, &bytes)?;
        let reader = self.reader(cx).await?;
        let mut spec = self.wished(cx, &reader, wish, None, build.build_architecture.clone()).await?;
        spec.architecture = build.build_architecture.clone();
        // A cross chroot would know packages that the build did not have.
        spec.host = None;
        spec.include.clone_from(&wish.include);
        spec.environment.extend(build.environment.clone());
        let mut lock = lock_exact(cx, &reader, &spec, &build.installed).await?;
        let said = json!({
            "source": build.source,
            "version": build.version,
            "origin": build.build_origin,
            "date": build.build_date,
            "path": build.build_path,
            "sha256": Sha256::of(&bytes),
        });
        lock.options.insert(BUILDINFO_OPTION.to_owned(), said.to_string());
        if let Some(output) = output {
            fs::write(output, lock_text(&lock)?).at("write", output)?;
        }
        Ok(lock)
    }
}

/// A lock as its file has it.
///
/// # Errors
/// None for a lock that was read or made.
pub fn lock_text(lock: &LockFile) -> Result<Vec<u8>, AppError> {
    Ok(lock.to_json().map_err(|error| Failure::new(Class::Internal, format!("cannot write a lock: {error}")))?)
}

/// Reads a .buildinfo from which a chroot can be made.
fn buildinfo(file: &AbsPath, bytes: &[u8]) -> Result<Buildinfo, AppError> {
    let refuse = |class, reason: String| AppError::from(Failure::new(class, format!("{file}: {reason}")));
    let build = Buildinfo::from_unverified(bytes).map_err(|error| refuse(error.class(), chain(&error)))?;
    if build.installed.is_empty() {
        return Err(refuse(Class::Source, "it does not say what was installed (Installed-Build-Depends)".to_owned()));
    }
    let bad = |(name, value): &(&String, &String)| !variable_name(name) || value.contains('\0');
    match build.environment.iter().find(bad) {
        Some((name, _)) => Err(refuse(Class::Source, format!("not a variable that sessions can have: {name:?}"))),
        None => Ok(build),
    }
}
