//! Unit tests of repositories: staging, states, refusals, interruptions, on folder and memory targets, with the twins of signing.

mod indexes;
mod pdiff;
mod retain;
mod verify;

use std::{sync::Arc, time::Duration};

use super::{tree::by_hash, *};
use crate::{
    arch::Architecture,
    clock::{FixedClock, Timestamp},
    name::{ComponentName, PackageName},
    sign::{Fingerprint, Keyring, MemorySigner, MemoryVerifier, Signer},
};

struct Place {
    _folder: tempfile::TempDir,
    base: AbsPath,
    clock: FixedClock,
    cx: Context,
    signer: MemorySigner,
}

fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let clock = FixedClock::new(Timestamp::from_seconds(1_746_868_565));
    let cx = Context::new().with_clock(Arc::new(clock.clone()));
    Place { _folder: folder, base, clock, cx, signer: MemorySigner::new("archive") }
}

fn stable() -> SuiteName {
    SuiteName::new("stable").unwrap()
}

fn main_component() -> ComponentName {
    ComponentName::new("main").unwrap()
}

fn options() -> SuiteOptions {
    SuiteOptions::new(stable(), vec![Architecture::new("amd64").unwrap(), Architecture::new("arm64").unwrap()])
        .with_formats(vec![IndexFormat::Plain, IndexFormat::Gzip, IndexFormat::Xz, IndexFormat::Zstd])
        .with_translations(false)
}

impl Place {
    async fn repository(&self) -> Repository {
        Repository::init(&self.cx, self.base.join("repo"), options()).await.unwrap()
    }

    /// A file that calls itself a package: with its control data given, nobody looks inside.
    fn package(&self, name: &str, version: &str, architecture: &str, content: &str) -> Input {
        // In the pool it is called as its control data say.
        let file = self.base.child(&Sha256::of(format!("{name} {version} {content}").as_bytes()).to_string()).unwrap();
        std::fs::write(&file, content).unwrap();
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: A <a@example.org>\n\
             Description: a package\n with\n  a long\n .\n description\n"
        );
        Input::new(InputKind::Binary, file).with_control(control)
    }

    fn source(&self, name: &str) -> Input {
        let folder = self.base.child(&format!("{name}-src")).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let tar = format!("{name}_1.0.tar.xz");
        std::fs::write(folder.child(&tar).unwrap(), "tar").unwrap();
        let dsc = format!(
            "Format: 3.0 (native)\nSource: {name}\nBinary: {name}\nArchitecture: any\nVersion: 1.0\n\
             Maintainer: A <a@example.org>\nChecksums-Sha256:\n {} 3 {tar}\nFiles:\n 4d8f1d6f9c1b4bfb8f0d3f8a0d3f8a0d 3 {tar}\n",
            Sha256::of(b"tar")
        );
        let file = folder.child(&format!("{name}_1.0.dsc")).unwrap();
        std::fs::write(&file, dsc).unwrap();
        Input::by_name(file).unwrap()
    }

    async fn add(&self, repository: &Repository, inputs: Vec<Input>) -> Result<Vec<Entry>, RepoError> {
        repository.add(&self.cx, &stable(), &main_component(), inputs, Placing::Copy).await
    }

    async fn publish(&self, repository: &Repository) -> State {
        self.clock.advance(Duration::from_secs(60));
        repository.publish(&self.cx, &stable(), &self.signer).await.unwrap()
    }

    fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.base.join("repo").descend(below).unwrap()).unwrap()
    }

    async fn verify(&self, repository: &Repository) -> Report {
        let keys = Keyring::Bytes(self.signer.public_key(&self.cx).await.unwrap());
        let verifier = MemoryVerifier::new();
        repository.verify(&self.cx, &stable(), Some((&verifier, &keys))).await.unwrap()
    }
}

