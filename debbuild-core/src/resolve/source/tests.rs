//! Unit tests of the sources of packages: the shared cases for each, and what only some of them can meet.

use std::{io::Write as _, sync::Arc};

use super::*;
use crate::{
    acquire::{
        ArchiveReader, Suite,
        fetch::{MemoryFetch, Uri},
        fixture::ArchiveFixture,
        seen::MemoryLastSeen,
    },
    arch::Architecture,
    blob::MemoryStore,
    clock::{FixedClock, Timestamp},
    deb::fixture::deb,
    error::{Class, Classify as _},
    name::{ComponentName, PoolPath, SuiteName},
    path::AbsPath,
    relation::Relations,
    repo::{AddOptions, Input, InputKind, Repository, StateId, SuiteOptions},
    resolve::{Install, MemorySource, PackageSource as _, Question, conformance},
    sign::{MemorySigner, MemoryVerifier},
};

struct Place {
    _folder: tempfile::TempDir,
    base: AbsPath,
    clock: FixedClock,
    cx: Context,
}

fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let clock = FixedClock::new(Timestamp::from_seconds(1_746_868_565));
    let cx = Context::new().with_clock(Arc::new(clock.clone()));
    Place { _folder: folder, base, clock, cx }
}

impl Place {
    fn write(&self, name: &str, bytes: &[u8]) -> AbsPath {
        let file = self.base.descend(name).unwrap();
        std::fs::create_dir_all(file.parent()).unwrap();
        std::fs::write(&file, bytes).unwrap();
        file
    }
}

fn any() -> Question {
    Question::Install(Install::new(Relations::default()))
}

fn architecture(name: &str) -> Architecture {
    Architecture::new(name).unwrap()
}

/// Name, version and architecture of each package.
fn names(index: &PackageIndex) -> Vec<String> {
    let text = |package: crate::control::BinaryPackage| {
        format!("{} {} {}", package.package, package.version, package.architecture)
    };
    index.packages().map(|package| text(package.unwrap())).collect()
}

const SOURCES: &str = "Package: app\nBinary: app\nVersion: 1\nFormat: 1.0\nArchitecture: any\nBuild-Depends: lib\n\
    Directory: pool\nChecksums-Sha256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 1 app.tar.gz\n";

#[tokio::test]
async fn memory_conforms() {
    conformance::source(&MemorySource::new("memory", &conformance::sample())).await;
    assert_eq!(MemorySource::new("m", "").source_packages(&Context::new()).await.unwrap(), SourcePackages::default());
}

