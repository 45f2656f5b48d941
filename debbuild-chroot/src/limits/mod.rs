//! How much of the machine a session may use, and how that is held.
//!
//! Memory and processes of a command are limited by a control group of its own (version 2), in a scope of systemd's or where this
//! process may make one: [`Keeper`]. Without either, memory of all processes together is watched from outside, several times a second,
//! and no single process can have more address space than the limit allows. What is written is limited by a tmpfs of that size
//! (tmpfs(5)) below the session's overlay; the rest are limits of the kernel for processes (getrlimit(2)), set before the session's
//! root is entered, which nobody inside can raise: the users of a session have no rights on the host.
//!
//! ```
//! use debbuild_chroot::limits::Limits;
//!
//! let limits = Limits::new().with_memory(Some(2 << 30)).with_processes(Some(500));
//! assert_eq!(limits.prlimit_args(), ["--as=2147483648", "--nproc=500", "--core=0"]);
//! ```

mod group;
mod keeper;
#[cfg(test)]
mod tests;

use std::time::Duration;

use debbuild_core::build::LimitMeans;
pub(crate) use group::{Group, reap};
pub use keeper::Keeper;

/// What a command used, as far as that was measured, and what its limits were held by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// The most memory that it and all that it started had, in bytes.
    pub peak_memory: Option<u64>,
    /// Processor time of it and all that it started.
    pub cpu_time: Option<Duration>,
    /// What its limits were held by, the strongest; none where it had none.
    pub limits_by: Option<LimitMeans>,
}

/// Limits; without one, only what the machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// Memory of all processes of a command together, in bytes.
    pub memory: Option<u64>,
    /// Processes and threads: of the command in a control group, else of one user of the session.
    pub processes: Option<u64>,
    /// Files that one process has open.
    pub open_files: Option<u64>,
    /// The largest file that may be written, in bytes: also a sparse one.
    pub file_size: Option<u64>,
    /// Processor time of one process, in whole seconds, at least one.
    pub cpu_time: Option<Duration>,
    /// All files that the session writes together, in bytes; they are then kept in memory (Linux 6.6 or later).
    pub scratch_size: Option<u64>,
    /// How many files, folders and links the session makes; they are then kept in memory (Linux 6.6 or later).
    pub scratch_files: Option<u64>,
}

impl Limits {
    /// No limits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            memory: None,
            processes: None,
            open_files: None,
            file_size: None,
            cpu_time: None,
            scratch_size: None,
            scratch_files: None,
        }
    }

    /// With a limit on memory, in bytes.
    #[must_use]
    pub const fn with_memory(mut self, memory: Option<u64>) -> Self {
        self.memory = memory;
        self
    }

    /// With a limit on processes and threads.
    #[must_use]
    pub const fn with_processes(mut self, processes: Option<u64>) -> Self {
        self.processes = processes;
        self
    }

    /// With a limit on the open files of a process.
    #[must_use]
    pub const fn with_open_files(mut self, open_files: Option<u64>) -> Self {
        self.open_files = open_files;
        self
    }

    /// With a limit on the size of a file, in bytes.
    #[must_use]
    pub const fn with_file_size(mut self, file_size: Option<u64>) -> Self {
        self.file_size = file_size;
        self
    }

    /// With a limit on the processor time of a process.
    #[must_use]
    pub const fn with_cpu_time(mut self, cpu_time: Option<Duration>) -> Self {
        self.cpu_time = cpu_time;
        self
    }

    /// With limits on all files that the session writes together: bytes, and how many.
    #[must_use]
    pub const fn with_scratch(mut self, size: Option<u64>, files: Option<u64>) -> Self {
        self.scratch_size = size;
        self.scratch_files = files;
        self
    }

    /// Those that are left where a control group holds memory and processes.
    #[must_use]
    pub(crate) const fn beside_group(self) -> Self {
        self.with_memory(None).with_processes(None)
    }

    /// Whether what the session writes is limited.
    #[must_use]
    pub const fn has_scratch(&self) -> bool {
        self.scratch_size.is_some() || self.scratch_files.is_some()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::new()
    }

    /// The options of prlimit(1) that set them; a process that dies leaves no image of its memory.
    #[must_use]
    pub fn prlimit_args(&self) -> Vec<String> {
        let all = [
            ("as", self.memory),
            ("nproc", self.processes),
            ("nofile", self.open_files),
            ("fsize", self.file_size),
            ("cpu", self.cpu_time.map(|time| time.as_secs().max(1))),
            ("core", Some(0)),
        ];
        all.into_iter().filter_map(|(name, limit)| Some(format!("--{name}={}", limit?))).collect()
    }
}
