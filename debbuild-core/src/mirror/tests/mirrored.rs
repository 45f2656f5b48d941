//! Mirrors: whole and selected, incremental, interrupted, refused.

use super::*;
use crate::{acquire::fetch::Fault, blob::SweepOptions};

fn everything() -> MirrorOptions {
    MirrorOptions::new(suite("bookworm"), vec![amd64()]).with_sources(true)
}

fn only(pattern: &str, deps: bool) -> MirrorOptions {
    let pattern = Some(pattern.parse().unwrap());
    MirrorOptions::new(suite("bookworm"), vec![amd64()]).with_filter(pattern, deps)
}

fn named(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{} {} {}", change.name, change.version, change.architecture)).collect()
}

/// app needs lib, which was built from another source; tool holds a part of lib's source; other stands alone.
fn archive(fixture: &ArchiveFixture) -> ArchiveFixture {
    let md5 = "0123456789abcdef0123456789abcdef";
    let packages = [
        package(fixture, "app", "1.0", &format!("Depends: lib-one (>= 2)\nSection: games\nDescription-md5: {md5}\n")),
        package(fixture, "lib-one", "2.0", "Source: lib-src (2.0-1)\nSection: libs\n"),
        package(fixture, "other", "1.0", ""),
        package(fixture, "tool", "1.0", "Built-Using: lib-src (= 2.0-1)\nDepends: not-there\nSection: games\n"),
    ];
    let sources = [source(fixture, "app", "1.0"), source(fixture, "lib-src", "2.0-1"), source(fixture, "tool", "1.0")];
    let translation = format!("Package: app\nDescription-md5: {md5}\nDescription-en: a package\n that plays.\n\n");
    fixture
        .clone()
        .with_index("main/binary-amd64/Packages", packages.concat())
        .with_index("main/source/Sources", sources.concat())
        .with_index("main/i18n/Translation-en", translation)
}

#[tokio::test]
async fn a_whole_archive_becomes_a_suite_of_ours_that_says_the_same() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    let report = world.mirror(&fixture, &everything()).await.unwrap();
    assert_eq!((report.added.len(), report.kept, report.published), (7, 0, true));
    let left: Vec<&str> = report.left_out.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(left, ["other 1.0 source"], "{:?}", report.left_out);
    let verified = world.verified(&world.dir(), "bookworm").await;
    assert!(verified.is_good(), "{verified:?}");
    let options = &report.state.options;
    assert_eq!((options.origin.as_str(), options.label.as_str()), ("Test", "Tested"));
    assert_eq!(options.valid_for_seconds, Some(86_400), "as long as the archive's own");
    let packages = world.index(&world.dir(), "bookworm/main/binary-amd64/Packages");
    assert!(packages.contains("Section: games\n"), "what the archive says, not what the .deb says: {packages}");
    assert!(packages.contains("Filename: pool/main/lib-/lib-src/lib-one_2.0_amd64.deb\n"), "{packages}");
    let translation = world.index(&world.dir(), "bookworm/main/i18n/Translation-en");
    assert!(translation.contains("Description-en: a package\n that plays.\n"), "{translation}");
    assert_eq!(std::fs::read(world.dir().join("pool/main/a/app/app_1.0.tar.xz")).unwrap(), b"tar of app 1.0");
}

#[tokio::test]
async fn the_second_run_asks_only_for_what_changed() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    world.mirror(&fixture, &everything()).await.unwrap();
    let asked = world.fetch.asked().len();
    let again = world.mirror(&fixture, &everything()).await.unwrap();
    assert_eq!((again.added.len(), again.removed.len(), again.kept, again.published), (0, 0, 7, false));
    assert_eq!(again.state.number, 1);
    assert_eq!(world.fetch.asked().len(), asked + 1, "only whether InRelease changed");

    // A new version in place of an old one.
    let packages = [package(&fixture, "app", "1.1", ""), package(&fixture, "other", "1.0", "")].concat();
    let changed = fixture.clone().with_index("main/binary-amd64/Packages", packages);
    world.publish(&changed).await;
    let asked = world.fetch.asked().len();
    let report = world.mirror(&changed, &everything()).await.unwrap();
    assert_eq!(named(&report.added), ["app 1.1 amd64"]);
    assert_eq!(named(&report.removed), ["app 1.0 amd64", "lib-one 2.0 amd64", "tool 1.0 amd64"]);
    let pool = |uri: &Uri| uri.as_str().contains("/pool/");
    assert_eq!(world.fetch.asked()[asked..].iter().filter(|uri| pool(uri)).count(), 1);
    assert!(world.verified(&world.dir(), "bookworm").await.is_good());

    // Nothing changes, but half of the time is over: the signature is made anew.
    world.clock.advance(Duration::from_secs(50_000));
    let renewed = world.mirror(&changed, &everything()).await.unwrap();
    assert_eq!((renewed.added.len(), renewed.published, renewed.state.number), (0, true, 3));
}

