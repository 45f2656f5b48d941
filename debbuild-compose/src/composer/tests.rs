//! Composes from begin to end, without tools: reuse, failures, kills, ids.

use std::{fs, time::Duration};

use debbuild_core::{
    arch::Architecture,
    blob::{BlobStore, MemoryStore},
    cancel::CancelToken,
    clock::{FixedClock, Timestamp},
    error::{Class, Classify as _},
    lock::{ArchiveAccess, LockKind, LockedFile, LockedPackage},
    name::PackageName,
    sign::MemorySigner,
    version::Version,
};

use super::*;
use crate::{
    blueprint::DeliverableKind,
    gather::ScriptedGatherer,
    iso::MemoryIsos,
    oci::MemoryImages,
    ostree::MemoryCommits,
    phase::{ContainerPhase, IsoPhase, OstreePhase, RootfsPhase, ScriptedPhase, conformance},
    plan::{Input, NodeSpec, Placement, PlanError},
    rootfs::MemoryRootfs,
};

const TEXT: &str = "[compose]\nshort = 'T'\nversion = '1'\ntype = 'test'
[archives.main]\nuri = 'http://mirror.example/d'\nsuite = 's'
[variants.base.repository]
failable = true
[variants.base.container]\n[variants.base.iso]\npackages = ['live-boot']\nfailable = true
[variants.base.ostree]\npackages = ['ostree-boot']";

struct House {
    _folder: tempfile::TempDir,
    base: AbsPath,
    blobs: Arc<dyn BlobStore>,
    gatherer: Arc<ScriptedGatherer>,
    scripted: Arc<ScriptedPhase>,
    composer: Composer,
    cx: Context,
}

fn blueprint() -> Blueprint {
    Blueprint::parse("/b.toml", TEXT, &mut |_, _| Err(String::new())).unwrap()
}

fn package(name: &str, version: &str) -> (LockedPackage, Vec<u8>) {
    let bytes = format!("{name} {version}").into_bytes();
    let file = LockedFile { path: format!("{name}.deb"), size: bytes.len() as u64, sha256: Sha256::of(&bytes) };
    let (name, version) = (PackageName::new(name).unwrap(), Version::new(version).unwrap());
    (LockedPackage::new(name, version, Architecture::new("amd64").unwrap(), "main", file), bytes)
}

fn gathered(live_boot: &str) -> (Gathered, Vec<Vec<u8>>) {
    let at = Timestamp::from_seconds(1_700_000_000);
    let mut lock = LockFile::new(LockKind::Compose, Architecture::new("amd64").unwrap(), at);
    let release = LockedFile { path: "InRelease".to_owned(), size: 1, sha256: Sha256::of(b"r") };
    lock.archives.push(ArchiveAccess::new("main", "s", release, at, Sha256::of(b"k")));
    let [dpkg, live, ostree] = [package("dpkg", "1"), package("live-boot", live_boot), package("ostree-boot", "1")];
    lock.packages = vec![dpkg.0];
    lock.additions.insert("base/iso".to_owned(), vec![live.0]);
    lock.additions.insert("base/ostree".to_owned(), vec![ostree.0]);
    let needed = Because::Needed { by: "live-boot".to_owned(), relation: "Depends: dpkg".to_owned() };
    let named = Because::Named { place: "/b.toml:9".to_owned() };
    let because = BTreeMap::from([("dpkg".to_owned(), needed), ("live-boot".to_owned(), named)]);
    (Gathered::new(lock).with_because(because), vec![dpkg.1, live.1, ostree.1])
}

