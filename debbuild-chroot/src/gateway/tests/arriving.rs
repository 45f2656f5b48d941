//! Files that are served while they arrive: at once, in full or cut short, and once for all who ask.

use debbuild_core::digest::Sha256;

use super::mirror::{Mirror, PATH, Site, Step, answer, big};
use crate::gateway::{Expected, ExpectedFiles, Via};

/// Sends the first half, and the second when the test lets it.
async fn in_halves() -> Mirror {
    Mirror::start(|_, _| {
        let file = big();
        let (half, version) = (file.len() / 2, "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\n");
        vec![Step::Send(answer(version, &file, half)), Step::Wait, Step::Send(file[half..].to_vec())]
    })
    .await
}

fn vias(record: &crate::gateway::AccessRecord) -> Vec<Via> {
    record.served.iter().map(|file| file.via).collect()
}

#[tokio::test]
async fn a_large_file_is_served_while_it_arrives_and_fetched_once_for_all() {
    let (site, mirror, file) = (Site::new(|options| options), in_halves().await, big());
    let door = site.open("door", &[&mirror.uri], |options| options);
    let mut first = site.ask("door", PATH, "").await;
    let head = first.head().await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 2097152"), "{head}");
    assert!(head.contains("last-modified: sat, 01 jan 2022"), "{head}");
    assert_eq!(first.bytes(400_000).await, file[..400_000]);
    // Whoever comes later, through whatever door, shares the transfer, and may want a part.
    let other = site.open("other", &[&mirror.uri], |options| options);
    let mut second = site.ask("other", PATH, "").await;
    second.head().await;
    assert_eq!(second.bytes(400_000).await, file[..400_000]);
    let mut part = site.ask("door", PATH, "Range: bytes=1000-2097099\r\n").await;
    let head = part.head().await;
    assert!(head.starts_with("http/1.1 206") && head.contains("content-range: bytes 1000-2097099/2097152"), "{head}");
    let mut current = site.ask("door", PATH, "If-Modified-Since: Sat, 01 Jan 2022 00:00:00 GMT\r\n").await;
    assert!(current.head().await.starts_with("http/1.1 304"));
    assert!(door.record().served.is_empty(), "nothing is served before its end");
    mirror.go_on.add_permits(1);
    assert_eq!(first.rest().await, file[400_000..]);
    assert_eq!(second.rest().await, file[400_000..]);
    assert_eq!(part.rest().await, file[1000..2_097_100]);
    assert_eq!(mirror.asked().len(), 1);
    assert_eq!(vias(&other.close().await), [Via::Joined]);
    let record = door.close().await;
    assert_eq!(record.served[0].sha256, Sha256::of(&file));
    let mut vias = vias(&record);
    vias.sort_by_key(|via| *via == Via::Joined);
    assert_eq!(vias, [Via::Fetched, Via::Joined, Via::Joined]);
}

#[tokio::test]
async fn a_file_of_unknown_size_is_served_while_it_arrives_too() {
    let site = Site::new(|options| options);
    let mirror = Mirror::start(|_, _| {
        let (file, head) = (big(), b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec());
        let (one, two) = file.split_at(1 << 20);
        vec![Step::Send(head), Step::Send(one.to_vec()), Step::Wait, Step::Send(two.to_vec())]
    })
    .await;
    let door = site.open("door", &[&mirror.uri], |options| options);
    let mut asker = site.ask("door", PATH, "").await;
    let head = asker.head().await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    asker.bytes(100_000).await;
    mirror.go_on.add_permits(1);
    assert!(asker.rest().await.ends_with(b"0\r\n\r\n"), "the end is said");
    assert_eq!(door.close().await.served[0].size, big().len() as u64);
}

#[tokio::test]
async fn a_file_that_ends_wrong_is_cut_short_and_not_kept() {
    let site = Site::new(|options| options);
    let mirror = Mirror::start(|_, _| vec![Step::Send(answer("", &big(), 1 << 20)), Step::Wait]).await;
    let door = site.open("door", &[&mirror.uri], |options| options);
    let mut asker = site.ask("door", PATH, "").await;
    assert!(asker.head().await.starts_with("http/1.1 200"), "it began well");
    mirror.go_on.add_permits(1);
    let body = asker.rest().await;
    assert!(body.len() <= 1 << 20 && big().starts_with(&body), "{}", body.len());
    let record = door.close().await;
    assert_eq!((record.served.len(), record.failures.len()), (0, 1));
    assert!(record.infrastructure_failure().is_some());
    assert_eq!(site.gateway.origins().unwrap(), []);
}

#[tokio::test]
async fn another_mirrors_file_is_gone_on_with_only_where_it_begins_with_the_same_bytes() {
    let mut changed = big();
    changed[7] ^= 1;
    let longer = [big(), b"more".to_vec()].concat();
    for (second, same) in [(big(), true), (changed, false), (longer, false)] {
        let site = Site::new(|options| options);
        let dies = Mirror::start(|_, _| vec![Step::Send(answer("", &big(), 1 << 20)), Step::Wait]).await;
        let helps = Mirror::says(answer("", &second, second.len())).await;
        let door = site.open("door", &[&dies.uri, &helps.uri], |options| options);
        let mut asker = site.ask("door", PATH, "").await;
        asker.head().await;
        let mut body = asker.bytes(400_000).await;
        dies.go_on.add_permits(1);
        body.extend(asker.rest().await);
        assert_eq!(body == big(), same);
        assert!(same || body.len() < big().len(), "cut short");
        // Who asks again gets what there is.
        assert_eq!(site.get("door", PATH).await, (200, second.clone()));
        assert_eq!(door.close().await.detours.len(), 1);
    }
}

