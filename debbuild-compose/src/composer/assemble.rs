//! From node outputs to the folder of a compose: deliverables, metadata, checksums, signature.

use std::{collections::BTreeMap, fs};

use debbuild_core::{
    blocking,
    context::Context,
    digest::Sha256,
    path::{AbsPath, IoResultExt as _},
};

use super::{
    ComposeError, Composer, Planned,
    nodes::{Done, NodeOutcome},
    store::Claim,
};
use crate::{
    blueprint::{Blueprint, DeliverableKind},
    files,
    metadata::{self, Sources},
    phase::sums,
    plan::Input,
    status::Status,
};

const SUMS: &str = "SHA256SUMS";

impl Composer {
    /// Removes what was assembled: a compose that is not published has only its logs.
    pub(super) fn clear(&self, claim: &Claim, blueprint: &Blueprint) -> Result<(), ComposeError> {
        for variant in &blueprint.variants {
            files::remove(&claim.folder.child(&variant.name)?)?;
        }
        files::remove(&claim.folder.join("metadata"))?;
        for name in [SUMS, "SHA256SUMS.asc"] {
            files::remove_file(&claim.folder.child(name)?)?;
        }
        Ok(())
    }

    /// Puts everything in its place below the claimed folder.
    pub(super) async fn assemble(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        claim: &Claim,
        planned: &Planned,
        done: &Done,
        status: Status,
    ) -> Result<(), ComposeError> {
        self.clear(claim, blueprint)?;
        let mut made = Vec::new();
        let mut trees: Vec<(AbsPath, AbsPath)> = Vec::new();
        let mut digests: BTreeMap<String, Sha256> = BTreeMap::new();
        for node in planned.plan.nodes.iter().filter(|node| node.spec.delivered) {
            let Some(stored) = done.stored.get(&node.spec.name) else { continue };
            let placement = &node.spec.placement;
            let folder = metadata::folder(&placement.variant, blueprint.architecture.as_str(), placement.kind);
            trees.push((stored.output.clone(), claim.folder.descend(&folder)?));
            digests.extend(stored.files().map(|(path, _, sha256)| (format!("{folder}/{path}"), sha256)));
            made.push((node, stored));
        }
        blocking::run(move || {
            for (from, to) in &trees {
                files::make_folder(&to.parent())?;
                files::link_tree(from, to)?;
            }
            Ok::<_, ComposeError>(())
        })
        .await?;
        let (lock, digest) = metadata::lock(&planned.lock)?;
        let sources = Sources {
            id: &claim.id,
            status,
            blueprint,
            lock: digest,
            sets: &planned.packages,
            because: &planned.because,
            made: &made,
            failed: &failures(planned, done),
        };
        let documents = [
            ("compose.lock", lock),
            ("metadata/composeinfo.json", json(&metadata::compose_info(&sources))?),
            ("metadata/packages.json", json(&metadata::packages(&sources))?),
            ("metadata/images.json", json(&metadata::images(&sources))?),
        ];
        files::make_folder(&claim.folder.join("metadata"))?;
        for (name, bytes) in &documents {
            write(&claim.folder.join(name), bytes)?;
            digests.insert((*name).to_owned(), Sha256::of(bytes));
        }
        let text = sums(&digests);
        write(&claim.folder.join(SUMS), text.as_bytes())?;
        let signature = self.signer.detach_sign(cx, text.as_bytes()).await?;
        write(&claim.folder.join("SHA256SUMS.asc"), &signature)
    }
}

/// Durable with everything else, when the compose ends.
fn write(path: &AbsPath, bytes: &[u8]) -> Result<(), ComposeError> {
    Ok(fs::write(path, bytes).at("write", path)?)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, ComposeError> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Why deliverables are not there, by variant and kind.
fn failures(planned: &Planned, done: &Done) -> BTreeMap<(String, DeliverableKind), String> {
    let mut found: BTreeMap<(String, DeliverableKind), String> = BTreeMap::new();
    for node in &planned.plan.nodes {
        let placement = &node.spec.placement;
        let key = (placement.variant.clone(), placement.kind);
        match done.outcomes.get(&node.spec.name) {
            Some(NodeOutcome::Failed { message, .. }) => {
                found.insert(key, format!("{}: {message}", node.spec.name));
            }
            Some(NodeOutcome::Skipped) => {
                let of: Vec<String> = node.spec.inputs.iter().map(Input::label).collect();
                found.entry(key).or_insert_with(|| format!("{}: not made: {}", node.spec.name, of.join(", ")));
            }
            _ => {}
        }
    }
    found
}
