//! A mirror on loopback that follows a script, and who asks the gateway over its socket.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use debbuild_core::{
    acquire::fetch::{HttpFetch, HttpOptions, Uri},
    blob::{BlobStore, FolderStore},
    context::Context,
    path::AbsPath,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Semaphore,
    task::JoinHandle,
};

use crate::gateway::{AllowedArchive, Door, Gateway, GatewayOptions};

/// The path of the file that is asked for.
pub(super) const PATH: &str = "pool/main/b/big/big_1_amd64.deb";

/// What a mirror does with a connection, one after the other; then it closes it.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Waits until the test lets it go on.
    Wait,
    /// A byte, and a pause, for ever.
    Trickle,
}

pub(super) struct Mirror {
    pub(super) uri: Uri,
    pub(super) go_on: Arc<Semaphore>,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Mirror {
    pub(super) async fn start(script: impl Fn(usize, &str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = Uri::new(&format!("http://{}/debian", listener.local_addr().unwrap())).unwrap();
        let (asked, go_on) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Semaphore::new(0)));
        let (log, gate) = (Arc::clone(&asked), Arc::clone(&go_on));
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
                tokio::spawn(play(stream, script(count, &head), Arc::clone(&gate)));
            }
        });
        Self { uri, go_on, asked, task }
    }

    /// A mirror that sends these bytes as they are.
    pub(super) async fn says(bytes: Vec<u8>) -> Self {
        Self::start(move |_, _| vec![Step::Send(bytes.clone())]).await
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(mut stream: TcpStream, steps: Vec<Step>, gate: Arc<Semaphore>) {
    for step in steps {
        match step {
            // The client may have gone.
            Step::Send(bytes) => drop(stream.write_all(&bytes).await),
            Step::Wait => gate.acquire().await.unwrap().forget(),
            Step::Trickle => {
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(400)).await;
                }
            }
        }
    }
    drop(stream.shutdown().await);
}

/// The head of an answer, saying the length of `full`, and the first `sent` bytes of it.
pub(super) fn answer(headers: &str, full: &[u8], sent: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", full.len());
    [head.as_bytes(), &full[..sent]].concat()
}

/// The rest of a file from an offset on.
pub(super) fn rest(headers: &str, full: &[u8], from: usize) -> Vec<u8> {
    let (size, left) = (full.len(), full.len() - from);
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n{headers}Content-Length: {left}\r\n\
         Content-Range: bytes {from}-{}/{size}\r\n\r\n",
        size - 1
    );
    [head.as_bytes(), &full[from..]].concat()
}

/// The offset that a request asks to go on from.
pub(super) fn asked_from(head: &str) -> Option<usize> {
    let (_, range) = head.split_once("range: bytes=")?;
    range.split_once('-')?.0.parse().ok()
}

/// Two MiB that do not repeat themselves.
pub(super) fn big() -> Vec<u8> {
    (0..2u32 << 18).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// A gateway over mirrors on loopback.
pub(super) struct Site {
    folder: tempfile::TempDir,
    pub(super) gateway: Gateway,
}

impl Site {
    pub(super) fn new(change: impl FnOnce(HttpOptions) -> HttpOptions) -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = AbsPath::new(folder.path()).unwrap();
        let options = HttpOptions::new().with_attempts(1).with_backoff(Duration::from_millis(5));
        let fetch = Arc::new(HttpFetch::new(change(options)).unwrap());
        let blobs: Arc<dyn BlobStore> = Arc::new(FolderStore::open(path.join("blobs")).unwrap());
        let gateway = Gateway::new(fetch, blobs, &path.join("gateway")).unwrap();
        Self { folder, gateway }
    }

    fn socket(&self, door: &str) -> AbsPath {
        AbsPath::new(self.folder.path()).unwrap().child(door).unwrap()
    }

    /// A door of this name to an archive on these mirrors.
    pub(super) fn open(
        &self,
        door: &str,
        mirrors: &[&Uri],
        change: impl FnOnce(GatewayOptions) -> GatewayOptions,
    ) -> Door {
        let mut archive = AllowedArchive::new("debian", mirrors[0].clone());
        for mirror in &mirrors[1..] {
            archive = archive.with_upstream((*mirror).clone());
        }
        let options = change(GatewayOptions::new(vec![archive]));
        self.gateway.open(&Context::new(), &self.socket(door), options).unwrap()
    }

    /// Asks a door for a file of the archive.
    pub(super) async fn ask(&self, door: &str, path: &str, headers: &str) -> Asker {
        let folder = std::fs::File::open(self.folder.path()).unwrap();
        let address = format!("/proc/self/fd/{}/{door}", std::os::fd::AsRawFd::as_raw_fd(&folder));
        let mut stream = UnixStream::connect(address).await.unwrap();
        let request = format!("GET /debian/{path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Asker(stream)
    }

    /// The status and the body, whole or cut short.
    pub(super) async fn get(&self, door: &str, path: &str) -> (u16, Vec<u8>) {
        let mut asker = self.ask(door, path, "").await;
        let head = asker.head().await;
        let body = asker.rest().await;
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }
}

/// A request that was sent.
pub(super) struct Asker(UnixStream);

impl Asker {
    /// The head of the answer, in lower case.
    pub(super) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap().to_lowercase()
    }

    /// The next bytes, as soon as they are there.
    pub(super) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// All that comes before the connection ends.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).await.unwrap();
        bytes
    }
}