#[tokio::test]
async fn promised_bytes_are_seen_by_nobody_before_they_are_checked() {
    let site = Site::new(|options| options);
    let mut lie = big();
    *lie.last_mut().unwrap() ^= 1;
    let mirror = Mirror::says(answer("", &lie, lie.len())).await;
    let known = Expected { sha256: Sha256::of(&big()), size: big().len() as u64 };
    let expected = ExpectedFiles::from([(("debian".to_owned(), PATH.to_owned()), known)]);
    let _door = site.open("door", &[&mirror.uri], |options| options.with_expected(expected));
    assert_eq!(site.get("door", PATH).await.0, 502);
}

#[tokio::test]
async fn promised_bytes_that_are_slow_to_come_are_served_while_they_arrive_but_never_all_of_a_lie() {
    for lie in [false, true] {
        let site = Site::new(|options| options);
        let mirror = Mirror::start(move |_, _| {
            let mut file = big();
            let half = file.len() / 2;
            *file.last_mut().unwrap() ^= u8::from(lie);
            vec![Step::Send(answer("", &file, half)), Step::Wait, Step::Send(file[half..].to_vec())]
        })
        .await;
        let known = Expected { sha256: Sha256::of(&big()), size: big().len() as u64 };
        let expected = ExpectedFiles::from([(("debian".to_owned(), PATH.to_owned()), known)]);
        let soon = std::time::Duration::from_millis(50);
        let door = site.open("door", &[&mirror.uri], |options| options.with_expected(expected).with_check_first(soon));
        let mut asker = site.ask("door", PATH, "").await;
        assert!(asker.head().await.contains("content-length: 2097152"));
        let mut body = asker.bytes(400_000).await;
        mirror.go_on.add_permits(1);
        body.extend(asker.rest().await);
        assert_eq!((body == big(), body.len() < big().len()), (!lie, lie));
        let record = door.close().await;
        assert_eq!((record.served.len(), record.failures.len()), (usize::from(!lie), usize::from(lie)));
        assert_eq!(site.gateway.origins().unwrap().len(), usize::from(!lie));
    }
}

#[tokio::test]
async fn who_read_what_another_mirror_says_has_not_changed_is_cut_short() {
    let (site, path) = (Site::new(|options| options), "dists/s/main/Contents-amd64");
    let status = |line: &str| Step::Send(format!("HTTP/1.1 {line}\r\nConnection: close\r\n\r\n").into_bytes());
    let refused = status("403 Forbidden\r\nContent-Length: 0");
    let dies = Mirror::start(move |count, _| match count {
        0 => vec![refused.clone()],
        _ => vec![Step::Send(answer("", &vec![7; big().len()], 1 << 20)), Step::Wait],
    })
    .await;
    let unchanged = status("304 Not Modified");
    let helps = Mirror::start(move |_, head| match head.contains("if-none-match: \"v1\"") {
        true => vec![unchanged.clone()],
        false => vec![Step::Send(answer("ETag: \"v1\"\r\n", &big(), big().len()))],
    })
    .await;
    let door = site.open("door", &[&dies.uri, &helps.uri], |options| options);
    assert_eq!(site.get("door", path).await, (200, big()));
    let (mut first, mut second) = (site.ask("door", path, "").await, site.ask("door", path, "").await);
    first.head().await;
    second.head().await;
    dies.go_on.add_permits(1);
    for mut asker in [first, second] {
        let body = asker.rest().await;
        assert!(body.len() < big().len() && body.iter().all(|byte| *byte == 7), "{}", body.len());
    }
    assert_eq!(dies.asked().len(), 2);
    assert_eq!(site.get("door", path).await, (200, big()));
    drop(door.close().await);
}

#[tokio::test]
async fn a_transfer_outlives_the_door_that_began_it_while_another_one_waits() {
    let (site, mirror) = (Site::new(|options| options), in_halves().await);
    let first = site.open("first", &[&mirror.uri], |options| options);
    let mut left = site.ask("first", PATH, "").await;
    left.head().await;
    let second = site.open("second", &[&mirror.uri], |options| options);
    let mut stays = site.ask("second", PATH, "").await;
    stays.head().await;
    assert!(first.close().await.served.is_empty());
    assert!(left.rest().await.len() < big().len());
    mirror.go_on.add_permits(1);
    assert_eq!(stays.rest().await, big());
    assert_eq!(vias(&second.close().await), [Via::Joined]);
    assert_eq!(mirror.asked().len(), 1);
}

#[tokio::test]
async fn a_transfer_that_all_have_left_ends_and_the_next_asker_begins_another() {
    let (site, mirror) = (Site::new(|options| options), in_halves().await);
    let first = site.open("first", &[&mirror.uri], |options| options);
    site.ask("first", PATH, "").await.head().await;
    drop(first.close().await);
    let second = site.open("second", &[&mirror.uri], |options| options);
    mirror.go_on.add_permits(2);
    assert_eq!(site.get("second", PATH).await, (200, big()));
    assert_eq!(vias(&second.close().await), [Via::Fetched]);
    assert_eq!(mirror.asked().len(), 2);
}

#[tokio::test]
async fn a_door_breaks_off_what_is_more_than_it_gives() {
    let site = Site::new(|options| options);
    let unknown = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), big()].concat();
    for bytes in [answer("", &big(), big().len()), unknown] {
        let mirror = Mirror::says(bytes).await;
        let limit = |options: crate::gateway::GatewayOptions| options.with_limits(8 << 20, Some(1 << 20));
        let door = site.open("door", &[&mirror.uri], limit);
        let (status, body) = site.get("door", PATH).await;
        assert!(status == 403 || body.len() < big().len(), "{status}");
        assert_eq!(door.close().await.served, []);
    }
}
