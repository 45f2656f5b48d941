//! A second opinion: whether the build dependencies really cannot be satisfied from the indexes that apt has read.
//!
//! apt says the same when a package is missing, when an index was left out and when it gave up: only what the resolver agrees to is
//! the source's own trouble.

use std::{fs::File, io, sync::Arc};

use debbuild_core::{
    acquire::decompress,
    blob::BlobStore,
    blocking,
    build::{BuildRequest, Failure},
    context::Context,
    control::SourceControl,
    deb::{Deb, DebLimits},
    error::Class,
    path::AbsPath,
    relation::{Alternatives, BuildProfile, Relations},
    resolve::{
        Answer, BuildDeps, Explanation, PRIORITY, PackageIndex, Question, Resolver as _, SatResolver, Universe,
        UniverseOptions,
        preferences::{Preferences, Provenance},
    },
};

use super::{
    BuildBase,
    locking::{self, LocalDeb},
};
use crate::gateway::{AccessRecord, Served};

/// The largest index that is read, in bytes of text.
const INDEX_LIMIT: u64 = 1 << 30;

/// What the resolver says to apt's verdict.
#[derive(Debug)]
pub(super) enum Opinion {
    /// It agrees.
    Agrees(Explanation),
    /// It would have found a solution, or could not look.
    Differs(String),
}

/// Asks the resolver.
pub(super) async fn ask(
    cx: &Context,
    blobs: &dyn BlobStore,
    access: &AccessRecord,
    base: &BuildBase,
    request: &BuildRequest,
    control: &SourceControl,
    local: (&AbsPath, &[LocalDeb]),
) -> Opinion {
    match look(cx, blobs, access, base, request, control, local).await {
        Ok(Answer::Unsatisfiable(why)) => Opinion::Agrees(why),
        Ok(Answer::Satisfied(_)) => Opinion::Differs("the resolver finds a solution where apt found none".to_owned()),
        Ok(Answer::Unknown(reason)) => Opinion::Differs(format!("the resolver cannot tell: {reason}")),
        Ok(_) => Opinion::Differs("the resolver gives an answer that is not known here".to_owned()),
        Err(reason) => Opinion::Differs(format!("the resolver cannot tell: {reason}")),
    }
}

/// The failure for the record, in the light of the opinion.
pub(super) fn settle(mut failure: Failure, opinion: Opinion) -> Failure {
    match opinion {
        Opinion::Agrees(why) => failure.message = format!("{} ({why})", failure.message),
        Opinion::Differs(reason) => {
            Class::Infrastructure.name().clone_into(&mut failure.class);
            failure.message = format!("{}; but {reason}", failure.message);
        }
    }
    failure
}

async fn look(
    cx: &Context,
    blobs: &dyn BlobStore,
    access: &AccessRecord,
    base: &BuildBase,
    request: &BuildRequest,
    control: &SourceControl,
    (folder, local): (&AbsPath, &[LocalDeb]),
) -> Result<Answer, String> {
    let mut indexes = Vec::new();
    for (name, priority, served) in packages_indexes(cx, blobs, access, base).await? {
        let bytes = blobs.read(cx, served.sha256, None).await.map_err(|error| error.to_string())?;
        indexes.push((name, priority, bytes));
    }
    if indexes.is_empty() {
        return Err("no index of packages was served".to_owned());
    }
    let local = local_index(cx, folder, local)?;
    let question = question(request, control);
    let (architecture, cx) = (request.architecture.clone(), cx.clone());
    blocking::run(move || {
        let mut universe = vec![(Arc::new(PackageIndex::parse("local", local)), PRIORITY)];
        for (name, priority, bytes) in indexes {
            let text =
                decompress(&name, &bytes, INDEX_LIMIT, cx.cancel()).map_err(|error| format!("{name}: {error}"))?;
            let index = PackageIndex::from_bytes(&name, &text).map_err(|error| format!("{name}: {error}"))?;
            universe.push((Arc::new(index), priority));
        }
        let universe = Universe::new(UniverseOptions::new(architecture), universe);
        SatResolver::new().answer(&cx, &universe, &question).map_err(|error| error.to_string())
    })
    .await
}

/// The Packages files among what was served, by their names in the Release (apt asks for them by hash), with the priorities that apt
/// gives them.
async fn packages_indexes<'a>(
    cx: &Context,
    blobs: &dyn BlobStore,
    access: &'a AccessRecord,
    base: &BuildBase,
) -> Result<Vec<(String, i32, &'a Served)>, String> {
    let mut found: Vec<(String, i32, &Served)> = Vec::new();
    for release in access.served.iter().filter(|served| served.path.ends_with("Release")) {
        let bytes = blobs.read(cx, release.sha256, None).await.map_err(|error| error.to_string())?;
        // apt has verified it inside the chroot.
        let listed = locking::release(&bytes).map_err(|error| format!("{}: {error}", release.path))?;
        let suite = release.path.trim_start_matches("dists/").rsplit_once('/').map_or("", |(suite, _)| suite);
        let given = base.priorities.get(&(release.archive.clone(), suite.to_owned())).copied().map(i32::from);
        let priority = given.unwrap_or_else(|| Preferences::default().of_index(&Provenance::of_release(&listed)));
        for (path, file) in &listed.files {
            let name = path.as_str().rsplit('/').next().unwrap_or_default();
            if name != "Packages" && !name.starts_with("Packages.") {
                continue;
            }
            let served = access
                .served
                .iter()
                .find(|served| served.archive == release.archive && served.sha256 == file.sha256 && served.size > 0);
            if let Some(served) = served
                && !found.iter().any(|(_, _, known)| known.sha256 == served.sha256)
            {
                found.push((format!("{}/{path}", release.archive), priority, served));
            }
        }
    }
    Ok(found)
}

/// The request's own .debs as an index.
fn local_index(cx: &Context, folder: &AbsPath, local: &[LocalDeb]) -> Result<String, String> {
    let mut text = String::new();
    for deb in local {
        let path = folder.child(&deb.file.path).map_err(|error| error.to_string())?;
        let file = File::open(&path).map_err(|error| format!("{path}: {error}"))?;
        let read = Deb::read(cx, io::BufReader::new(file), &DebLimits::default()).map_err(|error| error.to_string())?;
        let (path, size, sha256) = (&deb.file.path, deb.file.size, deb.file.sha256);
        let control = read.control.trim_end();
        text.push_str(&format!("{control}\nFilename: {path}\nSize: {size}\nSHA256: {sha256}\n\n"));
    }
    Ok(text)
}

/// What sbuild asks apt: of alternatives only the first that holds here.
fn question(request: &BuildRequest, control: &SourceControl) -> Question {
    let profiles = request.options.profiles.iter().filter_map(|profile| profile.parse::<BuildProfile>().ok()).collect();
    let first = |relations: &Relations| {
        let reduced = relations.reduce(&request.architecture, &profiles);
        Relations(reduced.iter().map(|group| Alternatives(group.0.iter().take(1).cloned().collect())).collect())
    };
    let mut source = control.clone();
    let relations = &mut source.relations;
    for field in [&mut relations.depends, &mut relations.depends_arch, &mut relations.depends_indep] {
        *field = first(field);
    }
    for name in &request.options.add_depends {
        if let Ok(more) = Relations::parse(name.as_str()) {
            relations.depends.0.extend(more.0);
        }
    }
    let question = BuildDeps::new(source, request.architecture.clone()).with_profiles(profiles.clone());
    let question = if request.options.arch_all { question } else { question.with_any_only() };
    Question::BuildDeps(Box::new(question))
}
