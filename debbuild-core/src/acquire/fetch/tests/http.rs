//! http against a server that follows a script.

use std::{fs, time::Duration};

use super::{
    BYTES, conforms,
    folder::Folder,
    server::{Server, answer},
};
use crate::{
    acquire::fetch::{Fetch as _, FetchError, FetchRequest, Fetched, HttpFetch, HttpOptions},
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
    path::AbsPath,
};

fn client(attempts: u32) -> HttpFetch {
    let (connect, read) = (Duration::from_secs(2), Duration::from_millis(300));
    let options = HttpOptions::new().with_attempts(attempts).with_backoff(Duration::from_millis(10));
    HttpFetch::new(options.with_timeouts(connect, read)).unwrap()
}

async fn fetch(attempts: u32, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError> {
    client(attempts).fetch(&Context::new(), request, to).await
}

#[tokio::test]
async fn http_conforms() {
    let folder = Folder::new();
    let server = Server::start(|_, head| {
        if head.starts_with("get /f/absent ") {
            answer("404 Not Found", "", 0, b"")
        } else if head.contains("if-none-match: \"v1\"") {
            b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_vec()
        } else {
            answer("200 OK", "ETag: \"v1\"\r\n", BYTES.len(), BYTES)
        }
    })
    .await;
    conforms(&client(1), &server.uri, &server.uri.join("absent").unwrap(), &folder.path).await;
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_ended() {
    let folder = Folder::new();
    let server = Server::start(|count, head| match count {
        0 => answer("200 OK", "", BYTES.len(), &BYTES[..5]),
        1 => answer("503 Service Unavailable", "", 0, b""),
        _ => {
            assert!(head.contains("range: bytes=5-"), "{head}");
            let range = format!("Content-Range: bytes 5-{}/{}\r\n", BYTES.len() - 1, BYTES.len());
            answer("206 Partial Content", &range, BYTES.len() - 5, &BYTES[5..])
        }
    })
    .await;
    let to = folder.path.join("resumed");
    let request = FetchRequest::new(server.uri.clone()).with_content(BYTES.len() as u64, Sha256::of(BYTES));
    assert!(matches!(fetch(3, &request, &to).await, Ok(Fetched::Complete { .. })));
    assert_eq!(fs::read(&to).unwrap(), BYTES);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_partial_file_of_other_bytes_is_thrown_away() {
    let folder = Folder::new();
    let to = folder.path.join("file");
    fs::write(folder.path.join("file.partial"), "XXXXX").unwrap();
    let server = Server::start(|count, _| match count {
        0 => {
            let range = format!("Content-Range: bytes 5-{}/{}\r\n", BYTES.len() - 1, BYTES.len());
            answer("206 Partial Content", &range, BYTES.len() - 5, &BYTES[5..])
        }
        _ => answer("200 OK", "", BYTES.len(), BYTES),
    })
    .await;
    let request = FetchRequest::new(server.uri.clone()).with_content(BYTES.len() as u64, Sha256::of(BYTES));
    assert!(matches!(fetch(2, &request, &to).await, Ok(Fetched::Complete { .. })));
    assert_eq!(fs::read(&to).unwrap(), BYTES);
}

#[tokio::test]
async fn trouble_is_retried_and_then_infrastructure() {
    let folder = Folder::new();
    let to = folder.path.join("file");
    for bytes in [answer("502 Bad Gateway", "", 0, b""), answer("200 OK", "", 100, b"short"), Vec::new()] {
        let server = Server::start(move |_, _| bytes.clone()).await;
        let error = fetch(2, &FetchRequest::new(server.uri.clone()), &to).await.unwrap_err();
        assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
        assert_eq!(error.class(), Class::Infrastructure);
        assert_eq!(server.asked().len(), 2);
        assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 0);
    }
    let server = Server::start(|_, _| Vec::new()).await;
    let gone = server.uri.clone();
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = fetch(1, &FetchRequest::new(gone), &to).await.unwrap_err();
    assert_eq!(error.class(), Class::Infrastructure, "{error}");
}

#[tokio::test]
async fn refusals_and_lies_are_not_retried() {
    let folder = Folder::new();
    let to = folder.path.join("file");
    let server = Server::start(|_, _| answer("403 Forbidden", "", 0, b"")).await;
    let error = fetch(3, &FetchRequest::new(server.uri.clone()), &to).await.unwrap_err();
    assert!(matches!(error, FetchError::Refused { status: 403, .. }), "{error}");
    assert_eq!(server.asked().len(), 1);

    let server = Server::start(|_, _| answer("302 Found", "Location: file:///etc/passwd\r\n", 0, b"")).await;
    let error = fetch(1, &FetchRequest::new(server.uri.clone()), &to).await.unwrap_err();
    assert_eq!(error.class(), Class::Infrastructure, "{error}");

    let endless =
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".iter().copied().chain([b'x'; 5000]).collect::<Vec<_>>();
    let server = Server::start(move |_, _| endless.clone()).await;
    let error = fetch(3, &FetchRequest::new(server.uri.clone()).with_limit(4000), &to).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 4000, .. }), "{error}");
    assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 0);
}

#[tokio::test]
async fn row_77_a_redirect_leads_neither_to_files_nor_to_credentials_and_takes_none_elsewhere() {
    let folder = Folder::new();
    let to = folder.path.join("file");
    for location in ["file:///etc/passwd", "http://user:secret@127.0.0.1:1/f", "http://user@127.0.0.1:1/f"] {
        let header = format!("Location: {location}\r\n");
        let server = Server::start(move |_, _| answer("302 Found", &header, 0, b"")).await;
        let error = fetch(3, &FetchRequest::new(server.uri.clone()), &to).await.unwrap_err();
        assert_eq!(error.class(), Class::Infrastructure, "{location}: {error}");
        assert!(!error.to_string().contains("secret"), "{location}: {error}");
        assert_eq!(server.asked().len(), 1, "{location} is not asked again");
    }
    assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 0);

    // Our own credentials are for the host that they are configured for.
    let other = Server::start(|_, _| answer("200 OK", "", 2, b"ok")).await;
    let header = format!("Location: {}\r\n", other.uri);
    let server = Server::start(move |_, _| answer("302 Found", &header, 0, b"")).await;
    let ours = crate::acquire::fetch::Uri::new(&server.uri.as_str().replace("http://", "http://user:secret@")).unwrap();
    fetch(1, &FetchRequest::new(ours), &to).await.unwrap();
    assert!(server.asked()[0].contains("authorization: basic"), "{:?}", server.asked());
    assert!(!other.asked()[0].contains("authorization"), "{:?}", other.asked());
}
