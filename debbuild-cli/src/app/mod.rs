//! The wiring that every door shares: settings, the parts of debbuild made from them, and use cases that cross crates.
//!
//! No clap and no printing here, so that Rust and Python embedders use the same code as the command line: one file per
//! noun adds methods to [`App`], which return values and take a [`Context`](debbuild_core::context::Context).

mod archives;
mod build;
mod chroot;
mod compose;
mod deb;
pub mod doctor;
mod error;
pub mod fsck;
mod gc;
mod layers;
mod lock;
mod machine;
pub mod mirror;
mod place;
mod profile;
mod queue;
pub mod repo;
mod resolve;
pub mod retain;
mod sessions;
mod settings;
pub mod sign;
mod source;
mod submit;
mod transport;
pub mod units;
pub mod upload;
mod wire;

use std::sync::Arc;

pub use build::{BuildOrder, BuildSource};
pub use chroot::AppBases;
use debbuild_core::{
    blob::{BlobStore, FolderStore},
    command::{CommandRunner, SystemRunner},
    config::Leaf,
    context::Step,
    path::AbsPath,
};
pub use error::{AppError, Failure};
pub use gc::GarbageReport;
pub use layers::ChrootDetail;
pub use lock::lock_text;
pub use machine::Machine;
pub use profile::{ChrootOf, ChrootWish};
pub use queue::{BuildSubmission, WorkerRun};
pub use resolve::{
    ClosureAsk, EXPLAIN_LIMIT, Lookaside, OrderAsk, PackagesFrom, PictureForm, Reasons, Replayed, RepositoryPlace,
    SourceOf, picture_of,
};
use settings::Layers;
pub use settings::{
    ArchiveSettings, BackendName, BuildSettings, ChrootSettings, GatewaySettings, GcSettings, Overrides, S3Settings,
    Settings, SignMethod, SignSettings,
};
pub use submit::SubmitOrder;
pub use transport::{ExportForm, Exported};
pub use wire::{
    answer_json, buildability_json, change_name, changed_json, chroot_detail_json, chroot_diff_json,
    chroot_exported_json, chroot_json, chroot_updated_json, chroot_used_json, closure_json, collected_json,
    compose_detail_json, compose_plan_json, compose_report_json, compose_summary_json, compose_why_json,
    deb_entry_json, deb_json, dependency_name, dependents_json, event_json, fetched_json, garbage_json,
    installability_json, lock_diff_json, order_json, profile_json, profile_summary_json, published_json, reasons_json,
    replayed_json, reply_json, session_json, session_run_json, why_not_json, worked_json,
};

/// debbuild on this machine with these settings. Cheap to clone; opening it touches nothing but configuration files.
#[derive(Debug, Clone)]
pub struct App {
    layers: Arc<Layers>,
    machine: Arc<Machine>,
    home: AbsPath,
    runner: Arc<dyn CommandRunner>,
}

impl App {
    /// Reads the settings and wires the parts.
    ///
    /// # Errors
    /// Class `config`, naming the file and line.
    pub fn open(machine: Machine, overrides: &Overrides) -> Result<Self, AppError> {
        let layers = Layers::read(&machine, overrides)?;
        let home = home(&layers, &machine)?;
        Ok(Self { layers: Arc::new(layers), machine: Arc::new(machine), home, runner: Arc::new(SystemRunner) })
    }

    /// The same with another runner of commands.
    #[must_use]
    pub fn with_runner(mut self, runner: Arc<dyn CommandRunner>) -> Self {
        self.runner = runner;
        self
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.layers.settings
    }

    /// Every setting with its value and origin, sorted by key.
    #[must_use]
    pub fn origins(&self) -> Vec<Leaf> {
        self.layers.leaves()
    }

    /// Every setting as nested JSON.
    ///
    /// # Errors
    /// None for settings that could be opened.
    pub fn settings_json(&self) -> Result<serde_json::Value, AppError> {
        Ok(self.layers.document().read()?)
    }

    /// The store of all bytes, below the state folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn blobs(&self) -> Result<Arc<dyn BlobStore>, AppError> {
        Ok(Arc::new(FolderStore::open(self.home.join("blobs"))?))
    }

    /// The machine and the user.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The state folder, `$DEBBUILD_HOME`. It may not exist yet.
    #[must_use]
    pub fn home(&self) -> &AbsPath {
        &self.home
    }

    /// Runs commands.
    #[must_use]
    pub fn runner(&self) -> &Arc<dyn CommandRunner> {
        &self.runner
    }
}

/// Ends a step as its result does, and hands the result on.
fn settle<T>(step: Step, result: Result<T, AppError>) -> Result<T, AppError> {
    match &result {
        Ok(_) => step.finish(),
        Err(error) => step.fail(error.class()),
    }
    result
}

fn home(layers: &Layers, machine: &Machine) -> Result<AbsPath, AppError> {
    let text = &layers.settings.home;
    if !text.is_empty() {
        // A relative folder in a file would mean another place in every working directory.
        return AbsPath::new(text).map_err(|error| settings::unusable(layers, "home", error.to_string()).into());
    }
    let default = if machine.is_root() {
        AbsPath::new("/var/lib/debbuild").ok()
    } else {
        machine.folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("debbuild"))
    };
    default.ok_or_else(|| settings::unusable(layers, "home", "not set, and neither is HOME").into())
}
