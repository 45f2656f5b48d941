//! The test twin: plans what it was told, and each run leaves one file that says what it was made of.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use debbuild_core::{
    context::Context,
    path::{AbsPath, IoResultExt as _},
};

use super::{Facts, Inputs, Phase, PhaseError};
use crate::plan::{NodeSpec, PlanContext, PlanError};

type Planner = fn(&PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError>;

/// A phase that needs no tools.
#[derive(Debug)]
pub struct ScriptedPhase {
    name: &'static str,
    planner: Planner,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failing: BTreeSet<String>,
    hanging: BTreeSet<String>,
    runs: Vec<String>,
}

impl ScriptedPhase {
    /// A phase of this name (with version) that plans what the function says.
    #[must_use]
    pub fn new(name: &'static str, planner: Planner) -> Self {
        Self { name, planner, state: Mutex::new(State::default()) }
    }

    /// Makes the node of that name fail, or not any more.
    pub fn fail(&self, node: &str, fails: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if fails {
            state.failing.insert(node.to_owned())
        } else {
            state.failing.remove(node)
        };
    }

    /// Makes the node of that name wait for ever, once.
    pub fn hang_at(&self, node: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).hanging.insert(node.to_owned());
    }

    /// The nodes that were run, in order.
    #[must_use]
    pub fn runs(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).runs.clone()
    }
}

#[async_trait]
impl Phase for ScriptedPhase {
    fn name(&self) -> &'static str {
        self.name
    }

    fn plan(&self, plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError> {
        (self.planner)(plan)
    }

    async fn run(&self, cx: &Context, node: &NodeSpec, inputs: &Inputs, output: &AbsPath) -> Result<Facts, PhaseError> {
        cx.cancel().check()?;
        let (fails, hangs) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.runs.push(node.name.clone());
            (state.failing.contains(&node.name), state.hanging.remove(&node.name))
        };
        let file = output.join("made");
        let mut text = format!("{}\n", node.phase);
        for (name, value) in &node.options {
            text.push_str(&format!("option {name} {value}\n"));
        }
        for (name, set) in &inputs.packages {
            text.push_str(&format!("packages {name} {}\n", set.key()));
        }
        for (name, folder) in &inputs.nodes {
            let made = folder.join("made");
            let made = fs::read_to_string(&made).at("read", &made)?;
            text.push_str(&format!("node {name}\n{made}"));
        }
        fs::write(&file, &text).at("write", &file)?;
        if hangs {
            std::future::pending::<()>().await;
        }
        if fails {
            return Err(PhaseError::Scripted(format!("{} fails, as it was told", node.name)));
        }
        Ok(Facts::from([("bytes".to_owned(), text.len().to_string())]))
    }
}
