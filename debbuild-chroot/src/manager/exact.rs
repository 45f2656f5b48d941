//! Locks of chroots that have exactly the packages that somebody names, as a .buildinfo does.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead},
    slice,
    sync::Arc,
};

use debbuild_core::{
    acquire::{ArchiveReader, Suite},
    arch::Architecture,
    blocking,
    context::Context,
    control::{BinaryPackage, InstalledPackage, stream_packages},
    event::Unit,
    lock::{LockFile, LockKind, LockedFile, LockedPackage},
    name::PackageName,
    relation::{Alternatives, Operator, Relation, Relations},
    resolve::{
        Answer, ArchiveSource, Install, PackageSource as _, Packages, Question, Resolver as _, SatResolver, Universe,
        UniverseOptions, Versions, preferences::Provenance,
    },
    version::Version,
};

use super::{
    ChrootSpec, ManagerError,
    make::{Opened, SPEC_OPTION, open_suites, spec_text},
};
use crate::create::{CreateError, Variant};

/// The order in which apt asks for the forms of an index (`Acquire::CompressionTypes`).
const FORMS: [&str; 7] = [".xz", ".bz2", ".lzma", ".gz", ".lz4", ".zst", ""];

/// Name and version of the packages that are wanted.
type Wanted = BTreeSet<(PackageName, Version)>;

/// The lock of a chroot that has exactly these packages, and what the request includes besides with all that it needs: each is
/// looked for in the archives of the request, of which the first that has it gives it. The essential packages must be among them;
/// how much is in it otherwise (the variant) is not asked. [`ChrootManager::create_locked`](super::ChrootManager::create_locked)
/// makes the chroot.
///
/// What the lock names is not kept for it: indexes are while they are those of the archive's newest state, packages are not
/// fetched yet.
///
/// # Errors
/// [`ManagerError::Absent`] with every package that no archive has in that version, [`ManagerError::OtherArchitecture`],
/// [`ManagerError::TwoVersions`]; class `dependencies` when what is included besides cannot be there too; what opening the
/// archives gives.
pub async fn lock_exact(
    cx: &Context,
    reader: &ArchiveReader,
    spec: &ChrootSpec,
    wanted: &[InstalledPackage],
) -> Result<LockFile, ManagerError> {
    let step = cx.step(format!("find {} packages", wanted.len()), Unit::None, None);
    let found = lock(step.context(), reader, spec, wanted).await;
    step.end(found)
}

async fn lock(
    cx: &Context,
    reader: &ArchiveReader,
    spec: &ChrootSpec,
    wanted: &[InstalledPackage],
) -> Result<LockFile, ManagerError> {
    let wanted = Arc::new(checked(spec, wanted)?);
    let opened = open_suites(cx, reader, spec, None).await?;
    if opened.is_empty() {
        return Err(ManagerError::NoArchives);
    }
    let mut found: BTreeMap<(PackageName, Version), LockedPackage> = BTreeMap::new();
    for one in &opened {
        for package in listed(cx, one, &spec.architecture, &wanted).await? {
            found.entry((package.name.clone(), package.version.clone())).or_insert(package);
        }
        if let Some(host) = &spec.host {
            // In a cross chroot apt reads these too.
            for index in indexes(&one.suite, host) {
                keep_as_apt_asks(cx, &one.suite, &index).await?;
            }
        }
    }
    let absent: Vec<String> = wanted.iter().filter(|key| !found.contains_key(*key)).map(exactly).collect();
    if !absent.is_empty() {
        return Err(ManagerError::Absent { packages: absent.join(", ") });
    }
    let mut packages: Vec<LockedPackage> = found.into_values().collect();
    if !spec.include.is_empty() {
        let more = more(cx, &opened, spec, &packages).await?;
        packages.extend(more);
    }
    packages.sort();
    let names = packages.iter().map(|package| package.name.clone()).collect();
    let versions = packages.iter().map(|package| (package.name.clone(), package.version.clone())).collect();
    let spec = spec.clone().with_variant(Variant::Essential).with_include(names).with_versions(versions);
    let record = spec.record(cx, &**reader.store()).await?;
    let mut lock = LockFile::new(LockKind::Chroot, spec.architecture.clone(), cx.now());
    lock.archives = opened.iter().map(|one| one.suite.access()).collect();
    lock.packages = packages;
    lock.options.insert(SPEC_OPTION.to_owned(), spec_text(&record)?);
    Ok(lock)
}

/// What is wanted, if one system can have it.
fn checked(spec: &ChrootSpec, wanted: &[InstalledPackage]) -> Result<Wanted, ManagerError> {
    let own = |architecture: &Architecture| *architecture == spec.architecture || architecture.is_all();
    let foreign = wanted.iter().filter_map(|one| Some((one, one.architecture.as_ref().filter(|other| !own(other))?)));
    let foreign: Vec<String> = foreign.map(|(one, other)| format!("{}:{other}", one.package)).collect();
    if !foreign.is_empty() {
        let (packages, own) = (foreign.join(", "), spec.architecture.clone());
        return Err(ManagerError::OtherArchitecture { packages, own });
    }
    let mut versions: BTreeMap<&PackageName, &Version> = BTreeMap::new();
    for one in wanted {
        let before = versions.insert(&one.package, &one.version);
        if before.is_some_and(|before| *before != one.version) {
            return Err(ManagerError::TwoVersions(one.package.clone()));
        }
    }
    Ok(versions.into_iter().map(|(name, version)| (name.clone(), version.clone())).collect())
}

