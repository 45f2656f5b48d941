//! The records of a repository in `.debbuild`: what suites there are, what is staged, and the numbered states.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    io::{self, Write as _},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Content, Entry, RepoError, Retention, STATE_SCHEMA, State, StateId, SuiteOptions,
    catalog::Catalog,
    chunk::ChunkStore,
    folder::{encoded, make_folders, sync_all, sync_folder},
    parallel,
    seen::Seen,
    segment,
};
use crate::{
    digest::Sha256,
    fail,
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
};

/// Segments are small and read often.
const SEGMENT_LEVEL: i32 = 3;

/// The records of the repository in one folder.
#[derive(Debug, Clone)]
pub(super) struct Store {
    dir: AbsPath,
}

/// What every record has.
#[derive(Debug, Deserialize)]
struct Versioned {
    schema: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct RepositoryRecord {
    schema: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct SuiteRecord {
    schema: u32,
    options: SuiteOptions,
}

#[derive(Debug, Serialize, Deserialize)]
struct StagedRecord {
    schema: u32,
    content: Content,
}

#[derive(Debug, Serialize, Deserialize)]
struct RetentionRecord {
    schema: u32,
    last: Option<u64>,
    seconds: Option<u64>,
    named: BTreeMap<String, i64>,
}

impl Store {
    pub(super) const fn new(dir: AbsPath) -> Self {
        Self { dir }
    }

    /// The folder of the repository.
    pub(super) const fn dir(&self) -> &AbsPath {
        &self.dir
    }

    fn marker(&self) -> AbsPath {
        self.dir.join(".debbuild/repository.json")
    }

    /// The file that one process at a time locks.
    pub(super) fn lock(&self) -> AbsPath {
        self.dir.join(".debbuild/lock")
    }

    fn suite(&self, suite: &SuiteName) -> Result<AbsPath, RepoError> {
        Ok(self.dir.join(".debbuild/suites").child(&encoded(suite))?)
    }

    fn state(&self, suite: &SuiteName, id: StateId) -> Result<AbsPath, RepoError> {
        Ok(self.suite(suite)?.join("states").child(&format!("{id}.json"))?)
    }

    /// Makes the folder of the records, so that there is a file to lock.
    pub(super) fn prepare(&self) -> Result<(), RepoError> {
        Ok(make_folders(&self.dir.join(".debbuild/tmp"))?)
    }

    /// Marks the folder as a repository.
    pub(super) fn mark(&self) -> Result<(), RepoError> {
        self.write(&self.marker(), &RepositoryRecord { schema: STATE_SCHEMA })
    }

    /// Refuses a folder that is none, or one of a newer debbuild.
    pub(super) fn check(&self) -> Result<(), RepoError> {
        let record: Option<RepositoryRecord> = read(&self.marker())?;
        record.map(|_| ()).ok_or_else(|| RepoError::NoRepository(self.dir.clone()))
    }

    pub(super) fn suites(&self) -> Result<Vec<SuiteOptions>, RepoError> {
        let folder = self.dir.join(".debbuild/suites");
        let mut suites = Vec::new();
        for path in children(&folder)? {
            let path = path.join("suite.json");
            if let Some(record) = read::<SuiteRecord>(&path)? {
                suites.push(record.options);
            }
        }
        suites.sort_by(|one, other| one.suite.cmp(&other.suite));
        Ok(suites)
    }

    pub(super) fn options(&self, suite: &SuiteName) -> Result<SuiteOptions, RepoError> {
        let path = self.suite(suite)?.join("suite.json");
        let record: SuiteRecord = read(&path)?.ok_or_else(|| RepoError::NoSuite(suite.clone()))?;
        Ok(record.options)
    }

    pub(super) fn set_options(&self, options: &SuiteOptions) -> Result<(), RepoError> {
        let path = self.suite(&options.suite)?.join("suite.json");
        self.write(&path, &SuiteRecord { schema: STATE_SCHEMA, options: options.clone() })
    }

    /// What is staged.
    pub(super) fn staged(&self, suite: &SuiteName) -> Result<Content, RepoError> {
        let path = self.suite(suite)?.join("staged.json");
        let Some(record) = read::<StagedRecord>(&path)? else { return Ok(Content::default()) };
        Ok(record.content)
    }

    /// Stages exactly these entries, which are in their order.
    pub(super) fn set_staged(&self, suite: &SuiteName, entries: &[Entry]) -> Result<(), RepoError> {
        let content = self.keep(entries)?;
        self.stage(suite, content)
    }

    /// Stages this content.
    pub(super) fn stage(&self, suite: &SuiteName, content: Content) -> Result<(), RepoError> {
        let path = self.suite(suite)?.join("staged.json");
        self.write(&path, &StagedRecord { schema: STATE_SCHEMA, content })
    }

    /// The rule by which states stay.
    pub(super) fn retention(&self, suite: &SuiteName) -> Result<Retention, RepoError> {
        let path = self.suite(suite)?.join("retention.json");
        let Some(record) = read::<RetentionRecord>(&path)? else { return Ok(Retention::new()) };
        let rule = Retention::new().with_last(record.last).with_seconds(record.seconds);
        Ok(record.named.into_iter().fold(rule, |rule, (name, state)| rule.with_named(name, StateId::new(state))))
    }

    pub(super) fn set_retention(&self, suite: &SuiteName, rule: &Retention) -> Result<(), RepoError> {
        let path = self.suite(suite)?.join("retention.json");
        let named = rule.named.iter().map(|(name, state)| (name.clone(), state.get())).collect();
        let record = RetentionRecord { schema: STATE_SCHEMA, last: rule.last, seconds: rule.seconds, named };
        self.write(&path, &record)
    }

    fn kept_sources_path(&self) -> AbsPath {
        self.dir.join(".debbuild/kept-sources.json")
    }

    /// Sources that no state has any more, but whose files packages still need.
    pub(super) fn kept_sources(&self) -> Result<Vec<Entry>, RepoError> {
        match read::<StagedRecord>(&self.kept_sources_path())? {
            Some(record) => self.entries(&record.content),
            None => Ok(Vec::new()),
        }
    }

    /// Keeps exactly these, which are in their order; returns the segments they are in.
    pub(super) fn set_kept_sources(&self, entries: &[Entry]) -> Result<Content, RepoError> {
        let content = self.keep(entries)?;
        self.write(&self.kept_sources_path(), &StagedRecord { schema: STATE_SCHEMA, content: content.clone() })?;
        Ok(content)
    }

    /// Removes all segments but these, and what interrupted runs left. The caller holds the lock of the repository.
    pub(super) fn sweep(&self, keep: &HashSet<Sha256>) -> Result<(), RepoError> {
        for folder in children(&self.dir.join(".debbuild/segments"))? {
            for path in children(&folder)? {
                if !path.name().parse().is_ok_and(|sha256: Sha256| keep.contains(&sha256)) {
                    fail::point("remove a segment");
                    fs::remove_file(&path).at("remove", &path)?;
                }
            }
        }
        for path in children(&self.scratch())? {
            let is_folder = fs::symlink_metadata(&path).at("look at", &path)?.is_dir();
            if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.at("remove", &path)?;
        }
        Ok(())
    }

    fn segment(&self, sha256: Sha256) -> Result<AbsPath, RepoError> {
        let name = sha256.to_string();
        Ok(self.dir.join(".debbuild/segments").child(&name[..2])?.child(&name)?)
    }

    /// Writes the segments that are not there yet.
    fn keep(&self, entries: &[Entry]) -> Result<Content, RepoError> {
        let scratch = self.scratch();
        let mut written = Vec::new();
        let mut content = Content { packages: entries.len() as u64, segments: Vec::new() };
        for run in segment::runs(entries) {
            let text = segment::text(&entries[run]);
            let sha256 = Sha256::of(text.as_bytes());
            content.segments.push(sha256);
            let path = self.segment(sha256)?;
            if path.as_std().exists() {
                continue;
            }
            fs::create_dir_all(path.parent()).at("create", &path.parent())?;
            let mut packer = zstd::bulk::Compressor::new(SEGMENT_LEVEL).at("compress for", &path)?;
            packer.include_checksum(true).at("compress for", &path)?;
            let packed = packer.compress(text.as_bytes()).at("compress for", &path)?;
            let mut file = tempfile::NamedTempFile::new_in(&scratch).at("create a file in", &scratch)?;
            file.write_all(&packed).at("write", &path)?;
            // There may be more of them than files that a process may have open.
            written.push((file.into_temp_path(), path));
        }
        sync_all(&scratch, written.iter().map(|(file, _)| AbsPath::new(file)).collect::<Result<_, _>>()?)?;
        let mut folders = Vec::new();
        for (file, path) in written {
            fail::point("name a segment");
            file.persist(&path).map_err(|error| error.error).at("rename to", &path)?;
            folders.extend([path.parent(), path.parent().parent()]);
        }
        sync_all(&scratch, folders)?;
        Ok(content)
    }

    /// The entries of a content, in their order.
    pub(super) fn entries(&self, content: &Content) -> Result<Vec<Entry>, RepoError> {
        let read = parallel::map(&content.segments, |sha256| {
            let path = self.segment(*sha256)?;
            let packed = fs::read(&path).at("read", &path)?;
            let bad = |reason: &str| RepoError::Record { path: path.clone(), reason: reason.to_owned() };
            let text = zstd::stream::decode_all(&packed[..]).map_err(|error| bad(&error.to_string()))?;
            let text = std::str::from_utf8(&text).map_err(|error| bad(&error.to_string()))?;
            segment::read(text).ok_or_else(|| bad("it has a line that is no entry"))
        });
        Ok(read?.into_iter().flatten().collect())
    }

    /// What is known of packages.
    pub(super) fn catalog(&self) -> Result<Catalog, RepoError> {
        Catalog::open(&self.dir.join(".debbuild"))
    }

    /// The files that were read before.
    pub(super) fn seen(&self) -> Seen {
        Seen::load(self.dir.join(".debbuild/seen"))
    }

    /// The pieces of the suite's indexes.
    pub(super) fn chunks(&self, suite: &SuiteName) -> Result<ChunkStore, RepoError> {
        Ok(ChunkStore::new(self.dir.join(".debbuild/chunks").child(&encoded(suite))?))
    }

    /// A folder for files in the making; whoever writes holds the lock.
    pub(super) fn scratch(&self) -> AbsPath {
        self.dir.join(".debbuild/tmp")
    }

    /// The numbers of all states that have a record, ascending; those above the current one were never seen by readers.
    pub(super) fn numbers(&self, suite: &SuiteName) -> Result<Vec<StateId>, RepoError> {
        let folder = self.suite(suite)?.join("states");
        let number = |path: &AbsPath| path.name().strip_suffix(".json").and_then(|number| number.parse().ok());
        let mut numbers: Vec<StateId> = children(&folder)?.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) fn load(&self, suite: &SuiteName, id: StateId) -> Result<State, RepoError> {
        let path = self.state(suite, id)?;
        let state: State = read(&path)?.ok_or_else(|| RepoError::NoState { suite: suite.clone(), state: id })?;
        Ok(state)
    }

    pub(super) fn save(&self, state: &State) -> Result<(), RepoError> {
        self.write(&self.state(&state.options.suite, state.id())?, state)
    }

    /// Forgets the record of a state that readers never saw.
    pub(super) fn forget(&self, suite: &SuiteName, id: StateId) -> Result<(), RepoError> {
        let path = self.state(suite, id)?;
        fail::point("forget a record");
        fs::remove_file(&path).at("remove", &path)?;
        Ok(sync_folder(&path.parent())?)
    }

    /// Replaces a record: the old one or the new one is there, also after a power loss.
    fn write<T: Serialize>(&self, path: &AbsPath, record: &T) -> Result<(), RepoError> {
        make_folders(&path.parent())?;
        let scratch = self.scratch();
        let mut bytes = serde_json::to_vec(record)
            .map_err(|error| RepoError::Record { path: path.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        let mut file = tempfile::NamedTempFile::new_in(&scratch).at("create a file in", &scratch)?;
        file.write_all(&bytes).at("write", path)?;
        file.as_file().sync_all().at("sync", path)?;
        fail::point("name a record");
        file.persist(path).map_err(|error| error.error).at("rename to", path)?;
        Ok(sync_folder(&path.parent())?)
    }
}

/// Reads a record; its schema is looked at before everything else, as a record of another schema has other fields.
fn read<T: DeserializeOwned>(path: &AbsPath) -> Result<Option<T>, RepoError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.at("read", path)?,
    };
    let bad = |reason: String| RepoError::Record { path: path.clone(), reason };
    let Versioned { schema } = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    if schema != STATE_SCHEMA {
        return Err(bad(format!("schema {schema}, this debbuild knows {STATE_SCHEMA}")));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| bad(error.to_string()))
}

fn children(folder: &AbsPath) -> Result<Vec<AbsPath>, RepoError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", folder)?,
    };
    entries.map(|entry| Ok(AbsPath::new(entry.at("read", folder)?.path())?)).collect()
}
