//! Imports: what a tree says is what we say, and a byte that differs is refused.

use std::fs;

use super::*;

/// A tree that somebody published, with its own key.
async fn tree(world: &World) -> AbsPath {
    let fixture = world.fixture();
    let packages = [package(&fixture, "app", "1:1.0", "Section: games\n"), package(&fixture, "lib-one", "2.0", "")];
    let fixture = fixture
        .clone()
        .with_index("main/binary-amd64/Packages", packages.concat())
        .with_index("main/source/Sources", source(&fixture, "app", "1.0"));
    world.publish(&fixture).await;
    let options = MirrorOptions::new(suite("bookworm"), vec![amd64()]).with_sources(true);
    let theirs = world.base.join("theirs");
    world.plan(&fixture, &options).await.unwrap().apply(&world.cx, &theirs, &world.signer).await.unwrap();
    theirs
}

fn options(theirs: &AbsPath) -> ImportOptions {
    ImportOptions::new(theirs.clone(), suite("bookworm"), amd64())
}

async fn import(world: &World, options: &ImportOptions) -> Result<Report, MirrorError> {
    read_tree(&world.cx, options, None).await?.apply(&world.cx, &world.dir(), &world.signer).await
}

/// Replaces a file that may be read-only, or a link to another.
fn write(path: &AbsPath, bytes: &[u8]) {
    let _gone = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_tree_becomes_a_suite_of_ours_and_again_changes_nothing() {
    let world = world();
    let theirs = tree(&world).await;
    let before = world.list(&theirs, "bookworm").await;
    assert_eq!(before.len(), 3);
    let report = import(&world, &options(&theirs)).await.unwrap();
    assert_eq!((report.added.len(), report.published), (3, true));
    assert_eq!(world.list(&world.dir(), "bookworm").await, before);
    assert_eq!(report.state.options.label, "Tested");
    assert_eq!(report.state.options.valid_for_seconds, Some(86_400));
    assert!(world.verified(&world.dir(), "bookworm").await.is_good());
    let index = "bookworm/main/binary-amd64/Packages";
    assert_eq!(world.index(&world.dir(), index), world.index(&theirs, index));
    let again = import(&world, &options(&theirs)).await.unwrap();
    assert_eq!((again.added.len(), again.kept, again.published), (0, 3, false));

    // As another suite, by links; and what is there besides stays.
    use std::os::unix::fs::MetadataExt as _;
    let linked = options(&theirs).with_into(suite("stable")).with_placing(Placing::Link);
    let report = import(&world, &linked).await.unwrap();
    assert_eq!(report.state.options.suite, suite("stable"));
    assert_eq!(world.list(&world.dir(), "stable").await, before);
    let other = world.base.join("other");
    let plan = read_tree(&world.cx, &linked, None).await.unwrap();
    plan.apply(&world.cx, &other, &world.signer).await.unwrap();
    let deb = "pool/main/lib-/lib-one/lib-one_2.0_amd64.deb";
    assert_eq!(fs::metadata(other.join(deb)).unwrap().ino(), fs::metadata(theirs.join(deb)).unwrap().ino());
}

#[tokio::test]
async fn a_signature_is_asked_for_where_keys_are_given() {
    let world = world();
    let theirs = tree(&world).await;
    let verifier = MemoryVerifier::new();
    let good = Keyring::Bytes(world.signer.public_key(&world.cx).await.unwrap());
    let other = Keyring::Bytes(MemorySigner::new("other").public_key(&world.cx).await.unwrap());
    assert!(read_tree(&world.cx, &options(&theirs), Some((&verifier, &good))).await.is_ok());
    let error = read_tree(&world.cx, &options(&theirs), Some((&verifier, &other))).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    fs::remove_file(theirs.join("dists/bookworm/InRelease")).unwrap();
    assert!(
        read_tree(&world.cx, &options(&theirs), Some((&verifier, &good))).await.is_ok(),
        "Release with Release.gpg"
    );
    fs::remove_file(theirs.join("dists/bookworm/Release.gpg")).unwrap();
    let error = read_tree(&world.cx, &options(&theirs), Some((&verifier, &good))).await.unwrap_err();
    assert!(matches!(error, MirrorError::NoTree { .. }), "{error}");
    assert!(read_tree(&world.cx, &options(&theirs), None).await.is_ok());
}

#[tokio::test]
async fn other_bytes_than_promised_are_refused_and_nothing_is_published() {
    let world = world();
    let theirs = tree(&world).await;
    let deb = theirs.join("pool/main/lib-/lib-one/lib-one_2.0_amd64.deb");
    let good = fs::read(&deb).unwrap();
    let mut bad = good.clone();
    bad[0] ^= 1;
    write(&deb, &bad);
    let error = import(&world, &options(&theirs)).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    fs::remove_file(&deb).unwrap();
    import(&world, &options(&theirs)).await.unwrap_err();
    assert!(!world.dir().join("dists").as_std().exists());
    write(&deb, &good);
    for entry in fs::read_dir(theirs.join("dists/bookworm/main/binary-amd64")).unwrap() {
        let path = AbsPath::new(entry.unwrap().path()).unwrap();
        if path.as_std().is_file() {
            write(&path, b"Package: other\n");
        }
    }
    let error = import(&world, &options(&theirs)).await.unwrap_err();
    assert!(matches!(error, MirrorError::Mismatch { .. }), "{error}");
    assert_eq!(error.class(), Class::Verification);
    assert!(!world.dir().join("dists").as_std().exists());
}

#[tokio::test]
async fn trees_without_a_release_and_without_dists_are_read_too() {
    let world = world();
    let theirs = tree(&world).await;
    let index = world.index(&theirs, "bookworm/main/binary-amd64/Packages");
    let flat = world.base.join("flat");
    fs::create_dir(&flat).unwrap();
    fs::rename(theirs.join("pool"), flat.join("pool")).unwrap();
    fs::write(flat.join("Packages"), index.replace("Filename: ", "Filename: ./")).unwrap();
    let plan = read_tree(&world.cx, &options(&flat), None).await.unwrap();
    assert_eq!((plan.packages.len(), plan.suite.components.len()), (2, 1));
    let report = plan.apply(&world.cx, &world.dir(), &world.signer).await.unwrap();
    assert_eq!(report.added.len(), 2);

    // dists without a Release, in reprepro's folder, by the name of the suite.
    let base = world.base.join("reprepro");
    let indexes = base.join("public/dists/bookworm/contrib/misc/binary-amd64");
    fs::create_dir_all(&indexes).unwrap();
    fs::create_dir_all(base.join("conf")).unwrap();
    fs::write(base.join("conf/distributions"), "Codename: trixie\n\nCodename: bookworm\nSuite: oldstable\n").unwrap();
    fs::write(base.join("conf/options"), "verbose\noutdir +b/public\n").unwrap();
    fs::write(indexes.join("Packages"), &index).unwrap();
    let named = ImportOptions::new(base.clone(), suite("oldstable"), amd64());
    let plan = read_tree(&world.cx, &named, None).await.unwrap();
    assert_eq!(plan.packages[0].component.as_str(), "contrib/misc");
    assert_eq!(plan.suite.suite, suite("oldstable"));
    let none = ImportOptions::new(base, suite("sid"), amd64());
    let error = read_tree(&world.cx, &none, None).await.unwrap_err();
    assert!(matches!(error, MirrorError::NoTree { .. }), "{error}");
    assert_eq!(error.class(), Class::NotFound);
}
