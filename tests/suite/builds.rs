//! Whether all source packages can be built, and in what order, on the command line.

use debbuild_suite::debbuild::{Ran, Sandbox};
use serde_json::{Value, json};

const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Source packages with their build dependencies: two cycles, one of which a profile breaks, and what cannot be built.
const SOURCES: [(&str, &str); 7] = [
    ("foo", "bar <!nocheck>"),
    ("bar", "foo"),
    ("top", "bar"),
    ("egg", "hen"),
    ("hen", "egg"),
    ("lost", "nowhere"),
    ("later", "lost"),
];

/// An archive where each source package builds one package of its name.
fn user() -> Sandbox {
    let user = Sandbox::new();
    let source = |(name, needs): &(&str, &str)| {
        format!(
            "Package: {name}\nVersion: 1\nFormat: 1.0\nArchitecture: any\nBuild-Depends: {needs}\nDirectory: pool\n\
             Checksums-Sha256:\n {SUM} 1 {name}.tar.gz\n"
        )
    };
    let package = |name: &str| {
        format!("Package: {name}\nVersion: 1\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 1\nSHA256: {SUM}\n")
    };
    user.write("Sources", &SOURCES.iter().map(source).collect::<Vec<_>>().join("\n"));
    let names = SOURCES.iter().map(|(name, _)| *name).chain(["build-essential"]);
    user.write("Packages", &names.map(package).collect::<Vec<_>>().join("\n"));
    user.write("Seed", &["bar", "egg"].map(package).join("\n"));
    user
}

async fn resolve(user: &Sandbox, args: &[&str]) -> Ran {
    let from = ["--arch", "amd64", "--packages", "Packages", "--sources", "Sources"];
    user.run([&["resolve"][..], args, &from].concat()).await
}

async fn order(user: &Sandbox, args: &[&str]) -> Value {
    let ran = resolve(user, &[&["order", "--format", "json"][..], args].concat()).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    ran.json()
}