#[tokio::test]
async fn a_published_suite_is_whole_and_says_what_was_staged() {
    let place = place();
    let repository = place.repository().await;
    let inputs = vec![
        place.package("libhello", "1:1.0-1", "amd64", "one"),
        place.package("hello-data", "1.0-1", "all", "two"),
        place.package("hello", "1.0-1", "arm64", "three"),
        place.source("hello"),
    ];
    place.add(&repository, inputs).await.unwrap();
    assert!(!place.base.join("repo/dists").as_std().exists(), "staged packages are not published");
    let state = place.publish(&repository).await;
    assert_eq!((state.number, state.content.packages), (1, 4));

    let amd64 = place.read("dists/stable/main/binary-amd64/Packages");
    let names: Vec<&str> = amd64.lines().filter_map(|line| line.strip_prefix("Package: ")).collect();
    assert_eq!(names, ["hello-data", "libhello"], "sorted, with the packages for all architectures");
    assert!(amd64.contains("Description: a package\n with\n  a long\n .\n description\n"), "{amd64}");
    assert!(amd64.contains("Filename: pool/main/libh/libhello/libhello_1.0-1_amd64.deb\nSize: 3\n"), "{amd64}");
    assert_eq!(place.read("pool/main/libh/libhello/libhello_1.0-1_amd64.deb"), "one");
    let sources = place.read("dists/stable/main/source/Sources");
    assert!(sources.starts_with("Package: hello\n"), "{sources}");
    assert!(sources.contains("Directory: pool/main/h/hello\n"), "{sources}");
    assert_eq!(sources.matches(" hello_1.0.dsc\n").count(), 2, "each list has the .dsc: {sources}");

    let report = place.verify(&repository).await;
    assert!(report.is_good(), "{report:?}");
    let check = repository.check(&place.cx, &stable()).await.unwrap();
    assert!(check.is_good() && check.files == 5, "{check:?}");
    let release = place.read("dists/stable/Release");
    assert!(release.contains("\nDate: Sat, 10 May 2025 09:17:05 UTC\nValid-Until: Sat, 17 May 2025 09:17:05 UTC\n"));
    assert!(release.contains("\nAcquire-By-Hash: yes\nArchitectures: amd64 arm64\nComponents: main\n"), "{release}");
}

#[tokio::test]
async fn the_same_input_and_clock_give_the_same_bytes() {
    let mut releases = Vec::new();
    for reverse in [false, true] {
        let place = place();
        let repository = place.repository().await;
        let mut inputs =
            vec![place.package("b", "1", "amd64", "b"), place.package("a0", "2", "all", "a"), place.source("c0")];
        inputs[0].control = inputs[0].control.take().map(|text| text.replace("Package: b", "Package: b0"));
        if reverse {
            inputs.reverse();
        }
        place.add(&repository, inputs).await.unwrap();
        place.publish(&repository).await;
        releases.push((place.read("dists/stable/InRelease"), place.read("dists/stable/Release.gpg")));
    }
    assert_eq!(releases[0], releases[1]);
}

#[tokio::test]
async fn one_name_has_one_content_for_ever() {
    let place = place();
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("hello", "1", "amd64", "one")]).await.unwrap();
    let again = place.add(&repository, vec![place.package("hello", "1", "amd64", "one")]).await.unwrap();
    assert_eq!(again.len(), 1, "the same package again is no conflict");
    let before = repository.list(&place.cx, &stable(), None).await.unwrap();
    let batch = vec![place.package("other", "1", "amd64", "x"), place.package("hello", "1", "amd64", "two")];
    let error = place.add(&repository, batch).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
    assert_eq!(repository.list(&place.cx, &stable(), None).await.unwrap(), before);
    assert!(!place.base.join("repo/pool/main/o").as_std().exists(), "nothing of a refused batch is placed");
    // Also after it was removed and the removal published: somebody may have fetched it.
    let wanted = vec![Wanted::new(PackageName::new("hello").unwrap())];
    repository.remove(&place.cx, &stable(), wanted.clone()).await.unwrap();
    place.publish(&repository).await;
    let error = place.add(&repository, vec![place.package("hello", "1", "amd64", "two")]).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
    let error = repository.remove(&place.cx, &stable(), wanted).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
}

