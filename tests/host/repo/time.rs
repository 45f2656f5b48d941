//! Going back, forward, and to a moment of the past, as apt sees it.

use debbuild_core::repo::{Repository, StateId, SuiteOptions};

use super::place::{Apt, place, stable};

/// The version of hello that apt would install.
async fn candidate(apt: &Apt) -> String {
    apt.update(&[]).await.clean();
    let plan = apt.get(&["install", "--simulate", "hello"]).await.clean().stdout;
    let line = plan.lines().find_map(|line| line.strip_prefix("Inst hello (")).unwrap_or_else(|| panic!("{plan}"));
    line.split(' ').next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_follows_a_suite_back_and_forth_and_installs_from_a_moment_of_the_past() {
    let place = place().await;
    let server = place.serve().await;
    let address = format!("{}/snapshots/@SNAPSHOTID@/", server.uri);
    let options = SuiteOptions::new(stable(), vec![place.architecture.clone()]).with_snapshots(Some(address));
    let repository = Repository::init(&place.cx, place.dir(), options).await.unwrap();
    let mut states = Vec::new();
    for version in ["1.0", "2.0", "3.0"] {
        place.add(&repository, vec![place.package("hello", version, "").await]).await;
        states.push(repository.publish(&place.cx, &stable(), &place.signer).await.unwrap());
    }
    let apt = place.apt(&repository, &server.uri).await;
    assert_eq!(candidate(&apt).await, "3.0");
    for (state, version) in [(1, "1.0"), (2, "2.0"), (3, "3.0"), (1, "1.0")] {
        repository.switch(&place.cx, &stable(), StateId::new(state), &place.signer).await.unwrap();
        assert_eq!(candidate(&apt).await, version);
    }
    // Without a word of apt's newer option: a path that every apt understands.
    for (state, version) in states.iter().zip(["1.0", "2.0", "3.0"]) {
        let past = format!("{}/snapshots/{}", server.uri, state.date.snapshot_id());
        let apt = place.apt(&repository, &past).await;
        assert_eq!(candidate(&apt).await, version);
        apt.get(&["download", "hello"]).await.clean();
    }
    // A collection takes what is asked for, and leaves what clients may still be reading.
    let states = repository.states(&place.cx, &stable()).await.unwrap();
    let collected = repository.collect(&place.cx, false).await.unwrap();
    assert!(collected.states.is_empty() && collected.files.is_empty(), "{collected:?}");
    assert_eq!(states.len(), 7);
}
