//! The rows of the reference's tables about chroots: one test for each row that no other test proves whole.
//!
//! `environments` has the rows about chroots among Debian's tools, `mock` those of what Mock does; docs/acceptance.md names the proofs of all.

mod environments;
mod mock;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    sync::Arc,
    time::{Duration, Instant},
};

use debbuild_chroot::{
    backend::{ChrootBackend, NspawnBackend, NspawnOptions, SchrootBackend, SchrootOptions},
    import::{ImportRequest, ImportSource},
    manager::Chroot,
};
use debbuild_core::{
    arch::Architecture,
    command::{CommandRunnerExt as _, CommandSpec},
    context::Context,
    deb::fixture::{entry, tarball},
    lock::LockFile,
    path::AbsPath,
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::{Ran, Sandbox},
};
use serde_json::Value;
use tar::EntryType;

fn well(ran: Ran) -> Ran {
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// Runs debbuild over the state that the tests share.
async fn common(user: &Sandbox, args: &[&str]) -> Ran {
    user.run([&["--home", cache().as_str(), "--format", "json"], args].concat()).await
}

/// The same, with the answer of what went well.
async fn answer(user: &Sandbox, args: &[&str]) -> Value {
    well(common(user, args).await).json()
}

/// Runs debbuild over the user's own state, and gives what it says.
async fn own(user: &Sandbox, args: &[&str]) -> String {
    well(user.run(args.iter().copied()).await).stdout
}

/// A string of an answer.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// The chroot of bookworm for builds that the tests share.
async fn buildd(user: &Sandbox) -> String {
    text(&answer(user, &["chroot", "create", "--suite", "bookworm"]).await, "id").to_owned()
}

/// debbuild with these arguments, started by another program.
fn by(user: &Sandbox, starter: &[&str], args: &[&str]) -> CommandSpec {
    let mut spec = user.command(args.iter().copied());
    let program = std::mem::replace(&mut spec.program, starter[0].to_owned());
    let rest = std::mem::take(&mut spec.args);
    spec.with_args(starter[1..].iter().copied()).with_arg(program).with_args(rest)
}

/// What starts a command that has no network at all.
fn cut(bench: &Bench) -> &'static [&'static str] {
    if bench.user.switch {
        &["unshare", "--net", "--"]
    } else {
        &["unshare", "--user", "--map-current-user", "--net", "--"]
    }
}

/// A user into whose folder the build user can pass.
fn passable() -> Sandbox {
    let user = Sandbox::new();
    fs::set_permissions(user.path(), fs::Permissions::from_mode(0o711)).unwrap();
    user
}

/// The same, with a state folder of its own that shares stored bytes, downloads and one chroot. Nothing may be collected in it.
fn linked(chroot: &str) -> Sandbox {
    let user = passable();
    let (shared, state) = (cache(), user.path().join("state"));
    fs::create_dir_all(state.join("chroots")).unwrap();
    for name in ["blobs", "gateway"] {
        symlink(shared.join(name), state.join(name)).unwrap();
    }
    let [shared, state] = [shared, state].map(|home| home.join("chroots").child(chroot).unwrap());
    symlink(shared, state).unwrap();
    user
}

/// An ordinary user with a folder of its own, in which debbuild is too: the build user where the tests run as root.
struct Ordinary {
    user: Sandbox,
    /// What starts a command as this user.
    starter: Vec<String>,
}

impl Ordinary {
    /// A new one; with `before`, this starts all its commands first.
    async fn new(bench: &Bench, before: &[&str]) -> Self {
        let user = passable();
        let program = user.command::<&str>([]).program;
        fs::copy(program, user.path().join("debbuild")).unwrap();
        let mut starter: Vec<String> = before.iter().map(|&word| word.to_owned()).collect();
        if bench.user.switch {
            let (uid, gid) = (bench.user.uid, bench.user.gid);
            let owner = format!("{uid}:{gid}");
            let give = CommandSpec::new("chown").with_args(["-R", owner.as_str(), user.path().as_str()]);
            bench.runner.output(&bench.cx, &give).await.unwrap();
            starter.extend(["setpriv".to_owned(), format!("--reuid={uid}"), format!("--regid={gid}")]);
            starter.extend(["--init-groups", "--"].map(str::to_owned));
        } else {
            starter.push("env".to_owned());
        }
        Self { user, starter }
    }

    async fn run(&self, program: &str, args: &[&str]) -> Ran {
        let spec = CommandSpec::new(self.starter[0].as_str()).with_args(&self.starter[1..]);
        let spec = spec.with_arg(program).with_args(args.iter().copied());
        self.user.spec(self.user.place(spec)).await
    }

    async fn debbuild(&self, args: &[&str]) -> Ran {
        self.run(self.user.path().join("debbuild").as_str(), args).await
    }
}

/// A mirror in `apt` of all that a lock names, with a package `own` of version 1.0, and the keyring that it is signed by.
async fn mirror(user: &Sandbox, lock: &LockFile) -> String {
    let (bench, debs) = (Bench::open(cache()).await, user.path().join("debs"));
    fs::create_dir(&debs).unwrap();
    for package in &lock.packages {
        let blob = bench.blobs.local(&bench.cx, package.sha256).await.unwrap();
        fs::copy(blob, debs.child(package.path.rsplit('/').next().unwrap()).unwrap()).unwrap();
    }
    let moments = "http://mirror.example/snapshots/@SNAPSHOTID@";
    own(user, &["repo", "init", "apt", "--suite", "bookworm", "--origin", "Own", "--snapshots", moments]).await;
    publish(user, "1.0").await;
    let exported = own(user, &["--format", "json", "repo", "key", "export", "apt", "-o", "keys"]).await;
    text(&serde_json::from_str(&exported).unwrap(), "keyring").to_owned()
}

