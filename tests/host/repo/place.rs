//! A throw-away place: real packages, a repository, a web server on loopback and an apt that knows nothing else.

use std::{
    fs,
    io::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use debbuild_core::{
    arch::Architecture,
    cancel::CancelToken,
    command::{Capture, CommandRunner as _, CommandRunnerExt as _, CommandSpec, OutputSink, Stream, SystemRunner},
    context::Context,
    name::{ComponentName, SuiteName},
    path::AbsPath,
    repo::{IndexFormat, Input, Placing, Repository, SuiteOptions},
    sign::{GpgOptions, GpgSigner, GpgvVerifier, Keyring, Signer as _},
};

pub(super) struct Place {
    _folder: tempfile::TempDir,
    pub(super) base: AbsPath,
    pub(super) cx: Context,
    pub(super) signer: GpgSigner,
    pub(super) architecture: Architecture,
}

/// What a command said and how it ended.
pub(super) struct Said {
    pub(super) status: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    /// Everything, and a failure when it did not end well or apt had something to complain about.
    pub(super) fn clean(self) -> Self {
        let complaint = |line: &str| ["W: ", "E: ", "N: ", "Err:", "Ign:"].iter().any(|mark| line.starts_with(mark));
        let complaints: Vec<&str> =
            self.stdout.lines().chain(self.stderr.lines()).filter(|line| complaint(line)).collect();
        assert!(self.status == 0 && complaints.is_empty(), "{}{}", self.stdout, self.stderr);
        self
    }
}

pub(super) async fn run(spec: CommandSpec) -> Said {
    let mut out = Capture::default();
    let exit = SystemRunner.run(&Context::new(), &spec, &mut out).await.unwrap();
    Said {
        status: exit.status.unwrap_or(-1),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

pub(super) async fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let options = GpgOptions::new(base.join("key"), AbsPath::new("/tmp").unwrap());
    let native = CommandSpec::new("dpkg").with_arg("--print-architecture");
    let native = SystemRunner.output(&Context::new(), &native).await.unwrap();
    let architecture = Architecture::new(String::from_utf8(native).unwrap().trim()).unwrap();
    let signer = GpgSigner::new(Arc::new(SystemRunner), options);
    Place { _folder: folder, base, cx: Context::new(), signer, architecture }
}

pub(super) fn stable() -> SuiteName {
    SuiteName::new("stable").unwrap()
}

pub(super) fn main_component() -> ComponentName {
    ComponentName::new("main").unwrap()
}

impl Place {
    pub(super) fn dir(&self) -> AbsPath {
        self.base.join("repo")
    }

    pub(super) fn verifier(&self) -> GpgvVerifier {
        GpgvVerifier::new(Arc::new(SystemRunner), self.base.join("scratch"))
    }

    pub(super) async fn keys(&self) -> Keyring {
        Keyring::Bytes(self.signer.public_key(&self.cx).await.unwrap())
    }

    pub(super) async fn repository(&self) -> Repository {
        let options = SuiteOptions::new(stable(), vec![self.architecture.clone()]).with_formats(vec![
            IndexFormat::Plain,
            IndexFormat::Gzip,
            IndexFormat::Xz,
            IndexFormat::Zstd,
        ]);
        let options = options.with_contents(false).with_translations(false);
        Repository::init(&self.cx, self.dir(), options).await.unwrap()
    }

    /// Another repository with the same suite.
    pub(super) async fn other_repository(&self, name: &'static str) -> Repository {
        let options = SuiteOptions::new(stable(), vec![self.architecture.clone()]);
        Repository::init(&self.cx, self.base.join(name), options).await.unwrap()
    }

    /// A real package, made by dpkg-deb.
    pub(super) async fn package(&self, name: &str, version: &str, more: &str) -> Input {
        let tree = self.base.child(&format!("tree-{name}-{}", version.replace([':', '/'], "_"))).unwrap();
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::create_dir_all(tree.join("usr/share/doc").child(name).unwrap()).unwrap();
        fs::write(tree.join("usr/share/doc").child(name).unwrap().join("README"), format!("{name} {version}\n"))
            .unwrap();
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {}\nMaintainer: Archive <archive@example.org>\n{more}\
             Section: misc\nPriority: optional\nDescription: a package called {name}\n It has a long description\n .\n   with a list.\n",
            self.architecture
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let debs = self.base.join("debs");
        fs::create_dir_all(&debs).unwrap();
        let file = debs.child(&format!("{name}_{}_{}.deb", version.replace(':', "%3a"), self.architecture)).unwrap();
        let spec =
            CommandSpec::new("dpkg-deb").with_args(["--root-owner-group", "--build", tree.as_str(), file.as_str()]);
        run(spec).await.clean();
        Input::by_name(file).unwrap()
    }

    /// A real native source package, made by dpkg-source.
    pub(super) async fn source(&self, name: &str) -> Input {
        let tree = self.base.child(&format!("{name}-1.0")).unwrap();
        fs::create_dir_all(tree.join("debian/source")).unwrap();
        fs::write(tree.join("debian/source/format"), "3.0 (native)\n").unwrap();
        fs::write(tree.join("debian/rules"), "#!/usr/bin/make -f\n%:\n\tdh $@\n").unwrap();
        let control = format!(
            "Source: {name}\nSection: misc\nPriority: optional\nMaintainer: Archive <archive@example.org>\n\
             Build-Depends: debhelper-compat (= 13)\nStandards-Version: 4.6.2\n\n\
             Package: {name}\nArchitecture: any\nDescription: a package\n A package.\n"
        );
        fs::write(tree.join("debian/control"), control).unwrap();
        let changelog = format!(
            "{name} (1.0) stable; urgency=medium\n\n  * First.\n\n -- Archive <archive@example.org>  Sat, 10 May 2025 09:16:05 +0000\n"
        );
        fs::write(tree.join("debian/changelog"), changelog).unwrap();
        let spec = CommandSpec::new("dpkg-source").with_args(["--build", tree.as_str()]).with_cwd(self.base.clone());
        assert_eq!(run(spec).await.status, 0);
        Input::by_name(self.base.child(&format!("{name}_1.0.dsc")).unwrap()).unwrap()
    }

    pub(super) async fn add(&self, repository: &Repository, inputs: Vec<Input>) {
        repository.add(&self.cx, &stable(), &main_component(), inputs, Placing::Copy).await.unwrap();
    }

    /// An apt tree that knows only our suite under this URI, by the exported key.
    pub(super) async fn apt(&self, repository: &Repository, uri: &str) -> Apt {
        let key = repository.export_key(&self.cx, &stable(), uri, &self.signer).await.unwrap();
        self.apt_with("ours.sources", &key.sources)
    }

    /// An apt tree that knows only these sources.
    pub(super) fn apt_with(&self, name: &str, sources: &str) -> Apt {
        let dir = self.base.child(&format!("apt-{}", fs::read_dir(&self.base).unwrap().count())).unwrap();
        for folder in ["lists/partial", "cache/archives/partial", "sources.d", "empty"] {
            fs::create_dir_all(dir.descend(folder).unwrap()).unwrap();
        }
        fs::write(dir.join("status"), "").unwrap();
        fs::write(dir.join("sources.d").child(name).unwrap(), sources).unwrap();
        let mut conf = fs::File::create(dir.join("apt.conf")).unwrap();
        for (name, value) in [
            ("Dir::Etc::Parts", "/dev/null"),
            ("Dir::Etc::Main", "/dev/null"),
            ("Dir::Etc::SourceList", "/dev/null"),
            ("Dir::Etc::SourceParts", dir.join("sources.d").as_str()),
            ("Dir::Etc::Preferences", "/dev/null"),
            ("Dir::Etc::PreferencesParts", dir.join("empty").as_str()),
            ("Dir::Etc::Trusted", "/dev/null"),
            ("Dir::Etc::TrustedParts", dir.join("empty").as_str()),
            ("Dir::State", dir.as_str()),
            ("Dir::State::Lists", dir.join("lists").as_str()),
            ("Dir::State::Status", dir.join("status").as_str()),
            ("Dir::Cache", dir.join("cache").as_str()),
            ("Dir::Log", dir.as_str()),
            ("APT::Architecture", self.architecture.as_str()),
            ("APT::Architectures", self.architecture.as_str()),
            // The tree lies in a folder that apt's own user may not enter.
            ("APT::Sandbox::User", "root"),
            ("Acquire::Check-Valid-Until", "true"),
            ("Acquire::Check-Date", "true"),
            ("Acquire::Languages", "none"),
            ("Acquire::Retries", "0"),
        ] {
            writeln!(conf, "{name} \"{value}\";").unwrap();
        }
        Apt { dir }
    }

    /// Serves the repository's folder on loopback until the server is dropped.
    pub(super) async fn serve(&self) -> Server {
        fs::create_dir_all(self.dir()).unwrap();
        let log = Log::default();
        let cancel = CancelToken::new();
        let cx = Context::new().with_cancel(cancel.clone());
        let spec = CommandSpec::new("python3").with_args([
            "-u",
            "-m",
            "http.server",
            "0",
            "--bind",
            "127.0.0.1",
            "--directory",
            self.dir().as_str(),
        ]);
        let mut sink = log.clone();
        let task = tokio::spawn(async move {
            let _ended = SystemRunner.run(&cx, &spec, &mut sink).await;
        });
        for _ in 0..200 {
            let text = log.text();
            if let Some(port) = text.split(" port ").nth(1).and_then(|rest| rest.split(' ').next()) {
                return Server { uri: format!("http://127.0.0.1:{port}"), log, cancel, _task: task };
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no server: {}", log.text());
    }
}

pub(super) struct Apt {
    pub(super) dir: AbsPath,
}

impl Apt {
    pub(super) async fn get(&self, args: &[&str]) -> Said {
        let conf = self.dir.join("apt.conf");
        let spec = CommandSpec::new("apt-get").with_args(["-c", conf.as_str()]).with_args(args.iter().copied());
        run(spec.with_cwd(self.dir.clone()).with_env("DEBIAN_FRONTEND", "noninteractive")).await
    }

    /// What apt-cache or apt says.
    pub(super) async fn ask(&self, tool: &str, args: &[&str]) -> String {
        let conf = self.dir.join("apt.conf");
        let spec = CommandSpec::new(tool).with_args(["-c", conf.as_str()]).with_args(args.iter().copied());
        let said = run(spec.with_cwd(self.dir.clone())).await;
        assert_eq!(said.status, 0, "{tool} {args:?}: {}", said.stderr);
        said.stdout
    }

    pub(super) async fn update(&self, more: &[&str]) -> Said {
        self.get(&[&["update", "--error-on=any"], more].concat()).await
    }

    /// Forgets everything that was fetched.
    pub(super) fn forget(&self) {
        for folder in ["lists", "cache/archives"] {
            let folder = self.dir.descend(folder).unwrap();
            fs::remove_dir_all(&folder).unwrap();
            fs::create_dir_all(folder.join("partial")).unwrap();
        }
    }
}

pub(super) struct Server {
    pub(super) uri: String,
    pub(super) log: Log,
    cancel: CancelToken,
    _task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl OutputSink for Log {
    fn write(&mut self, _: Stream, bytes: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().extend(bytes);
        Ok(())
    }
}
