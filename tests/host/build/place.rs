//! Where the build tests work: a chroot and a store shared between tests and runs, a folder for each test.

use std::{fs, sync::Arc};

use debbuild_chroot::{
    confine::BuildUser,
    create::Variant,
    sbuild::{BuilderError, KnownBases, PackageBuilder as _, SbuildBuilder, SbuildParts},
};
use debbuild_core::{
    arch::Architecture,
    blob::BlobStore,
    build::{BuildOptions, BuildRecord, BuildRequest, ChrootId},
    command::{CommandRunner, Discard, OutputSink, Stream},
    context::Context,
    digest::Sha256,
    name::SuiteName,
    path::AbsPath,
    task::TaskIo,
};
use debbuild_suite::bench::{Bench, cache};

/// One test's place.
pub(super) struct Place {
    _folder: tempfile::TempDir,
    pub(super) folder: AbsPath,
    pub(super) scratch: AbsPath,
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) runner: Arc<dyn CommandRunner>,
    pub(super) user: BuildUser,
    pub(super) builder: Arc<SbuildBuilder>,
    pub(super) bases: Arc<KnownBases>,
    pub(super) chroot: ChrootId,
    /// The folder of finished chroots, which all tests share.
    pub(super) chroots: AbsPath,
    pub(super) architecture: Architecture,
}

/// Watches the log of a build.
pub(super) type Watch<'a> = Box<dyn FnMut(&str) + Send + 'a>;

struct Watching<'a> {
    text: String,
    watch: Watch<'a>,
}

impl OutputSink for Watching<'_> {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        (self.watch)(&self.text);
        Ok(())
    }
}

pub(super) async fn place() -> Place {
    let bench = Bench::open(cache()).await;
    let temporary = tempfile::tempdir_in("/var/tmp").unwrap();
    let folder = AbsPath::new(temporary.path()).unwrap();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let spec = bench.spec(Variant::Buildd).await;
    let chroot = bench.manager.create(&bench.cx, &spec, &mut Discard).await.unwrap().id;
    let bases = Arc::new(KnownBases::new());
    bases.add(spec.suite.clone(), spec.architecture.clone(), bench.manager.base(&bench.cx, chroot).unwrap());
    let Bench { cx, home, runner, user, blobs, gateway, .. } = bench;
    let scratch = folder.join("scratch");
    let parts = SbuildParts::new(Arc::clone(&runner), gateway, user.clone(), scratch.clone()).with_tmpfs(Some(6 << 30));
    let builder = Arc::new(SbuildBuilder::detect(&cx, parts, Arc::<KnownBases>::clone(&bases)).await.unwrap());
    let chroots = home.join("chroots");
    let architecture = spec.architecture;
    Place { _folder: temporary, folder, scratch, blobs, runner, user, builder, bases, chroot, chroots, architecture }
}

impl Place {
    pub(super) fn request(&self, dsc: &AbsPath) -> BuildRequest {
        let sha256 = Sha256::of(&fs::read(dsc).unwrap());
        let suite = SuiteName::new("bookworm").unwrap();
        BuildRequest::new(dsc.clone(), sha256, suite, self.architecture.clone(), self.chroot)
    }

    pub(super) async fn build(&self, dsc: &AbsPath, options: BuildOptions) -> (BuildRecord, String) {
        self.watched(&self.request(dsc).with_options(options), Box::new(|_| {})).await.unwrap()
    }

    /// Builds, and lets `watch` see the log so far with every new piece.
    pub(super) async fn watched(
        &self,
        request: &BuildRequest,
        watch: Watch<'_>,
    ) -> Result<(BuildRecord, String), BuilderError> {
        let mut log = Watching { text: String::new(), watch };
        let scratch = self.folder.join("attempt");
        let mut io = TaskIo { blobs: Arc::clone(&self.blobs), scratch, log: &mut log };
        let record = self.builder.build(&Context::new(), request, &mut io).await?;
        Ok((record, log.text))
    }

    /// What is left in the scratch folder.
    pub(super) fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.scratch).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// Processes of this machine whose command line has `word`.
    pub(super) fn processes(&self, word: &str) -> usize {
        let lines =
            fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).replace('\0', " ").contains(word)).count()
    }
}

/// Whether these tests run as root.
pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}

/// The program of these tests.
pub(super) fn current_test() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}
