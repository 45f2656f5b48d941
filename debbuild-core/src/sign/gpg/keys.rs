//! The keys of a home: which of them sign, and how one follows another with an overlap.

use std::{
    fs::{self, File},
    io::{self, Write as _},
};

use serde::{Deserialize, Serialize};

use super::{GpgSigner, KeyAlgorithm, at_time, home::Home};
use crate::{
    blocking,
    clock::Timestamp,
    command::CommandRunnerExt as _,
    context::Context,
    path::{AbsPath, IoResultExt as _},
    sign::{Fingerprint, SignError},
};

/// The version of the record's schema.
const SCHEMA: u32 = 1;

/// What a key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRole {
    /// It signs everything.
    Signing,
    /// It signed once, and does no more.
    Retired,
    /// It is in the home, but debbuild does not use it.
    Unused,
}

impl KeyRole {
    /// Its name: `signing`, `retired`, `unused`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Retired => "retired",
            Self::Unused => "unused",
        }
    }
}

/// A key of a signer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigningKey {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What it is used for.
    pub role: KeyRole,
    /// When it was made, where that is known.
    pub created: Option<Timestamp>,
    /// Since when it has its role, where that is known.
    pub since: Option<Timestamp>,
}

impl SigningKey {
    /// A key with its role, of which nothing else is known.
    #[must_use]
    pub const fn new(fingerprint: Fingerprint, role: KeyRole) -> Self {
        Self { fingerprint, role, created: None, since: None }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) fingerprint: Fingerprint,
    /// When its newest part was made, in seconds: it cannot sign as of an earlier time.
    pub(super) created: i64,
}

/// Which keys of a home sign (the first is the oldest) and which did. Without it, the only key of the home signs.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    schema: u32,
    signing: Vec<Line>,
    retired: Vec<Line>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    fingerprint: String,
    since: Timestamp,
}

impl Line {
    fn is(&self, key: &Fingerprint) -> bool {
        self.fingerprint == key.as_str()
    }
}

impl GpgSigner {
    /// The keys of the home: those that sign, oldest first, then those that did, then others. None is made.
    ///
    /// # Errors
    /// [`SignError`].
    pub async fn keys(&self, cx: &Context) -> Result<Vec<SigningKey>, SignError> {
        let home = self.open(cx).await?;
        let found = self.list(cx, &home).await;
        self.close(home).await;
        let (found, record) = (found?, self.record().await?);
        let named = |key: &Key| self.options.keys.contains(&key.fingerprint);
        let alone = self.options.keys.is_empty() && found.len() == 1;
        let mut keys: Vec<SigningKey> = found
            .into_iter()
            .map(|key| {
                let of = |lines: &[Line]| lines.iter().find(|line| line.is(&key.fingerprint)).map(|line| line.since);
                let record = record.as_ref();
                let signing = record.and_then(|record| of(&record.signing));
                let retired = record.and_then(|record| of(&record.retired));
                let role = match (record, signing, retired) {
                    _ if named(&key) => KeyRole::Signing,
                    (Some(_), Some(_), _) if self.options.keys.is_empty() => KeyRole::Signing,
                    (_, _, Some(_)) => KeyRole::Retired,
                    (None, ..) if alone => KeyRole::Signing,
                    _ => KeyRole::Unused,
                };
                let created = Some(Timestamp::from_seconds(key.created));
                SigningKey { fingerprint: key.fingerprint, role, created, since: signing.or(retired).or(created) }
            })
            .collect();
        // The record is in order, also where two keys were made within a second.
        let place = |key: &SigningKey| {
            let mut lines = record.iter().flat_map(|record| record.signing.iter().chain(&record.retired));
            lines.position(|line| line.is(&key.fingerprint))
        };
        keys.sort_by_key(|key| (key.role as u8, place(key), key.fingerprint.clone()));
        Ok(keys)
    }

    /// Makes one more key, which from now on signs beside the others: clients that know either are served. Hand out the keyring
    /// anew, and when all clients have it, [`GpgSigner::retire`] the old key.
    ///
    /// # Errors
    /// [`SignError::Managed`] when the keys are not this signer's to make, and [`SignError`].
    pub async fn rotate(&self, cx: &Context) -> Result<Fingerprint, SignError> {
        self.must_be_own()?;
        self.signing(cx).await?;
        let home = self.open(cx).await?;
        let rotated = self.rotate_in(cx, &home).await;
        self.close(home).await;
        rotated
    }

