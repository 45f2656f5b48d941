//! Where the packages of a question come from, and the closure of repositories, on the command line.

use std::{fs, io::Write as _, sync::Arc};

use debbuild_core::{
    blob::FolderStore,
    build::{Artifact, Outcome},
    deb::fixture::deb,
    task::TaskOutcome,
};
use debbuild_queue::{
    Queue,
    model::{Completion, TagName},
    store::{
        BuildQuery, SqliteOptions, SqliteStore,
        conformance::{Bench, record},
    },
};
use debbuild_suite::debbuild::{Ran, Sandbox};
use serde_json::{Value, json};

const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn control(name: &str, relations: &str) -> String {
    let relations = if relations.is_empty() { String::new() } else { format!("{relations}\n") };
    format!(
        "Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: T <t@example.org>\n{relations}Description: x\n"
    )
}

fn index(packages: &[(&str, &str)]) -> String {
    let stanza = |(name, relations): &(&str, &str)| {
        format!("{}Filename: pool/{name}.deb\nSize: 1\nSHA256: {SUM}\n\n", control(name, relations))
    };
    packages.iter().map(stanza).collect()
}

fn write(user: &Sandbox, name: &str, bytes: &[u8]) {
    let file = user.path().descend(name).unwrap();
    fs::create_dir_all(file.parent()).unwrap();
    fs::write(file, bytes).unwrap();
}

/// Packages in a folder, in a repository where they are staged, and what they need beside them.
async fn user() -> Sandbox {
    let user = Sandbox::new();
    write(&user, "debs/sub/app.deb", &deb(&control("app", "Depends: lib")));
    write(&user, "debs/tool.deb", &deb(&control("tool", "Depends: nowhere")));
    write(&user, "debs/broken.deb", b"no package");
    user.write("Beside", &index(&[("lib", ""), ("bad", "Depends: nowhere")]));
    let init = user.run(["repo", "init", "apt", "--suite", "demo", "--architecture", "amd64"]).await;
    assert_eq!(init.status, 0, "{init:?}");
    let add = user.run(["repo", "add", "apt", "debs/sub", "debs/tool.deb"]).await;
    assert_eq!(add.status, 0, "{add:?}");
    user
}

