//! The test twin: a tarball with a package database and one file of each package, made without tools.

use std::{io::Write, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    blob::BlobStore,
    command::{OutputSink, Stream},
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

use super::{Finish, RootfsBuilder, RootfsError, RootfsRequest, tarball};

/// Makes small root file systems that have the layout of real ones.
#[derive(Debug)]
pub struct MemoryRootfs {
    blobs: Arc<dyn BlobStore>,
}

impl MemoryRootfs {
    /// Takes .debs from this store.
    #[must_use]
    pub fn new(blobs: Arc<dyn BlobStore>) -> Self {
        Self { blobs }
    }
}

/// Writes files of the request with the folders that they need.
fn write_files<W: Write>(writer: &mut tarball::Writer<W>, files: &[(String, Vec<u8>)]) -> Result<(), RootfsError> {
    let mut made = vec!["etc"];
    for (path, bytes) in files {
        for (at, _) in path.match_indices('/') {
            if !made.contains(&&path[..at]) {
                writer.folder(&path[..at])?;
                made.push(&path[..at]);
            }
        }
        writer.file(path, bytes)?;
    }
    Ok(())
}

#[async_trait]
impl RootfsBuilder for MemoryRootfs {
    async fn build(
        &self,
        cx: &Context,
        request: &RootfsRequest,
        log: &mut dyn OutputSink,
        tarball: &AbsPath,
    ) -> Result<(), RootfsError> {
        let mut status = String::new();
        let mut contents = Vec::new();
        for package in &request.packages.packages {
            cx.cancel().check()?;
            let bytes = self.blobs.read(cx, package.sha256, None).await?;
            let actual = Sha256::of(&bytes);
            if actual != package.sha256 {
                let (package, expected) = (package.name.to_string(), package.sha256);
                return Err(RootfsError::Content { package, expected, actual });
            }
            status.push_str(&format!(
                "Package: {}\nStatus: install ok installed\nArchitecture: {}\nVersion: {}\n\n",
                package.name, package.architecture, package.version
            ));
            contents.push((package.name.to_string(), bytes));
        }
        let mut writer = tarball::Writer::new(tarball::create(tarball)?, request.packages.epoch);
        for folder in ["", "boot", "dev", "etc", "usr", "usr/bin", "usr/lib", "usr/lib/modules"] {
            writer.folder(folder)?;
        }
        writer.link("bin", "usr/bin")?;
        writer.file("etc/os-release", b"ID=debian\n")?;
        match request.finish {
            Finish::Plain => {
                writer.file("boot/vmlinuz-6.1", b"kernel")?;
                writer.file("boot/initrd.img-6.1", b"initrd")?;
            }
            Finish::Ostree => {
                writer.folder("usr/lib/modules/6.1")?;
                writer.file("usr/lib/modules/6.1/vmlinuz", b"kernel")?;
                writer.file("usr/lib/modules/6.1/initramfs.img", b"initramfs")?;
            }
        }
        for (name, bytes) in &contents {
            writer.file(&format!("usr/bin/{name}"), bytes)?;
        }
        for folder in ["var", "var/lib", "var/lib/dpkg"] {
            writer.folder(folder)?;
        }
        writer.file("var/lib/dpkg/status", status.as_bytes())?;
        write_files(&mut writer, &super::contents(cx, self.blobs.as_ref(), &request.files).await?)?;
        let file = writer.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error);
        file.and_then(|file| file.sync_all()).at("write", tarball)?;
        let said = format!("{} packages\n", contents.len());
        log.write(Stream::Stdout, said.as_bytes()).at("log", tarball)?;
        Ok(())
    }
}
