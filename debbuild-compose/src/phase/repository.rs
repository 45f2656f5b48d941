//! APT repositories: everything that is in a variant, published once, signed, for ever good.

use std::{fs, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    arch::Architecture,
    blob::BlobStore,
    blocking,
    clock::FixedClock,
    context::Context,
    error::{Classify, chain},
    name::{ComponentName, SuiteName},
    path::{AbsPath, IoResultExt as _},
    repo::{Input as RepoInput, InputKind, Placing, Repository, SuiteOptions},
    sign::Signer,
};

use super::{Facts, Inputs, Phase, PhaseError, iso::epoch};
use crate::{
    blueprint::{DeliverableKind, DeliverableOptions},
    files,
    plan::{Input, NodeSpec, Placement, PlanContext, PlanError},
};

/// The name of the public key beside the repository, for `Signed-By`.
const KEYRING: &str = "archive-keyring.gpg";

/// Publishes the packages of a variant as a repository of one suite.
#[derive(Debug)]
pub struct RepositoryPhase {
    blobs: Arc<dyn BlobStore>,
    signer: Arc<dyn Signer>,
}

impl RepositoryPhase {
    /// The phase with .debs from this store, signing with this key.
    #[must_use]
    pub fn new(blobs: Arc<dyn BlobStore>, signer: Arc<dyn Signer>) -> Self {
        Self { blobs, signer }
    }
}

fn failed<E: Classify>(error: E) -> PhaseError {
    PhaseError::Repository { message: chain(&error), class: error.class() }
}

#[async_trait]
impl Phase for RepositoryPhase {
    fn name(&self) -> &'static str {
        "repository/1"
    }

    fn plan(&self, plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError> {
        let kind = DeliverableKind::Repository;
        let blueprint = plan.blueprint;
        let mut nodes = Vec::new();
        for variant in &blueprint.variants {
            for deliverable in &variant.deliverables {
                let DeliverableOptions::Repository(options) = &deliverable.options else { continue };
                let set = plan.set(&variant.name, kind)?;
                let placement = Placement::new(&variant.name, kind, deliverable.failable);
                let node = NodeSpec::new(format!("{}/repository", variant.name), self.name(), placement)
                    .with_option("architecture", blueprint.architecture.as_str())
                    .with_option("epoch", set.epoch.seconds().to_string())
                    .with_option("label", format!("{} {}", blueprint.name, variant.name))
                    .with_option("origin", &options.origin)
                    .with_option("signer", plan.signer)
                    .with_option("suite", &options.suite)
                    .with_option("version", &blueprint.version)
                    .with_input(Input::Packages(set.name.clone()))
                    .delivered();
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    async fn run(&self, cx: &Context, node: &NodeSpec, inputs: &Inputs, output: &AbsPath) -> Result<Facts, PhaseError> {
        let set = inputs.set(node, &format!("{}/{}", node.placement.variant, DeliverableKind::Repository))?;
        let wrong = |option| PlanError::Option { node: node.name.clone(), option };
        let suite = SuiteName::new(node.option("suite")?).map_err(|_| wrong("suite"))?;
        let architecture = Architecture::new(node.option("architecture")?).map_err(|_| wrong("architecture"))?;
        let component = ComponentName::new("main").map_err(|_| wrong("suite"))?;
        let options = SuiteOptions::new(suite.clone(), vec![architecture])
            .with_origin(node.option("origin")?, node.option("label")?)
            .with_version(node.option("version")?)
            // A compose never changes: its repository does not expire.
            .with_valid_for_seconds(None)
            // Only what apt needs to install from it: listing every file of every package would take longer than the rest.
            .with_contents(false);
        // Dated by its inputs, like everything that is made of them.
        let dated = cx.clone().with_clock(Arc::new(FixedClock::new(epoch(node)?)));
        let work = output.parent().join("repository");
        let repository = Repository::init(&dated, work.clone(), options).await.map_err(failed)?;
        let mut debs = Vec::new();
        for package in &set.packages {
            let file = self.blobs.local(cx, package.sha256).await.map_err(failed)?;
            debs.push(RepoInput::new(InputKind::Binary, file).with_sha256(package.sha256));
        }
        let entries = repository.add(&dated, &suite, &component, debs, Placing::Link).await.map_err(failed)?;
        repository.publish(&dated, &suite, self.signer.as_ref()).await.map_err(failed)?;
        let key = self.signer.public_key(cx).await.map_err(failed)?;
        let (target, named) = (output.clone(), suite.clone());
        blocking::run(move || take(&work, &target, &named, &key)).await?;
        Ok(Facts::from([
            ("packages".to_owned(), entries.len().to_string()),
            ("path".to_owned(), ".".to_owned()),
            ("suite".to_owned(), suite.to_string()),
        ]))
    }
}

/// What readers see of a repository, without its records: the pool and the published tree of the suite.
fn take(work: &AbsPath, output: &AbsPath, suite: &SuiteName, key: &[u8]) -> Result<(), PhaseError> {
    let tree = work.join("dists").descend(suite.as_str())?;
    let tree = AbsPath::new(fs::canonicalize(&tree).at("find", &tree)?)?;
    let dists = output.join("dists").descend(suite.as_str())?;
    files::make_folder(&dists.parent())?;
    files::link_tree(&tree, &dists)?;
    files::link_tree(&work.join("pool"), &output.join("pool"))?;
    let keyring = output.join(KEYRING);
    fs::write(&keyring, key).at("write", &keyring)?;
    files::remove(work)?;
    Ok(())
}
