//! Real builds by sbuild: every class of outcome, and what a build must not reach.

mod place;

use std::{collections::BTreeMap, fs, time::Duration};

use debbuild_chroot::sbuild::{BuildBases as _, Rebuilder, conformance, deliver};
use debbuild_core::{
    build::{BuildOptions, BuildRecord, NetworkUse, Outcome},
    changelog::Rebuild,
    command::{CommandRunnerExt as _, CommandSpec, Discard},
    context::Context,
    digest::Sha256,
    error::Class,
    path::AbsPath,
    task::TaskIo,
};
use debbuild_suite::source::{TestSource, copy_tree, pack};
use place::{Place, current_test, is_root, place};

fn class(record: &BuildRecord) -> Option<Class> {
    record.class()
}

async fn marker(place: &Place) -> AbsPath {
    let from = AbsPath::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/packages/debbuild-marker")).unwrap();
    let tree = place.folder.join("debbuild-marker-1.0");
    copy_tree(&from, &tree);
    pack(&tree).await
}

fn validate(place: &Place, record: &BuildRecord) {
    let schema = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/result-v1.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&record.to_json().unwrap()).unwrap();
    let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(place.left(), Vec::<String>::new(), "left in the scratch folder");
}

#[tokio::test]
async fn the_marker_package_builds_twice_to_the_same_bytes() {
    let place = place().await;
    let dsc = marker(&place).await;
    let (record, log) = place.build(&dsc, BuildOptions::default()).await;
    assert_eq!((record.outcome, &record.failure), (Outcome::Succeeded, &None), "{log}");
    validate(&place, &record);
    let out = place.folder.join("out");
    deliver(&Context::new(), &*place.blobs, &record, &out).await.unwrap();
    let read = |name: &str| fs::read(out.child(name).unwrap()).unwrap();
    for artifact in &record.artifacts {
        let bytes = read(&artifact.name);
        assert_eq!((Sha256::of(&bytes), bytes.len() as u64), (artifact.sha256, artifact.size));
    }
    let changes = record.artifacts.iter().find(|artifact| artifact.kind == "changes").unwrap();
    let spec = CommandSpec::new("dscverify").with_args(["-u", &changes.name]).with_cwd(out.clone());
    place.runner.output(&Context::new(), &spec).await.unwrap();
    let kept = record.log.as_ref().unwrap();
    assert_eq!((Sha256::of(&read(&kept.name)), log.len() as u64), (kept.sha256, kept.size));
    assert_eq!(serde_json::from_slice::<BuildRecord>(&read("result.json")).unwrap(), record);
    assert!(record.resources.cpu_seconds.unwrap() > 0.1 && record.resources.peak_disk_bytes.unwrap() > 0);
    assert!(record.stages.iter().any(|stage| stage.name == "build" && stage.seconds.is_some()));

    let (again, _) = place.build(&dsc, BuildOptions::default()).await;
    let debs = |record: &BuildRecord| -> BTreeMap<String, Sha256> {
        let debs = record.artifacts.iter().filter(|artifact| artifact.kind == "deb");
        debs.map(|artifact| (artifact.name.clone(), artifact.sha256)).collect()
    };
    assert_eq!(debs(&again), debs(&record));
    assert!(debs(&record).contains_key("debbuild-marker_1.0_all.deb"));
}

#[tokio::test]
async fn builder_conforms() {
    let place = place().await;
    let dsc = TestSource::new("plain").make(&place.folder).await;
    let request = place.request(&dsc);
    let mut log = Discard;
    let scratch = place.folder.join("attempt");
    let mut io = TaskIo { blobs: std::sync::Arc::clone(&place.blobs), scratch, log: &mut log };
    conformance::unknown_chroot(&*place.builder, &request, &mut io).await;
    conformance::cancelled(&*place.builder, &request, &mut io).await;
    conformance::other_source(&*place.builder, &request, &mut io).await;
    conformance::success(&*place.builder, &request, &*place.blobs, &mut io).await;
    assert_eq!(place.left(), Vec::<String>::new());
}

#[tokio::test]
async fn a_failing_rule_is_compile_with_its_line() {
    let place = place().await;
    let dsc = TestSource::new("failing").with_build("false").make(&place.folder).await;
    let (record, log) = place.build(&dsc, BuildOptions::default()).await;
    let failure = record.failure.clone().unwrap();
    assert_eq!((record.outcome, class(&record)), (Outcome::Failed, Some(Class::Compile)), "{failure:?}\n{log}");
    let line = usize::try_from(failure.log_line.unwrap()).unwrap();
    assert!(log.lines().nth(line - 1).unwrap().contains("debian/rules:4: build"), "{failure:?}");
    assert_eq!(record.artifacts, []);
    validate(&place, &record);
}

#[tokio::test]
async fn an_unknown_build_dependency_is_named() {
    let place = place().await;
    let dsc = TestSource::new("unknown").with_build_depends("does-not-exist").make(&place.folder).await;
    let (record, log) = place.build(&dsc, BuildOptions::default()).await;
    let failure = record.failure.clone().unwrap();
    assert_eq!((record.outcome, class(&record)), (Outcome::Failed, Some(Class::Dependencies)), "{failure:?}\n{log}");
    assert!(failure.message.contains("does-not-exist"), "{failure:?}");
    validate(&place, &record);
}

