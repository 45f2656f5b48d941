//! The package that hands out the keys of an archive: `NAME-archive-keyring`, as Debian's own `debian-archive-keyring` does.

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
};

use super::{SignError, workspace::Workspace};
use crate::{
    blocking,
    clock::Timestamp,
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec},
    context::Context,
    name::PackageName,
    path::{AbsPath, FileError, IoResultExt as _},
    version::Version,
};

/// What a keyring package holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyringPackage {
    /// The name of the archive; the package is `NAME-archive-keyring`.
    pub archive: PackageName,
    /// The version.
    pub version: Version,
    /// The `Maintainer` field: `Name <address>`.
    pub maintainer: String,
    /// When its content was made: all its times, so that the same content gives the same bytes.
    pub made: Timestamp,
    /// The public keys that sign, binary.
    pub keys: Vec<u8>,
    /// Those that did; empty for none.
    pub removed_keys: Vec<u8>,
    /// A `.sources` file to install as `/etc/apt/sources.list.d/NAME.sources`, which names [`KeyringPackage::keyring_path`].
    pub sources: Option<String>,
}

impl KeyringPackage {
    /// A package with these keys, and nothing else.
    #[must_use]
    pub fn new(
        archive: PackageName,
        version: Version,
        maintainer: impl Into<String>,
        made: Timestamp,
        keys: Vec<u8>,
    ) -> Self {
        let maintainer = maintainer.into();
        Self { archive, version, maintainer, made, keys, removed_keys: Vec::new(), sources: None }
    }

    /// With the keys that signed once.
    #[must_use]
    pub fn with_removed_keys(mut self, keys: Vec<u8>) -> Self {
        self.removed_keys = keys;
        self
    }

    /// With a `.sources` file.
    #[must_use]
    pub fn with_sources(mut self, sources: Option<String>) -> Self {
        self.sources = sources;
        self
    }

    /// The package's name.
    #[must_use]
    pub fn package(&self) -> String {
        format!("{}-archive-keyring", self.archive)
    }

    /// Where it installs the keys of an archive of this name: what `Signed-By` of a `.sources` file names.
    #[must_use]
    pub fn keyring_path(archive: &PackageName) -> String {
        format!("/usr/share/keyrings/{archive}-archive-keyring.gpg")
    }

    /// Builds the package by dpkg-deb(1) into a folder and returns its path.
    ///
    /// # Errors
    /// [`SignError::Keyring`] when a field cannot be written, [`SignError::Command`] when dpkg-deb does not build it.
    pub async fn build(
        &self,
        cx: &Context,
        runner: &Arc<dyn CommandRunner>,
        scratch: &AbsPath,
        into: &AbsPath,
    ) -> Result<AbsPath, SignError> {
        let refuse = |reason: &str| Err(SignError::Keyring { what: self.package(), reason: reason.to_owned() });
        if self.maintainer.trim().is_empty() || self.maintainer.chars().any(char::is_control) {
            return refuse("the maintainer must be one line, not empty");
        }
        let file = format!("{}_{}_all.deb", self.package(), self.version.without_epoch());
        let target = into.child(&file).map_err(|error| SignError::Keyring { what: file, reason: error.to_string() })?;
        let (this, place, folder) = (self.clone(), scratch.clone(), into.clone());
        let workspace = blocking::run(move || {
            fs::create_dir_all(&folder).at("create", &folder)?;
            let workspace = Workspace::new(&place)?;
            this.lay_out(&workspace.path().join("tree"))?;
            Ok::<_, SignError>(workspace)
        })
        .await?;
        let spec = CommandSpec::new("dpkg-deb")
            .with_env("SOURCE_DATE_EPOCH", self.made.seconds().to_string())
            .with_args(["--root-owner-group", "-Zxz", "--build", workspace.path().join("tree").as_str()])
            .with_arg(target.as_str());
        let built = runner.output(cx, &spec).await;
        workspace.close().await;
        built?;
        Ok(target)
    }

    fn lay_out(&self, tree: &AbsPath) -> Result<(), FileError> {
        let package = self.package();
        let mut files = vec![
            ("DEBIAN/control".to_owned(), self.control().into_bytes()),
            (Self::keyring_path(&self.archive)[1..].to_owned(), self.keys.clone()),
            (format!("usr/share/doc/{package}/copyright"), self.copyright().into_bytes()),
            (format!("usr/share/doc/{package}/changelog.gz"), gzip(self.changelog().as_bytes()).at("write", tree)?),
        ];
        if !self.removed_keys.is_empty() {
            let path = format!("usr/share/keyrings/{}-archive-removed-keys.gpg", self.archive);
            files.push((path, self.removed_keys.clone()));
        }
        if let Some(sources) = &self.sources {
            let path = format!("etc/apt/sources.list.d/{}.sources", self.archive);
            files.push(("DEBIAN/conffiles".to_owned(), format!("/{path}\n").into_bytes()));
            files.push((path, sources.clone().into_bytes()));
        }
        make_folder(tree)?;
        for (below, bytes) in files {
            // The parts are constant, but for names of packages, which hold neither slash nor dot-dot.
            let mut path = tree.clone();
            let mut parts = below.split('/').peekable();
            while let Some(part) = parts.next() {
                path = path.child(part).map_err(io::Error::other).at("name a file in", tree)?;
                if parts.peek().is_some() {
                    make_folder(&path)?;
                }
            }
            fs::write(&path, bytes).at("write", &path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o644)).at("set the mode of", &path)?;
        }
        Ok(())
    }

    fn control(&self) -> String {
        format!(
            "Package: {}\nVersion: {}\nArchitecture: all\nMulti-Arch: foreign\nMaintainer: {}\nSection: misc\nPriority: optional\n\
             Description: OpenPGP keys of the {} archive\n The archive signs its Release files. This package has the keys that\n \
             apt(8) checks these signatures with.\n",
            self.package(),
            self.version,
            self.maintainer,
            self.archive,
        )
    }

    fn copyright(&self) -> String {
        format!(
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: {}\n\nFiles: *\n\
             Copyright: none\nLicense: public-domain\n Keys are facts: nobody has a copyright in them.\n",
            self.package(),
        )
    }

    fn changelog(&self) -> String {
        format!(
            "{} ({}) unstable; urgency=medium\n\n  * The keys that sign since {}.\n\n -- {}  {}\n",
            self.package(),
            self.version,
            self.made.day(),
            self.maintainer,
            self.made.rfc2822(),
        )
    }
}

fn make_folder(path: &AbsPath) -> Result<(), FileError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.at("create", path)?,
    }
    fs::set_permissions(path, Permissions::from_mode(0o755)).at("set the mode of", path)
}

/// Without name and time, as Policy 12.7 has changelogs compressed.
fn gzip(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    encoder.write_all(text)?;
    encoder.finish()
}
