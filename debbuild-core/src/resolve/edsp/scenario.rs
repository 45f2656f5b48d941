//! Scenarios: the request, and every version with apt's marks.

use std::collections::{HashMap, HashSet};

use super::{Request, ScenarioError};
use crate::{
    arch::Architecture,
    control::{ControlError, Paragraph, paragraphs},
    name::PackageName,
    version::Version,
};

/// The longest scenario that is read, in bytes: one of all of Debian is some 30 MB.
pub const LONGEST: usize = 512 << 20;

/// What apt asks. Borrowed from its text.
#[derive(Debug, Clone)]
pub struct Scenario<'t> {
    pub(super) request: Request,
    /// In the order in which apt came to know them.
    pub(super) versions: Vec<Listed<'t>>,
}

/// A version of a package, with apt's marks.
#[derive(Debug, Clone)]
pub(super) struct Listed<'t> {
    /// apt's number for it.
    pub(super) id: u64,
    /// As apt calls it.
    pub(super) name: &'t str,
    /// Its name in a universe: another where apt's is no package name.
    pub(super) package: PackageName,
    pub(super) architecture: Architecture,
    pub(super) version: Version,
    pub(super) installed: bool,
    pub(super) hold: bool,
    pub(super) candidate: bool,
    pub(super) automatic: bool,
    pub(super) essential: bool,
    pub(super) priority: i32,
    pub(super) stanza: &'t str,
}

impl<'t> Scenario<'t> {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn read(text: &'t str) -> Result<Self, ScenarioError> {
        if text.len() > LONGEST {
            return Err(ScenarioError::TooLong { bytes: text.len() });
        }
        let mut stanzas = paragraphs(text);
        let request = Request::read(&stanzas.next().ok_or(ControlError::Paragraphs(0))??)?;
        let (mut versions, mut ids) = (Vec::new(), HashSet::new());
        let mut start = stanzas.offset();
        while let Some(stanza) = stanzas.next() {
            let end = stanzas.offset();
            let listed = Listed::read(&stanza?, &text[start..end])?;
            start = end;
            if !ids.insert(listed.id) {
                return Err(ScenarioError::Contents(format!("two packages with the APT-ID {}", listed.id)));
            }
            versions.push(listed);
        }
        versions.sort_by_key(|listed| listed.id);
        Ok(Self { request, versions })
    }

    /// What is asked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// How many versions of packages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// The versions by name, as apt calls it, and architecture of the system, `all` being the system's own.
    pub(super) fn by_name(&self) -> HashMap<(&'t str, &Architecture), Vec<&Listed<'t>>> {
        let mut by_name: HashMap<_, Vec<&Listed<'t>>> = HashMap::new();
        for listed in &self.versions {
            by_name.entry((listed.name, self.place(listed))).or_default().push(listed);
        }
        by_name
    }

    /// The architecture that a version is installed for.
    pub(super) fn place<'s>(&'s self, listed: &'s Listed<'_>) -> &'s Architecture {
        if listed.architecture.is_all() { &self.request.architecture } else { &listed.architecture }
    }
}

impl<'t> Listed<'t> {
    fn read(stanza: &Paragraph<'t>, text: &'t str) -> Result<Self, ControlError> {
        let id = stanza.required("APT-ID")?;
        let name = stanza.require("Package")?;
        let (version, _) =
            Version::tolerant(stanza.require("Version")?).map_err(|error| stanza.error("Version", error))?;
        let package = match PackageName::new(name) {
            Ok(package) => package,
            Err(_) => PackageName::new(&format!("apt-asks-{id}")).map_err(|error| stanza.error("Package", error))?,
        };
        Ok(Self {
            id,
            name,
            package,
            architecture: stanza.required("Architecture")?,
            version,
            installed: stanza.flag("Installed")?,
            hold: stanza.flag("Hold")?,
            candidate: stanza.flag("APT-Candidate")?,
            automatic: stanza.flag("APT-Automatic")?,
            essential: stanza.flag("Essential")?,
            priority: stanza.required("APT-Pin")?,
            stanza: text,
        })
    }

    /// Whether apt made it up, to say what it wants.
    pub(super) fn is_made_up(&self) -> bool {
        self.name != self.package.as_str()
    }
}
