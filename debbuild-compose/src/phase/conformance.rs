//! What every [`Phase`] must do.

use debbuild_core::context::Context;

use super::Phase;
use crate::plan::{NodeSpec, Placement, PlanContext};

/// Planning is pure, nodes carry the phase's name, serve a deliverable of the blueprint, and know no compose.
///
/// # Panics
/// When the phase does not conform.
pub fn plans_purely(phase: &dyn Phase, plan: &PlanContext<'_>) {
    let nodes = phase.plan(plan).expect("it plans");
    assert_eq!(nodes, phase.plan(plan).expect("it plans again"));
    for node in &nodes {
        assert_eq!(node.phase, phase.name());
        let variant = plan.blueprint.variant(&node.placement.variant).expect("the variant is in the blueprint");
        assert!(variant.deliverables.iter().any(|deliverable| deliverable.kind() == node.placement.kind));
        assert!(node.name.starts_with(&format!("{}/", variant.name)), "{} does not name its variant", node.name);
    }
}

/// A node that the phase did not plan is refused, and leaves nothing but what is thrown away.
///
/// # Panics
/// When the phase does not conform.
pub async fn refuses_strange_nodes(phase: &dyn Phase, scratch: &debbuild_core::path::AbsPath) {
    let placement = Placement::new("strange", crate::blueprint::DeliverableKind::Iso, false);
    let node = NodeSpec::new("strange/node", phase.name(), placement);
    let inputs = super::Inputs::new(scratch.join("log"));
    let output = scratch.join("output");
    std::fs::create_dir_all(&output).expect("scratch can be written");
    assert!(phase.run(&Context::new(), &node, &inputs, &output).await.is_err());
}
