//! Every fuzz target with arbitrary bytes, and with its samples and a few things changed in them: a few thousand inputs each,
//! always the same. `tests/fuzz` looks further.

use debbuild_core::fuzz::{Target, targets};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

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
fn fuzz(target: &Target) {
    target.samples.iter().for_each(|sample| (target.run)(sample));
    let changes = vec(change(target.words.clone()), 1..6);
    let changed = (select(target.samples.clone()), changes).prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| change.apply(&mut bytes));
        bytes
    });
    let input = prop_oneof![1 => vec(any::<u8>(), 0..300), 6 => changed];
    let config = Config { cases: 3000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let found = runner.run(&input, |bytes| {
        (target.run)(&bytes);
        Ok(())
    });
    if let Err(found) = found {
        panic!("{}: {found}", target.name);
    }
}

/// The target of this name.
fn named(name: &str) {
    let all = targets();
    fuzz(all.iter().find(|target| target.name == name).expect("there is such a target"));
}

macro_rules! fuzzed {
    ($($test:ident = $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            named($name);
        })*

        #[test]
        fn every_target_is_fuzzed() {
            let names: Vec<&str> = targets().iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

fuzzed! {
    versions = "versions",
    relations = "relations",
    paragraphs = "paragraphs",
    uploads = "uploads",
    indexes = "indexes",
    changelogs = "changelogs",
    releases = "releases",
    locks = "locks",
    outer_archives = "outer-archives",
    inner_archives = "inner-archives",
    decompressors = "decompressors",
    preferences = "preferences",
    scenarios = "scenarios",
    problems = "problems",
}
