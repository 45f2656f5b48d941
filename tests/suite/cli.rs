//! The contract of the command line: exit codes, the two streams, JSON, configuration.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use debbuild_core::{
    blob::{BlobStore as _, FolderStore},
    context::Context,
};
use debbuild_suite::debbuild::Sandbox;
use serde_json::{Value, json};

#[tokio::test]
async fn configuration_says_where_each_value_came_from() {
    let user = Sandbox::new();
    user.write("debbuild.toml", "# mine\n[build]\nuser = 'builder'\n");
    let shown = user.run(["config", "show", "--origins", "--format", "json"]).await;
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""));
    let shown = shown.json();
    assert_eq!(shown["settings"]["build"]["user"], "builder");
    assert_eq!(shown["origins"]["build.user"], json!(format!("{}/debbuild.toml:3", user.path())));
    assert_eq!(shown["origins"]["home"], "DEBBUILD_HOME");
    let text = user.run(["config", "show", "--set", "build.user=x", "--origins"]).await;
    assert!(text.stdout.contains("build.user = \"x\"  # command line\n"), "{text:?}");
}

#[tokio::test]
async fn a_wrong_key_is_named_with_file_line_and_the_nearest_known_one() {
    let user = Sandbox::new();
    user.write(".config/debbuild/config.toml", "\n[build]\nuzer = 'x'\n");
    let human = user.run(["config", "show"]).await;
    assert_eq!((human.status, human.stdout.as_str()), (2, ""));
    let place = format!("{}/.config/debbuild/config.toml:3", user.path());
    assert_eq!(human.stderr, format!("error: {place}: unknown key \"build.uzer\" (did you mean \"build.user\"?)\n"));
    let error = user.run(["--format", "json", "config", "show"]).await.error();
    assert_eq!((&error["class"], &error["exit_code"]), (&json!("config"), &json!(2)));
    // What needs no settings works all the same.
    assert_eq!(user.run(["completions", "bash"]).await.status, 0);
}

