//! What an event loop looks at: a file that becomes readable when there is something to take.

use std::{
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::net::UnixStream,
    },
};

/// Rung on any thread without the GIL, heard by one loop. Both ends last as long as anybody may ring.
#[derive(Debug)]
pub(crate) struct Bell {
    rung: UnixStream,
    heard: UnixStream,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let (rung, heard) = UnixStream::pair()?;
        rung.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        Ok(Self { rung, heard })
    }

    /// Makes the file readable.
    pub(crate) fn ring(&self) {
        // One that takes no more is readable already.
        let _rung = (&self.rung).write_all(&[0]);
    }

    /// Makes the file quiet until the next ring. What is looked for after this is not missed.
    pub(crate) fn hear(&self) {
        let mut heard = [0; 256];
        while let Ok(1..) = (&self.heard).read(&mut heard) {}
    }

    /// The file, for as long as this lasts.
    pub(crate) fn fileno(&self) -> RawFd {
        self.heard.as_raw_fd()
    }
}
