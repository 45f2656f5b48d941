//! Unit tests of the gateway: real requests over its unix socket, with upstreams in memory and mirrors that misbehave.

mod arriving;
mod gc;
mod listing;
mod mirror;
mod mirrors;

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

use debbuild_core::{
    acquire::fetch::{Fault, MemoryFetch},
    blob::FolderStore,
};

use super::*;

const POOL: &str = "pool/main/h/hello/hello_1_amd64.deb";
const INDEX: &str = "dists/s/InRelease";

/// A gateway over one archive in memory, with all its state in a folder of its own.
struct Place {
    folder: tempfile::TempDir,
    upstream: MemoryFetch,
    blobs: Arc<dyn BlobStore>,
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

fn uri(path: &str) -> Uri {
    Uri::new("https://mirror.example/debian").unwrap().join(path).unwrap()
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = AbsPath::new(folder.path()).unwrap();
        let upstream = MemoryFetch::new();
        upstream.put(uri(POOL), "a package");
        upstream.put(uri(INDEX), "an index");
        Self { folder, upstream, blobs: Arc::new(FolderStore::open(path.join("blobs")).unwrap()) }
    }

    fn path(&self) -> AbsPath {
        AbsPath::new(self.folder.path()).unwrap()
    }

    fn gateway(&self) -> Gateway {
        let fetch = Arc::new(self.upstream.clone());
        Gateway::new(fetch, Arc::clone(&self.blobs), &self.path().join("gateway")).unwrap()
    }

    fn open(&self, change: impl FnOnce(GatewayOptions) -> GatewayOptions) -> Door {
        let gateway = self.gateway();
        let archive = AllowedArchive::new("debian", Uri::new("https://mirror.example/debian").unwrap());
        let options = change(GatewayOptions::new(vec![archive]));
        gateway.open(&Context::new(), &self.path().join("gateway.sock"), options).unwrap()
    }

    async fn ask(&self, request: &str) -> Reply {
        let socket = self.path().join("gateway.sock");
        let request = format!("{request}\r\nHost: mirror.example\r\nConnection: close\r\n\r\n");
        let raw = debbuild_core::blocking::run(move || {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut raw = Vec::new();
            stream.read_to_end(&mut raw).unwrap();
            raw
        })
        .await;
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_ascii_lowercase(), body: raw[end + 4..].to_vec() }
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET http://mirror.example/debian/{path} HTTP/1.1")).await
    }

    fn asked(&self) -> usize {
        self.upstream.asked().len()
    }
}

#[tokio::test]
async fn a_pool_file_is_fetched_once_and_recorded_with_its_hash() {
    let place = Place::new();
    let door = place.open(|options| options);
    for _ in 0..2 {
        let reply = place.get(POOL).await;
        assert_eq!((reply.status, reply.body.as_slice()), (200, &b"a package"[..]));
        assert!(reply.head.contains("content-length: 9"), "{}", reply.head);
    }
    assert_eq!(place.asked(), 1);
    let record = door.close().await;
    let seen: Vec<(Sha256, u64, Via)> = record.served.iter().map(|file| (file.sha256, file.size, file.via)).collect();
    let id = Sha256::of(b"a package");
    assert_eq!(seen, [(id, 9, Via::Fetched), (id, 9, Via::Kept)]);
    assert_eq!(record.infrastructure_failure(), None);

    // Another process, another day: what was acknowledged is kept and held by a root.
    let door = place.open(|options| options);
    place
        .blobs
        .sweep(&Context::new(), debbuild_core::blob::SweepOptions::new(std::time::Duration::ZERO))
        .await
        .unwrap();
    assert_eq!(place.get(POOL).await.status, 200);
    assert_eq!(place.asked(), 1);
    drop(door);
}

