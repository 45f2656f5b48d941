//! Chroots from elsewhere.

use std::{fs, io};

use debbuild_chroot::{
    import::{ImportRequest, ImportSource, OciDigest},
    manager::Chroot,
};
use debbuild_core::{
    arch::Architecture,
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

impl App {
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

fn remove(folder: &AbsPath) -> Result<(), AppError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => Ok(result.at("remove", folder)?),
    }
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