#[tokio::test]
async fn usage_errors_are_2_in_both_forms_and_help_is_data() {
    let user = Sandbox::new();
    for wrong in [&["frobnicate"][..], &["config"], &["gc", "--no-such-flag"], &["--set", "novalue", "gc"]] {
        let ran = user.run(wrong).await;
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{wrong:?}");
        let error = user.run([wrong, &["--format=json"]].concat()).await.error();
        assert_eq!(error["class"], "usage", "{wrong:?}");
    }
    let help = user.run(["help"]).await;
    assert_eq!((help.status, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("Usage: debbuild"));
}

#[tokio::test]
async fn a_cross_chroot_is_for_another_architecture_than_its_own() {
    let user = Sandbox::new();
    let create = ["--format", "json", "chroot", "create", "--suite", "bookworm", "--arch", "arm64", "--host", "arm64"];
    let ran = user.run(create).await;
    let error = ran.error();
    assert_eq!((ran.status, &error["class"]), (2, &json!("usage")), "{ran:?}");
    assert_eq!(error["message"], "a chroot of arm64 cannot be a cross chroot for arm64");
    let layer =
        user.run(["chroot", "create", "--parent", "000000000000", "--include", "less", "--host", "arm64"]).await;
    assert_eq!((layer.status, layer.stdout.as_str()), (2, ""), "a layer has its parent's: {layer:?}");
    assert!(!user.path().join("state").as_std().exists(), "nothing is made for it");
}

#[tokio::test]
async fn a_full_disk_behind_stdout_is_an_error_and_a_closed_pipe_is_not() {
    let user = Sandbox::new();
    let through = |script: &str| {
        let debbuild = user.command(["completions", "zsh"]);
        let mut spec = debbuild_core::command::CommandSpec::new("bash").with_args(["-c", script, "bash"]);
        spec.env = debbuild.env;
        spec.with_arg(debbuild.program).with_args(debbuild.args)
    };
    let full = user.spec(through("\"$@\" >/dev/full")).await;
    assert_eq!(full.status, 6, "{full:?}");
    assert!(full.stderr.starts_with("error: cannot write to standard output"), "{full:?}");
    let closed = user.spec(through("set -o pipefail; \"$@\" | true")).await;
    assert_eq!((closed.status, closed.stderr.as_str()), (0, ""), "{closed:?}");
}

#[tokio::test]
async fn gc_of_nothing_removes_nothing_and_makes_nothing() {
    let user = Sandbox::new();
    let swept = ["gc", "--dry-run", "--gateway-unused-for", "30d", "--gateway-max-size", "20G", "--format", "json"];
    let swept = user.run(swept).await;
    assert_eq!(swept.json(), json!({ "dry_run": true, "blobs": 0, "bytes": 0, "gateway": [] }));
    assert!(!user.path().join("state").as_std().exists());
}

#[tokio::test]
async fn gc_lets_downloaded_files_go_and_says_why() {
    let (user, cx) = (Sandbox::new(), Context::new());
    let store = FolderStore::open(user.path().join("state/blobs")).unwrap();
    let notes = user.path().join("state/gateway/notes/ab");
    for (name, bytes, used) in [("old", "an old package", 1_700_000_000), ("new", "a new one", 1_900_000_000)] {
        let blob = store.put(&cx, bytes.into()).await.unwrap();
        store.pin(&cx, "gateway", name, &[blob.id]).await.unwrap();
        let url = format!("http://mirror.example/pool/{name}.deb");
        let note = json!({ "schema": 1, "url": url, "sha256": blob.id.to_string(), "size": blob.size });
        user.write(&format!("state/gateway/notes/ab/{name}.json"), &note.to_string());
        let file = fs::File::options().write(true).open(notes.child(&format!("{name}.json")).unwrap()).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(used)).unwrap();
    }
    let gc = async |args: &[&str]| {
        let ran = user.run([&["gc", "--format", "json"], args].concat()).await;
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.json()["gateway"].clone()
    };
    let old = json!({
        "uri": "http://mirror.example/pool/old.deb",
        "sha256": debbuild_core::digest::Sha256::of(b"an old package").to_string(),
        "size": 14,
        "used": "2023-11-14T22:13:20Z",
        "reason": "unused",
    });
    assert_eq!(gc(&[]).await, json!([]), "nothing goes without a wish");
    for args in [&["--gateway-unused-for", "30d", "--dry-run"][..], &["--gateway-unused-for", "30d"]] {
        assert_eq!(gc(args).await, json!([old]));
    }
    assert!(!notes.join("old.json").as_std().exists() && notes.join("new.json").as_std().exists());
    assert_eq!(gc(&["--gateway-max-size", "9"]).await, json!([]), "they are not too large");
    let large = user.run(["gc", "--gateway-max-size", "8", "--dry-run"]).await;
    let said = "would let go http://mirror.example/pool/new.deb size: last used 2030-03-17T17:46:40Z, 9 B\n";
    assert!(large.stdout.starts_with(said), "{large:?}");
    assert_eq!(gc(&["--gateway-max-size", "8"]).await[0]["reason"], Value::from("size"));
    assert!(store.pinned(&cx, "gateway", "new").await.unwrap().is_empty());
}

#[tokio::test]
async fn doctor_answers_in_json_and_a_machine_without_a_build_user_is_not_ready() {
    let user = Sandbox::new();
    let report = user.run(["doctor", "--format", "json"]).await;
    assert_eq!(report.status, 0, "{report:?}");
    let report = report.json();
    assert_eq!(report["schema"], 1);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["name"] == "mmdebstrap"));
    assert!(findings.iter().any(|finding| finding["name"] == "subordinate uids"));
    if is_root(&user).await {
        let set = ["doctor", "--check", "--set", "build.user=no-such-user", "--format", "json"];
        let report = user.run(set).await;
        assert_eq!(report.status, 6, "{report:?}");
        let report = report.json();
        let finding = report["findings"].as_array().unwrap().iter().find(|f| f["name"] == "build user").unwrap();
        assert_eq!(finding["level"], "missing");
        assert_eq!(finding["mend"][0], "useradd");
    }
}

async fn is_root(user: &Sandbox) -> bool {
    user.spec(debbuild_core::command::CommandSpec::new("id").with_arg("-u")).await.stdout.trim() == "0"
}

#[tokio::test]
async fn manual_pages_are_written_for_every_command() {
    let user = Sandbox::new();
    assert_eq!(user.run(["man", "pages"]).await.status, 0);
    for page in ["debbuild.1", "debbuild-config-show.1", "debbuild-doctor.1"] {
        assert!(user.path().descend("pages").unwrap().descend(page).unwrap().as_std().exists(), "{page}");
    }
}