/// Publishes the mirror with another version of `own`, and gives the time of the state as archives of snapshots spell it.
async fn publish(user: &Sandbox, version: &str) -> String {
    package(user, "own", version, None).await;
    own(user, &["repo", "add", "apt", "debs"]).await;
    own(user, &["repo", "publish", "apt"]).await;
    let states: Value = serde_json::from_str(&own(user, &["--format", "json", "repo", "states", "apt"]).await).unwrap();
    text(states.as_array().unwrap().last().unwrap(), "snapshot").to_owned()
}

/// Makes a small package in `debs`, with a postinst where there is a script, and gives its path.
async fn package(user: &Sandbox, name: &str, version: &str, postinst: Option<&str>) -> AbsPath {
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@mirror.example>\nDescription: own\n"
    );
    user.write(&format!("{name}/DEBIAN/control"), &control);
    if let Some(script) = postinst {
        user.write(&format!("{name}/DEBIAN/postinst"), script);
        let file = user.path().descend(&format!("{name}/DEBIAN/postinst")).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    user.write("debs/.keep", "");
    let build = CommandSpec::new("dpkg-deb").with_args(["--root-owner-group", "--build", name, "debs"]);
    well(user.spec(user.place(build)).await);
    user.path().descend(&format!("debs/{name}_{version}_all.deb")).unwrap()
}

/// Writes a profile of the mirror, or of what it was at a time.
fn profile(user: &Sandbox, file: &str, variant: &str, moment: Option<&str>, key: &str) {
    let apt = user.path().join("apt");
    let place = moment.map_or_else(|| apt.to_string(), |moment| format!("{apt}/snapshots/{moment}"));
    let profile = format!(
        "[profiles.own]\nsuite = 'bookworm'\nvariant = '{variant}'\nmirrors = ['file://{place}']\nkeyrings = ['{key}']\n\
         include = ['own']\n"
    );
    user.write(file, &profile);
}

/// The lock of a chroot that the tests share.
async fn lock_of(user: &Sandbox, id: &str) -> LockFile {
    LockFile::from_json(answer(user, &["lock", "show", id]).await.to_string().as_bytes()).unwrap()
}

/// The backends that this machine can open sessions by.
fn backends(bench: &Bench) -> Vec<Box<dyn ChrootBackend>> {
    let mut all: Vec<Box<dyn ChrootBackend>> = vec![Box::new(bench.backend.clone())];
    if bench.user.switch {
        let (bases, scratch) = (bench.home.join("bases"), bench.home.join("scratch"));
        let (runner, user) = (Arc::clone(&bench.runner), bench.user.clone());
        let options = SchrootOptions::new(Arc::clone(&runner), user.clone(), bases.clone(), scratch.clone());
        all.push(Box::new(SchrootBackend::new(options)));
        all.push(Box::new(NspawnBackend::new(NspawnOptions::new(runner, user, bases, scratch))));
    }
    all
}

/// The bytes of a small system that can be imported, with a file of this many bytes.
fn system(name: &str, size: usize) -> Vec<u8> {
    let installed = b"Package: dpkg\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
    tarball(&[
        entry(EntryType::Regular, "var/lib/dpkg/status", "", installed),
        entry(EntryType::Regular, "usr/lib/os-release", "", b"VERSION_CODENAME=bookworm\n"),
        entry(EntryType::Regular, "srv/data", "", name.repeat(size / name.len()).as_bytes()),
    ])
}

/// Imports such a system.
async fn import(bench: &Bench, cx: &Context, name: &str, size: usize) -> Chroot {
    let file = bench.home.child(&format!("{name}.tar")).unwrap();
    fs::write(&file, system(name, size)).unwrap();
    let request = ImportRequest::new(ImportSource::Tar(file.clone()), Architecture::new("amd64").unwrap());
    let chroot = bench.manager.import(cx, &request).await.unwrap();
    fs::remove_file(file).unwrap();
    chroot
}

/// What a folder takes on the disk, in bytes, as du(1) says it.
async fn disk(bench: &Bench, folder: &AbsPath) -> u64 {
    let du = CommandSpec::new("du").with_args(["--summarize", "--block-size=1", folder.as_str()]);
    let said = bench.runner.output(&bench.cx, &du).await.unwrap();
    String::from_utf8(said).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// The command lines of this machine's processes that have a word.
fn processes(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(word)).collect()
}

/// Waits until no process has any of these words and nothing is mounted at a path with one: what was killed takes a moment to go.
async fn gone(words: &[&str]) {
    let started = Instant::now();
    loop {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mounts = mounts.lines().filter(|line| words.iter().any(|word| line.contains(word)));
        let left: Vec<String> =
            words.iter().flat_map(|word| processes(word)).chain(mounts.map(str::to_owned)).collect();
        if left.is_empty() {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
