//! Fuzz targets: arbitrary bytes, and samples of every format with a few things changed. A few thousand inputs each, always the
//! same; with `DEBBUILD_TEST_FULL=1` new ones for a minute each.

mod archives;
mod texts;

use std::time::{Duration, Instant};

use debbuild_suite::pool::full;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// How long a target runs in the long form.
const LONG: Duration = Duration::from_secs(60);

/// One change of a sample; places are taken modulo its length.
#[derive(Debug, Clone)]
enum Change {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
    Cut(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: &usize| at % (bytes.len() + 1);
        match self {
            Self::Set(at, byte) => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Self::Insert(at, more) => {
                let at = place(at);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove(at, count) => {
                let at = place(at);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Self::Repeat(at, count, times) => {
                let at = place(at);
                let part = bytes[at..(at + count).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, part);
            }
            Self::Cut(at) => bytes.truncate(place(at)),
        }
    }
}

fn change(words: Vec<&'static [u8]>) -> impl Strategy<Value = Change> {
    let at = || any::<u16>().prop_map(usize::from);
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), select(words)).prop_map(|(at, word)| Change::Insert(at, word.to_vec())),
        (at(), 1_usize..40).prop_map(|(at, count)| Change::Remove(at, count)),
        (at(), 1_usize..80, 1_usize..5).prop_map(|(at, count, times)| Change::Repeat(at, count, times)),
        at().prop_map(Change::Cut),
    ]
}

/// Gives a target arbitrary bytes and changed samples, into which words of the format are put too. A panic is shrunk and shown.
fn fuzz(samples: &[Vec<u8>], words: &[&'static [u8]], target: impl Fn(&[u8])) {
    for sample in samples {
        target(sample);
    }
    let changed = (select(samples.to_vec()), vec(change(words.to_vec()), 1..6)).prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| change.apply(&mut bytes));
        bytes
    });
    let input = prop_oneof![1 => vec(any::<u8>(), 0..300), 6 => changed];
    let config = Config { cases: 3000, failure_persistence: None, ..Config::default() };
    let start = Instant::now();
    loop {
        let mut runner = if full() {
            TestRunner::new(config.clone())
        } else {
            TestRunner::new_with_rng(config.clone(), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        };
        let found = runner.run(&input, |bytes| {
            target(&bytes);
            Ok(())
        });
        if let Err(found) = found {
            panic!("{found}");
        }
        if !full() || start.elapsed() > LONG {
            return;
        }
    }
}

/// Samples of text.
fn texts(samples: &[&str]) -> Vec<Vec<u8>> {
    samples.iter().map(|text| text.as_bytes().to_vec()).collect()
}
