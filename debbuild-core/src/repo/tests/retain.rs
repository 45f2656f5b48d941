//! Which states stay, what goes, and what is reachable by time.

use super::*;

#[test]
fn rules_keep_the_newest_the_young_and_the_named() {
    let at = Timestamp::from_seconds;
    let states: Vec<(StateId, Timestamp)> = (1..=5).map(|number| (StateId::new(number), at(number * 100))).collect();
    let kept =
        |rule: Retention, now: i64| -> Vec<i64> { rule.kept(&states, at(now)).into_iter().map(StateId::get).collect() };
    assert_eq!(kept(Retention::new(), 1000), [1, 2, 3, 4, 5]);
    assert_eq!(kept(Retention::new().with_last(Some(2)), 1000), [4, 5]);
    assert_eq!(kept(Retention::new().with_last(Some(9)), 1000), [1, 2, 3, 4, 5]);
    assert_eq!(kept(Retention::new().with_last(Some(0)), 1000), [5], "the current one always stays");
    // State 3 was current until 400.
    assert_eq!(kept(Retention::new().with_seconds(Some(200)), 599), [3, 4, 5]);
    assert_eq!(kept(Retention::new().with_seconds(Some(200)), 600), [4, 5]);
    let both = Retention::new().with_seconds(Some(1)).with_last(Some(2)).with_named("beta", StateId::new(2));
    assert_eq!(kept(both, 9000), [2, 4, 5]);
    assert!(Retention::new().kept(&[], at(0)).is_empty());
}

async fn later(place: &Place, repository: &Repository) {
    place.clock.advance(Duration::from_secs(2 * 3600));
    place.publish(repository).await;
}

fn wanted(name: &str) -> Vec<Wanted> {
    vec![Wanted::new(PackageName::new(name).unwrap())]
}

fn pool(collected: &Collected) -> Vec<&str> {
    collected.files.iter().map(|(path, _)| path.as_str()).collect()
}

#[tokio::test]
async fn what_no_rule_keeps_goes_and_the_source_that_a_package_needs_stays() {
    let place = place();
    let repository = place.repository().await;
    let tool = place.package("tool", "1.0", "amd64", "tool");
    let control = format!("{}Built-Using: hello (= 1.0)\n", tool.control.clone().unwrap());
    let inputs = vec![
        place.source("hello"),
        place.source("other"),
        tool.with_control(control),
        place.package("old", "1", "amd64", "old"),
    ];
    place.add(&repository, inputs).await.unwrap();
    place.publish(&repository).await;
    for name in ["hello", "other", "old"] {
        repository.remove(&place.cx, &stable(), wanted(name)).await.unwrap();
    }
    for _ in 2..=5 {
        later(&place, &repository).await;
    }
    let rule = Retention::new().with_last(Some(2)).with_named("first", StateId::new(1));
    repository.set_retention(&place.cx, &stable(), rule.clone()).await.unwrap();
    assert_eq!(repository.retention(&place.cx, &stable()).await.unwrap(), rule);
    let would = repository.collect(&place.cx, true).await.unwrap();
    assert_eq!(would.states, [(stable(), StateId::new(2)), (stable(), StateId::new(3))]);
    assert!(would.files.is_empty() && would.sources.is_empty(), "the named state keeps them: {would:?}");

    repository.set_retention(&place.cx, &stable(), Retention::new().with_last(Some(2))).await.unwrap();
    let missing = Retention::new().with_named("none", StateId::new(9));
    let error = repository.set_retention(&place.cx, &stable(), missing).await.unwrap_err();
    assert!(matches!(error, RepoError::NoState { .. }), "{error}");
    // A file that an interrupted run placed and nothing names.
    let stray = place.base.join("repo/pool/main/s/stray");
    std::fs::create_dir_all(&stray).unwrap();
    std::fs::write(stray.join("stray_1_all.deb"), "stray").unwrap();
    let collected = repository.collect(&place.cx, false).await.unwrap();
    assert_eq!(collected.states.len(), 3);
    assert_eq!(collected.sources.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["hello"]);
    let mut gone = pool(&collected);
    gone.sort_unstable();
    let expected = [
        "main/o/old/old_1_amd64.deb",
        "main/o/other/other_1.0.dsc",
        "main/o/other/other_1.0.tar.xz",
        "main/s/stray/stray_1_all.deb",
    ];
    assert_eq!(gone, expected.map(|below| format!("pool/{below}")));
    assert!(!stray.as_std().exists() && place.base.join("repo/pool/main/h/hello/hello_1.0.dsc").as_std().exists());
    assert!(place.verify(&repository).await.is_good());
    assert!(repository.check(&place.cx, &stable()).await.unwrap().is_good());
    let numbers: Vec<i64> =
        repository.states(&place.cx, &stable()).await.unwrap().iter().map(|one| one.number).collect();
    assert_eq!(numbers, [4, 5]);

    // It is remembered although no state has it any more, and goes with the package that needs it.
    let again = repository.collect(&place.cx, false).await.unwrap();
    assert!(again.states.is_empty() && again.files.is_empty() && again.sources.len() == 1, "{again:?}");
    repository.remove(&place.cx, &stable(), wanted("tool")).await.unwrap();
    for _ in 6..=8 {
        later(&place, &repository).await;
    }
    let collected = repository.collect(&place.cx, false).await.unwrap();
    assert_eq!((collected.files.len(), collected.sources.len()), (3, 0), "{collected:?}");
    assert!(place.verify(&repository).await.is_good());
    let segments = std::fs::read_dir(place.base.join("repo/.debbuild/segments")).unwrap();
    let left: usize = segments.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum();
    assert_eq!(left, 0, "no state has any package");
}

