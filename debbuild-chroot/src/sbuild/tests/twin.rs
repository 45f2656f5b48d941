//! The scripted builder, the executor over it, and the check of results, without any tool.

use std::{fs, sync::Arc};

use bytes::Bytes;
use debbuild_core::{
    arch::Architecture,
    blob::{BlobStore, MemoryStore},
    build::{BuildOptions, BuildRequest, ChrootId, Failure, Outcome},
    command::Discard,
    context::Context,
    control::SourceControl,
    digest::Sha256,
    error::{Class, Classify as _},
    name::SuiteName,
    path::AbsPath,
    task::{TaskExecutor as _, TaskIo, conformance as task_conformance},
};

use crate::sbuild::{
    BuildBase, BuildExecutor, BuildTask, KnownBases, PackageBuilder, ScriptedBuilder, artifacts, conformance, deliver,
};

struct Place {
    _folder: tempfile::TempDir,
    folder: AbsPath,
    blobs: Arc<dyn BlobStore>,
    request: BuildRequest,
}

fn place() -> Place {
    let temporary = tempfile::tempdir_in("/tmp").unwrap();
    let folder = AbsPath::new(temporary.path()).unwrap();
    let tarball = b"not really a tarball";
    fs::write(folder.join("plain_1.0.tar.xz"), tarball).unwrap();
    let text = format!(
        "Format: 3.0 (native)\nSource: plain\nBinary: plain\nArchitecture: all\nVersion: 1.0\nChecksums-Sha256:\n {} {} \
         plain_1.0.tar.xz\n",
        Sha256::of(tarball),
        tarball.len()
    );
    let dsc = folder.join("plain_1.0.dsc");
    fs::write(&dsc, &text).unwrap();
    let (suite, chroot) = (SuiteName::new("bookworm").unwrap(), ChrootId::new(Sha256::of(b"a chroot")));
    let amd64 = Architecture::new("amd64").unwrap();
    let request = BuildRequest::new(dsc, Sha256::of(text.as_bytes()), suite, amd64, chroot);
    let blobs: Arc<dyn BlobStore> = Arc::new(MemoryStore::new(folder.join("blobs")));
    Place { _folder: temporary, folder, blobs, request }
}

impl Place {
    fn io<'a>(&self, name: &'static str, log: &'a mut Discard) -> TaskIo<'a> {
        let scratch = self.folder.join(name);
        fs::create_dir_all(&scratch).unwrap();
        TaskIo { blobs: Arc::clone(&self.blobs), scratch, log }
    }

    fn builder(&self) -> ScriptedBuilder {
        let files = [("plain_1.0_amd64.changes", "changes"), ("plain_1.0_all.deb", "deb")];
        let files = files.map(|(name, text)| (name.to_owned(), Bytes::from(text))).to_vec();
        ScriptedBuilder::new(vec![self.request.chroot]).with_success(self.request.dsc_sha256, files, "it builds\n")
    }

    fn executor(&self, builder: impl PackageBuilder + 'static) -> BuildExecutor {
        let bases = KnownBases::new();
        let tarball = self.folder.join("chroot.tar");
        let BuildRequest { suite, architecture, chroot, .. } = self.request.clone();
        bases.add(suite, architecture.clone(), BuildBase::new(chroot, tarball, Vec::new()));
        BuildExecutor::new(Arc::new(builder), Arc::new(bases), vec![architecture])
    }
}

#[tokio::test]
async fn the_scripted_builder_conforms() {
    let (place, mut log) = (place(), Discard);
    let builder = place.builder();
    conformance::unknown_chroot(&builder, &place.request, &mut place.io("1", &mut log)).await;
    conformance::cancelled(&builder, &place.request, &mut place.io("2", &mut log)).await;
    conformance::other_source(&builder, &place.request, &mut place.io("3", &mut log)).await;
    conformance::success(&builder, &place.request, &*place.blobs, &mut place.io("4", &mut log)).await;
    assert_eq!(builder.seen().len(), 3);
}

#[tokio::test]
async fn a_build_goes_through_the_queues_seam() {
    let (place, mut log, cx) = (place(), Discard, Context::new());
    let executor = place.executor(place.builder());
    let task = BuildTask::submit(&cx, &*place.blobs, &place.request, false).await.unwrap();
    assert_eq!(task.inputs.len(), 2);
    let outcome = executor.execute(&cx, &task, &mut place.io("a", &mut log)).await;
    assert_eq!((outcome.outcome, &outcome.failure), (Outcome::Succeeded, &None));
    assert_eq!(outcome.artifacts.len(), 2);
    assert_eq!(outcome.record.unwrap()["source"], "plain");
    task_conformance::unknown_kind(&executor, &mut place.io("b", &mut log)).await;
    task_conformance::cancelled(&executor, &task, &mut place.io("c", &mut log)).await;

    let failure = Failure::new(Class::Compile, "it does not");
    let builder = ScriptedBuilder::new(vec![place.request.chroot]);
    let executor = place.executor(builder.with_failure(place.request.dsc_sha256, failure, "no\n"));
    let outcome = executor.execute(&cx, &task, &mut place.io("d", &mut log)).await;
    assert_eq!((outcome.outcome, outcome.class()), (Outcome::Failed, Some(Class::Compile)));
}

