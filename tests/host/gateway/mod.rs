//! Mirrors that die, lie, trickle and send elsewhere, as apt in a session and the making of a chroot meet them.

mod mirror;

use std::{fs, sync::Arc, time::Duration};

use debbuild_chroot::{
    backend::{ChrootBackend as _, SessionCommand, SessionOptions, UnshareBackend, UnshareOptions},
    create::Variant,
    gateway::{AccessRecord, AllowedArchive, Gateway, GatewayOptions, Via},
    manager::Chroot,
};
use debbuild_core::{
    acquire::{
        Archive,
        fetch::{HttpOptions, SchemeFetch},
    },
    blob::FolderStore,
    command::{Capture, CommandSpec, Discard, Stdin},
    error::{Class, Classify as _},
    name::{PackageName, SuiteName},
    path::AbsPath,
    sign::Keyring,
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::{Ran, Sandbox},
};
use mirror::{Fault, Mirror};

use crate::chroot::shared;

/// Fetches with a patience of seconds.
fn impatient(foreign_redirects: bool) -> Arc<SchemeFetch> {
    let http = HttpOptions::new().with_attempts(2).with_backoff(Duration::from_millis(100));
    let http =
        http.with_timeouts(Duration::from_secs(5), Duration::from_secs(3)).with_foreign_redirects(foreign_redirects);
    Arc::new(SchemeFetch::with_http(http.with_least_speed(100, Duration::from_secs(1))).unwrap())
}

fn well(ran: Ran) -> Ran {
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// A repository with a package of 2 MB, which is not compressed, and its keys.
struct Repo {
    user: Sandbox,
    key: Vec<u8>,
}

impl Repo {
    async fn new() -> Self {
        let user = Sandbox::new();
        let data: String = (0..300_000).map(|number| format!("{number}\n")).collect();
        user.write("own/usr/share/own/data", &data);
        user.write("debs/.keep", "");
        well(user.run(["repo", "init", "apt", "--suite", "stable", "--origin", "Own"]).await);
        let mut repo = Self { user, key: Vec::new() };
        repo.publish("1.0").await;
        let export = ["--format", "json", "repo", "key", "export", "apt", "-o", "keys"];
        let exported = well(repo.user.run(export).await).json();
        repo.key = fs::read(exported["keyring"].as_str().unwrap()).unwrap();
        repo
    }

    async fn publish(&self, version: &str) {
        let control = format!(
            "Package: own\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@mirror.example>\nDescription: own\n"
        );
        self.user.write("own/DEBIAN/control", &control);
        let build = ["-Znone", "--root-owner-group", "--build", "own", "debs"];
        well(self.user.spec(self.user.place(CommandSpec::new("dpkg-deb").with_args(build))).await);
        well(self.user.run(["repo", "add", "apt", "debs"]).await);
        well(self.user.run(["repo", "publish", "apt"]).await);
    }

    fn folder(&self) -> AbsPath {
        self.user.path().join("apt")
    }

    async fn mirror(&self) -> Mirror {
        Mirror::of(&self.folder()).await
    }

    fn archive(&self, mirrors: &[&Mirror]) -> Archive {
        let (suite, keys) = (SuiteName::new("stable").unwrap(), Keyring::Bytes(self.key.clone()));
        let uris = mirrors.iter().map(|mirror| mirror.uri.clone()).collect();
        Archive::new("own", mirrors[0].uri.clone(), suite, keys).with_uris(uris)
    }
}

/// Sessions of the shared chroot, behind a gateway of its own that has kept nothing yet.
struct Sessions {
    _folder: tempfile::TempDir,
    bench: Bench,
    chroot: Chroot,
    backend: UnshareBackend,
}

impl Sessions {
    async fn new(bench: &Bench, chroot: &Chroot) -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let path = AbsPath::new(folder.path()).unwrap();
        let blobs = Arc::new(FolderStore::open(path.join("blobs")).unwrap());
        let gateway = Gateway::new(impatient(false), blobs, &path.join("gateway")).unwrap();
        let (runner, user, home) = (Arc::clone(&bench.runner), bench.user.clone(), &bench.home);
        let options = UnshareOptions::new(runner, user, home.join("bases"), home.join("scratch"));
        let backend = UnshareBackend::new(options.with_gateway(Some(gateway)));
        Self { _folder: folder, bench: bench.clone(), chroot: chroot.clone(), backend }
    }

    /// Runs commands after the options of apt that show it nothing but the repository at these mirrors. Gives whether all
    /// went well, what was said, and what passed.
    async fn apt(&self, repo: &Repo, mirrors: &[&Mirror], script: &str) -> (bool, String, AccessRecord) {
        let first = AllowedArchive::new("own", mirrors[0].uri.clone());
        let archive = mirrors[1..].iter().fold(first, |archive, mirror| archive.with_upstream(mirror.uri.clone()));
        let line = format!("deb [signed-by=/tmp/own.gpg] {} stable main\n", archive.inner_uri());
        let options = SessionOptions::new().with_gateway(Some(GatewayOptions::new(vec![archive])));
        let cx = &self.bench.cx;
        let mut session = self.backend.open(cx, &self.chroot.reference(), &options).await.unwrap();
        for (path, bytes) in [("/tmp/own.gpg", repo.key.clone()), ("/tmp/own.list", line.into_bytes())] {
            let tee = SessionCommand::new(["tee", path]).with_stdin(Stdin::Bytes(bytes));
            assert!(session.run(cx, &tee, &mut Discard).await.unwrap().success());
        }
        let options = "-q -o Dir::Etc::sourceparts=- -o Dir::Etc::sourcelist=/tmp/own.list -o Acquire::Retries=0";
        let script = format!("cd /tmp; apt='apt-get {options}'; {script}");
        let mut said = Capture::default();
        let exit = session.run(cx, &SessionCommand::new(["sh", "-ec", &script]), &mut said).await.unwrap();
        let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        let record = session.record();
        session.close(cx).await.unwrap();
        (exit.success(), text, record)
    }
}

