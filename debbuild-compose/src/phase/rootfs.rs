//! Root file systems: one for each deliverable that is made of one, of exactly its locked packages.

use std::sync::Arc;

use async_trait::async_trait;
use debbuild_core::{blocking, context::Context, path::AbsPath};

use super::{Facts, Inputs, LogFile, Phase, PhaseError};
use crate::{
    blueprint::DeliverableKind,
    plan::{Input, NodeSpec, Placement, PlanContext, PlanError},
    rootfs::{Finish, RootfsBuilder, RootfsRequest, TARBALL, same_set, tarball},
    sources::SystemFile,
};

/// Makes `rootfs.tar` with a [`RootfsBuilder`].
#[derive(Debug)]
pub struct RootfsPhase {
    builder: Arc<dyn RootfsBuilder>,
}

impl RootfsPhase {
    /// The phase with this builder.
    #[must_use]
    pub fn new(builder: Arc<dyn RootfsBuilder>) -> Self {
        Self { builder }
    }
}

/// What the options that are files of the system begin with, before the path.
const FILE: &str = "/";

/// The name of the node that makes the root file system of a deliverable.
pub(crate) fn node_name(variant: &str, kind: DeliverableKind) -> String {
    format!("{variant}/rootfs-{kind}")
}

#[async_trait]
impl Phase for RootfsPhase {
    fn name(&self) -> &'static str {
        "rootfs/1"
    }

    fn plan(&self, plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError> {
        let mut nodes = Vec::new();
        for variant in &plan.blueprint.variants {
            for deliverable in &variant.deliverables {
                let kind = deliverable.kind();
                let finish = match kind {
                    DeliverableKind::Repository => continue,
                    DeliverableKind::Ostree => Finish::Ostree,
                    DeliverableKind::Iso | DeliverableKind::Container => Finish::Plain,
                };
                let set = plan.set(&variant.name, kind)?;
                let placement = Placement::new(&variant.name, kind, deliverable.failable);
                let mut node = NodeSpec::new(node_name(&variant.name, kind), self.name(), placement)
                    .with_option("architecture", plan.blueprint.architecture.as_str())
                    .with_option("finish", finish.name())
                    .with_input(Input::Packages(set.name.clone()));
                // Where there is no apt, its sources would be read by nobody.
                if set.packages.iter().any(|package| package.name.as_str() == "apt") {
                    for (path, file) in plan.sources.into_iter().flatten() {
                        node.options.insert(format!("{FILE}{path}"), file.to_option());
                    }
                }
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    async fn run(&self, cx: &Context, node: &NodeSpec, inputs: &Inputs, output: &AbsPath) -> Result<Facts, PhaseError> {
        let unknown = || PlanError::Option { node: node.name.clone(), option: "finish" };
        let finish = Finish::from_name(node.option("finish")?).ok_or_else(unknown)?;
        let set = inputs.set(node, &format!("{}/{}", node.placement.variant, node.placement.kind))?;
        let mut request = RootfsRequest::new(Arc::clone(set), finish);
        for (name, text) in &node.options {
            if let Some(path) = name.strip_prefix(FILE) {
                let unknown = || PlanError::Option { node: node.name.clone(), option: "/.." };
                request.files.insert(path.to_owned(), SystemFile::from_option(text).ok_or_else(unknown)?);
            }
        }
        let mut log = LogFile::open(&inputs.log)?;
        let made = output.join(TARBALL);
        self.builder.build(cx, &request, &mut log, &made).await?;
        let (set, cancel) = (Arc::clone(set), cx.cancel().clone());
        let count = set.packages.len();
        // Whoever made it: what goes on has exactly the locked packages.
        blocking::run(move || same_set(&set, &tarball::installed(&made, &cancel)?)).await?;
        Ok(Facts::from([("packages".to_owned(), count.to_string())]))
    }
}
