//! Mirrors that die, lie, trickle, refuse and send elsewhere, and the next one that does not.

use std::time::Duration;

use debbuild_core::{acquire::fetch::Uri, digest::Sha256, error::Class};

use super::mirror::{Mirror, PATH, Site, Step, answer, asked_from, big, rest};
use crate::gateway::{AccessRecord, Expected, ExpectedFiles, GatewayOptions, Via};

const FILE: &[u8] = b"a package";

fn promised(bytes: &[u8]) -> impl FnOnce(GatewayOptions) -> GatewayOptions {
    let known = Expected { sha256: Sha256::of(bytes), size: bytes.len() as u64 };
    let expected = ExpectedFiles::from([(("debian".to_owned(), PATH.to_owned()), known)]);
    |options| options.with_expected(expected)
}

fn strict() -> Site {
    Site::new(|options| {
        let options = options.with_timeouts(Duration::from_secs(2), Duration::from_millis(500));
        options.with_least_speed(500, Duration::from_secs(1)).with_foreign_redirects(false)
    })
}

/// Every way to be a bad mirror for a file of known content, and its class.
async fn bad_mirrors() -> Vec<(&'static str, Mirror, Class)> {
    let status = |line: &str| format!("HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").into_bytes();
    let redirect = |to: &str| status(&format!("302 Found\r\nLocation: {to}"));
    let (infrastructure, lie) = (Class::Infrastructure, Class::Verification);
    let trickle = |_: usize, _: &str| vec![Step::Send(answer("", &[0; 9], 0)), Step::Trickle];
    vec![
        ("breaks off", Mirror::says(answer("", FILE, 4)).await, infrastructure),
        ("says nothing", Mirror::start(|_, _| vec![Step::Wait]).await, infrastructure),
        ("trickles", Mirror::start(trickle).await, infrastructure),
        ("is in trouble", Mirror::says(status("503 Service Unavailable")).await, infrastructure),
        ("refuses", Mirror::says(status("403 Forbidden")).await, infrastructure),
        ("talks nonsense", Mirror::says(b"nonsense\r\n\r\n".to_vec()).await, infrastructure),
        ("sends to a file", Mirror::says(redirect("file:///etc/passwd")).await, infrastructure),
        ("sends elsewhere", Mirror::says(redirect("http://other.example/f")).await, infrastructure),
        ("has other bytes", Mirror::says(answer("", b"a pockage", 9)).await, lie),
        ("has fewer bytes", Mirror::says(answer("", b"a pack", 6)).await, lie),
        ("has more bytes", Mirror::says(answer("", b"a package and more", 18)).await, lie),
    ]
}

fn only_detour(record: &AccessRecord) -> Class {
    let [detour] = record.detours.as_slice() else { panic!("{:?}", record.detours) };
    assert_eq!((detour.archive.as_str(), detour.path.as_str()), ("debian", PATH));
    detour.class
}