fn exactly((name, version): &(PackageName, Version)) -> String {
    format!("{name} (= {version})")
}

/// The packages of an archive that are wanted.
async fn listed(
    cx: &Context,
    one: &Opened,
    native: &Architecture,
    wanted: &Arc<Wanted>,
) -> Result<Vec<LockedPackage>, ManagerError> {
    let mut all = Vec::new();
    for index in indexes(&one.suite, native) {
        keep_as_apt_asks(cx, &one.suite, &index).await?;
        let (wanted, archive) = (Arc::clone(wanted), one.archive.clone());
        let read = move |text: &mut dyn BufRead| -> io::Result<Vec<LockedPackage>> {
            let mut found = Vec::new();
            for stanza in stream_packages(text) {
                let package = stanza?.value.filter(|package| wanted.contains(&key(package)));
                found.extend(package.and_then(|package| locked(&package, &archive)));
            }
            Ok(found)
        };
        all.extend(one.suite.read_index(cx, &index, read).await?);
    }
    Ok(all)
}

fn key(package: &BinaryPackage) -> (PackageName, Version) {
    (package.package.clone(), package.version.clone())
}

/// A package of an index, by the name under which the gateway knows its archive.
fn locked(package: &BinaryPackage, archive: &str) -> Option<LockedPackage> {
    let location = package.location.as_ref()?;
    let file = LockedFile { path: location.filename.to_string(), size: location.size, sha256: location.sha256 };
    let (name, version) = key(package);
    Some(LockedPackage::new(name, version, package.architecture.clone(), archive, file))
}

/// Every Packages index that apt reads of a suite, without the endings of their forms.
fn indexes(suite: &Suite, native: &Architecture) -> Vec<String> {
    let architectures = suite.package_architectures(native);
    let all = suite.components().into_iter().flat_map(|component| {
        architectures.iter().map(move |architecture| format!("{component}/binary-{architecture}/Packages"))
    });
    all.filter(|index| suite.has_index(index)).collect()
}

/// Keeps an index in the form that apt asks for, which may be another than the one that is read here: a lock shows no other file.
async fn keep_as_apt_asks(cx: &Context, suite: &Suite, index: &str) -> Result<(), ManagerError> {
    let mut forms = FORMS.iter().map(|ending| format!("{index}{ending}"));
    if let Some(form) = forms.find(|form| suite.release().file(form).is_some()) {
        suite.dists_file(cx, &form).await?;
    }
    Ok(())
}

/// What is included besides, with all that it needs and the packages that are there already do not give.
async fn more(
    cx: &Context,
    opened: &[Opened],
    spec: &ChrootSpec,
    there: &[LockedPackage],
) -> Result<Vec<LockedPackage>, ManagerError> {
    let exact = there
        .iter()
        .map(|package| Relation::new(package.name.clone()).with_constraint(Operator::Equal, package.version.clone()));
    let groups = exact.chain(spec.include.iter().cloned().map(Relation::new));
    let question = Question::Install(Install::new(Relations(groups.map(|one| Alternatives(vec![one])).collect())));
    let mut parts = Vec::new();
    for one in opened {
        for source in ArchiveSource::packages_of(&one.suite, slice::from_ref(&spec.architecture)) {
            let source = source.with_name(&one.archive);
            let provenance = source.provenance().unwrap_or_else(Provenance::new);
            let mut packages = Packages::new(source.load(cx, &question).await?, provenance);
            packages.priority = one.priority.map_or(packages.priority, i32::from);
            parts.push(packages);
        }
    }
    // The versions that are there already need not be the candidates.
    let options = UniverseOptions::new(spec.architecture.clone()).with_versions(Versions::All);
    let inner = cx.clone();
    let answer =
        blocking::run(move || SatResolver::new().answer(&inner, &Universe::new(options, parts), &question)).await?;
    let solution = match answer {
        Answer::Satisfied(solution) => solution,
        Answer::Unsatisfiable(why) => return Err(CreateError::Dependencies(why.to_string()).into()),
        Answer::Unknown(why) => return Err(ManagerError::Undecided(why)),
        other => return Err(ManagerError::Undecided(other.kind().to_string())),
    };
    let known: BTreeSet<&PackageName> = there.iter().map(|package| &package.name).collect();
    let new = solution.packages.iter().filter(|selected| !known.contains(&selected.package.package));
    Ok(new.filter_map(|selected| locked(&selected.package, &selected.origin)).collect())
}

#[cfg(all(test, feature = "testing"))]
mod tests;
