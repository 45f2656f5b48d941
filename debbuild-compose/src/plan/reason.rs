//! Why a node is made again or not: compared with the plan of the compose before.

use std::{collections::BTreeMap, fmt};

use debbuild_core::digest::Sha256;
use serde::{Deserialize, Serialize};

use super::{Plan, PlannedNode};

/// Why a node is reused or made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Reused: its output is there under the same key.
    SameKey,
    /// Made: no plan before had it.
    New,
    /// Made: the same node was planned before, but its output is not there (any more).
    NoOutput,
    /// Made: its stored output is not what was stored.
    Damaged,
    /// Made: inputs have other keys than before.
    InputsChanged(Vec<String>),
    /// Made: options are others than before.
    OptionsChanged(Vec<String>),
    /// Made: the recipe of its phase is another.
    RecipeChanged,
}

impl Reason {
    /// Whether the node is not made again.
    #[must_use]
    pub const fn is_reuse(&self) -> bool {
        matches!(self, Self::SameKey)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameKey => f.write_str("reused: same key"),
            Self::New => f.write_str("run: new"),
            Self::NoOutput => f.write_str("rerun: its output is not there"),
            Self::Damaged => f.write_str("rerun: its stored output is damaged"),
            Self::InputsChanged(names) => write!(f, "rerun: input {} changed", names.join(", ")),
            Self::OptionsChanged(names) => write!(f, "rerun: option {} changed", names.join(", ")),
            Self::RecipeChanged => f.write_str("rerun: the recipe of its phase changed"),
        }
    }
}

/// What a later compose needs to say why it did what: a wire type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanRecord {
    /// 1.
    pub schema: u32,
    nodes: BTreeMap<String, NodeRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRecord {
    phase: String,
    key: Sha256,
    options: BTreeMap<String, String>,
    inputs: BTreeMap<String, Sha256>,
}

impl PlanRecord {
    /// The record of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let node = |node: &PlannedNode| {
            let PlannedNode { spec, key, inputs } = node;
            let record = NodeRecord {
                phase: spec.phase.clone(),
                key: *key,
                options: spec.options.clone(),
                inputs: inputs.clone(),
            };
            (spec.name.clone(), record)
        };
        Self { schema: 1, nodes: plan.nodes.iter().map(node).collect() }
    }

    /// Why a node that has no stored output must be made.
    #[must_use]
    pub fn why(&self, node: &PlannedNode) -> Reason {
        let Some(before) = self.nodes.get(&node.spec.name) else { return Reason::New };
        if before.key == node.key {
            return Reason::NoOutput;
        }
        let inputs = changed(&before.inputs, &node.inputs);
        let options = changed(&before.options, &node.spec.options);
        match (inputs.is_empty(), options.is_empty()) {
            (false, _) => Reason::InputsChanged(inputs),
            (true, false) => Reason::OptionsChanged(options),
            (true, true) => Reason::RecipeChanged,
        }
    }
}

fn changed<T: PartialEq>(before: &BTreeMap<String, T>, now: &BTreeMap<String, T>) -> Vec<String> {
    let new = now.iter().filter(|(name, value)| before.get(*name) != Some(*value)).map(|(name, _)| name);
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    new.chain(gone).cloned().collect()
}
