//! Contents, Translation-en and whole pools of real packages, as apt, apt-file and apt-ftparchive see them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use debbuild_core::{
    command::CommandSpec,
    control::paragraphs,
    repo::{AddOptions, IndexFormat, Input, Placing, Repository, SuiteOptions},
};
use debbuild_suite::pool::{RealArchive, full};

use super::{
    place::{Place, main_component, place, run, stable},
    stanzas,
};

/// A suite with every kind of index, plain beside what clients take.
async fn everything(place: &Place) -> Repository {
    let options = SuiteOptions::new(stable(), vec![place.architecture.clone()]).with_formats(vec![
        IndexFormat::Plain,
        IndexFormat::Gzip,
        IndexFormat::Zstd,
    ]);
    Repository::init(&place.cx, place.dir(), options).await.unwrap()
}

/// Paths and the packages that have them; apt-ftparchive knows sections from overrides only.
fn contents(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let line = |line: &str| {
        let (path, names) = line.rsplit_once([' ', '\t']).unwrap();
        (
            path.trim_end().to_owned(),
            names.split(',').filter_map(|name| name.rsplit('/').next()).map(str::to_owned).collect(),
        )
    };
    text.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_shows_long_descriptions_and_apt_file_finds_a_path() {
    let place = place().await;
    let repository = everything(&place).await;
    let inputs = vec![place.package("hello", "1.0", "").await, place.package("other", "1.0", "").await];
    place.add(&repository, inputs).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let apt = place.apt(&repository, &format!("file:{}", place.dir())).await;
    let conf = fs::read_to_string(apt.dir.join("apt.conf")).unwrap().replace("\"none\"", "\"en\"");
    let targets = fs::read_to_string("/etc/apt/apt.conf.d/50apt-file.conf").expect("apt-file is installed");
    fs::write(apt.dir.join("apt.conf"), format!("{conf}{targets}")).unwrap();
    apt.update(&[]).await.clean();
    let here = |tool: &str| CommandSpec::new(tool).with_env("APT_CONFIG", apt.dir.join("apt.conf").as_str());
    let shown = run(here("apt-cache").with_args(["show", "hello"])).await.clean().stdout;
    assert!(shown.contains("It has a long description"), "{shown}");
    let found = run(here("apt-file").with_args(["search", "/usr/share/doc/hello/README"])).await;
    assert_eq!(found.stdout, "hello: /usr/share/doc/hello/README\n", "{}", found.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_source_verifies_and_unpacks() {
    let place = place().await;
    let repository = everything(&place).await;
    place.add(&repository, vec![place.source("hello").await]).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let apt = place.apt(&repository, &format!("file:{}", place.dir())).await;
    apt.update(&[]).await.clean();
    let said = apt.get(&["source", "hello"]).await;
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    assert!(apt.dir.join("hello-1.0/debian/changelog").as_std().exists(), "{}{}", said.stdout, said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_real_packages_has_the_indexes_that_apt_ftparchive_writes() {
    let place = place().await;
    let repository = everything(&place).await;
    let debs = RealArchive::open().await.debs(if full() { 1000 } else { 60 }).await;
    let inputs: Vec<Input> = debs.into_iter().map(|deb| Input::by_name(deb).unwrap()).collect();
    let options = AddOptions::new(main_component()).with_how(Placing::Link);
    repository.add_with(&place.cx, &stable(), inputs, &options).await.unwrap();
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let suite = place.dir().join("dists/stable/main");
    let read = |below: &str| fs::read_to_string(suite.descend(below).unwrap()).unwrap();
    let here = |spec: CommandSpec| run(spec.with_cwd(place.dir()));
    let off = ["MD5", "SHA1", "SHA512", "LongDescription"].map(|what| format!("APT::FTPArchive::{what}=false"));
    let off: Vec<&str> = off.iter().flat_map(|option| ["-o", option]).collect();

    let ours = stanzas(&read(&format!("binary-{}/Packages", place.architecture)), &[]);
    let ftp = CommandSpec::new("apt-ftparchive").with_args(off).with_args(["packages", "pool"]);
    assert_eq!(ours, stanzas(&here(ftp).await.stdout, &[]));
    let short = ["Description", "Description-md5"];
    let scan = CommandSpec::new("dpkg-scanpackages").with_args(["--multiversion", "--hash", "sha256", "pool"]);
    let theirs = here(scan).await.stdout;
    assert_eq!(stanzas(&read(&format!("binary-{}/Packages", place.architecture)), &short), stanzas(&theirs, &short));

    let ftp = CommandSpec::new("apt-ftparchive").with_args(["contents", "pool"]);
    let theirs = contents(&here(ftp).await.stdout);
    let ours = contents(&read(&format!("Contents-{}", place.architecture)));
    for (path, names) in &theirs {
        assert_eq!(ours.get(path), Some(names), "{path}");
    }
    assert_eq!(ours.len(), theirs.len());

    let translation = read("i18n/Translation-en");
    let found: BTreeSet<String> = paragraphs(&translation)
        .map(|paragraph| paragraph.unwrap().get("Description-md5").unwrap().to_owned())
        .collect();
    let packages = read(&format!("binary-{}/Packages", place.architecture));
    let wanted: BTreeSet<String> =
        paragraphs(&packages).map(|paragraph| paragraph.unwrap().get("Description-md5").unwrap().to_owned()).collect();
    assert_eq!(found, wanted);
}
