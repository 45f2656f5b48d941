//! Keys, order and reasons.

use std::collections::BTreeSet;

use debbuild_core::{
    arch::Architecture,
    clock::Timestamp,
    lock::{ArchiveAccess, LockFile, LockKind, LockedFile, LockedPackage},
    name::PackageName,
    version::Version,
};

use super::*;

const BLUEPRINT: &str =
    "[compose]\nshort = 'T'\nversion = '1'\n[archives.main]\nuri = 'http://mirror.example/d'\nsuite = 's'
[variants.base.repository]\n[variants.base.iso]\npackages = ['live-boot']\n[variants.base.container]";

fn blueprint() -> Blueprint {
    Blueprint::parse("/b.toml", BLUEPRINT, &mut |_, _| Err(String::new())).unwrap()
}

fn package(name: &str, version: &str, archive: &str) -> LockedPackage {
    let sha256 = Sha256::of(format!("{name} {version}").as_bytes());
    let file = LockedFile { path: format!("pool/{name}.deb"), size: 1, sha256 };
    let amd64 = Architecture::new("amd64").unwrap();
    LockedPackage::new(PackageName::new(name).unwrap(), Version::new(version).unwrap(), amd64, archive, file)
}

fn lock() -> LockFile {
    let at = Timestamp::from_seconds;
    let mut lock = LockFile::new(LockKind::Compose, Architecture::new("amd64").unwrap(), at(9000));
    let file = |path: &str| LockedFile { path: path.to_owned(), size: 1, sha256: Sha256::of(path.as_bytes()) };
    for (name, date) in [("main", 1000), ("mine", 2000)] {
        lock.archives.push(ArchiveAccess::new(name, "s", file("InRelease"), at(date), Sha256::of(b"k")));
    }
    lock.packages = vec![package("dpkg", "1", "main")];
    lock.additions.insert("base/iso".to_owned(), vec![package("live-boot", "1", "mine")]);
    lock
}

fn sets(lock: &LockFile) -> PackageSets {
    PackageSets::new(&blueprint(), lock, &mut |_| None).unwrap()
}

fn spec(name: &str, inputs: &[Input]) -> NodeSpec {
    let node = NodeSpec::new(name, "x/1", Placement::new("base", DeliverableKind::Iso, false));
    inputs.iter().cloned().fold(node, NodeSpec::with_input)
}

fn specs() -> Vec<NodeSpec> {
    let packages = |name: &str| Input::Packages(name.to_owned());
    let iso = spec("iso", &[Input::Node("rootfs-iso".to_owned())]).with_option("level", "3");
    let container = spec("rootfs-container", &[packages("base/container")]);
    vec![iso, spec("rootfs-iso", &[packages("base/iso")]), container]
}

#[test]
fn sets_are_the_common_packages_and_their_own() {
    let sets = sets(&lock());
    let names = |set: &str| -> Vec<String> {
        sets.get(set).unwrap().packages.iter().map(|package| package.name.to_string()).collect()
    };
    assert_eq!(names("base/iso"), ["dpkg", "live-boot"]);
    assert_eq!(names("base/container"), ["dpkg"]);
    assert_eq!(names("base/repository"), ["dpkg", "live-boot"]);
    // The newest Date of the Releases that a set's own packages come from.
    assert_eq!(sets.get("base/container").unwrap().epoch, Timestamp::from_seconds(1000));
    assert_eq!(sets.get("base/iso").unwrap().epoch, Timestamp::from_seconds(2000));
}

#[test]
fn times_come_from_the_lock_then_from_before_then_from_the_releases() {
    let (mut lock, before) = (lock(), Timestamp::from_seconds(500));
    let sets = PackageSets::new(&blueprint(), &lock, &mut |_| Some(before)).unwrap();
    assert_eq!(sets.get("base/iso").unwrap().epoch, before);
    sets.note_epochs(&mut lock);
    let replayed = PackageSets::new(&blueprint(), &lock, &mut |_| None).unwrap();
    assert_eq!(replayed, sets);
    lock.packages.push(package("xx", "1", "nowhere"));
    assert!(matches!(PackageSets::new(&blueprint(), &lock, &mut |_| None), Err(PlanError::Lock(_))));
    lock.packages = vec![package("xx", "1", "main"), package("xx", "2", "main")];
    let error = PackageSets::new(&blueprint(), &lock, &mut |_| None).unwrap_err();
    assert!(error.to_string().contains("xx twice"), "{error}");
}

#[test]
fn nodes_come_after_their_inputs_and_circles_are_refused() {
    let plan = Plan::new(specs(), &sets(&lock())).unwrap();
    let names: Vec<&str> = plan.nodes.iter().map(|node| node.spec.name.as_str()).collect();
    assert_eq!(names, ["rootfs-iso", "rootfs-container", "iso"]);
    let failed = plan.dependents(&BTreeSet::from(["rootfs-iso".to_owned()]));
    assert_eq!(failed.iter().map(String::as_str).collect::<Vec<_>>(), ["iso", "rootfs-iso"]);
    let circle = |name: &str, of: &str| spec(name, &[Input::Node(of.to_owned())]);
    let error = Plan::new(vec![circle("a", "b"), circle("b", "a")], &PackageSets::default()).unwrap_err();
    assert_eq!(error, PlanError::NoInput { node: "a".to_owned(), input: "b".to_owned() });
    let error = Plan::new(vec![spec("a", &[]), spec("a", &[])], &PackageSets::default()).unwrap_err();
    assert_eq!(error, PlanError::Twice("a".to_owned()));
}

#[test]
fn one_changed_package_changes_only_what_is_made_of_it() {
    let before = Plan::new(specs(), &sets(&lock())).unwrap();
    let record = PlanRecord::of(&before);
    let mut lock = lock();
    lock.additions.insert("base/iso".to_owned(), vec![package("live-boot", "2", "mine")]);
    let after = Plan::new(specs(), &sets(&lock)).unwrap();
    let key = |plan: &Plan, name: &str| plan.node(name).unwrap().key;
    assert_eq!(key(&before, "rootfs-container"), key(&after, "rootfs-container"));
    assert_ne!(key(&before, "rootfs-iso"), key(&after, "rootfs-iso"));
    assert_ne!(key(&before, "iso"), key(&after, "iso"));
    let why = |name: &str| record.why(after.node(name).unwrap()).to_string();
    assert_eq!(why("rootfs-iso"), "rerun: input packages of base/iso changed");
    assert_eq!(why("iso"), "rerun: input rootfs-iso changed");
    assert_eq!(why("rootfs-container"), "rerun: its output is not there");
    let mut other = specs();
    other[0].options.insert("level".to_owned(), "9".to_owned());
    let other = Plan::new(other, &sets(&super::tests::lock())).unwrap();
    assert_eq!(record.why(other.node("iso").unwrap()).to_string(), "rerun: option level changed");
    assert_eq!(PlanRecord::default().why(other.node("iso").unwrap()), Reason::New);
}
