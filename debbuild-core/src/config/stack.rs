//! Tables that build on others: a later one replaces lists or adds to them, and every item keeps the place it was written at.

use std::collections::BTreeMap;

use super::{Document, Leaf, Node, Value, parse::bare};

impl Document {
    /// The tables in the table at the top-level `key`, by name, each as a document of its own.
    #[must_use]
    pub fn tables(&self, key: &str) -> Vec<(String, Self)> {
        let Some(Value::Table(inside)) = self.entry(key).map(|node| &node.value) else { return Vec::new() };
        let tables = inside.iter().filter(|(_, node)| matches!(node.value, Value::Table(_)));
        tables.map(|(name, node)| (name.clone(), Self { root: node.clone() })).collect()
    }

    /// This document without a top-level key.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        if let Value::Table(entries) = &mut self.root.value {
            entries.remove(key);
        }
        self
    }

    /// A document that builds on this one: laid over it as by [`Document::overlay`], and then the lists in its table at the
    /// top-level key `add` go to the ends of the lists of the same names. Where there is no such list yet they are kept to be
    /// added to what this one will itself be laid over; [`Document::settled`] ends that.
    #[must_use]
    pub fn stacked(mut self, above: Self, add: &str) -> Self {
        let more = above.entry(add).cloned();
        let above = above.without(add);
        if let (Value::Table(mine), Value::Table(theirs)) = (&mut self.root.value, &above.root.value)
            && let Some(Value::Table(waiting)) = mine.get_mut(add).map(|node| &mut node.value)
        {
            // A list that is replaced takes along what was to be added to it.
            waiting.retain(|key, _| !theirs.contains_key(key));
        }
        let mut result = self.overlay(above);
        let Some(Node { value: Value::Table(more), place }) = more else { return result };
        let Value::Table(entries) = &mut result.root.value else { return result };
        for (key, list) in more {
            if let Some(known) = entries.get_mut(&key) {
                append(known, list);
                continue;
            }
            let empty = || Node { value: Value::Table(BTreeMap::new()), place: place.clone() };
            let waiting = entries.entry(add.to_owned()).or_insert_with(empty);
            if let Value::Table(waiting) = &mut waiting.value {
                match waiting.get_mut(&key) {
                    Some(known) => append(known, list),
                    None => drop(waiting.insert(key, list)),
                }
            }
        }
        result
    }

    /// This document with nothing below it: what still waits in the table `add` stands alone.
    #[must_use]
    pub fn settled(mut self, add: &str) -> Self {
        let waiting = self.entry(add).cloned();
        self = self.without(add);
        if let (Value::Table(entries), Some(Node { value: Value::Table(waiting), .. })) =
            (&mut self.root.value, waiting)
        {
            for (key, list) in waiting {
                entries.entry(key).or_insert(list);
            }
        }
        self
    }

    /// Every single value as [`Document::leaves`] gives them, with the items of lists one by one (`packages.3`).
    #[must_use]
    pub fn items(&self) -> Vec<Leaf> {
        let mut found = Vec::new();
        each(&self.root, String::new(), &mut found);
        found
    }

    fn entry(&self, key: &str) -> Option<&Node> {
        match &self.root.value {
            Value::Table(entries) => entries.get(key),
            _ => None,
        }
    }
}

/// Puts the items of a list at the end of another; what is no list takes its place, and is refused when it is read.
fn append(known: &mut Node, list: Node) {
    match (&mut known.value, list.value) {
        (Value::List(items), Value::List(more)) => items.extend(more),
        (_, value) => *known = Node { value, place: list.place },
    }
}

fn each(node: &Node, key: String, found: &mut Vec<Leaf>) {
    let join = |name: String| if key.is_empty() { name } else { format!("{key}.{name}") };
    match &node.value {
        Value::Table(entries) => entries.iter().for_each(|(name, inner)| each(inner, join(bare(name)), found)),
        Value::List(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(at, inner)| each(inner, join(at.to_string()), found));
        }
        value => found.push(Leaf { key, value: value.spelling(), place: node.place.clone() }),
    }
}
