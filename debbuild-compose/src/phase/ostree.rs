//! OSTree commits: the root file system laid out as OSTree wants it, in an archive repository.

use std::sync::Arc;

use async_trait::async_trait;
use debbuild_core::{context::Context, path::AbsPath};

use super::{Facts, Inputs, LogFile, Phase, PhaseError, iso::epoch, rootfs};
use crate::{
    blueprint::{DeliverableKind, DeliverableOptions},
    ostree::{CommitRequest, CommitStore},
    plan::{Input, NodeSpec, Placement, PlanContext, PlanError},
    rootfs::TARBALL,
};

/// Makes an OSTree repository with one commit, with a [`CommitStore`].
#[derive(Debug)]
pub struct OstreePhase {
    store: Arc<dyn CommitStore>,
}

impl OstreePhase {
    /// The phase with this store.
    #[must_use]
    pub fn new(store: Arc<dyn CommitStore>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Phase for OstreePhase {
    fn name(&self) -> &'static str {
        "ostree/1"
    }

    fn plan(&self, plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError> {
        let kind = DeliverableKind::Ostree;
        let mut nodes = Vec::new();
        for variant in &plan.blueprint.variants {
            for deliverable in &variant.deliverables {
                let DeliverableOptions::Ostree(options) = &deliverable.options else { continue };
                let epoch = plan.set(&variant.name, kind)?.epoch.seconds().to_string();
                let placement = Placement::new(&variant.name, kind, deliverable.failable);
                let subject = format!("{} {} ({})", plan.blueprint.name, plan.blueprint.version, variant.name);
                let node = NodeSpec::new(format!("{}/ostree", variant.name), self.name(), placement)
                    .with_option("epoch", epoch)
                    .with_option("ref", &options.reference)
                    .with_option("subject", subject)
                    .with_option("version", &plan.blueprint.version)
                    .with_input(Input::Node(rootfs::node_name(&variant.name, kind)))
                    .delivered();
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    async fn run(&self, cx: &Context, node: &NodeSpec, inputs: &Inputs, output: &AbsPath) -> Result<Facts, PhaseError> {
        let rootfs = inputs.node(node, &rootfs::node_name(&node.placement.variant, DeliverableKind::Ostree))?;
        let reference = node.option("ref")?;
        let request = CommitRequest::new(rootfs.join(TARBALL), reference, epoch(node)?)
            .with_subject(node.option("subject")?)
            .with_version(node.option("version")?);
        let mut log = LogFile::open(&inputs.log)?;
        let commit = self.store.commit(cx, &request, &mut log, output).await?;
        Ok(Facts::from([
            ("commit".to_owned(), commit.to_string()),
            ("path".to_owned(), ".".to_owned()),
            ("ref".to_owned(), reference.to_owned()),
        ]))
    }
}
