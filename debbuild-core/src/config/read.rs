//! Documents into types: a serde deserializer whose errors name place and key, and that refuses unknown keys itself.

use std::{collections::btree_map, fmt, slice};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess,
        VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};

use super::{ConfigError, Document, Node, Place, Value, nearest};

impl Document {
    /// Reads the document into a type.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`], [`ConfigError::Missing`] and [`ConfigError::Value`], the first that is found.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(Reader { node: &self.root, key: String::new() })
            .map_err(|problem| problem.at(&self.root.place, ""))
    }
}

/// A value that remembers where it was written, for checks that come later. Only for reading [`Document`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
}

const PLACED: &str = "debbuild_core::config::Placed";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "debbuild_core::config::Placed")]
        struct Wire<T> {
            origin: String,
            line: u32,
            value: T,
        }
        let Wire { origin, line, value } = Wire::<T>::deserialize(deserializer)?;
        Ok(Self { value, place: Place { origin: origin.into(), line } })
    }
}

/// A problem on its way up: the innermost table that knows its place fills it in.
#[derive(Debug)]
enum Problem {
    /// Of this field, known only by what serde says.
    Missing(&'static str),
    Message(String),
    Placed(ConfigError),
}

impl Problem {
    fn at(self, place: &Place, key: &str) -> ConfigError {
        match self {
            Self::Placed(error) => error,
            Self::Missing(field) => ConfigError::Missing { place: place.clone(), key: join(key, field) },
            Self::Message(message) if key.is_empty() => ConfigError::Syntax { place: place.clone(), message },
            Self::Message(message) => ConfigError::value(place, key, message),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => write!(f, "missing key {field:?}"),
            Self::Message(message) => f.write_str(message),
            Self::Placed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Message(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

struct Reader<'a> {
    node: &'a Node,
    key: String,
}

impl<'a> Reader<'a> {
    /// Refuses keys of this table that the type has no field for.
    fn check(
        &self,
        entries: &'a std::collections::BTreeMap<String, Node>,
        fields: &[&'static str],
    ) -> Result<(), Problem> {
        let unknown = entries.iter().filter(|(key, _)| !fields.contains(&key.as_str()));
        let Some((key, node)) = unknown.min_by_key(|(_, node)| node.place.line) else { return Ok(()) };
        Err(Problem::Placed(ConfigError::UnknownKey {
            place: node.place.clone(),
            key: join(&self.key, key),
            nearest: nearest(key, fields.iter().copied()).map(|near| join(&self.key, near)),
        }))
    }

    fn entries(&self, entries: &'a std::collections::BTreeMap<String, Node>) -> Entries<'a> {
        Entries { entries: entries.iter(), value: None, table: self.key.clone() }
    }

    fn settle<T>(&self, result: Result<T, Problem>) -> Result<T, Problem> {
        result.map_err(|problem| Problem::Placed(problem.at(&self.node.place, &self.key)))
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let result = match &self.node.value {
            Value::Text(text) | Value::Date(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter(), at: 0, list: self.key.clone() }),
            Value::Table(entries) => visitor.visit_map(self.entries(entries)),
        };
        self.settle(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if name == PLACED {
            return visitor.visit_map(Whole { reader: self, next: 0 });
        }
        if let Value::Table(entries) = &self.node.value {
            self.check(entries, fields)?;
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let result = match &self.node.value {
            Value::Text(text) => visitor.visit_enum(IntoEnum(text)),
            Value::Table(entries) if entries.len() == 1 => match entries.iter().next() {
                Some((name, node)) => {
                    visitor.visit_enum(Tagged { name, reader: Reader { node, key: join(&self.key, name) } })
                }
                None => Err(Problem::Message("an empty table".to_owned())),
            },
            other => {
                Err(Problem::Message(format!("expected a string or a table with one key, found {}", other.kind())))
            }
        };
        self.settle(result)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// A string as the name of a unit variant.
struct IntoEnum<'a>(&'a str);

impl<'de> EnumAccess<'de> for IntoEnum<'_> {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Problem> {
        Ok((seed.deserialize(self.0.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for IntoEnum<'_> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Problem> {
        Err(Problem::Message(format!("{:?} needs a table with its options", self.0)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Problem> {
        Err(Problem::Message(format!("{:?} needs a table with its options", self.0)))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Problem> {
        Err(Problem::Message(format!("{:?} needs a table with its options", self.0)))
    }
}

/// A table of one key as a variant with its options.
struct Tagged<'a> {
    name: &'a str,
    reader: Reader<'a>,
}

impl<'a, 'de> EnumAccess<'de> for Tagged<'a> {
    type Error = Problem;
    type Variant = Reader<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Reader<'a>), Problem> {
        let variant = seed.deserialize(self.name.into_deserializer());
        Ok((self.reader.settle(variant)?, self.reader))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        self.settle(Err(Problem::Message("takes no options: write it as a string".to_owned())))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Problem> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_struct("", fields, visitor)
    }
}

struct Items<'a> {
    items: slice::Iter<'a, Node>,
    at: usize,
    list: String,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let key = join(&self.list, &self.at.to_string());
        self.at += 1;
        let result = seed.deserialize(Reader { node, key: key.clone() });
        result.map(Some).map_err(|problem| Problem::Placed(problem.at(&node.place, &key)))
    }
}

struct Entries<'a> {
    entries: btree_map::Iter<'a, String, Node>,
    value: Option<(&'a str, &'a Node)>,
    table: String,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Problem;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some((key, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, node));
        let result = seed.deserialize(key.as_str().into_deserializer());
        result.map(Some).map_err(|problem: Problem| Problem::Placed(problem.at(&node.place, &join(&self.table, key))))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let Some((key, node)) = self.value.take() else { return Err(Problem::Message("a value without a key".into())) };
        let key = join(&self.table, key);
        let result = seed.deserialize(Reader { node, key: key.clone() });
        result.map_err(|problem| Problem::Placed(problem.at(&node.place, &key)))
    }
}

/// The three fields that [`Placed`] reads.
struct Whole<'a> {
    reader: Reader<'a>,
    next: u8,
}

impl<'de> MapAccess<'de> for Whole<'_> {
    type Error = Problem;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        self.next += 1;
        let name = match self.next {
            1 => "origin",
            2 => "line",
            3 => "value",
            _ => return Ok(None),
        };
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let place = &self.reader.node.place;
        match self.next {
            1 => seed.deserialize(place.origin().into_deserializer()),
            2 => seed.deserialize(place.line.into_deserializer()),
            _ => seed.deserialize(Reader { node: self.reader.node, key: self.reader.key.clone() }),
        }
    }
}
