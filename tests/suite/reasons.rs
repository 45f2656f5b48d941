//! `debbuild resolve why`, `why-not`, `rdeps` and `diff`, as a user runs them.

use debbuild_suite::debbuild::{Ran, Sandbox};
use serde_json::{Value, json};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn stanza((name, version, relations): (&str, &str, &str)) -> String {
    let relations = if relations.is_empty() { String::new() } else { format!("{relations}\n") };
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\n{relations}Filename: pool/{name}_{version}.deb\nSize: 1\nSHA256: {EMPTY}\n\n"
    )
}

fn with_packages() -> Sandbox {
    let user = Sandbox::new();
    let packages = [
        ("app", "2", "Depends: lib (>= 2), tool"),
        ("tool", "1", "Depends: lib"),
        ("lib", "2", "Provides: virtual"),
        ("clash", "1", "Depends: app, enemy, tool"),
        ("enemy", "1", "Conflicts: virtual"),
        ("broken", "1", "Depends: nowhere | lib (>= 3)"),
        ("user", "1", "Depends: virtual\nRecommends: app"),
    ];
    user.write("Packages", &packages.map(stanza).concat());
    let source = |name: &str, relations: &str| {
        format!(
            "Package: {name}\nVersion: 1\nFormat: 1.0\nArchitecture: any\n{relations}\nDirectory: pool\nChecksums-Sha256:\n {EMPTY} 1 {name}.tar.gz\n\n"
        )
    };
    user.write("Sources", &(source("one", "Build-Depends: lib") + &source("two", "Build-Depends-Indep: app <!nodoc>")));
    user
}

const FROM: [&str; 4] = ["--packages", "Packages", "--arch", "amd64"];

async fn ask(user: &Sandbox, args: &[&str]) -> Ran {
    user.run([&["resolve"], args, &FROM].concat()).await
}

async fn ask_json(user: &Sandbox, args: &[&str]) -> Value {
    let ran = ask(user, &[args, &["--format", "json"]].concat()).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    ran.json()
}

