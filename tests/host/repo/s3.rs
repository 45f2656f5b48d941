//! Publishing to S3-compatible storage, with a server of it on loopback, and apt reading from there.

use std::time::Duration;

use debbuild_core::{
    cancel::CancelToken,
    command::{CommandRunner as _, CommandSpec, SystemRunner},
    context::Context,
    name::{PoolPath, SuiteName},
    repo::{
        Placing, PublishTarget as _, RepoError, Repository, S3Credentials, S3Location, S3Options, S3Target, StateId,
        SuiteOptions, VerifyOptions, conformance, verify_published,
    },
    sign::{Keyring, Verifier},
};
use debbuild_suite::{bench::cache, debbuild::Sandbox};

use super::place::{Log, main_component, place, run, stable};

/// A server of S3-compatible storage, with one bucket that everybody may read, until it is dropped.
pub(super) struct Storage {
    pub(super) endpoint: String,
    cancel: CancelToken,
    _task: tokio::task::JoinHandle<()>,
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Storage {
    pub(super) fn options(&self, prefix: &str) -> S3Options {
        let location: S3Location = format!("s3://archive/{prefix}").parse().unwrap();
        let options = S3Options::new(location, S3Credentials::new("key", "secret"));
        options.with_endpoint(Some(self.endpoint.clone()))
    }

    pub(super) fn target(&self, prefix: &str) -> S3Target {
        S3Target::new(&self.options(prefix)).unwrap()
    }

    pub(super) fn uri(&self, prefix: &str) -> String {
        format!("{}/archive/{prefix}", self.endpoint)
    }
}

/// Starts moto's server, which tests/host/tools.sh installs.
pub(super) async fn storage() -> Storage {
    let program = cache().join("moto/bin/moto_server");
    assert!(program.as_std().exists(), "{program} is missing: tests/host/tools.sh installs it");
    let (log, cancel) = (Log::default(), CancelToken::new());
    let cx = Context::new().with_cancel(cancel.clone());
    let spec = CommandSpec::new(program.as_str()).with_args(["-H", "127.0.0.1", "-p", "0"]);
    let mut sink = log.clone();
    let task = tokio::spawn(async move {
        let _ended = SystemRunner.run(&cx, &spec, &mut sink).await;
    });
    for _ in 0..1200 {
        let text = log.text();
        let address = text.split("Running on ").nth(1).and_then(|rest| rest.split_whitespace().next());
        if let Some(endpoint) = address.filter(|_| text.contains("CTRL+C")) {
            let storage = Storage { endpoint: endpoint.to_owned(), cancel, _task: task };
            let bucket = format!("{}/archive", storage.endpoint);
            let made = run(CommandSpec::new("curl").with_args(["--fail", "--silent", "-X", "PUT", &bucket])).await;
            assert_eq!(made.status, 0, "{}{}", made.stderr, log.text());
            let open = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::archive/*"}]}"#;
            let policy = [
                "--fail",
                "--silent",
                "-X",
                "PUT",
                "-H",
                "Content-Type: application/json",
                "--data-binary",
                open,
                &format!("{bucket}?policy"),
            ];
            let opened = run(CommandSpec::new("curl").with_args(policy)).await;
            assert_eq!(opened.status, 0, "{}{}", opened.stderr, log.text());
            return storage;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no server: {}", log.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_conforms() {
    let (place, storage) = (place().await, storage().await);
    conformance::all(&storage.target("conformance"), &place.base.join("files")).await;
    // Without a prefix too, and a file of several parts.
    let target = S3Target::new(
        &S3Options::new("s3://archive".parse().unwrap(), S3Credentials::new("key", "secret"))
            .with_endpoint(Some(storage.endpoint.clone())),
    )
    .unwrap();
    conformance::large(&target, &place.base.join("files"), 20 << 20).await;
    // What the server refuses, or cannot be reached for, says which.
    let nowhere = storage.options("x").with_endpoint(Some("http://127.0.0.1:9".to_owned()));
    let error = S3Target::new(&nowhere).unwrap().current(&place.cx, &stable()).await.unwrap_err();
    assert!(matches!(error, RepoError::Storage { refused: false, .. }), "{error}");
    assert!(error.to_string().contains("s3://archive/x/dists/stable/InRelease"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_reads_a_bucket_that_follows_the_repository() {
    let (place, storage) = (place().await, storage().await);
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("hello", "1.0", "").await, place.source("hello").await]).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let target = storage.target("apt");
    assert_eq!(repository.publish_to(&place.cx, &stable(), &target, "there").await.unwrap().number, 1);
    let apt = place.apt(&repository, &storage.uri("apt")).await;
    apt.update(&[]).await.clean();
    apt.get(&["download", "hello"]).await.clean();
    apt.get(&["source", "--download-only", "hello"]).await.clean();

    // Several states later, by a user of the command line, and back again.
    for version in ["2.0", "3.0+b1~x"] {
        place.add(&repository, vec![place.package("hello", version, "").await]).await;
        repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    }
    let user = Sandbox::new();
    let command = user
        .command(["repo", "--format", "json", "publish", place.dir().as_str(), "--to", "s3://archive/apt"])
        .with_env("AWS_ENDPOINT_URL", storage.endpoint.as_str())
        .with_env("AWS_ACCESS_KEY_ID", "key")
        .with_env("AWS_SECRET_ACCESS_KEY", "secret");
    let said = run(command).await;
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    let states: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(states[0]["state"], 3, "{states}");
    apt.update(&[]).await.clean();
    let plan = apt.get(&["install", "--simulate", "hello"]).await.clean().stdout;
    assert!(plan.contains("Inst hello (3.0+b1~x "), "{plan}");
    apt.get(&["download", "hello"]).await.clean();
    repository.switch(&place.cx, &stable(), StateId::new(1), &place.signer).await.unwrap();
    repository.publish_to(&place.cx, &stable(), &target, "there").await.unwrap();
    apt.update(&[]).await.clean();
    let plan = apt.get(&["install", "--simulate", "hello"]).await.clean().stdout;
    assert!(plan.contains("Inst hello (1.0 "), "{plan}");

    // The same again changes nothing; what a client reads there is whole.
    repository.publish_to(&place.cx, &stable(), &target, "there").await.unwrap();
    let there = repository.clone().with_target(std::sync::Arc::new(target));
    let keys = place.keys().await;
    let report = there.verify(&place.cx, &stable(), Some((&place.verifier(), &keys))).await.unwrap();
    assert!(report.is_good() && report.files > 5, "{report:?}");

    // Also without the repository, by a user of the command line, and once something is lost.
    let Keyring::Bytes(key) = keys else { panic!("the key is at hand") };
    let ring = place.base.join("ring.gpg");
    std::fs::write(&ring, key).unwrap();
    let verify =
        ["repo", "--format", "json", "verify", "s3://archive/apt", "--suite", "stable", "--keyring", ring.as_str()];
    let verify = || {
        let command = user.command(verify).with_env("AWS_ENDPOINT_URL", storage.endpoint.as_str());
        run(command.with_env("AWS_ACCESS_KEY_ID", "key").with_env("AWS_SECRET_ACCESS_KEY", "secret"))
    };
    let said = verify().await;
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    let lost = PoolPath::new("pool/main/h/hello/hello_1.0.dsc").unwrap();
    storage.target("apt").remove(&place.cx, std::slice::from_ref(&lost)).await.unwrap();
    let said = verify().await;
    let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.status, &report["findings"][0]["path"]), (1, &serde_json::json!(lost)), "{report}");
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1), "{report}");

    // Another repository's suite in the same place is not overwritten.
    let other = place.other_repository("other").await;
    other.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let error = other.publish_to(&place.cx, &stable(), &storage.target("apt"), "there").await.unwrap_err();
    assert!(matches!(error, RepoError::Conflict { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_installs_from_a_moment_of_the_past_in_a_bucket() {
    let (place, storage) = (place().await, storage().await);
    let target = storage.target("past");
    let address = Some("https://mirror.example/snapshots/@SNAPSHOTID@/".to_owned());
    let options = SuiteOptions::new(stable(), vec![place.architecture.clone()]).with_snapshots(address);
    let repository = Repository::init(&place.cx, place.dir(), options).await.unwrap();
    let mut states = Vec::new();
    for version in ["1.0", "2.0"] {
        let package = vec![(main_component(), place.package("hello", version, "").await)];
        repository.replace(&place.cx, &stable(), package, Placing::Copy).await.unwrap();
        repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
        states.push((version, repository.publish_to(&place.cx, &stable(), &target, "there").await.unwrap()));
    }
    let key = repository.export_key(&place.cx, &stable(), &storage.uri("past"), &place.signer).await.unwrap();
    assert!(
        key.sources.contains(
            "Suites: stable
"
        ),
        "{}",
        key.sources
    );
    let suites = states.iter().map(|(version, state)| (*version, format!("stable/{}", state.date.snapshot_id())));
    for (version, suite) in suites.chain([("2.0", "stable".to_owned())]) {
        // An apt that knows nothing of it, and has not one word to say about the name.
        let sources = key.sources.replace(
            "Suites: stable
",
            &format!(
                "Suites: {suite}
"
            ),
        );
        let apt = place.apt_with("past.sources", &sources);
        apt.update(&[]).await.clean();
        let plan = apt.get(&["install", "--simulate", "hello"]).await.clean().stdout;
        assert!(plan.contains(&format!("Inst hello ({version} ")), "{suite}: {plan}");
        apt.get(&["download", "hello"]).await.clean();
        // Checked as any archive is, without a word about the name here either.
        let (verifier, keys, suite) = (place.verifier(), place.keys().await, SuiteName::new(&suite).unwrap());
        let keys: Option<(&dyn Verifier, &Keyring)> = Some((&verifier, &keys));
        let report = verify_published(&place.cx, &target, &suite, keys, &VerifyOptions::new()).await.unwrap();
        assert!(report.is_good() && report.files > 5, "{suite}: {report:?}");
        assert!(!report.notes.iter().any(|note| note.problem.contains("another suite")), "{suite}: {report:?}");
    }
}
