//! What an archive says of packages follows it: sections, priorities, tags and descriptions, by state.

use super::*;
use crate::repo::{InputKind, StateId};

fn everything() -> MirrorOptions {
    MirrorOptions::new(suite("bookworm"), vec![amd64()]).with_sources(true)
}

/// An archive that says this of its one package and its source.
fn saying(fixture: &ArchiveFixture, of_package: &str, of_source: &str) -> ArchiveFixture {
    let stanza = format!("{}{of_source}\n", source(fixture, "app", "1.0").trim_end_matches('\n').to_owned() + "\n");
    fixture
        .clone()
        .with_index("main/binary-amd64/Packages", package(fixture, "app", "1.0", of_package))
        .with_index("main/source/Sources", stanza)
}

const PACKAGES: &str = "bookworm/main/binary-amd64/Packages";
const SOURCES: &str = "bookworm/main/source/Sources";

#[tokio::test]
async fn what_the_archive_says_of_a_package_follows_it_and_states_keep_theirs() {
    let world = world();
    let first = "Section: games\nPriority: required\nTask: games\nTag: use::playing,\n interface::text\n";
    let fixture = saying(&world.fixture(), first, "Section: games\nPriority: optional\n");
    world.publish(&fixture).await;
    world.mirror(&fixture, &everything()).await.unwrap();
    let before = [PACKAGES, SOURCES].map(|index| world.index(&world.dir(), index));
    assert!(
        before[0].contains("Priority: required\nTask: games\nTag: use::playing,\n interface::text\n"),
        "{before:?}"
    );
    assert!(before[1].contains("\nSection: games\nPriority: optional\n"), "{before:?}");

    let second = "Section: contrib/misc\nPriority: important\nTag: use::learning\n";
    let fixture = saying(&world.fixture(), second, "Section: contrib/misc\nPriority: extra\n");
    world.publish(&fixture).await;
    let asked = world.fetch.asked().len();
    let report = world.mirror(&fixture, &everything()).await.unwrap();
    let changed: Vec<&str> = report.changed.iter().map(|change| change.architecture.as_str()).collect();
    assert_eq!((changed, report.kept, report.bytes, report.published), (vec!["amd64", "source"], 0, 0, true));
    let pool = |uri: &Uri| uri.as_str().contains("/pool/");
    assert!(!world.fetch.asked()[asked..].iter().any(pool), "its files are here");
    let after = [PACKAGES, SOURCES].map(|index| world.index(&world.dir(), index));
    assert!(after[0].contains("Section: contrib/misc\nPriority: important\nTag: use::learning\n"), "{after:?}");
    assert!(
        !after[0].contains("Task:") && after[1].contains("\nSection: contrib/misc\nPriority: extra\n"),
        "{after:?}"
    );
    let again = world.mirror(&fixture, &everything()).await.unwrap();
    assert_eq!((again.changed.len(), again.kept, again.published), (0, 2, false));
    assert!(world.verified(&world.dir(), "bookworm").await.is_good());

    // A state says what was said then, and goes on saying it when the suite goes back and forth.
    let repository = Repository::open(&world.cx, world.dir()).await.unwrap();
    for (state, said) in [(1, &before), (2, &after)] {
        repository.switch(&world.cx, &suite("bookworm"), StateId::new(state), &world.signer).await.unwrap();
        assert_eq!(&[PACKAGES, SOURCES].map(|index| world.index(&world.dir(), index)), said);
    }
}

#[tokio::test]
async fn two_suites_say_of_the_same_file_what_their_archives_say() {
    let world = world();
    let fixture = saying(&world.fixture(), "Section: games\nPriority: required\n", "");
    world.publish(&fixture).await;
    world.mirror(&fixture, &everything()).await.unwrap();
    let fixture = saying(&world.fixture(), "Section: misc\nPriority: optional\n", "");
    world.publish(&fixture).await;
    let other = MirrorOptions::new(suite("other"), vec![amd64()]);
    world.mirror(&fixture, &other).await.unwrap();
    // The package of a user, whose own control data say nothing of it.
    let repository = Repository::open(&world.cx, world.dir()).await.unwrap();
    let file = world.base.join("app.deb");
    std::fs::write(&file, "app 1.0").unwrap();
    let control = "Package: app\nVersion: 1.0\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: mine\n";
    let options = crate::repo::SuiteOptions::new(suite("mine"), vec![amd64()]);
    Repository::init(&world.cx, world.dir(), options).await.unwrap();
    let input = crate::repo::Input::new(InputKind::Binary, file).with_control(control);
    let main = ComponentName::new("main").unwrap();
    // In the pool it lies where the archive's packages put it: the same source.
    repository.add(&world.cx, &suite("mine"), &main, vec![input], Placing::Copy).await.unwrap();
    repository.publish(&world.cx, &suite("mine"), &world.signer).await.unwrap();
    for (name, said) in
        [("bookworm", "Section: games\n"), ("other", "Section: misc\n"), ("mine", "Description: mine\n")]
    {
        repository.publish(&world.cx, &suite(name), &world.signer).await.unwrap();
        let text = world.index(&world.dir(), &format!("{name}/main/binary-amd64/Packages"));
        assert!(text.contains(said), "{name}: {text}");
        assert!(world.verified(&world.dir(), name).await.is_good());
    }
}
