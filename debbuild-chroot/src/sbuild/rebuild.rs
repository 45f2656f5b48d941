//! New source packages: an unpacked tree packed, or a no-change rebuild (the parent with one more changelog entry, dated from the parent's).
//!
//! Sources are unpacked and packed by the chroot's own dpkg-source, confined and without the rights of root; nothing of them
//! runs on the host.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
};

use debbuild_core::{
    blocking,
    build::BuildRequest,
    cancel::CancelToken,
    changelog::Rebuild,
    command::{CommandRunner, CommandRunnerExt as _, CommandSpec},
    context::Context,
    control::SourceControl,
    digest::Sha256,
    error::chain,
    path::{AbsPath, IoResultExt as _},
    version::Version,
};

use super::{BuildBase, BuilderError, input};
use crate::confine::{BuildUser, Confinement, Mapping, Scratch};

/// As root of the confined place: unpacks the chroot in memory and goes into it as an ordinary user. Constant: data arrives only as
/// its arguments, which are the root folder, the chroot's tarball, the folder with the sources, where results go, the .dsc's name.
const OUTER: &str = r#"
set -e
root=$1 tarball=$2 in=$3 out=$4
mount -t tmpfs -o size=16g,mode=0755 tmpfs "$root"
tar --extract --file="$tarball" --directory="$root" --exclude='./dev/*'
for node in null zero full random urandom; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir -p "$root/build/rebuild"
cp -- "$in"/* "$root/build/rebuild/"
chown -R 1000:1000 "$root/build/rebuild"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/nonexistent \
    chroot "$root" setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs sh -c "$6" rebuild "$5"
rm -rf "$root/build/rebuild/tree" "$root/build/rebuild/entry"
cp --no-dereference -- "$root/build/rebuild"/* "$out/"
chmod 0644 "$out"/*
"#;

/// Inside the chroot, as an ordinary user: the entry, the parent's date, the parent's changelog.
const INNER: &str = r#"
set -e
cd /build/rebuild
dpkg-source --extract "$1" tree
cd tree
date=$(dpkg-parsechangelog --show-field Date)
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog --show-field Timestamp)
export SOURCE_DATE_EPOCH
{ cat ../entry; printf '%s\n\n' "$date"; cat debian/changelog; } >../changelog.new
cat ../changelog.new >debian/changelog
rm ../changelog.new
cd ..
dpkg-source --build tree
"#;

/// Inside the chroot, as an ordinary user: packs a tree, dated from its changelog.
const PACK: &str = r#"
set -e
cd /build/rebuild
mkdir tree
tar --extract --file=tree.tar --directory=tree --strip-components=1
rm tree.tar
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog --file tree/debian/changelog --show-field Timestamp)
export SOURCE_DATE_EPOCH
dpkg-source --build tree
"#;

/// Makes source packages.
#[derive(Debug, Clone)]
pub struct Rebuilder {
    runner: Arc<dyn CommandRunner>,
    user: BuildUser,
    scratch: AbsPath,
}

impl Rebuilder {
    /// Works as this user below this folder.
    #[must_use]
    pub fn new(runner: Arc<dyn CommandRunner>, user: BuildUser, scratch: AbsPath) -> Self {
        Self { runner, user, scratch }
    }

    /// Makes the new source package in `folder` (made if it is missing) and returns its .dsc. The same parent gives the same bytes.
    ///
    /// # Errors
    /// [`BuilderError::Changelog`] when the entry cannot be written; [`BuilderError::Source`] when the parent is not what the request
    /// says or cannot be packed again.
    pub async fn make(
        &self,
        cx: &Context,
        base: &BuildBase,
        parent: &BuildRequest,
        rebuild: &Rebuild,
        folder: &AbsPath,
    ) -> Result<AbsPath, BuilderError> {
        let scratch = Scratch::create(&self.scratch, "rebuild", &self.user)?;
        let made = self.attempt(cx, base, parent, rebuild, folder, &scratch).await;
        let clean = cx.clone().with_cancel(CancelToken::new());
        let removed = scratch.remove(&clean, &*self.runner, &self.user).await;
        let made = made?;
        removed?;
        Ok(made)
    }

    /// Makes a source package of an unpacked tree (native, or with what it needs inside) in `folder` and returns its .dsc.
    /// The same tree gives the same bytes.
    ///
    /// # Errors
    /// [`BuilderError::Source`] when the tree is no source that dpkg-source can pack.
    pub async fn pack(
        &self,
        cx: &Context,
        base: &BuildBase,
        tree: &AbsPath,
        folder: &AbsPath,
    ) -> Result<AbsPath, BuilderError> {
        let scratch = Scratch::create(&self.scratch, "pack", &self.user)?;
        let packed = self.attempt_pack(cx, base, tree, folder, &scratch).await;
        let clean = cx.clone().with_cancel(CancelToken::new());
        let removed = scratch.remove(&clean, &*self.runner, &self.user).await;
        let packed = packed?;
        removed?;
        Ok(packed)
    }

    async fn attempt_pack(
        &self,
        cx: &Context,
        base: &BuildBase,
        tree: &AbsPath,
        folder: &AbsPath,
        scratch: &Scratch,
    ) -> Result<AbsPath, BuilderError> {
        self.prepare(scratch)?;
        let tar = scratch.path().join("in").join("tree.tar");
        let args = ["--create", "--sort=name", "--exclude-vcs", "--file", tar.as_str()];
        let spec = CommandSpec::new("tar").with_args(args).with_args(["--directory", tree.as_str(), "."]);
        self.runner.output(cx, &spec).await.map_err(|error| BuilderError::Source(chain(&error)))?;
        self.inside(cx, base, scratch, "", PACK).await?;
        let (out, folder) = (scratch.path().join("out"), folder.clone());
        blocking::run(move || {
            let name = single_dsc(&out)?;
            fetch(&out, &name, None, &folder)
        })
        .await
    }

    fn prepare(&self, scratch: &Scratch) -> Result<(), BuilderError> {
        for name in ["in", "out", "root"] {
            let path = scratch.path().join(name);
            fs::create_dir(&path).at("create", &path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755)).at("change the mode of", &path)?;
            scratch.give(&path, &self.user)?;
        }
        Ok(())
    }

    /// Runs `script` in the chroot, on what is in the folder `in`; what it leaves arrives in `out`.
    async fn inside(
        &self,
        cx: &Context,
        base: &BuildBase,
        scratch: &Scratch,
        argument: &str,
        script: &str,
    ) -> Result<(), BuilderError> {
        let inside = |name: &str| scratch.inside(name);
        let spec = CommandSpec::new("sh")
            .with_args(["-c", OUTER, "rebuild"])
            .with_args([inside("root"), base.tarball.to_string(), inside("in"), inside("out")])
            .with_args([argument, script]);
        let place = Confinement::new(self.user.clone(), scratch.path()).with_mapping(Mapping::Root).with_gateway(false);
        let done = self.runner.output(cx, &place.wrap(spec)).await;
        done.map(drop).map_err(|error| BuilderError::Source(chain(&error)))
    }

    async fn attempt(
        &self,
        cx: &Context,
        base: &BuildBase,
        parent: &BuildRequest,
        rebuild: &Rebuild,
        folder: &AbsPath,
        scratch: &Scratch,
    ) -> Result<AbsPath, BuilderError> {
        self.prepare(scratch)?;
        let (ask, to) = (parent.clone(), scratch.path().join("in"));
        let control = blocking::run(move || input::stage(&ask, &to)).await;
        let control = control.map_err(|failure| BuilderError::Source(failure.message))?;
        let version = rebuild.version(&control.version)?;
        let entry = scratch.path().join("in").join("entry");
        fs::write(&entry, rebuild.undated_entry(&control.source, &version)?).at("write", &entry)?;
        self.inside(cx, base, scratch, parent.dsc.name(), INNER).await?;
        let name = format!("{}_{}.dsc", control.source, version.without_epoch());
        let (out, folder) = (scratch.path().join("out"), folder.clone());
        blocking::run(move || fetch(&out, &name, Some(&version), &folder)).await
    }
}

/// The name of the one .dsc that came out.
fn single_dsc(out: &AbsPath) -> Result<String, BuilderError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(out).at("list", out)? {
        let name = entry.at("list", out)?.file_name().to_string_lossy().into_owned();
        found.extend(name.ends_with(".dsc").then_some(name));
    }
    match (found.pop(), found.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => Err(BuilderError::Source("dpkg-source did not make one .dsc".to_owned())),
    }
}

/// Checks what came out and copies it to its place, the .dsc last.
fn fetch(out: &AbsPath, name: &str, version: Option<&Version>, folder: &AbsPath) -> Result<AbsPath, BuilderError> {
    let wrong = |error: &dyn std::fmt::Display| BuilderError::Source(format!("{name}: {error}"));
    let from = out.child(name)?;
    if !fs::symlink_metadata(&from).at("look at", &from)?.is_file() {
        return Err(wrong(&"not a plain file"));
    }
    let bytes = fs::read(&from).at("read", &from)?;
    let control = SourceControl::from_unverified(&bytes).map_err(|error| wrong(&error))?;
    if version.is_some_and(|version| control.version != *version) {
        return Err(wrong(&format_args!("has version {}", control.version)));
    }
    fs::create_dir_all(folder).at("create", folder)?;
    let own = (bytes.len() as u64, Sha256::of(&bytes));
    let listed = control.files.iter().map(|entry| (entry.name.as_str(), (entry.size, entry.sha256)));
    for (file, expected) in listed.chain([(name, own)]) {
        let (from, to) = (out.child(file)?, folder.child(file)?);
        if !fs::symlink_metadata(&from).at("look at", &from)?.is_file() {
            return Err(wrong(&format_args!("{file} is not a plain file")));
        }
        let draft = folder.child(&format!(".{file}.new"))?;
        let _old = fs::remove_file(&draft);
        if input::copy(&from, &draft, expected.0)? != expected {
            return Err(wrong(&format_args!("{file} is not as listed")));
        }
        fs::rename(&draft, &to).at("rename", &draft)?;
    }
    Ok(folder.child(name)?)
}
