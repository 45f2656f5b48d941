//! Where the packages of an index come from, as preferences see it.

use crate::control::Release;

/// What an archive says of the suite and the component of an index, and where it was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Provenance {
    /// The suite (`a=`), for example `stable`.
    pub suite: Option<String>,
    /// The codename (`n=`), for example `bookworm`.
    pub codename: Option<String>,
    /// The version of the distribution (`v=`), for example `12.11`.
    pub version: Option<String>,
    /// Who makes the archive (`o=`).
    pub origin: Option<String>,
    /// What it is called (`l=`).
    pub label: Option<String>,
    /// The component (`c=`), for example `main`.
    pub component: Option<String>,
    /// The architecture that the index is of (`b=`).
    pub architecture: Option<String>,
    /// The host that it was fetched from (`Pin: origin`); empty for this machine.
    pub site: Option<String>,
    /// Whether upgrades to its packages are not automatic.
    pub not_automatic: bool,
    /// Whether packages once installed from it are upgraded all the same.
    pub but_automatic_upgrades: bool,
    /// Whether it is the list of what is installed.
    pub installed: bool,
}

impl Provenance {
    /// An index of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The list of what is installed, whose suite and component apt calls `now`.
    #[must_use]
    pub fn installed() -> Self {
        let now = || Some("now".to_owned());
        Self { suite: now(), component: now(), installed: true, ..Self::default() }
    }

    /// The suite of this Release file.
    #[must_use]
    pub fn of_release(release: &Release) -> Self {
        Self {
            suite: release.suite.as_ref().map(ToString::to_string),
            codename: release.codename.as_ref().map(ToString::to_string),
            version: release.version.clone(),
            origin: release.origin.clone(),
            label: release.label.clone(),
            not_automatic: release.not_automatic,
            but_automatic_upgrades: release.but_automatic_upgrades,
            ..Self::default()
        }
    }

    /// Of this suite.
    #[must_use]
    pub fn with_suite(mut self, suite: impl Into<String>) -> Self {
        self.suite = Some(suite.into());
        self
    }

    /// Of this codename.
    #[must_use]
    pub fn with_codename(mut self, codename: impl Into<String>) -> Self {
        self.codename = Some(codename.into());
        self
    }

    /// Of this version of the distribution.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Of an archive that is made by them.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Of an archive that is called this.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Of this component.
    #[must_use]
    pub fn with_component(mut self, component: impl Into<String>) -> Self {
        self.component = Some(component.into());
        self
    }

    /// Of this architecture.
    #[must_use]
    pub fn with_architecture(mut self, architecture: impl Into<String>) -> Self {
        self.architecture = Some(architecture.into());
        self
    }

    /// Fetched from this host; an empty one is this machine.
    #[must_use]
    pub fn with_site(mut self, site: impl Into<String>) -> Self {
        self.site = Some(site.into());
        self
    }

    /// With or without automatic upgrades to it.
    #[must_use]
    pub const fn with_not_automatic(mut self, not_automatic: bool) -> Self {
        self.not_automatic = not_automatic;
        self
    }

    /// With or without upgrades of what was once installed from it.
    #[must_use]
    pub const fn with_but_automatic_upgrades(mut self, but_automatic_upgrades: bool) -> Self {
        self.but_automatic_upgrades = but_automatic_upgrades;
        self
    }

    /// The priority that apt gives to its packages where no preference says otherwise: 500, 100 for what is installed and for
    /// backports, 1 for what is for the curious (experimental).
    #[must_use]
    pub const fn priority(&self) -> i32 {
        match self {
            Self { installed: true, .. } | Self { but_automatic_upgrades: true, .. } => 100,
            Self { not_automatic: true, .. } => 1,
            _ => super::super::PRIORITY,
        }
    }
}
