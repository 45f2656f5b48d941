//! Checking finished chroots against their digests, and mending them from stored bytes.

use std::{
    fs::{self, File},
    io,
};

use debbuild_core::{
    blocking,
    build::ChrootId,
    context::Context,
    digest::{HashingReader, Sha256},
    path::{AbsPath, IoResultExt as _},
};
use uuid::Uuid;

use super::{Chroot, ChrootManager, ManagerError, ROOT_OWNER, catalogue::DRAFT};
use crate::durable;

impl ChrootManager {
    /// The chroots of the catalogue, also those whose record cannot be read.
    ///
    /// # Errors
    /// [`ManagerError::File`].
    pub fn ids(&self) -> Result<Vec<ChrootId>, ManagerError> {
        self.0.catalogue.ids()
    }

    /// What is wrong with the files of a chroot (its record, its lock, its tar archive), each in a sentence that names the file.
    ///
    /// # Errors
    /// [`ManagerError::File`] when one cannot be read; a missing one is in the answer.
    pub async fn check(&self, id: ChrootId) -> Result<Vec<String>, ManagerError> {
        let catalogue = self.0.catalogue.clone();
        blocking::run(move || {
            let chroot = match catalogue.get(id) {
                Ok(Some(chroot)) => chroot,
                Ok(None) => return Ok(vec!["its record is missing".to_owned()]),
                Err(error @ ManagerError::Record { .. }) => return Ok(vec![error.to_string()]),
                Err(error) => return Err(error),
            };
            let problems = files(&chroot).into_iter().map(|(path, sha256)| damage(&path, sha256));
            Ok(problems.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        })
        .await
    }

    /// Puts back the damaged files of a chroot from the stored bytes. Where those are gone too, or its record is damaged, it is
    /// set aside, so that the next request makes it again: gives the folder that it is in then.
    ///
    /// # Errors
    /// Class `conflict` while a session of it is open; then it stays as it is.
    pub async fn mend(&self, cx: &Context, id: ChrootId) -> Result<Option<AbsPath>, ManagerError> {
        // What was unpacked of a damaged archive goes too.
        self.0.backend.forget(cx, id).await?;
        if let Ok(Some(chroot)) = self.0.catalogue.get(id) {
            let mut whole = true;
            for (path, sha256) in files(&chroot) {
                whole &= self.restore(cx, path, sha256).await?;
            }
            if whole {
                return Ok(None);
            }
        }
        self.0.catalogue.forget_newest(id)?;
        let aside = self.0.catalogue.set_aside(id)?;
        self.0.blobs.pin(cx, ROOT_OWNER, &id.to_string(), &[]).await?;
        Ok(Some(aside))
    }

    /// Whether a file is good, or was put back from its blob.
    async fn restore(&self, cx: &Context, path: AbsPath, sha256: Sha256) -> Result<bool, ManagerError> {
        let good = path.clone();
        if blocking::run(move || damage(&good, sha256)).await?.is_none() {
            return Ok(true);
        }
        if self.0.blobs.stat(cx, sha256).await?.is_none() {
            return Ok(false);
        }
        let blob = self.0.blobs.local(cx, sha256).await?;
        blocking::run(move || {
            let draft = path.parent().child(&format!("{DRAFT}{}", Uuid::new_v4().simple()))?;
            if fs::hard_link(&blob, &draft).is_err() {
                fs::copy(&blob, &draft).and_then(|_| File::open(&draft)?.sync_all()).at("copy to", &draft)?;
            }
            if damage(&draft, sha256)?.is_some() {
                fs::remove_file(&draft).at("remove", &draft)?;
                return Ok(false);
            }
            fs::rename(&draft, &path).at("rename to", &path)?;
            durable::sync_folder(&path.parent())?;
            Ok(true)
        })
        .await
    }
}

/// The files of a chroot that have a digest.
fn files(chroot: &Chroot) -> [(AbsPath, Sha256); 2] {
    let lock = chroot.tarball.parent().join("lock.json");
    [(lock, chroot.manifest.lock), (chroot.tarball.clone(), chroot.manifest.tarball.sha256)]
}

fn damage(path: &AbsPath, expected: Sha256) -> Result<Option<String>, ManagerError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(format!("{path} is missing"))),
        file => file.at("open", path)?,
    };
    let mut reader = HashingReader::new(file);
    io::copy(&mut reader, &mut io::sink()).at("read", path)?;
    let (_, sha256) = reader.finish();
    let damaged = || format!("{path} is damaged: its sha256 is {sha256} instead of {expected}");
    Ok((sha256 != expected).then(damaged))
}
