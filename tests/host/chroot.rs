//! Chroots by the real tools: made once, named by content, confined, thrown away, for root and for an ordinary user.

use std::{
    fs,
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use debbuild_chroot::{
    backend::{ChrootBackend as _, NspawnBackend, NspawnOptions, SessionCommand, SessionOptions, conformance},
    create::Variant,
    gateway::{AllowedArchive, GatewayOptions},
    manager::{Chroot, ChrootSpec},
};
use debbuild_core::{
    acquire::fetch::{Fetch, FetchError, FetchRequest, Fetched, HttpOptions, SchemeFetch},
    command::{Capture, CommandSpec, OutputSink, Stdin, Stream},
    context::Context,
    error::{Class, Classify as _},
    path::AbsPath,
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::Sandbox,
};

/// Shows a tool's output when a test fails.
struct Show;

impl OutputSink for Show {
    #[expect(clippy::print_stderr, reason = "test output")]
    fn write(&mut self, _: Stream, bytes: &[u8]) -> std::io::Result<()> {
        eprint!("{}", String::from_utf8_lossy(bytes));
        Ok(())
    }
}

/// The network, of which everything whose address holds this text is unreachable.
#[derive(Debug)]
pub(crate) struct Cut(SchemeFetch, &'static str);

impl Cut {
    pub(crate) fn new(text: &'static str) -> Arc<Self> {
        Arc::new(Self(SchemeFetch::with_http(HttpOptions::new()).unwrap(), text))
    }
}

#[async_trait]
impl Fetch for Cut {
    async fn fetch(&self, cx: &Context, request: &FetchRequest, to: &AbsPath) -> Result<Fetched, FetchError> {
        let uri = request.uri.clone();
        if uri.as_str().contains(self.1) {
            return Err(FetchError::Unreachable { uri, reason: "the cable is cut".to_owned() });
        }
        self.0.fetch(cx, request, to).await
    }
}

/// The small chroot that the tests share, and the request for it.
pub(crate) async fn shared(bench: &Bench) -> (ChrootSpec, Chroot) {
    let spec = bench.spec(Variant::Apt).await;
    let chroot = bench.manager.create(&bench.cx, &spec, &mut Show).await.unwrap();
    (spec, chroot)
}

pub(crate) fn archives(spec: &ChrootSpec) -> GatewayOptions {
    let mut all: Vec<AllowedArchive> = Vec::new();
    for archive in &spec.archives {
        let allowed = AllowedArchive::new(&archive.name, archive.uris[0].clone());
        if all.iter().all(|other| other.bases != allowed.bases) {
            all.push(allowed);
        }
    }
    GatewayOptions::new(all)
}

pub(crate) fn folder() -> (tempfile::TempDir, AbsPath) {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let path = AbsPath::new(folder.path()).unwrap();
    // Mapped users pass through.
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    (folder, path)
}

#[tokio::test]
async fn sessions_conform() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let (_folder, scratch) = folder();
    let base = chroot.reference();
    // What a failed run left would hold the chroot for ever.
    let long_ago = |since| bench.cx.now().since(since) > Duration::from_secs(3600);
    for old in bench.backend.lasting().unwrap().iter().filter(|one| long_ago(one.since)) {
        bench.backend.end(&bench.cx, old.id).await.unwrap();
    }
    conformance::statuses_pass(&bench.backend, &base).await;
    conformance::sessions_are_thrown_away(&bench.backend, &base, "/etc/debian_version").await;
    conformance::capabilities_hold(&bench.backend, &base).await;
    conformance::files_travel(&bench.backend, &base, &scratch).await;
    conformance::snapshots_hold(&bench.backend, &base, "/etc/debian_version").await;
    conformance::sessions_last(&bench.backend, &base).await;
    conformance::use_is_respected(&bench.backend, &base).await;
}

#[tokio::test]
async fn sessions_by_nspawn_conform() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let (bases, scratch) = (bench.home.join("bases"), bench.home.join("scratch"));
    let options = NspawnOptions::new(Arc::clone(&bench.runner), bench.user.clone(), bases, scratch);
    let backend = NspawnBackend::new(options);
    let base = chroot.reference();
    if !bench.user.switch {
        let refused = backend.open(&bench.cx, &base, &SessionOptions::new()).await.unwrap_err();
        assert_eq!(refused.class(), Class::Usage, "{refused}");
        return;
    }
    let (_folder, place) = folder();
    conformance::statuses_pass(&backend, &base).await;
    conformance::sessions_are_thrown_away(&backend, &base, "/etc/debian_version").await;
    conformance::capabilities_hold(&backend, &base).await;
    conformance::files_travel(&backend, &base, &place).await;
    conformance::snapshots_hold(&backend, &base, "/etc/debian_version").await;
    conformance::sessions_last(&backend, &base).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut session = backend.open(&bench.cx, &base, &SessionOptions::new()).await.unwrap();
    let exit = session.run(&bench.cx, &knock(port), &mut Show).await.unwrap();
    assert_ne!(exit.status, Some(0), "the host's loopback was reached");
    session.close(&bench.cx).await.unwrap();
    conformance::use_is_respected(&backend, &base).await;
    let user = Sandbox::new();
    let run = async |set: &[&str], command: &[&str]| {
        let id = chroot.id.to_string();
        let using = ["--format", "json", "--home", bench.home.as_str(), "--set", "chroots.backend=nspawn"];
        user.run([&using, set, &["chroot", "run", &id, "--"], command].concat()).await
    };
    let unsaid = run(&[], &["true"]).await;
    assert_eq!((unsaid.status, &unsaid.error()["class"]), (125, &"config".into()), "{unsaid:?}");
    let said = run(&["--set", "chroots.privileged=true"], &["sh", "-c", "cat /proc/1/comm; exit 9"]).await;
    assert_eq!((said.status, said.stdout.as_str()), (9, "(sd-stubinit)\n"), "{said:?}");
}

