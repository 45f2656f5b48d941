//! Running nodes: each after its inputs, several at once, only those that are needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use debbuild_core::{
    blocking,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _, chain},
    event::Unit,
    lock::LockedPackage,
    path::AbsPath,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::{ComposeError, Planned};
use crate::{
    cache::{Found, NodeCache, StoredNode},
    phase::{Inputs, Phase, PhaseError},
    plan::{Input, PlanError, PlannedNode, Reason},
};

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeOutcome {
    /// Its stored output was taken.
    Reused,
    /// It was made.
    Made {
        /// How long it took, in seconds.
        seconds: u64,
    },
    /// Nothing that is made now needs it.
    NotNeeded,
    /// It failed, and may.
    Failed {
        /// The class of the failure.
        class: Class,
        /// Why.
        message: String,
    },
    /// Something that it is made of failed.
    Skipped,
}

/// One node of a compose that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: Sha256,
    /// Why it was made or reused.
    pub reason: Reason,
    /// What became of it.
    pub outcome: NodeOutcome,
}

/// The nodes of one compose while they run.
pub(super) struct Runner<'a> {
    pub(super) phases: &'a [Arc<dyn Phase>],
    pub(super) cache: &'a NodeCache,
    pub(super) planned: &'a Planned,
    pub(super) logs: &'a AbsPath,
    pub(super) owner: &'a str,
    pub(super) jobs: usize,
}

/// What became of all nodes, by name.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) stored: BTreeMap<String, StoredNode>,
    pub(super) outcomes: BTreeMap<String, NodeOutcome>,
}

