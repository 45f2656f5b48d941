//! What every [`LayerMaker`] must do, given a parent and a request to install at least one package that its archives have.

use std::{collections::BTreeSet, fs::File};

use debbuild_core::{
    command::Discard,
    context::Context,
    digest::Sha256,
    error::{Class, Classify as _},
    name::PackageName,
    path::AbsPath,
};

use super::{LayerMaker, LayerRequest, Lists};
use crate::backend::ChrootRef;

/// The packages come and go, nothing is left of how, no file is younger than the epoch, and the same request gives the same bytes,
/// wherever apt's lists come from. `scratch` is an empty folder.
///
/// # Panics
/// When the maker does not conform.
pub async fn layers_are_clean_and_repeat(
    maker: &dyn LayerMaker,
    parent: &ChrootRef,
    request: &LayerRequest,
    scratch: &AbsPath,
) {
    let kept = scratch.join("lists.tar");
    let lists = [Lists::Fetch, Lists::Keep(kept.clone()), Lists::Given(kept)];
    let mut digests = Vec::new();
    for (number, lists) in lists.into_iter().enumerate() {
        let to = scratch.child(&format!("{number}.tar")).expect("a plain name");
        let request = request.clone().with_lists(lists);
        let made = maker.make(&Context::new(), parent, &request, &to, &mut Discard).await.expect("it is made");
        for name in &request.install {
            assert!(made.status.contains(&format!("Package: {name}\n")), "{name} is installed");
        }
        assert_tidy(&to, request.epoch.seconds());
        digests.push(Sha256::of(&std::fs::read(&to).expect("it can be read")));
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "the same bytes");

    let nobody = vec![PackageName::new("no-such-package-anywhere").expect("a name")];
    let missing = request.clone().with_packages(nobody, Vec::new());
    let to = scratch.join("missing.tar");
    let error = maker.make(&Context::new(), parent, &missing, &to, &mut Discard).await.expect_err("there is none");
    assert_eq!(error.class(), Class::NotFound, "{error}");
}

fn assert_tidy(tarball: &AbsPath, epoch: i64) {
    let mut names = BTreeSet::new();
    let mut archive = tar::Archive::new(File::open(tarball).expect("it is there"));
    for entry in archive.entries().expect("it is a tar archive") {
        let entry = entry.expect("it is whole");
        let mtime = entry.header().mtime().expect("it has a time");
        assert!(i64::try_from(mtime).expect("a sane time") <= epoch, "younger than the epoch");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        names.insert(path.trim_start_matches("./").trim_end_matches('/').to_owned());
    }
    assert!(names.contains("var/lib/dpkg/status"));
    for left in ["usr/sbin/policy-rc.d", "sbin/start-stop-daemon.real", "usr/sbin/start-stop-daemon.real"] {
        assert!(!names.contains(left), "{left} belongs to the making");
    }
    let working = |name: &&String| {
        name.ends_with("debbuild-layer")
            || name.starts_with("tmp/")
            || name.ends_with("_InRelease")
            || name.ends_with(".deb")
    };
    assert_eq!(names.iter().find(working), None, "it belongs to the making");
}
