//! Chroots on this machine: every part of debbuild-chroot wired together over one state folder.

use std::{fs, sync::Arc};

use debbuild_chroot::{
    backend::{UnshareBackend, UnshareOptions},
    confine::BuildUser,
    create::{Mmdebstrap, Variant},
    gateway::Gateway,
    manager::{ChrootManager, ChrootSpec, ManagerOptions},
};
use debbuild_core::{
    acquire::{
        ArchiveReader,
        fetch::{Fetch, HttpOptions, SchemeFetch},
        seen::FolderLastSeen,
        sources::{HostQuery, host_archives},
    },
    arch::Architecture,
    blob::{BlobStore, FolderStore},
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    name::SuiteName,
    path::AbsPath,
    sign::{Keyring, detect},
};

use crate::pool::host_sources;

/// The folder for what tests share and may find again: `DEBBUILD_TEST_CACHE`, or one in `/var/tmp` for each user.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where they may keep downloads")]
pub fn cache() -> AbsPath {
    let uid = fs::metadata("/proc/self").map(|meta| std::os::unix::fs::MetadataExt::uid(&meta)).unwrap_or_default();
    let own = format!("/var/tmp/debbuild-tests-{uid}");
    let folder = std::env::var("DEBBUILD_TEST_CACHE").unwrap_or(own);
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    AbsPath::new(&folder).unwrap_or_else(|error| panic!("{error}"))
}

/// The parts, over one state folder.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Nobody cancels, nothing is reported.
    pub cx: Context,
    /// The state folder.
    pub home: AbsPath,
    /// Runs commands.
    pub runner: Arc<dyn CommandRunner>,
    /// Who builds.
    pub user: BuildUser,
    /// Every byte.
    pub blobs: Arc<dyn BlobStore>,
    /// Opens archives.
    pub reader: ArchiveReader,
    /// Serves archives.
    pub gateway: Gateway,
    /// Opens sessions.
    pub backend: UnshareBackend,
    /// Makes chroots.
    pub manager: ChrootManager,
}

impl Bench {
    /// Everything over `home`, fetching from the real network.
    ///
    /// # Panics
    /// When this machine is not prepared.
    pub async fn open(home: AbsPath) -> Self {
        let fetch = SchemeFetch::with_http(HttpOptions::new()).expect("an http client");
        Self::with_fetch(home, Arc::new(fetch)).await
    }

    /// Everything over `home`, fetching like this.
    ///
    /// # Panics
    /// When this machine is not prepared.
    pub async fn with_fetch(home: AbsPath, fetch: Arc<dyn Fetch>) -> Self {
        let cx = Context::new();
        let runner: Arc<dyn CommandRunner> = Arc::new(SystemRunner);
        let user = BuildUser::detect(&cx, &*runner, "debbuild").await.expect("a build user with subordinate ids");
        let scratch = home.join("work");
        fs::create_dir_all(&scratch).expect("a state folder");
        let blobs: Arc<dyn BlobStore> = Arc::new(FolderStore::open(home.join("blobs")).expect("a blob store"));
        let verifier = Arc::new(detect(&cx, Arc::clone(&runner), scratch.clone()).await.expect("a verifier"));
        let seen = Arc::new(FolderLastSeen::open(home.join("seen")).expect("a memory of releases"));
        let reader = ArchiveReader::new(Arc::clone(&fetch), verifier, Arc::clone(&blobs), seen, scratch);
        let gateway = Gateway::new(fetch, Arc::clone(&blobs), &home.join("gateway")).expect("a gateway");
        let options = UnshareOptions::new(Arc::clone(&runner), user.clone(), home.join("bases"), home.join("scratch"))
            .with_gateway(Some(gateway.clone()));
        let backend = UnshareBackend::new(options);
        let options = ManagerOptions::new(
            &home,
            user.clone(),
            Arc::clone(&runner),
            reader.clone(),
            gateway.clone(),
            Arc::new(Mmdebstrap::new(Arc::clone(&runner))),
            Arc::new(backend.clone()),
        );
        let manager = ChrootManager::new(options).expect("a catalogue");
        Self { cx, home, runner, user, blobs, reader, gateway, backend, manager }
    }

    /// A chroot of bookworm for this machine's architecture, from the archives that the machine itself uses.
    ///
    /// # Panics
    /// When the machine has no sources for it.
    pub async fn spec(&self, variant: Variant) -> ChrootSpec {
        let list = host_sources();
        let suite = SuiteName::new("bookworm").expect("a suite");
        let query = HostQuery::new(suite.clone(), vec!["Debian".to_owned()], Keyring::Bytes(Vec::new()));
        let found = host_archives(&self.cx, &self.reader, &list.entries, &query).await.expect("the host's archives");
        let dpkg = CommandSpec::new("dpkg").with_arg("--print-architecture");
        let said = self.runner.output(&self.cx, &dpkg).await.expect("dpkg");
        let architecture = Architecture::new(String::from_utf8_lossy(&said).trim()).expect("an architecture");
        ChrootSpec::new(suite, architecture, found.archives).with_variant(variant)
    }
}
