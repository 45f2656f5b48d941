//! Patches between the indexes of states: which there are, for how long, and that they are checked.

use std::num::NonZeroUsize;

use super::*;

const INDEX: &str = "dists/stable/main/binary-amd64/Packages";

fn patched(most: usize) -> SuiteOptions {
    options().with_pdiffs(NonZeroUsize::new(most))
}

/// A suite whose index is larger than what changes in it.
async fn large(place: &Place, options: SuiteOptions) -> Repository {
    let repository = Repository::init(&place.cx, place.base.join("repo"), options).await.unwrap();
    let inputs = (0..300).map(|n| place.package(&format!("p{}", (n * 7919) % 600), "1", "amd64", &n.to_string()));
    place.add(&repository, inputs.collect()).await.unwrap();
    place.publish(&repository).await;
    repository
}

async fn more(place: &Place, repository: &Repository, name: &str) -> State {
    place.add(repository, vec![place.package(name, "1", "amd64", name)]).await.unwrap();
    place.publish(repository).await
}

/// The digests that a list of patches names in a field, and the names.
fn listed(place: &Place, field: &str) -> Vec<(String, String)> {
    let text = place.read(&format!("{INDEX}.diff/Index"));
    let paragraph = crate::control::single_paragraph(&text).unwrap();
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].to_owned(), words.get(2).copied().unwrap_or_default().to_owned())
    };
    paragraph.lines(field).map(line).collect()
}

fn digest(place: &Place) -> String {
    Sha256::of(place.read(INDEX).as_bytes()).to_string()
}

/// The packed patches that readers see.
fn files(place: &Place) -> Vec<String> {
    let folder = place.base.join("repo").descend(&format!("{INDEX}.diff")).unwrap();
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".gz"));
    names.sort();
    names
}

#[tokio::test]
async fn each_change_of_an_index_has_a_patch_and_the_last_ones_stay() {
    let place = place();
    let repository = large(&place, patched(3)).await;
    assert!(files(&place).is_empty(), "there is nothing to come from");
    let mut texts = vec![digest(&place)];
    for name in ["one", "two", "three", "four", "five"] {
        more(&place, &repository, name).await;
        texts.push(digest(&place));
        assert_eq!(listed(&place, "SHA256-Current")[0].0, texts[texts.len() - 1]);
        assert!(place.verify(&repository).await.is_good());
    }
    let history = listed(&place, "SHA256-History");
    let from: Vec<&String> = history.iter().map(|(digest, _)| digest).collect();
    assert_eq!(from, texts[2..5].iter().collect::<Vec<_>>());
    assert_eq!(listed(&place, "SHA256-Patches").len(), 3);
    let names: Vec<String> = listed(&place, "SHA256-Download").into_iter().map(|(_, name)| name).collect();
    assert_eq!(names[2], "20250510T092205Z-6.gz");
    // Clients that have an earlier list still ask for those that it names.
    assert_eq!(files(&place).len(), 5);
    place.clock.advance(Duration::from_secs(7200));
    for _ in 0..3 {
        place.publish(&repository).await;
    }
    assert_eq!(files(&place), names, "nothing changed, so nothing was added");
    assert!(place.verify(&repository).await.is_good());
    // What the index never was has no patch, and a suite without patches has no list.
    Repository::init(&place.cx, repository.dir().clone(), options()).await.unwrap();
    place.publish(&repository).await;
    let release = place.read("dists/stable/Release");
    assert!(!release.contains(".diff/Index"), "{release}");
}

#[tokio::test]
async fn going_back_is_a_change_like_any_other() {
    let place = place();
    let repository = large(&place, patched(9)).await;
    let first = digest(&place);
    more(&place, &repository, "one").await;
    let second = digest(&place);
    place.clock.advance(Duration::from_secs(60));
    repository.switch(&place.cx, &stable(), StateId::new(1), &place.signer).await.unwrap();
    assert_eq!(listed(&place, "SHA256-Current")[0].0, first);
    let history: Vec<String> = listed(&place, "SHA256-History").into_iter().map(|(digest, _)| digest).collect();
    assert_eq!(history, [first, second]);
}

