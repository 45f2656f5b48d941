//! OCI images: one layer of the root file system, in an image layout.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{arch::Architecture, context::Context, path::AbsPath};

use super::{Facts, Inputs, Phase, PhaseError, rootfs};
use crate::{
    blueprint::{Container, DeliverableKind, DeliverableOptions},
    oci::{ImageBuilder, ImageRequest},
    plan::{Input, NodeSpec, Placement, PlanContext, PlanError},
    rootfs::TARBALL,
};

/// Makes an image layout in `oci/` with an [`ImageBuilder`].
#[derive(Debug)]
pub struct ContainerPhase {
    builder: Arc<dyn ImageBuilder>,
}

impl ContainerPhase {
    /// The phase with this builder.
    #[must_use]
    pub fn new(builder: Arc<dyn ImageBuilder>) -> Self {
        Self { builder }
    }
}

#[async_trait]
impl Phase for ContainerPhase {
    fn name(&self) -> &'static str {
        "container/1"
    }

    fn plan(&self, plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError> {
        let kind = DeliverableKind::Container;
        let mut nodes = Vec::new();
        for variant in &plan.blueprint.variants {
            for deliverable in &variant.deliverables {
                let DeliverableOptions::Container(options) = &deliverable.options else { continue };
                let epoch = plan.set(&variant.name, kind)?.epoch.seconds().to_string();
                let placement = Placement::new(&variant.name, kind, deliverable.failable);
                let Container { tag, entrypoint, command, environment, labels } = options;
                let mut labels = labels.clone();
                let version = &plan.blueprint.version;
                for (name, value) in [("title", &plan.blueprint.name), ("version", version)] {
                    labels.entry(format!("org.opencontainers.image.{name}")).or_insert_with(|| value.clone());
                }
                let node = NodeSpec::new(format!("{}/container", variant.name), self.name(), placement)
                    .with_option("architecture", plan.blueprint.architecture.as_str())
                    .with_option("epoch", epoch)
                    .with_option("tag", tag)
                    .with_option("entrypoint", json(entrypoint))
                    .with_option("command", json(command))
                    .with_option("environment", json(environment))
                    .with_option("labels", json(&labels))
                    .with_input(Input::Node(rootfs::node_name(&variant.name, kind)))
                    .delivered();
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    async fn run(&self, cx: &Context, node: &NodeSpec, inputs: &Inputs, output: &AbsPath) -> Result<Facts, PhaseError> {
        let rootfs = inputs.node(node, &rootfs::node_name(&node.placement.variant, DeliverableKind::Container))?;
        let wrong = |option| PlanError::Option { node: node.name.clone(), option };
        let architecture = Architecture::new(node.option("architecture")?).map_err(|_| wrong("architecture"))?;
        let epoch = super::iso::epoch(node)?;
        let request = ImageRequest::new(rootfs.join(TARBALL), architecture, node.option("tag")?, epoch)
            .with_entrypoint(read::<Vec<String>>(node, "entrypoint")?)
            .with_command(read::<Vec<String>>(node, "command")?)
            .with_environment(read::<BTreeMap<String, String>>(node, "environment")?)
            .with_labels(read::<BTreeMap<String, String>>(node, "labels")?);
        let digest = self.builder.build(cx, &request, &output.join("oci")).await?;
        Ok(Facts::from([
            ("digest".to_owned(), format!("sha256:{digest}")),
            ("tag".to_owned(), request.tag.clone()),
            ("path".to_owned(), "oci".to_owned()),
        ]))
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(node: &NodeSpec, option: &'static str) -> Result<T, PlanError> {
    serde_json::from_str(node.option(option)?).map_err(|_| PlanError::Option { node: node.name.clone(), option })
}
