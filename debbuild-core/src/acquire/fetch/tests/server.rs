//! A scripted http server on loopback: raw answers in order, and what was asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::acquire::fetch::Uri;

/// One connection per answer; after the last answer the last one is given again.
pub(super) struct Server {
    pub(super) uri: Uri,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::slow(move |count, head| vec![answer(count, head)]).await
    }

    /// Answers in pieces, with a pause after each.
    pub(super) async fn slow(answer: impl Fn(usize, &str) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = Uri::new(&format!("http://{}/f", listener.local_addr().unwrap())).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let head = String::from_utf8(head).unwrap().to_lowercase();
                let count = {
                    let mut log = log.lock().unwrap();
                    log.push(head.clone());
                    log.len() - 1
                };
                let pieces = answer(count, &head);
                if pieces.iter().all(Vec::is_empty) {
                    // An answer that never comes: the connection stays open.
                    tokio::spawn(async move {
                        std::future::pending::<()>().await;
                        drop(stream);
                    });
                    continue;
                }
                tokio::spawn(async move {
                    let (last, others) = pieces.split_last().unwrap();
                    for piece in others {
                        stream.write_all(piece).await.ok();
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    stream.write_all(last).await.ok();
                    stream.shutdown().await.ok();
                });
            }
        });
        Self { uri, asked, task }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with this status line and headers, saying the length of `full`, with only `sent` of it.
pub(super) fn answer(status: &str, headers: &str, full: usize, sent: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {full}\r\n\r\n");
    [head.as_bytes(), sent].concat()
}