#[tokio::test]
async fn states_are_reachable_by_time_until_they_are_collected() {
    let place = place();
    let dir = place.base.join("repo");
    let address = Some("https://mirror.example/snapshots/@SNAPSHOTID@/".to_owned());
    let repository = Repository::init(&place.cx, dir, options().with_snapshots(address)).await.unwrap();
    for version in 1..=4 {
        let input = place.package("hello", &version.to_string(), "amd64", &version.to_string());
        place.add(&repository, vec![input]).await.unwrap();
        later(&place, &repository).await;
    }
    assert!(
        place.read("dists/stable/Release").contains("\nSnapshots: https://mirror.example/snapshots/@SNAPSHOTID@/\n")
    );
    let states = repository.states(&place.cx, &stable()).await.unwrap();
    for state in &states {
        let below = format!("snapshots/{}", state.date.snapshot_id());
        let release = place.read(&format!("{below}/dists/stable/Release"));
        assert_eq!(Sha256::of(release.as_bytes()), state.release_sha256);
        let packages = place.read(&format!("{below}/dists/stable/main/binary-amd64/Packages"));
        assert_eq!(packages.matches("Package: hello\n").count(), usize::try_from(state.number).unwrap());
        for path in packages.lines().filter_map(|line| line.strip_prefix("Filename: ")) {
            place.read(&format!("{below}/{path}"));
        }
    }
    // What did not change is stored once.
    let inode = |number: u32| {
        let below = format!("repo/.debbuild/trees/stable/{number}/main/source/Sources");
        let file = place.base.descend(&below).unwrap();
        std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(file).unwrap())
    };
    assert_eq!(inode(1), inode(4));
    repository.set_retention(&place.cx, &stable(), Retention::new().with_last(Some(1))).await.unwrap();
    assert_eq!(repository.collect(&place.cx, false).await.unwrap().states.len(), 2);
    let left: Vec<bool> = states
        .iter()
        .map(|state| place.base.descend(&format!("repo/snapshots/{}", state.date.snapshot_id())).unwrap())
        .map(|path| path.as_std().exists())
        .collect();
    assert_eq!(left, [false, false, true, true], "the last two are within reach of clients");
    let bad = options().with_snapshots(Some("https://mirror.example/".to_owned()));
    assert_eq!(Repository::init(&place.cx, place.base.join("bad"), bad).await.unwrap_err().class(), Class::Usage);
}

