//! Root file systems by mmdebstrap, confined without any network, from a repository of exactly the locked files.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    sync::Arc,
};

use async_trait::async_trait;
use debbuild_chroot::confine::{BuildUser, ConfineError, Confinement, Scratch, reap};
use debbuild_core::{
    blob::BlobStore,
    blocking,
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec, OutputSink, Tail, Tee},
    context::Context,
    digest::{HashingWriter, Sha256},
    error::Classify as _,
    lock::LockedPackage,
    path::{AbsPath, IoResultExt as _},
};

use super::{Finish, RootfsBuilder, RootfsError, RootfsRequest, contents};
use crate::plan::PackageSet;

/// Takes away what belongs to the place of installation, not to the system (constant; `$1` is the root).
const CLEAN: &str = "rm -f \"$1/etc/resolv.conf\" \"$1/etc/hostname\" \"$1/etc/apt/sources.list\" \
                     \"$1/etc/apt/apt.conf.d/99mmdebstrap\" \
                     \"$1/etc/apt/sources.list.d/\"*; : > \"$1/etc/machine-id\"";

/// Puts the kernel and an initramfs that finds OSTree deployments beside the modules (constant; `$1` is the root).
const OSTREE: &str = "set -e; found=; for modules in \"$1\"/usr/lib/modules/*; do \
                      kver=${modules##*/}; [ -e \"$1/boot/vmlinuz-$kver\" ] || continue; found=yes; \
                      chroot \"$1\" dracut --quiet --reproducible --no-hostonly --add ostree --force \
                      --kver \"$kver\" \"/usr/lib/modules/$kver/initramfs.img\"; \
                      cp \"$1/boot/vmlinuz-$kver\" \"$1/usr/lib/modules/$kver/vmlinuz\"; done; \
                      [ -n \"$found\" ] || { echo 'no kernel is installed' >&2; exit 1; }";

/// Puts the files of the request in place; what is copied comes after the folder's path (constant; `$1` is the root).
const FILES: &str = "umask 022; cp -RT --no-preserve=all";

/// How [`MmdebstrapRootfs`] works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MmdebstrapOptions {
    /// Where scratch folders are made; a tmpfs makes it several times faster.
    pub scratch: AbsPath,
    /// The user that it runs as, when this process is root.
    pub user: String,
}

impl MmdebstrapOptions {
    /// Works below `scratch`, as the user `debbuild` if this process is root.
    #[must_use]
    pub fn new(scratch: AbsPath) -> Self {
        Self { scratch, user: "debbuild".to_owned() }
    }

    /// With another build user.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }
}

/// Installs by mmdebstrap in unshare mode.
#[derive(Debug)]
pub struct MmdebstrapRootfs {
    runner: Arc<dyn CommandRunner>,
    blobs: Arc<dyn BlobStore>,
    options: MmdebstrapOptions,
}