/// Puts a state folder on an overlay over the shared one, where nobody else sees it, and with `none` takes overlays from all others.
const ON_AN_OVERLAY: &str = r#"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/home" || exit 99
    if [ "$3" = none ]; then
        cp /usr/bin/mount "$2/real" && chmod 0755 "$2/real" "$2/mount" && mount --bind "$2/mount" /usr/bin/mount || exit 99
    fi
    exec "$4" --home "$2/home" chroot run "$5" -- sh -c 'rm -r /opt; mkdir /opt; echo new >/opt/new; ls /opt; df --output=fstype / | tail -n 1'
"#;

#[tokio::test]
async fn where_no_overlay_can_lie_sessions_are_kept_in_memory() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    // Only root mounts what is to be the place.
    if !bench.user.switch {
        return;
    }
    // Its base is unpacked.
    let session = bench.backend.open(&bench.cx, &chroot.reference(), &SessionOptions::new()).await.unwrap();
    session.close(&bench.cx).await.unwrap();
    for (overlays, kind) in [("some", "overlay"), ("none", "tmpfs")] {
        let user = Sandbox::new();
        fs::set_permissions(user.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        for folder in ["upper", "work", "home"] {
            fs::create_dir(user.path().child(folder).unwrap()).unwrap();
        }
        let real = user.path().child("real").unwrap();
        user.write(
            "mount",
            &format!("#!/bin/sh\ncase \" $* \" in *\" overlay \"*) exit 32 ;; esac\nexec {real} \"$@\"\n"),
        );
        let (id, binary) = (chroot.id.to_string(), user.command([""; 0]).program);
        let unshare = CommandSpec::new("unshare").with_args(["--mount", "sh", "-c", ON_AN_OVERLAY, "place"]);
        let unshare =
            unshare.with_args([cache().as_str(), user.path().as_str(), overlays]).with_arg(binary).with_arg(id);
        let said = user.spec(user.place(unshare)).await;
        assert_eq!((said.status, said.stdout), (0, format!("new\n{kind}\n")), "{}", said.stderr);
    }
}

