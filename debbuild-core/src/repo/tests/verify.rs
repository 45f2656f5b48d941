//! Damage of every kind: each fault is named once, with its path, by what looks at it.

use std::fs;

use super::*;

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Flip,
    Gone,
    Longer,
}

impl Place {
    fn file(&self, below: &str) -> AbsPath {
        self.base.join("repo").descend(below).unwrap()
    }

    /// Harms a file, as a new one, as copies by hash are links; gives what it was.
    fn harm(&self, below: &str, harm: Harm) -> Vec<u8> {
        let path = self.file(below);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        fs::remove_file(&path).unwrap();
        match harm {
            Harm::Gone => return good,
            Harm::Flip => bad[good.len() / 2] ^= 1,
            Harm::Longer => bad.push(b'\n'),
        }
        fs::write(&path, &bad).unwrap();
        good
    }

    fn heal(&self, below: &str, good: Vec<u8>) {
        let path = self.file(below);
        fs::remove_file(&path).ok();
        fs::create_dir_all(path.parent()).unwrap();
        fs::write(path, good).unwrap();
    }

    async fn report(&self, repository: &Repository, suite: &SuiteName) -> Report {
        let keys = Keyring::Bytes(self.signer.public_key(&self.cx).await.unwrap());
        repository.verify(&self.cx, suite, Some((&MemoryVerifier::new(), &keys))).await.unwrap()
    }

    /// A suite with everything that a suite can have, in its second state, and a suite of debug symbols beside it.
    async fn everything(&self) -> (Repository, State, State) {
        let debug = SuiteName::new("stable-debug").unwrap();
        let options = options().with_translations(true).with_contents(true).with_debug_suite(debug.clone());
        let repository = Repository::init(&self.cx, self.base.join("repo"), options).await.unwrap();
        let other = SuiteOptions::new(debug.clone(), vec![Architecture::new("amd64").unwrap()]);
        Repository::init(&self.cx, repository.dir().clone(), other).await.unwrap();
        let with = |input: Input, more: &str| {
            let control = input.control.clone().map(|text| format!("{text}{more}"));
            Input { control, ..input }
        };
        let inputs = vec![
            with(self.package("hello", "1.0", "amd64", "one"), ""),
            with(self.package("hello-doc", "1.0", "all", "doc"), "Source: hello\n"),
            with(self.package("hello-udeb", "1.0", "amd64", "udeb"), "Source: hello\nPackage-Type: udeb\n"),
            with(
                self.package("hello-dbgsym", "1.0", "amd64", "symbols"),
                "Source: hello\nAuto-Built-Package: debug-symbols\n",
            ),
            self.source("hello"),
        ];
        self.add(&repository, inputs).await.unwrap();
        let first = self.publish(&repository).await;
        self.add(&repository, vec![with(self.package("new", "1.0", "amd64", "new"), "Source: hello\n")]).await.unwrap();
        let second = self.publish(&repository).await;
        repository.publish(&self.cx, &debug, &self.signer).await.unwrap();
        (repository, first, second)
    }
}

/// The path of the copy by hash of an index.
fn copy(state: &State, below: &str) -> String {
    let index = state.indexes.iter().find(|index| index.path.as_str() == below).unwrap();
    format!("dists/{}/{}", state.options.suite, by_hash(&index.path, index.sha256).unwrap())
}

fn paths(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.path.as_str()).collect()
}

#[tokio::test]
async fn each_fault_of_a_published_suite_is_named_once_with_its_path() {
    let place = place();
    let (repository, first, second) = place.everything().await;
    let good = place.report(&repository, &stable()).await;
    assert!(good.is_good() && good.notes.is_empty(), "{good:?}");
    let installer = "main/debian-installer/binary-amd64/Packages.zst";
    let indexes = [
        "main/binary-amd64/Packages",
        "main/binary-arm64/Packages.gz",
        "main/source/Sources.zst",
        "main/Contents-amd64.xz",
        "main/i18n/Translation-en.zst",
        installer,
    ];
    let mut faults = vec![
        ("dists/stable/InRelease".to_owned(), Harm::Flip),
        ("dists/stable/InRelease".to_owned(), Harm::Gone),
        ("dists/stable/Release".to_owned(), Harm::Flip),
        ("dists/stable/Release".to_owned(), Harm::Gone),
        ("dists/stable/Release.gpg".to_owned(), Harm::Flip),
        ("dists/stable/Release.gpg".to_owned(), Harm::Gone),
        ("pool/main/h/hello/hello_1.0_amd64.deb".to_owned(), Harm::Flip),
        ("pool/main/h/hello/hello_1.0_amd64.deb".to_owned(), Harm::Gone),
        ("pool/main/h/hello/hello_1.0_amd64.deb".to_owned(), Harm::Longer),
        ("pool/main/h/hello/hello-doc_1.0_all.deb".to_owned(), Harm::Gone),
        ("pool/main/h/hello/hello-udeb_1.0_amd64.udeb".to_owned(), Harm::Flip),
        ("pool/main/h/hello/hello_1.0.tar.xz".to_owned(), Harm::Gone),
        ("pool/main/h/hello/hello_1.0.dsc".to_owned(), Harm::Longer),
        // A copy that only a client with the Release before asks for.
        (copy(&first, "main/binary-amd64/Packages.xz"), Harm::Gone),
        (copy(&first, "main/binary-amd64/Packages.zst"), Harm::Flip),
    ];
    for index in indexes {
        for harm in [Harm::Flip, Harm::Gone] {
            faults.push((format!("dists/stable/{index}"), harm));
            faults.push((copy(&second, index), harm));
        }
    }
    for (below, harm) in &faults {
        let good = place.harm(below, *harm);
        let report = place.report(&repository, &stable()).await;
        assert_eq!(paths(&report.findings), [below.as_str()], "{harm:?}: {report:?}");
        assert_eq!((report.class(), report.notes.len()), (Some(Class::Verification), 0));
        // The records name the same; only who signs can mend the signed files.
        let damaged = repository.damaged(&place.cx, &stable()).await.unwrap();
        let named: Vec<&str> = damaged.iter().map(|file| file.path.as_str()).collect();
        let is_signed = below.contains("Release");
        assert_eq!(named, if is_signed { vec![] } else { vec![below.as_str()] }, "{harm:?}");
        let check = repository.check(&place.cx, &stable()).await.unwrap();
        assert_eq!(check.is_good(), !below.starts_with("pool"), "{check:?}");
        place.heal(below, good);
    }
    assert!(place.report(&repository, &stable()).await.is_good());
    place.clock.advance(Duration::from_secs(8 * 86_400));
    assert!(place.report(&repository, &stable()).await.findings[0].problem.contains("Valid-Until"));
}