#[tokio::test]
async fn another_place_follows_and_is_thinned_out() {
    let place = place();
    let repository = place.repository().await;
    let there = Arc::new(MemoryTarget::new());
    for version in 1..=3 {
        let input = place.package("hello", &version.to_string(), "amd64", &version.to_string());
        repository.replace(&place.cx, &stable(), vec![(main_component(), input)], Placing::Copy).await.unwrap();
        later(&place, &repository).await;
        repository.publish_to(&place.cx, &stable(), &*there, "there").await.unwrap();
    }
    let read = async |below: &str| there.read(&place.cx, &PoolPath::new(below).unwrap()).await.unwrap();
    assert_eq!(read("dists/stable/InRelease").await.unwrap(), place.read("dists/stable/InRelease"));
    let copy = repository.clone().with_target(Arc::clone(&there) as Arc<dyn PublishTarget>);
    assert!(place.verify(&copy).await.is_good());
    assert_eq!(there.pool(&place.cx).await.unwrap().len(), 3);
    let rule = repository.retention(&place.cx, &stable()).await.unwrap().with_last(Some(1));
    assert_eq!(rule.named.get("there"), Some(&StateId::new(3)));
    repository.set_retention(&place.cx, &stable(), rule).await.unwrap();
    for _ in 4..=6 {
        later(&place, &repository).await;
    }
    // What the other place has stays here, whatever the rule is.
    repository.collect(&place.cx, false).await.unwrap();
    assert!(repository.state(&place.cx, &stable(), StateId::new(3)).await.is_ok());
    let collected = repository.collect_at(&place.cx, &*there, false).await.unwrap();
    assert_eq!(pool(&collected).len(), 2, "{collected:?}");
    assert!(place.verify(&copy).await.is_good());
    repository.publish_to(&place.cx, &stable(), &*there, "there").await.unwrap();
    assert!(place.verify(&copy).await.is_good());

    // Forgotten, it is a stranger's.
    repository.set_retention(&place.cx, &stable(), Retention::new().with_last(Some(1))).await.unwrap();
    for _ in 7..=9 {
        later(&place, &repository).await;
    }
    repository.collect(&place.cx, false).await.unwrap();
    let error = repository.collect_at(&place.cx, &*there, false).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
    let error = repository.publish_to(&place.cx, &stable(), &*there, "there").await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict, "{error}");
}

#[tokio::test]
async fn other_places_have_states_by_time_until_they_are_collected() {
    let place = place();
    let address = Some("https://mirror.example/snapshots/@SNAPSHOTID@/".to_owned());
    let options = options().with_snapshots(address);
    let repository = Repository::init(&place.cx, place.base.join("repo"), options).await.unwrap();
    let mut places: Vec<Arc<dyn PublishTarget>> =
        vec![Arc::new(FolderTarget::new(place.base.join("copy"))), Arc::new(MemoryTarget::new())];
    #[cfg(feature = "s3")]
    places.push(Arc::new(S3Target::in_memory()));
    let mut states = Vec::new();
    for version in 1..=4 {
        let input = place.package("hello", &version.to_string(), "amd64", &version.to_string());
        repository.replace(&place.cx, &stable(), vec![(main_component(), input)], Placing::Copy).await.unwrap();
        later(&place, &repository).await;
        for (number, there) in places.iter().enumerate() {
            let name = format!("there{number}");
            states.push(repository.publish_to(&place.cx, &stable(), &**there, &name).await.unwrap());
        }
    }
    states.dedup_by_key(|state| state.number);
    let left = async |there: &dyn PublishTarget| {
        let mut left = Vec::new();
        for state in &states {
            let folder = there.timed(&stable(), &state.date.snapshot_id()).unwrap();
            let read = async |below: &str| {
                let path = PoolPath::new(&format!("{folder}/{below}")).unwrap();
                there.read(&place.cx, &path).await.unwrap()
            };
            let (release, signed) = (read("Release").await, read("InRelease").await);
            let packages = read("main/binary-amd64/Packages").await;
            assert_eq!((release.is_some(), packages.is_some()), (signed.is_some(), signed.is_some()), "{folder}");
            let Some(release) = release else { continue };
            assert_eq!(Sha256::of(&release), state.release_sha256);
            let packages = String::from_utf8(packages.unwrap().to_vec()).unwrap();
            let path = packages.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap();
            assert!(there.stat(&place.cx, &PoolPath::new(path).unwrap()).await.unwrap().is_some(), "{path}");
            left.push(state.number);
        }
        left
    };
    for there in &places {
        assert_eq!(left(&**there).await, [1, 2, 3, 4], "{there:?}");
    }
    let rule = repository.retention(&place.cx, &stable()).await.unwrap().with_last(Some(1));
    repository.set_retention(&place.cx, &stable(), rule).await.unwrap();
    for there in &places {
        repository.collect_at(&place.cx, &**there, true).await.unwrap();
        assert_eq!(left(&**there).await, [1, 2, 3, 4], "only told: {there:?}");
        let collected = repository.collect_at(&place.cx, &**there, false).await.unwrap();
        assert_eq!((left(&**there).await, collected.files.len()), (vec![3, 4], 2), "{there:?}");
        let copy = repository.clone().with_target(Arc::clone(there));
        assert!(place.verify(&copy).await.is_good());
    }
    // What is collected here first goes there with the next publication.
    repository.collect(&place.cx, false).await.unwrap();
    for _ in 5..=6 {
        later(&place, &repository).await;
    }
    repository.collect(&place.cx, false).await.unwrap();
    for (number, there) in places.iter().enumerate() {
        let name = format!("there{number}");
        repository.publish_to(&place.cx, &stable(), &**there, &name).await.unwrap();
        assert_eq!(left(&**there).await, [4], "{there:?}");
    }
}
