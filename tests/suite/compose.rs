//! Blueprints and composes through the command, as far as no tools are needed; and the blueprint that the examples ship.

use debbuild_compose::blueprint::Blueprint;
use debbuild_core::path::AbsPath;
use debbuild_suite::debbuild::Sandbox;

#[test]
fn the_example_blueprint_is_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/blueprints/minimal.toml");
    let blueprint = Blueprint::read(&AbsPath::new(path).unwrap()).unwrap();
    assert_eq!((blueprint.short.as_str(), blueprint.variants.len()), ("Minimal", 1));
    assert_eq!(blueprint.variants[0].deliverables.len(), 4);
}

#[tokio::test]
async fn a_wrong_key_is_told_with_file_line_and_what_was_meant() {
    let sandbox = Sandbox::new();
    sandbox.write("b.toml", "[compose]\nshort = 'T'\nversin = '1'\n");
    let ran = sandbox.run(["--format", "json", "compose", "plan", "b.toml"]).await;
    assert_eq!((ran.status, ran.error()["class"].as_str()), (2, Some("config")), "{ran:?}");
    let message = ran.error()["message"].as_str().unwrap().to_owned();
    let end = "/b.toml:3: unknown key \"compose.versin\" (did you mean \"compose.version\"?)";
    assert!(message.ends_with(end), "{message}");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["--format", "json", "compose", "list"]).await;
    assert_eq!((ran.status, ran.json()), (0, serde_json::json!([])), "{ran:?}");
    for args in [&["compose", "show", "latest-T-1"][..], &["compose", "why", "T-1-20250520.0", "dpkg"]] {
        assert_eq!(sandbox.run(args.iter().copied()).await.status, 3, "{args:?}");
    }
    let ran = sandbox.run(["compose", "plan", "gone.toml"]).await;
    assert_eq!(ran.status, 2, "{ran:?}");
}