#[tokio::test]
async fn another_architecture_is_no_success() {
    let place = place().await;
    let other = if place.architecture.as_str() == "arm64" { "amd64" } else { "arm64" };
    let dsc = TestSource::new("foreign").with_architecture(other).make(&place.folder).await;
    let (record, _) = place.build(&dsc, BuildOptions::default()).await;
    assert_eq!((record.outcome, class(&record)), (Outcome::Failed, Some(Class::Architecture)), "{:?}", record.failure);
    validate(&place, &record);
}

#[tokio::test]
async fn a_build_reaches_no_network() {
    let place = place().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!(
        "perl -MIO::Socket::INET -e 'for (qw(127.0.0.1:{port} 127.0.0.1:3142 192.0.2.1:80)) {{ exit 0 if \
         IO::Socket::INET->new(PeerAddr => $$_, Timeout => 5) }} die \"nobody there\"'"
    );
    let dsc = TestSource::new("connecting").with_build(&connect).make(&place.folder).await;
    let (record, log) = place.build(&dsc, BuildOptions::default()).await;
    assert_eq!((record.outcome, class(&record)), (Outcome::Failed, Some(Class::Compile)), "{:?}", record.failure);
    assert!(log.contains("nobody there"), "{log}");
    assert_eq!(record.network, NetworkUse::None);
    let reached = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(reached.is_err(), "the build reached the host");
}

#[tokio::test]
async fn sleeping_for_ever_ends_at_the_limit_and_leaves_nothing() {
    let place = place().await;
    let dsc = TestSource::new("sleeping").with_build("sleep 98765").make(&place.folder).await;
    let limit = Some(Duration::from_secs(75));
    let (record, log) = place.build(&dsc, BuildOptions::default().with_timeout(limit)).await;
    assert_eq!(
        (record.outcome, class(&record)),
        (Outcome::Failed, Some(Class::Timeout)),
        "{:?}\n{log}",
        record.failure
    );
    assert_eq!((place.processes("sleep 98765"), place.processes(place.scratch.as_str())), (0, 0));
    validate(&place, &record);

    let (record, _) = place.build(&dsc, BuildOptions::default().with_stalled(Some(Duration::from_secs(40)))).await;
    assert_eq!((record.outcome, class(&record)), (Outcome::Failed, Some(Class::Stalled)), "{:?}", record.failure);
    assert_eq!((place.processes("sleep 98765"), place.left().len()), (0, 0));
}

#[tokio::test]
async fn a_stopped_gateway_is_infrastructure_before_the_update_and_before_the_installation() {
    let place = place().await;
    let dsc = TestSource::new("depending").with_build_depends("does-not-exist, bc").make(&place.folder).await;
    let needs = TestSource::new("needing").with_build_depends("bc").make(&place.folder).await;
    for (dsc, stage) in [(&dsc, "| Chroot Setup Commands"), (&needs, "| Fetch source files")] {
        let stop = |log: &str| {
            if log.contains(stage) {
                for name in place.left() {
                    let _gone = fs::remove_file(place.scratch.as_std().join(name).join("gateway.sock"));
                }
            }
        };
        let (record, log) = place.watched(&place.request(dsc), Box::new(stop)).await.unwrap();
        let found = (record.outcome, class(&record));
        assert_eq!(found, (Outcome::Aborted, Some(Class::Infrastructure)), "{stage}: {:?}\n{log}", record.failure);
        validate(&place, &record);
    }
}

#[tokio::test]
async fn limits_on_memory_and_disk_are_told_from_compile_errors() {
    let place = place().await;
    let hungry =
        "perl -e '$$x = \"x\" x 3_000_000_000; print length $$x' || { echo 'Cannot allocate memory'; exit 1; }";
    let dsc = TestSource::new("hungry").with_build(hungry).make(&place.folder).await;
    let (record, log) = place.build(&dsc, BuildOptions::default().with_memory(Some(1 << 30))).await;
    assert_eq!(class(&record), Some(Class::Memory), "{:?}\n{log}", record.failure);
    let dsc = TestSource::new("filling").with_build("head -c 2000000000 /dev/zero >big").make(&place.folder).await;
    let mut options = BuildOptions::default();
    options.disk = Some(1_200_000_000);
    let (record, log) = place.build(&dsc, options).await;
    assert_eq!(class(&record), Some(Class::Disk), "{:?}\n{log}", record.failure);
    validate(&place, &record);
}

