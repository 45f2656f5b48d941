//! Importing a published tree of this machine: reprepro's, aptly's, or one that dpkg-scanpackages made the indexes of.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry as MapEntry};

use super::{
    LeftOut, Listed, MirrorError, Report,
    apply::{Difference, Stage, input, open},
    listing::{self, Descriptions, Key},
    suite_options,
    tree::{self, Signed, Tree},
};
use crate::{
    arch::Architecture,
    blocking,
    cancel::CancelToken,
    context::Context,
    control::Release,
    event::Unit,
    name::{ComponentName, SuiteName},
    path::AbsPath,
    repo::{Placing, SuiteOptions},
    sign::{Keyring, Signer, Verifier},
};

/// What is imported, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportOptions {
    /// The folder of the tree: the one that holds `dists` and `pool`, or `conf/distributions`, or `Packages`.
    pub from: AbsPath,
    /// The suite of the tree; a tree without `dists` has only one, which is called so.
    pub suite: SuiteName,
    /// The suite of ours.
    pub into: SuiteName,
    /// Copy or link the files: a link adopts them, and nobody may write to them afterwards.
    pub placing: Placing,
    /// The architecture of packages for all architectures, where the tree has no others.
    pub native: Architecture,
}

impl ImportOptions {
    /// This suite of this tree under its own name, copied.
    #[must_use]
    pub fn new(from: AbsPath, suite: SuiteName, native: Architecture) -> Self {
        Self { from, into: suite.clone(), suite, placing: Placing::Copy, native }
    }

    /// As another suite of ours.
    #[must_use]
    pub fn with_into(mut self, into: SuiteName) -> Self {
        self.into = into;
        self
    }

    /// With another way of bringing files into the pool.
    #[must_use]
    pub const fn with_placing(mut self, placing: Placing) -> Self {
        self.placing = placing;
        self
    }
}

/// What a tree has of a suite.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImportPlan {
    /// How our suite is called and described: as the tree's own, whose expiry it keeps.
    pub suite: SuiteOptions,
    /// The packages and sources.
    pub packages: Vec<Listed>,
    /// Stanzas that cannot be read, and packages that are listed twice with different content.
    pub left_out: Vec<LeftOut>,
    root: AbsPath,
    placing: Placing,
}

/// Reads what a tree has of a suite. With keys its Release must be signed by one of them; without, the tree is taken as the
/// user's own. In both cases indexes must be what the Release says.
///
/// # Errors
/// [`MirrorError::NoTree`], [`MirrorError::Mismatch`], [`MirrorError::Sign`].
pub async fn read_tree(
    cx: &Context,
    options: &ImportOptions,
    keys: Option<(&dyn Verifier, &Keyring)>,
) -> Result<ImportPlan, MirrorError> {
    let (from, suite) = (options.from.clone(), options.suite.clone());
    let tree = blocking::run(move || tree::find(&from, &suite)).await?;
    let text = trusted(cx, &tree, keys).await?;
    let release = text.map(|text| {
        let what = || tree.dists.to_string();
        Release::from_unverified(&text).map_err(|source| MirrorError::Control { what: what(), source })
    });
    let (release, options, cancel) = (release.transpose()?, options.clone(), cx.cancel().clone());
    blocking::run(move || read(&tree, release.as_ref(), options, &cancel)).await
}

/// The text of the Release that is believed.
async fn trusted(
    cx: &Context,
    tree: &Tree,
    keys: Option<(&dyn Verifier, &Keyring)>,
) -> Result<Option<Vec<u8>>, MirrorError> {
    let what = format!("Release in {}", tree.dists);
    let unsigned =
        || MirrorError::NoTree { folder: tree.dists.clone(), reason: "its Release is not signed".to_owned() };
    match (keys, &tree.release) {
        (None, None) => Ok(None),
        (None, Some(release)) => release.unverified().map(Some),
        (Some((verifier, keys)), Some(Signed::Clear(bytes))) => {
            Ok(Some(verifier.verify_clear(cx, &what, bytes, keys, None).await?.text().to_vec()))
        }
        (Some((verifier, keys)), Some(Signed::Detached(text, Some(signature)))) => {
            Ok(Some(verifier.verify_detached(cx, &what, text, signature, keys, None).await?.text().to_vec()))
        }
        (Some(_), _) => Err(unsigned()),
    }
}

