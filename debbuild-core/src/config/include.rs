//! Includes: a document that names others, which lie below it.

use super::{ConfigError, Document, Value};

/// How deep includes may nest; a circle is found by this too.
pub const MAX_INCLUDES: usize = 16;

/// A text that an include led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// Its name in errors, from which its own includes are resolved: mostly its path.
    pub origin: String,
    /// The TOML.
    pub text: String,
}

impl Document {
    /// Follows the list of strings at the top-level `key` (and those of what it leads to): included documents lie below
    /// this one, later ones over earlier ones. The key itself is taken away.
    ///
    /// `load(origin, name)` gives the text that `name` means in the document `origin`; its error is a sentence.
    ///
    /// # Errors
    /// [`ConfigError::Include`] when `load` refuses, or deeper than [`MAX_INCLUDES`]; the errors of [`Document::parse`].
    pub fn include(
        self,
        key: &str,
        load: &mut dyn FnMut(&str, &str) -> Result<Included, String>,
    ) -> Result<Self, ConfigError> {
        self.include_at(key, load, 0)
    }

    fn include_at(
        mut self,
        key: &str,
        load: &mut dyn FnMut(&str, &str) -> Result<Included, String>,
        depth: usize,
    ) -> Result<Self, ConfigError> {
        let Value::Table(entries) = &mut self.root.value else { return Ok(self) };
        let Some(list) = entries.remove(key) else { return Ok(self) };
        let wrong = || ConfigError::value(&list.place, key, "expected a list of strings");
        let Value::List(items) = &list.value else { return Err(wrong()) };
        let mut below = Self::empty(self.root.place.origin());
        for item in items {
            let Value::Text(name) = &item.value else { return Err(wrong()) };
            let refuse =
                |message: String| ConfigError::Include { place: item.place.clone(), name: name.clone(), message };
            if depth >= MAX_INCLUDES {
                return Err(refuse(format!("includes are nested more than {MAX_INCLUDES} deep, or in a circle")));
            }
            let found = load(item.place.origin(), name).map_err(refuse)?;
            let document = Self::parse(&found.origin, &found.text)?;
            below = below.overlay(document.include_at(key, load, depth + 1)?);
        }
        let place = self.root.place.clone();
        let mut merged = below.overlay(self);
        merged.root.place = place;
        Ok(merged)
    }
}
