//! debbuild as a solver for apt: on random systems beside apt's own, on real packages, and in an installation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use debbuild_chroot::backend::{ChrootBackend as _, SessionCommand, SessionOptions};
use debbuild_core::command::{Capture, CommandRunnerExt as _, CommandSpec, SystemRunner};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::Sandbox,
    pool::full,
};

use super::{
    indexes,
    tree::{AptTree, installed, stanza},
};
use crate::chroot::{archives, shared};

/// Numbers that are the same every time.
struct Dice(u64);

impl Dice {
    /// A number below this one.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// Whether something happens that happens so often of a hundred times.
    fn often(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

const NAMES: [&str; 10] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "v1", "v2"];

/// A package whose relations are about the others.
#[derive(Clone)]
struct Package {
    name: &'static str,
    version: usize,
    fields: String,
}

impl Package {
    fn roll(dice: &mut Dice, name: &'static str, version: usize) -> Self {
        let mut fields = String::new();
        for (field, often, alternatives) in
            [("Depends", 50, true), ("Recommends", 20, true), ("Conflicts", 10, false), ("Breaks", 15, false)]
        {
            let mut groups = Vec::new();
            while groups.len() < 3 && dice.often(often) {
                let mut group = relation(dice);
                while alternatives && dice.often(30) {
                    group += &format!(" | {}", relation(dice));
                }
                groups.push(group);
            }
            if !groups.is_empty() {
                writeln!(fields, "{field}: {}", groups.join(", ")).unwrap();
            }
        }
        if dice.often(20) {
            writeln!(fields, "Provides: {}", dice.pick(&["v1", "v2"])).unwrap();
        }
        Self { name, version, fields }
    }
}

fn relation(dice: &mut Dice) -> String {
    let name = *dice.pick(&NAMES);
    match dice.often(40) {
        true => format!("{name} ({} {})", dice.pick(&[">=", ">=", ">=", "<<", "=", "<="]), 1 + dice.below(3)),
        false => name.to_owned(),
    }
}

/// A system on which something is installed, and an archive that has moved on since.
struct Case {
    tree: AptTree,
    dice: Dice,
    installed: Vec<Package>,
    archive: Vec<Package>,
}

const PLACE: &str = "mirror.example/debian";

impl Case {
    async fn roll(seed: u64) -> Self {
        let mut tree = AptTree::new();
        tree.suite(PLACE, "stable", "Origin: Debian\nSuite: stable\nCodename: bookworm\n", &["main"]);
        tree.add_solver().await;
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut old = Vec::new();
        for name in &NAMES[..8] {
            if dice.often(90) {
                let version = 1 + dice.below(2);
                old.push(Package::roll(&mut dice, name, version));
            }
        }
        let mut case = Self { tree, dice, installed: Vec::new(), archive: old.clone() };
        case.write();
        let wanted: Vec<&str> = (0..=case.dice.below(3)).map(|_| case.dice.pick(&old).name).collect();
        let there = case.ask("internal", &[&["install"][..], &wanted].concat()).await.unwrap_or_default();
        case.installed = old.iter().filter(|package| there.contains(&plus(package))).cloned().collect();
        let automatic = case.installed.iter().filter(|package| !wanted.contains(&package.name));
        let states: String = automatic
            .map(|package| format!("Package: {}\nArchitecture: amd64\nAuto-Installed: 1\n\n", package.name))
            .collect();
        case.tree.write("extended_states", &states);
        case.archive.clear();
        for name in &NAMES[..8] {
            match old.iter().find(|package| package.name == *name) {
                Some(same) if case.dice.often(40) => case.archive.push(same.clone()),
                Some(older) if case.dice.often(70) => {
                    case.archive.push(Package::roll(&mut case.dice, name, older.version + 1));
                }
                None if case.dice.often(50) => case.archive.push(Package::roll(&mut case.dice, name, 2)),
                _ => {}
            }
        }
        case.write();
        case
    }

