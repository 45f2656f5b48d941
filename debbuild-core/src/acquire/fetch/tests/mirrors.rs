//! Mirrors that break off, trickle, lie about ranges, send elsewhere or have too much to do.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::Barrier,
};

use super::{
    BYTES,
    folder::Folder,
    server::{Server, answer},
};
use crate::{
    acquire::fetch::{Arriving, Fetch as _, FetchError, FetchRequest, Fetched, HttpFetch, HttpOptions, Uri},
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
};

fn options() -> HttpOptions {
    HttpOptions::new().with_attempts(3).with_backoff(Duration::from_millis(5))
}

/// Fetches, watched; gives the bytes, how often it was tried again, and how many bytes were there already.
async fn watched(options: HttpOptions, request: FetchRequest) -> Result<(Vec<u8>, u32, u64), FetchError> {
    let (folder, arriving) = (Folder::new(), Arriving::new());
    let to = folder.path.join("file");
    let request = request.with_arriving(arriving.clone());
    let fetched = HttpFetch::new(options).unwrap().fetch(&Context::new(), &request, &to).await;
    let arrived = arriving.now();
    match fetched {
        Ok(Fetched::Complete { size, sha256, .. }) => {
            let bytes = fs::read(&to).unwrap();
            assert_eq!((size, sha256), (bytes.len() as u64, Sha256::of(&bytes)));
            assert_eq!(arrived.bytes, size);
            Ok((bytes, arrived.retries, arrived.resumed))
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => {
            assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 0, "nothing is left");
            Err(error)
        }
    }
}

fn rest(from: usize, headers: &str, bytes: &[u8]) -> Vec<u8> {
    let range = format!("Content-Range: bytes {from}-{}/{}\r\n{headers}", bytes.len() - 1, bytes.len());
    answer("206 Partial Content", &range, bytes.len() - from, &bytes[from..])
}

#[tokio::test]
async fn without_a_digest_a_transfer_goes_on_where_the_version_is_the_same() {
    for (validators, asked) in [
        ("ETag: \"v1\"\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n", "if-range: \"v1\""),
        (
            "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\nDate: Sat, 01 Jan 2022 00:00:09 GMT\r\n",
            "if-range: sat, 01 jan 2022 00:00:00 gmt",
        ),
    ] {
        let server = Server::start(move |count, _| match count {
            0 => answer("200 OK", validators, BYTES.len(), &BYTES[..5]),
            // A server in trouble in between takes nothing away.
            1 => answer("503 Service Unavailable", "", 0, b""),
            _ => rest(5, validators, BYTES),
        })
        .await;
        let seen = watched(options(), FetchRequest::new(server.uri.clone())).await.unwrap();
        assert_eq!(seen, (BYTES.to_vec(), 2, 5));
        assert!(server.asked()[2].contains("range: bytes=5-") && server.asked()[2].contains(asked));
    }
}

#[tokio::test]
async fn without_a_digest_nothing_goes_on_from_another_version_or_from_none() {
    // Weak, of the very second, or nothing at all.
    let date = "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\nDate: Sat, 01 Jan 2022 00:00:00 GMT\r\n";
    for validators in ["", "ETag: W/\"v1\"\r\n", date] {
        let server = Server::start(move |count, head| {
            assert!(!head.contains("range:"), "{head}");
            let sent = if count == 0 { &BYTES[..5] } else { BYTES };
            answer("200 OK", validators, BYTES.len(), sent)
        })
        .await;
        let seen = watched(options(), FetchRequest::new(server.uri.clone())).await.unwrap();
        assert_eq!(seen, (BYTES.to_vec(), 1, 0));
    }
    // It has another version now: the whole of it comes.
    let server = Server::start(|count, _| match count {
        0 => answer("200 OK", "ETag: \"v1\"\r\n", 9, b"older"),
        _ => answer("200 OK", "ETag: \"v2\"\r\n", BYTES.len(), BYTES),
    })
    .await;
    let seen = watched(options(), FetchRequest::new(server.uri.clone())).await.unwrap();
    assert_eq!(seen, (BYTES.to_vec(), 1, 0));
    // It does not care for the condition, but says what it sends: another version, another size.
    for lie in [rest(5, "ETag: \"v2\"\r\n", BYTES), rest(5, "ETag: \"v1\"\r\n", b"another size")] {
        let server = Server::start(move |count, head| match (count, head.contains("range:")) {
            (0, _) => answer("200 OK", "ETag: \"v1\"\r\n", BYTES.len(), b"older"),
            (_, true) => lie.clone(),
            (_, false) => answer("200 OK", "ETag: \"v2\"\r\n", BYTES.len(), BYTES),
        })
        .await;
        let seen = watched(options(), FetchRequest::new(server.uri.clone())).await.unwrap();
        assert_eq!(seen, (BYTES.to_vec(), 1, 0));
    }
}

#[tokio::test]
async fn another_mirror_goes_on_only_where_the_digest_is_known() {
    let (folder, http) = (Folder::new(), HttpFetch::new(options().with_attempts(1)).unwrap());
    let to = folder.path.join("file");
    let dies = Server::start(|_, _| answer("200 OK", "ETag: \"v1\"\r\n", BYTES.len(), &BYTES[..5])).await;
    let helps = Server::start(|_, head| match head.contains("range: bytes=5-") {
        true => rest(5, "ETag: \"other\"\r\n", BYTES),
        false => answer("200 OK", "", BYTES.len(), BYTES),
    })
    .await;
    let known = FetchRequest::new(dies.uri.clone()).with_content(BYTES.len() as u64, Sha256::of(BYTES));
    for (request, ranged) in [(known, true), (FetchRequest::new(dies.uri.clone()), false)] {
        let error = http.fetch(&Context::new(), &request, &to).await.unwrap_err();
        assert_eq!(error.class(), Class::Infrastructure, "{error}");
        let mut second = request.clone();
        second.uri = helps.uri.clone();
        assert!(matches!(http.fetch(&Context::new(), &second, &to).await, Ok(Fetched::Complete { .. })));
        assert_eq!(fs::read(&to).unwrap(), BYTES);
        fs::remove_file(&to).unwrap();
        assert_eq!(helps.asked().last().unwrap().contains("range:"), ranged);
    }
}

