//! HTTP/1.1 over unix and TCP sockets: requests in, kept or arriving files out.

use std::{
    fmt, fs, io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    sync::{Arc, Mutex},
};

use debbuild_core::{blocking, cancel::CancelToken, context::Context, error::Class, path::AbsPath};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    AccessRecord, Gateway, GatewayOptions,
    body::{self, Body},
    desk::{Desk, Obtained},
    range::{Part, part},
    target::{Target, Targets},
};

/// The most connections at a time through one door: apt has one for each archive, and each costs memory and open files.
const CONNECTIONS: usize = 128;

/// A bound socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// A unix socket.
    Unix(UnixListener),
    /// A TCP socket; bind it to loopback.
    Tcp(TcpListener),
}

/// Binds a unix socket that everybody may connect to who can reach its folder, replacing a dead one. The path may be long:
/// the system's limit of 107 bytes is for socket addresses, so the address is spelt through the open folder.
pub(super) fn bind(socket: &AbsPath) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = fs::File::open(socket.parent())?;
    let listener = UnixListener::bind(format!("/proc/self/fd/{}/{}", folder.as_raw_fd(), socket.name()))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// An open door of a gateway. Dropped, it is shut.
pub struct Door {
    desk: Arc<Desk>,
    stop: CancelToken,
    serving: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("archives", &self.desk.options.archives).finish_non_exhaustive()
    }
}

impl Door {
    pub(super) fn start(
        cx: &Context,
        gateway: Gateway,
        listener: Listener,
        options: GatewayOptions,
        targets: Targets,
    ) -> Self {
        let desk = Arc::new(Desk::new(gateway, options));
        let stop = cx.cancel().child();
        let cx = cx.clone().with_cancel(stop.clone());
        let serving = tokio::spawn(accept(cx, listener, Arc::clone(&desk), Arc::new(targets)));
        Self { desk, stop, serving: Mutex::new(Some(serving)) }
    }

    /// What has passed so far.
    #[must_use]
    pub fn record(&self) -> AccessRecord {
        self.desk.note(|record| record.clone())
    }

