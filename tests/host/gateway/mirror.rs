//! A mirror on loopback that serves a folder, honestly or not.

use std::{
    fs, io,
    sync::{Arc, Mutex},
    time::Duration,
};

use debbuild_core::{acquire::fetch::Uri, path::AbsPath};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What is wrong with the answer for a file.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Half of the bytes, and the connection ends.
    Dies,
    /// One byte is another one.
    Flips,
    /// Half of the bytes, as if that were all.
    Cuts,
    /// One byte each second.
    Trickles,
    /// Word that the file is elsewhere.
    Redirects(&'static str),
    /// Other bytes altogether.
    Says(Vec<u8>),
}

/// Faults by a text that is in the paths of the files that have them; the first one counts.
type Faults = Arc<Mutex<Vec<(&'static str, Fault)>>>;

pub(super) struct Mirror {
    pub(super) uri: Uri,
    faults: Faults,
    task: JoinHandle<()>,
}

impl Mirror {
    /// Serves a folder as `/apt`.
    pub(super) async fn of(folder: &AbsPath) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = Uri::new(&format!("http://{}/apt", listener.local_addr().unwrap())).unwrap();
        let faults = Faults::default();
        let (folder, known) = (folder.clone(), Arc::clone(&faults));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The client may leave at any time.
                tokio::spawn(answer(stream, folder.clone(), Arc::clone(&known)));
            }
        });
        Self { uri, faults, task }
    }

    /// With a fault of the files that have this text in their paths.
    pub(super) fn with(self, of: &'static str, fault: Fault) -> Self {
        self.faults.lock().unwrap().push((of, fault));
        self
    }

    /// Without faults from now on.
    pub(super) fn mend(&self) {
        self.faults.lock().unwrap().clear();
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, folder: AbsPath, faults: Faults) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).and_then(|path| path.strip_prefix("/apt/")).unwrap_or_default();
    let fault = faults.lock().unwrap().iter().find(|(of, _)| path.contains(of)).map(|(_, fault)| fault.clone());
    let Ok(mut bytes) = fs::read(folder.as_std().join(path)) else {
        return say(&mut stream, "404 Not Found\r\nContent-Length: 0").await;
    };
    match &fault {
        Some(Fault::Redirects(to)) => {
            return say(&mut stream, &format!("302 Found\r\nLocation: {to}\r\nContent-Length: 0")).await;
        }
        Some(Fault::Flips) => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        Some(Fault::Cuts) => bytes.truncate(bytes.len() / 2),
        Some(Fault::Says(other)) => bytes.clone_from(other),
        _ => {}
    }
    let asked: Option<usize> =
        head.to_lowercase().split_once("range: bytes=").and_then(|(_, range)| range.split('-').next()?.parse().ok());
    let (size, from) = (bytes.len(), asked.unwrap_or(0));
    let status = match from {
        0 => "200 OK".to_owned(),
        _ => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{size}", size - 1),
    };
    say(&mut stream, &format!("{status}\r\nContent-Length: {}", size - from)).await?;
    let rest = &bytes[from..];
    match fault {
        Some(Fault::Dies) => stream.write_all(&rest[..rest.len() / 2]).await?,
        Some(Fault::Trickles) => {
            for byte in rest {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        _ => stream.write_all(rest).await?,
    }
    stream.shutdown().await
}

/// Sends the head of an answer.
async fn say(stream: &mut TcpStream, lines: &str) -> io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {lines}\r\nConnection: close\r\n\r\n").as_bytes()).await
}
