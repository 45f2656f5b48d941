//! Real packages and indexes of the archive that this machine uses, fetched once into the shared cache.

use std::{collections::HashSet, fs, sync::Arc};

use debbuild_core::{
    acquire::{
        ArchiveReader, PoolFile, Suite,
        fetch::{HttpOptions, SchemeFetch},
        pool_files,
        seen::FolderLastSeen,
        sources::{HostQuery, SourceList, host_archives, vendors},
    },
    arch::Architecture,
    blob::FolderStore,
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    digest::Sha256,
    name::{ComponentName, SuiteName},
    path::AbsPath,
    sign::{Keyring, detect},
};

use crate::bench::cache;

/// Packages with set-id files, hard links, odd modes, many control files or a data archive of their own kind: always chosen.
const SPECIAL: [&str; 16] = [
    "apt",
    "base-files",
    "bsdutils",
    "cron",
    "dash",
    "debconf",
    "debianutils",
    "dpkg",
    "hello",
    "libpam-modules-bin",
    "login",
    "mount",
    "openssh-client",
    "passwd",
    "perl-base",
    "sudo",
];

/// The largest package that tests choose without its being special, in bytes.
const LARGEST: u64 = 200_000;

/// Whether the long form of a test was asked for (`tests/run.sh --full` sets `DEBBUILD_TEST_FULL=1`).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests/run.sh says by the environment how long its tests may be")]
pub fn full() -> bool {
    std::env::var("DEBBUILD_TEST_FULL").is_ok_and(|value| value == "1")
}

/// The main component of the archive that this machine uses, verified.
#[derive(Debug)]
pub struct RealArchive {
    cx: Context,
    suite: Suite,
    architecture: Architecture,
    folder: AbsPath,
}

impl RealArchive {
    /// Opens the archive of this machine's suite. What is fetched stays in `pool` of [`cache`].
    ///
    /// # Panics
    /// When the machine has no sources for its suite, or they cannot be reached.
    pub async fn open() -> Self {
        let (cx, runner): (_, Arc<dyn CommandRunner>) = (Context::new(), Arc::new(SystemRunner));
        let folder = cache().join("pool");
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).expect("a folder for downloads");
        let fetch = Arc::new(SchemeFetch::with_http(HttpOptions::new()).expect("an http client"));
        let verifier = detect(&cx, Arc::clone(&runner), scratch.clone()).await.expect("a verifier");
        let store = FolderStore::open(folder.join("blobs")).expect("a blob store");
        let seen = FolderLastSeen::open(folder.join("seen")).expect("a memory of releases");
        let reader = ArchiveReader::new(fetch, Arc::new(verifier), Arc::new(store), Arc::new(seen), scratch);

        let release = fs::read_to_string("/etc/os-release").expect("os-release");
        let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).expect("a codename");
        let owners = vendors(&fs::read_to_string("/etc/dpkg/origins/default").expect("a vendor"));
        let suite = SuiteName::new(codename.trim_matches('"')).expect("a suite");
        let query = HostQuery::new(suite, owners, Keyring::Bytes(Vec::new()));
        let found = host_archives(&cx, &reader, &host_sources().entries, &query).await.expect("the host's archives");
        let suite = reader.open(&cx, &found.archives[0]).await.expect("a verified Release");
        let dpkg = CommandSpec::new("dpkg").with_arg("--print-architecture");
        let said = runner.output(&cx, &dpkg).await.expect("dpkg");
        let architecture = Architecture::new(String::from_utf8_lossy(&said).trim()).expect("an architecture");
        Self { cx, suite, architecture, folder }
    }

    /// The text of Packages for this machine's architecture.
    ///
    /// # Panics
    /// When it cannot be fetched.
    pub async fn packages(&self) -> String {
        let bytes = self.suite.packages(&self.cx, &main(), &self.architecture).await.expect("Packages");
        String::from_utf8(bytes.into()).expect("UTF-8")
    }

    /// The text of Sources.
    ///
    /// # Panics
    /// When it cannot be fetched.
    pub async fn sources(&self) -> String {
        let bytes = self.suite.sources(&self.cx, &main()).await.expect("Sources");
        String::from_utf8(bytes.into()).expect("UTF-8")
    }

    /// The bytes of an index below the suite's folder, decompressed, as `main/Contents-amd64`.
    ///
    /// # Panics
    /// When it cannot be fetched.
    pub async fn index(&self, path: &str) -> Vec<u8> {
        self.suite.index(&self.cx, path).await.expect("an index").into()
    }

    /// `count` real packages as files whose names are those of the archive: a fixed set of special ones, then small ones in an
    /// order that depends on nothing but their content, so that fewer are always the first of more.
    ///
    /// # Panics
    /// When they cannot be fetched.
    pub async fn debs(&self, count: usize) -> Vec<AbsPath> {
        self.debs_up_to(count, LARGEST).await
    }

    /// The same, of at most this many bytes each.
    ///
    /// # Panics
    /// When they cannot be fetched.
    pub async fn debs_up_to(&self, count: usize, largest: u64) -> Vec<AbsPath> {
        let index = self.packages().await;
        let special: HashSet<&str> = SPECIAL.into_iter().collect();
        let is_special = |file: &PoolFile| file_name(file).split('_').next().is_some_and(|name| special.contains(name));
        let mut chosen = pool_files(index.as_bytes()).expect("an index");
        chosen.retain(|file| file.size <= largest || is_special(file));
        chosen.sort_by_cached_key(|file| (!is_special(file), file.sha256.to_string()));
        chosen.truncate(count);
        assert_eq!(chosen.len(), count, "the archive is too small");

        let folder = self.folder.join("debs");
        fs::create_dir_all(&folder).expect("a folder");
        let path = |file: &PoolFile| folder.child(file_name(file)).expect("a plain name");
        let kept = |file: &PoolFile| fs::read(path(file)).is_ok_and(|bytes| Sha256::of(&bytes) == file.sha256);
        let missing: Vec<PoolFile> = chosen.iter().filter(|file| !kept(file)).cloned().collect();
        let blobs = self.suite.files(&self.cx, &missing).await.expect("packages");
        for (file, blob) in missing.iter().zip(blobs) {
            let bytes = self.suite.store().read(&self.cx, blob.id, None).await.expect("a package");
            // Another process may do the same: a file appears whole or not at all.
            let draft = tempfile::NamedTempFile::new_in(&folder).expect("a draft");
            fs::write(draft.path(), bytes).expect("a package");
            draft.persist(path(file)).expect("a package");
        }
        chosen.iter().map(path).collect()
    }
}

fn main() -> ComponentName {
    ComponentName::new("main").expect("a component")
}

fn file_name(file: &PoolFile) -> &str {
    file.path.rsplit('/').next().unwrap_or_default()
}

/// The entries of this machine's APT configuration.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn host_sources() -> SourceList {
    let mut list = SourceList::default();
    for folder in ["/etc/apt/sources.list.d", "/etc/apt"] {
        for entry in fs::read_dir(folder).expect("apt's configuration").flatten() {
            let name = entry.path().to_string_lossy().into_owned();
            if name.ends_with(".sources") || name.ends_with(".list") {
                let text = fs::read_to_string(&name).expect("a sources list");
                list = list.merged(SourceList::read(&name, &text));
            }
        }
    }
    list
}
