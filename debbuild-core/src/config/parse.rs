//! TOML text to nodes that know their lines, and nodes back to TOML values.

use std::sync::Arc;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{ConfigError, Document, Node, Place, Value};

/// The origin of a text, and where its lines begin.
struct Lines {
    origin: Arc<str>,
    starts: Vec<usize>,
}

impl Lines {
    fn new(origin: &str, text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect();
        Self { origin: origin.into(), starts }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset) + 1;
        Place { origin: Arc::clone(&self.origin), line: u32::try_from(line).unwrap_or(u32::MAX) }
    }
}

impl Document {
    /// Reads TOML; `origin` names the text in errors (a path, `built-in`).
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] for what is not TOML 1.0, which includes a key given twice.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ConfigError> {
        let lines = Lines::new(origin, text);
        let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            place: lines.place(error.span().map_or(0, |span| span.start)),
            message: error.message().lines().collect::<Vec<_>>().join("; "),
        })?;
        Ok(Self { root: Node { place: lines.place(0), value: table_of(table.into_inner(), &lines)? } })
    }

    /// A document that says nothing.
    #[must_use]
    pub fn empty(origin: &str) -> Self {
        Self { root: Node { place: Place::named(origin), value: Value::Table(std::collections::BTreeMap::new()) } }
    }
}

fn table_of(table: DeTable<'_>, lines: &Lines) -> Result<Value, ConfigError> {
    let entries = table.into_iter().map(|(key, value)| {
        // The line of the key: a table's own span may begin elsewhere, and a long list ends elsewhere.
        let place = lines.place(key.span().start);
        Ok((key.into_inner().into_owned(), node_of(value, place, lines)?))
    });
    entries.collect::<Result<_, _>>().map(Value::Table)
}

fn node_of(value: Spanned<DeValue<'_>>, place: Place, lines: &Lines) -> Result<Node, ConfigError> {
    let wrong = |message: String| ConfigError::Syntax { place: place.clone(), message };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| wrong(format!("integer out of range: {}", number.as_str())))?,
        ),
        DeValue::Float(number) => {
            Value::Float(number.as_str().parse().map_err(|_| wrong(format!("not a number: {}", number.as_str())))?)
        }
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| {
                    let place = lines.place(item.span().start);
                    node_of(item, place, lines)
                })
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => table_of(table, lines)?,
    };
    Ok(Node { value, place })
}

impl Value {
    /// The value as TOML spells it on one line.
    pub(super) fn spelling(&self) -> String {
        match self {
            Self::Text(text) => toml::Value::String(text.clone()).to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => toml::Value::Float(*number).to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Date(date) => date.clone(),
            Self::List(items) => {
                format!("[{}]", items.iter().map(|item| item.value.spelling()).collect::<Vec<_>>().join(", "))
            }
            Self::Table(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Table(entries) => {
                let entries = entries.iter().map(|(key, item)| format!("{} = {}", bare(key), item.value.spelling()));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// What kind of value it is, for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// A key as TOML spells it: quoted where it must be.
pub(super) fn bare(key: &str) -> String {
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain { key.to_owned() } else { toml::Value::String(key.to_owned()).to_string() }
}
