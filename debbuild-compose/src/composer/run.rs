//! Running a compose from its claim to its end.

use std::{collections::BTreeMap, fs};

use debbuild_core::{context::Context, lock::LockFile};

use super::{
    ComposeError, ComposeReport, Composer, NodeReport, Planned, RunOptions,
    nodes::{Done, NodeOutcome, Runner},
    record_name,
    store::{BECAUSE, Claim},
};
use crate::{
    blueprint::Blueprint,
    files,
    gather::{Because, Gathered},
    plan::PlanRecord,
    status::Status,
};

impl Composer {
    /// Composes. One of the same blueprint that was killed is gone on with: same id, same lock, nothing done twice.
    ///
    /// # Errors
    /// [`ComposeError`]; whatever it is, nothing half-made is visible, and what was made is reused by the next run.
    pub async fn run(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        options: &RunOptions,
    ) -> Result<ComposeReport, ComposeError> {
        let claim = self.composes().claim(cx, blueprint, blueprint.digest())?;
        if claim.resumed {
            cx.note(format!("{} was killed: going on with it", claim.id));
        }
        let result = self.compose(cx, blueprint, options, &claim).await;
        if let Err(error) = &result {
            let last = match error {
                ComposeError::Cancelled { .. } => Status::Terminated,
                _ => Status::Doomed,
            };
            self.clear(&claim, blueprint)?;
            self.composes().end(&claim.id, &claim.folder, last)?;
        }
        result.map_err(|error| match error {
            ComposeError::Cancelled { .. } => ComposeError::Cancelled { compose: claim.id.to_string() },
            other => other,
        })
    }

    async fn compose(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        options: &RunOptions,
        claim: &Claim,
    ) -> Result<ComposeReport, ComposeError> {
        let cache = self.cache()?;
        let owner = claim.id.to_string();
        cache.clear(&owner)?;
        let gathered = self.gathered(cx, blueprint, options, claim).await?;
        let planned = self.plan_gathered(cx, blueprint, gathered).await?;
        keep_inputs(claim, &planned)?;
        let runner = Runner {
            phases: &self.phases,
            cache: &cache,
            planned: &planned,
            logs: &claim.folder.join("logs"),
            owner: &owner,
            jobs: self.options.jobs,
        };
        for (node, reason) in planned.nodes() {
            cx.note(format!("{}: {reason}", node.spec.name));
        }
        let packages = runner.packages();
        match &options.locked {
            Some(_) => self.gatherer.replay(cx, &planned.lock, &packages).await?,
            None => self.gatherer.fetch(cx, &planned.lock, &packages).await?,
        }
        let done = runner.run(cx).await?;
        for (_, set) in planned.packages.iter() {
            cache.note_epoch(set.content(), set.epoch)?;
        }
        let incomplete = done.outcomes.values().any(|outcome| matches!(outcome, NodeOutcome::Failed { .. }));
        let status = if incomplete { Status::FinishedIncomplete } else { Status::Finished };
        self.assemble(cx, blueprint, claim, &planned, &done, status).await?;
        let folder = self.composes().end(&claim.id, &claim.folder, status)?;
        cache.record_plan(&record_name(blueprint), &PlanRecord::of(&planned.plan))?;
        let nodes = reports(&planned, &done);
        Ok(ComposeReport { id: claim.id.clone(), status, folder, resumed: claim.resumed, nodes })
    }

    /// The lock: that of the killed compose, the given one, or a new one.
    async fn gathered(
        &self,
        cx: &Context,
        blueprint: &Blueprint,
        options: &RunOptions,
        claim: &Claim,
    ) -> Result<Gathered, ComposeError> {
        if claim.resumed
            && let (Ok(lock), Ok(because)) =
                (fs::read(claim.folder.join("compose.lock")), fs::read(claim.folder.join(BECAUSE)))
            && let (Ok(lock), Ok(because)) = (
                serde_json::from_slice::<LockFile>(&lock),
                serde_json::from_slice::<BTreeMap<String, Because>>(&because),
            )
            && options.locked.as_ref().is_none_or(|asked| asked.packages == lock.packages)
        {
            return Ok(Gathered::new(lock).with_because(because));
        }
        match &options.locked {
            Some(lock) => Ok(Gathered::new(lock.clone())),
            None => Ok(self.gatherer.gather(cx, blueprint).await?),
        }
    }
}

/// Writes the lock and the reasons: with them a killed compose goes on where it was.
fn keep_inputs(claim: &Claim, planned: &Planned) -> Result<(), ComposeError> {
    files::write(&claim.folder.join(BECAUSE), &serde_json::to_vec_pretty(&planned.because)?)?;
    let (bytes, _) = crate::metadata::lock(&planned.lock)?;
    Ok(files::write(&claim.folder.join("compose.lock"), &bytes)?)
}

fn reports(planned: &Planned, done: &Done) -> Vec<NodeReport> {
    let report = |(node, reason): (&crate::plan::PlannedNode, &crate::plan::Reason)| NodeReport {
        name: node.spec.name.clone(),
        key: node.key,
        reason: reason.clone(),
        outcome: done.outcomes.get(&node.spec.name).cloned().unwrap_or(NodeOutcome::NotNeeded),
    };
    planned.nodes().map(report).collect()
}