#[tokio::test]
async fn a_backend_of_ones_own_is_short() {
    let own = include_str!("../../examples/chroot_backend.rs").split("#[tokio::main]").next().unwrap();
    assert!(own.lines().count() < 60, "{}", own.lines().count());
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let user = Sandbox::new();
    for (script, said, status) in [("cat /etc/debian_version; ls /proc | grep -c 999999", "12", 1), ("exit 7", "", 7)] {
        let ran = user.example("chroot_backend", &[chroot.tarball.as_str(), "sh", "-c", script]).await;
        assert!(ran.status == status && ran.stdout.starts_with(said), "{ran:?}");
    }
    let missing = user.example("chroot_backend", &[chroot.tarball.as_str(), "no-such-program"]).await;
    assert_eq!(missing.status, 127, "{missing:?}");
}

#[tokio::test]
async fn a_second_create_needs_no_network() {
    let cx = Context::new();
    let bench = Bench::open(cache()).await;
    let (spec, chroot) = shared(&bench).await;
    let dead = Bench::with_fetch(cache(), Cut::new("")).await;
    assert_eq!(dead.manager.create(&cx, &spec, &mut Show).await.unwrap(), chroot);
}

#[tokio::test]
async fn a_lock_gives_the_same_chroot_without_network() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let lock = bench.manager.lock(chroot.id).unwrap();
    assert!(lock.packages.len() > 50 && lock.packages.iter().any(|package| package.name.as_str() == "apt"));
    // Another catalogue over the same bytes, with every cable cut.
    let (_folder, home) = folder();
    std::os::unix::fs::symlink(cache().join("blobs"), home.join("blobs")).unwrap();
    let other = Bench::with_fetch(home, Cut::new("")).await;
    let again = other.manager.create_locked(&other.cx, &lock, &mut Show).await.unwrap();
    assert_eq!(again.id, chroot.id);
    assert_eq!(again.manifest.tarball, chroot.manifest.tarball, "byte for byte");
    assert_ne!(again.tarball, chroot.tarball);
}

#[tokio::test]
async fn dead_upstreams_are_infrastructure_and_leave_nothing() {
    let live = Bench::open(cache()).await;
    let spec = live.spec(Variant::Essential).await;
    for cut in ["", "/pool/", "/binary-"] {
        let (_folder, home) = folder();
        let bench = Bench::with_fetch(home.clone(), Cut::new(cut)).await;
        let error = bench.manager.create(&bench.cx, &spec, &mut Show).await.unwrap_err();
        assert_eq!(error.class(), Class::Infrastructure, "{cut}: {error}");
        assert!(error.to_string().contains("cable is cut"), "{cut}: {error}");
        assert!(bench.manager.list().unwrap().is_empty());
        let scratch = home.join("scratch");
        let left = if scratch.as_std().exists() { fs::read_dir(&scratch).unwrap().count() } else { 0 };
        assert_eq!(left, 0, "{cut}: nothing half-made is left");
    }
}

/// A script that fails unless it can connect to this port of 127.0.0.1, with nothing but bash.
pub(crate) fn knock(port: u16) -> SessionCommand {
    let script = r#"exec 3<>"/dev/tcp/127.0.0.1/$1""#;
    SessionCommand::new(["bash", "-c", script, "bash", &port.to_string()])
}