#[tokio::test]
async fn why_names_every_relation_and_the_shortest_way_first() {
    let user = with_packages();
    let why = ask_json(&user, &["why", "lib", "--for", "app"]).await;
    assert_eq!((&why["there"], &why["package"]["version"]), (&json!(true), &json!("2")));
    let chains: Vec<Vec<&str>> = why["chains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chain| chain.as_array().unwrap().iter().map(|link| link["text"].as_str().unwrap()).collect())
        .collect();
    assert_eq!(
        chains,
        [
            &["the request needs app", "app 2 depends on lib (>= 2)"][..],
            &["the request needs app", "app 2 depends on tool", "tool 1 depends on lib"],
        ]
    );
    let link = &why["chains"][0][1];
    assert_eq!(
        (&link["by"]["kind"], &link["by"]["package"], &link["need"]),
        (&json!("package"), &json!("app"), &json!("depends"))
    );

    let human = ask(&user, &["why", "lib", "--for", "app"]).await;
    assert!(
        human.stdout.starts_with("lib 2 is there because\n  the request needs app,\n    app 2 depends on lib (>= 2)\n"),
        "{human:?}"
    );
    let absent = ask_json(&user, &["why", "enemy", "--for", "app"]).await;
    assert_eq!(absent, json!({ "answer": "satisfied", "there": false, "package": { "package": "enemy" }, "among": 3 }));
    assert_eq!(ask(&user, &["why", "enemy", "--for", "app", "--check"]).await.status, 8);
    assert_eq!(ask_json(&user, &["why", "lib", "--for", "clash"]).await["answer"], "unsatisfiable");
    assert_eq!(ask(&user, &["why", "lib"]).await.status, 2, "what it is there for has to be said");
}

#[tokio::test]
async fn why_not_tells_no_more_than_is_needed() {
    let user = with_packages();
    let why = ask_json(&user, &["why-not", "user", "clash"]).await;
    assert_eq!((&why["answer"], &why["minimal"]), (&json!("unsatisfiable"), &json!(true)));
    let steps = why["steps"].as_array().unwrap();
    assert_eq!(why["explanation"], steps.iter().map(|step| step["text"].clone()).collect::<Value>());
    let last = steps.last().unwrap();
    assert_eq!(last["text"], "enemy 1 conflicts with virtual, which lib 2 provides");
    assert_eq!(
        (&last["step"], &last["clash"], &last["package"]["package"]),
        (&json!("conflicts"), &json!("conflicts"), &json!("lib"))
    );
    assert!(steps.len() <= 5, "{why:#}");

    let missing = ask_json(&user, &["why-not", "broken"]).await;
    assert_eq!(missing["missing"], json!([{ "needed_by": "broken 1", "relation": "nowhere | lib (>= 3)" }]));
    let others = &missing["steps"][1]["others"];
    assert_eq!((&others[0]["package"], &others[0]["unfit"]), (&json!("lib"), &json!("version")));
    // `resolve install` says the same.
    assert_eq!(ask_json(&user, &["install", "broken"]).await, missing);

    let possible = ask(&user, &["why-not", "app", "--check"]).await;
    assert_eq!((possible.status, possible.stdout.as_str()), (0, "It can be installed, as 3 packages.\n"));
    assert_eq!(ask(&user, &["why-not", "clash", "--check"]).await.status, 8);
    let no_time = ask_json(&user, &["why-not", "clash", "--limit", "0s"]).await;
    assert_eq!(no_time["minimal"], false);
    assert!(no_time["explanation"].to_string().contains("may be longer than it need be"), "{no_time:#}");
}

#[tokio::test]
async fn every_broken_package_is_explained_where_that_is_asked_for() {
    let user = with_packages();
    let plain = ask_json(&user, &["installability"]).await;
    let explained = ask_json(&user, &["installability", "--explain"]).await;
    let names = |found: &Value| -> Vec<String> {
        found["broken"].as_array().unwrap().iter().map(|one| one["package"].to_string()).collect()
    };
    assert_eq!((names(&plain), plain["broken"][0]["steps"].is_null()), (names(&explained), true));
    assert_eq!(explained["broken"][1]["steps"].as_array().unwrap().last().unwrap()["step"], "conflicts");
    // The same, with what lies beside.
    user.write("Empty", &stanza(("beside", "1", "")));
    let beside = ask_json(&user, &["installability", "--explain", "--lookaside-packages", "Empty"]).await;
    assert_eq!(beside["broken"], explained["broken"]);
}

#[tokio::test]
async fn versions_that_are_not_the_candidate_are_named() {
    let user = Sandbox::new();
    user.write(
        "Packages",
        &[("lib", "2", ""), ("lib", "1", ""), ("old", "1", "Depends: lib (<< 2)")].map(stanza).concat(),
    );
    let why = ask_json(&user, &["why-not", "old"]).await;
    let candidate =
        "old 1 needs lib (<< 2), which no package provides (there is lib 2 and lib 1, but it is not the candidate)";
    assert_eq!(why["explanation"][1], candidate);
    assert_eq!(ask_json(&user, &["why-not", "old", "--any-version"]).await["answer"], "satisfied");
}

#[tokio::test]
async fn pictures_are_printed_in_both_languages() {
    let user = with_packages();
    let svg = ask(&user, &["why-not", "clash", "--svg"]).await;
    assert!(svg.stdout.starts_with("<svg ") && svg.stdout.contains("conflicts with"), "{svg:?}");
    let dot = ask(&user, &["why", "lib", "--for", "app", "--dot"]).await;
    assert!(dot.stdout.starts_with("digraph ") && dot.stdout.contains("[label=\"lib (>= 2)\"]"), "{dot:?}");
    let json = ask_json(&user, &["why-not", "clash", "--svg"]).await;
    assert_eq!(json["svg"], svg.stdout);
    let nothing = ask(&user, &["why-not", "app", "--svg", "--format", "json"]).await;
    assert_eq!((nothing.status, &nothing.error()["class"]), (3, &json!("not-found")));
    assert_eq!(ask(&user, &["why-not", "clash", "--svg", "--dot"]).await.status, 2);
}

#[tokio::test]
async fn rdeps_go_as_far_as_is_asked() {
    let user = with_packages();
    let with_sources = ["--sources", "Sources"];
    let who = |found: &Value| -> Vec<String> {
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let by = &one["by"];
                let name = by["package"]
                    .as_str()
                    .map(str::to_owned)
                    .unwrap_or_else(|| format!("src:{}", by["source"].as_str().unwrap()));
                format!("{} {name} {}", one["depth"], one["kind"].as_str().unwrap())
            })
            .collect()
    };
    let direct = ask_json(&user, &[&["rdeps", "lib"], &with_sources[..]].concat()).await;
    assert_eq!(
        who(&direct),
        ["1 app depends", "1 broken depends", "1 tool depends", "1 user depends", "1 src:one build-depends"]
    );
    assert_eq!(
        (&direct[1]["fits"], &direct[3]["through"], &direct[0]["through"]),
        (&json!(false), &json!("virtual"), &Value::Null)
    );
    let all = ask_json(&user, &[&["rdeps", "lib", "--depth", "all"], &with_sources[..]].concat()).await;
    assert_eq!(who(&all)[5..], ["2 clash depends", "2 clash depends", "2 src:two build-depends-indep"]);
    let recommends = ask_json(&user, &["rdeps", "app", "--recommends"]).await;
    assert_eq!(who(&recommends), ["1 clash depends", "1 user recommends"]);
    let human = ask(&user, &["rdeps", "virtual"]).await;
    assert!(human.stdout.contains("1 relations") && human.stdout.contains("user"), "{human:?}");
    assert_eq!(ask(&user, &["rdeps", "lib", "--depth", "some"]).await.status, 2);
}

#[tokio::test]
async fn differences_between_two_answers() {
    let user = with_packages();
    let before = ask_json(&user, &["install", "app"]).await;
    user.write("before.json", &before.to_string());
    user.write(
        "Packages",
        &[("app", "3~rc1", "Depends: tool"), ("tool", "0", "Depends: new"), ("new", "1", "")].map(stanza).concat(),
    );
    user.write("after.json", &ask_json(&user, &["install", "app"]).await.to_string());
    let diff = user.run(["resolve", "diff", "before.json", "after.json", "--format", "json"]).await.json();
    let changes: Vec<(&str, &Value)> = diff
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let side = if one["after"].is_null() { &one["before"] } else { &one["after"] };
            (side["package"].as_str().unwrap(), &one["change"])
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("app", &json!("upgraded")),
            ("lib", &json!("removed")),
            ("new", &json!("added")),
            ("tool", &json!("downgraded"))
        ]
    );
    let same = user.run(["resolve", "diff", "before.json", "before.json"]).await;
    assert!(same.stdout.contains("0 packages differ"), "{same:?}");
    let other = user.run(["resolve", "diff", "before.json", "Packages", "--format", "json"]).await;
    assert_eq!((other.status, &other.error()["class"]), (2, &json!("usage")));
    assert!(
        other.error()["message"].as_str().unwrap().contains("is not an answer of debbuild resolve install"),
        "{other:?}"
    );
    user.write("no.json", &ask_json(&user, &["install", "nowhere"]).await.to_string());
    let no = user.run(["resolve", "diff", "no.json", "before.json"]).await;
    assert!(no.stderr.contains("holds no set of packages"), "{no:?}");
}