#[tokio::test]
async fn a_pattern_selects_and_dependencies_and_sources_follow() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    let found = async |options: MirrorOptions| {
        let plan = world.plan(&fixture, &options).await.unwrap();
        let names: Vec<String> = plan.packages.iter().map(Listed::describe).collect();
        (names, plan.left_out.iter().map(|one| one.what.clone()).collect::<Vec<_>>())
    };
    let (names, left) = found(only("~n^app$", false)).await;
    assert_eq!((names, left), (vec!["app 1.0 amd64".to_owned()], Vec::new()));
    let (names, _) = found(only("~n^app$", true)).await;
    assert_eq!(names, ["app 1.0 amd64", "lib-one 2.0 amd64"]);
    // What cannot be installed is taken all the same, and said; the others still get what they need.
    let (names, left) = found(only("~sgames", true).with_sources(true)).await;
    let expected = ["app 1.0 amd64", "lib-one 2.0 amd64", "tool 1.0 amd64"];
    assert_eq!(names[..3], expected);
    assert_eq!(names[3..], ["app 1.0 source", "lib-src 2.0-1 source", "tool 1.0 source"]);
    assert_eq!(left, ["the dependencies of tool 1.0 amd64"]);
    // The source that is only used to build it.
    let (names, _) = found(only("~n^tool$", false).with_sources(true)).await;
    assert_eq!(names, ["tool 1.0 amd64", "lib-src 2.0-1 source", "tool 1.0 source"]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_fetched() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    let riscv64 = Architecture::new("riscv64").unwrap();
    let contrib = ComponentName::new("contrib").unwrap();
    for (options, class) in [
        (only("~nnothing-is-called-so", false), Class::NotFound),
        (MirrorOptions::new(suite("bookworm"), vec![riscv64]), Class::Usage),
        (MirrorOptions::new(suite("bookworm"), vec![Architecture::all()]), Class::Usage),
        (everything().with_components(vec![contrib]), Class::Usage),
        (everything().with_limit(Some(10)), Class::Disk),
    ] {
        let error = world.mirror(&fixture, &options).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert!(!world.fetch.asked().iter().any(|uri| uri.as_str().contains("/pool/")), "{error}");
        assert!(!world.dir().join("dists").as_std().exists());
    }
    let none = plan(&world.cx, &[], &everything()).await.unwrap_err();
    assert_eq!(none.class(), Class::Usage);
}

#[tokio::test]
async fn an_interrupted_mirror_goes_on_where_it_ended() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    let tool = Uri::new("http://mirror.example/debian/pool/main/x/tool_1.0_amd64.deb").unwrap();
    world.fetch.fail_next(tool.clone(), Fault::Unreachable);
    let error = world.mirror(&fixture, &everything()).await.unwrap_err();
    assert_eq!(error.class(), Class::Infrastructure, "{error}");
    assert!(!world.dir().join("dists").as_std().exists(), "nothing is published");
    // Whatever is swept meanwhile, what was fetched stays.
    let later = FixedClock::new(world.clock.now().after(Duration::from_secs(3600)));
    let later = world.cx.clone().with_clock(Arc::new(later));
    world.reader.store().sweep(&later, SweepOptions::new(Duration::ZERO)).await.unwrap();
    let asked = |from: usize| {
        let all = world.fetch.asked();
        all[from..].iter().filter(|uri| uri.as_str().contains("/pool/")).cloned().collect::<Vec<_>>()
    };
    let (before, from) = (asked(0), world.fetch.asked().len());
    // What was under way when the failure ended everything may be asked for again.
    let mut kept = Vec::new();
    for uri in before.iter().filter(|uri| uri.as_str().ends_with("_amd64.deb")) {
        let file = uri.as_str().trim_end_matches("_amd64.deb").rsplit('/').next().unwrap();
        let content = Sha256::of(file.replace('_', " ").as_bytes());
        if world.reader.store().stat(&world.cx, content).await.unwrap().is_some() {
            kept.push(uri);
        }
    }
    world.mirror(&fixture, &everything()).await.unwrap();
    let again = asked(from);
    assert!(before.len() > 1 && again.contains(&tool), "{before:?} {again:?}");
    assert!(again.iter().all(|uri| !kept.contains(&uri)), "{kept:?} {again:?}");
    // The pool has them now: nothing keeps them in the store but what keeps indexes.
    let swept = world.reader.store().sweep(&later, SweepOptions::new(Duration::ZERO)).await.unwrap();
    assert!(swept.blobs.iter().any(|blob| blob.id == Sha256::of(b"tool 1.0")), "{swept:?}");
    assert!(world.verified(&world.dir(), "bookworm").await.is_good());
}

