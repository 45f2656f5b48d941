//! The keys of files of profiles, each with the place it was written at.

use std::{collections::BTreeMap, fmt};

use debbuild_core::config::Placed;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

pub(super) type Texts = Vec<Placed<String>>;

/// A file: other files that lie below it, and profiles by name.
#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) includes: Texts,
    #[serde(default, rename = "profiles")]
    pub(super) _profiles: BTreeMap<String, Table>,
}

/// What a profile says itself, or what came of all that it builds on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Table {
    #[serde(default)]
    pub(super) description: String,
    pub(super) inherits: Option<Placed<Words>>,
    pub(super) suite: Option<Placed<String>>,
    pub(super) architecture: Option<Placed<String>>,
    pub(super) host: Option<Placed<String>>,
    pub(super) variant: Option<Placed<String>>,
    #[serde(default)]
    pub(super) components: Texts,
    #[serde(default)]
    pub(super) mirrors: Texts,
    #[serde(default)]
    pub(super) keyrings: Texts,
    pub(super) companions: Option<Texts>,
    #[serde(default = "yes")]
    pub(super) valid_until: bool,
    #[serde(default)]
    pub(super) include: Texts,
    #[serde(default)]
    pub(super) hooks: Texts,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, Placed<String>>,
    #[serde(default)]
    pub(super) apt_options: BTreeMap<String, Placed<Words>>,
    #[serde(default)]
    pub(super) repositories: BTreeMap<String, Placed<Repository>>,
    #[serde(default, rename = "add")]
    pub(super) _add: Option<Lists>,
}

/// The lists that can be added to.
#[derive(Debug, Deserialize)]
pub(super) struct Lists {
    #[serde(default, rename = "components")]
    _components: Texts,
    #[serde(default, rename = "mirrors")]
    _mirrors: Texts,
    #[serde(default, rename = "keyrings")]
    _keyrings: Texts,
    #[serde(default, rename = "companions")]
    _companions: Texts,
    #[serde(default, rename = "include")]
    _include: Texts,
    #[serde(default, rename = "hooks")]
    _hooks: Texts,
}

/// One more repository.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Repository {
    pub(super) uri: Option<Placed<String>>,
    pub(super) suite: Option<Placed<String>>,
    pub(super) components: Option<Texts>,
    pub(super) key: Option<Placed<String>>,
    pub(super) priority: Option<Placed<i16>>,
    #[serde(default = "yes")]
    pub(super) valid_until: bool,
    #[serde(default = "yes")]
    pub(super) enabled: bool,
}

fn yes() -> bool {
    true
}

/// One text or a list of them; numbers and truth values are texts here.
#[derive(Debug)]
pub(super) enum Words {
    One(String),
    Many(Vec<String>),
}

impl Words {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) => words,
        }
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Words, E> {
                Ok(Words::One(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Words, E> {
                Ok(Words::One(number.to_string()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Words, E> {
                Ok(Words::One(value.to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = items.next_element()? {
                    words.push(word);
                }
                Ok(Words::Many(words))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
