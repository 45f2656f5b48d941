//! What apt's own settings say that a scenario does not.

use regex::{RegexSet, RegexSetBuilder};

use super::{super::Recommends, ScenarioError};

/// The most bytes that the compiled expressions may take.
const LARGEST: usize = 8 << 20;

/// Settings of a machine, as apt has them by default.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Whether recommended packages come too (`APT::Install-Recommends`).
    pub recommends: Recommends,
    /// Whether suggested packages come too (`APT::Install-Suggests`).
    pub suggests: bool,
    /// Whether a recommendation keeps a package from being removed as not needed (`APT::AutoRemove::RecommendsImportant`).
    pub recommends_keep: bool,
    /// The same of a suggestion (`APT::AutoRemove::SuggestsImportant`).
    pub suggests_keep: bool,
    kept: RegexSet,
}

impl Settings {
    /// apt's defaults. No package is kept because of its name.
    #[must_use]
    pub fn new() -> Self {
        Self {
            recommends: Recommends::Install,
            suggests: false,
            recommends_keep: true,
            suggests_keep: true,
            kept: RegexSet::empty(),
        }
    }

    /// With another policy for recommended packages.
    #[must_use]
    pub const fn with_recommends(mut self, recommends: Recommends) -> Self {
        self.recommends = recommends;
        self
    }

    /// With or without suggested packages.
    #[must_use]
    pub const fn with_suggests(mut self, suggests: bool) -> Self {
        self.suggests = suggests;
        self
    }

    /// With or without recommendations and suggestions that keep packages.
    #[must_use]
    pub const fn with_keeping(mut self, recommends: bool, suggests: bool) -> Self {
        (self.recommends_keep, self.suggests_keep) = (recommends, suggests);
        self
    }

    /// With expressions for the names of packages that are never removed as not needed (`APT::NeverAutoRemove`): they match a part
    /// of the name unless they are anchored.
    ///
    /// # Errors
    /// [`ScenarioError::Setting`].
    pub fn with_kept<S: AsRef<str>>(mut self, expressions: &[S]) -> Result<Self, ScenarioError> {
        let built = RegexSetBuilder::new(expressions).size_limit(LARGEST).build();
        self.kept = built.map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            ScenarioError::Setting(format!("not expressions for names of packages: {last}"))
        })?;
        Ok(self)
    }

    /// Whether a package of this name is never removed as not needed.
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        self.kept.is_match(name)
    }

    /// With a word of a user's preferences.
    pub(super) fn with_word(self, word: &str) -> Result<Self, ScenarioError> {
        match word {
            "recommends" => Ok(self.with_recommends(Recommends::Install)),
            "no-recommends" => Ok(self.with_recommends(Recommends::Ignore)),
            "top-level-recommends" => Ok(self.with_recommends(Recommends::TopLevel)),
            "suggests" => Ok(self.with_suggests(true)),
            "no-suggests" => Ok(self.with_suggests(false)),
            _ => Err(ScenarioError::Setting(format!(
                "no preference of this solver: {word:?} (there are recommends, no-recommends, top-level-recommends, suggests, no-suggests)"
            ))),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
