//! The resolver on the host's own archive, against apt and dose.

mod closure;
mod edsp;
mod orders;
mod preferences;
mod problem;
mod reasons;
mod seeds;
mod sources;
mod tree;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use debbuild_core::{
    arch::Architecture,
    command::{Capture, CommandRunner as _, CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
    control::{SourceControl, read_sources},
    relation::Relations,
    resolve::{
        Answer, BuildDeps, Install, PRIORITY, PackageIndex, Question, Recommends, Resolver as _, SatResolver, Universe,
        UniverseOptions, Versions, installability,
    },
};

async fn output(program: &str, args: &[&str]) -> Vec<u8> {
    SystemRunner.output(&Context::new(), &CommandSpec::new(program).with_args(args)).await.unwrap()
}

/// The Packages files that the host's apt has, uncompressed.
async fn indexes() -> Vec<String> {
    let files = output("apt-get", &["indextargets", "--format", "$(FILENAME)", "Created-By: Packages"]).await;
    let files = String::from_utf8(files).unwrap();
    let mut texts = Vec::new();
    for file in files.lines() {
        texts.push(String::from_utf8(output("/usr/lib/apt/apt-helper", &["cat-file", file]).await).unwrap());
    }
    assert!(!texts.is_empty(), "the host's apt has no Packages file: run apt-get update");
    texts
}

fn amd64() -> Architecture {
    Architecture::new("amd64").unwrap()
}

fn universe(texts: Vec<String>, versions: Versions) -> Universe {
    let parse = |(at, text): (usize, String)| {
        let index = PackageIndex::parse(&format!("index {at}"), text);
        assert!(index.problems().is_empty(), "{:?}", &index.problems()[..1]);
        (Arc::new(index), PRIORITY)
    };
    let options = UniverseOptions::new(amd64()).with_versions(versions);
    Universe::new(options, texts.into_iter().enumerate().map(parse))
}

/// What apt would install on an empty system; `None` when it refuses.
async fn apt_installs(tree: &Path, seeds: &[&str], recommends: bool) -> Option<BTreeSet<String>> {
    apt(tree, "install", seeds, recommends).await
}

async fn apt(tree: &Path, verb: &str, seeds: &[&str], recommends: bool) -> Option<BTreeSet<String>> {
    let tree = tree.to_str().unwrap();
    let options = [
        format!("Dir::State::status={tree}/status"),
        format!("Dir::Cache={tree}"),
        "Dir::Cache::pkgcache=pkgcache.bin".to_owned(),
        "Dir::Cache::srcpkgcache=srcpkgcache.bin".to_owned(),
        "Dir::Etc::Parts=/dev/null".to_owned(),
        "Debug::NoLocking=1".to_owned(),
        format!("APT::Install-Recommends={recommends}"),
    ];
    let options = options.iter().flat_map(|option| ["-o", option]);
    let spec = CommandSpec::new("apt-get").with_args(["-s", verb]).with_args(seeds).with_args(options);
    let mut said = Capture::default();
    let exit = SystemRunner.run(&Context::new(), &spec, &mut said).await.unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    let name = |line: &str| line.strip_prefix("Inst ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    exit.success().then(|| text.lines().filter_map(name).collect())
}

fn ours(universe: &Universe, question: &Question) -> Option<BTreeSet<String>> {
    match SatResolver::new().answer(&Context::new(), universe, question).unwrap() {
        Answer::Satisfied(solution) => {
            Some(solution.packages.iter().map(|selected| selected.package.package.to_string()).collect())
        }
        Answer::Unsatisfiable(why) => {
            assert!(!why.sentences.is_empty());
            None
        }
        other => panic!("{other:?}"),
    }
}

const SEEDS: [&str; 40] = [
    "hello",
    "gcc",
    "build-essential",
    "debhelper",
    "python3",
    "perl",
    "systemd",
    "systemd-sysv",
    "openssh-server",
    "nginx",
    "apache2",
    "postgresql",
    "mariadb-server",
    "git",
    "curl",
    "vim",
    "emacs-nox",
    "tmux",
    "ostree",
    "dracut-core",
    "linux-image-amd64",
    "live-boot",
    "grub-pc",
    "grub-efi-amd64",
    "network-manager",
    "gnome-calculator",
    "xterm",
    "firefox-esr",
    "libreoffice-calc",
    "openjdk-17-jdk",
    "ruby",
    "nodejs",
    "golang-go",
    "rustc",
    "cmake",
    "docker.io",
    "podman",
    "exim4",
    "mutt",
    "task-gnome-desktop",
];

/// What is only in the first, and only in the second.
fn differences<'a>(a: &'a BTreeSet<String>, b: &'a BTreeSet<String>) -> (Vec<&'a String>, Vec<&'a String>) {
    (a.difference(b).collect(), b.difference(a).collect())
}

#[tokio::test]
async fn apt_installs_the_same() {
    let tree = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::write(tree.path().join("status"), "").unwrap();
    let universe = universe(indexes().await, Versions::Candidate);
    let mut others = Vec::new();
    for seed in SEEDS {
        let question = Question::Install(Install::new(Relations::parse(seed).unwrap()));
        let (theirs, ours) = (apt_installs(tree.path(), &[seed], false).await, ours(&universe, &question));
        let (Some(theirs), Some(ours)) = (&theirs, &ours) else { panic!("{seed}: apt {theirs:?}, we {ours:?}") };
        if theirs != ours {
            // apt goes through the alternatives in its order, and may have taken one that is not needed in the end. Then what
            // we chose must be something that apt takes as it is.
            let (only_apt, only_we) = differences(theirs, ours);
            assert!(only_apt.len() + only_we.len() <= theirs.len() / 50, "{seed}: apt {only_apt:?}, we {only_we:?}");
            let names: Vec<&str> = ours.iter().map(String::as_str).collect();
            assert_eq!(apt_installs(tree.path(), &names, false).await.as_ref(), Some(ours), "{seed}");
            others.push(seed);
        }
    }
    assert!(others.len() <= 2, "apt and we differ about {others:?}");
}

#[tokio::test]
async fn apt_refuses_any_where_it_is_not_allowed() {
    let tree = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::write(tree.path().join("status"), "").unwrap();
    let universe = universe(indexes().await, Versions::Candidate);
    // dose takes the first; apt and dpkg do not.
    for (relation, expected) in [("hello:any", false), ("python3:any", true), ("hello (>= 99) | perl:any", true)] {
        let ours = ours(&universe, &Question::Install(Install::new(Relations::parse(relation).unwrap())));
        let theirs = apt(tree.path(), "satisfy", &[relation], false).await;
        assert_eq!((ours.is_some(), theirs.is_some()), (expected, expected), "{relation}");
    }
}

#[tokio::test]
async fn apt_recommends_the_same() {
    let tree = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::write(tree.path().join("status"), "").unwrap();
    let universe = universe(indexes().await, Versions::Candidate);
    for seed in ["openssh-server", "git", "network-manager", "podman", "systemd", "build-essential", "xterm"] {
        let seeds = Relations::parse(seed).unwrap();
        let question = Question::Install(Install::new(seeds).with_recommends(Recommends::Install));
        let (theirs, ours) = (apt_installs(tree.path(), &[seed], true).await, ours(&universe, &question));
        let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
        assert_eq!(differences(&ours, &theirs), (Vec::new(), Vec::new()), "{seed}: only we, and only apt");
    }
}

/// Runs a checker of dose on files, and returns the names that it finds broken. Its status says whether there are any.
async fn dose_broken(program: &str, args: &[&str]) -> BTreeSet<String> {
    let mut said = Capture::default();
    let spec = CommandSpec::new(program).with_args(["--deb-native-arch=amd64", "--failures"]).with_args(args);
    SystemRunner.run(&Context::new(), &spec, &mut said).await.unwrap();
    let report = String::from_utf8(said.stdout).unwrap();
    assert!(report.contains("broken-packages:"), "{report}{}", String::from_utf8_lossy(&said.stderr));
    let names = report.lines().filter_map(|line| line.strip_prefix("  package: "));
    names.map(|name| name.trim_start_matches("src:").to_owned()).collect()
}

#[tokio::test]
async fn dose_finds_the_same_packages_broken() {
    let main = indexes().await.remove(0);
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = folder.path().join("Packages");
    std::fs::write(&file, &main).unwrap();
    let broken = dose_broken("dose-debcheck", &[file.to_str().unwrap()]).await;
    assert!(!broken.is_empty(), "an archive in which nothing is broken shows little");

    let universe = universe(vec![main], Versions::All);
    let found = installability(&Context::new(), &SatResolver::new(), &universe).unwrap();
    let ours: BTreeSet<String> = found.broken.iter().map(|broken| broken.package.to_string()).collect();
    assert_eq!((ours, found.unknown.len()), (broken, 0), "of {} packages", found.checked);
}

/// Source packages that depend on much, on what is not there, on what is excluded, and on what conflicts.
fn sources() -> String {
    let mut relations: Vec<String> =
        (0..20).map(|at| format!("Build-Depends: {}, {}", SEEDS[at], SEEDS[(at * 7 + 3) % SEEDS.len()])).collect();
    relations.extend(
        [
            "Build-Depends: hello (>= 99)",
            "Build-Depends: no-such-package | hello",
            "Build-Depends: no-such-package [i386], hello",
            "Build-Depends: no-such-package [linux-any]",
            "Build-Depends: no-such-package <nocheck>",
            "Build-Depends: no-such-package <!nocheck>",
            "Build-Depends: exim4-daemon-light, postfix",
            "Build-Depends: dracut-core, initramfs-tools",
            "Build-Depends: dracut, initramfs-tools",
            "Build-Depends: python3:any, hello:native",
            "Build-Depends: hello\nBuild-Conflicts: hello",
            "Build-Depends: hello\nBuild-Conflicts: hello (<< 1)",
            "Build-Depends: awk, mail-transport-agent, perl (>= 5), libc-dev",
        ]
        .map(str::to_owned),
    );
    let stanza = |(at, relations): (usize, String)| {
        format!(
            "Package: src{at}\nVersion: 1\nFormat: 1.0\nArchitecture: any\n{relations}\nDirectory: pool\nChecksums-Sha256:\n \
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 1 src.tar.gz\n"
        )
    };
    relations.into_iter().enumerate().map(stanza).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn dose_finds_the_same_sources_unbuildable() {
    let main = indexes().await.remove(0);
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let (packages, list) = (folder.path().join("Packages"), folder.path().join("Sources"));
    std::fs::write(&packages, &main).unwrap();
    std::fs::write(&list, sources()).unwrap();
    let broken = dose_broken("dose-builddebcheck", &[packages.to_str().unwrap(), list.to_str().unwrap()]).await;

    let universe = universe(vec![main], Versions::All);
    let (sources, problems) = read_sources(&sources());
    assert!(problems.is_empty(), "{problems:?}");
    let unbuildable = |source: &SourceControl| {
        ours(&universe, &Question::BuildDeps(Box::new(BuildDeps::new(source.clone(), amd64())))).is_none()
    };
    let found: BTreeSet<String> =
        sources.iter().filter(|source| unbuildable(source)).map(|source| source.source.to_string()).collect();
    assert_eq!(found, broken);
    assert!(found.len() > 4 && found.len() < sources.len() / 2, "{found:?}");
}