#[tokio::test]
async fn tasks_that_cannot_be_done_are_refused() {
    let (place, cx) = (place(), Context::new());
    let executor = place.executor(place.builder());
    let task = BuildTask::submit(&cx, &*place.blobs, &place.request, true).await.unwrap();
    assert!(executor.consider(&task).is_ok());
    for change in [("architecture", "riscv64"), ("dsc", "other_1.0.dsc"), ("dsc", "../x.dsc"), ("surprise", "x")] {
        let mut task = task.clone();
        task.parameters[change.0] = change.1.into();
        assert!(executor.consider(&task).is_err(), "{change:?}");
    }
    let mut request = place.request.clone();
    request.dsc_sha256 = Sha256::of(b"another");
    let error = BuildTask::submit(&cx, &*place.blobs, &request, true).await.unwrap_err();
    assert_eq!(error.class(), Class::Verification);
}

#[tokio::test]
async fn options_survive_their_task() {
    let (mut place, mut log, cx) = (place(), Discard, Context::new());
    let mut options = BuildOptions::default().with_profiles(vec!["nodoc".to_owned()]).with_memory(Some(1 << 30));
    options.build_options = vec!["nocheck".to_owned()];
    options.environment.insert("A".to_owned(), "b".to_owned());
    options.arch_all = false;
    place.request.options = options.clone();
    let task = BuildTask::submit(&cx, &*place.blobs, &place.request, true).await.unwrap();
    let builder = Arc::new(place.builder());
    let executor = BuildExecutor::new(
        Arc::<ScriptedBuilder>::clone(&builder),
        Arc::new(KnownBases::new()),
        vec![place.request.architecture.clone()],
    );
    executor.execute(&cx, &task, &mut place.io("a", &mut log)).await;
    assert_eq!(builder.seen()[0].options, options);
    assert_eq!(builder.seen()[0].chroot, place.request.chroot);
}

#[tokio::test]
async fn results_are_delivered_with_the_record_last() {
    let (place, mut log, cx) = (place(), Discard, Context::new());
    let record = place.builder().build(&cx, &place.request, &mut place.io("a", &mut log)).await.unwrap();
    let out = place.folder.join("out");
    deliver(&cx, &*place.blobs, &record, &out).await.unwrap();
    let mut names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["plain_1.0_all.deb", "plain_1.0_amd64.build", "plain_1.0_amd64.changes", "result.json"]);
}

/// A folder of results with a .changes over `files`.
fn results(folder: &AbsPath, source: &str, files: &[(&str, &str)]) -> Result<Vec<String>, artifacts::ArtifactError> {
    fs::create_dir_all(folder).unwrap();
    let (mut md5, mut sha256) = (String::new(), String::new());
    for (name, content) in files {
        fs::write(folder.child(name).unwrap(), content).unwrap();
        md5.push_str(&format!("\n {} {} misc optional {name}", "0".repeat(32), content.len()));
        sha256.push_str(&format!("\n {} {} {name}", Sha256::of(content.as_bytes()), content.len()));
    }
    let text = format!(
        "Format: 1.8\nSource: {source}\nBinary: plain\nArchitecture: all\nVersion: 1.0\nDistribution: \
         bookworm\nChecksums-Sha256:{sha256}\nFiles:{md5}\n"
    );
    fs::write(folder.join("plain_1.0_amd64.changes"), text).unwrap();
    verify(folder)
}

fn verify(folder: &AbsPath) -> Result<Vec<String>, artifacts::ArtifactError> {
    let dsc = fs::read(folder.parent().join("plain_1.0.dsc")).unwrap();
    let source = SourceControl::from_unverified(&dsc).unwrap();
    let made = artifacts::verify(folder, &source, &Architecture::new("amd64").unwrap())?;
    Ok(made.files.into_iter().map(|file| format!("{} {}", file.kind, file.name)).collect())
}

#[test]
fn results_are_exactly_what_the_changes_lists() {
    let place = place();
    let deb = ("plain_1.0_all.deb", "a package");
    let good = results(&place.folder.join("good"), "plain", &[deb]).unwrap();
    assert_eq!(good, ["changes plain_1.0_amd64.changes", "deb plain_1.0_all.deb"]);

    let source = |result: Result<Vec<String>, artifacts::ArtifactError>| {
        assert!(matches!(result, Err(artifacts::ArtifactError::Source(_))), "{result:?}");
    };
    source(results(&place.folder.join("renamed"), "other", &[deb]));
    source(results(&place.folder.join("empty"), "plain", &[]));
    source(results(&place.folder.join("foreign"), "plain", &[("plain_1.0_arm64.deb", "x")]));
    source(results(&place.folder.join("stranger"), "plain", &[("stranger_1.0_all.deb", "x")]));

    let lost = place.folder.join("lost");
    results(&lost, "plain", &[deb]).unwrap();
    fs::write(lost.join("plain_1.0_all.deb"), "A package").unwrap();
    assert!(matches!(verify(&lost), Err(artifacts::ArtifactError::Lost(_))));
    fs::remove_file(lost.join("plain_1.0_all.deb")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", lost.join("plain_1.0_all.deb")).unwrap();
    assert!(matches!(verify(&lost), Err(artifacts::ArtifactError::Lost(_))));
    let extra = place.folder.join("extra");
    results(&extra, "plain", &[deb]).unwrap();
    fs::write(extra.join("surprise"), "x").unwrap();
    source(verify(&extra));
}