#[tokio::test]
async fn bad_input_changes_nothing_and_has_its_class() {
    let place = place();
    let repository = place.repository().await;
    let wrong = place.package("hello", "1", "amd64", "one").with_sha256(Sha256::of(b"other"));
    let no_deb = Input { control: None, ..place.package("hello", "1", "amd64", "no deb") };
    let other = place.package("hello", "1", "amd64", "tdeb");
    let other = Input { control: other.control.map(|text| format!("{text}Package-Type: tdeb\n")), ..other };
    let source = place.source("gone");
    std::fs::remove_file(place.base.join("gone-src/gone_1.0.tar.xz")).unwrap();
    let changed = place.source("changed");
    std::fs::write(place.base.join("changed-src/changed_1.0.tar.xz"), "rat").unwrap();
    for (input, class) in [
        (wrong, Class::Verification),
        (no_deb, Class::Source),
        (other, Class::Source),
        (source, Class::Source),
        (changed, Class::Verification),
        (place.package("hello", "1", "riscv64", "one"), Class::Usage),
        (place.package("hello", "1/../x", "amd64", "one"), Class::Source),
    ] {
        let error =
            place.add(&repository, vec![place.package("ok", "1", "all", "ok"), input.clone()]).await.unwrap_err();
        assert_eq!(error.class(), class, "{input:?}: {error}");
    }
    let (other, source) = (ComponentName::new("contrib").unwrap(), vec![place.source("x0")]);
    let error = repository.add(&place.cx, &stable(), &other, source, Placing::Copy).await.unwrap_err();
    assert_eq!(error.class(), Class::Usage, "{error}");
    assert!(repository.list(&place.cx, &stable(), None).await.unwrap().is_empty());
    assert!(!place.base.join("repo/pool").as_std().exists());
}

#[tokio::test]
async fn states_differ_and_can_be_gone_back_to() {
    let place = place();
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("hello", "1", "amd64", "one")]).await.unwrap();
    let first = place.publish(&repository).await;
    place.add(&repository, vec![place.package("hello", "2", "amd64", "two")]).await.unwrap();
    let only_first = Wanted::new(PackageName::new("hello").unwrap()).with_version("1".parse().unwrap());
    repository.remove(&place.cx, &stable(), vec![only_first]).await.unwrap();
    let second = place.publish(&repository).await;
    let diff = repository.diff(&place.cx, &stable(), Some(first.id()), Some(second.id())).await.unwrap();
    let [change] = &diff.changes[..] else { panic!("{diff:?}") };
    assert_eq!((change.removed[0].as_str(), change.added[0].as_str()), ("1", "2"));

    let back = repository.switch(&place.cx, &stable(), first.id(), &place.signer).await.unwrap();
    assert_eq!((back.number, back.switched_to), (3, Some(1)));
    assert!(back.date > second.date, "clients take only what is newer");
    assert_eq!(back.content, first.content);
    let list = async |state| repository.list(&place.cx, &stable(), state).await.unwrap();
    assert_eq!(list(None).await, list(Some(first.id())).await);
    let numbers: Vec<i64> =
        repository.states(&place.cx, &stable()).await.unwrap().iter().map(|state| state.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(place.verify(&repository).await.is_good());
    let error = repository.switch(&place.cx, &stable(), StateId::new(9), &place.signer).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
}

#[tokio::test]
async fn earlier_indexes_stay_reachable_by_hash_for_three_generations_and_an_hour() {
    let place = place();
    let repository = place.repository().await;
    let mut states = Vec::new();
    let reachable = |state: &State| {
        state.indexes.iter().filter(|index| index.stored).all(|index| {
            let below = by_hash(&index.path, index.sha256).unwrap();
            place.base.join("repo/dists/stable").descend(below.as_str()).unwrap().as_std().exists()
        })
    };
    for version in 1..=4 {
        let version = version.to_string();
        place.add(&repository, vec![place.package("hello", &version, "amd64", &version)]).await.unwrap();
        states.push(place.publish(&repository).await);
    }
    assert!(states.iter().all(reachable), "all were current within the hour");
    place.clock.advance(Duration::from_secs(7200));
    place.add(&repository, vec![place.package("hello", "5", "amd64", "5")]).await.unwrap();
    states.push(place.publish(&repository).await);
    let kept: Vec<bool> = states.iter().map(reachable).collect();
    // The fourth was current until a moment ago; the third is the third generation.
    assert_eq!(kept, [false, false, true, true, true]);
    assert!(place.verify(&repository).await.is_good());
}

