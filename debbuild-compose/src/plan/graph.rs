//! The graph: nodes in an order in which each comes after what it is made of.

use std::collections::{BTreeMap, BTreeSet};

use debbuild_core::digest::Sha256;

use super::{Input, NodeSpec, PackageSets, PlanError, PlannedNode};

/// The nodes of a compose, each after its inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The nodes.
    pub nodes: Vec<PlannedNode>,
}

impl Plan {
    /// Puts nodes in order and gives each its key.
    ///
    /// # Errors
    /// [`PlanError::Twice`], [`PlanError::NoInput`] (also for circles).
    pub fn new(specs: Vec<NodeSpec>, packages: &PackageSets) -> Result<Self, PlanError> {
        let mut names = BTreeSet::new();
        if let Some(twice) = specs.iter().find(|spec| !names.insert(spec.name.clone())) {
            return Err(PlanError::Twice(twice.name.clone()));
        }
        let mut keys: BTreeMap<String, Sha256> = BTreeMap::new();
        for (name, set) in packages.iter() {
            keys.insert(Input::Packages(name.to_owned()).label(), set.key());
        }
        let (mut plan, mut waiting) = (Self::default(), specs);
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut later = Vec::new();
            for spec in waiting {
                let found = |input: &Input| keys.get(&input.label()).map(|key| (input.label(), *key));
                match spec.inputs.iter().map(found).collect::<Option<BTreeMap<_, _>>>() {
                    None => later.push(spec),
                    Some(inputs) => {
                        let node = PlannedNode::new(spec, inputs);
                        keys.insert(node.spec.name.clone(), node.key);
                        plan.nodes.push(node);
                    }
                }
            }
            if later.len() == before {
                return Err(stuck(&later, &keys));
            }
            waiting = later;
        }
        Ok(plan)
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&PlannedNode> {
        self.nodes.iter().find(|node| node.spec.name == name)
    }

    /// The nodes that are made, directly or not, of one that `given` holds, and those themselves.
    #[must_use]
    pub fn dependents(&self, given: &BTreeSet<String>) -> BTreeSet<String> {
        let mut all = given.clone();
        for node in &self.nodes {
            let of = |input: &Input| matches!(input, Input::Node(name) if all.contains(name));
            if node.spec.inputs.iter().any(of) {
                all.insert(node.spec.name.clone());
            }
        }
        all
    }
}

fn stuck(later: &[NodeSpec], keys: &BTreeMap<String, Sha256>) -> PlanError {
    let missing = later.iter().find_map(|spec| {
        let input = spec.inputs.iter().find(|input| !keys.contains_key(&input.label()))?;
        Some(PlanError::NoInput { node: spec.name.clone(), input: input.label() })
    });
    missing.unwrap_or_else(|| PlanError::NoInput { node: String::new(), input: String::new() })
}