#[tokio::test]
async fn a_session_reaches_the_archives_and_nothing_else() {
    let bench = Bench::open(cache()).await;
    let (spec, chroot) = shared(&bench).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let outside = CommandSpec::new("bash").with_args(["-c", &format!("exec 3<>/dev/tcp/127.0.0.1/{port}")]);
    assert!(bench.runner.run(&bench.cx, &outside, &mut Show).await.unwrap().success(), "the listener listens");
    assert!(listener.accept().is_ok());

    for options in [SessionOptions::new(), SessionOptions::new().with_gateway(Some(archives(&spec)))] {
        let open = options.gateway.is_some();
        let mut session = bench.backend.open(&bench.cx, &chroot.reference(), &options).await.unwrap();
        let exit = session.run(&bench.cx, &knock(port), &mut Show).await.unwrap();
        assert_ne!(exit.status, Some(0), "the host's loopback was reached");
        if !open {
            session.close(&bench.cx).await.unwrap();
            continue;
        }
        let mut said = Capture::default();
        let update = SessionCommand::new(["apt-get", "update"]);
        let exit = session.run(&bench.cx, &update, &mut said).await.unwrap();
        let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        assert!(exit.success() && !text.contains("W:"), "{text}");
        assert!(session.record().has_release());
        // An archive that is not allowed.
        let line = "deb [trusted=yes] http://elsewhere.example/debian bookworm main\n";
        let tee = SessionCommand::new(["tee", "/tmp/elsewhere.list"]).with_stdin(Stdin::Bytes(line.into()));
        assert!(session.run(&bench.cx, &tee, &mut Show).await.unwrap().success());
        let options = ["Acquire::Retries=0", "Dir::Etc::sourceparts=-", "Dir::Etc::sourcelist=/tmp/elsewhere.list"];
        let options = options.into_iter().flat_map(|option| ["-o", option]);
        let command = SessionCommand::new(["apt-get", "update"].into_iter().chain(options));
        assert!(!session.run(&bench.cx, &command, &mut Show).await.unwrap().success());
        assert!(session.record().refused.iter().any(|line| line.contains("elsewhere.example")));
        session.close(&bench.cx).await.unwrap();
    }
    assert!(listener.accept().is_err(), "somebody came from inside");
}

#[tokio::test]
async fn a_hook_of_the_chroot_cannot_reach_the_host() {
    let bench = Bench::open(cache()).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let text =
        format!("#!/bin/bash\nif (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; then touch \"$1/reached\"; fi\n");
    let hook = debbuild_chroot::create::Hook { name: "knock".to_owned(), text };
    let (_folder, home) = folder();
    std::os::unix::fs::symlink(cache().join("blobs"), home.join("blobs")).unwrap();
    std::os::unix::fs::symlink(cache().join("gateway"), home.join("gateway")).unwrap();
    let other = Bench::open(home).await;
    let spec = bench.spec(Variant::Essential).await.with_hooks(vec![hook]);
    let chroot = other.manager.create(&other.cx, &spec, &mut Show).await.unwrap();
    let mut archive = tar::Archive::new(fs::File::open(&chroot.tarball).unwrap());
    let names: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
    assert!(names.len() > 1000 && !names.iter().any(|path| path.ends_with("reached")));
    assert!(listener.accept().is_err(), "somebody came from inside");
    other.manager.remove(&other.cx, chroot.id).await.unwrap();
    assert!(other.manager.list().unwrap().is_empty());
}

/// Told to the process that is to be killed: it is this test started again.
const DRIVER: &str = "DEBBUILD_TEST_CHROOT_DRIVER";

/// What the process does that [`a_killed_driver_leaves_no_process_and_nothing_after_a_reap`] kills.
async fn drive() {
    let bench = Bench::open(cache()).await;
    let (_, chroot) = shared(&bench).await;
    let mut session = bench.backend.open(&bench.cx, &chroot.reference(), &SessionOptions::new()).await.unwrap();
    let sleep = SessionCommand::new(["sh", "-c", "setsid sleep 98761 & setsid sleep 98761; wait"]);
    drop(session.run(&bench.cx, &sleep, &mut Show).await);
}

fn sleepers() -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter(|entry| fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == b"sleep\x0098761\0")).count()
}

pub(crate) async fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a process of our own, to be killed by its id")]
async fn a_killed_driver_leaves_no_process_and_nothing_after_a_reap() {
    if std::env::var_os(DRIVER).is_some() {
        return drive().await;
    }
    let bench = Bench::open(cache()).await;
    drop(shared(&bench).await);
    bench.manager.reap(&bench.cx).await.unwrap();
    let mut driver = std::process::Command::new("/proc/self/exe")
        .args(["--exact", "chroot::a_killed_driver_leaves_no_process_and_nothing_after_a_reap"])
        .env(DRIVER, "1")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the command runs", || sleepers() == 2).await;
    driver.kill().unwrap();
    driver.wait().unwrap();
    until("every process is gone", || sleepers() == 0).await;
    let scratch = bench.home.join("scratch");
    assert!(fs::read_dir(&scratch).unwrap().count() > 0, "kill -9 leaves the folder");
    bench.manager.reap(&bench.cx).await.unwrap();
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
}