#[tokio::test]
async fn a_file_that_is_not_what_the_index_says_is_not_published() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    world.mirror(&fixture, &only("~nother", false)).await.unwrap();
    let deb = Uri::new("http://mirror.example/debian/pool/main/x/tool_1.0_amd64.deb").unwrap();
    world.fetch.fail_next(deb, Fault::Flip(3));
    let error = world.mirror(&fixture, &everything()).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification, "{error}");
    let repository = Repository::open(&world.cx, world.dir()).await.unwrap();
    assert_eq!(repository.current(&world.cx, &suite("bookworm")).await.unwrap().number, 1);
    assert_eq!(world.list(&world.dir(), "bookworm").await, ["other 1.0 amd64"]);
}

#[tokio::test]
async fn a_name_with_other_content_is_a_conflict_and_a_bad_stanza_is_left_out() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    world.mirror(&fixture, &only("~n^app$", false)).await.unwrap();
    let path = "pool/main/x/app_1.0_amd64.deb";
    let stanza = package(&fixture, "app", "1.0", "");
    let deb = fixture.put_file(path, b"other content").unwrap();
    let mut changed = stanza.trim_end().lines().filter(|line| !line.starts_with("S")).collect::<Vec<_>>().join("\n");
    changed.push_str(&format!("\nSize: {}\nSHA256: {}\n\nPackage: bad\nVersion: 1\n\n", deb.size, deb.sha256));
    let fixture = fixture.with_index("main/binary-amd64/Packages", changed);
    world.publish(&fixture).await;
    let plan = world.plan(&fixture, &MirrorOptions::new(suite("bookworm"), vec![amd64()])).await.unwrap();
    assert_eq!(plan.left_out.len(), 1, "{:?}", plan.left_out);
    assert!(plan.left_out[0].what.starts_with("bad in main/binary-amd64/Packages"), "{:?}", plan.left_out);
    let error = plan.apply(&world.cx, &world.dir(), &world.signer).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
}

#[tokio::test]
async fn row_75_our_state_is_kept_when_an_index_is_missing_or_has_other_bytes_of_the_same_size() {
    let world = world();
    let fixture = archive(&world.fixture());
    world.publish(&fixture).await;
    world.mirror(&fixture, &only("~nother", false)).await.unwrap();
    let before = std::fs::read(world.dir().join("dists/bookworm/InRelease")).unwrap();
    let changed = fixture.clone().with_index("main/binary-amd64/Packages", package(&fixture, "other", "2.0", ""));
    for (fault, class) in [(Some(Fault::Flip(30)), Class::Verification), (None, Class::NotFound)] {
        world.publish(&changed).await;
        let suite = world.reader.open(&world.cx, &changed.archive(&world.cx).await.unwrap()).await.unwrap();
        let digest = suite.release().file("main/binary-amd64/Packages.xz").unwrap().sha256;
        for path in ["Packages.xz".to_owned(), format!("by-hash/SHA256/{digest}")] {
            let uri = changed.uri(&format!("main/binary-amd64/{path}")).unwrap();
            match fault {
                Some(fault) => world.fetch.fail_next(uri, fault),
                None => world.fetch.remove(&uri),
            }
        }
        let error = world.mirror(&changed, &only("~nother", false)).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(std::fs::read(world.dir().join("dists/bookworm/InRelease")).unwrap(), before);
        assert_eq!(world.list(&world.dir(), "bookworm").await, ["other 1.0 amd64"]);
    }
    world.publish(&changed).await;
    world.mirror(&changed, &only("~nother", false)).await.unwrap();
    assert_eq!(world.list(&world.dir(), "bookworm").await, ["other 2.0 amd64"]);
}
