//! Signing and verifying by gpg, gpgv and sqv as they are installed.

mod keys;

use std::{sync::Arc, time::Duration};

use debbuild_core::{
    clock::{FixedClock, Timestamp},
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    error::{Class, Classify as _},
    path::AbsPath,
    sign::{
        ExternalOptions, ExternalSigner, GpgOptions, GpgSigner, GpgvVerifier, KeyAlgorithm, Keyring, Signer,
        SqvVerifier, Verifier, conformance, detect,
    },
};

struct Place {
    _folder: tempfile::TempDir,
    base: AbsPath,
    runner: Arc<dyn CommandRunner>,
}

fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    // A state path that is too long for a socket.
    let base = AbsPath::new(folder.path()).unwrap().child(&"long".repeat(30)).unwrap();
    Place { _folder: folder, base, runner: Arc::new(SystemRunner) }
}

impl Place {
    fn signer(&self, home: &str, algorithm: KeyAlgorithm) -> GpgSigner {
        let home = self.base.child(home).unwrap();
        let options = GpgOptions::new(home, AbsPath::new("/tmp").unwrap()).with_algorithm(algorithm);
        GpgSigner::new(Arc::clone(&self.runner), options)
    }

    fn scratch(&self) -> AbsPath {
        self.base.join("scratch")
    }
}

async fn conforms(signer: &dyn Signer, other: &dyn Signer, verifier: &dyn Verifier) {
    conformance::round_trip(signer, verifier).await;
    conformance::armored_keys(signer, verifier).await;
    conformance::forgeries(signer, other, verifier).await;
    conformance::time(signer, verifier).await;
    conformance::broken_keyring(signer, verifier).await;
}

#[tokio::test]
async fn gpg_gpgv_and_sqv_conform_and_leave_nothing_behind() {
    let place = place();
    let one = place.signer("one", KeyAlgorithm::Ed25519);
    let two = place.signer("two", KeyAlgorithm::Ed25519);
    conforms(&one, &two, &GpgvVerifier::new(Arc::clone(&place.runner), place.scratch())).await;
    let found = detect(&Context::new(), Arc::clone(&place.runner), place.scratch()).await.unwrap();
    conforms(&one, &two, &found).await;
    assert_eq!(std::fs::read_dir(place.scratch()).unwrap().count(), 0, "a verifier left files behind");

    let home = std::fs::canonicalize(place.base.join("one")).unwrap();
    let left = std::fs::read_dir(home)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("S.gpg-agent"));
    assert_eq!(left.count(), 0, "an agent is still there");
}

#[tokio::test]
async fn a_second_process_finds_the_key_that_the_first_made_and_they_do_not_disturb_each_other() {
    let place = place();
    let cx = Context::new();
    let (first, second) = (place.signer("one", KeyAlgorithm::Ed25519), place.signer("one", KeyAlgorithm::Ed25519));
    let (a, b) = tokio::join!(first.clear_sign(&cx, b"a\n"), second.clear_sign(&cx, b"b\n"));
    assert_eq!(first.fingerprint(&cx).await.unwrap(), second.fingerprint(&cx).await.unwrap());
    let keys = Keyring::Bytes(first.public_key(&cx).await.unwrap());
    let verifier = GpgvVerifier::new(Arc::clone(&place.runner), place.scratch());
    for (signed, text) in [(a, b"a\n"), (b, b"b\n")] {
        let verified = verifier.verify_clear(&cx, "text", &signed.unwrap(), &keys, None).await.unwrap();
        assert_eq!(verified.text(), text);
    }
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(place.base.join("one")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn rsa_keys_are_accepted_by_both_verifiers_and_signatures_have_the_clock_of_the_context() {
    let place = place();
    let at = Timestamp::from_seconds(1_746_868_565);
    let clock = FixedClock::new(at);
    let cx = Context::new().with_clock(Arc::new(clock.clone()));
    let signer = place.signer("rsa", KeyAlgorithm::Rsa4096);
    let keys = Keyring::Bytes(signer.public_key(&cx).await.unwrap());
    clock.advance(Duration::from_secs(60));
    let (one, two) = (signer.detach_sign(&cx, b"data").await.unwrap(), signer.detach_sign(&cx, b"data").await.unwrap());
    assert_eq!(one, two, "the same data at the same time has the same signature");
    let gpgv = GpgvVerifier::new(Arc::clone(&place.runner), place.scratch());
    let good = gpgv.verify_detached(&cx, "data", b"data", &one, &keys, None).await.unwrap();
    assert_eq!(good.signatures()[0].made, Some(at.after(Duration::from_secs(60))));
    let sqv = SqvVerifier::new(Arc::clone(&place.runner), place.scratch());
    sqv.verify_detached(&cx, "data", b"data", &one, &keys, None).await.unwrap();
}

#[tokio::test]
async fn an_external_command_signs() {
    let place = place();
    let cx = Context::new();
    let inner = place.signer("one", KeyAlgorithm::Ed25519);
    let fingerprint = inner.fingerprint(&cx).await.unwrap();
    let public_key = inner.public_key(&cx).await.unwrap();
    // A short link, as the external command knows nothing of our care for socket paths.
    let short = tempfile::tempdir_in("/tmp").unwrap();
    std::os::unix::fs::symlink(place.base.join("one"), short.path().join("h")).unwrap();
    let argv = |how: &[&str]| {
        ["gpg", "--batch", "--local-user", fingerprint.as_str()].iter().chain(how).map(ToString::to_string).collect()
    };
    let options = ExternalOptions::new(
        public_key,
        fingerprint.clone(),
        argv(&["--clearsign"]),
        argv(&["--armor", "--detach-sign"]),
    )
    .with_env("GNUPGHOME", short.path().join("h").as_os_str());
    let signer = ExternalSigner::new(Arc::clone(&place.runner), options.clone());
    let verifier = GpgvVerifier::new(Arc::clone(&place.runner), place.scratch());
    conformance::round_trip(&signer, &verifier).await;
    let mut silent = options;
    silent.clear = vec!["cat".to_owned()];
    let error = ExternalSigner::new(Arc::clone(&place.runner), silent).clear_sign(&cx, b"text\n").await.unwrap_err();
    assert_eq!(error.class(), Class::Infrastructure, "{error}");
    let stop = CommandSpec::new("gpgconf")
        .with_env("GNUPGHOME", short.path().join("h").as_os_str())
        .with_args(["--kill", "all"]);
    place.runner.output(&cx, &stop).await.unwrap();
}

/// Debian's own InRelease, with several signatures, as apt fetched it.
#[tokio::test]
async fn debians_own_release_verifies_with_debians_own_keyring() {
    let place = place();
    let cx = Context::new();
    let lists = std::fs::read_dir("/var/lib/apt/lists").unwrap();
    let releases: Vec<_> = lists
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with("_InRelease"))
        .collect();
    assert!(!releases.is_empty(), "apt has fetched nothing here: apt-get update");
    let keys = Keyring::Files(vec![AbsPath::new("/usr/share/keyrings/debian-archive-keyring.gpg").unwrap()]);
    let verifier = detect(&cx, Arc::clone(&place.runner), place.scratch()).await.unwrap();
    for release in releases {
        let signed = std::fs::read(&release).unwrap();
        let verified = verifier.verify_clear(&cx, "InRelease", &signed, &keys, None).await.unwrap();
        assert!(verified.text().starts_with(b"Origin: Debian"), "{release:?}");
    }
}