#[tokio::test]
async fn indexes_are_asked_for_again_and_only_changes_travel() {
    let place = Place::new();
    let door = place.open(|options| options);
    assert_eq!(place.get(INDEX).await.body, b"an index");
    assert_eq!(place.get(INDEX).await.body, b"an index");
    place.upstream.put(uri(INDEX), "a newer index");
    assert_eq!(place.get(INDEX).await.body, b"a newer index");
    let via: Vec<Via> = door.close().await.served.iter().map(|file| file.via).collect();
    assert_eq!(via, [Via::Fetched, Via::Current, Via::Fetched]);
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_infrastructure_and_a_missing_file_is_not() {
    let place = Place::new();
    let door = place.open(|options| options);
    assert_eq!(place.get("dists/s/main/i18n/Translation-en").await.status, 404);
    assert_eq!(door.record().infrastructure_failure(), None);
    assert_eq!(door.record().absent.len(), 1);

    place.upstream.fail_next(uri(INDEX), Fault::Unreachable);
    assert_eq!(place.get(INDEX).await.status, 502);
    let record = door.record();
    let failure = record.infrastructure_failure().unwrap();
    assert_eq!((failure.archive.as_str(), failure.path.as_str()), ("debian", INDEX));
    assert!(failure.reason.contains("connection refused"), "{}", failure.reason);

    assert_eq!(place.get(INDEX).await.status, 200);
    assert_eq!(door.record().infrastructure_failure(), None, "a later success makes it good");

    // An index that is kept is not passed off as today's.
    place.upstream.fail_next(uri(INDEX), Fault::Unreachable);
    assert_eq!(place.get(INDEX).await.status, 502);
}

#[tokio::test]
async fn a_second_upstream_helps_out() {
    let place = Place::new();
    let other = Uri::new("file:///srv/mirror").unwrap();
    let twin = other.clone();
    place.upstream.fail_next(uri(INDEX), Fault::Refused(403));
    place.upstream.put(other.join(INDEX).unwrap(), "the twin's index");
    let door = place.open(|mut options| {
        options.archives[0] = options.archives[0].clone().with_upstream(twin);
        options
    });
    assert_eq!(place.get(INDEX).await.body, b"the twin's index");
    assert!(door.close().await.failures.is_empty());
}

#[tokio::test]
async fn nothing_but_files_of_allowed_archives() {
    let place = Place::new();
    let door = place.open(|options| options);
    for request in [
        "GET http://elsewhere.example/debian/dists/s/InRelease HTTP/1.1",
        "GET http://mirror.example/other/x HTTP/1.1",
        "GET http://mirror.example/debian/../other/x HTTP/1.1",
        "POST http://mirror.example/debian/dists/s/InRelease HTTP/1.1",
        "CONNECT mirror.example:443 HTTP/1.1",
    ] {
        assert_eq!(place.ask(request).await.status, 403, "{request}");
    }
    let record = door.close().await;
    assert_eq!(record.refused.len(), 5);
    assert_eq!((record.served.len(), place.asked()), (0, 0));
    assert_eq!(record.infrastructure_failure(), None);
}

#[tokio::test]
async fn ranges_heads_and_direct_requests() {
    let place = Place::new();
    let _door = place.open(|options| options);
    let path = format!("GET /debian/{POOL} HTTP/1.1");
    let reply = place.ask(&format!("{path}\r\nRange: bytes=2-")).await;
    assert_eq!((reply.status, reply.body.as_slice()), (206, &b"package"[..]));
    assert!(reply.head.contains("content-range: bytes 2-8/9"), "{}", reply.head);
    let reply = place.ask(&format!("{path}\r\nRange: bytes=9-")).await;
    assert_eq!((reply.status, reply.body.len()), (416, 0));
    let reply = place.ask(&format!("{path}\r\nRange: bytes=2-\r\nIf-Range: \"other\"")).await;
    assert_eq!((reply.status, reply.body.len()), (200, 9));
    let reply = place.ask(&format!("HEAD /debian/{POOL} HTTP/1.1")).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert!(reply.head.contains("content-length: 9"), "{}", reply.head);
}

#[tokio::test]
async fn other_bytes_than_the_promised_ones_are_never_served() {
    let place = Place::new();
    let good = Sha256::of(b"an index");
    let named = format!("dists/s/main/by-hash/SHA256/{good}");
    place.upstream.put(uri(&named), "another index");
    let known = Expected { sha256: good, size: 9 };
    let expected = ExpectedFiles::from([(("debian".to_owned(), POOL.to_owned()), known)]);
    let door = place.open(|options| options.with_expected(expected));
    assert_eq!(place.get(&named).await.status, 502);
    assert_eq!(place.get(POOL).await.status, 502);
    let record = door.close().await;
    assert_eq!((record.served.len(), record.failures.len()), (0, 2));

    // By its hash, a file is known whatever it was called when it came.
    let place = Place::new();
    let _door = place.open(|options| options);
    assert_eq!(place.get(INDEX).await.status, 200);
    let asked = place.asked();
    assert_eq!(place.get(&named).await.body, b"an index");
    assert_eq!(place.asked(), asked);
}

#[tokio::test]
async fn offline_serves_what_is_kept_and_says_what_is_not() {
    let place = Place::new();
    let door = place.open(|options| options);
    assert_eq!(place.get(INDEX).await.status, 200);
    drop(door.close().await);
    let door = place.open(|options| options.with_mode(Mode::Offline));
    assert_eq!(place.get(INDEX).await.status, 200);
    assert_eq!(place.get(POOL).await.status, 502);
    assert!(door.record().infrastructure_failure().unwrap().reason.contains("not kept"));
    assert_eq!(place.asked(), 1);
}

#[tokio::test]
async fn a_lock_shows_only_what_it_names() {
    let place = Place::new();
    let door = place.open(|options| options);
    assert_eq!((place.get(INDEX).await.status, place.get(POOL).await.status), (200, 200));
    let record = door.close().await;
    let files = record.served.iter().filter(|file| file.path == INDEX);
    let files = files
        .map(|file| ((file.archive.clone(), file.path.clone()), Expected { sha256: file.sha256, size: file.size }));
    let expected: ExpectedFiles = files.collect();
    place.upstream.put(uri(INDEX), "a newer index");

    let lock = Mode::Locked { fetch: false };
    let door = place.open(|options| options.with_mode(lock).with_expected(expected));
    assert_eq!(place.get(INDEX).await.body, b"an index", "the lock's, not today's");
    let twin = format!("dists/s/by-hash/SHA256/{}", Sha256::of(b"an index"));
    assert_eq!(place.get(&twin).await.status, 200);
    assert_eq!(place.get(POOL).await.status, 404);
    let record = door.close().await;
    assert_eq!(record.refused, [format!("debian: {POOL} is not in the lock")]);
    assert_eq!(place.asked(), 2);
}

#[tokio::test]
async fn many_askers_of_one_file_cost_one_transfer() {
    let place = Place::new();
    let _door = place.open(|options| options);
    let replies = futures_util::future::join_all((0..8).map(|_| place.get(POOL))).await;
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.body == b"a package"));
    assert_eq!(place.asked(), 1);
}