    async fn rotate_in(&self, cx: &Context, home: &Home) -> Result<Fingerprint, SignError> {
        let now = cx.now();
        let mut record = match self.record().await? {
            Some(record) => record,
            None => {
                let keys = self.list(cx, home).await?;
                let line = |key: Key| Line {
                    fingerprint: key.fingerprint.to_string(),
                    since: Timestamp::from_seconds(key.created),
                };
                let record =
                    Record { schema: SCHEMA, signing: keys.into_iter().map(line).collect(), retired: Vec::new() };
                // Before there is a second key, so that it is known which one signs whatever happens next.
                self.save(record.clone()).await?;
                record
            }
        };
        let key = self.make(cx, home).await?;
        record.signing.push(Line { fingerprint: key.fingerprint.to_string(), since: now });
        self.save(record).await?;
        *self.known.lock().await = None;
        Ok(key.fingerprint)
    }

    /// Lets a key sign no more. It stays in the home, and its public part in the keyring of removed keys.
    ///
    /// # Errors
    /// [`SignError::NoKey`] when it does not sign, or is the only one that does; [`SignError::Managed`].
    pub async fn retire(&self, cx: &Context, key: &Fingerprint) -> Result<(), SignError> {
        self.must_be_own()?;
        let home = self.open(cx).await?;
        let retired = async {
            let mut record = self.record().await?;
            let signing = record.as_ref().map_or(0, |record| record.signing.len());
            let place = record.as_ref().and_then(|record| record.signing.iter().position(|line| line.is(key)));
            match (record.as_mut(), place) {
                (Some(record), Some(place)) if signing > 1 => {
                    let line = record.signing.remove(place);
                    record.retired.push(Line { since: cx.now(), ..line });
                }
                (_, None) if !self.list(cx, &home).await?.iter().any(|known| known.fingerprint == *key) => {
                    return Err(SignError::NoKey(format!("{} has no signing key {key}", self.options.home)));
                }
                (Some(record), None) if !record.signing.is_empty() => {
                    return Err(SignError::NoKey(format!("{key} does not sign")));
                }
                _ => return Err(SignError::NoKey(format!("{key} is the only one that signs: make another first"))),
            }
            match record {
                Some(record) => self.save(record).await,
                None => Ok(()),
            }
        };
        let retired = retired.await;
        self.close(home).await;
        *self.known.lock().await = None;
        retired
    }

    /// The public keys of those that signed once, binary; empty when there are none.
    ///
    /// # Errors
    /// [`SignError`].
    pub async fn retired_keys(&self, cx: &Context) -> Result<Vec<u8>, SignError> {
        let Some(record) = self.record().await? else { return Ok(Vec::new()) };
        let retired: Vec<Fingerprint> =
            record.retired.iter().map(|line| Fingerprint::new(&line.fingerprint)).collect::<Result<_, _>>()?;
        if retired.is_empty() { Ok(Vec::new()) } else { self.export(cx, &retired).await }
    }

    fn must_be_own(&self) -> Result<(), SignError> {
        if self.options.running || !self.options.keys.is_empty() {
            return Err(SignError::Managed(self.options.home.to_string()));
        }
        Ok(())
    }

    /// The keys that sign, oldest first: found in the home, or made there. Never empty.
    pub(super) async fn signing(&self, cx: &Context) -> Result<Vec<Key>, SignError> {
        let known = self.known.lock().await.clone();
        if let Some(keys) = known {
            return Ok(keys);
        }
        let (home, keys) = self.open_for_signing(cx).await?;
        self.close(home).await;
        Ok(keys)
    }

    /// The open home, and the keys that sign.
    pub(super) async fn open_for_signing(&self, cx: &Context) -> Result<(Home, Vec<Key>), SignError> {
        let home = self.open(cx).await?;
        // Whoever waits for the home must not hold what its owner asks for.
        let mut known = self.known.lock().await;
        if let Some(keys) = &*known {
            return Ok((home, keys.clone()));
        }
        match self.find_or_make(cx, &home).await {
            Ok(keys) => Ok((home, known.insert(keys).clone())),
            Err(error) => {
                self.close(home).await;
                Err(error)
            }
        }
    }

