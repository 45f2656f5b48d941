//! Fuzz targets: what reads bytes from outside, with samples of each format. They run in two ways: the suite gives each a few
//! thousand changed samples, and `tests/fuzz` lets libFuzzer look for inputs that reach new code.

mod archives;
#[cfg(feature = "resolve")]
mod resolver;
mod texts;

/// Something that reads bytes, whatever they are: it may refuse them, never panic, hang or take much memory.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Target {
    /// Its name: lower-case words joined by hyphens.
    pub name: &'static str,
    /// Good inputs, or nearly.
    pub samples: Vec<Vec<u8>>,
    /// Words of the format, to be put into inputs.
    pub words: Vec<&'static [u8]>,
    /// Reads an input; a panic is a finding.
    pub run: fn(&[u8]),
}

impl Target {
    fn new(name: &'static str, samples: Vec<Vec<u8>>, words: &[&'static [u8]], run: fn(&[u8])) -> Self {
        Self { name, samples, words: words.to_vec(), run }
    }
}

/// All targets.
#[must_use]
pub fn targets() -> Vec<Target> {
    vec![
        texts::versions(),
        texts::relations(),
        texts::paragraphs(),
        texts::uploads(),
        texts::indexes(),
        texts::changelogs(),
        texts::releases(),
        texts::locks(),
        archives::outer_archives(),
        archives::inner_archives(),
        archives::decompressors(),
        #[cfg(feature = "resolve")]
        resolver::preferences(),
        #[cfg(feature = "resolve")]
        resolver::scenarios(),
        #[cfg(feature = "resolve")]
        resolver::problems(),
    ]
}

/// Samples of text.
fn texts(samples: &[&str]) -> Vec<Vec<u8>> {
    samples.iter().map(|text| text.as_bytes().to_vec()).collect()
}