/// A user whose only archive is at this address.
fn with_archive(address: &str) -> Sandbox {
    let user = Sandbox::new();
    user.write("apt/only.sources", &format!("Types: deb\nURIs: {address}\nSuites: stable\nComponents: main\n"));
    let archives = format!("[archives]\nsources = ['{}/apt']\nkeyrings = []\nowners = ['Debian']\n", user.path());
    user.write("debbuild.toml", &archives);
    user
}

#[tokio::test]
async fn a_mirror_that_does_not_answer_is_infrastructure_and_an_unknown_suite_is_configuration() {
    // A port that was free a moment ago: nobody listens there.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let user = with_archive(&format!("http://127.0.0.1:{port}/debian"));
    let fetch = ["source", "fetch", "hello", "--suite", "stable", "--output", "out", "--format", "json"];
    let dead = user.run(fetch).await;
    assert_eq!((dead.status, dead.stdout.as_str()), (6, ""), "{dead:?}");
    assert_eq!(dead.error()["class"], "infrastructure");
    assert!(!user.path().join("out").as_std().exists());
    let none = user.run([&fetch[..], &["--set", "archives.sources="]].concat()).await;
    assert_eq!(none.status, 2, "{none:?}");
    assert_eq!(none.error()["class"], "config");
    let name = user.run(["source", "fetch", "Not_A_Name", "--suite", "stable"]).await;
    assert_eq!(name.status, 2, "{name:?}");
}

#[tokio::test]
async fn ctrl_c_stops_the_work_and_exits_with_130_and_a_termination_with_7() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let user = with_archive(&format!("http://{}/debian", silent.local_addr().unwrap()));
    for (signal, status) in [("INT", 130), ("TERM", 7)] {
        let debbuild = user.command(["source", "fetch", "hello", "--suite", "stable"]);
        let mut spec = debbuild_core::command::CommandSpec::new("timeout")
            .with_args(["--preserve-status", "--foreground", "-s", signal, "2"])
            .with_arg(debbuild.program)
            .with_args(debbuild.args)
            .with_cwd(user.path().clone());
        spec.env = debbuild.env;
        let ran = user.spec(spec).await;
        assert_eq!(ran.status, status, "{ran:?}");
        assert!(ran.stderr.contains(if signal == "INT" { "interrupted" } else { "cancelled" }), "{ran:?}");
    }
}

/// An archive in which `app` and `lib` can be installed, and `broken` and `clash` cannot.
const PACKAGES: [(&str, &str); 5] = [
    ("app", "Depends: lib (>= 2)"),
    ("lib", "Provides: virtual (= 1)"),
    ("broken", "Depends: nowhere"),
    ("clash", "Depends: app, enemy"),
    ("enemy", "Conflicts: lib"),
];

fn with_packages() -> Sandbox {
    let user = Sandbox::new();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let stanza = |(name, relation): &(&str, &str)| {
        format!(
            "Package: {name}\nVersion: 2\nArchitecture: all\n{relation}\nFilename: pool/{name}.deb\nSize: 1\nSHA256: {empty}\n"
        )
    };
    user.write("Packages", &PACKAGES.iter().map(stanza).collect::<Vec<_>>().join("\n"));
    user
}

#[tokio::test]
async fn what_would_be_installed_and_why_not() {
    let user = with_packages();
    let from = ["--packages", "Packages", "--arch", "amd64", "--format", "json"];
    let yes = user.run([&["resolve", "install", "app"][..], &from].concat()).await;
    assert_eq!(yes.status, 0, "{yes:?}");
    let yes = yes.json();
    assert_eq!(yes["answer"], "satisfied");
    let names: Vec<&str> =
        yes["packages"].as_array().unwrap().iter().map(|package| package["package"].as_str().unwrap()).collect();
    assert_eq!(names, ["app", "lib"]);
    assert_eq!(yes["packages"][1]["reason"]["package"], "app");

    let no = user.run([&["resolve", "install", "clash"][..], &from].concat()).await;
    assert_eq!((no.status, &no.json()["answer"]), (0, &json!("unsatisfiable")), "no is an answer too");
    let checked = user.run([&["resolve", "install", "clash", "--check"][..], &from].concat()).await;
    assert_eq!(checked.status, 8, "{checked:?}");
    let human = user.run(["resolve", "install", "broken", "--packages", "Packages", "--arch", "amd64"]).await;
    assert!(human.stdout.contains("broken 2 needs nowhere, which no package provides"), "{human:?}");
    let nothing = user.run(["resolve", "install", "app", "--arch", "amd64", "--format", "json"]).await;
    assert_eq!((nothing.status, &nothing.error()["class"]), (2, &json!("usage")));
}

