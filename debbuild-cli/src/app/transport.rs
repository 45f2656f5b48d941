//! Chroots from elsewhere and to elsewhere, and what differs between two.

use std::{
    fs::{self, File},
    io,
};

use debbuild_chroot::{
    import::{ImportRequest, ImportSource, OciDigest},
    manager::{Chroot, ChrootDiff},
};
use debbuild_compose::oci::{ImageBuilder as _, ImageRequest, LayoutBuilder};
use debbuild_core::{
    arch::Architecture,
    blocking,
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    digest::Sha256,
    error::Class,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
};

use super::{App, AppError, Failure};

/// What skopeo(1) may know of the user: where the way to the network is.
const NETWORK: [&str; 6] = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// Where a system is, as the user says it.
#[derive(Debug, PartialEq, Eq)]
enum Elsewhere<'a> {
    Tar(&'a str),
    Layout(&'a str, Sha256),
    /// The whole reference, for skopeo.
    Registry(&'a str, Sha256),
}

impl<'a> Elsewhere<'a> {
    fn read(text: &'a str) -> Result<Self, AppError> {
        let digest = |rest: &'a str| -> Result<(&'a str, Sha256), AppError> {
            let (place, digest) = rest.rsplit_once('@').ok_or_else(|| {
                let hint = format!("{text}@sha256:DIGEST");
                Failure::new(Class::Usage, format!("an image is named by its digest: {text}")).with_hint(hint)
            })?;
            Ok((place, digest.parse::<OciDigest>()?.0))
        };
        if let Some(rest) = text.strip_prefix("oci:") {
            let (layout, digest) = digest(rest)?;
            return Ok(Self::Layout(layout, digest));
        }
        if text.starts_with("docker://") {
            return Ok(Self::Registry(text, digest(text)?.1));
        }
        Ok(Self::Tar(text))
    }
}

/// How a chroot leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ExportForm {
    /// A tar archive: the bytes that the chroot is kept as.
    #[default]
    Tar,
    /// An OCI image, in an image layout that is a folder.
    Oci,
}

impl ExportForm {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Oci => "oci",
        }
    }
}

impl std::str::FromStr for ExportForm {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Tar, Self::Oci].into_iter().find(|form| form.name() == text);
        known.ok_or_else(|| Failure::new(Class::Usage, format!("not a form of chroots: {text:?} (there are tar, oci)")))
    }
}

/// A chroot that was written somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// The chroot.
    pub chroot: Chroot,
    /// As what.
    pub form: ExportForm,
    /// The file, or the folder of the layout.
    pub path: AbsPath,
    /// The sha256 of the file, or of the image's manifest.
    pub sha256: Sha256,
}

impl Exported {
    /// What [`App::chroot_import`] takes it by.
    #[must_use]
    pub fn source(&self) -> String {
        match self.form {
            ExportForm::Tar => self.path.to_string(),
            ExportForm::Oci => format!("oci:{}@sha256:{}", self.path, self.sha256),
        }
    }
}

impl App {
    /// Writes a chroot to a new file or folder, complete or not at all. The same chroot gives the same bytes.
    ///
    /// # Errors
    /// Class `conflict` when something is there already; `verification` when the chroot is damaged.
    pub async fn chroot_export(
        &self,
        cx: &Context,
        id: &str,
        form: ExportForm,
        to: &AbsPath,
    ) -> Result<Exported, AppError> {
        let manager = self.chroots(cx).await?;
        let chroot = manager.find(id)?;
        if to.as_std().exists() {
            return Err(Failure::new(Class::Conflict, format!("{to} is there already")).into());
        }
        if let Some(problem) = manager.check(chroot.id).await?.into_iter().next() {
            let hint = "debbuild fsck --repair puts it back from the stored bytes";
            return Err(Failure::new(Class::Verification, problem).with_hint(hint).into());
        }
        let draft = to.parent().child(&format!(".{}.{}.new", to.name(), std::process::id()))?;
        remove(&draft)?;
        let written = match form {
            ExportForm::Tar => copy(&chroot.tarball, &draft).await.map(|()| chroot.manifest.tarball.sha256),
            ExportForm::Oci => image(cx, &chroot, &draft).await,
        };
        let sha256 = match written {
            Ok(sha256) => sha256,
            Err(error) => {
                remove(&draft)?;
                return Err(error);
            }
        };
        fs::rename(&draft, to).at("rename to", to)?;
        Ok(Exported { chroot, form, path: to.clone(), sha256 })
    }

    /// What differs between two chroots: packages by name and content, and with `files` every file by kind, mode, owner and content.
    ///
    /// # Errors
    /// Class `not-found`.
    pub async fn chroot_diff(&self, cx: &Context, old: &str, new: &str, files: bool) -> Result<ChrootDiff, AppError> {
        let manager = self.chroots(cx).await?;
        Ok(manager.diff(cx, &manager.find(old)?, &manager.find(new)?, files).await?)
    }