/// Nodes of the test's own: one that must not fail, and two of a deliverable that may.
fn planner(plan: &PlanContext<'_>) -> Result<Vec<NodeSpec>, PlanError> {
    let node = |name: &str, kind, failable, input| {
        // The option keeps the keys apart: nodes of one key share one output, whoever makes it first.
        let spec = NodeSpec::new(name, "scripted/1", Placement::new("base", kind, failable));
        spec.with_option("name", name).with_input(input).delivered()
    };
    let set = || {
        Input::Packages(plan.set("base", DeliverableKind::Container).map(|set| set.name.clone()).unwrap_or_default())
    };
    Ok(vec![
        node("base/scripted", DeliverableKind::Container, false, set()),
        node("base/optional", DeliverableKind::Iso, true, set()),
        node("base/after", DeliverableKind::Repository, true, Input::Node("base/optional".to_owned())),
    ])
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let base = AbsPath::new(folder.path()).unwrap();
        let blobs: Arc<dyn BlobStore> = Arc::new(MemoryStore::new(base.join("blobs")));
        let (gathered, contents) = gathered("1");
        let gatherer = Arc::new(ScriptedGatherer::new(Arc::clone(&blobs), gathered, contents));
        let scripted = Arc::new(ScriptedPhase::new("scripted/1", planner));
        let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_747_700_000)));
        let composer = Self::composer(&base, &blobs, &gatherer, &scripted);
        Self { _folder: folder, base, blobs, gatherer, scripted, composer, cx: Context::new().with_clock(clock) }
    }

    fn composer(
        base: &AbsPath,
        blobs: &Arc<dyn BlobStore>,
        gatherer: &Arc<ScriptedGatherer>,
        scripted: &Arc<ScriptedPhase>,
    ) -> Composer {
        let phases: Vec<Arc<dyn Phase>> = vec![
            Arc::new(RootfsPhase::new(Arc::new(MemoryRootfs::new(Arc::clone(blobs))))),
            Arc::new(ContainerPhase::new(Arc::new(MemoryImages))),
            Arc::new(IsoPhase::new(Arc::new(MemoryIsos))),
            Arc::new(OstreePhase::new(Arc::new(MemoryCommits))),
            Arc::clone(scripted) as Arc<dyn Phase>,
        ];
        let options = ComposerOptions::new(base.join("composes"), base.join("cache")).with_jobs(2);
        let signer = Arc::new(MemorySigner::new("test"));
        Composer::new(options, phases, Arc::clone(gatherer) as Arc<dyn Gatherer>, signer)
    }

    async fn run(&self) -> ComposeReport {
        self.composer.run(&self.cx, &blueprint(), &RunOptions::new()).await.unwrap()
    }

    fn composes(&self) -> Vec<String> {
        let summaries = self.composer.composes().list().unwrap();
        summaries.iter().map(|summary| format!("{} {}", summary.id, summary.status)).collect()
    }
}

