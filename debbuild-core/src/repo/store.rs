//! The records of a repository in `.debbuild`: what suites there are, what is staged, and the numbered states.

use std::{
    fs,
    io::{self, Write as _},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Entry, RepoError, STATE_SCHEMA, State, StateId, SuiteOptions,
    folder::{encoded, make_folders, sync_folder},
};
use crate::{
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
};

/// The records of the repository in one folder.
#[derive(Debug, Clone)]
pub(super) struct Store {
    dir: AbsPath,
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
    entries: Vec<Entry>,
}

impl Store {
    pub(super) const fn new(dir: AbsPath) -> Self {
        Self { dir }
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
        let record = record.ok_or_else(|| RepoError::NoRepository(self.dir.clone()))?;
        schema(&self.marker(), record.schema)
    }

    pub(super) fn suites(&self) -> Result<Vec<SuiteOptions>, RepoError> {
        let folder = self.dir.join(".debbuild/suites");
        let mut suites = Vec::new();
        for path in children(&folder)? {
            let path = path.join("suite.json");
            if let Some(record) = read::<SuiteRecord>(&path)? {
                schema(&path, record.schema)?;
                suites.push(record.options);
            }
        }
        suites.sort_by(|one, other| one.suite.cmp(&other.suite));
        Ok(suites)
    }

    pub(super) fn options(&self, suite: &SuiteName) -> Result<SuiteOptions, RepoError> {
        let path = self.suite(suite)?.join("suite.json");
        let record: SuiteRecord = read(&path)?.ok_or_else(|| RepoError::NoSuite(suite.clone()))?;
        schema(&path, record.schema)?;
        Ok(record.options)
    }

    pub(super) fn set_options(&self, options: &SuiteOptions) -> Result<(), RepoError> {
        let path = self.suite(&options.suite)?.join("suite.json");
        self.write(&path, &SuiteRecord { schema: STATE_SCHEMA, options: options.clone() })
    }

    pub(super) fn staged(&self, suite: &SuiteName) -> Result<Vec<Entry>, RepoError> {
        let path = self.suite(suite)?.join("staged.json");
        let Some(record) = read::<StagedRecord>(&path)? else { return Ok(Vec::new()) };
        schema(&path, record.schema)?;
        Ok(record.entries)
    }

    pub(super) fn set_staged(&self, suite: &SuiteName, entries: Vec<Entry>) -> Result<(), RepoError> {
        let path = self.suite(suite)?.join("staged.json");
        self.write(&path, &StagedRecord { schema: STATE_SCHEMA, entries })
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
        schema(&path, state.schema)?;
        Ok(state)
    }

    pub(super) fn save(&self, state: &State) -> Result<(), RepoError> {
        self.write(&self.state(&state.options.suite, state.id())?, state)
    }

    /// Forgets the record of a state that readers never saw.
    pub(super) fn forget(&self, suite: &SuiteName, id: StateId) -> Result<(), RepoError> {
        let path = self.state(suite, id)?;
        fs::remove_file(&path).at("remove", &path)?;
        Ok(sync_folder(&path.parent())?)
    }

    /// Replaces a record: the old one or the new one is there, also after a power loss.
    fn write<T: Serialize>(&self, path: &AbsPath, record: &T) -> Result<(), RepoError> {
        make_folders(&path.parent())?;
        let scratch = self.dir.join(".debbuild/tmp");
        let mut bytes = serde_json::to_vec(record)
            .map_err(|error| RepoError::Record { path: path.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        let mut file = tempfile::NamedTempFile::new_in(&scratch).at("create a file in", &scratch)?;
        file.write_all(&bytes).at("write", path)?;
        file.as_file().sync_all().at("sync", path)?;
        file.persist(path).map_err(|error| error.error).at("rename to", path)?;
        Ok(sync_folder(&path.parent())?)
    }
}

fn read<T: DeserializeOwned>(path: &AbsPath) -> Result<Option<T>, RepoError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.at("read", path)?,
    };
    let record = serde_json::from_slice(&bytes);
    record.map(Some).map_err(|error| RepoError::Record { path: path.clone(), reason: error.to_string() })
}

fn schema(path: &AbsPath, schema: u32) -> Result<(), RepoError> {
    if schema == STATE_SCHEMA {
        return Ok(());
    }
    let reason = format!("schema {schema}, this debbuild knows {STATE_SCHEMA}");
    Err(RepoError::Record { path: path.clone(), reason })
}

fn children(folder: &AbsPath) -> Result<Vec<AbsPath>, RepoError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", folder)?,
    };
    entries.map(|entry| Ok(AbsPath::new(entry.at("read", folder)?.path())?)).collect()
}
