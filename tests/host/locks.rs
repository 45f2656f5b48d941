//! Locks by the real tools: from the .buildinfo of a build to a chroot of exactly what the build had, made twice.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use debbuild_core::{command::CommandSpec, control::Buildinfo, lock::LockFile};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::{Ran, Sandbox},
    source::TestSource,
};
use serde_json::Value;

fn well(ran: Ran) -> Ran {
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// Runs debbuild over the state that the tests share, and gives its answer as JSON.
async fn shared(user: &Sandbox, args: &[&str]) -> Value {
    well(user.run([&["--home", cache().as_str(), "--format", "json"], args].concat()).await).json()
}

async fn own(user: &Sandbox, args: &[&str]) -> String {
    well(user.run(args).await).stdout
}

fn validate(lock: &Value) {
    let schema = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/lock-v1.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    let problems: Vec<String> = validator.iter_errors(lock).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

/// A mirror in `apt` of all that a lock names, and a profile in `own.toml` that has no other archive.
async fn mirror(user: &Sandbox, lock: &LockFile) {
    let (bench, debs) = (Bench::open(cache()).await, user.path().join("debs"));
    fs::create_dir(&debs).unwrap();
    for package in &lock.packages {
        let blob = bench.blobs.local(&bench.cx, package.sha256).await.unwrap();
        fs::copy(blob, debs.child(package.path.rsplit('/').next().unwrap()).unwrap()).unwrap();
    }
    own(user, &["repo", "init", "apt", "--suite", "bookworm", "--origin", "Own"]).await;
    own(user, &["repo", "add", "apt", "debs"]).await;
    own(user, &["repo", "publish", "apt"]).await;
    let keys = well(user.run(["--format", "json", "repo", "key", "export", "apt", "-o", "keys"]).await).json();
    let (uri, key) = (user.path().join("apt"), keys["keyring"].as_str().unwrap());
    let profile = format!("[profiles.own]\nsuite = 'bookworm'\nmirrors = ['file://{uri}']\nkeyrings = ['{key}']\n");
    user.write("own.toml", &profile);
}

/// Builds a small package in a chroot, and gives the path of its .buildinfo.
async fn build(user: &Sandbox, chroot: &str) -> String {
    let dsc = TestSource::new("plain").make(user.path()).await;
    let out = user.path().join("out");
    shared(user, &["build", dsc.as_str(), "--chroot", chroot, "--output", out.as_str()]).await;
    let mut names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names.find(|name| name.ends_with(".buildinfo")).unwrap();
    out.child(&name).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buildinfo_gives_a_chroot_of_exactly_its_packages_twice_the_same_without_its_mirror() {
    let user = Sandbox::new();
    // The build user passes through it to its scratch folders.
    fs::set_permissions(user.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let made = shared(&user, &["chroot", "create", "--suite", "bookworm"]).await;
    let chroot = made["id"].as_str().unwrap();
    let whole = shared(&user, &["lock", "show", chroot]).await;
    validate(&whole);
    mirror(&user, &LockFile::from_json(whole.to_string().as_bytes()).unwrap()).await;
    let file = build(&user, chroot).await;
    let build = Buildinfo::from_unverified(&fs::read(&file).unwrap()).unwrap();
    let installed: BTreeSet<String> =
        build.installed.iter().map(|one| format!("{}={}", one.package, one.version)).collect();
    assert!(installed.len() > 50 && installed.len() < whole["packages"].as_array().unwrap().len());

    own(&user, &["lock", "from-buildinfo", &file, "--profile", "own.toml", "--output", "lock.json"]).await;
    let listed = own(&user, &["lock", "list", "lock.json"]).await;
    assert_eq!(listed.lines().map(str::to_owned).collect::<BTreeSet<_>>(), installed);
    validate(&serde_json::from_slice(&fs::read(user.path().join("lock.json")).unwrap()).unwrap());
    let create = ["--format", "json", "chroot", "create", "--locked", "lock.json"];
    let first = well(user.run(create).await).json();
    let id = first["id"].as_str().unwrap();
    let inside = ["chroot", "run", id, "--", "dpkg-query", "--show", "--showformat=${Package}=${Version}\\n"];
    assert_eq!(own(&user, &inside).await.lines().map(str::to_owned).collect::<BTreeSet<_>>(), installed);
    let trace = "test -d /etc/apt/preferences.d && ! test -e /etc/apt/preferences.d/00debbuild-exact";
    own(&user, &["chroot", "run", id, "--", "sh", "-c", trace]).await;
    let diff = well(user.run(["--format", "json", "lock", "diff", "lock.json", id]).await).json();
    assert_eq!(
        (&diff["packages"], &diff["archives"]),
        (&Value::Array(Vec::new()), &Value::Array(Vec::new())),
        "{diff}"
    );

    // Again, where there is no mirror any more.
    fs::copy(first["tarball"].as_str().unwrap(), user.path().join("first.tar")).unwrap();
    fs::remove_dir_all(user.path().join("apt")).unwrap();
    own(&user, &["chroot", "remove", id]).await;
    let second = well(user.run(create).await).json();
    assert_eq!((&second["id"], &second["sha256"]), (&first["id"], &first["sha256"]));
    let compare = user.place(CommandSpec::new("cmp")).with_args(["first.tar", second["tarball"].as_str().unwrap()]);
    well(user.spec(compare).await);
}
