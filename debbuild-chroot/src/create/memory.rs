//! The bootstrapper twin: a small tar archive that depends on nothing but the request, asked for through the real gateway.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use debbuild_core::{
    blocking,
    command::{OutputSink, Stream},
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{BootstrapRequest, Bootstrapped, Bootstrapper, CreateError, sources};
use crate::confine::{BuildUser, Scratch};

/// Makes tar archives with the files that every base system has.
#[derive(Debug, Default)]
pub struct MemoryBootstrapper {
    status: Mutex<String>,
    urls: Mutex<Vec<String>>,
    runs: AtomicUsize,
}

impl MemoryBootstrapper {
    /// Systems in which `status` (a dpkg status file) says what is installed.
    #[must_use]
    pub fn new(status: impl Into<String>) -> Self {
        Self { status: Mutex::new(status.into()), ..Self::default() }
    }

    /// From now on, this is installed.
    pub fn set_status(&self, status: impl Into<String>) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status.into();
    }

    /// From now on, every run asks the gateway for these absolute URLs, and fails when one is not answered with 200.
    pub fn set_urls(&self, urls: Vec<String>) {
        *self.urls.lock().unwrap_or_else(PoisonError::into_inner) = urls;
    }

    /// How often it ran.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

/// Asks the gateway for one URL and returns the status of its answer.
fn ask(socket: &AbsPath, url: &str) -> std::io::Result<u16> {
    let mut stream = UnixStream::connect(socket)?;
    write!(stream, "GET {url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = String::from_utf8_lossy(&answer[..answer.len().min(64)]).into_owned();
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| std::io::Error::other("not http"))
}

#[async_trait]
impl Bootstrapper for MemoryBootstrapper {
    async fn bootstrap(
        &self,
        _: &Context,
        request: &BootstrapRequest,
        scratch: &Scratch,
        _: &BuildUser,
        log: &mut dyn OutputSink,
    ) -> Result<Bootstrapped, CreateError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for url in urls {
            let socket = scratch.socket()?;
            let asked = url.clone();
            let answer = blocking::run(move || ask(&socket, &asked)).await;
            if answer.as_ref().ok() != Some(&200) {
                let said = format!("E: Failed to fetch {url}");
                let failed = |tail| debbuild_core::command::CommandError::Failed {
                    program: "memory".to_owned(),
                    exit: debbuild_core::command::Exit::with_status(100),
                    tail,
                };
                return Err(super::mmdebstrap::failure(&said, failed));
            }
        }
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tarball = scratch.path().child("chroot.tar")?;
        let list = sources::deb822(&request.sources, "/etc/apt/keyrings", false)?;
        write_tar(&tarball, request, &status, &list).at("write", &tarball)?;
        log.write(Stream::Stdout, b"made in memory\n").at("write the log of", &tarball)?;
        Ok(Bootstrapped { tarball, status, tool: ("memory".to_owned(), "1".to_owned()) })
    }
}

fn write_tar(path: &AbsPath, request: &BootstrapRequest, status: &str, list: &str) -> std::io::Result<()> {
    let mut tar = tar::Builder::new(fs::File::create(path)?);
    let mut file = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(u64::try_from(request.epoch.seconds()).unwrap_or(0));
        tar.append_data(&mut header, name, bytes)
    };
    file("etc/apt/sources.list.d/debbuild.sources", list.as_bytes())?;
    for source in &request.sources {
        file(&format!("etc/apt/keyrings/{}", source.key_file()), &source.keys)?;
    }
    for (_, text, inside) in super::mmdebstrap::apt_files(request) {
        file(inside.trim_start_matches('/'), text.as_bytes())?;
    }
    if let Some(host) = &request.host {
        file("var/lib/dpkg/arch", format!("{}\n{host}\n", request.architecture).as_bytes())?;
    }
    file("var/lib/dpkg/status", status.as_bytes())?;
    tar.finish()
}
