//! What every [`Bootstrapper`] must do, given a request that its archives can fulfil.

use std::{collections::BTreeSet, fs::File};

use debbuild_core::{command::Discard, context::Context, digest::Sha256};

use super::{BootstrapRequest, Bootstrapper};
use crate::confine::{BuildUser, Scratch};

/// The result is a system that knows its sources and keys, and nothing of the place where it was made.
///
/// Returns the digest of the tarball: a second run must give the same.
///
/// # Panics
/// When the bootstrapper does not conform.
pub async fn makes_a_clean_system(
    bootstrapper: &dyn Bootstrapper,
    request: &BootstrapRequest,
    scratch: &Scratch,
    user: &BuildUser,
) -> Sha256 {
    let made = bootstrapper.bootstrap(&Context::new(), request, scratch, user, &mut Discard).await.expect("it is made");
    assert!(made.status.contains("Package: "), "the status file lists packages");
    assert!(!made.tool.0.is_empty() && !made.tool.1.is_empty());
    let mut names = BTreeSet::new();
    let mut tar = tar::Archive::new(File::open(&made.tarball).expect("the tarball is there"));
    for entry in tar.entries().expect("it is a tar archive") {
        let entry = entry.expect("it is whole");
        let mtime = entry.header().mtime().expect("it has a time");
        assert!(i64::try_from(mtime).expect("a sane time") <= request.epoch.seconds(), "younger than the epoch");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        names.insert(path.trim_start_matches("./").trim_end_matches('/').to_owned());
    }
    assert!(names.contains("etc/apt/sources.list.d/debbuild.sources"));
    assert!(names.contains("var/lib/dpkg/status"));
    for source in &request.sources {
        assert!(names.contains(&format!("etc/apt/keyrings/{}", source.key_file())));
    }
    assert!(
        request.host.is_none() || names.contains("var/lib/dpkg/arch"),
        "dpkg knows the architecture that is built for"
    );
    for foreign in ["etc/resolv.conf", "etc/hostname", "etc/apt/apt.conf.d/99mmdebstrap"] {
        assert!(!names.contains(foreign), "{foreign} belongs to the place where it was made");
    }
    let bytes = std::fs::read(&made.tarball).expect("the tarball can be read");
    Sha256::of(&bytes)
}
