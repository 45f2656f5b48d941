//! Making a suite of ours hold what was chosen: the difference is staged, and published.

use std::collections::{BTreeMap, BTreeSet};

use super::{LeftOut, Listed, MirrorError, MirrorOptions, MirrorPlan};
use crate::{
    acquire::{PoolFile, Suite},
    blob::BlobStore,
    context::Context,
    control::single_paragraph,
    digest::{KeyHasher, Sha256},
    error::{Class, Classify as _},
    name::{ComponentName, FileName, PackageName, SuiteName},
    path::AbsPath,
    repo::{
        Entry, Input, InputKind, Override, Placing, RepoError, Repository, SourceFile, State, SuiteOptions, Wanted,
    },
    sign::Signer,
    version::Version,
};

/// The owner of the roots that keep what is fetched for a mirror until it is in the pool.
const ROOT_OWNER: &str = "mirror";

/// A package that came or went.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Change {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture, or `source`.
    pub architecture: String,
}

/// What a mirror or an import did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// What was added.
    pub added: Vec<Change>,
    /// What the archive does not have any more.
    pub removed: Vec<Change>,
    /// What the archive says something else of than before: its section, priority, tags or description.
    pub changed: Vec<Change>,
    /// How many packages stayed as they were.
    pub kept: usize,
    /// The size in bytes of the files that were added.
    pub bytes: u64,
    /// What was wanted and could not be had.
    pub left_out: Vec<LeftOut>,
    /// What readers see now, and whether it was published by this call: where nothing changed and the published state is good
    /// for at least half of its time, it is left as it is.
    pub state: State,
    /// Whether a new state was published.
    pub published: bool,
}

/// Where the suite of ours differs from what was chosen.
pub(super) struct Difference<'a> {
    new: Vec<&'a Listed>,
    /// In another component than before: their entries go before they come.
    moved: Vec<&'a Listed>,
    gone: Vec<Entry>,
    /// What is there, and of which the archive says something else now.
    said: Vec<(&'a Listed, Input)>,
    kept: usize,
}

impl<'a> Difference<'a> {
    pub(super) async fn find(
        cx: &Context,
        repository: &Repository,
        suite: &SuiteName,
        listed: &'a [Listed],
    ) -> Result<Self, MirrorError> {
        let entries = repository.list(cx, suite, None).await?;
        let key = |entry: &Entry| {
            let (name, version) = (entry.name.clone(), entry.version.clone());
            (entry.kind, name, version, entry.architecture_name().to_owned())
        };
        let mut there: BTreeMap<_, Entry> = entries.into_iter().map(|entry| (key(&entry), entry)).collect();
        let mut found = Self { new: Vec::new(), moved: Vec::new(), gone: Vec::new(), said: Vec::new(), kept: 0 };
        let mut kept = Vec::new();
        for one in listed {
            match there.remove(&one.key()) {
                None => found.new.push(one),
                Some(entry) if !same_content(&entry, one) => {
                    return Err(RepoError::Conflict { what: one.describe() }.into());
                }
                Some(entry) if entry.component != one.component => {
                    found.moved.push(one);
                    found.gone.push(entry);
                }
                Some(entry) => kept.push((one, entry)),
            }
        }
        found.gone.extend(there.into_values());
        found.said = said_otherwise(cx, repository, &kept).await?;
        found.kept = kept.len() - found.said.len();
        Ok(found)
    }

    /// Of what is there nothing goes.
    pub(super) fn only_new(mut self) -> Self {
        let moved: BTreeSet<_> = self.moved.iter().map(|one| one.describe()).collect();
        self.gone.retain(|entry| moved.contains(&entry.key()));
        self
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = &'a Listed> {
        self.new.iter().chain(&self.moved).copied()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.wanted().flat_map(|listed| &listed.files).map(|file| file.size).sum()
    }
}

fn same_content(entry: &Entry, listed: &Listed) -> bool {
    let ours: BTreeSet<Sha256> = entry.files.iter().map(|file| file.sha256).collect();
    ours == listed.files.iter().map(|file| file.sha256).collect()
}

