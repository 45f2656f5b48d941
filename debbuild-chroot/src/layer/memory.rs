//! The layer twin: a small tar archive of what the parent's has, with packages that it was told about.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use debbuild_core::{
    command::{OutputSink, Stream},
    context::Context,
    control::paragraphs,
    path::{AbsPath, IoResultExt as _},
};

use super::{LayerError, LayerMaker, LayerRequest, Layered, Lists, pack};
use crate::{backend::ChrootRef, create::CreateError, gateway::AccessRecord};

/// Makes layers of the packages that it knows.
#[derive(Debug, Default)]
pub struct MemoryLayers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    packages: BTreeMap<String, String>,
    access: AccessRecord,
    requests: Vec<LayerRequest>,
}

impl MemoryLayers {
    /// A maker that knows no package.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, this package can be installed; then dpkg's status has this stanza (without its `Package` field).
    pub fn set_package(&self, name: impl Into<String>, stanza: impl Into<String>) {
        self.state().packages.insert(name.into(), stanza.into());
    }

    /// From now on, this is what passed through the gateway.
    pub fn set_access(&self, access: AccessRecord) {
        self.state().access = access;
    }

    /// What was asked for, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LayerRequest> {
        self.state().requests.clone()
    }
}

/// The stanzas of a status file without those of these packages.
fn without(status: &str, names: &[String]) -> String {
    let gone = |stanza: &&str| {
        let name = paragraphs(stanza).next().and_then(Result::ok).and_then(|one| one.get("Package").map(str::to_owned));
        name.is_some_and(|name| names.contains(&name))
    };
    let stanzas = status.split("\n\n").map(str::trim).filter(|stanza| !stanza.is_empty());
    stanzas.filter(|stanza| !gone(stanza)).map(|stanza| format!("{stanza}\n\n")).collect()
}

#[async_trait]
impl LayerMaker for MemoryLayers {
    async fn make(
        &self,
        _: &Context,
        parent: &ChrootRef,
        request: &LayerRequest,
        to: &AbsPath,
        log: &mut dyn OutputSink,
    ) -> Result<Layered, LayerError> {
        log.write(Stream::Stderr, b"made in memory\n").at("write the log of", to)?;
        let mut state = self.state();
        state.requests.push(request.clone());
        match &request.lists {
            Lists::Fetch => {}
            Lists::Keep(file) => std::fs::write(file, "lists").at("write", file)?,
            Lists::Given(file) => drop(std::fs::read(file).at("read", file)?),
        }
        let gone: Vec<String> = request.remove.iter().chain(&request.install).map(ToString::to_string).collect();
        let mut status = without(&pack::status(&parent.tarball)?, &gone);
        for name in &request.install {
            let missing = || CreateError::NoPackage(name.to_string());
            let stanza = state.packages.get(name.as_str()).ok_or_else(missing)?;
            status.push_str(&format!("Package: {name}\n{}\n\n", stanza.trim()));
        }
        write_tar(&parent.tarball, to, request, &status).at("write", to)?;
        Ok(Layered { status, access: state.access.clone() })
    }
}

fn write_tar(parent: &AbsPath, to: &AbsPath, request: &LayerRequest, status: &str) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(File::open(parent)?);
    let mut builder = tar::Builder::new(File::create_new(to)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.path()?.ends_with("var/lib/dpkg/status") {
            let (header, mut bytes) = (entry.header().clone(), Vec::new());
            entry.read_to_end(&mut bytes)?;
            builder.append(&header, bytes.as_slice())?;
        }
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(status.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(u64::try_from(request.epoch.seconds()).unwrap_or(0));
    builder.append_data(&mut header, "var/lib/dpkg/status", status.as_bytes())?;
    builder.finish()
}
