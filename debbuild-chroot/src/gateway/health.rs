//! Which upstreams did not answer lately: they are asked last, so that a dead mirror costs its time limit once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use debbuild_core::acquire::fetch::{FetchError, Fetched, Uri};

/// How long an upstream that did not answer is asked last.
const AILING: Duration = Duration::from_secs(60);

/// When servers did not answer. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Health(Arc<Mutex<BTreeMap<String, Instant>>>);

impl Health {
    /// The addresses in their order, those of ailing servers at the end.
    pub(super) fn order<'a>(&self, urls: &'a [Uri]) -> Vec<&'a Uri> {
        let mut ailing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ailing.retain(|_, since| since.elapsed() < AILING);
        let (last, mut first): (Vec<_>, Vec<_>) = urls.iter().partition(|url| ailing.contains_key(url.server()));
        first.extend(last);
        first
    }

    /// Takes note of how a server answered; files of this machine have none.
    pub(super) fn note(&self, url: &Uri, answer: &Result<Fetched, FetchError>) {
        let mut ailing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Err(FetchError::Unreachable { .. }) if !url.server().is_empty() => {
                ailing.insert(url.server().to_owned(), Instant::now());
            }
            Err(FetchError::Cancelled(_)) => {}
            _ => {
                ailing.remove(url.server());
            }
        }
    }
}