#[tokio::test]
async fn suites_do_not_take_each_others_place_or_a_strangers() {
    let place = place();
    let repository = place.repository().await;
    let nested = SuiteName::new("stable/updates").unwrap();
    let nested = SuiteOptions::new(nested, vec![Architecture::new("amd64").unwrap()]);
    let error = Repository::init(&place.cx, repository.dir().clone(), nested).await.unwrap_err();
    assert!(matches!(error, RepoError::Nested(..)), "{error}");
    let other = SuiteName::new("other").unwrap();
    std::fs::create_dir_all(place.base.join("repo/dists/other")).unwrap();
    let other = SuiteOptions::new(other, vec![Architecture::new("amd64").unwrap()]);
    let error = Repository::init(&place.cx, repository.dir().clone(), other).await.unwrap_err();
    assert!(matches!(error, RepoError::Foreign(_)), "{error}");
    let error = Repository::open(&place.cx, place.base.join("nothing")).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    let bad = options().with_description("two\nlines");
    let error = Repository::init(&place.cx, place.base.join("bad"), bad).await.unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(!place.base.join("bad").as_std().exists(), "bad input changes nothing");
}

#[tokio::test]
async fn replacing_stages_exactly_what_is_given() {
    let place = place();
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("old", "1", "amd64", "one"), place.source("hello")]).await.unwrap();
    let inputs = vec![(main_component(), place.package("new", "1", "amd64", "two"))];
    repository.replace(&place.cx, &stable(), inputs, Placing::Link).await.unwrap();
    let names: Vec<String> =
        repository.list(&place.cx, &stable(), None).await.unwrap().iter().map(Entry::key).collect();
    assert_eq!(names, ["new 1 amd64"]);
}

/// Signs another text than it was given.
#[derive(Debug)]
struct Liar(MemorySigner);

#[async_trait]
impl Signer for Liar {
    async fn public_key(&self, cx: &Context) -> Result<Vec<u8>, SignError> {
        self.0.public_key(cx).await
    }

    async fn fingerprints(&self, cx: &Context) -> Result<Vec<Fingerprint>, SignError> {
        self.0.fingerprints(cx).await
    }

    async fn clear_sign(&self, cx: &Context, _: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.clear_sign(cx, b"Origin: other\n").await
    }

    async fn detach_sign(&self, cx: &Context, data: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.detach_sign(cx, data).await
    }
}

#[tokio::test]
async fn a_signer_that_fails_or_signs_something_else_changes_nothing_for_readers() {
    let place = place();
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("hello", "1", "amd64", "one")]).await.unwrap();
    let first = place.publish(&repository).await;
    place.add(&repository, vec![place.package("hello", "2", "amd64", "two")]).await.unwrap();
    let liar = Liar(MemorySigner::new("archive"));
    let error = repository.publish(&place.cx, &stable(), &liar).await.unwrap_err();
    assert_eq!(error.class(), Class::Infrastructure, "{error}");
    assert_eq!(repository.current(&place.cx, &stable()).await.unwrap(), first);
    assert!(place.verify(&repository).await.is_good());
    assert_eq!(place.publish(&repository).await.number, 2);
}

#[tokio::test]
async fn the_key_is_exported_in_both_forms() {
    let place = place();
    let repository = place.repository().await;
    let key = repository.export_key(&place.cx, &stable(), "http://mirror.example/x", &place.signer).await.unwrap();
    let head = "Types: deb deb-src\nURIs: http://mirror.example/x\nSuites: stable\nComponents: main\n";
    assert!(key.sources.starts_with(head), "{}", key.sources);
    assert!(key.sources.contains("\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n"), "{}", key.sources);
    assert_eq!(crate::sign::armor::dearmor(key.sources.as_bytes()).unwrap(), key.keyring);
    let error = repository.export_key(&place.cx, &stable(), "a b", &place.signer).await.unwrap_err();
    assert_eq!(error.class(), Class::Usage);
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn targets_conform() {
    type Make = fn(&Place) -> Box<dyn PublishTarget>;
    let makes: &[Make] = &[
        |place| Box::new(FolderTarget::new(place.base.join("repo"))),
        |_| Box::new(MemoryTarget::new()),
        #[cfg(feature = "s3")]
        |_| Box::new(S3Target::in_memory()),
    ];
    for make in makes {
        let place = place();
        let target = make(&place);
        conformance::all(&*target, &place.base.join("scratch")).await;
    }
}
