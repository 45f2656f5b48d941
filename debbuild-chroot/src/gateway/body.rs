//! The bytes of an answer: of a kept file, read ahead by one piece, or of one that is still arriving.

use std::{fs::File, io, os::unix::fs::FileExt as _, sync::Arc};

use bytes::Bytes;
use debbuild_core::{
    acquire::fetch::{Arrived, Arriving},
    blocking,
};
use futures_util::stream::try_unfold;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use tokio::{sync::watch, task::JoinHandle};

use super::flight::{Ended, Outcome};

/// The bytes of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Bytes that are read at a time; an answer holds two such pieces.
const PIECE: u64 = 256 * 1024;

pub(super) fn empty() -> Body {
    Full::default().map_err(|never| match never {}).boxed_unsync()
}

/// A line for people.
pub(super) fn of_text(text: &str) -> Body {
    Full::from(format!("{text}\n")).map_err(|never| match never {}).boxed_unsync()
}

/// What a file has from the first offset to before the second.
pub(super) fn of_file(file: File, from: u64, to: u64) -> Body {
    let first = Ahead { file: Arc::new(file), at: from, to, next: None };
    StreamBody::new(try_unfold(first, |mut ahead| async move {
        let Some(piece) = ahead.next.take().or_else(|| ahead.begin()) else { return Ok(None) };
        let bytes = piece.await.map_err(io::Error::other)??;
        ahead.next = ahead.begin();
        Ok(Some((Frame::data(bytes), ahead)))
    }))
    .boxed_unsync()
}

/// A file that is read ahead of its reader.
struct Ahead {
    file: Arc<File>,
    at: u64,
    to: u64,
    next: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Ahead {
    /// Begins to read the next piece; `None` at the end.
    fn begin(&mut self) -> Option<JoinHandle<io::Result<Bytes>>> {
        let (file, at) = (Arc::clone(&self.file), self.at);
        self.at = self.to.min(at + PIECE);
        let count = self.at - at;
        (count > 0).then(|| tokio::task::spawn_blocking(move || read(&file, at, count)))
    }
}

fn read(file: &File, at: u64, count: u64) -> io::Result<Bytes> {
    let mut piece = vec![0; usize::try_from(count).map_err(io::Error::other)?];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece.into())
}

/// What an arriving file has from the first offset to before the second, or to its end. The last byte, or the end, is not
/// given before the file is kept and in the record; where that never comes, the answer breaks off.
pub(super) fn of_arriving(arriving: Arriving, ended: Ended, from: u64, to: Option<u64>, most: u64) -> Body {
    let now = arriving.now();
    let reader = Reader { watch: arriving.watch(), _arriving: arriving, ended, now, from, at: from, to, most };
    StreamBody::new(try_unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Ok(bytes.map(|bytes| (Frame::data(bytes), reader)))
    }))
    .boxed_unsync()
}

/// Who reads a file while it arrives.
struct Reader {
    watch: watch::Receiver<Arrived>,
    _arriving: Arriving,
    ended: Ended,
    /// The transfer that is read from.
    now: Arrived,
    from: u64,
    at: u64,
    to: Option<u64>,
    most: u64,
}

impl Reader {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            // The end is looked at first: what has arrived is then at least as new.
            let whole = match &*self.ended.borrow_and_update() {
                None => None,
                Some(Outcome::Landed(landed)) if landed.arrived => Some(landed.blob.size),
                Some(_) => return Err(io::Error::other("the transfer failed")),
            };
            let arrived = self.watch.borrow_and_update().clone();
            if !self.goes_on(arrived, whole).await? {
                self.change().await?;
                continue;
            }
            let end = self.to.or(whole).unwrap_or(u64::MAX);
            let ready = match whole {
                Some(_) if self.at >= end => return Ok(None),
                Some(_) => end,
                None => self.now.bytes.min(end - 1),
            };
            if ready > self.most {
                return Err(io::Error::other("it is more than the door gives"));
            }
            if self.at >= ready {
                self.change().await?;
                continue;
            }
            let Some(file) = self.now.file.clone() else { return Err(io::Error::other("the transfer broke off")) };
            let (at, count) = (self.at, (ready - self.at).min(PIECE));
            self.at += count;
            return blocking::run(move || read(&file, at, count)).await.map(Some);
        }
    }

    /// Takes over what has arrived. A transfer that began anew is gone on with where it has the same bytes as those that were
    /// given; false where it is not that far yet.
    async fn goes_on(&mut self, arrived: Arrived, whole: Option<u64>) -> io::Result<bool> {
        let other = || Err(io::Error::other("the file is another one now"));
        let (Some(old), Some(new)) = (self.now.file.clone(), arrived.file.clone()) else { return Ok(true) };
        let size = whole.or(arrived.size);
        if self.to.is_some() && self.now.size.is_some() && size.is_some() && size != self.now.size {
            return other();
        }
        if !Arc::ptr_eq(&old, &new) {
            let (from, at) = (self.from, self.at);
            if arrived.bytes < at {
                return if whole.is_some() { other() } else { Ok(false) };
            }
            if !blocking::run(move || same(&old, &new, from, at)).await? {
                return other();
            }
        }
        let size = self.now.size;
        self.now = arrived;
        // What the answer's head said stays.
        self.now.size = size;
        Ok(true)
    }

    /// Waits for the transfer to get on or to end.
    async fn change(&mut self) -> io::Result<()> {
        tokio::select! {
            // We hold the other end.
            _changed = self.watch.changed() => Ok(()),
            ended = self.ended.changed() => ended.map_err(|_| io::Error::other("the door is closed")),
        }
    }
}

/// Whether two files have the same bytes from one offset to before another.
fn same(one: &File, other: &File, from: u64, to: u64) -> io::Result<bool> {
    let mut at = from;
    while at < to {
        let count = (to - at).min(PIECE);
        if read(one, at, count)? != read(other, at, count)? {
            return Ok(false);
        }
        at += count;
    }
    Ok(true)
}
