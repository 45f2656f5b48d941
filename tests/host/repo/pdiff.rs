//! Patches of indexes (pdiffs) as apt, ed and patch use them.

use std::{fs, num::NonZeroUsize};

use debbuild_core::{
    command::CommandSpec,
    repo::{Input, InputKind, PublishTarget as _, Repository, StateId, SuiteOptions, Wanted},
};

use super::{
    place::{Apt, Place, Said, Server, main_component, place, run, stable},
    s3::storage,
};

/// Packages that nobody unpacks: their control data are given.
fn package(place: &Place, name: &str, version: &str) -> Input {
    let file = place.base.child(&format!("{name}-{version}")).unwrap();
    fs::write(&file, format!("{name} {version}")).unwrap();
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {}\nMaintainer: Archive <archive@example.org>\n\
         Description: a package called {name}\n It has a long description.\n",
        place.architecture
    );
    Input::new(InputKind::Binary, file).with_control(control)
}

/// A suite with patches, whose indexes are larger than what changes in them.
async fn large(place: &Place) -> Repository {
    let options = SuiteOptions::new(stable(), vec![place.architecture.clone()]);
    let options = options.with_pdiffs(NonZeroUsize::new(4));
    let repository = Repository::init(&place.cx, place.dir(), options).await.unwrap();
    let mut inputs: Vec<Input> = (0..400).map(|n| package(place, &format!("p{}", (n * 7919) % 1000), "1")).collect();
    inputs.push(place.source("hello").await);
    place.add(&repository, inputs).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    repository
}

/// A new version, and something that goes.
async fn change(place: &Place, repository: &Repository, number: usize) {
    let name = format!("p{}", (number * 7919) % 1000);
    let gone = Wanted::new(format!("p{}", ((number + 200) * 7919) % 1000).parse().unwrap());
    repository.remove(&place.cx, &stable(), vec![gone]).await.unwrap();
    let inputs = vec![package(place, &name, "2"), package(place, &format!("new{number}"), "1")];
    repository.add(&place.cx, &stable(), &main_component(), inputs, Default::default()).await.unwrap();
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
}

/// Updates, and returns what was said and asked for.
async fn update(apt: &Apt, server: &Server) -> (Said, Vec<String>) {
    let before = server.log.text().len();
    let said = apt.update(&["-o", "Acquire::PDiffs=true", "-o", "Debug::pkgAcquire::Diffs=true"]).await;
    let log = server.log.text().split_off(before);
    let asked = log.lines().filter_map(|line| line.split("\"GET ").nth(1)?.split(' ').next().map(str::to_owned));
    (said, asked.collect())
}

/// What apt has of an index is what was published.
async fn same(apt: &Apt, place: &Place, index: &str) {
    // apt keeps what it patched packed in a format of its own.
    let name = index.replace('/', "_");
    let mut found = fs::read_dir(apt.dir.join("lists")).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &str| path.trim_end_matches(".lz4").ends_with(&name);
    let theirs = found.find(|path| is_it(path.to_str().unwrap())).unwrap_or_else(|| panic!("no {name}"));
    let cat = CommandSpec::new("/usr/lib/apt/apt-helper").with_args(["cat-file", theirs.to_str().unwrap()]);
    let theirs = run(cat).await.clean().stdout;
    let packed = place.dir().join("dists/stable").descend(&format!("{index}.gz")).unwrap();
    let ours = run(CommandSpec::new("zcat").with_arg(packed.as_str())).await;
    assert!(!theirs.is_empty() && theirs == ours.stdout, "{index}");
}

fn patches(asked: &[String]) -> usize {
    asked.iter().filter(|path| path.contains("/Packages.diff/") && path.ends_with(".gz")).count()
}