#[tokio::test]
async fn a_bad_mirror_has_its_class_and_the_next_one_is_used() {
    for (what, bad, class) in bad_mirrors().await {
        let site = strict();
        let door = site.open("alone", &[&bad.uri], promised(FILE));
        assert_eq!(site.get("alone", PATH).await.0, 502, "{what}");
        let record = door.close().await;
        assert_eq!(record.infrastructure_failure().unwrap().class, class, "{what}: {:?}", record.failures);

        let (site, good) = (strict(), Mirror::says(answer("", FILE, FILE.len())).await);
        let door = site.open("both", &[&bad.uri, &good.uri], promised(FILE));
        assert_eq!(site.get("both", PATH).await, (200, FILE.to_vec()), "{what}");
        let record = door.close().await;
        assert_eq!(only_detour(&record), class, "{what}");
        assert_eq!(record.served[0].upstream, Some(good.uri.join(PATH).unwrap()), "{what}");
        assert!(record.failures.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_dead_mirror_is_asked_last_for_a_while() {
    let site = strict();
    let good = Mirror::says(answer("", FILE, FILE.len())).await;
    let dead = Mirror::says(Vec::new()).await;
    let door = site.open("door", &[&dead.uri, &good.uri], |options| options);
    for path in [PATH, "pool/main/o/other/other_1_all.deb", "dists/s/InRelease"] {
        assert_eq!(site.get("door", path).await.0, 200);
    }
    assert_eq!((dead.asked().len(), good.asked().len()), (1, 3));
    assert_eq!(door.close().await.detours.len(), 1);
}

#[tokio::test]
async fn files_and_copies_of_this_machine_are_upstreams_too() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::create_dir_all(folder.path().join("pool/main/b/big")).unwrap();
    std::fs::write(folder.path().join(PATH), FILE).unwrap();
    for scheme in ["file", "copy"] {
        let place = super::Place::new();
        let fetch = std::sync::Arc::new(debbuild_core::acquire::fetch::SchemeFetch::new());
        let notes = place.path().join("notes");
        let gateway = crate::gateway::Gateway::new(fetch, std::sync::Arc::clone(&place.blobs), &notes).unwrap();
        let upstream = Uri::new(&format!("{scheme}:{}", folder.path().display())).unwrap();
        let options = GatewayOptions::new(vec![crate::gateway::AllowedArchive::new("debian", upstream)]);
        let cx = debbuild_core::context::Context::new();
        let door = gateway.open(&cx, &place.path().join("gateway.sock"), options).unwrap();
        assert_eq!(place.ask(&format!("GET /debian/{PATH} HTTP/1.1")).await.body, FILE);
        assert_eq!(door.close().await.served[0].via, Via::Fetched);
    }
}

#[tokio::test]
async fn what_was_tried_again_and_resumed_is_in_the_record() {
    let site = Site::new(|options| options.with_attempts(2));
    let mirror = Mirror::start(|count, head| {
        let (file, version) = (big(), "ETag: \"v1\"\r\n");
        match count {
            0 => vec![Step::Send(answer(version, &file, 1 << 20))],
            _ => vec![Step::Send(rest(version, &file, asked_from(head).unwrap()))],
        }
    })
    .await;
    let door = site.open("door", &[&mirror.uri], |options| options);
    assert_eq!(site.get("door", PATH).await, (200, big()));
    assert!(mirror.asked()[1].contains("if-range: \"v1\""));
    let record = door.close().await;
    let served = &record.served[0];
    assert_eq!((served.retries, served.upstream.as_ref()), (1, Some(&mirror.uri.join(PATH).unwrap())));
    assert_eq!(served.resumed, asked_from(&mirror.asked()[1]).unwrap() as u64);
    assert!(served.resumed > 0 && record.detours.is_empty());
}

#[tokio::test]
async fn the_next_mirror_goes_on_where_the_digest_is_known_and_begins_anew_where_it_is_not() {
    let script = |_: usize, head: &str| {
        let file = big();
        vec![Step::Send(asked_from(head).map_or_else(|| answer("", &file, file.len()), |from| rest("", &file, from)))]
    };
    for known in [true, false] {
        let site = Site::new(|options| options);
        let dies = Mirror::says(answer("ETag: \"v1\"\r\n", &big(), 1 << 20)).await;
        let helps = Mirror::start(script).await;
        let mirrors = [&dies.uri, &helps.uri];
        let door = match known {
            true => site.open("door", &mirrors, promised(&big())),
            false => site.open("door", &mirrors, |options| options),
        };
        assert_eq!(site.get("door", PATH).await, (200, big()));
        assert_eq!(asked_from(&helps.asked()[0]).is_some(), known);
        let record = door.close().await;
        assert_eq!(only_detour(&record), Class::Infrastructure);
        assert_eq!(record.served[0].resumed > 0, known);
        assert_eq!(record.served[0].upstream, Some(helps.uri.join(PATH).unwrap()));
    }
}