#[tokio::test]
async fn installability_of_every_package_is_an_answer_with_reasons() {
    let user = with_packages();
    let ask = ["resolve", "installability", "--packages", "Packages", "--arch", "amd64", "--format", "json"];
    let found = user.run(ask).await;
    assert_eq!(found.status, 0, "{found:?}");
    let found = found.json();
    assert_eq!(found["checked"], 5);
    let broken = found["broken"].as_array().unwrap();
    let names: Vec<&str> = broken.iter().map(|one| one["package"].as_str().unwrap()).collect();
    assert_eq!(names, ["broken", "clash"]);
    assert!(broken[0]["explanation"].as_str().unwrap().contains("nowhere"), "{found}");
    assert_eq!((&broken[0]["version"], &broken[0]["architecture"]), (&json!("2"), &json!("all")));
    assert_eq!(user.run([&ask[..], &["--check"]].concat()).await.status, 8);
}

#[tokio::test]
async fn build_dependencies_of_a_dsc_and_of_a_source_index() {
    let user = with_packages();
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 marker_1.tar.xz";
    let body =
        format!("Binary: marker\nArchitecture: all\nVersion: 1\nFormat: 3.0 (native)\nChecksums-Sha256:\n {sum}\n");
    user.write("marker_1.dsc", &format!("Source: marker\nBuild-Depends: app <!small>, broken <small>\n{body}"));
    user.write("Sources", &format!("Package: marker\nBuild-Depends: nowhere\nDirectory: pool/m\n{body}"));
    // This archive has no build-essential, which every build needs: that is what the answer must say.
    let from = ["--packages", "Packages", "--sources", "Sources", "--arch", "amd64", "--format", "json"];
    let dsc = user.run([&["resolve", "build-deps", "marker_1.dsc"][..], &from].concat()).await;
    assert_eq!(dsc.status, 0, "{dsc:?}");
    assert!(dsc.json()["explanation"].to_string().contains("build-essential"), "{dsc:?}");
    let index = user.run([&["resolve", "build-deps", "marker"][..], &from].concat()).await;
    assert!(index.json()["explanation"].to_string().contains("nowhere"), "{index:?}");
    let gone = user.run([&["resolve", "build-deps", "other"][..], &from].concat()).await;
    assert_eq!((gone.status, &gone.error()["class"]), (3, &json!("not-found")));
}

#[tokio::test]
async fn versions_are_compared_and_packages_shown() {
    let user = Sandbox::new();
    let compared = user.run(["version", "compare", "1.0~rc1", "1.0"]).await;
    assert_eq!((compared.status, compared.stdout.as_str()), (0, "1.0~rc1 < 1.0\n"));
    let same = user.run(["--format", "json", "version", "compare", "1.0", "1.0-0"]).await;
    assert_eq!(same.json(), json!({ "a": "1.0", "b": "1.0-0", "order": 0, "identical": false }));
    let wrong = user.run(["version", "compare", "1.0-", "1"]).await;
    assert_eq!(wrong.status, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("revision number is empty"), "{wrong:?}");

    user.write("tree/DEBIAN/control", debbuild_core::deb::fixture::CONTROL);
    user.write("tree/etc/demo.conf", "x = 1\n");
    user.write("tree/DEBIAN/conffiles", "/etc/demo.conf\n");
    let build = debbuild_core::command::CommandSpec::new("dpkg-deb")
        .with_args(["--root-owner-group", "-b", "tree", "demo.deb"])
        .with_cwd(user.path().clone());
    assert_eq!(user.spec(build).await.status, 0);
    let shown = user.run(["deb", "show", "demo.deb"]).await;
    assert_eq!(
        shown.stdout,
        format!(
            "{}\ncontrol files: conffiles, control\nconfiguration file: /etc/demo.conf\n",
            debbuild_core::deb::fixture::CONTROL
        )
    );
    let files = user.run(["--format", "json", "deb", "contents", "demo.deb"]).await.json();
    let paths: Vec<&str> =
        files["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, [".", "etc", "etc/demo.conf"]);
    user.write("bad.deb", "!<arch>\n");
    for (file, class) in [("bad.deb", "source"), ("none.deb", "not-found")] {
        let refused = user.run(["--format", "json", "deb", "show", file]).await;
        assert_eq!(refused.error()["class"], class, "{refused:?}");
        assert!(refused.error()["message"].as_str().unwrap().contains(file), "{refused:?}");
    }
}