#[tokio::test]
async fn who_reads_a_file_while_it_arrives_keeps_what_was_there_when_it_begins_anew() {
    let (folder, arriving) = (Folder::new(), Arriving::new());
    let mut watch = arriving.watch();
    let server = Server::slow(|count, _| match count {
        0 => vec![answer("200 OK", "", 9, b"older")],
        _ => vec![answer("200 OK", "", BYTES.len(), BYTES)],
    })
    .await;
    let request = FetchRequest::new(server.uri.clone()).with_arriving(arriving.clone());
    let (http, cx, to) = (HttpFetch::new(options()).unwrap(), Context::new(), folder.path.join("file"));
    let reads = async {
        let five = watch.wait_for(|arrived| arrived.bytes == 5).await.unwrap().clone();
        assert_eq!(five.size, Some(9));
        let first = five.file.unwrap();
        let same = |file: &Arc<fs::File>| Arc::ptr_eq(file, &first);
        watch.wait_for(|arrived| !arrived.file.as_ref().is_some_and(same)).await.unwrap();
        let mut bytes = [0; 5];
        first.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"older");
    };
    let (fetched, ()) = tokio::join!(http.fetch(&cx, &request, &to), reads);
    fetched.unwrap();
    assert_eq!(arriving.now().retries, 1);
}

#[tokio::test]
async fn a_server_that_trickles_or_takes_too_long_is_infrastructure() {
    let trickle = || {
        Server::slow(|_, _| {
            let head = answer("200 OK", "", 10_000, b"");
            std::iter::once(head).chain((0..10_000).map(|_| b"x".to_vec())).collect()
        })
    };
    let slow = options().with_attempts(2).with_least_speed(5000, Duration::from_millis(100));
    let late = options().with_attempts(2).with_transfer_timeout(Some(Duration::from_millis(100)));
    for (options, reason) in [(slow, "too slow"), (late, "too long")] {
        let server = trickle().await;
        let error = watched(options, FetchRequest::new(server.uri.clone())).await.unwrap_err();
        assert!(matches!(&error, FetchError::Unreachable { reason: why, .. } if why.contains(reason)), "{error}");
        assert_eq!(error.class(), Class::Infrastructure);
        assert_eq!(server.asked().len(), 2);
    }
}

#[tokio::test]
async fn tries_end_with_the_patience_even_where_the_server_asks_for_more() {
    let server = Server::start(|_, _| answer("503 Service Unavailable", "Retry-After: 3600\r\n", 0, b"")).await;
    let error = watched(options().with_attempts(9), FetchRequest::new(server.uri.clone())).await.unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { reason, .. } if reason.contains("503")), "{error}");
    assert_eq!(server.asked().len(), 1, "an hour's pause is more than the patience");
    let none = options().with_attempts(9).with_patience(Duration::ZERO);
    let server = Server::start(|_, _| answer("500 Internal Server Error", "", 0, b"")).await;
    watched(none, FetchRequest::new(server.uri.clone())).await.unwrap_err();
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_followed_only_where_it_may_be() {
    let other = Server::start(|_, _| answer("200 OK", "", BYTES.len(), BYTES)).await;
    let elsewhere = other.uri.as_str().replace("127.0.0.1", "localhost");
    let header = format!("Location: {elsewhere}\r\n");
    let server = Server::start(move |_, _| answer("302 Found", &header, 0, b"")).await;
    let request = FetchRequest::new(server.uri.clone());
    let error = watched(options().with_foreign_redirects(false), request.clone()).await.unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { reason, .. } if reason.contains("another host")), "{error}");
    assert_eq!((server.asked().len(), other.asked().len()), (1, 0), "it is not asked again");
    assert_eq!(watched(options(), request).await.unwrap().0, BYTES);
}

#[tokio::test]
async fn a_server_has_no_more_transfers_at_a_time_than_it_may_have() {
    const ALL: usize = 6;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = Uri::new(&format!("http://{}/f", listener.local_addr().unwrap())).unwrap();
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, top) = (Arc::clone(&open), Arc::clone(&most));
    // Answers only in pairs: so two are there at a time, or nobody gets on.
    let pair = Arc::new(Barrier::new(2));
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (now, top, pair) = (Arc::clone(&now), Arc::clone(&top), Arc::clone(&pair));
            tokio::spawn(async move {
                let mut head = [0; 4096];
                assert!(stream.read(&mut head).await.unwrap() > 0);
                top.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                pair.wait().await;
                now.fetch_sub(1, Ordering::SeqCst);
                stream.write_all(&answer("200 OK", "", BYTES.len(), BYTES)).await.unwrap();
            });
        }
    });
    let (http, folder, cx) = (HttpFetch::new(options().with_parallel(2)).unwrap(), Folder::new(), Context::new());
    let fetches = (0..ALL).map(|number| {
        let (http, to, request) =
            (http.clone(), folder.path.child(&number.to_string()).unwrap(), FetchRequest::new(uri.clone()));
        let cx = cx.clone();
        tokio::spawn(async move { http.fetch(&cx, &request, &to).await })
    });
    for fetch in fetches.collect::<Vec<_>>() {
        fetch.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
    serving.abort();
}