impl Runner<'_> {
    fn found(&self, node: &PlannedNode) -> Option<&StoredNode> {
        match self.planned.found.get(&node.key) {
            Some(Found::Stored(stored)) => Some(stored),
            _ => None,
        }
    }

    /// The names of the nodes that must be made: those whose output is delivered, and what those are made of.
    fn needed(&self) -> BTreeSet<&str> {
        let mut needed = BTreeSet::new();
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for node in self.planned.plan.nodes.iter().rev() {
            let name = node.spec.name.as_str();
            if self.found(node).is_none() && (node.spec.delivered || wanted.contains(name)) {
                needed.insert(name);
                wanted.extend(node.spec.inputs.iter().filter_map(|input| match input {
                    Input::Node(name) => Some(name.as_str()),
                    Input::Packages(_) => None,
                }));
            }
        }
        needed
    }

    /// The packages that must be in the blob store before nodes run.
    pub(super) fn packages(&self) -> Vec<LockedPackage> {
        let needed = self.needed();
        let nodes = self.planned.plan.nodes.iter().filter(|node| needed.contains(node.spec.name.as_str()));
        let mut all = BTreeSet::new();
        for input in nodes.flat_map(|node| &node.spec.inputs) {
            if let Input::Packages(name) = input
                && let Some(set) = self.planned.packages.get(name)
            {
                all.extend(set.packages.iter().cloned());
            }
        }
        all.into_iter().collect()
    }

    /// Runs everything that is needed. A failure of a node that may not fail ends it all.
    pub(super) async fn run(&self, cx: &Context) -> Result<Done, ComposeError> {
        let mut done = Done::default();
        let needed = self.needed();
        let mut waiting = Vec::new();
        for node in &self.planned.plan.nodes {
            let name = node.spec.name.clone();
            if let Some(stored) = self.found(node) {
                done.stored.insert(name.clone(), stored.clone());
                done.outcomes.insert(name, NodeOutcome::Reused);
            } else if needed.contains(name.as_str()) {
                waiting.push(node);
            } else {
                done.outcomes.insert(name, NodeOutcome::NotNeeded);
            }
        }
        let step = cx.step("compose", Unit::Items, Some(waiting.len() as u64));
        let inner = step.context().clone();
        let mut running = FuturesUnordered::new();
        let mut count = 0;
        loop {
            waiting.retain(|node| {
                let lost = node.spec.inputs.iter().any(|input| {
                    matches!(input, Input::Node(name) if matches!(done.outcomes.get(name), Some(NodeOutcome::Failed { .. } | NodeOutcome::Skipped)))
                });
                if lost {
                    done.outcomes.insert(node.spec.name.clone(), NodeOutcome::Skipped);
                }
                !lost
            });
            while running.len() < self.jobs
                && let Some(next) = waiting.iter().position(|node| self.inputs(node, &done).is_ok())
            {
                let node = waiting.remove(next);
                let inputs = self.inputs(node, &done)?;
                running.push(self.node(&inner, node, inputs));
            }
            let ended = tokio::select! {
                biased;
                () = cx.cancel().cancelled() => return Err(ComposeError::Cancelled { compose: self.owner.to_owned() }),
                ended = running.next() => ended,
            };
            let Some((node, result)) = ended else { break };
            count += 1;
            step.progress(count);
            self.settle(cx, node, result, &mut done)?;
        }
        step.finish();
        Ok(done)
    }

    fn settle(
        &self,
        cx: &Context,
        node: &PlannedNode,
        result: Result<StoredNode, PhaseError>,
        done: &mut Done,
    ) -> Result<(), ComposeError> {
        let name = node.spec.name.clone();
        match result {
            Ok(stored) => {
                done.outcomes.insert(name.clone(), NodeOutcome::Made { seconds: stored.seconds });
                done.stored.insert(name, stored);
            }
            Err(error) if node.spec.placement.failable && error.class() != Class::Cancelled => {
                let message = chain(&error);
                cx.warn(format!("{name} failed, and may: {message}"));
                done.outcomes.insert(name, NodeOutcome::Failed { class: error.class(), message });
            }
            Err(error) if error.class() == Class::Cancelled => {
                return Err(ComposeError::Cancelled { compose: self.owner.to_owned() });
            }
            Err(error) => {
                return Err(ComposeError::Doomed {
                    compose: self.owner.to_owned(),
                    node: name,
                    source: Box::new(error),
                });
            }
        }
        Ok(())
    }

    fn inputs(&self, node: &PlannedNode, done: &Done) -> Result<Inputs, ComposeError> {
        let log = self.logs.child(&format!("{}.log", node.spec.name.replace('/', "-")))?;
        let mut inputs = Inputs::new(log);
        for input in &node.spec.inputs {
            let missing = || PlanError::NoInput { node: node.spec.name.clone(), input: input.label() };
            match input {
                Input::Node(name) => {
                    let stored = done.stored.get(name).ok_or_else(missing)?;
                    inputs.nodes.insert(name.clone(), stored.output.clone());
                }
                Input::Packages(name) => {
                    let set = self.planned.packages.get(name).ok_or_else(missing)?;
                    inputs.packages.insert(name.clone(), Arc::clone(set));
                }
            }
        }
        Ok(inputs)
    }

    async fn node<'n>(
        &self,
        cx: &Context,
        node: &'n PlannedNode,
        inputs: Inputs,
    ) -> (&'n PlannedNode, Result<StoredNode, PhaseError>) {
        let step = cx.step(node.spec.name.clone(), Unit::None, None);
        let result = self.make(step.context(), node, &inputs).await;
        match &result {
            Ok(_) => step.finish(),
            Err(error) => step.fail(error.class()),
        }
        (node, result)
    }

    async fn make(&self, cx: &Context, node: &PlannedNode, inputs: &Inputs) -> Result<StoredNode, PhaseError> {
        let unknown = || PlanError::NoInput { node: node.spec.name.clone(), input: node.spec.phase.clone() };
        let phase = self.phases.iter().find(|phase| phase.name() == node.spec.phase).ok_or_else(unknown)?;
        let begun = cx.clock().monotonic();
        let draft = self.cache.draft(node.key, &format!("{}.{}", node.spec.name.replace('/', "-"), self.owner))?;
        let facts = phase.run(cx, &node.spec, inputs, &draft.output).await?;
        let seconds = cx.clock().monotonic().saturating_duration_since(begun).as_secs();
        let (cache, node) = (self.cache.clone(), node.clone());
        Ok(blocking::run(move || cache.keep(draft, &node, facts, seconds)).await?)
    }
}
