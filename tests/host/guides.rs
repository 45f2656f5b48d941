//! The guides of `docs/guides` run as they are written.

use std::{fs, path::Path};

use debbuild_core::command::CommandSpec;
use debbuild_suite::debbuild::{Ran, Sandbox};

/// The blocks of a guide that are marked `sh`, in their order.
fn script(guide: &str) -> String {
    let mut shell = false;
    let mut script = String::new();
    for line in guide.lines() {
        match line {
            "```sh" => shell = true,
            "```" => shell = false,
            line if shell => script.extend([line, "\n"]),
            _ => {}
        }
    }
    script
}

/// Runs a guide in an empty folder with the debbuild under test, and stops at the first command that fails.
async fn run(name: &str) -> Ran {
    let user = Sandbox::new();
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides").join(name);
    let script = script(&fs::read_to_string(guide).unwrap());
    assert!(script.contains("debbuild "), "{name} has commands");
    user.write("guide.sh", &script);
    let debbuild = user.command::<&str>([]);
    let folder = Path::new(&debbuild.program).parent().unwrap().to_str().unwrap();
    let path = format!("{folder}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    let bash = user.place(CommandSpec::new("bash")).with_args(["-euxo", "pipefail", "guide.sh"]);
    user.spec(bash.with_env("PATH", path)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_to_the_resolver_runs_as_written() {
    let ran = run("resolver.md").await;
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_to_repositories_runs_as_written() {
    let ran = run("repositories.md").await;
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_to_chroots_runs_as_written() {
    let ran = run("chroots.md").await;
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
}