impl MmdebstrapRootfs {
    /// Installs with packages from this store.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, blobs: Arc<dyn BlobStore>, options: MmdebstrapOptions) -> Self {
        Self { runner, blobs, options }
    }

    /// Copies the .debs into `pool`, each only after its hash was seen to be the locked one.
    async fn fill(&self, cx: &Context, set: &PackageSet, pool: &AbsPath) -> Result<(), RootfsError> {
        let mut sources = Vec::new();
        for (number, package) in set.packages.iter().enumerate() {
            // The names say nothing to tools: apt reads name and version from the index.
            let target = pool.child(&format!("{number:05}.deb"))?;
            sources.push((package.clone(), self.blobs.local(cx, package.sha256).await?, target));
        }
        let cancel = cx.cancel().clone();
        blocking::run(move || {
            for (package, source, target) in &sources {
                cancel.check()?;
                copy_checked(package, source, target)?;
            }
            Ok(())
        })
        .await
    }

    /// A flat repository index of the pool, by apt-ftparchive, confined like everything that reads packages.
    async fn index(&self, cx: &Context, place: &Place, set: &PackageSet) -> Result<(), RootfsError> {
        let spec = CommandSpec::new("apt-ftparchive")
            .with_args(["-o", "APT::FTPArchive::AlwaysStat=false", "packages", "."])
            .with_env("HOME", place.inside.clone());
        // A confined command begins in a folder of the host: the repository is reached by env(1).
        let spec = within(spec, &format!("{}/repo", place.inside));
        let packages = self.runner.output(cx, &place.confinement.wrap(spec)).await?;
        let release = format!(
            "Codename: locked\nDate: {}\nArchitectures: {}\nSHA256:\n {} {} Packages\n",
            set.epoch.release_date(),
            architectures(set),
            Sha256::of(&packages),
            packages.len()
        );
        for (name, bytes) in [("Packages", packages.as_slice()), ("Release", release.as_bytes())] {
            let path = place.repo.child(name)?;
            fs::write(&path, bytes).at("write", &path)?;
        }
        Ok(())
    }

    async fn install(
        &self,
        cx: &Context,
        place: &Place,
        request: &RootfsRequest,
        log: &mut dyn OutputSink,
    ) -> Result<(), RootfsError> {
        let spec = place.confinement.wrap(argv(request, &place.inside));
        let mut tail = Tail::new(2000);
        let exit = self.runner.run(cx, &spec, &mut Tee(log, &mut tail)).await?;
        if exit.success() {
            return Ok(());
        }
        let text = tail.text();
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("E:") || line.contains("rror")).collect();
        let lines: Vec<&str> = if errors.is_empty() { text.lines().collect() } else { errors };
        let reason = lines[lines.len().saturating_sub(4)..].join("; ");
        Err(RootfsError::Install { set: request.packages.name.clone(), reason: format!("{exit}: {reason}") })
    }

    /// Lays the files of the request out as they will be in the system.
    async fn lay_out(&self, cx: &Context, request: &RootfsRequest, folder: &AbsPath) -> Result<(), RootfsError> {
        for (path, bytes) in contents(cx, self.blobs.as_ref(), &request.files).await? {
            let file = folder.descend(&path)?;
            fs::create_dir_all(file.parent()).at("create", &file.parent())?;
            fs::write(&file, bytes).at("write", &file)?;
            open_to_all(&file, 0o644)?;
            for (at, _) in path.match_indices('/') {
                open_to_all(&folder.descend(&path[..at])?, 0o755)?;
            }
        }
        Ok(())
    }

    async fn work(
        &self,
        cx: &Context,
        place: &Place,
        request: &RootfsRequest,
        log: &mut dyn OutputSink,
        target: &AbsPath,
    ) -> Result<(), RootfsError> {
        self.fill(cx, &request.packages, &place.repo).await?;
        self.lay_out(cx, request, &place.files).await?;
        self.index(cx, place, &request.packages).await?;
        self.install(cx, place, request, log).await?;
        let (made, target) = (place.work.join("rootfs.tar"), target.clone());
        blocking::run(move || {
            // Copied, not moved: what is kept belongs to this process, not to the build user.
            fs::copy(&made, &target).at("copy to", &target)?;
            Ok(())
        })
        .await
    }
}

/// The folders of one installation.
#[derive(Debug)]
struct Place {
    confinement: Confinement,
    inside: String,
    repo: AbsPath,
    files: AbsPath,
    work: AbsPath,
}

/// The same command, started in another folder.
fn within(spec: CommandSpec, folder: &str) -> CommandSpec {
    let mut inner = CommandSpec::new("env").with_args(["-C", folder, spec.program.as_str()]).with_args(spec.args);
    inner.env = spec.env;
    inner
}

