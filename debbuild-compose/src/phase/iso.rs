//! Live ISOs: the root file system squashed, with its own kernel, for BIOS and UEFI.

use std::sync::Arc;

use async_trait::async_trait;
use debbuild_core::{clock::Timestamp, context::Context, path::AbsPath};

use super::{Facts, Inputs, LogFile, Phase, PhaseError, rootfs};
use crate::{
    blueprint::{DeliverableKind, DeliverableOptions},
    iso::{IsoBuilder, IsoRequest},
    plan::{Input, NodeSpec, Placement, PlanContext, PlanError},
    rootfs::TARBALL,
};

/// Makes `SHORT-VERSION-VARIANT-ARCH.iso` with an [`IsoBuilder`].
#[derive(Debug)]
pub struct IsoPhase {
    builder: Arc<dyn IsoBuilder>,
}

impl IsoPhase {
    /// The phase with this builder.
    #[must_use]
    pub fn new(builder: Arc<dyn IsoBuilder>) -> Self {
        Self { builder }
    }
}

/// The option `epoch`, in seconds.
pub(super) fn epoch(node: &NodeSpec) -> Result<Timestamp, PlanError> {
    let wrong = |_| PlanError::Option { node: node.name.clone(), option: "epoch" };
    node.option("epoch")?.parse().map(Timestamp::from_seconds).map_err(wrong)
}

#[async_trait]
impl Phase for IsoPhase {
    fn name(&self) -> &'static str {
        "iso/2"
    }

    fn plan(&self, plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError> {
        let kind = DeliverableKind::Iso;
        let blueprint = plan.blueprint;
        let mut nodes = Vec::new();
        for variant in &blueprint.variants {
            for deliverable in &variant.deliverables {
                let DeliverableOptions::Iso(options) = &deliverable.options else { continue };
                let epoch = plan.set(&variant.name, kind)?.epoch.seconds().to_string();
                let placement = Placement::new(&variant.name, kind, deliverable.failable);
                let (short, version, arch) = (&blueprint.short, &blueprint.version, &blueprint.architecture);
                let node = NodeSpec::new(format!("{}/iso", variant.name), self.name(), placement)
                    .with_option("architecture", arch.as_str())
                    .with_option("arguments", options.arguments.join(" "))
                    .with_option("compression", options.compression.to_string())
                    .with_option("epoch", epoch)
                    .with_option("file", format!("{short}-{version}-{}-{arch}.iso", variant.name))
                    .with_option("timeout", options.timeout.to_string())
                    .with_option("title", format!("{} {version} ({})", blueprint.name, variant.name))
                    .with_option("volume", &options.volume)
                    .with_input(Input::Node(rootfs::node_name(&variant.name, kind)))
                    .delivered();
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    async fn run(&self, cx: &Context, node: &NodeSpec, inputs: &Inputs, output: &AbsPath) -> Result<Facts, PhaseError> {
        let rootfs = inputs.node(node, &rootfs::node_name(&node.placement.variant, DeliverableKind::Iso))?;
        let number = |option| {
            let wrong = |_| PlanError::Option { node: node.name.clone(), option };
            node.option(option)?.parse::<u32>().map_err(wrong)
        };
        let arguments = node.option("arguments")?.split_whitespace().map(str::to_owned);
        let request = IsoRequest::new(rootfs.join(TARBALL), node.option("volume")?, epoch(node)?)
            .with_title(node.option("title")?)
            .with_arguments(arguments)
            .with_compression(number("compression")?)
            .with_timeout(number("timeout")?);
        let file = node.option("file")?;
        let mut log = LogFile::open(&inputs.log)?;
        self.builder.build(cx, &request, &mut log, &output.child(file)?).await?;
        Ok(Facts::from([
            ("path".to_owned(), file.to_owned()),
            ("volume".to_owned(), request.volume.clone()),
            ("boot".to_owned(), "bios uefi".to_owned()),
        ]))
    }
}