    async fn find_or_make(&self, cx: &Context, home: &Home) -> Result<Vec<Key>, SignError> {
        let place = &self.options.home;
        let found = self.list(cx, home).await?;
        let pick = |wanted: &Fingerprint| {
            let key = found.iter().find(|key| key.fingerprint == *wanted).cloned();
            key.ok_or_else(|| SignError::NoKey(format!("{place} has no usable secret key {wanted}")))
        };
        if !self.options.keys.is_empty() {
            return self.options.keys.iter().map(pick).collect();
        }
        match (self.record().await?, found.as_slice()) {
            (Some(record), _) => {
                record.signing.iter().map(|line| pick(&Fingerprint::new(&line.fingerprint)?)).collect()
            }
            (None, [key]) => Ok(vec![key.clone()]),
            (None, []) => Ok(vec![self.make(cx, home).await?]),
            (None, [..]) => Err(SignError::NoKey(format!("{place} has several secret keys: name one"))),
        }
    }

    async fn list(&self, cx: &Context, home: &Home) -> Result<Vec<Key>, SignError> {
        let spec = self.command(home).with_args(["--with-colons", "--list-secret-keys"]);
        let listing = self.runner.output(cx, &spec).await?;
        Ok(parse_listing(&String::from_utf8_lossy(&listing)))
    }

    async fn make(&self, cx: &Context, home: &Home) -> Result<Key, SignError> {
        cx.note(format!("making an archive signing key in {}", self.options.home));
        let before = self.list(cx, home).await?;
        let algorithm = match self.options.algorithm {
            KeyAlgorithm::Ed25519 => "ed25519",
            KeyAlgorithm::Rsa4096 => "rsa4096",
        };
        // Twice the same user id is asked about, unless it is forced.
        let spec = at_time(self.command(home), cx.now().seconds())
            .with_args(["--cert-digest-algo", "SHA512", "--yes", "--quick-generate-key"])
            .with_args([self.options.user_id.as_str(), algorithm, "sign", "never"]);
        self.runner.output(cx, &spec).await?;
        let folder = self.options.home.clone();
        blocking::run(move || {
            let opened = File::open(&folder).at("open", &folder)?;
            rustix::fs::syncfs(&opened).map_err(io::Error::from).at("sync", &folder)
        })
        .await?;
        let missing = || SignError::NoKey(format!("gpg made no key in {}", self.options.home));
        let is_new = |key: &Key| !before.iter().any(|known| known.fingerprint == key.fingerprint);
        self.list(cx, home).await?.into_iter().find(is_new).ok_or_else(missing)
    }

    fn record_path(&self) -> AbsPath {
        self.options.home.join("debbuild-keys.json")
    }

    async fn record(&self) -> Result<Option<Record>, SignError> {
        let path = self.record_path();
        blocking::run(move || {
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                bytes => bytes.at("read", &path)?,
            };
            let bad = |reason: String| SignError::NoKey(format!("cannot read {path}: {reason}"));
            match serde_json::from_slice::<Record>(&bytes) {
                Ok(record) if record.schema == SCHEMA => Ok(Some(record)),
                Ok(record) => Err(bad(format!("schema {}, this debbuild knows {SCHEMA}", record.schema))),
                Err(error) => Err(bad(error.to_string())),
            }
        })
        .await
    }

    async fn save(&self, record: Record) -> Result<(), SignError> {
        let path = self.record_path();
        blocking::run(move || {
            let text = serde_json::to_vec(&record).map_err(|error| SignError::NoKey(error.to_string()))?;
            let folder = path.parent();
            let mut file = tempfile::NamedTempFile::new_in(&folder).at("create a file in", &folder)?;
            file.write_all(&text).and_then(|()| file.as_file().sync_all()).at("write", &path)?;
            file.persist(&path).map_err(|error| error.error).at("rename to", &path)?;
            File::open(&folder).and_then(|folder| folder.sync_all()).at("sync", &folder)?;
            Ok(())
        })
        .await
    }
}

/// Reads `--with-colons` lines (GnuPG's doc/DETAILS): field 1 type, 2 validity, 6 creation, 10 fingerprint.
fn parse_listing(listing: &str) -> Vec<Key> {
    let mut keys: Vec<(bool, i64, Option<Fingerprint>)> = Vec::new();
    for line in listing.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or("");
        let created = field(5).parse().unwrap_or(0);
        match (field(0), keys.last_mut()) {
            ("sec", _) => keys.push((!matches!(field(1), "e" | "r" | "d" | "i"), created, None)),
            ("ssb", Some(key)) => key.1 = key.1.max(created),
            ("fpr", Some(key)) if key.2.is_none() => key.2 = Fingerprint::new(field(9)).ok(),
            _ => {}
        }
    }
    keys.into_iter()
        .filter(|(usable, ..)| *usable)
        .filter_map(|(_, created, fingerprint)| Some(Key { fingerprint: fingerprint?, created }))
        .collect()
}
