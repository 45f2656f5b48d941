//! `debbuild repo` as users run it.

use debbuild_core::command::CommandSpec;
use debbuild_suite::debbuild::Sandbox;

use super::place::{place, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_take_packages_to_a_suite_that_apt_accepts() {
    let place = place().await;
    let user = Sandbox::new();
    let dir = place.dir().to_string();
    let repo = async |args: &[&str]| user.run([&["repo", "--format", "json"], args].concat()).await;
    let package = place.package("hello", "1.0", "").await;
    place.package("other", "2.0", "").await;
    let none = repo(&["add", &dir, package.file.as_str()]).await;
    assert_eq!((none.status, none.error()["class"].as_str()), (3, Some("not-found")), "{none:?}");
    let made = repo(&["init", &dir, "--suite", "stable"]).await;
    assert_eq!(made.json()["components"], serde_json::json!(["main"]), "{made:?}");
    let added = repo(&["add", &dir, "--suite", "stable", place.base.join("debs").as_str()]).await;
    assert_eq!(added.json().as_array().unwrap().len(), 2, "{added:?}");
    let first = repo(&["diff", &dir]).await.json();
    assert_eq!((first[0]["added"][0].as_str(), first.as_array().unwrap().len()), (Some("1.0"), 2), "{first}");
    let never = repo(&["verify", &dir]).await;
    assert_ne!(never.status, 0, "{never:?}");
    let published = repo(&["publish", &dir]).await;
    assert_eq!(published.json()[0]["state"], 1, "{published:?}");
    let verified = repo(&["verify", &dir]).await;
    assert_eq!((verified.status, verified.json()["good"].as_bool()), (0, Some(true)), "{verified:?}");

    let key = repo(&["key", "export", &dir, "--output", place.base.join("key").as_str()]).await;
    let sources = key.json()["sources"].as_str().unwrap().to_owned();
    let update = CommandSpec::new("apt-get").with_args([
        "update",
        "--error-on=any",
        "-o",
        "Dir::Etc::SourceList=/dev/null",
        "-o",
        "Dir::Etc::Parts=/dev/null",
        "-o",
        "APT::Sandbox::User=root",
    ]);
    let parts = format!("Dir::Etc::SourceParts={}", place.base.join("key"));
    let state = place.base.join("apt-state");
    std::fs::create_dir_all(state.join("lists/partial")).unwrap();
    let lists = format!("Dir::State={state}");
    let cache = format!("Dir::Cache={state}");
    run(update.with_args(["-o", &parts, "-o", &lists, "-o", &cache])).await.clean();
    assert!(sources.ends_with("stable.sources"));

    let removed = repo(&["remove", &dir, "other=2.0"]).await;
    assert_eq!(removed.json()[0]["package"], "other", "{removed:?}");
    let diff = repo(&["diff", &dir]).await;
    assert_eq!(diff.json()[0]["removed"][0], "2.0", "{diff:?}");
    assert_eq!(repo(&["publish", &dir, "--suite", "stable"]).await.json()[0]["packages"], 1);
    let back = repo(&["switch", &dir, "1"]).await;
    assert_eq!((&back.json()[0]["state"], &back.json()[0]["packages"]), (&3.into(), &2.into()), "{back:?}");
    assert_eq!(repo(&["states", &dir]).await.json().as_array().unwrap().len(), 3);
    assert_eq!(repo(&["list", &dir, "--state", "2"]).await.json().as_array().unwrap().len(), 1);

    let (architecture, dir_of) = (place.architecture.as_str(), format!("{dir} stable/main"));
    let madison = user.run(["repo", "list", &dir, "hello"]).await;
    assert_eq!(madison.stdout, format!("     hello |        1.0 | {dir_of} {architecture} Packages\n"), "{madison:?}");
    let overrides = place.base.join("overrides");
    std::fs::write(&overrides, "hello important net\n").unwrap();
    let newer = place.package("hello", "2.0", "").await;
    let add = ["add", &dir, "--keep", "1", "--overrides", overrides.as_str(), "--no-contents", newer.file.as_str()];
    assert_eq!(repo(&add).await.json()[0]["section"], "net");
    assert_eq!(repo(&["list", &dir, "hello"]).await.json().as_array().unwrap().len(), 1);
    let options = ["--formats", "gz,xz", "--contents=false", "--version", "1", "--keep", "all", "--not-automatic"];
    let changed = repo(&[&["init", &dir, "--suite", "stable"], &options[..]].concat()).await.json();
    assert_eq!((&changed["formats"], &changed["contents"]), (&serde_json::json!(["gz", "xz"]), &false.into()));
    assert_eq!(repo(&["publish", &dir]).await.status, 0);
    let suite = place.dir().join("dists/stable");
    assert!(!suite.join("main/Contents-amd64.gz").as_std().exists());
    assert!(std::fs::read_to_string(suite.join("Release")).unwrap().contains("\nNotAutomatic: yes\n"));

    let package = newer;
    let deb = place.dir().descend(&format!("pool/main/h/hello/hello_2.0_{}.deb", place.architecture)).unwrap();
    std::fs::remove_file(&deb).unwrap();
    std::fs::write(&deb, "damaged").unwrap();
    for verb in ["verify", "check"] {
        let damaged = repo(&[verb, &dir]).await;
        assert_eq!(damaged.status, 1, "{damaged:?}");
        assert!(damaged.json()["findings"][0]["path"].as_str().unwrap().ends_with(".deb"), "{damaged:?}");
    }
    let other = place.package("hello", "2.0", "Homepage: https://mirror.example\n").await;
    assert_eq!(other.file, package.file);
    let conflict = repo(&["add", &dir, other.file.as_str()]).await;
    assert_eq!((conflict.status, conflict.error()["class"].as_str()), (5, Some("conflict")), "{conflict:?}");
}
