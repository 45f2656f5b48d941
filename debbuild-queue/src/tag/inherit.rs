//! What a tag holds with what it inherits: the nearest tag that has a source package decides about it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Build, TagName};

/// The builds of one tag, in the order in which they were added, and the source packages that it does not inherit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Layer {
    /// The tag.
    pub tag: TagName,
    /// Its own builds, the newest addition last.
    pub builds: Vec<Build>,
    /// Source packages that it does not inherit.
    pub blocked: Vec<String>,
}

impl Layer {
    /// A layer.
    #[must_use]
    pub fn new(tag: TagName, builds: Vec<Build>, blocked: Vec<String>) -> Self {
        Self { tag, builds, blocked }
    }
}

/// A build that a tag offers, and the tag that it comes from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Content {
    /// The tag itself, or the one that it inherits the build from.
    pub from: TagName,
    /// The build.
    pub build: Build,
}

/// What the first layer offers, given the layers that it inherits from in the order of nearness.
///
/// For every source package the first layer that has a build of it decides; there the newest addition counts for each
/// architecture, if it is of the source version that was added last: two versions are never mixed. Ordered by source,
/// then architecture.
#[must_use]
pub fn merge(layers: &[Layer]) -> Vec<Content> {
    let mut offered: BTreeMap<(String, String), Content> = BTreeMap::new();
    let mut decided: BTreeSet<String> = BTreeSet::new();
    for layer in layers {
        let mut newest: BTreeMap<&str, &str> = BTreeMap::new();
        for build in &layer.builds {
            newest.insert(&build.record.source, &build.record.version);
        }
        for build in &layer.builds {
            let record = &build.record;
            if !decided.contains(&record.source) && newest.get(record.source.as_str()) == Some(&record.version.as_str())
            {
                let key = (record.source.clone(), record.architecture.clone());
                offered.insert(key, Content { from: layer.tag.clone(), build: build.clone() });
            }
        }
        decided.extend(newest.into_keys().map(str::to_owned));
        decided.extend(layer.blocked.iter().cloned());
    }
    offered.into_values().collect()
}
