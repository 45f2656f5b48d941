//! Systems made by debootstrap and mmdebstrap from nothing but a repository of ours.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    time::Duration,
};

use debbuild_core::{
    command::CommandSpec,
    control::{Paragraph, paragraphs},
    path::AbsPath,
};
use debbuild_suite::{bench::cache, debbuild::Sandbox};

use super::{
    mirror::codename,
    place::{Place, Said, place, run},
};

/// What both tools are made to read.
struct Archive {
    place: Place,
    suite: String,
    keyring: String,
    sources: AbsPath,
    uri: String,
    /// Stanzas of what is published, by package.
    packages: BTreeMap<String, BTreeMap<String, String>>,
    _server: super::place::Server,
}

/// Mirrors the part of the host's archive that every system has, and what that needs, and serves it on loopback.
async fn archive() -> Archive {
    let (place, user, suite) = (place().await, Sandbox::new(), codename());
    // apt fetches as a user of its own, who reads the keyring too.
    fs::set_permissions(&place.base, Permissions::from_mode(0o755)).unwrap();
    let dir = place.dir().to_string();
    // What was fetched once stays for the next time.
    let home = cache().join("bootstrap");
    let debbuild = async |args: &[&str]| {
        let said = user.spec(user.command(args.iter().copied()).with_env("DEBBUILD_HOME", home.as_str())).await;
        assert_eq!(said.status, 0, "{args:?}: {said:?}");
        said
    };
    // debootstrap asks for usr-is-merged by its name, though nothing needs it.
    let filters = ["?essential", "?priority(required)", "?exact-name(apt)", "?exact-name(usr-is-merged)"];
    let filters: Vec<&str> = filters.into_iter().flat_map(|one| ["--filter", one]).collect();
    debbuild(&[&["repo", "mirror", &dir, "--suite", &suite, "--with-deps"], &filters[..]].concat()).await;
    // Only what is fetched from the archive has no paths for Contents; the formats are those that both tools read.
    debbuild(&["repo", "init", &dir, "--suite", &suite, "--formats", "gz,xz", "--contents=false"]).await;
    debbuild(&["repo", "publish", &dir]).await;
    let server = place.serve().await;
    let key = place.base.join("key");
    debbuild(&["repo", "key", "export", &dir, "--uri", &server.uri, "--output", key.as_str()]).await;
    let index = format!("dists/{suite}/main/binary-{}/Packages.gz", place.architecture);
    let packed = place.dir().descend(&index).unwrap();
    let text = run(CommandSpec::new("zcat").with_arg(packed.as_str())).await.stdout;
    let fields = |one: Paragraph<'_>| one.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let all = paragraphs(&text).map(|one| fields(one.unwrap()));
    let packages = all.map(|one: BTreeMap<String, String>| (one["Package"].clone(), one)).collect();
    let (keyring, sources) = (format!("{key}/{suite}-archive-keyring.gpg"), key.child(&format!("{suite}.sources")));
    Archive { place, uri: server.uri.clone(), suite, keyring, sources: sources.unwrap(), packages, _server: server }
}

impl Archive {
    /// The packages of which this is said, with their versions.
    fn having(&self, field: &str, value: &str) -> BTreeMap<String, String> {
        let having = self.packages.iter().filter(|(_, one)| one.get(field).is_some_and(|is| is == value));
        having.map(|(name, one)| (name.clone(), one["Version"].clone())).collect()
    }

    /// What dpkg's status in a system says: every package is installed as we have it, and these are among them.
    fn installed(&self, status: &str, wanted: &BTreeMap<String, String>) -> usize {
        let mut installed = BTreeMap::new();
        for one in paragraphs(status).map(Result::unwrap) {
            let [name, version, state] = ["Package", "Version", "Status"].map(|field| one.get(field).unwrap());
            assert_eq!(state, "install ok installed", "{name}");
            assert_eq!(self.packages.get(name).map(|ours| ours["Version"].as_str()), Some(version), "{name}");
            installed.insert(name.to_owned(), version.to_owned());
        }
        assert!(wanted.len() > 20, "{wanted:?}");
        for (name, version) in wanted {
            assert_eq!(installed.get(name), Some(version), "{name} is missing");
        }
        installed.len()
    }
}