    /// Shuts the door and gives the record of everything that passed.
    pub async fn close(self) -> AccessRecord {
        self.stop.cancel();
        let serving = self.serving.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(serving) = serving {
            // It ends by the token; that it panicked would have been seen as failed requests.
            let _ended = serving.await;
        }
        self.record()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(cx: Context, listener: Listener, desk: Arc<Desk>, targets: Arc<Targets>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = cx.cancel().cancelled() => return,
            accepted = next(&listener, &connections) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let serving = connection(cx.clone(), stream, Arc::clone(&desk), Arc::clone(&targets));
                tokio::spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            // Out of file descriptors, or a peer that left at once: others are still to be served.
            Err(error) => {
                cx.warn(format!("gateway: cannot accept a connection: {error}"));
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The next connection, and its place among those that there may be.
async fn next(
    listener: &Listener,
    connections: &Arc<Semaphore>,
) -> io::Result<(Box<dyn Stream>, OwnedSemaphorePermit)> {
    let place = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let stream: Box<dyn Stream> = match listener {
        Listener::Unix(unix) => Box::new(unix.accept().await?.0),
        Listener::Tcp(tcp) => Box::new(tcp.accept().await?.0),
    };
    Ok((stream, place))
}

async fn connection(cx: Context, stream: Box<dyn Stream>, desk: Arc<Desk>, targets: Arc<Targets>) {
    let service = service_fn(|request| {
        let (cx, desk, targets) = (cx.clone(), Arc::clone(&desk), Arc::clone(&targets));
        async move { Ok::<_, io::Error>(respond(&cx, &desk, &targets, &request).await) }
    });
    tokio::select! {
        () = cx.cancel().cancelled() => {}
        // A peer that breaks off is its own affair; failures of ours are in the record.
        _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service) => {}
    }
}

async fn respond(cx: &Context, desk: &Arc<Desk>, targets: &Targets, request: &Request<Incoming>) -> Response<Body> {
    let uri = request.uri().to_string();
    let plain = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(target) = targets.find(&uri).filter(|_| plain) else {
        desk.note(|record| record.refuse(&format!("{} {uri}", request.method())));
        return say(StatusCode::FORBIDDEN, "not an allowed archive");
    };
    if !desk.counts() {
        return say(StatusCode::FORBIDDEN, "too many requests");
    }
    match desk.obtain(cx, &target).await {
        Obtained::Absent => say(StatusCode::NOT_FOUND, "no such file"),
        Obtained::Failed(reason) => say(StatusCode::BAD_GATEWAY, &reason),
        Obtained::Refused(reason) => say(StatusCode::FORBIDDEN, &reason),
        Obtained::Kept { blob, last_modified } => {
            let sheet = Sheet { size: Some(blob.size), last_modified };
            let opened = async {
                let path = desk.gateway.blobs.local(cx, blob.id).await.map_err(io::Error::other)?;
                blocking::run(move || fs::File::open(&path)).await
            };
            match opened.await {
                Ok(file) => answer(request, &sheet, |from, to| body::of_file(file, from, to.unwrap_or(blob.size))),
                Err(error) => broken(desk, &target, &error),
            }
        }
        Obtained::Arriving { arriving, ended, most } => {
            let arrived = arriving.now();
            let sheet = Sheet { size: arrived.size, last_modified: arrived.validators.last_modified.clone() };
            answer(request, &sheet, |from, to| body::of_arriving(arriving, ended, from, to, most))
        }
    }
}

fn broken(desk: &Desk, target: &Target, error: &io::Error) -> Response<Body> {
    let reason = error.to_string();
    // Only the record is of use: the answer is another one.
    drop(desk.failed(target, Class::Infrastructure, reason.clone()));
    say(StatusCode::INTERNAL_SERVER_ERROR, &reason)
}

/// What is known of a file before its bytes.
struct Sheet {
    size: Option<u64>,
    last_modified: Option<String>,
}

/// A file, or the part of it that was asked for, or word that the asker's copy is current. `bytes` gives what is from the
/// first offset to before the second, or to its end.
fn answer(request: &Request<Incoming>, sheet: &Sheet, bytes: impl FnOnce(u64, Option<u64>) -> Body) -> Response<Body> {
    let asked = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let modified = sheet.last_modified.as_deref();
    if modified.is_some() && asked(header::IF_MODIFIED_SINCE) == modified {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    // A range of another version is of no use (RFC 9110, If-Range); nor can one be given of a size that nobody knows yet.
    let same = asked(header::IF_RANGE).is_none_or(|version| Some(version) == modified);
    let wanted = sheet.size.map(|size| (part(asked(header::RANGE).filter(|_| same), size), size));
    let (from, to, status) = match wanted {
        None => (0, None, StatusCode::OK),
        Some((Part::Whole, size)) => (0, Some(size), StatusCode::OK),
        Some((Part::Bytes(from, to), _)) => (from, Some(to), StatusCode::PARTIAL_CONTENT),
        Some((Part::Outside, _)) => (0, Some(0), StatusCode::RANGE_NOT_SATISFIABLE),
    };
    let none = *request.method() == Method::HEAD || to == Some(from);
    let mut response = Response::new(if none { body::empty() } else { bytes(from, to) });
    *response.status_mut() = status;
    describe(&mut response, modified, to.map(|to| to - from));
    let range = match (status, to, sheet.size) {
        (StatusCode::PARTIAL_CONTENT, Some(to), Some(size)) => Some(format!("bytes {from}-{}/{size}", to - 1)),
        (StatusCode::RANGE_NOT_SATISFIABLE, _, Some(size)) => Some(format!("bytes */{size}")),
        _ => None,
    };
    if let Some(value) = range.and_then(|range| range.parse().ok()) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

fn describe(response: &mut Response<Body>, last_modified: Option<&str>, length: Option<u64>) {
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, header::HeaderValue::from_static("bytes"));
    if let Some(value) = last_modified.and_then(|text| text.parse().ok()) {
        headers.insert(header::LAST_MODIFIED, value);
    }
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

fn say(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(body::of_text(text));
    *response.status_mut() = status;
    response
}