/// Ways to be a bad mirror, with the class of each.
fn bad() -> Vec<(Fault, Class)> {
    vec![
        (Fault::Dies, Class::Infrastructure),
        (Fault::Flips, Class::Verification),
        (Fault::Cuts, Class::Verification),
        (Fault::Trickles, Class::Infrastructure),
        (Fault::Redirects("http://elsewhere.example/apt/x"), Class::Infrastructure),
        (Fault::Redirects("file:///etc/passwd"), Class::Infrastructure),
    ]
}

fn detours(record: &AccessRecord) -> Vec<Class> {
    record.detours.iter().map(|detour| detour.class).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_mirror_has_its_class_in_an_update_and_the_next_one_is_used() {
    let (bench, repo) = (Bench::open(cache()).await, Repo::new().await);
    let (_, chroot) = shared(&bench).await;
    for (fault, class) in bad() {
        let (alone, sessions) =
            (repo.mirror().await.with("/binary-", fault.clone()), Sessions::new(&bench, &chroot).await);
        let (well, said, record) = sessions.apt(&repo, &[&alone], "$apt update").await;
        assert!(!well, "{fault:?}: {said}");
        assert_eq!(record.infrastructure_failure().unwrap().class, class, "{fault:?}: {record:?}");
        assert!(!said.contains("root:x:"), "{said}");

        // Another gateway, for which nobody is ailing and that keeps nothing.
        let sessions = Sessions::new(&bench, &chroot).await;
        let (first, next) = (repo.mirror().await.with("/binary-", fault.clone()), repo.mirror().await);
        let (well, said, record) = sessions.apt(&repo, &[&first, &next], "$apt update; $apt download own").await;
        assert!(well, "{fault:?}: {said}");
        assert!(detours(&record).contains(&class), "{fault:?}: {record:?}");
        assert!(record.failures.is_empty(), "{fault:?}: {record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_not_the_indexs_is_not_kept_and_one_that_breaks_off_goes_on_elsewhere() {
    const DOWNLOAD: &str =
        "$apt update; $apt download own; dpkg-deb --fsys-tarfile own_1.0_all.deb | tail -c 1 >/dev/null";
    let (bench, repo) = (Bench::open(cache()).await, Repo::new().await);
    let (_, chroot) = shared(&bench).await;
    let deb = |record: &AccessRecord| record.served.iter().find(|file| file.path.ends_with(".deb")).cloned();

    let (sessions, mirror) = (Sessions::new(&bench, &chroot).await, repo.mirror().await.with(".deb", Fault::Flips));
    let (well, said, record) = sessions.apt(&repo, &[&mirror], DOWNLOAD).await;
    assert!(!well, "{said}");
    assert_eq!(record.infrastructure_failure().unwrap().class, Class::Verification, "{record:?}");
    assert_eq!(deb(&record), None);
    mirror.mend();
    let (well, said, record) = sessions.apt(&repo, &[&mirror], DOWNLOAD).await;
    assert!(well, "{said}");
    assert_eq!(deb(&record).unwrap().via, Via::Fetched, "nothing wrong was kept");

    for (fault, class) in [(Fault::Flips, Class::Verification), (Fault::Dies, Class::Infrastructure)] {
        let dies = matches!(fault, Fault::Dies);
        let (first, next) = (repo.mirror().await.with(".deb", fault), repo.mirror().await);
        let sessions = Sessions::new(&bench, &chroot).await;
        let (well, said, record) = sessions.apt(&repo, &[&first, &next], DOWNLOAD).await;
        assert!(well, "{said}");
        assert_eq!(detours(&record), [class], "{record:?}");
        assert_eq!(deb(&record).unwrap().resumed > 0, dies, "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signed_index_ends_the_making_of_a_chroot_with_its_class() {
    let bench = Bench::with_fetch(cache(), impatient(true)).await;
    let (repo, host) = (Repo::new().await, bench.spec(Variant::Essential).await);
    let create = async |archive: &Archive| {
        let mut spec = host.clone();
        spec.archives.push(archive.clone());
        bench.manager.create(&bench.cx, &spec, &mut Discard).await
    };
    for (fault, class) in bad() {
        let mirror = repo.mirror().await.with("InRelease", fault.clone());
        let error = create(&repo.archive(&[&mirror])).await.unwrap_err();
        assert_eq!(error.class(), class, "{fault:?}: {error}");
    }

    // The newer one was seen.
    let older = fs::read(repo.folder().join("dists/stable/InRelease")).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    repo.publish("1.1").await;
    let (behind, next) = (repo.mirror().await, repo.mirror().await);
    let (alone, both) = (repo.archive(&[&behind]), repo.archive(&[&behind, &next]));
    for archive in [&alone, &both] {
        bench.reader.open(&bench.cx, archive).await.unwrap();
    }
    let behind = behind.with("InRelease", Fault::Says(older));
    let error = create(&alone).await.unwrap_err();
    assert_eq!((error.class(), error.to_string().contains("older")), (Class::Verification, true), "{error}");
    bench.reader.open(&bench.cx, &both).await.unwrap();
    drop(behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chroot_is_made_past_a_mirror_that_lies_about_everything() {
    let bench = Bench::with_fetch(cache(), impatient(true)).await;
    let repo = Repo::new().await;
    let liar = repo.mirror().await.with("InRelease", Fault::Flips).with("/binary-", Fault::Cuts);
    let (liar, next) = (liar.with(".deb", Fault::Flips), repo.mirror().await);
    let mut spec = bench.spec(Variant::Essential).await.with_include(vec![PackageName::new("own").unwrap()]);
    spec.archives.push(repo.archive(&[&liar, &next]));
    let chroot = bench.manager.create(&bench.cx, &spec, &mut Discard).await.unwrap();
    let lock = bench.manager.lock(chroot.id).unwrap();
    assert!(lock.packages.iter().any(|package| package.name.as_str() == "own"));
    bench.manager.remove(&bench.cx, chroot.id).await.unwrap();
}