/// The stages as text: `name`, `name[profiles]`, and `name!` for a build in full after one with profiles.
fn stages(order: &Value) -> Vec<String> {
    let build = |build: &Value| {
        let profiles: Vec<&str> =
            build["profiles"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let profiles = if profiles.is_empty() { String::new() } else { format!("[{}]", profiles.join(",")) };
        format!("{}{profiles}{}", build["source"].as_str().unwrap(), if build["rebuild"] == true { "!" } else { "" })
    };
    let stage = |stage: &Value| stage.as_array().unwrap().iter().map(build).collect::<Vec<_>>().join(" ");
    order["stages"].as_array().unwrap().iter().map(stage).collect()
}

#[tokio::test]
async fn source_packages_are_built_in_order_with_cycles_broken() {
    let user = user();
    let all = order(&user, &[]).await;
    assert_eq!(stages(&all), ["egg foo[nocheck]", "bar hen", "foo! top"]);
    assert_eq!(all["rebuilds"], json!(["foo"]));
    let cycles = all["cycles"].as_array().unwrap();
    let members: Vec<&Value> = cycles.iter().map(|cycle| &cycle["members"]).collect();
    assert!(members.contains(&&json!(["bar", "foo"])) && members.contains(&&json!(["egg", "hen"])), "{all}");
    let breaks: Vec<&Value> = cycles.iter().flat_map(|cycle| cycle["breaks"].as_array().unwrap()).collect();
    let profiles = json!({ "kind": "profiles", "source": "foo", "profiles": ["nocheck"], "relations": ["bar"], "dropped": ["bar"] });
    let existing = json!({ "kind": "existing", "source": "hen", "packages": ["hen"], "dropped": ["egg"] });
    assert!(breaks.contains(&&profiles) && breaks.contains(&&existing), "{breaks:?}");
    assert_eq!(all["blocked"], json!([{ "source": "later", "version": "1", "by": "lost" }]));
    assert!(all["unbuildable"][0]["explanation"].as_str().unwrap().contains("nowhere"), "{all}");

    assert_eq!(stages(&order(&user, &["foo", "top", "bar", "--built", "foo"]).await), ["bar", "top"]);
    let seeded = order(&user, &["--have", "Seed"]).await;
    assert_eq!((stages(&seeded), &seeded["built"]), (vec!["foo hen top".to_owned()], &json!(["bar", "egg"])));
    let beside = order(&user, &["--lookaside-packages", "Seed"]).await;
    assert_eq!(stages(&beside), stages(&seeded));
    assert_eq!(stages(&order(&user, &["foo", "bar", "--profiles", "nocheck"]).await), ["foo", "bar"]);
    let never = order(&user, &["foo", "bar", "--break-by", "nodoc", "--edges", "1"]).await;
    assert_eq!(never["cycles"][0]["breaks"][0]["kind"], "existing");
    assert_eq!((&never["cycles"][0]["edge_count"], &never["cycles"][0]["edges"]), (&json!(2), &json!([])));
    let zero = order(&user, &["foo", "--from-zero", "--no-arch-all"]).await;
    assert_eq!(zero["outside"], json!(["bar", "build-essential"]));
}

#[tokio::test]
async fn people_read_the_order_and_may_fail_on_what_cannot_be_built() {
    let user = user();
    let human = resolve(&user, &["order", "--check"]).await;
    assert_eq!(human.status, 8, "{human:?}");
    for line in [
        "Stage 1\n  egg 1\n  foo 1 with nocheck\nStage 2\n",
        "  foo 1 again, in full\n",
        ": bar, foo\n  bar needs foo: foo, by foo\n  foo needs bar: bar, by bar\n  broken: foo with nocheck, without bar\n",
        "  broken: hen of hen from somewhere else, for egg\n",
        "\nCannot be built\nlost 1: source lost 1 needs nowhere, which no package provides\nlater 1: it needs lost\n",
        "\n6 builds in 3 stages, 1 of them again\n2 cycles; packages of 1 source package are needed from somewhere else\n",
        "\n2 source packages cannot be built\n",
    ] {
        assert!(human.stdout.contains(line), "{line:?} in {}", human.stdout);
    }
    let fine = resolve(&user, &["order", "top", "--check"]).await;
    assert_eq!(fine.status, 0, "{fine:?}");
    assert!(fine.stdout.contains("\n1 build in 1 stage, 0 of them again\n0 cycles; "), "{fine:?}");
    assert!(fine.stdout.contains("packages of 1 other source package must be there"), "{fine:?}");
    let absent = resolve(&user, &["order", "absent", "--format", "json"]).await;
    assert_eq!((absent.status, &absent.error()["class"]), (3, &json!("not-found")));
    let none = user.run(["resolve", "order", "--packages", "Packages", "--arch", "amd64", "--format", "json"]).await;
    assert_eq!((none.status, &none.error()["class"]), (2, &json!("usage")));
}

#[tokio::test]
async fn build_dependencies_of_all_source_packages_are_checked() {
    let user = user();
    let found = resolve(&user, &["build-deps", "--all", "--format", "json"]).await;
    assert_eq!(found.status, 0, "{found:?}");
    let found = found.json();
    assert_eq!((&found["checked"], found["broken"].as_array().unwrap().len()), (&json!(7), 1));
    assert_eq!((&found["broken"][0]["source"], &found["broken"][0]["version"]), (&json!("lost"), &json!("1")));
    let human = resolve(&user, &["build-deps", "--all", "--check"]).await;
    assert_eq!(human.status, 8, "{human:?}");
    let told =
        "lost 1: source lost 1 needs nowhere, which no package provides\n1 of 7 source packages cannot be built\n";
    assert_eq!(human.stdout, told);
    for args in [&["build-deps"][..], &["build-deps", "foo", "--all"]] {
        assert_eq!(resolve(&user, args).await.status, 2);
    }
}