/// A tool that makes systems, with namespaces of its own: what it mounts goes with it.
fn apart(tool: &str) -> CommandSpec {
    let namespaces = ["--mount", "--pid", "--fork", "--kill-child"];
    let spec = CommandSpec::new("unshare").with_timeout(Some(Duration::from_secs(1200)));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        return spec.with_args(namespaces).with_arg(tool);
    }
    // Where nobody may make devices, debootstrap takes those of the machine.
    let spec = spec.with_args(["--user", "--map-root-user", "--map-auto"]).with_args(namespaces);
    spec.with_arg(tool).with_env("container", "lxc")
}

/// The tool ended well, and had no doubt about what it read.
fn undoubted(tool: &str, said: &Said) {
    let all = format!("{}{}", said.stdout, said.stderr);
    assert_eq!(said.status, 0, "{tool}: {all}");
    // What dpkg says of packages that are unpacked before what they need is configured is no doubt.
    let doubts: Vec<&str> = all.lines().filter(|line| line.starts_with("W:") || line.starts_with("E:")).collect();
    assert!(doubts.is_empty(), "{tool}: {doubts:?}");
    let words = ["unsigned", "untrusted", "insecure", "not signed", "not authenticated", "cannot be verified"];
    assert!(!words.iter().any(|word| all.contains(word)), "{tool}: {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn debootstrap_and_mmdebstrap_make_systems_from_our_repository_alone() {
    let archive = archive().await;
    let (required, essential) = (archive.having("Priority", "required"), archive.having("Essential", "yes"));
    assert!(essential.keys().all(|name| archive.packages[name]["Priority"] == "required"), "{essential:?}");
    let target = archive.place.base.join("system");
    let keyring = format!("--keyring={}", archive.keyring);
    let debootstrap = apart("debootstrap").with_args(["--variant=minbase", &keyring, &archive.suite]);
    let said = run(debootstrap.with_args([target.as_str(), &archive.uri])).await;
    undoubted("debootstrap", &said);
    assert!(said.stdout.contains("Valid Release signature"), "{}", said.stdout);
    let status = fs::read_to_string(target.join("var/lib/dpkg/status")).unwrap();
    let mut wanted = required.clone();
    wanted.insert("apt".to_owned(), archive.packages["apt"]["Version"].clone());
    let minbase = archive.installed(&status, &wanted);
    remove(&target).await;

    let line = format!("deb [signed-by={}] {} {} main", archive.keyring, archive.uri, archive.suite);
    let mut sizes = Vec::new();
    for (variant, source) in [("essential", line.as_str()), ("apt", archive.sources.as_str())] {
        let tar = archive.place.base.join("system.tar");
        let variant = format!("--variant={variant}");
        // usr-is-merged, which is all that there is of its alternatives, wants to find what it says.
        let merged = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr";
        let spec = CommandSpec::new("mmdebstrap").with_args([&variant, merged, &archive.suite, tar.as_str(), source]);
        let said = run(spec.with_timeout(Some(Duration::from_secs(1200)))).await;
        undoubted("mmdebstrap", &said);
        let status = CommandSpec::new("tar").with_args(["-xOf", tar.as_str(), "./var/lib/dpkg/status"]);
        let status = run(status).await.stdout;
        sizes.push(archive.installed(&status, &essential));
        assert_eq!(status.contains("Package: apt\n"), variant.ends_with("apt"), "{variant}");
    }
    assert!(sizes[0] < sizes[1] && sizes[1] < minbase, "{sizes:?} {minbase}");
}

/// Removes a system, whose owners an ordinary user may not remove otherwise.
async fn remove(system: &AbsPath) {
    let said = run(apart("rm").with_args(["-rf", system.as_str()])).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
}
