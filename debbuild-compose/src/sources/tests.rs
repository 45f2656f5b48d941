//! Which archives become sources, and as what.

use debbuild_core::{arch::Architecture, clock::Timestamp, lock::LockKind, lock::LockedFile};

use super::*;

const BLUEPRINT: &str = "[compose]\nshort = 'T'\nversion = '1'
[archives.debian]\nhost = true\nsuite = 'bookworm'\ncomponents = ['main', 'contrib']
[archives.ours]\nrepository = 'ours'\nsuite = 'ours'\nexpires = false
[variants.base.container]";

fn sources(extra: &str) -> SystemSources {
    let text = BLUEPRINT.replace("expires = false", &format!("expires = false\n{extra}"));
    let blueprint = Blueprint::parse("/b.toml", &text, &mut |_, _| Err(String::new())).unwrap();
    let at = Timestamp::from_seconds(1_700_000_000);
    let mut lock = LockFile::new(LockKind::Compose, Architecture::new("amd64").unwrap(), at);
    let archives = [
        ("debian:bookworm", "bookworm", "http://mirror.example/debian", "k"),
        ("debian:bookworm-updates", "bookworm-updates", "http://mirror.example/debian", "k"),
        ("debian:bookworm-security", "bookworm-security", "https://mirror.example/security", "other"),
        ("ours", "ours", "file:///srv/ours", "ours"),
    ];
    for (name, suite, uri, key) in archives {
        let release = LockedFile { path: "InRelease".to_owned(), size: 1, sha256: Sha256::of(b"r") };
        let mut access = ArchiveAccess::new(name, suite, release, at, Sha256::of(key.as_bytes()));
        access.uris = vec![uri.to_owned()];
        lock.archives.push(access);
    }
    SystemSources::new(&blueprint, &lock)
}

#[test]
fn archives_that_others_reach_become_sources_with_their_keyrings() {
    let sources = sources("");
    let text = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\n\
                Signed-By: /etc/apt/keyrings/debian.gpg\n\n\
                Types: deb\nURIs: https://mirror.example/security\nSuites: bookworm-security\nComponents: main contrib\n\
                Signed-By: /etc/apt/keyrings/debian+1.gpg\n";
    let files = [
        ("etc/apt/keyrings/debian+1.gpg", SystemFile::Stored(Sha256::of(b"other"))),
        ("etc/apt/keyrings/debian.gpg", SystemFile::Stored(Sha256::of(b"k"))),
        ("etc/apt/sources.list.d/debian.sources", SystemFile::Text(text.to_owned())),
    ];
    assert_eq!(sources.files, files.map(|(path, file)| (path.to_owned(), file)).into());
    assert_eq!(sources.left_out, ["systems get no APT source for ours: only this machine reaches file:///srv/ours"]);
    for file in sources.files.values() {
        assert_eq!(SystemFile::from_option(&file.to_option()).as_ref(), Some(file));
    }
    assert_eq!(SystemFile::from_option("other"), None);
}

#[test]
fn an_archive_has_another_address_for_systems_or_none() {
    let named = sources("system-uri = 'https://packages.example/ours'");
    let SystemFile::Text(text) = &named.files["etc/apt/sources.list.d/ours.sources"] else { panic!("{named:?}") };
    assert!(
        text.contains("\nURIs: https://packages.example/ours\n") && text.ends_with("Check-Valid-Until: no\n"),
        "{text}"
    );
    assert!(named.left_out.is_empty());
    let none = sources("system = false");
    assert!(none.left_out.is_empty() && !none.files.keys().any(|path| path.contains("ours")), "{none:?}");
}

#[test]
fn addresses_of_this_machine_and_with_users_are_not_for_others() {
    for uri in ["http://mirror.example/debian", "https://[2001:db8::1]:8080/x", "http://192.0.2.1:3142/debian"] {
        assert!(is_public(uri), "{uri}");
    }
    let local =
        ["http://localhost:80/x", "http://a.localhost/x", "http://127.0.0.2/x", "http://[::1]:9/x", "http://0.0.0.0/"];
    let other = ["file:///srv/x", "https://me:***@mirror.example/x", "http:///x", "mirror.example"];
    for uri in local.into_iter().chain(other) {
        assert!(!is_public(uri), "{uri}");
    }
}