async fn resolve(user: &Sandbox, verb: &str, args: &[&str]) -> Ran {
    user.run([&["--format", "json", "resolve", verb, "--arch", "amd64"][..], args].concat()).await
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["package"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn packages_come_from_folders_repositories_and_compressed_files() {
    let user = user().await;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(index(&[("lib", "")]).as_bytes()).unwrap();
    write(&user, "Packages.gz", &gz.finish().unwrap());
    for from in [&["--debs", "debs"][..], &["--repo", "apt@staged"], &["--repo", "apt:demo@staged"]] {
        let alone = resolve(&user, "install", &[&["app"][..], from].concat()).await;
        assert_eq!(alone.json()["answer"], "unsatisfiable", "{alone:?}");
        for more in [["--packages", "Packages.gz"], ["--lookaside-packages", "Beside"]] {
            let found = resolve(&user, "install", &[&["app"][..], from, &more].concat()).await;
            assert_eq!(names(&found.json()["packages"]), ["app", "lib"], "{found:?}");
        }
    }
    let debs = resolve(&user, "install", &["tool", "--debs", "debs"]).await;
    assert!(debs.stderr.contains("broken.deb: not a .deb"), "{debs:?}");
    user.write("broken.gz", "no index");
    let broken = resolve(&user, "install", &["app", "--packages", "broken.gz"]).await;
    assert_eq!((broken.status, broken.error()["class"].as_str()), (6, Some("infrastructure")), "{broken:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let user = user().await;
    let missing = [
        &["--repo", "elsewhere"][..],
        &["--repo", "apt"],
        &["--repo", "apt:other@staged"],
        &["--repo", "apt:demo@7"],
        &["--lookaside-repo", "elsewhere"],
        &["--debs", "elsewhere"],
        &["--packages", "elsewhere"],
        &["--tag", "elsewhere"],
    ];
    for from in missing {
        let ran = resolve(&user, "install", &[&["app"][..], from].concat()).await;
        assert_eq!((ran.status, ran.error()["class"].as_str()), (3, Some("not-found")), "{from:?}: {ran:?}");
    }
    for wrong in ["apt:demo@soon", "apt:"] {
        let ran = resolve(&user, "install", &["app", "--repo", wrong]).await;
        assert_eq!((ran.status, ran.error()["class"].as_str()), (2, Some("usage")), "{wrong}: {ran:?}");
    }
}

#[tokio::test]
async fn packages_of_other_architectures_are_there_when_they_are_asked_for() {
    let user = Sandbox::new();
    user.write("Packages", &index(&[("lib", "Multi-Arch: same")]).replace("amd64", "i386"));
    let ask = ["lib:i386", "--packages", "Packages"];
    assert_eq!(resolve(&user, "install", &ask).await.json()["answer"], "unsatisfiable");
    let both = [&ask[..], &["--foreign", "i386,armhf"]].concat();
    assert_eq!(names(&resolve(&user, "install", &both).await.json()["packages"]), ["lib"]);
}

#[tokio::test]
async fn a_system_that_has_packages_already_is_told_what_changes() {
    let user = Sandbox::new();
    let newer = |text: String| text.replace("Version: 1", "Version: 2");
    let there = [("lib", ""), ("old", ""), ("tool", ""), ("held", "")];
    user.write(
        "Packages",
        &(newer(index(&[("lib", ""), ("tool", "Suggests: extra"), ("held", "")]))
            + &index(&[
                ("app", "Depends: lib (>= 2)\nConflicts: old\nRecommends: more"),
                ("more", "Recommends: extra"),
                ("extra", ""),
            ])),
    );
    let status = |(name, relations): &(&str, &str)| {
        let wish = if *name == "held" { "hold" } else { "install" };
        format!("{}Status: {wish} ok installed\n\n", control(name, relations))
    };
    user.write("status", &there.iter().map(status).collect::<String>());
    let ask = async |args: &[&str]| {
        let ran =
            resolve(&user, "install", &[args, &["--packages", "Packages", "--installed", "status"]].concat()).await;
        let value = ran.json();
        assert_eq!(value["answer"], "satisfied", "{ran:?}");
        let changed = value["packages"].as_array().unwrap().iter().filter(|one| one["installed"] != one["version"]);
        let changed: Vec<String> = changed.map(|one| format!("+{}", one["package"].as_str().unwrap())).collect();
        let gone = names(&value["removed"]).into_iter().map(|name| format!("-{name}")).collect::<Vec<_>>();
        [changed, gone].concat().join(" ")
    };
    assert_eq!(ask(&["app"]).await, "+app +lib -old");
    assert_eq!(ask(&["app", "--recommends=top-level"]).await, "+app +lib +more -old");
    assert_eq!(ask(&["app", "--recommends"]).await, "+app +extra +lib +more -old");
    assert_eq!(ask(&["--upgrade-all"]).await, "+lib +tool");
    assert_eq!(ask(&["--upgrade-all", "--held", "tool,old"]).await, "+lib");
    assert_eq!(ask(&["--upgrade-all", "--suggests", "extra", "--remove", "old"]).await, "+extra +lib +tool -old");
    assert_eq!(ask(&["--remove", "tool"]).await, "-tool");
    let args = ["resolve", "install", "app", "--packages", "Packages", "--installed", "status", "--arch", "amd64"];
    let told = user.run(args).await;
    let said = told.stdout.replace(&format!("{}/", user.path()), "");
    assert_eq!(
        said.split_whitespace().collect::<Vec<_>>().join(" "),
        "CHANGE PACKAGE ARCHITECTURE BEFORE AFTER FROM \
        install app amd64 - 1 Packages upgrade lib amd64 1 2 Packages remove old amd64 1 - - \
        1 to install, 1 to upgrade, 0 to downgrade, 1 to remove, 2 stay; 2 B to download"
    );
    let no = resolve(&user, "why-not", &["app", "--keep-all", "--packages", "Packages", "--installed", "status"]).await;
    assert!(no.json()["explanation"].to_string().contains("old"), "{no:?}");
    // What only makes sense on a system needs one.
    let alone = resolve(&user, "install", &["app", "--keep-all", "--packages", "Packages"]).await;
    assert_eq!((alone.status, alone.error()["class"].as_str()), (2, Some("usage")), "{alone:?}");
}

#[tokio::test]
async fn preferences_and_exclusions_decide_about_candidates() {
    let user = Sandbox::new();
    user.write(
        "Packages",
        &(index(&[("lib", ""), ("app", "Depends: lib | other"), ("other", "")])
            + &index(&[("lib", "")]).replace("Version: 1", "Version: 2")),
    );
    user.write("preferences", "Package: lib\nPin: version 1\nPin-Priority: 990\n");
    let ask = async |args: &[&str]| {
        let ran = resolve(&user, "install", &[&["app", "--packages", "Packages"], args].concat()).await;
        let value = ran.json();
        let packages = value["packages"].as_array().unwrap_or_else(|| panic!("{ran:?}")).clone();
        let one = |one: &Value| format!("{} {}", one["package"].as_str().unwrap(), one["version"].as_str().unwrap());
        packages.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(ask(&[]).await, "app 1, lib 2");
    assert_eq!(ask(&["--preferences", "preferences"]).await, "app 1, lib 1");
    assert_eq!(ask(&["--excluded", "lib (>= 2)"]).await, "app 1, lib 1");
    assert_eq!(ask(&["--excluded", "lib"]).await, "app 1, other 1");
    user.write("wrong", "Package: lib\nPin: version 1\nPin-Priority: high\n");
    let wrong = resolve(&user, "install", &["app", "--packages", "Packages", "--preferences", "wrong"]).await;
    assert_eq!((wrong.status, wrong.error()["class"].as_str()), (2, Some("usage")), "{wrong:?}");
    assert!(wrong.error()["message"].as_str().unwrap().contains("/wrong: "), "{wrong:?}");
}

/// A build of a source package in a tag of the user's queue.
async fn tagged(user: &Sandbox, tag: &str, name: &str, relations: &str) {
    let state = user.path().join("state");
    fs::create_dir_all(&state).unwrap();
    let store = Arc::new(SqliteStore::open(&SqliteOptions::new(state.join("state.sqlite"))).await.unwrap());
    let mut bench = Bench::new(Arc::<SqliteStore>::clone(&store)).await;
    bench.queue = Queue::new(store, Arc::new(FolderStore::open(state.join("blobs")).unwrap()));
    let task = bench.submit(name).await;
    let (lease, claim) = bench.start().await;
    let blob = bench.queue.blobs().put(&bench.cx, deb(&control(name, relations)).into()).await.unwrap();
    let deb = Artifact { name: format!("{name}.deb"), kind: "deb".to_owned(), size: blob.size, sha256: blob.id };
    let built = serde_json::to_value(record(name, "1", Outcome::Succeeded)).unwrap();
    let log = bench.blob("log").await;
    let done = Completion::new(TaskOutcome::succeeded(vec![deb]).with_record(built), Some(log));
    bench.queue.complete(&bench.cx, lease.attempt, &claim.token, &done).await.unwrap();
    let builds = bench.queue.builds(&bench.cx, &BuildQuery::new().with_task(task)).await.unwrap();
    let tag = TagName::new(tag).unwrap();
    bench.queue.create_tag(&bench.cx, &tag, &[], &bench.user).await.unwrap();
    bench.queue.tag_add(&bench.cx, &tag, builds.items[0].id, &bench.user, "").await.unwrap();
}

#[tokio::test]
async fn packages_come_from_tags() {
    let user = user().await;
    tagged(&user, "mine", "front", "Depends: lib").await;
    let found = resolve(&user, "install", &["front", "--tag", "mine", "--lookaside-packages", "Beside"]).await;
    let packages = &found.json()["packages"];
    assert_eq!((names(packages), &packages[0]["origin"]), (vec!["front", "lib"], &json!("mine")), "{found:?}");
}

#[tokio::test]
async fn closure_says_what_is_missing_and_what_lookasides_lend() {
    let user = user().await;
    let from = ["--repo", "apt@staged", "--lookaside-packages", "Beside"];
    let found = resolve(&user, "closure", &from).await;
    assert_eq!(found.status, 0, "{found:?}");
    let found = found.json();
    assert_eq!(
        (&found["closed"], &found["failed"], &found["install"]["checked"]),
        (&json!(false), &json!(false), &json!(2))
    );
    assert_eq!(names(&found["install"]["broken"]), ["tool"], "what lies beside is not checked");
    assert!(found["install"]["broken"][0]["explanation"].as_str().unwrap().contains("nowhere"), "{found}");
    assert_eq!(names(&found["lookaside"]["packages"]), ["lib"]);
    let needs = &found["lookaside"]["needs"];
    assert_eq!((names(needs), &needs[0]["uses"][0]["relation"]), (vec!["app"], &json!("lib")));
    assert_eq!(needs[0]["uses"][0]["package"]["package"], "lib");

    let fatal = resolve(&user, "closure", &[&from[..], &["--install", "fatal"]].concat()).await;
    assert_eq!((fatal.status, &fatal.json()["failed"]), (1, &json!(true)));
    let off = resolve(&user, "closure", &[&from[..], &["--install", "off", "--build", "fatal"]].concat()).await;
    assert_eq!((off.status, &off.json()["install"]), (0, &Value::Null));
    let human = user.run([&["resolve", "closure", "--arch", "amd64"][..], &from].concat()).await;
    for line in [
        "tool 1 amd64 cannot be installed: ",
        "app 1 amd64 takes lib 1 amd64 of ",
        "1 of 2 packages cannot be installed\n",
        "1 packages of lookasides are needed\n",
    ] {
        assert!(human.stdout.contains(line), "{line:?}: {human:?}");
    }
    // The same lookaside for the question about each package.
    let checked = resolve(&user, "installability", &from).await.json();
    assert_eq!((&checked["checked"], names(&checked["broken"])), (&json!(2), vec!["tool"]));
}

#[tokio::test]
async fn closure_looks_at_the_sources_of_a_folder_and_of_an_index() {
    let user = Sandbox::new();
    user.write("Packages", &index(&[("build-essential", ""), ("dh", "")]));
    let body = format!("Version: 1\nFormat: 1.0\nArchitecture: any\nChecksums-Sha256:\n {SUM} 0 a.tar.gz\n");
    user.write("Sources", &format!("Package: one\nBuild-Depends: dh\nDirectory: pool\n{body}"));
    user.write("debs/two.dsc", &format!("Source: two\nBuild-Depends: dh, gone <!nocheck>\n{body}"));
    let from = ["--packages", "Packages", "--sources", "Sources", "--debs", "debs", "--build", "fatal"];
    let found = resolve(&user, "closure", &from).await;
    assert_eq!(found.status, 1, "{found:?}");
    let build = &found.json()["build"];
    assert_eq!((&build["checked"], names(&build["broken"])), (&json!(2), vec!["two"]));
    assert_eq!(build["broken"][0]["architecture"], "source");
    let deps = resolve(&user, "build-deps", &["two", "--packages", "Packages", "--debs", "debs"]).await;
    assert!(deps.json()["explanation"].to_string().contains("gone"), "{deps:?}");
    let nocheck = resolve(&user, "closure", &[&from[..], &["--profiles", "nocheck"]].concat()).await;
    assert_eq!((nocheck.status, &nocheck.json()["closed"]), (0, &json!(true)), "{nocheck:?}");
}
