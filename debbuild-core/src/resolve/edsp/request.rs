//! The first stanza of a scenario: what apt's user asks for.

use super::{ScenarioError, Settings};
use crate::{
    arch::Architecture,
    control::{ControlError, Paragraph},
};

/// What is asked for. Packages are `NAME:ARCHITECTURE`; the names of those that apt makes up (`builddeps:SOURCE`) are no package
/// names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The architecture of the system.
    pub architecture: Architecture,
    /// The others that it takes packages of.
    pub foreign: Vec<Architecture>,
    /// What is to be there.
    pub install: Vec<(String, Architecture)>,
    /// What is to go.
    pub remove: Vec<(String, Architecture)>,
    /// Whether everything is to be upgraded.
    pub upgrade_all: bool,
    /// Whether what nobody needs any more is to go.
    pub autoremove: bool,
    /// Whether nothing may come that is not there in some version.
    pub forbid_new_install: bool,
    /// Whether nothing may go.
    pub forbid_remove: bool,
    /// Whether only candidates may come.
    pub strict_pinning: bool,
    /// What the user prefers, in the words of this solver (`APT::Solver::debbuild::Preferences`).
    pub preferences: String,
}

impl Request {
    pub(super) fn read(stanza: &Paragraph<'_>) -> Result<Self, ScenarioError> {
        let protocol = stanza.require("Request")?;
        if !protocol.starts_with("EDSP 0.") {
            return Err(stanza.error("Request", format_args!("is not EDSP 0.5: {protocol:?}")).into());
        }
        let architecture: Architecture = stanza.required("Architecture")?;
        let mut foreign: Vec<Architecture> = stanza.list("Architectures", false)?;
        foreign.retain(|other| *other != architecture);
        // The two older fields say less where the newer one is there too: apt writes `Upgrade` also where new packages may come.
        let all = stanza.get("Upgrade-All").is_some();
        let (all, upgrade, dist_upgrade) = match all {
            true => (stanza.flag("Upgrade-All")?, false, false),
            false => (false, stanza.flag("Upgrade")?, stanza.flag("Dist-Upgrade")?),
        };
        Ok(Self {
            install: packages(stanza, "Install")?,
            remove: packages(stanza, "Remove")?,
            upgrade_all: all || upgrade || dist_upgrade,
            autoremove: stanza.flag("Autoremove")?,
            forbid_new_install: upgrade || stanza.flag("Forbid-New-Install")?,
            forbid_remove: upgrade || stanza.flag("Forbid-Remove")?,
            strict_pinning: stanza.get("Strict-Pinning").is_none() || stanza.flag("Strict-Pinning")?,
            preferences: stanza.one_line("Preferences")?.unwrap_or_default().to_owned(),
            architecture,
            foreign,
        })
    }

    /// The settings, with what the user prefers.
    pub(super) fn settings(&self, settings: &Settings) -> Result<Settings, ScenarioError> {
        self.preferences
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .try_fold(settings.clone(), Settings::with_word)
    }
}

fn packages(stanza: &Paragraph<'_>, field: &str) -> Result<Vec<(String, Architecture)>, ControlError> {
    let read = |word: &str| {
        let (name, architecture) = word.rsplit_once(':')?;
        Some((name.to_owned(), Architecture::new(architecture).ok()?))
    };
    let bad = |word: &str| stanza.error(field, format_args!("not a package with its architecture: {word:?}"));
    stanza.words(field).map(|word| read(word).ok_or_else(|| bad(word))).collect()
}