    fn write(&self) {
        let listed = |package: &Package| stanza(package.name, &package.version.to_string(), "amd64", &package.fields);
        let there = |package: &Package| installed(package.name, &package.version.to_string(), "amd64", &package.fields);
        self.tree.packages(PLACE, "stable", "main", "amd64", &self.archive.iter().map(listed).collect::<String>());
        self.tree.write("status", &self.installed.iter().map(there).collect::<String>());
    }

    /// What apt would do with the answer of a solver; none when it refuses.
    async fn ask(&self, solver: &str, words: &[&str]) -> Option<BTreeSet<String>> {
        let solver = format!("APT::Solver={solver}");
        let (good, said, errors) = self.tree.apt("apt-get", &[&["-s", "-o", &solver], words].concat()).await;
        // apt would tell of stanzas that it cannot make sense of.
        assert!(!errors.contains("W: Ignoring") && !errors.contains("unexpected"), "{words:?}: {errors}");
        assert!(good || !errors.contains("Sub-process"), "{words:?}: {errors}");
        good.then(|| changes(&said))
    }

    /// Requests of all kinds.
    fn requests(&mut self) -> Vec<Vec<String>> {
        let mut requests =
            vec![vec!["upgrade"], vec!["dist-upgrade"], vec!["upgrade", "--with-new-pkgs"], vec!["autoremove"]];
        if !self.archive.is_empty() {
            let (one, two) = (self.dice.pick(&self.archive).name, self.dice.pick(&self.archive).name);
            requests.extend([vec!["install", one], vec!["install", one, two]]);
        }
        if !self.installed.is_empty() {
            requests.push(vec!["remove", self.dice.pick(&self.installed).name]);
        }
        requests.into_iter().map(|words| words.into_iter().map(str::to_owned).collect()).collect()
    }
}

fn plus(package: &Package) -> String {
    format!("+{} {}", package.name, package.version)
}

/// What a simulation says: `+NAME VERSION` and `-NAME`.
fn changes(said: &str) -> BTreeSet<String> {
    let read = |line: &str| {
        if let Some(rest) = line.strip_prefix("Inst ") {
            let version = rest.split_once('(')?.1.split(' ').next()?;
            return Some(format!("+{} {version}", rest.split(' ').next()?));
        }
        Some(format!("-{}", line.strip_prefix("Remv ")?.split(' ').next()?))
    };
    said.lines().filter_map(read).collect()
}

#[tokio::test]
async fn apt_takes_the_answers_of_debbuild_and_finds_none_where_it_says_that_there_is_none() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut others = Vec::new();
    for seed in 0..40 {
        let mut case = Case::roll(seed).await;
        for words in case.requests() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (apt, ours) = (case.ask("internal", &words).await, case.ask("debbuild", &words).await);
            let kind = match (&apt, &ours) {
                (Some(apt), Some(ours)) if apt == ours => "same",
                (Some(_), Some(_)) => "other",
                (None, None) => "none",
                (None, Some(_)) => "only ours",
                (Some(apt), None) => panic!("case {seed}, {words:?}: apt {apt:?}, we say that it cannot be"),
            };
            *counts.entry(kind).or_default() += 1;
            if kind == "other" {
                others.push((seed, words.join(" "), apt, ours));
            }
        }
    }
    let all: usize = counts.values().sum();
    assert!(others.len() * 12 < all, "{counts:?}: {others:#?}");
    assert!(counts["none"] > 5 && counts["same"] > 150, "{counts:?}");
}

/// Real packages; the first one in the short form.
const SEEDS: [&str; 10] = [
    "hello",
    "openssh-server",
    "gnome-calculator",
    "nginx",
    "postgresql",
    "git",
    "emacs-nox",
    "podman",
    "linux-image-amd64",
    "libreoffice-calc",
];