/// The command line of mmdebstrap, as it is seen inside. Pure.
pub(super) fn argv(request: &RootfsRequest, inside: &str) -> CommandSpec {
    let set = &request.packages;
    let native = set.packages.iter().find(|package| !package.architecture.is_all());
    let names: Vec<String> = set.packages.iter().map(|package| package.name.to_string()).collect();
    let mut spec = CommandSpec::new("mmdebstrap").with_args([
        "--mode=unshare",
        "--variant=essential",
        "--format=tar",
        "--aptopt=APT::Install-Recommends \"false\"",
        "--aptopt=Acquire::Languages \"none\"",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    ]);
    if let Some(package) = native {
        spec = spec.with_arg(format!("--architectures={}", package.architecture));
    }
    spec = spec.with_arg(format!("--include={}", names.join(",")));
    if request.finish == Finish::Ostree {
        spec = spec.with_arg(format!("--customize-hook={OSTREE}"));
    }
    spec = spec.with_arg(format!("--customize-hook={CLEAN}"));
    if !request.files.is_empty() {
        spec = spec.with_arg(format!("--customize-hook={FILES} {inside}/files \"$1\""));
    }
    spec.with_args(["locked".to_owned(), format!("{inside}/work/rootfs.tar")])
        .with_arg(format!("deb [trusted=yes] copy:{inside}/repo ./"))
        .with_env("HOME", format!("{inside}/work"))
        .with_env("TMPDIR", format!("{inside}/work"))
        .with_env("SOURCE_DATE_EPOCH", set.epoch.seconds().to_string())
}

fn architectures(set: &PackageSet) -> String {
    let mut all: Vec<&str> = set.packages.iter().map(|package| package.architecture.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    all.join(" ")
}

fn open_to_all(path: &AbsPath, mode: u32) -> Result<(), RootfsError> {
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
    Ok(fs::set_permissions(path, mode).at("change the mode of", path)?)
}

fn copy_checked(package: &LockedPackage, source: &AbsPath, target: &AbsPath) -> Result<(), RootfsError> {
    let mut reader = File::open(source).at("open", source)?;
    let mut writer = HashingWriter::new(File::create_new(target).at("create", target)?);
    io::copy(&mut reader, &mut writer).at("copy to", target)?;
    let (mut file, _, actual) = writer.finish();
    file.flush().at("write", target)?;
    if actual != package.sha256 {
        fs::remove_file(target).at("remove", target)?;
        return Err(RootfsError::Content { package: package.name.to_string(), expected: package.sha256, actual });
    }
    Ok(())
}

fn confine(error: ConfineError) -> RootfsError {
    match error {
        ConfineError::Command(error) => error.into(),
        ConfineError::File(error) => error.into(),
        other => RootfsError::Confine { message: other.to_string(), hint: other.hint() },
    }
}

#[async_trait]
impl RootfsBuilder for MmdebstrapRootfs {
    async fn build(
        &self,
        cx: &Context,
        request: &RootfsRequest,
        log: &mut dyn OutputSink,
        tarball: &AbsPath,
    ) -> Result<(), RootfsError> {
        let runner = self.runner.as_ref();
        let user = BuildUser::detect(cx, runner, &self.options.user).await.map_err(confine)?;
        reap(cx, runner, &user, &self.options.scratch).await.map_err(confine)?;
        let scratch = Scratch::create(&self.options.scratch, "rootfs", &user).map_err(confine)?;
        let confinement = Confinement::new(user.clone(), scratch.path()).with_gateway(false);
        let inside = confinement.inside().to_owned();
        let [repo, files, work] = ["repo", "files", "work"].map(|name| scratch.path().join(name));
        for folder in [&repo, &files, &work] {
            fs::create_dir(folder).at("create", folder)?;
        }
        // Mapped users read the repository; only the build user and its mapped ids write in the work folder.
        for (folder, mode) in [(&repo, 0o755), (&files, 0o755), (&work, 0o711)] {
            open_to_all(folder, mode)?;
        }
        scratch.give(&work, &user).map_err(confine)?;
        let place = Place { confinement, inside, repo, files, work };
        let result = self.work(cx, &place, request, log, tarball).await;
        // Cleaning up goes on when the caller has cancelled.
        let removed = scratch.remove(&Context::new(), runner, &user).await.map_err(confine);
        result.and(removed)
    }
}
