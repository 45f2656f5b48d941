//! Repositories as apt, gpgv, sqv, dpkg-scanpackages and apt-ftparchive see them.

mod bootstrap;
mod cli;
mod crash;
mod indexes;
mod install;
mod mirror;
mod pdiff;
mod place;
mod s3;
mod time;
mod upload;

use std::{collections::BTreeMap, fs};

use debbuild_core::{
    command::CommandSpec,
    control::paragraphs,
    digest::Sha256,
    path::AbsPath,
    repo::{IndexFile, StateId},
};
use debbuild_suite::pool::full;
use place::{main_component, place, run, stable};

#[tokio::test(flavor = "multi_thread")]
async fn apt_takes_a_published_suite_without_a_word_and_by_hash() {
    let place = place().await;
    let repository = place.repository().await;
    let inputs = vec![
        place.package("hello", "1:2.10-3", "Depends: hello-data (>= 1~rc1)\n").await,
        place.package("hello-data", "1.0", "").await,
        place.source("hello").await,
    ];
    place.add(&repository, inputs).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let keys = place.keys().await;
    let report = repository.verify(&place.cx, &stable(), Some((&place.verifier(), &keys))).await.unwrap();
    assert!(report.is_good(), "{report:?}");

    let server = place.serve().await;
    let apt = place.apt(&repository, &server.uri).await;
    apt.update(&[]).await.clean();
    let log = server.log.text();
    for index in ["binary-", "source"] {
        let by_hash = |line: &&str| line.contains(index) && line.contains("/by-hash/SHA256/");
        assert!(log.lines().any(|line| by_hash(&line)), "{index} was not fetched by hash: {log}");
    }
    let plan = apt.get(&["install", "--simulate", "hello"]).await.clean();
    assert!(
        plan.stdout.contains("Inst hello-data (1.0 ") && plan.stdout.contains("Inst hello (1:2.10-3 "),
        "{}",
        plan.stdout
    );
    apt.get(&["download", "hello"]).await.clean();
    let mut debs = fs::read_dir(&apt.dir).unwrap().map(|entry| entry.unwrap().path());
    let deb = debs.find(|path| path.extension().is_some_and(|ending| ending == "deb")).unwrap();
    let ours = place.base.join("debs").child(&format!("hello_1%3a2.10-3_{}.deb", place.architecture)).unwrap();
    assert_eq!(fs::read(deb).unwrap(), fs::read(ours).unwrap());
    apt.get(&["source", "--download-only", "hello"]).await.clean();
    assert!(apt.dir.join("hello_1.0.tar.xz").as_std().exists() && apt.dir.join("hello_1.0.dsc").as_std().exists());

    // The same through a folder, and after going back to an earlier state.
    let apt = place.apt(&repository, &format!("file:{}", place.dir())).await;
    apt.update(&[]).await.clean();
    place.add(&repository, vec![place.package("hello-data", "2.0", "").await]).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    apt.update(&[]).await.clean();
    assert!(apt.get(&["install", "--simulate", "hello"]).await.clean().stdout.contains("Inst hello-data (2.0 "));
    repository.switch(&place.cx, &stable(), StateId::new(1), &place.signer).await.unwrap();
    apt.update(&[]).await.clean();
    assert!(apt.get(&["install", "--simulate", "hello"]).await.clean().stdout.contains("Inst hello-data (1.0 "));
}

