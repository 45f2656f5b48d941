//! Where the build tests work: a chroot and a store shared between tests and runs, a folder for each test.

use std::{fs, sync::Arc};

use debbuild_chroot::{
    confine::BuildUser,
    gateway::{AllowedArchive, Gateway},
    sbuild::{BuildBase, BuilderError, KnownBases, PackageBuilder as _, SbuildBuilder, SbuildParts},
};
use debbuild_core::{
    acquire::fetch::{HttpOptions, SchemeFetch, Uri},
    arch::Architecture,
    blob::{BlobStore, FolderStore},
    build::{BuildOptions, BuildRecord, BuildRequest, ChrootId},
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec, OutputSink, Stream, SystemRunner},
    context::Context,
    control::paragraphs,
    digest::Sha256,
    name::SuiteName,
    path::AbsPath,
    task::TaskIo,
};

/// The environment of the tests, read in this one place.
#[expect(clippy::disallowed_methods, reason = "tests are told where to keep what they share")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

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
    pub(super) tarball: AbsPath,
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
    let cx = Context::new();
    let runner: Arc<dyn CommandRunner> = Arc::new(SystemRunner);
    let cache = variable("DEBBUILD_TEST_CACHE").unwrap_or_else(|| "/var/tmp/debbuild-tests".to_owned());
    let cache = AbsPath::new(&cache).unwrap();
    fs::create_dir_all(&cache).unwrap();
    let temporary = tempfile::tempdir_in("/var/tmp").unwrap();
    let folder = AbsPath::new(temporary.path()).unwrap();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let user = BuildUser::detect(&cx, &*runner, "debbuild").await.unwrap();
    let output = runner.output(&cx, &CommandSpec::new("dpkg").with_arg("--print-architecture")).await.unwrap();
    let architecture = Architecture::new(String::from_utf8_lossy(&output).trim()).unwrap();
    let tarball = tarball(&cx, &*runner, &cache).await;
    let blobs: Arc<dyn BlobStore> = Arc::new(FolderStore::open(cache.join("blobs")).unwrap());
    let fetch = Arc::new(SchemeFetch::with_http(HttpOptions::new()).unwrap());
    let gateway = Gateway::new(fetch, Arc::clone(&blobs), &cache.join("gateway")).unwrap();
    let scratch = folder.join("scratch");
    let parts = SbuildParts::new(Arc::clone(&runner), gateway, user.clone(), scratch.clone()).with_tmpfs(Some(6 << 30));
    let chroot = ChrootId::new(Sha256::of(b"the chroot of the build tests"));
    let bases = Arc::new(KnownBases::new());
    let suite = SuiteName::new("bookworm").unwrap();
    bases.add(suite, architecture.clone(), BuildBase::new(chroot, tarball.clone(), archives()));
    let builder = Arc::new(SbuildBuilder::detect(&cx, parts, Arc::<KnownBases>::clone(&bases)).await.unwrap());
    Place { _folder: temporary, folder, scratch, blobs, runner, user, builder, bases, chroot, tarball, architecture }
}

/// A bookworm buildd chroot, made once.
async fn tarball(cx: &Context, runner: &dyn CommandRunner, cache: &AbsPath) -> AbsPath {
    if let Some(path) = variable("DEBBUILD_TEST_TARBALL") {
        return AbsPath::new(&path).unwrap();
    }
    let (path, draft) = (cache.join("build-tests.tar"), cache.join("build-tests.new.tar"));
    if !path.as_std().exists() {
        let args = ["--variant=buildd", "--mode=unshare", "--include=fakeroot", "bookworm", draft.as_str()];
        let spec = CommandSpec::new("mmdebstrap").with_args(args).with_arg("/etc/apt/sources.list.d/debian.sources");
        runner.output(cx, &spec).await.unwrap();
        fs::rename(&draft, &path).unwrap();
    }
    path
}

/// The host's own archives.
fn archives() -> Vec<AllowedArchive> {
    let text = fs::read_to_string("/etc/apt/sources.list.d/debian.sources").unwrap();
    let uris = paragraphs(&text).map(|paragraph| paragraph.unwrap().get("URIs").unwrap().to_owned());
    let archive =
        |(number, uri): (usize, String)| AllowedArchive::new(format!("host-{number}"), Uri::new(&uri).unwrap());
    uris.enumerate().map(archive).collect()
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
