//! Both formats, and which archives make a suite.

use super::{HostQuery, SourceList, host_archives, vendors};
use crate::{
    acquire::{AcquireError, fetch::Uri, fixture::ArchiveFixture, tests::World},
    error::{Class, Classify as _},
    name::SuiteName,
    sign::{Keyring, MemorySigner, Signer as _},
};

const DEB822: &str = "\
# Comment
Types: deb deb-src
# inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no

Enabled: no
Types: deb
URIs: http://off.example/
Suites: off
Components: main

Types: deb
URIs: https://third.example/apt
Suites: ./
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 AAAA
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: https://third.example/apt
Suites: nodistro
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 AAAA
 -----END PGP PUBLIC KEY BLOCK-----

Types: rpm
URIs: cdrom:x
Suites: x
Components: y
";

#[test]
fn deb822_entries() {
    let list = SourceList::read("debian.sources", DEB822);
    let [debian, third] = list.entries.as_slice() else { panic!("{list:?}") };
    assert!(debian.binary && debian.source && !debian.check_valid_until);
    assert_eq!(debian.place(), "debian.sources:2");
    let suites: Vec<&str> = debian.suites.iter().map(SuiteName::as_str).collect();
    assert_eq!(suites, ["bookworm", "bookworm-updates"]);
    assert_eq!((debian.components.len(), debian.architectures.len()), (2, 1));
    assert_eq!(debian.signed_by.files[0].as_str(), "/usr/share/keyrings/debian-archive-keyring.gpg");
    assert!(third.signed_by.embedded.as_ref().unwrap().contains("AAAA"));
    assert!(!third.source && third.check_valid_until);
    let problems: Vec<String> = list.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].contains("without dists/"), "{problems:?}");
    assert!(problems[2].contains("rpm"), "{problems:?}");
}

#[test]
fn one_line_entries() {
    let text = "\
# deb http://off.example/ off main
deb http://mirror.example/debian bookworm main contrib # trailing
deb-src [ arch=amd64,arm64 signed-by=/a.gpg,0123456789ABCDEF0123456789ABCDEF01234567! trusted=yes ] http://mirror.example/debian/ bookworm main
deb [check-valid-until=no lang=none] file:/srv/apt stable main
deb ftp://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm
deb [arch=amd64 http://mirror.example/debian bookworm main
deb http://mirror.example/flat ./
deb
";
    let list = SourceList::read("/etc/apt/sources.list", text);
    let [first, second, third] = list.entries.as_slice() else { panic!("{list:?}") };
    assert_eq!((first.line, first.components.len(), first.binary), (2, 2, true));
    assert_eq!(second.uris, first.uris);
    assert_eq!((second.architectures.len(), second.signed_by.fingerprints.len(), second.source), (2, 1, true));
    assert_eq!(second.signed_by.files[0].as_str(), "/a.gpg");
    assert!(!third.check_valid_until);
    let lines: Vec<usize> = list.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 5, 6, 7, 8, 8, 9]);
}

#[test]
fn vendors_of_the_host() {
    let text = "Vendor: Derived\nVendor-URL: https://derived.example/\nParent: Debian\n";
    assert_eq!(vendors(text), ["Derived", "Debian"]);
    assert_eq!(vendors(""), Vec::<String>::new());
}

/// Two archives of Debian and one of somebody else, who has a suite of the same name.
async fn host(world: &World) -> SourceList {
    let suites = [
        ("debian", "bookworm", "Debian"),
        ("debian", "bookworm-updates", "Debian"),
        ("debian", "trixie", "Debian"),
        ("debian", "trixie-updates", "Debian"),
        ("security", "bookworm-security", "Debian"),
        ("security", "trixie-security", "Debian"),
        ("other", "bookworm", "Somebody"),
        ("other", "trixie", "Somebody"),
    ];
    for (place, suite, origin) in suites {
        let base = Uri::new(&format!("http://mirror.example/{place}")).unwrap();
        let fixture = ArchiveFixture::new(world.fetch.clone(), base, SuiteName::new(suite).unwrap());
        world.publish(&fixture.with_field("Origin", origin)).await;
    }
    let text = "deb http://mirror.example/debian bookworm main\ndeb-src http://mirror.example/debian bookworm extra\n\
                deb http://mirror.example/security bookworm-security main\ndeb http://mirror.example/other bookworm main\n";
    let list = SourceList::read("sources.list", text);
    assert_eq!(list.problems, []);
    list
}

