//! The examples that need no chroot, run as users run them.

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
};
use debbuild_suite::debbuild::Sandbox;

const PACKAGES: &str = "Package: app\nVersion: 2\nArchitecture: all\nDepends: lib (>= 2)\nFilename: pool/app.deb\nSize: 1\n\
    SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";

#[tokio::test]
async fn resolve_says_what_and_why_not() {
    let user = Sandbox::new();
    user.write(
        "Packages",
        &format!("{PACKAGES}\n{}", PACKAGES.replace("app", "lib").replace("Depends: lib (>= 2)\n", "")),
    );
    let both = user.example("resolve", &["Packages", "app"]).await;
    assert_eq!((both.status, both.stdout.as_str()), (0, "app 2\nlib 2\n"), "{both:?}");
    user.write("Packages", PACKAGES);
    let none = user.example("resolve", &["Packages", "app"]).await;
    let why = "cannot be installed:\n  the request needs app\n  app 2 needs lib (>= 2), which no package provides\n";
    assert_eq!((none.status, none.stdout.as_str()), (0, why), "{none:?}");
}

#[tokio::test]
async fn a_source_of_packages_of_ones_own_is_short() {
    let lines = include_str!("../../examples/package_source.rs").lines().count();
    assert!(lines < 60, "{lines}");
    let user = Sandbox::new();
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let line = |name: &str, depends: &str| format!("{name},1:2,all,pool/{name}.deb,1,{sum},{depends}\n");
    user.write("list", &(line("app", "lib (>= 1), data | other") + &line("lib", "") + &line("other", "")));
    let found = user.example("package_source", &["list", "app"]).await;
    assert_eq!(
        (found.status, found.stdout.as_str()),
        (0, "app_2_all.deb\nlib_2_all.deb\nother_2_all.deb\n"),
        "{found:?}"
    );
    user.write("list", &line("app", "lib"));
    let none = user.example("package_source", &["list", "app"]).await;
    assert!(none.status == 0 && none.stdout.contains("app 1:2 needs lib, which no package provides"), "{none:?}");
    user.write("list", "app\u{7},1\n");
    let wrong = user.example("package_source", &["list", "app"]).await;
    assert!(wrong.status == 1 && wrong.stderr.contains("Package"), "{wrong:?}");
}

#[tokio::test]
async fn publish_makes_a_suite_that_verifies_and_prints_what_apt_needs() {
    let user = Sandbox::new();
    user.write(
        "tree/DEBIAN/control",
        "Package: tiny\nVersion: 1.0-1\nArchitecture: all\nMaintainer: T <t@debbuild.example>\nDescription: tiny\n",
    );
    user.write("debs/readme", "not a package");
    let [tree, debs] = ["tree", "debs/tiny_1.0-1_all.deb"].map(|name| user.path().descend(name).expect("a path"));
    let pack = CommandSpec::new("dpkg-deb").with_args(["--root-owner-group", "--build", tree.as_str(), debs.as_str()]);
    SystemRunner.output(&Context::new(), &pack).await.expect("dpkg-deb");

    let ran = user.example("publish", &["apt", "demo", "debs"]).await;
    assert_eq!(ran.status, 0, "{ran:?}");
    let (said, sources) = ran.stdout.split_once("\n\n").expect("a paragraph");
    let state = said.strip_prefix("tiny 1.0-1 all\nstate 1 of demo, signed by ").expect("the package and the state");
    assert!(state.len() == 40 && state.bytes().all(|b| b.is_ascii_hexdigit()), "{state}");
    let uri = format!("URIs: file:{}/apt\n", user.path());
    for line in
        [uri.as_str(), "Suites: demo\n", "Components: main\n", "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n"]
    {
        assert!(sources.contains(line), "{line:?}: {sources}");
    }
    // The command line, on the same state folder, checks it as a client does.
    let verified = user.run(["repo", "verify", "apt", "--format", "json"]).await;
    assert_eq!((verified.status, &verified.json()["good"]), (0, &true.into()), "{verified:?}");
    let usage = user.example("publish", &["apt"]).await;
    assert!(usage.status == 1 && usage.stderr.contains("usage: publish"), "{usage:?}");
}