#[tokio::test]
async fn a_no_change_rebuild_is_a_new_source_version_with_the_parents_date() {
    let place = place().await;
    let dsc = marker(&place).await;
    let rebuild = Rebuild::new("acme", "bookworm".parse().unwrap(), "Acme builders <builds@acme.example>");
    let rebuilder = Rebuilder::new(std::sync::Arc::clone(&place.runner), place.user.clone(), place.scratch.clone());
    let parent = place.request(&dsc);
    let base = place.bases.by_id(&Context::new(), place.chroot).await.unwrap();
    let mut bytes = Vec::new();
    for name in ["first", "second"] {
        let folder = place.folder.join("rebuilt").child(name).unwrap();
        let made = rebuilder.make(&Context::new(), &base, &parent, &rebuild, &folder).await.unwrap();
        assert_eq!(made.name(), "debbuild-marker_1.0+0acme1.dsc");
        let tree = folder.join("tree");
        let spec = CommandSpec::new("dpkg-source").with_args(["--extract", made.as_str(), tree.as_str()]);
        place.runner.output(&Context::new(), &spec).await.unwrap();
        let log = fs::read_to_string(tree.join("debian/changelog")).unwrap();
        let parent = fs::read_to_string(place.folder.join("debbuild-marker-1.0").join("debian/changelog")).unwrap();
        let entry = log.strip_suffix(&parent).unwrap();
        assert!(entry.starts_with("debbuild-marker (1.0+0acme1) bookworm; urgency=medium\n"), "{entry}");
        let date = "\n -- Acme builders <builds@acme.example>  Sat, 01 Nov 2025 12:00:00 +0000\n\n";
        assert!(entry.ends_with(date), "{entry}");
        bytes.push(fs::read(made).unwrap());
    }
    assert_eq!(bytes[0], bytes[1]);
    assert_eq!(place.left(), Vec::<String>::new());
}

/// A local package whose postinst says what it could reach, by its exit status: it fails where it reaches anybody.
async fn prying_package(place: &Place, port: u16) -> AbsPath {
    let tree = place.folder.join("prying");
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    let control = "Package: prying\nVersion: 1\nArchitecture: all\nMaintainer: Test <test@debbuild.example>\nDescription: test\n A test.\n";
    fs::write(tree.join("DEBIAN/control"), control).unwrap();
    let script = format!(
        "#!/usr/bin/perl\nuse IO::Socket::INET;\nfor (qw(127.0.0.1:{port} 192.0.2.1:80)) {{\n  print \"prying at $_\\n\";\n  if \
         (IO::Socket::INET->new(PeerAddr => $_, Timeout => 5)) {{ print \"REACHED $_\\n\"; exit 1 }}\n}}\nprint \"reached \
         nobody\\n\";\n"
    );
    let postinst = tree.join("DEBIAN/postinst");
    fs::write(&postinst, script).unwrap();
    fs::set_permissions(&postinst, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let deb = place.folder.join("prying_1_all.deb");
    let spec = CommandSpec::new("dpkg-deb").with_args(["--root-owner-group", "--build", tree.as_str(), deb.as_str()]);
    place.runner.output(&Context::new(), &spec).await.unwrap();
    deb
}

#[tokio::test]
async fn a_build_dependency_reaches_nobody_and_comes_from_the_request() {
    let place = place().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deb = prying_package(&place, listener.local_addr().unwrap().port()).await;
    let dsc = TestSource::new("pried").with_build_depends("prying").make(&place.folder).await;
    let (record, log) = place.build(&dsc, BuildOptions::default().with_extra_packages(vec![deb])).await;
    assert_eq!((record.outcome, &record.failure), (Outcome::Succeeded, &None), "{log}");
    assert!(log.contains("reached nobody") && !log.contains("REACHED"), "{log}");
    let reached = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(reached.is_err(), "a maintainer script reached the host");
    let buildinfo = record.artifacts.iter().find(|artifact| artifact.kind == "buildinfo").unwrap();
    let text = place.blobs.read(&Context::new(), buildinfo.sha256, None).await.unwrap();
    assert!(String::from_utf8_lossy(&text).contains("prying (= 1)"));
    validate(&place, &record);
}

/// Started as root, the tests build as the build user; this one runs the same builds as an ordinary user besides.
#[tokio::test]
async fn an_ordinary_user_builds_too() {
    if !is_root() {
        return;
    }
    let place = place().await;
    let home = place.folder.join("user");
    let cache = home.join("cache");
    fs::create_dir_all(&cache).unwrap();
    let program = home.join("tests");
    fs::copy(current_test(), &program).unwrap();
    // The user has the chroots that are made already, and nothing else.
    let owner = format!("{}:{}", place.user.uid, place.user.gid);
    let chroots = ["-r", place.chroots.as_str(), cache.as_str()];
    let give = ["-R", owner.as_str(), home.as_str()];
    for spec in [CommandSpec::new("cp").with_args(chroots), CommandSpec::new("chown").with_args(give)] {
        place.runner.output(&Context::new(), &spec).await.unwrap();
    }
    let spec = CommandSpec::new("setpriv")
        .with_args([format!("--reuid={}", place.user.uid), format!("--regid={}", place.user.gid)])
        .with_args(["--init-groups", "--", program.as_str(), "--exact", "--test-threads=1"])
        .with_args(["build::a_build_dependency_reaches_nobody_and_comes_from_the_request"])
        .with_env("DEBBUILD_TEST_CACHE", cache.as_str());
    let said = place.runner.output(&Context::new(), &spec).await.unwrap();
    assert!(String::from_utf8_lossy(&said).contains("1 passed"), "{}", String::from_utf8_lossy(&said));
}
