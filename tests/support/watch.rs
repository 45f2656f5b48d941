//! Waits for a text in what a command says.

use std::io;

use debbuild_core::{
    cancel::CancelToken,
    command::{OutputSink, Stream},
};

/// Keeps what a command says, and cancels a token when it has said the marker.
#[derive(Debug)]
pub struct Watch {
    said: Vec<u8>,
    marker: String,
    found: CancelToken,
}

impl Watch {
    /// Waits for `marker`; with an empty one, `found` is cancelled by the first output.
    #[must_use]
    pub fn new(marker: &str, found: CancelToken) -> Self {
        Self { said: Vec::new(), marker: marker.to_owned(), found }
    }

    /// Everything that was said so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }
}

impl OutputSink for Watch {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let from = self.said.len().saturating_sub(self.marker.len());
        self.said.extend_from_slice(bytes);
        if String::from_utf8_lossy(&self.said[from..]).contains(&self.marker) {
            self.found.cancel();
        }
        Ok(())
    }
}
