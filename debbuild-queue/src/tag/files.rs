//! The stored files of what a tag offers: packages, and the sources that they were built from.

use std::collections::BTreeSet;

use debbuild_core::{build::Artifact, context::Context, task::TaskInput};

use super::Tag;
use crate::{error::QueueError, model::TagName, queue::Queue};

/// The files of what a tag offers.
pub(crate) struct TagFiles {
    /// The tag, in the version whose content this is.
    pub(crate) tag: Tag,
    /// The .debs, build by build.
    pub(crate) debs: Vec<Artifact>,
    /// The source packages, each version once.
    pub(crate) sources: Vec<SourceInputs>,
}

/// A source package as the task that built it was given it.
pub(crate) struct SourceInputs {
    /// The .dsc.
    pub(crate) dsc: TaskInput,
    /// The files that it lists.
    pub(crate) others: Vec<TaskInput>,
}

impl Queue {
    /// The files of what the tag offers, with what it inherits.
    pub(crate) async fn tag_files(&self, cx: &Context, name: &TagName) -> Result<TagFiles, QueueError> {
        let (tag, content) = self.tag_content(cx, name).await?;
        let (mut debs, mut sources, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for offered in content {
            let attempt = offered.build.attempt;
            debs.extend(self.artifacts(cx, attempt).await?.into_iter().filter(|file| file.kind == "deb"));
            let record = offered.build.record;
            if seen.insert((record.source, record.version)) {
                let inputs = self.task(cx, attempt.task).await?.spec.inputs;
                let (mut dscs, others): (Vec<_>, Vec<_>) =
                    inputs.into_iter().partition(|input| input.name.ends_with(".dsc"));
                sources.extend(dscs.pop().map(|dsc| SourceInputs { dsc, others }));
            }
        }
        Ok(TagFiles { tag, debs, sources })
    }
}
