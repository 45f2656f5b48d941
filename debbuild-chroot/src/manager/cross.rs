//! Cross chroots: systems of one architecture, the build architecture, in which packages for another one, the host architecture, are
//! built (dpkg-architecture(1)).

use debbuild_core::{arch::Architecture, name::PackageName};

use super::{ChrootSpec, ManagerError};
use crate::create::Variant;

/// Whether chroots of the architecture `own` can be made to build for `host`.
///
/// # Errors
/// [`ManagerError::NotCross`] when both are the same, or when `host` is `all`.
pub fn check_host(own: &Architecture, host: Option<&Architecture>) -> Result<(), ManagerError> {
    match host {
        Some(host) if host == own || host.is_all() => {
            Err(ManagerError::NotCross { own: own.clone(), host: host.clone() })
        }
        _ => Ok(()),
    }
}

impl ChrootSpec {
    /// As a cross chroot: to build for this host architecture, which is another one than its own. dpkg and apt in it know packages
    /// of both, and where packages are built ([`Variant::Buildd`]) it has compilers for it.
    #[must_use]
    pub fn with_host(mut self, host: Option<Architecture>) -> Self {
        self.host = host;
        self
    }

    /// What is installed besides the variant: what is included, and the compilers for the host architecture.
    pub(super) fn included(&self) -> Vec<PackageName> {
        let host = self.host.as_ref().filter(|_| self.variant == Variant::Buildd);
        let compilers = host.and_then(|host| PackageName::new(&format!("crossbuild-essential-{host}")).ok());
        self.include.iter().cloned().chain(compilers).collect()
    }
}
