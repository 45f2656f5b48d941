//! Keys that follow one another, other people's agents, keys that must be refused, and the package that hands keys out.

use std::{fs, sync::Arc};

use debbuild_core::{
    clock::{FixedClock, Timestamp},
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    error::{Class, Classify as _},
    name::PackageName,
    path::AbsPath,
    sign::{
        Fingerprint, GpgOptions, GpgSigner, GpgvVerifier, KeyAlgorithm, KeyRole, Keyring, KeyringPackage, SignError,
        Signer as _, SqvVerifier, Verifier, detect,
    },
    version::Version,
};

use super::{Place, place};

impl Place {
    fn file(&self, name: &'static str, bytes: &[u8]) -> AbsPath {
        let file = self.base.join(name);
        fs::create_dir_all(&self.base).unwrap();
        fs::write(&file, bytes).unwrap();
        file
    }

    async fn said(&self, program: &str, args: &[&str]) -> String {
        let spec = CommandSpec::new(program).with_args(args.iter().copied());
        String::from_utf8(self.runner.output(&Context::new(), &spec).await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn keys_follow_one_another_with_an_overlap() {
    let (place, cx) = (place(), Context::new());
    let signer = place.signer("keys", KeyAlgorithm::Ed25519);
    let old = signer.fingerprint(&cx).await.unwrap();
    let old_ring = Keyring::Bytes(signer.public_key(&cx).await.unwrap());
    let error = signer.retire(&cx, &old).await.unwrap_err();
    assert_eq!((error.class(), error.to_string().contains("the only one")), (Class::Config, true), "{error}");

    let new = signer.rotate(&cx).await.unwrap();
    assert_eq!(signer.fingerprints(&cx).await.unwrap(), [old.clone(), new.clone()]);
    let both = Keyring::Bytes(signer.public_key(&cx).await.unwrap());
    // Another process, which has nothing remembered, signs by both too.
    let signer = place.signer("keys", KeyAlgorithm::Ed25519);
    let (text, signature) =
        (signer.clear_sign(&cx, b"text\n").await.unwrap(), signer.detach_sign(&cx, b"text\n").await.unwrap());
    signer.retire(&cx, &old).await.unwrap();
    let new_ring = Keyring::Bytes(signer.public_key(&cx).await.unwrap());
    let removed = Keyring::Bytes(signer.retired_keys(&cx).await.unwrap());
    let gpgv = GpgvVerifier::new(Arc::clone(&place.runner), place.scratch());
    let found = detect(&cx, Arc::clone(&place.runner), place.scratch()).await.unwrap();
    for verifier in [&gpgv as &dyn Verifier, &found] {
        for (ring, keys) in
            [(&old_ring, vec![&old]), (&removed, vec![&old]), (&new_ring, vec![&new]), (&both, vec![&old, &new])]
        {
            let clear = verifier.verify_clear(&cx, "text", &text, ring, None).await.unwrap();
            let detached = verifier.verify_detached(&cx, "text", b"text\n", &signature, ring, None).await.unwrap();
            for verified in [clear, detached] {
                let by: Vec<&Fingerprint> = verified.signatures().iter().map(|one| &one.fingerprint).collect();
                assert!(keys.iter().all(|key| by.contains(key)) && by.len() == keys.len(), "{by:?}");
            }
        }
    }
    // After the overlap the old key signs no more, and is known as one that did.
    let text = signer.clear_sign(&cx, b"later\n").await.unwrap();
    assert!(gpgv.verify_clear(&cx, "later", &text, &new_ring, None).await.is_ok());
    assert!(gpgv.verify_clear(&cx, "later", &text, &old_ring, None).await.is_err());
    let roles: Vec<_> = signer.keys(&cx).await.unwrap().into_iter().map(|key| (key.fingerprint, key.role)).collect();
    assert_eq!(roles, [(new.clone(), KeyRole::Signing), (old.clone(), KeyRole::Retired)]);
    assert!(signer.retire(&cx, &old).await.is_err() && signer.retire(&cx, &new).await.is_err());
}

/// apt of trixie takes no SHA-1 (algorithm 2) and no DSA (17) anywhere in a key.
#[tokio::test]
async fn keys_and_their_own_signatures_are_what_trixie_accepts() {
    let (place, cx) = (place(), Context::new());
    for (home, algorithm) in [("one", KeyAlgorithm::Ed25519), ("two", KeyAlgorithm::Rsa4096)] {
        let signer = place.signer(home, algorithm);
        signer.rotate(&cx).await.unwrap();
        let ring = place.file("ring.gpg", &signer.public_key(&cx).await.unwrap());
        let packets = place
            .said("gpg", &["--no-options", "--homedir", place.base.as_str(), "--list-packets", ring.as_str()])
            .await;
        let digests: Vec<&str> = packets.lines().filter(|line| line.contains("digest algo")).collect();
        assert_eq!(digests.len(), 2, "{packets}");
        assert!(digests.iter().all(|line| line.contains("digest algo 10,")), "{packets}");
        let keys = packets.lines().filter(|line| line.contains("algo ") && line.contains("version 4"));
        let allowed = |line: &str| line.contains("algo 22,") || line.contains("algo 1,");
        assert!(keys.clone().count() >= 2 && keys.clone().all(allowed), "{packets}");
        let signature = place.file("signature", &signer.detach_sign(&cx, b"data\n").await.unwrap());
        let data = place.file("data", b"data\n");
        let args = ["--signatures", "2", "--keyring", ring.as_str(), signature.as_str(), data.as_str()];
        assert_eq!(place.said("sqv", &args).await.lines().count(), 2);
    }
}

#[tokio::test]
async fn a_running_agent_signs_and_goes_on() {
    let (place, cx) = (place(), Context::new());
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let home = AbsPath::new(folder.path()).unwrap();
    let gnupg = |program: &str, args: &[&str]| {
        CommandSpec::new(program).with_env("GNUPGHOME", home.as_str()).with_args(args.iter().copied())
    };
    let make = ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "own", "ed25519", "sign", "never"];
    place.runner.output(&cx, &gnupg("gpg", &make)).await.unwrap();
    let listed = place.runner.output(&cx, &gnupg("gpg", &["--with-colons", "--list-keys"])).await.unwrap();
    let listed = String::from_utf8(listed).unwrap();
    let line = listed.lines().find(|line| line.starts_with("fpr")).unwrap();
    let key = Fingerprint::new(line.split(':').nth(9).unwrap()).unwrap();
    let agent = gnupg("gpg-connect-agent", &["--no-autostart", "GETINFO pid", "/bye"]);
    let before = place.runner.output(&cx, &agent).await.unwrap();
    assert!(before.starts_with(b"D "), "no agent is running");

    let options = GpgOptions::new(home.clone(), AbsPath::new("/tmp").unwrap());
    let signer = GpgSigner::new(Arc::clone(&place.runner), options.with_keys(vec![key]).with_running_agent());
    let ring = Keyring::Bytes(signer.public_key(&cx).await.unwrap());
    let text = signer.clear_sign(&cx, b"text\n").await.unwrap();
    let gpgv = GpgvVerifier::new(Arc::clone(&place.runner), place.scratch());
    assert_eq!(gpgv.verify_clear(&cx, "text", &text, &ring, None).await.unwrap().text(), b"text\n");
    assert_eq!(place.runner.output(&cx, &agent).await.unwrap(), before, "the agent is another one");
    let error = signer.rotate(&cx).await.unwrap_err();
    assert!(matches!(error, SignError::Managed(_)), "{error}");
    place.runner.output(&cx, &gnupg("gpgconf", &["--kill", "all"])).await.unwrap();
}

/// Rows 20 and 23 of the table of bad inputs: each has words of its own, by whichever tool.
#[tokio::test]
async fn unknown_expired_revoked_weak_and_early_signatures_are_told_apart() {
    let place = place();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let script = r#"set -e; export GNUPGHOME=$1; cd "$1"; g="gpg --batch --quiet --yes --pinentry-mode loopback --passphrase="
        make() { $g --quick-generate-key "$@"; }
        make good ed25519 sign never; make unknown ed25519 sign never; make revoked ed25519 sign never; make expired ed25519 sign never
        $g --cert-digest-algo SHA1 --quick-generate-key weak-key rsa2048 sign never
        printf 'text\n' >text
        for who in unknown revoked expired weak-key; do $g -u $who --clearsign -o $who.clear text; $g -u $who --armor -b -o $who.sig text; done
        $g -u good --digest-algo SHA1 --clearsign -o weak.clear text; $g -u good --digest-algo SHA1 --armor -b -o weak.sig text
        ahead=$(date -u -d '+8 days' +%Y%m%dT%H%M%S)
        $g --faked-system-time $ahead! -u good --clearsign -o early.clear text; $g --faked-system-time $ahead! -u good --armor -b -o early.sig text
        fpr=$($g --with-colons --list-keys revoked | awk -F: '/^fpr/ {print $10; exit}')
        sed 's/^://' openpgp-revocs.d/$fpr.rev | $g --import
        fpr=$($g --with-colons --list-keys expired | awk -F: '/^fpr/ {print $10; exit}')
        $g --quick-set-expire $fpr seconds=1; sleep 2
        $g --export good revoked expired weak-key >ring.gpg; gpgconf --kill all"#;
    let made = CommandSpec::new("sh").with_args(["-c", script, "sh", folder.path().to_str().unwrap()]);
    place.runner.output(&Context::new(), &made).await.unwrap();
    let read = |name: String| fs::read(folder.path().join(name)).unwrap();
    let (ring, cx) = (Keyring::Bytes(read("ring.gpg".to_owned())), Context::new());
    let gpgv = GpgvVerifier::new(Arc::clone(&place.runner), place.scratch());
    let sqv = SqvVerifier::new(Arc::clone(&place.runner), place.scratch());
    let cases = [
        ("unknown", "signed by a key that is not in the keyring"),
        ("revoked", "the key is revoked"),
        ("expired", "the key has expired"),
        ("weak", "the signature is over a weak hash"),
        ("early", "the signature was made after the time it is checked at"),
    ];
    for (name, words) in cases {
        let clear = gpgv.verify_clear(&cx, "text", &read(format!("{name}.clear")), &ring, None).await.unwrap_err();
        let signature = read(format!("{name}.sig"));
        let detached = gpgv.verify_detached(&cx, "text", b"text\n", &signature, &ring, None).await.unwrap_err();
        let mut said = vec![clear, detached];
        // sqv judges a key as of the signature, which was made before the key expired.
        if name != "expired" {
            said.push(sqv.verify_detached(&cx, "text", b"text\n", &signature, &ring, None).await.unwrap_err());
        }
        for error in said {
            assert!(error.to_string().contains(words) && error.class() == Class::Verification, "{name}: {error}");
        }
    }
    // gpgv of GnuPG 2.2 does not look at this; sqv does.
    let error = sqv.verify_detached(&cx, "text", b"text\n", &read("weak-key.sig".to_owned()), &ring, None).await;
    assert!(error.unwrap_err().to_string().contains("the key's own signatures are over a weak hash"));
    // Row 23's other half: what lies before the time that a lock names is good at that time, and not before.
    let early = read("early.clear".to_owned());
    let later = Some(Timestamp::from_seconds(cx.now().seconds() + 9 * 86_400));
    assert!(gpgv.verify_clear(&cx, "text", &early, &ring, later).await.is_ok());
}

#[tokio::test]
async fn the_keyring_package_is_what_debian_expects_and_always_the_same() {
    let place = place();
    let clock = FixedClock::new(Timestamp::from_seconds(1_746_868_565));
    let cx = Context::new().with_clock(Arc::new(clock));
    let signer = place.signer("keys", KeyAlgorithm::Ed25519);
    let old = signer.fingerprint(&cx).await.unwrap();
    signer.rotate(&cx).await.unwrap();
    signer.retire(&cx, &old).await.unwrap();
    let name = PackageName::new("example").unwrap();
    let path = KeyringPackage::keyring_path(&name);
    let keys = signer.public_key(&cx).await.unwrap();
    let sources = format!(
        "Types: deb\nURIs: https://mirror.example/debian\nSuites: stable\nComponents: main\nSigned-By: {path}\n"
    );
    let version = Version::new("20250510.091605").unwrap();
    let package = KeyringPackage::new(name, version, "Archive <archive@mirror.example>", cx.now(), keys.clone())
        .with_removed_keys(signer.retired_keys(&cx).await.unwrap())
        .with_sources(Some(sources));
    let mut built = Vec::new();
    for folder in ["first", "second"] {
        let into = place.base.child(folder).unwrap();
        let deb = package.build(&cx, &place.runner, &place.scratch(), &into).await.unwrap();
        assert_eq!(deb.name(), "example-archive-keyring_20250510.091605_all.deb");
        built.push((fs::read(&deb).unwrap(), deb));
    }
    assert!(built[0].0 == built[1].0, "two builds differ");
    let deb = built[0].1.as_str();
    let listing = place.said("dpkg-deb", &["--contents", deb]).await;
    for line in [
        "-rw-r--r-- root/root",
        "drwxr-xr-x root/root",
        "2025-05-10 09:16 ./usr/share/keyrings/example-archive-removed-keys.gpg",
    ] {
        assert!(listing.contains(line), "{line}: {listing}");
    }
    let tree = place.base.join("tree");
    place.said("dpkg-deb", &["--raw-extract", deb, tree.as_str()]).await;
    assert_eq!(fs::read(tree.descend(&path[1..]).unwrap()).unwrap(), keys);
    assert_eq!(fs::read_to_string(tree.join("DEBIAN/conffiles")).unwrap(), "/etc/apt/sources.list.d/example.sources\n");
    let spec = CommandSpec::new("lintian").with_args([
        "--allow-root",
        "--fail-on",
        "error",
        "--suppress-tags",
        "package-installs-apt-sources",
        deb,
    ]);
    place.runner.output(&cx, &spec).await.unwrap();
}