async fn ask(world: &World, list: &SourceList, suite: &str) -> Result<Vec<String>, AcquireError> {
    let keys = Keyring::Bytes(MemorySigner::new("archive").public_key(&world.cx).await.unwrap());
    let query = HostQuery::new(SuiteName::new(suite).unwrap(), vec!["Debian".to_owned()], keys);
    let found = host_archives(&world.cx, &world.reader, &list.entries, &query).await?;
    assert!(found.passed_over.iter().any(|one| one.reason.contains("Somebody")), "{found:?}");
    Ok(found.archives.iter().map(|archive| format!("{} {}", archive.name, archive.uris[0])).collect())
}

#[tokio::test]
async fn a_suite_is_made_of_its_owners_archives() {
    let world = World::new();
    let list = host(&world).await;
    let expected = |suite: &str| {
        [("", "debian"), ("-updates", "debian"), ("-security", "security")]
            .map(|(ending, place)| format!("{suite}{ending} http://mirror.example/{place}"))
    };
    assert_eq!(ask(&world, &list, "bookworm").await.unwrap(), expected("bookworm"));
    // The host uses bookworm only, but its archives have trixie too.
    assert_eq!(ask(&world, &list, "trixie").await.unwrap(), expected("trixie"));
}

#[tokio::test]
async fn no_archive_is_a_matter_of_configuration_and_a_dead_one_of_infrastructure() {
    let world = World::new();
    let list = host(&world).await;
    let error = ask(&world, &list, "potato").await.unwrap_err();
    assert!(matches!(error, AcquireError::NoHostArchive { .. }), "{error}");
    assert_eq!(error.class(), Class::Config);
    let dead = Uri::new("http://mirror.example/security/dists/bookworm-security/InRelease").unwrap();
    world.fetch.fail_next(dead, crate::acquire::fetch::Fault::Unreachable);
    assert_eq!(ask(&world, &list, "bookworm").await.unwrap_err().class(), Class::Infrastructure);
}

proptest::proptest! {
    #[test]
    fn any_text_gives_entries_that_can_be_used_or_problems(
        words in proptest::collection::vec("(deb|deb-src|Types:|URIs:|Suites:|\\[|\\]|arch=|signed-by=|http://h/|x|#|\n|\n\n| |/a|\\PC{0,4})", 0..40)
    ) {
        for (file, text) in [("a.list", words.join(" ")), ("a.sources", words.concat())] {
            let list = SourceList::read(file, &text);
            let lines = text.lines().count();
            for entry in &list.entries {
                proptest::prop_assert!(!entry.uris.is_empty() && !entry.suites.is_empty() && entry.line <= lines);
                proptest::prop_assert!(entry.uris.iter().all(|uri| Uri::new(uri.as_str()).as_ref() == Ok(uri)));
            }
        }
    }

    #[test]
    fn no_path_leads_out_of_an_archive(path in "[a-z./%+~é]{0,12}") {
        let base = Uri::new("http://mirror.example/debian").unwrap();
        if let Ok(uri) = base.join(&path) {
            let rest = uri.as_str().strip_prefix("http://mirror.example/debian/").unwrap();
            proptest::prop_assert!(!rest.split('/').any(|part| part.is_empty() || part == "." || part == ".."));
            let file = Uri::new("file:/srv").unwrap().join(&path).unwrap().file_path().unwrap();
            proptest::prop_assert_eq!(file.as_str(), format!("/srv/{path}"));
        }
    }
}
