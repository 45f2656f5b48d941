//! Layers: the later over the earlier, single keys from flags and from the environment, and where each value came from.

use std::collections::BTreeMap;

use super::{ConfigError, Document, Leaf, Node, Place, Value, nearest, parse::bare};

impl Document {
    /// This document with a later layer over it: tables are merged key by key, every other value is replaced whole.
    #[must_use]
    pub fn overlay(mut self, later: Self) -> Self {
        merge(&mut self.root, later.root);
        self
    }

    /// Every value with its dotted key, its spelling and its origin, sorted by key.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf> {
        let mut found = Vec::new();
        collect(&self.root, String::new(), &mut found);
        found
    }

    /// Where the value at a dotted key was written; list items are numbered from 0 (`packages.3`).
    #[must_use]
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.node(key).map(|node| &node.place)
    }

    /// The place of the whole document.
    #[must_use]
    pub fn origin(&self) -> &Place {
        &self.root.place
    }

    /// A layer of one key, from text as flags and variables give it; its kind is that of the same key in `self`.
    ///
    /// Lists are separated by commas; TOML (`["a", "b"]`) is taken too.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] when `self` has no such key, [`ConfigError::Value`] when the text is of another kind.
    pub fn single(&self, key: &str, text: &str, place: &Place) -> Result<Self, ConfigError> {
        let Some(model) = self.node(key) else {
            let leaves = self.leaves();
            let nearest = nearest(key, leaves.iter().map(|leaf| leaf.key.as_str())).map(str::to_owned);
            return Err(ConfigError::UnknownKey { place: place.clone(), key: key.to_owned(), nearest });
        };
        let value = value_of(text, &model.value, key, place)?;
        let mut node = Node { value, place: place.clone() };
        for part in key.rsplit('.') {
            let table = BTreeMap::from([(part.to_owned(), node)]);
            node = Node { value: Value::Table(table), place: place.clone() };
        }
        Ok(Self { root: node })
    }

    /// A layer of the variables that begin with `prefix`: `DEBBUILD_BUILD_USER` sets the key `build.user` of `self`.
    ///
    /// Variables for which `other` says so belong to somebody else and are passed over.
    ///
    /// # Errors
    /// As [`Document::single`]; the place is the variable's name.
    pub fn environment(
        &self,
        prefix: &str,
        variables: &BTreeMap<String, String>,
        other: &dyn Fn(&str) -> bool,
    ) -> Result<Self, ConfigError> {
        let known: BTreeMap<String, String> =
            self.leaves().into_iter().map(|leaf| (variable(prefix, &leaf.key), leaf.key)).collect();
        let mut layer = Self::empty("environment");
        for (name, text) in variables.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix)) {
            if other(name) {
                continue;
            }
            let place = Place::named(name);
            let Some(key) = known.get(name) else {
                let nearest = nearest(name, known.keys().map(String::as_str)).map(str::to_owned);
                return Err(ConfigError::UnknownKey { place, key: name.clone(), nearest });
            };
            layer = layer.overlay(self.single(key, text, &place)?);
        }
        Ok(layer)
    }

    pub(super) fn node(&self, key: &str) -> Option<&Node> {
        key.split('.').try_fold(&self.root, |node, part| match &node.value {
            Value::Table(entries) => entries.get(part),
            Value::List(items) => items.get(part.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

fn variable(prefix: &str, key: &str) -> String {
    format!("{prefix}{}", key.to_uppercase().replace(['.', '-'], "_"))
}

fn merge(below: &mut Node, above: Node) {
    match (&mut below.value, above.value) {
        (Value::Table(mine), Value::Table(theirs)) => {
            for (key, node) in theirs {
                match mine.get_mut(&key) {
                    Some(old) => merge(old, node),
                    None => {
                        mine.insert(key, node);
                    }
                }
            }
        }
        (_, value) => *below = Node { value, place: above.place },
    }
}

fn collect(node: &Node, key: String, found: &mut Vec<Leaf>) {
    match &node.value {
        Value::Table(entries) if !entries.is_empty() => {
            for (name, inner) in entries {
                let name = bare(name);
                collect(inner, if key.is_empty() { name } else { format!("{key}.{name}") }, found);
            }
        }
        Value::Table(_) if key.is_empty() => {}
        value => found.push(Leaf { key, value: value.spelling(), place: node.place.clone() }),
    }
}

fn value_of(text: &str, model: &Value, key: &str, place: &Place) -> Result<Value, ConfigError> {
    let wrong = || ConfigError::value(place, key, format!("expected {}, found {text:?}", model.kind()));
    Ok(match model {
        Value::Text(_) => Value::Text(text.to_owned()),
        Value::Date(_) => Value::Date(text.to_owned()),
        Value::Integer(_) => Value::Integer(text.parse().map_err(|_| wrong())?),
        Value::Float(_) => Value::Float(text.parse().map_err(|_| wrong())?),
        Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| wrong())?),
        Value::List(_) if text.trim_start().starts_with('[') => {
            let parsed = Document::parse(place.origin(), &format!("value = {text}"))?;
            parsed.node("value").map(|node| node.value.clone()).ok_or_else(wrong)?
        }
        Value::List(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::List(items.map(|i| Node { value: Value::Text(i.to_owned()), place: place.clone() }).collect())
        }
        Value::Table(_) => return Err(wrong()),
    })
}
