//! Mirrors whose packages are not those of the index that passed.

use debbuild_core::{acquire::fetch::Uri, digest::Sha256, error::Class};

use super::{INDEX, POOL, Place, uri};
use crate::gateway::Via;

const LIST: &str = "dists/s/main/binary-amd64/Packages";

fn stanza(path: &str, bytes: &[u8]) -> String {
    format!("Package: hello\nFilename: {path}\nSize: {}\nSHA256: {}\n\n", bytes.len(), Sha256::of(bytes))
}

#[tokio::test]
async fn a_package_that_is_not_the_indexs_is_refused_and_another_mirrors_is_taken() {
    let place = Place::new();
    place.upstream.put(uri(LIST), stanza(POOL, b"a package"));
    place.upstream.put(uri(POOL), "a pockage");
    let other = Uri::new("http://other.example/debian").unwrap();
    let door = place.open(|options| options);
    assert_eq!(place.get(LIST).await.status, 200);
    assert_eq!(place.get(POOL).await.status, 502);
    let record = door.close().await;
    assert_eq!(record.infrastructure_failure().unwrap().class, Class::Verification);
    assert!(place.gateway().origins().unwrap().iter().all(|(uri, _)| uri.as_str().ends_with(LIST)), "it is not kept");

    place.upstream.put(other.join(POOL).unwrap(), "a package");
    let door = place.open(|mut options| {
        options.archives[0] = options.archives[0].clone().with_upstream(other.clone());
        options
    });
    assert_eq!((place.get(LIST).await.status, place.get(POOL).await.body), (200, b"a package".to_vec()));
    let record = door.close().await;
    assert_eq!(record.detours.iter().map(|detour| detour.class).collect::<Vec<_>>(), [Class::Verification]);
    assert_eq!(record.served.last().unwrap().upstream, Some(other.join(POOL).unwrap()));
}

#[tokio::test]
async fn what_was_kept_before_its_index_passed_is_no_excuse() {
    let place = Place::new();
    place.upstream.put(uri(POOL), "a pockage");
    let door = place.open(|options| options);
    assert_eq!(place.get(POOL).await.body, b"a pockage", "nobody knows better");
    drop(door.close().await);

    let list = stanza(POOL, b"a package");
    let by_hash = format!("dists/s/main/binary-amd64/by-hash/SHA256/{}", Sha256::of(list.as_bytes()));
    place.upstream.put(uri(&by_hash), list);
    place.upstream.put(uri(POOL), "a package");
    let door = place.open(|options| options);
    assert_eq!(place.get(&by_hash).await.status, 200);
    assert_eq!(place.get(POOL).await.body, b"a package");
    assert_eq!(door.close().await.served.last().unwrap().via, Via::Fetched);
    // From now on everybody gets it.
    let door = place.open(|options| options);
    assert_eq!(place.get(POOL).await.body, b"a package");
    assert_eq!(door.close().await.served[0].via, Via::Kept);
}

#[tokio::test]
async fn indexes_that_disagree_or_are_none_say_nothing() {
    let place = Place::new();
    let second = "dists/t/main/source/Sources";
    place.upstream.put(uri(LIST), stanza(POOL, b"one"));
    place.upstream.put(uri(second), stanza(POOL, b"two"));
    place.upstream.put(uri("dists/u/main/binary-amd64/Packages.xz"), "no such format");
    let door = place.open(|options| options);
    for path in [LIST, second, "dists/u/main/binary-amd64/Packages.xz", INDEX] {
        assert_eq!(place.get(path).await.status, 200, "{path}");
    }
    assert_eq!(place.get(POOL).await.body, b"a package");
    assert!(door.close().await.failures.is_empty());
}