#[tokio::test]
async fn a_closed_door_is_closed() {
    let place = Place::new();
    let door = place.open(|options| options);
    drop(door.close().await);
    assert!(UnixStream::connect(place.path().join("gateway.sock")).is_err());
}

#[tokio::test]
async fn a_door_gives_no_more_than_it_may() {
    let place = Place::new();
    let door = place.open(|options| options.with_limits(8, None));
    assert_eq!(place.get(POOL).await.status, 502);
    let reason = door.close().await.failures.remove(0).reason;
    assert!(reason.contains("has more than 8 bytes"), "{reason}");

    let door = place.open(|options| options.with_limits(100, Some(20)));
    assert_eq!((place.get(POOL).await.status, place.get(INDEX).await.status), (200, 200));
    let reply = place.get(POOL).await;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.body, b"the door gives at most 20 bytes in all\n");
    let record = door.close().await;
    assert_eq!((record.served.len(), record.refused.len()), (2, 1));
    assert_eq!(record.infrastructure_failure(), None);

    // What the gateway allows holds for every door, and a door may be stricter.
    place.upstream.put(uri("pool/new.deb"), "a new package");
    let gateway = place.gateway().with_limits(9, Some(20));
    for (own, status) in [(None, 200), (Some(8), 403)] {
        let archive = AllowedArchive::new("debian", Uri::new("https://mirror.example/debian").unwrap());
        let options = GatewayOptions::new(vec![archive]).with_limits(100, own);
        let door = gateway.open(&Context::new(), &place.path().join("gateway.sock"), options).unwrap();
        assert_eq!(place.get(POOL).await.status, status);
        assert_eq!(place.get("pool/new.deb").await.status, 502, "13 bytes are more than 9");
        drop(door.close().await);
    }
}