impl MirrorPlan {
    /// Fetches what our suite in this folder does not have yet, makes it hold exactly what was chosen and publishes it. The
    /// repository or the suite is made where it is not there.
    ///
    /// # Errors
    /// [`MirrorError::TooMuch`] before anything is fetched; what fetching and publishing give. What was fetched is kept for the
    /// next time, and readers still see the state before.
    pub async fn apply(&self, cx: &Context, dir: &AbsPath, signer: &dyn Signer) -> Result<Report, MirrorError> {
        let MirrorOptions { suite, limit, placing, .. } = &self.options;
        let repository = open(cx, dir, self.suite.clone()).await?;
        let difference = Difference::find(cx, &repository, suite, &self.packages).await?;
        let bytes = difference.bytes();
        if let Some(limit) = limit.filter(|limit| bytes > *limit) {
            return Err(MirrorError::TooMuch { bytes, limit });
        }
        let Some(store) = self.suites.first().map(Suite::store) else { return Err(MirrorError::NoArchive) };
        let mut key = KeyHasher::new("mirror v1");
        key.part("folder", dir.as_str()).part("suite", suite.as_str());
        let root = key.finish().to_string();
        let ids: Vec<Sha256> = difference.wanted().flat_map(|listed| &listed.files).map(|file| file.sha256).collect();
        store.pin(cx, ROOT_OWNER, &root, &ids).await?;
        self.fetch(cx, &difference).await?;
        let mut inputs = BTreeMap::new();
        let wanted: Vec<&Listed> = difference.wanted().collect();
        for listed in wanted {
            inputs.insert(listed.key(), blobs_input(cx, &**store, listed).await?);
        }
        let stage = Stage { cx, repository: &repository, suite, placing: *placing, inputs };
        let report = stage.run(difference, bytes, self.left_out.clone(), signer).await?;
        // From here on the pool has them.
        store.pin(cx, ROOT_OWNER, &root, &[]).await?;
        Ok(report)
    }

    async fn fetch(&self, cx: &Context, difference: &Difference<'_>) -> Result<(), MirrorError> {
        for (origin, suite) in self.suites.iter().enumerate() {
            let ours = difference.wanted().filter(|listed| listed.origin == origin);
            let files: Vec<PoolFile> = ours.flat_map(|listed| listed.files.clone()).collect();
            if !files.is_empty() {
                suite.files(cx, &files).await?;
            }
        }
        Ok(())
    }
}

/// Those packages of a suite of which the archive says something else now, with their files in our pool.
async fn said_otherwise<'a>(
    cx: &Context,
    repository: &Repository,
    kept: &[(&'a Listed, Entry)],
) -> Result<Vec<(&'a Listed, Input)>, MirrorError> {
    let mut packages = Vec::with_capacity(kept.len());
    for (listed, entry) in kept {
        let ours = |file: &PoolFile| {
            let path = entry.files.iter().find(|own| own.sha256 == file.sha256).map_or("", |own| own.path.as_str());
            repository.dir().descend(path)
        };
        let local = listed.files.iter().map(ours).collect::<Result<_, _>>()?;
        packages.push((entry.clone(), input(listed, local)?));
    }
    let otherwise = repository.said_otherwise(cx, packages.clone()).await?;
    let said = kept.iter().zip(packages).zip(otherwise).filter(|(_, otherwise)| *otherwise);
    Ok(said.map(|(((listed, _), (_, input)), _)| (*listed, input)).collect())
}

/// What was fetched, as an input: a .deb is not opened, what the verified index says of it is enough.
async fn blobs_input(cx: &Context, store: &dyn BlobStore, listed: &Listed) -> Result<Input, MirrorError> {
    let mut local = Vec::with_capacity(listed.files.len());
    for file in &listed.files {
        local.push(store.local(cx, file.sha256).await?);
    }
    input(listed, local)
}

/// A listed package as an input; `local` are its files in their order.
pub(super) fn input(listed: &Listed, local: Vec<AbsPath>) -> Result<Input, MirrorError> {
    let mut local = listed.files.iter().zip(local);
    let Some((first, file)) = local.next() else {
        return Err(RepoError::Input { file: listed.describe(), reason: "it has no file".to_owned() }.into());
    };
    if listed.architecture.is_some() {
        return Ok(Input::new(InputKind::Binary, file).with_sha256(first.sha256).with_control(&*listed.stanza));
    }
    let mut others = Vec::new();
    for (other, file) in local {
        let name = FileName::new(other.path.rsplit('/').next().unwrap_or_default())?;
        others.push(SourceFile::new(name, file));
    }
    Ok(Input::new(InputKind::Source, file).with_sha256(first.sha256).with_files(others).with_given(given(listed)))
}

/// The section and the priority that the archive's index gives to a source; its own .dsc has none.
fn given(listed: &Listed) -> Override {
    let paragraph = single_paragraph(&listed.stanza).ok();
    let field = |name| paragraph.as_ref().and_then(|paragraph| paragraph.get(name)).map(str::to_owned);
    let mut given = Override::default();
    (given.section, given.priority) = (field("Section"), field("Priority"));
    given
}

/// Staging and publishing of a difference.
pub(super) struct Stage<'a> {
    pub(super) cx: &'a Context,
    pub(super) repository: &'a Repository,
    pub(super) suite: &'a SuiteName,
    pub(super) placing: Placing,
    pub(super) inputs: BTreeMap<super::listing::Key, Input>,
}