/// Changes one byte in the middle of a file, as a new file: copies by hash are links to the same one.
fn flip(path: &AbsPath) -> Vec<u8> {
    let good = fs::read(path).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, bad).unwrap();
    good
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_refuses_one_changed_byte_in_any_index_its_twin_by_hash_or_a_package() {
    let place = place().await;
    let repository = place.repository().await;
    let inputs = vec![place.package("hello", "1.0", "").await, place.source("hello").await];
    place.add(&repository, inputs).await;
    let state = repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let server = place.serve().await;
    let apt = place.apt(&repository, &server.uri).await;
    let suite = place.dir().join("dists/stable");
    let good = flip(&suite.join("InRelease"));
    assert_ne!(apt.update(&[]).await.status, 0);
    fs::write(suite.join("InRelease"), good).unwrap();
    assert_eq!(state.indexes.len(), 8);
    for index in &state.indexes {
        // apt takes the best of what it finds, so the others are away meanwhile.
        let folder = index.path.as_str().rsplit_once('/').unwrap().0;
        let twin = |index: &IndexFile| format!("{folder}/by-hash/SHA256/{}", index.sha256);
        let others =
            state.indexes.iter().filter(|other| other.path != index.path && other.path.as_str().starts_with(folder));
        let away: Vec<AbsPath> = others
            .flat_map(|other| [other.path.to_string(), twin(other)])
            .map(|below| suite.descend(&below).unwrap())
            .collect();
        for file in &away {
            fs::rename(file, file.parent().child(&format!("{}.away", file.name())).unwrap()).unwrap();
        }
        for (path, by_hash) in [(index.path.to_string(), "no"), (twin(index), "force")] {
            let option = format!("Acquire::By-Hash={by_hash}");
            let options = ["-o", &option];
            apt.forget();
            let said = apt.update(&options).await;
            assert_eq!(said.status, 0, "{path}: {}{}", said.stdout, said.stderr);
            let fetched = server.log.text();
            assert!(fetched.contains(&format!("GET /dists/stable/{path} HTTP/1.1\" 200")), "{path}: {fetched}");
            let file = suite.descend(&path).unwrap();
            let good = flip(&file);
            apt.forget();
            let said = apt.update(&options).await;
            assert_ne!(said.status, 0, "{path}: {}{}", said.stdout, said.stderr);
            fs::remove_file(&file).unwrap();
            fs::write(&file, good).unwrap();
        }
        for file in &away {
            fs::rename(file.parent().child(&format!("{}.away", file.name())).unwrap(), file).unwrap();
        }
    }
    apt.forget();
    apt.update(&[]).await.clean();
    for (below, command) in [
        (format!("pool/main/h/hello/hello_1.0_{}.deb", place.architecture), &["download", "hello"][..]),
        ("pool/main/h/hello/hello_1.0.tar.xz".to_owned(), &["source", "--download-only", "hello"][..]),
    ] {
        let file = place.dir().descend(&below).unwrap();
        let good = flip(&file);
        let said = apt.get(command).await;
        assert_ne!(said.status, 0, "{below}: {}{}", said.stdout, said.stderr);
        fs::remove_file(&file).unwrap();
        fs::write(&file, good).unwrap();
        apt.get(command).await.clean();
    }
}

type Stanzas = Vec<BTreeMap<String, String>>;