#[tokio::test]
async fn a_suite_of_debug_symbols_and_one_of_an_earlier_state_are_seen_through() {
    let place = place();
    let (repository, ..) = place.everything().await;
    let debug = SuiteName::new("stable-debug").unwrap();
    let good = place.report(&repository, &debug).await;
    assert!(good.is_good() && good.notes.is_empty(), "{good:?}");
    let below = "pool/main/h/hello/hello-dbgsym_1.0_amd64.deb";
    let bytes = place.harm(below, Harm::Flip);
    assert_eq!(paths(&place.report(&repository, &debug).await.findings), [below]);
    assert!(place.report(&repository, &stable()).await.is_good(), "it is none of the other suite's");
    place.heal(below, bytes);

    // Everything of an earlier state, well signed, in the place of the current one.
    let tree = |number: &str| place.file(&format!(".debbuild/trees/stable/{number}"));
    fs::rename(tree("2"), tree("away")).unwrap();
    fs::rename(tree("1"), tree("2")).unwrap();
    let report = place.report(&repository, &stable()).await;
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!((finding.path.as_str(), &*finding.problem), ("dists/stable/InRelease", "it is not the one of state 2"));
}

#[tokio::test]
async fn what_lies_in_another_place_is_checked_without_its_repository() {
    let place = place();
    let (repository, ..) = place.everything().await;
    let keys = Keyring::Bytes(place.signer.public_key(&place.cx).await.unwrap());
    let other = Keyring::Bytes(MemorySigner::new("other").public_key(&place.cx).await.unwrap());
    let lost = PoolPath::new("pool/main/h/hello/hello_1.0.tar.xz").unwrap();
    let places: Vec<Box<dyn PublishTarget>> = vec![
        Box::new(FolderTarget::new(place.base.join("copy"))),
        Box::new(MemoryTarget::new()),
        #[cfg(feature = "s3")]
        Box::new(S3Target::in_memory()),
    ];
    for target in places {
        repository.publish_to(&place.cx, &stable(), &*target, "there").await.unwrap();
        let options = VerifyOptions::new();
        let check = async |keys: &Keyring, options: &VerifyOptions| {
            let keys = Some((&MemoryVerifier::new() as &dyn crate::sign::Verifier, keys));
            verify_published(&place.cx, &*target, &stable(), keys, options).await.unwrap()
        };
        let report = check(&keys, &options).await;
        assert!(report.is_good() && report.notes.is_empty() && report.files > 30, "{report:?}");
        assert_eq!(
            paths(&check(&other, &options).await.findings),
            ["dists/stable/InRelease", "dists/stable/Release.gpg"]
        );
        target.remove(&place.cx, std::slice::from_ref(&lost)).await.unwrap();
        assert_eq!(paths(&check(&keys, &options).await.findings), [lost.as_str()]);
        assert!(check(&keys, &options.with_indexes_only(true)).await.is_good());
    }
}

#[tokio::test]
async fn indexes_are_made_again_from_the_records_and_put_back() {
    let place = place();
    let (repository, first, second) = place.everything().await;
    let release = place.read("dists/stable/InRelease");
    let earlier = copy(&first, "main/binary-amd64/Packages.gz");
    let mut harmed = vec![earlier.clone()];
    for index in ["main/binary-amd64/Packages.xz", "main/Contents-amd64.gz", "main/i18n/Translation-en"] {
        harmed.extend([format!("dists/stable/{index}"), copy(&second, index)]);
    }
    for (below, harm) in harmed.iter().zip([Harm::Flip, Harm::Gone].into_iter().cycle()) {
        place.harm(below, harm);
    }
    fs::remove_dir_all(place.file("dists/stable/main/source/by-hash")).unwrap();
    let bad = repository.damaged(&place.cx, &stable()).await.unwrap();
    assert!(bad.len() > harmed.len(), "{bad:?}");
    let done = repository.remake_indexes(&place.cx, &stable(), &bad).await.unwrap();
    assert_eq!(done.len(), bad.len() - 1, "{done:?}");
    let report = place.report(&repository, &stable()).await;
    assert_eq!(paths(&report.findings), [earlier.as_str()], "only what is of another state is still lost: {report:?}");
    assert_eq!(place.read("dists/stable/InRelease"), release, "the same state");
    // The next state is made from what was put back.
    place.publish(&repository).await;
    assert!(place.report(&repository, &stable()).await.is_good());
}
