//! Verifying by a tool: the private folder in which one call puts the files that the tool reads and writes.

use std::{fs::Permissions, io, os::unix::fs::PermissionsExt as _};

use async_trait::async_trait;

use super::{Keyring, SignError, Signature, Verified, Verifier, armor, frame};
use crate::{
    blocking,
    clock::Timestamp,
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

/// A program that checks signatures over files. Every one is a [`Verifier`], which vouches only for what the program wrote out.
#[async_trait]
pub(super) trait Tool: std::fmt::Debug + Send + Sync {
    /// The program.
    const NAME: &'static str;

    /// Where its short-lived files go.
    fn scratch(&self) -> &AbsPath;

    /// Checks the prepared files; of a clear-signed message the text is written to `output`.
    async fn check(
        &self,
        cx: &Context,
        what: &str,
        files: &Prepared,
        output: Option<&AbsPath>,
        at: Option<Timestamp>,
    ) -> Result<Vec<Signature>, SignError>;
}

#[async_trait]
impl<T: Tool> Verifier for T {
    async fn verify_clear(
        &self,
        cx: &Context,
        what: &str,
        signed: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError> {
        frame::check(what, signed)?;
        let files = prepare(self.scratch(), keys, signed, None).await?;
        let output = files.workspace.path().join("output");
        let signatures = self.check(cx, what, &files, Some(&output), at).await?;
        let text = read_output(&output).await?;
        files.workspace.close().await;
        let reason = || SignError::NotVerified { what: what.to_owned(), reason: format!("{} wrote no text", T::NAME) };
        Ok(Verified::vouch(text.ok_or_else(reason)?, signatures))
    }

    async fn verify_detached(
        &self,
        cx: &Context,
        what: &str,
        data: &[u8],
        signature: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError> {
        let files = prepare(self.scratch(), keys, data, Some(signature)).await?;
        let signatures = self.check(cx, what, &files, None, at).await?;
        files.workspace.close().await;
        Ok(Verified::vouch(data.to_vec(), signatures))
    }
}

/// A folder of mode 0700 that goes when this is dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    path: AbsPath,
    folder: tempfile::TempDir,
}

impl Workspace {
    /// A new folder below `scratch`, which is made if it is missing.
    pub(super) fn new(scratch: &AbsPath) -> Result<Self, SignError> {
        std::fs::create_dir_all(scratch).at("create", scratch)?;
        let folder = tempfile::Builder::new()
            .prefix("pgp")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(scratch)
            .at("create a folder in", scratch)?;
        let path = AbsPath::new(folder.path())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
            .at("create a folder in", scratch)?;
        Ok(Self { path, folder })
    }

    /// The folder.
    pub(super) fn path(&self) -> &AbsPath {
        &self.path
    }

    /// Writes a file of it.
    pub(super) fn write(&self, name: &'static str, bytes: &[u8]) -> Result<AbsPath, SignError> {
        let path = self.path.join(name);
        std::fs::write(&path, bytes).at("write", &path)?;
        Ok(path)
    }

    /// Writes keys as binary keyring files, one for each file they came from.
    fn keyrings(&self, keys: &Keyring) -> Result<Vec<AbsPath>, SignError> {
        let sources = match keys {
            Keyring::Bytes(bytes) => vec![("an embedded key".to_owned(), bytes.clone())],
            Keyring::Files(files) => files
                .iter()
                .map(|file| Ok((file.to_string(), std::fs::read(file).at("read", file)?)))
                .collect::<Result<_, SignError>>()?,
        };
        if sources.is_empty() {
            return Err(SignError::NoKey("the keyring names no files".to_owned()));
        }
        let mut paths = Vec::new();
        for (index, (what, bytes)) in sources.into_iter().enumerate() {
            let binary = armor::dearmor(&bytes)
                .map_err(|error| SignError::Keyring { what: what.clone(), reason: error.to_string() })?;
            let path = self
                .path
                .child(&format!("keyring-{index}.gpg"))
                .map_err(|error| SignError::Keyring { what, reason: error.to_string() })?;
            std::fs::write(&path, binary).at("write", &path)?;
            paths.push(path);
        }
        Ok(paths)
    }

    /// Removes the folder now, on the blocking pool.
    pub(super) async fn close(self) {
        // What is left is scratch; the folder's owner clears it.
        let _left = blocking::run(move || self.folder.close()).await;
    }
}

/// What a verifier's tool needs: its files, the keyrings and the message (and the signature, when it is detached).
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) workspace: Workspace,
    pub(super) keyrings: Vec<AbsPath>,
    pub(super) message: AbsPath,
    pub(super) signature: Option<AbsPath>,
}

/// Writes everything that a verifier's tool reads.
async fn prepare(
    scratch: &AbsPath,
    keys: &Keyring,
    message: &[u8],
    signature: Option<&[u8]>,
) -> Result<Prepared, SignError> {
    let (scratch, keys, message) = (scratch.clone(), keys.clone(), message.to_vec());
    let signature = signature.map(<[u8]>::to_vec);
    blocking::run(move || {
        let workspace = Workspace::new(&scratch)?;
        let keyrings = workspace.keyrings(&keys)?;
        let message = workspace.write("message", &message)?;
        let signature = signature.map(|bytes| workspace.write("signature", &bytes)).transpose()?;
        Ok(Prepared { workspace, keyrings, message, signature })
    })
    .await
}

/// Reads what a tool wrote out; a tool that wrote nothing gave nothing.
async fn read_output(path: &AbsPath) -> Result<Option<Vec<u8>>, SignError> {
    let path = path.clone();
    blocking::run(move || match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("read", &path).map_err(SignError::from),
    })
    .await
}
