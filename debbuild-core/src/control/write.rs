//! Writing of deb822 stanzas: what is written can be read back, and the same fields give the same bytes.

use std::fmt;

use super::ControlError;

/// A stanza in the making: fields in the order in which they are added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stanza {
    text: String,
}

impl Stanza {
    /// A stanza without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field of one line.
    ///
    /// # Errors
    /// [`ControlError::Unwritable`] when the name is not a field name or already there, or the value is empty or holds a
    /// line break or another control character.
    pub fn field(&mut self, name: &str, value: impl fmt::Display) -> Result<&mut Self, ControlError> {
        let value = value.to_string();
        if value.trim().is_empty() || value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(unwritable(name, "the value is not one line of text"));
        }
        self.begin(name)?;
        self.text.push(' ');
        self.text.push_str(value.trim());
        self.text.push('\n');
        Ok(self)
    }

    /// Adds a field of one line where there is a value.
    ///
    /// # Errors
    /// As [`Stanza::field`].
    pub fn optional(&mut self, name: &str, value: Option<impl fmt::Display>) -> Result<&mut Self, ControlError> {
        match value {
            Some(value) => self.field(name, value),
            None => Ok(self),
        }
    }

    /// Adds a field whose value begins on the next line, one line for each item, as the lists of files have it.
    ///
    /// # Errors
    /// As [`Stanza::field`].
    pub fn list<T: fmt::Display>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
    ) -> Result<&mut Self, ControlError> {
        let mut lines = String::new();
        for item in items {
            lines.push_str("\n ");
            lines.push_str(&item.to_string());
        }
        self.verbatim(name, &lines)
    }

    /// Adds a field as [`Paragraph::get`](super::Paragraph::get) gave it, continuation lines and their leading spaces included.
    ///
    /// # Errors
    /// [`ControlError::Unwritable`] also when a line of the value would end the field or the stanza.
    pub fn verbatim(&mut self, name: &str, value: &str) -> Result<&mut Self, ControlError> {
        let bad = |line: &str| !line.starts_with([' ', '\t']) || line.trim().is_empty();
        if value.split('\n').skip(1).any(bad) {
            return Err(unwritable(name, "a line of the value does not continue the field"));
        }
        if value.contains(|c: char| c.is_control() && c != '\t' && c != '\n') {
            return Err(unwritable(name, "the value has a control character"));
        }
        self.begin(name)?;
        if !value.is_empty() && !value.starts_with('\n') {
            self.text.push(' ');
        }
        self.text.push_str(value);
        self.text.push('\n');
        Ok(self)
    }

    /// The stanza, each line ended.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn begin(&mut self, name: &str) -> Result<(), ControlError> {
        let is_name = !name.is_empty()
            && !name.starts_with(['#', '-'])
            && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !is_name {
            return Err(unwritable(name, "not a field name"));
        }
        let same = |line: &str| line.split_once(':').is_some_and(|(other, _)| other.eq_ignore_ascii_case(name));
        if self.text.lines().any(same) {
            return Err(unwritable(name, "the field is already there"));
        }
        self.text.push_str(name);
        self.text.push(':');
        Ok(())
    }
}

impl fmt::Display for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn unwritable(field: &str, reason: &'static str) -> ControlError {
    ControlError::Unwritable { field: field.chars().take(60).collect(), reason }
}