/// Whether a whole index of packages was asked for.
fn whole(asked: &[String]) -> bool {
    asked.iter().any(|path| path.contains("/binary-") && !path.contains("/Packages.diff/"))
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_fetches_patches_in_place_of_indexes_and_ends_with_the_same() {
    let place = place().await;
    let (repository, server) = (large(&place).await, place.serve().await);
    let index = format!("main/binary-{}/Packages", place.architecture);
    let [near, far, too_far] = [
        place.apt(&repository, &server.uri).await,
        place.apt(&repository, &server.uri).await,
        place.apt(&repository, &server.uri).await,
    ];
    for apt in [&near, &far, &too_far] {
        let (said, asked) = update(apt, &server).await;
        said.clean();
        assert!(whole(&asked) && patches(&asked) == 0, "the first time all of it: {asked:?}");
    }
    // One state behind each time, and the other client three of them.
    for number in 1..=3 {
        change(&place, &repository, number).await;
        let (said, asked) = update(&near, &server).await;
        let said = said.clean();
        assert!(patches(&asked) == 1 && !whole(&asked), "{number}: {asked:?}\n{}", said.stderr);
        same(&near, &place, &index).await;
    }
    let (said, asked) = update(&far, &server).await;
    said.clean();
    assert!(patches(&asked) == 3 && !whole(&asked), "{asked:?}");
    same(&far, &place, &index).await;
    same(&far, &place, "main/source/Sources").await;
    let lists = |path: &&String| path.contains("/Packages.diff/by-hash/SHA256/");
    assert_eq!(asked.iter().filter(lists).count(), 1, "the list itself comes by hash: {asked:?}");

    // Back to an earlier state, which is a change like any other.
    repository.switch(&place.cx, &stable(), StateId::new(2), &place.signer).await.unwrap();
    let (said, asked) = update(&near, &server).await;
    said.clean();
    assert!(patches(&asked) == 1 && !whole(&asked), "{asked:?}");
    same(&near, &place, &index).await;
    let plan = near.get(&["install", "--simulate", "new1"]).await.clean();
    assert!(plan.stdout.contains("Inst new1 (1 "), "{}", plan.stdout);
    assert_eq!(near.get(&["install", "--simulate", "new3"]).await.status, 100);

    // Four patches stay, and whoever is five states behind passes them over and takes the whole.
    change(&place, &repository, 5).await;
    let (said, asked) = update(&too_far, &server).await;
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    assert!(patches(&asked) == 0 && whole(&asked), "{asked:?}");
    same(&too_far, &place, &index).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ed_and_patch_make_the_same_of_contents_and_translations() {
    let place = place().await;
    let options = SuiteOptions::new(stable(), vec![place.architecture.clone()]);
    let repository = Repository::init(&place.cx, place.dir(), options.with_pdiffs(NonZeroUsize::new(2))).await.unwrap();
    let mut inputs = Vec::new();
    for number in 0..60 {
        inputs.push(place.package(&format!("name{}", (number * 37) % 100), "1", "").await);
    }
    place.add(&repository, inputs).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let before = place.base.join("before");
    let suite = place.dir().join("dists/stable");
    run(CommandSpec::new("cp").with_args(["-rL", suite.as_str(), before.as_str()])).await.clean();
    place.add(&repository, vec![place.package("name0new", "1", "").await, place.package("zzz", "1", "").await]).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    for index in
        [format!("main/binary-{}/Packages", place.architecture), format!("main/Contents-{}", place.architecture)]
            .into_iter()
            .chain(["main/i18n/Translation-en".to_owned()])
    {
        let unpack = async |from: &debbuild_core::path::AbsPath, name: &str| {
            let packed = from.descend(&format!("{name}.gz")).unwrap();
            run(CommandSpec::new("zcat").with_arg(packed.as_str())).await.stdout
        };
        let (old, new) = (unpack(&before, &index).await, unpack(&suite, &index).await);
        assert_ne!(old, new, "{index}");
        let folder = suite.descend(&format!("{index}.diff")).unwrap();
        let mut names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.find(|name| name.ends_with(".gz")).unwrap();
        let script = unpack(&folder, name.trim_end_matches(".gz")).await;
        let (text, commands) = (place.base.join("text"), place.base.join("script"));
        // What diff calls an ed script lacks the command that writes the file.
        fs::write(&commands, format!("{script}w\nq\n")).unwrap();
        for tool in [format!("ed -s {text} < {commands}"), format!("patch --ed --silent {text} < {commands}")] {
            fs::write(&text, &old).unwrap();
            let said = run(CommandSpec::new("sh").with_args(["-c", &tool])).await;
            assert_eq!(said.status, 0, "{tool}: {}{}", said.stdout, said.stderr);
            assert!(fs::read_to_string(&text).unwrap() == new, "{index}: {tool}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_has_the_patches_too() {
    let (place, storage) = (place().await, storage().await);
    let (repository, target) = (large(&place).await, storage.target("pdiff"));
    repository.publish_to(&place.cx, &stable(), &target, "there").await.unwrap();
    let apt = place.apt(&repository, &storage.uri("pdiff")).await;
    let options = ["-o", "Acquire::PDiffs=true", "-o", "Debug::pkgAcquire::Diffs=true"];
    apt.update(&options).await.clean();
    for number in 1..=2 {
        change(&place, &repository, number).await;
    }
    repository.publish_to(&place.cx, &stable(), &target, "there").await.unwrap();
    let said = apt.update(&options).await.clean();
    assert!(said.stdout.contains("Z-2.pdiff [") && said.stdout.contains("Z-3.pdiff ["), "{}", said.stdout);
    assert!(!said.stdout.contains("Packages ["), "{}", said.stdout);
    same(&apt, &place, &format!("main/binary-{}/Packages", place.architecture)).await;
    assert_eq!(target.trees(&place.cx, &stable()).await.unwrap().len(), 2);
}