fn packed(text: &[u8]) -> [(&'static str, Vec<u8>); 5] {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text).unwrap();
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz2.write_all(text).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(text).unwrap();
    [
        ("Packages", text.to_vec()),
        ("Packages.gz", gz.finish().unwrap()),
        ("Packages.bz2", bz2.finish().unwrap()),
        ("Packages.xz", xz.finish().unwrap()),
        ("Packages.zst", zstd::encode_all(text, 1).unwrap()),
    ]
}

#[tokio::test]
async fn index_files_conform_however_they_are_compressed() {
    let place = place();
    let sample = conformance::sample();
    conformance::source(&IndexSource::from_bytes("bytes", sample.clone().into())).await;
    for (name, bytes) in packed(sample.as_bytes()) {
        let source = IndexSource::from_file(name, place.write(name, &bytes));
        conformance::source(&source).await;
        conformance::source(&source.clone().with_expected(Sha256::of(&bytes))).await;
        let load = async |source: IndexSource| source.load(&Context::new(), &any()).await;
        let wrong = load(source.clone().with_expected(Sha256::of(b""))).await;
        assert!(matches!(wrong, Err(SourceError::Mismatch { .. })), "{name}");
        conformance::source(&source.clone().with_limit(sample.len() as u64)).await;
        let large = load(source.with_limit(sample.len() as u64 - 1)).await;
        assert!(matches!(large, Err(SourceError::Unpack { .. })), "{name}: {large:?}");
        if name != "Packages" {
            let damaged = IndexSource::from_file(name, place.write(name, &bytes[..bytes.len() - 5]));
            assert!(matches!(load(damaged).await, Err(SourceError::Unpack { .. })), "{name}");
        }
    }
}

#[tokio::test]
async fn a_read_index_is_kept_for_the_next_time() {
    let place = place();
    let cache = IndexCache::new(place.base.join("cache"));
    let kept = || std::fs::read_dir(place.base.join("cache")).map_or(0, Iterator::count);
    // Long, also compressed.
    let digests = (0u32..4000).map(|number| Sha256::of(&number.to_le_bytes()).to_string());
    let sample = format!("{}Description: {}\n", conformance::sample(), digests.collect::<String>());
    for (at, (name, bytes)) in packed(sample.as_bytes()).into_iter().enumerate() {
        let source = IndexSource::from_file(name, place.write(name, &bytes)).with_cache(Some(cache.clone()));
        assert_eq!(kept(), at);
        conformance::source(&source).await;
        assert_eq!(kept(), at + 1, "{name}");
    }
    // What is there is taken in place of what the bytes say: here of something else, so that it shows.
    let other = vec![b'\n'; 100_000];
    cache.store(&PackageIndex::parse("x", sample.clone()), Sha256::of(&other)).unwrap();
    let other = IndexSource::from_bytes("other", other.into()).with_cache(Some(cache.clone()));
    conformance::source(&other).await;
    let before = kept();
    let small = IndexSource::from_bytes("small", conformance::sample().into()).with_cache(Some(cache.clone()));
    conformance::source(&small).await;
    assert_eq!(kept(), before);

    let suite = suite(&place, &[("main/binary-amd64/Packages", sample)], "main", false).await;
    let sources = ArchiveSource::packages_of(&suite, &[architecture("amd64")]);
    let source = sources[0].clone().with_cache(Some(cache));
    conformance::source(&source).await;
    assert!(suite.access().indexes.is_empty(), "the same text was read before, from a file");
    conformance::source(&sources[0]).await;
    assert_eq!(suite.access().indexes.len(), 1);
}

#[tokio::test]
async fn an_index_file_that_is_none_says_so() {
    let place = place();
    let binary = IndexSource::from_bytes("bytes", (&b"Package: \xff\n"[..]).into()).load(&place.cx, &any()).await;
    assert!(matches!(binary, Err(SourceError::Index { .. })));
    let missing = IndexSource::from_file("x", place.base.join("x")).load(&place.cx, &any()).await.unwrap_err();
    assert!(matches!(missing, SourceError::File(_)) && missing.class() == Class::NotFound);
}

#[tokio::test]
async fn a_sources_file_has_source_packages_and_no_others() {
    let place = place();
    let bad = format!("{SOURCES}\nPackage: bad\nVersion: 1\n");
    let source = IndexSource::from_file("s", place.write("Sources", bad.as_bytes()));
    let source = source.of_sources();
    let found = source.source_packages(&place.cx).await.unwrap();
    assert_eq!((found.packages.len(), found.problems.len()), (1, 1), "{found:?}");
    assert!(source.load(&place.cx, &any()).await.unwrap().is_empty());
    let packages = IndexSource::from_bytes("p", conformance::sample().into());
    assert_eq!(packages.source_packages(&place.cx).await.unwrap(), SourcePackages::default());
}

async fn suite(place: &Place, indexes: &[(&str, String)], components: &str, all: bool) -> Suite {
    let fetch = MemoryFetch::new();
    let scratch = place.base.clone();
    let store = Arc::new(MemoryStore::new(scratch.clone()));
    let (verifier, seen) = (Arc::new(MemoryVerifier::new()), Arc::new(MemoryLastSeen::new()));
    let reader = ArchiveReader::new(Arc::new(fetch.clone()), verifier, store, seen, scratch);
    let base = Uri::new("http://mirror.example/debian").unwrap();
    let mut fixture = ArchiveFixture::new(fetch, base, SuiteName::new("bookworm").unwrap());
    fixture = fixture.with_field("Components", components);
    if !all {
        fixture = fixture.with_field("No-Support-for-Architecture-all", "Packages");
    }
    for (path, text) in indexes {
        fixture = fixture.with_index(path, text.clone());
    }
    fixture.publish(&place.cx, Timestamp::from_seconds(1_746_868_000), None).await.unwrap();
    reader.open(&place.cx, &fixture.archive(&place.cx).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_suite_of_an_archive_conforms() {
    let place = place();
    let sample = conformance::sample();
    let suite = suite(&place, &[("main/binary-amd64/Packages", sample)], "main", false).await;
    let sources = ArchiveSource::packages_of(&suite, &[architecture("amd64")]);
    let [source] = &sources[..] else { panic!("{sources:?}") };
    assert_eq!(source.name(), "test/main");
    conformance::source(source).await;
    conformance::source(&source.clone().with_name("other")).await;
    assert!(ArchiveSource::sources_of(&suite).is_empty());
}

#[tokio::test]
async fn a_suite_has_an_index_for_each_component_and_architecture_that_there_is() {
    let place = place();
    let indexes = [
        ("main/binary-amd64/Packages", conformance::sample()),
        ("main/binary-all/Packages", String::new()),
        ("main/source/Sources", SOURCES.to_owned()),
        ("contrib/binary-i386/Packages", conformance::sample()),
    ];
    let suite = suite(&place, &indexes, "main contrib non-free", true).await;
    let names = |architectures: &[&str]| -> Vec<String> {
        let architectures: Vec<Architecture> = architectures.iter().map(|name| architecture(name)).collect();
        ArchiveSource::packages_of(&suite, &architectures).iter().map(|source| source.path()).collect()
    };
    assert_eq!(names(&["amd64"]), ["main/binary-amd64/Packages", "main/binary-all/Packages"]);
    let both = ["main/binary-amd64/Packages", "main/binary-all/Packages", "contrib/binary-i386/Packages"];
    assert_eq!(names(&["amd64", "i386"]), both);
    assert!(names(&["arm64"]).iter().all(|path| path == "main/binary-all/Packages"));

    let [sources] = &ArchiveSource::sources_of(&suite)[..] else { panic!() };
    let found = sources.source_packages(&place.cx).await.unwrap();
    assert_eq!((found.packages[0].source.as_str(), found.problems.len()), ("app", 0));
    assert!(sources.load(&place.cx, &any()).await.unwrap().is_empty());
}

/// The control files of the shared cases.
fn controls() -> Vec<String> {
    let located = ["Filename:", "Size:", "SHA256:"];
    let control = |stanza: &str| -> String {
        let own = stanza.lines().filter(|line| !located.iter().any(|field| line.starts_with(field)));
        own.map(|line| format!("{line}\n")).collect()
    };
    conformance::sample().split("\n\n").map(control).collect()
}

#[tokio::test]
async fn a_folder_of_debs_conforms_and_says_what_each_file_is() {
    let place = place();
    for (at, control) in controls().iter().enumerate() {
        place.write(&format!("debs/{at}/a.deb"), &deb(control));
    }
    let folder = place.base.join("debs");
    let source = DebsSource::from_folder("debs", folder.clone());
    conformance::source(&source).await;
    let index = source.load(&place.cx, &any()).await.unwrap();
    let app = index.packages().next().unwrap().unwrap();
    let (location, bytes) = (app.location.unwrap(), deb(&controls()[0]));
    assert_eq!((location.filename.as_str(), location.size), ("0/a.deb", bytes.len() as u64));
    assert_eq!(location.sha256, Sha256::of(&bytes));
    assert_eq!(app.relations.depends.to_string(), "lib (>= 1)");
    let flat = source.with_recursive(false).load(&place.cx, &any()).await.unwrap();
    assert!(flat.is_empty() && flat.problems().is_empty());
    let missing = DebsSource::from_folder("x", place.base.join("x")).load(&place.cx, &any()).await.unwrap_err();
    assert_eq!(missing.class(), Class::NotFound);
}

#[tokio::test]
async fn named_debs_conform_also_with_a_known_digest() {
    let place = place();
    let known = Sha256::of(b"what the caller says");
    let file = |(at, control): (usize, &String)| {
        let file = place.write(&format!("blobs/{at}"), &deb(control));
        DebFile::new(file, PoolPath::new(&format!("{at}.deb")).unwrap()).with_sha256(known)
    };
    let debs = controls().iter().enumerate().map(file).collect();
    let source = DebsSource::from_files("files", debs, Vec::new());
    conformance::source(&source).await;
    let index = source.load(&place.cx, &any()).await.unwrap();
    let location = index.packages().next().unwrap().unwrap().location.unwrap();
    assert_eq!((location.filename.as_str(), location.sha256), ("0.deb", known));
}

#[tokio::test]
async fn files_that_are_no_packages_are_problems_and_cost_no_other_package() {
    let place = place();
    let good = deb(&controls()[1]);
    place.write("debs/lib.deb", &good);
    place.write("debs/short.deb", &good[..good.len() / 3]);
    place.write("debs/text.deb", b"no package");
    place.write("debs/nameless.deb", &deb("Package: x\nVersion: 1\n"));
    place.write("debs/two words.deb", &good);
    place.write("debs/notes.txt", b"not looked at");
    place.write("debs/bad.dsc", b"Format: 1.0\n");
    std::os::unix::fs::symlink("nowhere", place.base.join("debs/gone.deb")).unwrap();
    std::os::unix::fs::symlink(place.base.join("debs"), place.base.join("debs/again")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", place.base.join("debs/zero.deb")).unwrap();
    let dsc = SOURCES.replace("Package:", "Source:").replace("Directory: pool\n", "");
    place.write("debs/app.dsc", dsc.as_bytes());

    let source = DebsSource::from_folder("debs", place.base.join("debs"));
    let index = source.load(&place.cx, &any()).await.unwrap();
    assert_eq!(names(&index), ["lib 1 amd64"]);
    let mut subjects: Vec<_> = index.problems().iter().filter_map(|problem| problem.subject.as_deref()).collect();
    subjects.sort_unstable();
    let expected = ["gone.deb", "nameless.deb", "short.deb", "text.deb", "two words.deb", "zero.deb"];
    assert_eq!(subjects, expected, "{:?}", index.problems());
    let sources = source.source_packages(&place.cx).await.unwrap();
    assert_eq!((sources.packages.len(), sources.problems.len()), (1, 1), "{sources:?}");
}

async fn repository(place: &Place) -> (Repository, SuiteName) {
    let suite = SuiteName::new("stable").unwrap();
    let options = SuiteOptions::new(suite.clone(), vec![architecture("amd64"), architecture("arm64")]);
    let repository = Repository::init(&place.cx, place.base.join("repo"), options).await.unwrap();
    (repository, suite)
}

async fn add(place: &Place, repository: &Repository, suite: &SuiteName, control: String) {
    // With its control data given, nobody looks inside.
    let file = place.write(&Sha256::of(control.as_bytes()).to_string(), control.as_bytes());
    let input = Input::new(InputKind::Binary, file).with_control(control);
    let options = AddOptions::new(ComponentName::new("main").unwrap()).with_contents(false);
    repository.add_with(&place.cx, suite, vec![input], &options).await.unwrap();
}

async fn publish(place: &Place, repository: &Repository, suite: &SuiteName) -> StateId {
    place.clock.advance(std::time::Duration::from_secs(60));
    repository.publish(&place.cx, suite, &MemorySigner::new("archive")).await.unwrap().id()
}

#[tokio::test]
async fn states_of_a_repository_conform_without_its_pool() {
    let place = place();
    let (repository, suite) = repository(&place).await;
    let source = RepositorySource::new(repository.clone(), suite.clone());
    let unpublished = source.load(&place.cx, &any()).await.unwrap_err();
    assert_eq!(unpublished.class(), Class::NotFound);
    for control in controls() {
        add(&place, &repository, &suite, control).await;
    }
    conformance::source(&source.clone().with_state(RepositoryState::Staged)).await;
    let first = publish(&place, &repository, &suite).await;
    let at = place.cx.now();
    std::fs::remove_dir_all(place.base.join("repo/pool")).unwrap();
    conformance::source(&source).await;

    let arm = "Package: app\nVersion: 2\nArchitecture: arm64\n".to_owned();
    add(&place, &repository, &suite, arm).await;
    publish(&place, &repository, &suite).await;
    let load = async |source: RepositorySource| names(&source.load(&place.cx, &any()).await.unwrap());
    assert_eq!(load(source.clone()).await, ["app 1 amd64", "app 2 arm64", "lib 1 amd64"]);
    assert_eq!(load(source.clone().with_architectures(vec![architecture("arm64")])).await, ["app 2 arm64"]);
    for state in [RepositoryState::Number(first), RepositoryState::At(at)] {
        conformance::source(&source.clone().with_state(state)).await;
    }
    let early = RepositoryState::At(Timestamp::from_seconds(0));
    for state in [RepositoryState::Number(StateId::new(9)), early] {
        let missing = source.clone().with_state(state).load(&place.cx, &any()).await.unwrap_err();
        assert_eq!(missing.class(), Class::NotFound, "{state}: {missing}");
    }
    let other = RepositorySource::new(repository, SuiteName::new("other").unwrap());
    assert_eq!(other.load(&place.cx, &any()).await.unwrap_err().class(), Class::NotFound);
}

#[tokio::test]
async fn a_state_from_the_records_is_what_was_published() {
    let place = place();
    let (repository, suite) = repository(&place).await;
    for control in controls() {
        add(&place, &repository, &suite, format!("{control}Section: misc\nDescription: short\n and long\n")).await;
    }
    place.write("src/app.tar.gz", b"");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let dsc = SOURCES
        .replace("Package:", "Source:")
        .replace("Directory: pool\n", "")
        .replace(&format!("{empty} 1"), &format!("{empty} 0"));
    let input = Input::by_name(place.write("src/app_1.dsc", dsc.as_bytes())).unwrap();
    let options = AddOptions::new(ComponentName::new("main").unwrap()).with_contents(false);
    repository.add_with(&place.cx, &suite, vec![input], &options).await.unwrap();
    publish(&place, &repository, &suite).await;

    let published = async |path: &str| {
        let (packed, cancel) = (std::fs::read(place.base.descend(path).unwrap()).unwrap(), place.cx.cancel());
        let bytes = crate::acquire::decompress(path, &packed, LARGEST_INDEX, cancel).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let source = RepositorySource::new(repository.clone(), suite.clone());
    let theirs = PackageIndex::parse("stable", published("repo/dists/stable/main/binary-amd64/Packages.zst").await);
    let ours = source.load(&place.cx, &any()).await.unwrap();
    let all = |index: &PackageIndex| index.packages().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(all(&ours), all(&theirs));
    let theirs = SourcePackages::parse(&published("repo/dists/stable/main/source/Sources.zst").await);
    assert_eq!(source.source_packages(&place.cx).await.unwrap(), theirs);
    assert_eq!(theirs.packages.len(), 1);
}

#[test]
fn states_are_read_as_they_are_written() {
    for text in ["current", "staged", "17", "20250510T091605Z"] {
        assert_eq!(text.parse::<RepositoryState>().unwrap().to_string(), text);
    }
    assert_eq!("2025-05-10T09:16:05Z".parse::<RepositoryState>().unwrap().to_string(), "20250510T091605Z");
    for text in ["", "now", "-", "2025-05"] {
        assert!(text.parse::<RepositoryState>().is_err(), "{text}");
    }
}