impl Stage<'_> {
    /// First what is new comes, then what is gone goes: an interruption in between is mended by the next run.
    pub(super) async fn run(
        mut self,
        difference: Difference<'_>,
        bytes: u64,
        left_out: Vec<LeftOut>,
        signer: &dyn Signer,
    ) -> Result<Report, MirrorError> {
        self.add(&difference.new).await?;
        let going: Vec<Wanted> = difference.gone.iter().map(meant).collect();
        if !going.is_empty() {
            self.repository.remove(self.cx, self.suite, going).await?;
        }
        self.add(&difference.moved).await?;
        let said: Vec<&Listed> = difference.said.iter().map(|(listed, _)| *listed).collect();
        self.inputs.extend(difference.said.into_iter().map(|(listed, input)| (listed.key(), input)));
        self.add(&said).await?;
        let changed = !difference.new.is_empty() || !difference.gone.is_empty() || !said.is_empty();
        let current = match self.repository.current(self.cx, self.suite).await {
            Ok(state) => Some(state).filter(|state| !changed && self.is_fresh(state)),
            Err(error) if error.class() == Class::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let published = current.is_none();
        let state = match current {
            Some(state) => state,
            None => self.repository.publish(self.cx, self.suite, signer).await?,
        };
        let entry = |entry: &Entry| Change {
            name: entry.name.clone(),
            version: entry.version.clone(),
            architecture: entry.architecture_name().to_owned(),
        };
        let listed = |listed: &Listed| Change {
            name: listed.name.clone(),
            version: listed.version.clone(),
            architecture: listed.architecture_name().to_owned(),
        };
        let mut added: Vec<Change> = difference.new.iter().chain(&difference.moved).copied().map(listed).collect();
        let mut changed: Vec<Change> = said.into_iter().map(listed).collect();
        let mut removed: Vec<Change> = difference.gone.iter().map(entry).collect();
        for changes in [&mut added, &mut removed, &mut changed] {
            changes.sort_unstable();
        }
        Ok(Report { added, removed, changed, kept: difference.kept, bytes, left_out, state, published })
    }

    async fn add(&mut self, listed: &[&Listed]) -> Result<(), MirrorError> {
        let mut by_component: BTreeMap<&ComponentName, Vec<Input>> = BTreeMap::new();
        for one in listed {
            by_component.entry(&one.component).or_default().extend(self.inputs.remove(&one.key()));
        }
        for (component, inputs) in by_component {
            self.repository.add(self.cx, self.suite, component, inputs, self.placing).await?;
        }
        Ok(())
    }

    /// Whether a state is good for at least half of its time.
    fn is_fresh(&self, state: &State) -> bool {
        let now = self.cx.now();
        state.valid_until.is_none_or(|until| until.since(now) >= now.since(state.date))
    }
}

fn meant(entry: &Entry) -> Wanted {
    Wanted::new(entry.name.clone()).with_version(entry.version.clone()).with_architecture(entry.architecture_name())
}

/// The repository in this folder with the suite in it; a suite that is there gets the components and architectures that it lacks.
pub(super) async fn open(cx: &Context, dir: &AbsPath, wanted: SuiteOptions) -> Result<Repository, RepoError> {
    let there = match Repository::open(cx, dir.clone()).await {
        Ok(repository) => {
            let suites = repository.suites(cx).await?;
            suites.into_iter().find(|options| options.suite == wanted.suite).map(|options| (repository, options))
        }
        Err(error) if error.class() == Class::NotFound => None,
        Err(error) => return Err(error),
    };
    let Some((repository, mut options)) = there else { return Repository::init(cx, dir.clone(), wanted).await };
    let before = options.clone();
    let missing = wanted.components.into_iter().filter(|name| !before.components.contains(name));
    options.components.extend(missing);
    let missing = wanted.architectures.into_iter().filter(|name| !before.architectures.contains(name));
    options.architectures.extend(missing);
    if options == before { Ok(repository) } else { Repository::init(cx, dir.clone(), options).await }
}
