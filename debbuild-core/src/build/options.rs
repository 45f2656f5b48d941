//! How a build is done: limits, profiles, additional inputs.

use std::{collections::BTreeMap, time::Duration};

use crate::{name::PackageName, path::AbsPath};

/// Whether package code may use the network while it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Network {
    /// No network but the build's own loopback.
    #[default]
    Off,
    /// The host's network; the record says so.
    On,
}

/// The options of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildOptions {
    /// Build profiles, as in `DEB_BUILD_PROFILES`.
    pub profiles: Vec<String>,
    /// Words of `DEB_BUILD_OPTIONS`, as `nocheck` or `parallel=2`.
    pub build_options: Vec<String>,
    /// Whether `Architecture: all` packages are built too.
    pub arch_all: bool,
    /// Local .debs that build dependencies may come from.
    pub extra_packages: Vec<AbsPath>,
    /// Packages to install in addition to the build dependencies.
    pub add_depends: Vec<PackageName>,
    /// Whether package code may use the network.
    pub network: Network,
    /// How long the whole build may take.
    pub timeout: Option<Duration>,
    /// How long it may be silent.
    pub stalled: Option<Duration>,
    /// How much memory it may use, in bytes.
    pub memory: Option<u64>,
    /// How much disk it may use, in bytes.
    pub disk: Option<u64>,
    /// Additional environment variables of the build.
    pub environment: BTreeMap<String, String>,
    /// Keep the session of a failed build for a look inside.
    pub keep_failed: bool,
}

impl Default for BuildOptions {
    /// Everything built, nothing additional, no network, sbuild's own limit on silence (150 minutes) and 6 hours in all.
    fn default() -> Self {
        Self {
            profiles: Vec::new(),
            build_options: Vec::new(),
            arch_all: true,
            extra_packages: Vec::new(),
            add_depends: Vec::new(),
            network: Network::Off,
            timeout: Some(Duration::from_secs(6 * 3600)),
            stalled: Some(Duration::from_secs(150 * 60)),
            memory: None,
            disk: None,
            environment: BTreeMap::new(),
            keep_failed: false,
        }
    }
}

impl BuildOptions {
    /// With these build profiles.
    #[must_use]
    pub fn with_profiles(mut self, profiles: Vec<String>) -> Self {
        self.profiles = profiles;
        self
    }

    /// With these local .debs for build dependencies.
    #[must_use]
    pub fn with_extra_packages(mut self, files: Vec<AbsPath>) -> Self {
        self.extra_packages = files;
        self
    }

    /// With or without the host's network.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// With a time limit.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// With a limit on silence.
    #[must_use]
    pub fn with_stalled(mut self, stalled: Option<Duration>) -> Self {
        self.stalled = stalled;
        self
    }

    /// With a memory limit in bytes.
    #[must_use]
    pub fn with_memory(mut self, memory: Option<u64>) -> Self {
        self.memory = memory;
        self
    }
}