fn read(
    tree: &Tree,
    release: Option<&Release>,
    options: ImportOptions,
    cancel: &CancelToken,
) -> Result<ImportPlan, MirrorError> {
    let (indexes, translations) = tree::indexes(tree, release, cancel)?;
    let mut descriptions = Descriptions::new();
    translations.iter().for_each(|text| listing::descriptions(text, &mut descriptions));
    let mut left_out = Vec::new();
    let mut packages: BTreeMap<Key, Listed> = BTreeMap::new();
    for index in &indexes {
        cancel.check()?;
        for one in index.read(|_| true, &descriptions, &mut left_out) {
            match packages.entry(one.key()) {
                MapEntry::Vacant(vacant) => drop(vacant.insert(one)),
                MapEntry::Occupied(there) if there.get().files == one.files => {}
                MapEntry::Occupied(_) => {
                    left_out.push(LeftOut::new(one.describe(), "it is listed twice with different files"));
                }
            }
        }
    }
    let packages: Vec<Listed> = packages.into_values().collect();
    let suite = described(release, &packages, &options);
    Ok(ImportPlan { suite, packages, left_out, root: tree.root.clone(), placing: options.placing })
}

/// The suite as its Release describes it, or, without one, as its packages show.
fn described(release: Option<&Release>, packages: &[Listed], options: &ImportOptions) -> SuiteOptions {
    let mut architectures: BTreeSet<Architecture> =
        packages.iter().filter_map(|listed| listed.architecture.clone()).collect();
    let mut components: BTreeSet<ComponentName> = packages.iter().map(|listed| listed.component.clone()).collect();
    if let Some(release) = release {
        architectures.extend(release.architectures.iter().cloned());
        components.extend(release.components.iter().cloned());
    }
    architectures.retain(|architecture| !architecture.is_all() && architecture.as_str() != "source");
    if architectures.is_empty() {
        architectures.insert(options.native.clone());
    }
    if components.is_empty() {
        components.extend(ComponentName::new("main"));
    }
    let (components, architectures) = (components.into_iter().collect(), architectures.into_iter().collect());
    match release {
        Some(release) => suite_options(&options.into, release, components, architectures),
        None => SuiteOptions::new(options.into.clone(), architectures).with_components(components),
    }
}

impl ImportPlan {
    /// Adds what the tree has to our suite in this folder, each file checked against its sha256, and publishes it. The
    /// repository or the suite is made where it is not there; what the suite has besides stays.
    ///
    /// # Errors
    /// [`MirrorError::Repo`] when a file is missing or is not what the index says; then nothing is published.
    pub async fn apply(&self, cx: &Context, dir: &AbsPath, signer: &dyn Signer) -> Result<Report, MirrorError> {
        let step = cx.step("import packages", Unit::Items, Some(self.packages.len() as u64));
        let applied = self.apply_in(step.context(), dir, signer).await;
        step.end(applied)
    }

    async fn apply_in(&self, cx: &Context, dir: &AbsPath, signer: &dyn Signer) -> Result<Report, MirrorError> {
        let repository = open(cx, dir, self.suite.clone()).await?;
        let suite = &self.suite.suite;
        let difference = Difference::find(cx, &repository, suite, &self.packages).await?.only_new();
        let bytes = difference.bytes();
        let mut inputs = BTreeMap::new();
        for listed in difference.wanted() {
            let local = listed.files.iter().map(|file| self.root.descend(&file.path)).collect::<Result<_, _>>()?;
            inputs.insert(listed.key(), input(listed, local)?);
        }
        let stage = Stage { cx, repository: &repository, suite, placing: self.placing, inputs };
        stage.run(difference, bytes, self.left_out.clone(), signer).await
    }
}