#[tokio::test]
async fn patches_that_save_nothing_are_not_kept() {
    let place = place();
    let repository = Repository::init(&place.cx, place.base.join("repo"), patched(9)).await.unwrap();
    more(&place, &repository, "one").await;
    // From nearly nothing to this the patch is all of it.
    large(&place, patched(9)).await;
    assert!(files(&place).is_empty());
    more(&place, &repository, "two").await;
    assert_eq!((files(&place).len(), listed(&place, "SHA256-History").len()), (1, 1));
    assert!(place.verify(&repository).await.is_good());
}

#[tokio::test]
async fn the_same_states_give_the_same_patches() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let place = place();
        let repository = large(&place, patched(9)).await;
        more(&place, &repository, "one").await;
        let folder = place.base.join("repo").descend(&format!("{INDEX}.diff")).unwrap();
        let [name] = <[String; 1]>::try_from(files(&place)).unwrap();
        seen.push((std::fs::read(folder.child(&name).unwrap()).unwrap(), place.read(&format!("{INDEX}.diff/Index"))));
    }
    assert!(seen[0] == seen[1]);
}

#[tokio::test]
async fn another_place_has_them_too_and_what_is_missing_is_found() {
    let place = place();
    let repository = large(&place, patched(9)).await;
    let there = MemoryTarget::new();
    for name in ["one", "two"] {
        more(&place, &repository, name).await;
        repository.publish_to(&place.cx, &stable(), &there, "there").await.unwrap();
    }
    let there = repository.clone().with_target(Arc::new(there));
    let report = place.verify(&there).await;
    assert!(report.is_good(), "{report:?}");
    for name in files(&place) {
        let path = PoolPath::new(&format!("{INDEX}.diff/{name}")).unwrap();
        let here = repository.target.read(&place.cx, &path).await.unwrap();
        assert!(here.is_some() && there.target.read(&place.cx, &path).await.unwrap() == here, "{name}");
    }
    // The list comes again from the record, the patches go with time.
    let list = place.base.join("repo").descend(&format!("{INDEX}.diff/Index")).unwrap();
    std::fs::remove_file(&list).unwrap();
    let damaged = repository.damaged(&place.cx, &stable()).await.unwrap();
    assert_eq!(repository.remake_indexes(&place.cx, &stable(), &damaged).await.unwrap().len(), 1, "{damaged:?}");
    assert!(place.verify(&repository).await.is_good());
    let [one, two] = <[String; 2]>::try_from(files(&place)).unwrap();
    let folder = place.base.join("repo").descend(&format!("{INDEX}.diff")).unwrap();
    std::fs::remove_file(folder.child(&one).unwrap()).unwrap();
    std::fs::remove_file(folder.child(&two).unwrap()).unwrap();
    std::fs::write(folder.child(&two).unwrap(), "damaged").unwrap();
    let mut found: Vec<String> =
        place.verify(&repository).await.findings.into_iter().map(|finding| finding.path).collect();
    found.sort();
    assert_eq!(found, [format!("{INDEX}.diff/{one}"), format!("{INDEX}.diff/{two}")]);
}

#[tokio::test]
async fn a_damaged_index_gets_no_patch_and_the_way_begins_anew() {
    let place = place();
    let repository = large(&place, patched(9)).await;
    more(&place, &repository, "one").await;
    let plain = place.base.join("repo").descend(INDEX).unwrap();
    std::fs::remove_file(&plain).unwrap();
    std::fs::write(&plain, "damaged").unwrap();
    more(&place, &repository, "two").await;
    assert!(!place.read("dists/stable/Release").contains("binary-amd64/Packages.diff/Index"));
    // What was damaged is still there by its hash, for clients of the state before.
    let report = place.verify(&repository).await;
    assert!(report.findings.iter().all(|finding| finding.path.contains("/by-hash/")), "{report:?}");
    more(&place, &repository, "three").await;
    assert_eq!(listed(&place, "SHA256-History").len(), 1);
}
