//! What a record of preferences selects: packages by their names, versions by their text or by where they come from.

use super::{Provenance, expression::Expression};
use crate::arch::{Architecture, ArchitecturePattern};

/// The most parts that apt reads of a `Pin: release`.
const MOST_PARTS: usize = 19;

/// A version of a package whose priority is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pinned<'a> {
    /// The package.
    pub package: &'a str,
    /// The version.
    pub version: &'a str,
    /// The architecture; a package for `all` counts as one of the system's.
    pub architecture: &'a Architecture,
    /// The architecture of the system.
    pub native: &'a Architecture,
    /// The source package that it was built from.
    pub source: &'a str,
}

impl<'a> Pinned<'a> {
    /// A version that was built from a source package of the same name.
    #[must_use]
    pub const fn new(
        package: &'a str,
        version: &'a str,
        architecture: &'a Architecture,
        native: &'a Architecture,
    ) -> Self {
        Self { package, version, architecture, native, source: package }
    }

    /// Built from this source package.
    #[must_use]
    pub const fn with_source(mut self, source: &'a str) -> Self {
        self.source = source;
        self
    }
}

/// Which packages a record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Whether the source package is named (`src:`).
    source: bool,
    /// `None` for that of the system.
    architecture: Option<ArchitectureName>,
    text: String,
    /// Where the text is no plain name.
    wild: Option<Expression>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ArchitectureName {
    Pattern(ArchitecturePattern),
    /// Something that no architecture is called: apt takes it, and it names nothing.
    Unknown,
}

impl Name {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (source, text) = text.strip_prefix("src:").map_or((false, text), |name| (true, name));
        let (text, architecture) = match text.rsplit_once(':') {
            Some((name, architecture)) => (name, Some(architecture)),
            None => (text, None),
        };
        let is_regex = text.len() > 1 && text.starts_with('/') && text.ends_with('/');
        let wild = (is_regex || text.contains(['*', '[', '?'])).then(|| Expression::read(text)).transpose()?;
        let architecture = architecture.map(|name| {
            let name = if name == "*" { "any" } else { name };
            ArchitecturePattern::new(name).map_or(ArchitectureName::Unknown, ArchitectureName::Pattern)
        });
        Ok(Self { source, architecture, text: text.to_owned(), wild })
    }

    /// The name, where there is only one.
    pub(super) fn exact(&self) -> Option<&str> {
        if self.wild.is_some() { None } else { Some(&self.text) }
    }

    pub(super) fn names(&self, version: &Pinned<'_>) -> bool {
        let own = if version.architecture.is_all() { version.native } else { version.architecture };
        let here = match &self.architecture {
            None => own == version.native,
            Some(ArchitectureName::Pattern(pattern)) => pattern.matches(own),
            Some(ArchitectureName::Unknown) => false,
        };
        let name = if self.source { version.source } else { version.package };
        here && self.wild.as_ref().map_or(self.text == name, |wild| wild.matches(name))
    }
}

/// Which versions a record selects of the packages that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    Version(VersionText),
    Release(Box<ReleasePin>),
    Origin(Expression),
}

impl Selector {
    pub(super) fn version(data: &str) -> Result<Self, String> {
        Ok(Self::Version(VersionText::read(data)?))
    }

    /// What `Pin: release` takes: `*`, the name of a suite, a codename or a version, or `KEY=VALUE` with commas.
    pub(super) fn release(data: &str) -> Result<Self, String> {
        let mut pin = ReleasePin::default();
        if data == "*" {
            pin.all = true;
        } else if !data.contains('=') {
            match data.bytes().next() {
                None => {}
                Some(b'0'..=b'9') => pin.version = Some(VersionText::read(data)?),
                Some(_) => pin.suite_or_codename = Some(Expression::read(data)?),
            }
        } else {
            let parts: Vec<&str> = data.split(',').map(str::trim_ascii).collect();
            if parts.len() > MOST_PARTS {
                return Err(format!("more than {MOST_PARTS} parts in {data:?}"));
            }
            for part in parts {
                pin.part(part)?;
            }
        }
        Ok(Self::Release(Box::new(pin)))
    }

    pub(super) fn origin(data: &str) -> Result<Self, String> {
        let inner = data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Ok(Self::Origin(Expression::read(inner.unwrap_or(data))?))
    }

    /// Whether it selects a version that is in these indexes.
    pub(super) fn takes(&self, version: &Pinned<'_>, indexes: &[&Provenance]) -> bool {
        match self {
            Self::Version(text) => text.matches(version.version),
            _ => indexes.iter().any(|index| self.takes_index(index)),
        }
    }

    /// Whether it selects all of an index.
    pub(super) fn takes_index(&self, index: &Provenance) -> bool {
        match self {
            Self::Version(_) => false,
            Self::Release(pin) => pin.matches(index),
            Self::Origin(site) => !index.installed && index.site.as_ref().is_some_and(|own| site.matches(own)),
        }
    }
}

/// A version, of a package or a distribution. apt takes off a star at the end and compares the beginning with the rest as it stands;
/// only where there is no such star, or the rest matches as a whole, are there globs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionText {
    prefix: Option<String>,
    whole: Expression,
}

impl VersionText {
    fn read(text: &str) -> Result<Self, String> {
        let prefix = text.strip_suffix('*');
        Ok(Self { prefix: prefix.map(str::to_owned), whole: Expression::read(prefix.unwrap_or(text))? })
    }

    fn matches(&self, version: &str) -> bool {
        let begins = |prefix: &String| {
            version.get(..prefix.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix))
        };
        self.prefix.as_ref().is_some_and(begins) || self.whole.matches(version)
    }
}

/// The parts of a `Pin: release`; all that are given must match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ReleasePin {
    all: bool,
    suite_or_codename: Option<Expression>,
    version: Option<VersionText>,
    suite: Option<Expression>,
    codename: Option<Expression>,
    origin: Option<Expression>,
    label: Option<Expression>,
    component: Option<Expression>,
    architecture: Option<Expression>,
}

impl ReleasePin {
    fn part(&mut self, part: &str) -> Result<(), String> {
        let Some((key, value)) = part.split_once('=').filter(|(_, value)| !value.is_empty()) else { return Ok(()) };
        let value = || Expression::read(value).map(Some);
        match key.to_ascii_lowercase().as_str() {
            "v" => self.version = Some(VersionText::read(&part[2..])?),
            "o" => self.origin = value()?,
            "a" => self.suite = value()?,
            "n" => self.codename = value()?,
            "l" => self.label = value()?,
            "c" => self.component = value()?,
            "b" => self.architecture = value()?,
            _ => {}
        }
        Ok(())
    }

    fn matches(&self, index: &Provenance) -> bool {
        if self.all {
            return true;
        }
        let (suite, codename) = (index.suite.as_deref(), index.codename.as_deref());
        let fits = |wanted: &Option<Expression>, own: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| own.is_some_and(|own| wanted.matches(own)))
        };
        // A pin that says nothing selects no archive, but what is installed.
        (*self != Self::default() || index.installed)
            && fits(&self.suite, suite)
            && fits(&self.codename, codename)
            && fits(&self.origin, index.origin.as_deref())
            && fits(&self.label, index.label.as_deref())
            && fits(&self.component, index.component.as_deref())
            && fits(&self.architecture, index.architecture.as_deref())
            && (fits(&self.suite_or_codename, suite) || fits(&self.suite_or_codename, codename))
            && self
                .version
                .as_ref()
                .is_none_or(|version| index.version.as_ref().is_some_and(|own| version.matches(own)))
    }
}