fn outcomes(report: &ComposeReport) -> Vec<String> {
    let word = |outcome: &NodeOutcome| match outcome {
        NodeOutcome::Reused => "reused",
        NodeOutcome::Made { .. } => "made",
        NodeOutcome::NotNeeded => "not needed",
        NodeOutcome::Failed { .. } => "failed",
        NodeOutcome::Skipped => "skipped",
    };
    let mut lines: Vec<String> =
        report.nodes.iter().map(|node| format!("{} {}", node.name, word(&node.outcome))).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_compose_is_published_whole_with_sums_and_metadata() {
    let house = House::new();
    let report = house.run().await;
    assert_eq!((report.id.to_string().as_str(), report.status), ("T-1-20250520.t.0", Status::Finished));
    let folder = &report.folder;
    for file in [
        "STATUS",
        "COMPOSE_ID",
        "compose.lock",
        "SHA256SUMS.asc",
        "base/amd64/iso/T-1-base-amd64.iso",
        "base/amd64/images/oci/oci-layout",
    ] {
        assert!(folder.as_std().join(file).exists(), "{file}");
    }
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    for line in sums.lines() {
        let (digest, path) = line.split_once("  ").unwrap();
        assert_eq!(Sha256::of(&fs::read(folder.as_std().join(path)).unwrap()).to_string(), digest, "{path}");
    }
    assert!(sums.contains("  base/amd64/ostree/refs/heads/t/1/amd64/base\n"), "{sums}");
    assert!(sums.contains("  metadata/composeinfo.json\n"));
    let detail = house.composer.composes().show("latest-T-1").unwrap();
    let info = detail.info.unwrap();
    assert_eq!((info.compose.status.as_str(), info.deliverables.len()), ("FINISHED", 4));
    let images = &detail.images.unwrap().images["base"]["amd64"];
    let iso = images.iter().find(|image| image.kind == "iso").unwrap();
    assert_eq!(iso.path, "base/amd64/iso/T-1-base-amd64.iso");
    assert!(iso.sha256.is_some() && iso.facts["volume"] == "T_1_BASE");
    let why = house.composer.composes().why("T-1-20250520.t.0", "dpkg").unwrap();
    let shown: Vec<String> = why.iter().map(|step| format!("{}: {}", step.package, step.because)).collect();
    assert_eq!(shown, ["dpkg: live-boot has Depends: dpkg", "live-boot: named at /b.toml:9"]);
    assert!(matches!(house.composer.composes().why("latest-T-1", "nothing"), Err(ComposeError::NoPackage { .. })));
    assert!(matches!(house.composer.composes().show("../x"), Err(ComposeError::NotFound(_))));
}

#[tokio::test]
async fn a_second_run_reuses_all_and_a_changed_leaf_only_its_own() {
    let house = House::new();
    let first = house.run().await;
    assert!(first.nodes.iter().all(|node| node.reason == Reason::New));
    fs::remove_dir_all(house.base.join("composes")).unwrap();
    let second = house.run().await;
    assert!(outcomes(&second).iter().all(|line| line.ends_with(" reused")), "{:?}", outcomes(&second));
    assert_eq!(house.scripted.runs().len(), 3);

    let (changed, contents) = gathered("2");
    house.gatherer.change(changed, contents);
    let planned = house.composer.plan(&house.cx, &blueprint(), &RunOptions::new()).await.unwrap();
    let reasons: Vec<String> = planned
        .nodes()
        .filter(|(_, reason)| !reason.is_reuse())
        .map(|(n, r)| format!("{}: {r}", n.spec.name))
        .collect();
    assert_eq!(
        reasons,
        [
            "base/rootfs-iso: rerun: input packages of base/iso changed",
            "base/iso: rerun: input base/rootfs-iso changed"
        ]
    );
    let third = house.run().await;
    let made: Vec<String> = outcomes(&third).into_iter().filter(|line| line.ends_with(" made")).collect();
    assert_eq!(made, ["base/iso made", "base/rootfs-iso made"]);
    assert_eq!(third.id.respin(), 1);
    assert_eq!(house.composes(), ["T-1-20250520.t.0 FINISHED", "T-1-20250520.t.1 FINISHED"]);
}

#[tokio::test]
async fn what_nothing_needs_is_not_made_again() {
    let house = House::new();
    let first = house.run().await;
    let rootfs = first.nodes.iter().find(|node| node.name == "base/rootfs-iso").unwrap().key.to_string();
    fs::remove_dir_all(house.base.as_std().join(format!("cache/nodes/{}/{rootfs}", &rootfs[..2]))).unwrap();
    let second = house.run().await;
    assert!(outcomes(&second).contains(&"base/rootfs-iso not needed".to_owned()));
    assert_eq!(second.status, Status::Finished);
}

#[tokio::test]
async fn a_failable_deliverable_leaves_the_compose_incomplete() {
    let house = House::new();
    house.scripted.fail("base/optional", true);
    let report = house.run().await;
    assert_eq!(report.status, Status::FinishedIncomplete);
    let lines = outcomes(&report);
    for line in ["base/optional failed", "base/after skipped", "base/scripted made"] {
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
    }
    let info = house.composer.composes().show("latest-T-1").unwrap().info.unwrap();
    let failed: Vec<&str> = info.deliverables.iter().filter(|d| d.failed.is_some()).map(|d| d.kind.as_str()).collect();
    assert_eq!(failed, ["repository", "iso"]);
    assert!(!info.variants["base"]["amd64"].contains_key("iso"));
    house.scripted.fail("base/optional", false);
    assert_eq!(house.run().await.status, Status::Finished);
}

#[tokio::test]
async fn a_required_failure_dooms_and_publishes_nothing() {
    let house = House::new();
    house.scripted.fail("base/scripted", true);
    let error = house.composer.run(&house.cx, &blueprint(), &RunOptions::new()).await.unwrap_err();
    assert!(matches!(&error, ComposeError::Doomed { node, .. } if node == "base/scripted"), "{error}");
    assert_eq!(house.composes(), ["T-1-20250520.t.0 DOOMED"]);
    let doomed = house.base.join("composes/T-1-20250520.t.0");
    assert!(!doomed.join("base").as_std().exists() && !doomed.join("SHA256SUMS").as_std().exists());
    assert!(!house.base.join("composes/latest-T-1").as_std().exists());
    house.scripted.fail("base/scripted", false);
    assert_eq!(house.run().await.id.respin(), 1);
}

/// A compose that hangs in a node, on a task of its own.
async fn hanging(house: &House, cx: Context) -> tokio::task::JoinHandle<Result<ComposeReport, ComposeError>> {
    house.scripted.hang_at("base/scripted");
    let composer = house.composer.clone();
    let task = tokio::spawn(async move { composer.run(&cx, &blueprint(), &RunOptions::new()).await });
    while !house.scripted.runs().contains(&"base/scripted".to_owned()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    task
}

#[tokio::test]
async fn a_cancelled_compose_is_terminated_and_its_nodes_stay() {
    let house = House::new();
    let token = CancelToken::new();
    let task = hanging(&house, house.cx.clone().with_cancel(token.clone())).await;
    assert_eq!(house.composes(), ["T-1-20250520.t.0 STARTED"]);
    token.cancel();
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "T-1-20250520.t.0 was cancelled");
    assert_eq!(house.composes(), ["T-1-20250520.t.0 TERMINATED"]);
    assert_eq!(house.run().await.status, Status::Finished);
}

#[tokio::test]
async fn a_killed_compose_goes_on_with_its_id_and_lock_and_does_nothing_twice() {
    let house = House::new();
    // Dropping the future leaves what a kill leaves: no status is written, the claim is free.
    let task = hanging(&house, house.cx.clone()).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(house.composes(), ["T-1-20250520.t.0 STARTED"]);
    let done = house.scripted.runs();
    let report = house.run().await;
    assert!(report.resumed);
    assert_eq!((report.id.respin(), house.gatherer.gathers(), report.status), (0, 1, Status::Finished));
    let again = house.scripted.runs()[done.len()..].to_vec();
    assert!(again.contains(&"base/scripted".to_owned()));
    for node in report.nodes.iter().filter(|node| node.outcome == NodeOutcome::Reused) {
        assert!(!again.contains(&node.name), "{} was made twice", node.name);
    }
}

#[tokio::test]
async fn a_killed_compose_of_another_blueprint_ends_terminated() {
    let house = House::new();
    let task = hanging(&house, house.cx.clone()).await;
    let running = house.run().await;
    assert_eq!(running.id.respin(), 1, "the running one is left alone");
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let other = blueprint().only(|_, kind| kind != DeliverableKind::Ostree);
    let report = house.composer.run(&house.cx, &other, &RunOptions::new()).await.unwrap();
    assert_eq!((report.id.respin(), report.resumed), (2, false));
    assert_eq!(house.composes()[0], "T-1-20250520.t.0 TERMINATED");
}

#[tokio::test]
async fn a_lock_gives_the_same_nodes_again() {
    let house = House::new();
    let first = house.run().await;
    let lock = house.composer.composes().lock(&first.id.to_string()).unwrap();
    let other = House::new();
    let (changed, contents) = gathered("2");
    other.gatherer.change(changed, contents);
    let options = RunOptions::new().with_locked(Some(lock));
    let error = other.composer.run(&other.cx, &blueprint(), &options).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "nothing is fetched: {error}");
    for bytes in gathered("1").1 {
        other.blobs.put(&other.cx, bytes.into()).await.unwrap();
    }
    let second = other.composer.run(&other.cx, &blueprint(), &options).await.unwrap();
    let keys = |report: &ComposeReport| report.nodes.iter().map(|node| node.key).collect::<Vec<_>>();
    assert_eq!((keys(&first), other.gatherer.gathers()), (keys(&second), 0));
    let sums = |report: &ComposeReport| fs::read_to_string(report.folder.join("SHA256SUMS")).unwrap();
    let files =
        |text: String| text.lines().filter(|line| line.contains(" base/")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(files(sums(&first)), files(sums(&second)));
}

#[tokio::test]
async fn phases_conform() {
    let house = House::new();
    let (gathered, _) = gathered("1");
    let blueprint = blueprint();
    let packages = PackageSets::new(&blueprint, &gathered.lock, &mut |_| None).unwrap();
    let context = PlanContext::new(&blueprint, &packages, "F");
    for phase in house.composer.phases.iter() {
        conformance::plans_purely(phase.as_ref(), &context);
        if phase.name() != "scripted/1" {
            let scratch = house.base.join("strange").child(&phase.name().replace('/', "-")).unwrap();
            conformance::refuses_strange_nodes(phase.as_ref(), &scratch).await;
        }
    }
    crate::gather::conformance::replays_what_is_stored(house.gatherer.as_ref(), house.blobs.as_ref(), &blueprint).await;
    crate::gather::conformance::locks_what_it_fetches(house.gatherer.as_ref(), house.blobs.as_ref(), &blueprint).await;
}
