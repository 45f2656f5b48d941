//! Sections and priorities that an archive gives to packages in place of their own.

use std::collections::BTreeMap;

use super::RepoError;
use crate::name::PackageName;

/// What is given to a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Override {
    /// Its section, as `net` or `contrib/net`.
    pub section: Option<String>,
    /// Its priority, as `optional`.
    pub priority: Option<String>,
}

/// What is given to which packages, binary and source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<PackageName, Override>);

impl Overrides {
    /// Reads an override file as apt-ftparchive(1) does: `PACKAGE PRIORITY SECTION` for binary packages, `PACKAGE SECTION` for
    /// source packages, with anything after the section; empty lines and comments (`#`) are passed over. `file` is its name.
    ///
    /// # Errors
    /// [`RepoError::Input`] with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, RepoError> {
        let mut overrides = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let parts: Vec<&str> = line.split_whitespace().collect();
            let (name, priority, section) = match parts[..] {
                [] => continue,
                [name, section] => (name, None, section),
                [name, priority, section, ..] => (name, Some(priority), section),
                [_] => return Err(bad(file, number, "it has no section")),
            };
            let name = PackageName::new(name).map_err(|error| bad(file, number, error))?;
            for word in priority.iter().chain([&section]) {
                if !is_word(word) {
                    return Err(bad(file, number, format_args!("not a section or priority: {word:?}")));
                }
            }
            let given = overrides.0.entry(name).or_default();
            given.section = Some(section.to_owned());
            given.priority = priority.map(str::to_owned).or(given.priority.take());
        }
        Ok(overrides)
    }

    /// What is given to a package.
    #[must_use]
    pub fn get(&self, package: &PackageName) -> Option<&Override> {
        self.0.get(package)
    }
}

fn bad(file: &str, number: usize, reason: impl std::fmt::Display) -> RepoError {
    RepoError::Input { file: file.to_owned(), reason: format!("line {}: {reason}", number + 1) }
}

/// Whether it may be a section or a priority; `-` stands for none in records.
pub(super) fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+./_".contains(&b)) && !matches!(text, "" | "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_apt_ftparchive_are_read_and_others_refused() {
        let text =
            "# all\nhello optional net Somebody <s@example.org>\n\ndata  important  contrib/misc # why\nsrc0 devel\n";
        let overrides = Overrides::parse("override.main", text).unwrap();
        let of = |name: &str| overrides.get(&PackageName::new(name).unwrap()).cloned();
        let given = |section: &str, priority: Option<&str>| {
            Some(Override { section: Some(section.to_owned()), priority: priority.map(str::to_owned) })
        };
        assert_eq!(of("hello"), given("net", Some("optional")));
        assert_eq!(of("data"), given("contrib/misc", Some("important")));
        assert_eq!(of("src0"), given("devel", None));
        assert_eq!(of("other"), None);
        for bad in ["hello", "Hello optional net", "hello opt,ional net", "hello optional -"] {
            let error = Overrides::parse("override.main", &format!("ok0 net\n{bad}\n")).unwrap_err();
            assert!(error.to_string().contains("override.main: line 2: "), "{error}");
        }
    }
}
