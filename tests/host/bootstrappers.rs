//! Bootstrappers by the real tools: one suite for mmdebstrap, and for debootstrap where the tests run as root.

use std::sync::Arc;

use debbuild_chroot::{
    confine::Scratch,
    create::{
        BootstrapRequest, BootstrapTool, Bootstrapper, Debootstrap, InnerSource, Mmdebstrap, Variant, conformance,
    },
    gateway::GatewayOptions,
    manager::ManagerError,
};
use debbuild_core::{command::Discard, name::PackageName};
use debbuild_suite::{
    bench::{Bench, cache},
    pool::full,
};

use crate::chroot::{archives, folder};

/// The request for a small bookworm with one more package, and the archives that it needs.
async fn request(bench: &Bench) -> (BootstrapRequest, GatewayOptions) {
    let spec = bench.spec(Variant::Minbase).await;
    let (options, mut sources, mut dates) = (archives(&spec), Vec::new(), Vec::new());
    for archive in &spec.archives {
        let suite = bench.reader.open(&bench.cx, archive).await.unwrap();
        let inner = options.archives.iter().find(|allowed| allowed.upstreams[0] == archive.uris[0]).unwrap();
        let keys = bench.blobs.read(&bench.cx, suite.access().keyring_sha256, None).await.unwrap().to_vec();
        let name = format!("{}-{}", inner.name, archive.suite.as_str().replace('/', "-"));
        sources.push(InnerSource::new(name, inner.inner_uri(), archive.suite.clone(), suite.components(), keys));
        dates.push(suite.release().date);
    }
    let epoch = dates.into_iter().max().unwrap();
    let request = BootstrapRequest::new(spec.suite, spec.architecture, Variant::Minbase, sources, epoch);
    (request.with_include(vec![PackageName::new("less").unwrap()]), options)
}

async fn conforms(bootstrapper: &dyn Bootstrapper) {
    let bench = Bench::open(cache()).await;
    let (request, options) = request(&bench).await;
    let (_folder, base) = folder();
    let mut digests = Vec::new();
    for _ in 0..2 {
        let scratch = Scratch::create(&base, "create", &bench.user).unwrap();
        let door = bench.gateway.open(&bench.cx, &scratch.socket().unwrap(), options.clone()).unwrap();
        digests.push(conformance::makes_a_clean_system(bootstrapper, &request, &scratch, &bench.user).await);
        let access = door.close().await;
        assert!(access.refused.is_empty(), "{:?}", access.refused);
        scratch.remove(&bench.cx, &*bench.runner, &bench.user).await.unwrap();
    }
    assert_eq!(digests[0], digests[1], "the same bytes");
}

#[tokio::test]
async fn mmdebstrap_conforms() {
    // Several systems are made for it, one after the other.
    if !full() {
        return;
    }
    let bench = Bench::open(cache()).await;
    conforms(&Mmdebstrap::new(Arc::clone(&bench.runner))).await;
}

#[tokio::test]
async fn debootstrap_conforms_where_it_is_root() {
    // Several systems are made for it, one after the other.
    if !full() {
        return;
    }
    let bench = Bench::open(cache()).await;
    if bench.user.switch {
        conforms(&Debootstrap::new(Arc::clone(&bench.runner))).await;
    }
}

#[tokio::test]
async fn debootstrap_is_never_used_unasked() {
    let bench = Bench::open(cache()).await;
    let spec = bench.spec(Variant::Minbase).await.with_bootstrapper(BootstrapTool::Debootstrap);
    let error = bench.manager.create(&bench.cx, &spec, &mut Discard).await.unwrap_err();
    assert!(matches!(error, ManagerError::Privileged("debootstrap")), "{error}");
}