    /// Takes a system from elsewhere as a chroot: a tar archive (its path), an image of an OCI layout or an archive of one
    /// (`oci:PATH@sha256:DIGEST`), or of a registry (`docker://NAME@sha256:DIGEST`, fetched by skopeo).
    ///
    /// # Errors
    /// Class `usage` when it is no system of Debian's kind; `verification` when bytes are not those of their digest.
    pub async fn chroot_import(
        &self,
        cx: &Context,
        source: &str,
        suite: Option<SuiteName>,
        architecture: Option<Architecture>,
    ) -> Result<Chroot, AppError> {
        let from = Elsewhere::read(source)?;
        let host = self.architecture(cx).await?;
        let request = |source| ImportRequest::new(source, host).with_suite(suite).with_architecture(architecture);
        let path = |text: &str| self.machine().path(text);
        let manager = self.chroots(cx).await?;
        match from {
            Elsewhere::Tar(file) => Ok(manager.import(cx, &request(ImportSource::Tar(path(file)?))).await?),
            Elsewhere::Layout(layout, digest) => {
                let source = ImportSource::Oci { layout: path(layout)?, digest };
                Ok(manager.import(cx, &request(source)).await?)
            }
            Elsewhere::Registry(reference, digest) => {
                let layout = self.pull(cx, reference, digest).await?;
                let source = ImportSource::Oci { layout: layout.clone(), digest };
                let imported = manager.import(cx, &request(source)).await;
                remove(&layout)?;
                Ok(imported?)
            }
        }
    }

    /// Copies an image of a registry with all it consists of, under the digests that it has there, into a new layout.
    async fn pull(&self, cx: &Context, reference: &str, digest: Sha256) -> Result<AbsPath, AppError> {
        let layout = self.folder("scratch")?.child(&format!("pull-{}-{digest}", std::process::id()))?;
        remove(&layout)?;
        // Whose image it is says nothing here, and what it is the digest says.
        let args = ["--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests", reference];
        let mut spec = CommandSpec::new("skopeo").with_args(args).with_arg(format!("oci:{layout}:image"));
        spec = spec.with_env("HOME", layout.parent().as_str()).with_env("TMPDIR", layout.parent().as_str());
        for name in NETWORK {
            if let Some(value) = self.machine().variables.get(name) {
                spec = spec.with_env(name, value);
            }
        }
        let pulled = self.runner().output(cx, &spec).await;
        if pulled.is_err() {
            remove(&layout)?;
        }
        pulled?;
        Ok(layout)
    }
}

fn remove(path: &AbsPath) -> Result<(), AppError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(fs::remove_file(path).at("remove", path)?),
        result => Ok(result.at("remove", path)?),
    }
}

/// A copy of its own, durable.
async fn copy(from: &AbsPath, to: &AbsPath) -> Result<(), AppError> {
    let (from, to) = (from.clone(), to.clone());
    let copied = blocking::run(move || {
        let mut target = File::create_new(&to).at("create", &to)?;
        io::copy(&mut File::open(&from).at("open", &from)?, &mut target).at("copy to", &to)?;
        target.sync_all().at("sync", &to)
    });
    Ok(copied.await?)
}

/// The chroot as an image in a new layout; gives the digest of its manifest.
async fn image(cx: &Context, chroot: &Chroot, layout: &AbsPath) -> Result<Sha256, AppError> {
    let spec = &chroot.manifest.spec;
    let tag = spec.suite.as_str().replace('/', "-");
    let request = ImageRequest::new(chroot.tarball.clone(), spec.architecture.clone(), tag, chroot.manifest.epoch)
        .with_command(vec!["/bin/sh".to_owned()])
        .with_environment(spec.environment.clone())
        .with_history(format!("debbuild chroot {}", chroot.id));
    fs::create_dir(layout).at("create", layout)?;
    Ok(LayoutBuilder.build(cx, &request, layout).await?)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use debbuild_core::command::{CommandRunner, Reply, ScriptedRunner};

    use super::*;
    use crate::app::{Machine, Overrides};

    #[test]
    fn an_image_is_named_by_its_digest_and_by_nothing_else() {
        let digest = Sha256::of(b"image");
        let read = |text: &str| Elsewhere::read(text).map(|read| format!("{read:?}"));
        assert_eq!(Elsewhere::read("a@b/x.tar.gz").unwrap(), Elsewhere::Tar("a@b/x.tar.gz"));
        let layout = format!("oci:some/folder@sha256:{digest}");
        assert_eq!(Elsewhere::read(&layout).unwrap(), Elsewhere::Layout("some/folder", digest));
        let registry = format!("docker://mirror.example/debian@sha256:{digest}");
        assert_eq!(Elsewhere::read(&registry).unwrap(), Elsewhere::Registry(&registry, digest));
        for bad in ["oci:folder", "oci:folder:latest", "docker://mirror.example/debian:12", "oci:x@sha256:12"] {
            assert_eq!(read(bad).unwrap_err().class(), Class::Usage, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_registry_is_asked_by_skopeo_for_all_that_the_digest_names() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let home = AbsPath::new(folder.path()).unwrap();
        let digest = Sha256::of(b"image");
        let reference = format!("docker://mirror.example/debian@sha256:{digest}");
        let line = format!("skopeo --insecure-policy copy --quiet --all --preserve-digests {reference} oci:{home}/");
        let runner = Arc::new(ScriptedRunner::new().with(line, Reply::ok("")));
        let variables = BTreeMap::from([("https_proxy".to_owned(), "http://mirror.example:1".to_owned())]);
        let machine = Machine::new(variables, home.clone(), 1000);
        let app = App::open(machine, &Overrides::default().with_set("home", home.as_str())).unwrap();
        let app = app.with_runner(Arc::clone(&runner) as Arc<dyn CommandRunner>);
        let layout = app.pull(&Context::new(), &reference, digest).await.unwrap();
        assert!(layout.as_str().starts_with(home.as_str()));
        assert_eq!(runner.calls()[0].env["https_proxy"], "http://mirror.example:1");
        assert!(app.pull(&Context::new(), &reference, digest).await.is_err(), "it was scripted once");
    }
}