fn stanzas(text: &str, drop: &[&str]) -> Stanzas {
    let mut all: Stanzas = paragraphs(text)
        .map(|paragraph| {
            let paragraph = paragraph.unwrap();
            let fields = paragraph.fields().filter(|(name, _)| !drop.contains(name));
            fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        })
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn debians_own_scanners_write_the_same_stanzas() {
    let place = place().await;
    let repository = place.repository().await;
    let inputs = vec![
        place.package("hello", "1:2.10-3", "Source: hello-src (3.0)\nDepends: hello-data (>= 1~rc1), libc6\n").await,
        place.package("hello-data", "1.0", "Multi-Arch: foreign\nProvides: data (= 1)\n").await,
        place.source("hello").await,
    ];
    place.add(&repository, inputs).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let packages = place.dir().join("dists/stable/main").child(&format!("binary-{}", place.architecture)).unwrap();
    let ours = fs::read_to_string(packages.join("Packages")).unwrap();
    let here = |spec: CommandSpec| run(spec.with_cwd(place.dir()));
    let scan = CommandSpec::new("dpkg-scanpackages").with_args(["--multiversion", "--hash", "sha256", "pool"]);
    assert_eq!(stanzas(&ours, &[]), stanzas(&here(scan).await.stdout, &[]));
    let weak = [
        "-o",
        "APT::FTPArchive::MD5=false",
        "-o",
        "APT::FTPArchive::SHA1=false",
        "-o",
        "APT::FTPArchive::SHA512=false",
    ];
    let ftp = CommandSpec::new("apt-ftparchive").with_args(weak).with_args(["packages", "pool"]);
    assert_eq!(stanzas(&ours, &[]), stanzas(&here(ftp).await.stdout, &[]));

    let ours = fs::read_to_string(place.dir().join("dists/stable/main/source/Sources")).unwrap();
    let ftp = CommandSpec::new("apt-ftparchive").with_args(["sources", "pool"]);
    let theirs = here(ftp).await.stdout;
    // Its SHA512 list has the .dsc alone where the .dsc has no such list; section and priority come from overrides.
    let drop = ["Checksums-Sha512", "Section", "Priority"];
    assert_eq!(stanzas(&ours, &drop), stanzas(&theirs, &drop));
}

#[tokio::test(flavor = "multi_thread")]
async fn gpgv_and_sqv_accept_what_is_published() {
    let place = place().await;
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("hello", "1.0", "").await]).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let key = repository.export_key(&place.cx, &stable(), "http://mirror.example", &place.signer).await.unwrap();
    let ring = place.base.join("ring.gpg");
    fs::write(&ring, key.keyring).unwrap();
    let suite = place.dir().join("dists/stable");
    let (clear, release, detached) = (suite.join("InRelease"), suite.join("Release"), suite.join("Release.gpg"));
    let text = place.base.join("text");
    let gpgv = CommandSpec::new("gpgv").with_args(["--keyring", ring.as_str()]);
    let said = run(gpgv.clone().with_args(["--output", text.as_str(), clear.as_str()])).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_eq!(fs::read(text).unwrap(), fs::read(&release).unwrap());
    assert_eq!(run(gpgv.with_args([detached.as_str(), release.as_str()])).await.status, 0);
    let sqv = CommandSpec::new("sqv").with_args(["--keyring", ring.as_str(), detached.as_str(), release.as_str()]);
    assert_eq!(run(sqv).await.status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_client_never_sees_an_error_while_a_suite_is_published_again_and_again() {
    let place = place().await;
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("hello", "0", "").await]).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let server = place.serve().await;
    let apt = place.apt(&repository, &server.uri).await;
    // While a client updates again and again, as many publications fall into its updates.
    let (updates, publications) = if full() { (500, 100) } else { (60, 12) };
    let mut inputs = Vec::new();
    for version in 1..=publications {
        inputs.push(place.package("hello", &version.to_string(), "").await);
    }
    let (seen, mut changes) = tokio::sync::watch::channel(0);
    let publishing = async {
        for (done, input) in inputs.into_iter().enumerate() {
            changes.wait_for(|seen| *seen >= done * updates / publications).await.unwrap();
            repository.add(&place.cx, &stable(), &main_component(), vec![input], Default::default()).await.unwrap();
            repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
        }
    };
    let reading = async {
        for done in 1..=updates {
            apt.forget();
            apt.update(&[]).await.clean();
            seen.send(done).unwrap();
        }
    };
    tokio::join!(publishing, reading);
    let published = repository.current(&place.cx, &stable()).await.unwrap().number;
    assert_eq!(usize::try_from(published).unwrap(), publications + 1);
    apt.update(&[]).await.clean();
    let list = repository.list(&place.cx, &stable(), None).await.unwrap();
    assert_eq!(list.len(), publications + 1);
    let release = fs::read(place.dir().join("dists/stable/Release")).unwrap();
    assert_eq!(repository.current(&place.cx, &stable()).await.unwrap().release_sha256, Sha256::of(&release));
}