#[tokio::test]
async fn apt_installs_real_packages_with_debbuild_as_with_its_own_solver() {
    let mut tree = AptTree::new();
    tree.suite(PLACE, "stable", "Origin: Debian\nSuite: stable\nCodename: bookworm\n", &["main"]);
    tree.packages(PLACE, "stable", "main", "amd64", &indexes().await.remove(0));
    tree.add_solver().await;
    for seed in SEEDS.into_iter().take(if full() { SEEDS.len() } else { 1 }) {
        let (good, said, errors) = tree.apt("apt-get", &["-s", "install", seed]).await;
        assert!(good, "{seed}: {errors}");
        let (ours_good, ours, errors) = tree.apt("apt-get", &["-s", "--solver", "debbuild", "install", seed]).await;
        assert!(ours_good, "{seed}: {errors}");
        assert_eq!(changes(&ours), changes(&said), "{seed}");
        assert!(changes(&ours).iter().any(|change| change.starts_with(&format!("+{seed} "))), "{seed}: {ours}");
    }
    // What cannot be is said in apt's way.
    let conflict = ["-s", "--solver", "debbuild", "install", "postfix", "exim4-daemon-light"];
    let (good, _, errors) = tree.apt("apt-get", &conflict).await;
    assert!(!good && errors.contains("E: External solver failed with: the request cannot be met"), "{errors}");
    assert!(errors.contains("conflicts with mail-transport-agent"), "{errors}");
    // Dependencies of builds and relations are asked about as packages that apt makes up.
    let satisfy = ["-s", "--solver", "debbuild", "satisfy", "hello (>= 1), default-mta | mail-transport-agent"];
    let (good, said, errors) = tree.apt("apt-get", &satisfy).await;
    assert!(good && said.contains("Inst hello "), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_installs_a_package_that_debbuild_chose_in_a_chroot() {
    let place = Sandbox::new();
    let binary = place.command([""; 0]).program;
    place.write("srv/apt.conf", "APT::Solver \"debbuild\";\n");
    fs::copy(binary, place.path().join("srv/debbuild")).unwrap();
    let (tree, tar) = (place.path().join("srv"), place.path().join("srv.tar"));
    let pack = ["--create", "--file", tar.as_str(), "--directory", tree.as_str(), "."];
    SystemRunner
        .output(&debbuild_core::context::Context::new(), &CommandSpec::new("tar").with_args(pack))
        .await
        .unwrap();

    let bench = Bench::open(cache()).await;
    let (spec, chroot) = shared(&bench).await;
    let options = SessionOptions::new().with_gateway(Some(archives(&spec)));
    let mut session = bench.backend.open(&bench.cx, &chroot.reference(), &options).await.unwrap();
    session.copy_in(&bench.cx, &tar, "/srv").await.unwrap();
    let more = if full() { SEEDS.join(" ") } else { "hello".to_owned() };
    let script = format!(
        "set -e; cp /srv/debbuild /usr/bin/debbuild; debbuild resolve edsp --install /usr/lib/apt/solvers; \
         cp /srv/apt.conf /etc/apt/apt.conf.d/99solver; echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast; export DEBIAN_FRONTEND=noninteractive; apt-get -q update; \
         apt-get -q -y install tmux; apt-get -q check; \
         apt-get -q -y remove tmux | grep 'no longer required' -A 2; apt-get -q -y autoremove; \
         dpkg-query -W 'libevent-core*' tmux 2>&1 || true; apt-get -q -s install tmux -o APT::Solver=none 2>&1 || true; \
         for seed in {more}; do apt-get -q -y --no-install-recommends install $seed; done; \
         apt-get -q check; test -z \"$(dpkg --audit)\"; echo all $(dpkg-query -W -f '${{db:Status-Status}}\\n' {more} | sort -u)"
    );
    let mut said = Capture::default();
    let exit = session.run(&bench.cx, &SessionCommand::new(["sh", "-c", &script]), &mut said).await.unwrap();
    session.close(&bench.cx).await.unwrap();
    let (out, errors) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(exit.success(), "{out}\n{errors}");
    assert!(out.contains("Setting up tmux ") && out.contains("libevent-core"), "{out}\n{errors}");
    assert!(out.contains("Removing libevent-core"), "{out}\n{errors}");
    assert!(out.ends_with("all installed\n"), "{out}\n{errors}");
    // That the solver was asked is seen where apt has none of that name.
    assert!(out.contains("Can't call external solver 'none'"), "{out}\n{errors}");
}
