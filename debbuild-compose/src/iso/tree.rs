//! What lies on the medium beside the squashfs: kernel, initrd, boot menu, checksums.

use std::{
    fs::{self, File},
    io,
    time::{Duration, SystemTime},
};

use debbuild_core::{
    cancel::CancelToken,
    clock::Timestamp,
    path::{AbsPath, IoResultExt as _},
    version::Version,
};

use super::{IsoError, IsoRequest};
use crate::{
    files,
    rootfs::{RootfsError, tarball},
};

/// Modules that both boot images carry, so that the medium needs none.
pub(super) const MODULES: [&str; 13] = [
    "boot",
    "configfile",
    "echo",
    "fat",
    "iso9660",
    "linux",
    "normal",
    "part_gpt",
    "part_msdos",
    "search",
    "search_label",
    "serial",
    "terminal",
];

/// The configuration inside the boot images: find the medium by its volume id, and go on there. Checked volume ids only.
pub(super) fn embedded(request: &IsoRequest) -> String {
    let volume = &request.volume;
    format!(
        "search --no-floppy --set=root --label {volume}\nset prefix=($root)/boot/grub\nconfigfile ($root)/boot/grub/grub.cfg\n"
    )
}

/// The boot menu, on the screen and on the first serial line.
pub(super) fn menu(request: &IsoRequest) -> String {
    let IsoRequest { title, arguments, timeout, .. } = request;
    let title: String = title.chars().filter(|c| !c.is_control() && !"'\\".contains(*c)).collect();
    let arguments = arguments.iter().map(|argument| format!(" {argument}")).collect::<String>();
    format!(
        "set timeout={timeout}\nset default=0\n\
         if serial --unit=0 --speed=115200; then\n  terminal_input serial console\n  terminal_output serial console\nfi\n\
         menuentry '{title}' {{\n  linux /live/vmlinuz boot=live{arguments}\n  initrd /live/initrd.img\n}}\n"
    )
}

/// Writes the newest kernel of the tarball and its initrd.
pub(super) fn kernel(request: &IsoRequest, live: &AbsPath, cancel: &CancelToken) -> Result<(), IsoError> {
    let mut found: Option<Version> = None;
    let name = |path: &str| path.strip_prefix("boot/vmlinuz-").and_then(|version| Version::new(version).ok());
    tarball::walk(&request.rootfs, cancel, &mut |member, _, _| {
        if let Some(version) = name(&member.path)
            && found.as_ref().is_none_or(|best| version.compare(best).is_gt())
        {
            found = Some(version);
        }
        Ok(())
    })?;
    let missing = |what| RootfsError::Missing { what, advice: "a live ISO needs a linux-image package and live-boot" };
    let version = found.ok_or_else(|| missing("kernel"))?;
    let mut parts =
        [(format!("boot/vmlinuz-{version}"), "vmlinuz"), (format!("boot/initrd.img-{version}"), "initrd.img")]
            .map(|(path, target)| (path, target, false));
    tarball::walk(&request.rootfs, cancel, &mut |member, content, _| {
        for (path, target, done) in &mut parts {
            if member.path == *path {
                let target = live.child(target)?;
                let mut file = File::create_new(&target).at("create", &target)?;
                io::copy(content, &mut file).at("write", &target)?;
                *done = true;
            }
        }
        Ok(())
    })?;
    let [(_, _, true), (_, _, true)] = parts else { return Err(missing("kernel and initrd").into()) };
    Ok(())
}

/// Writes the list by which live-boot's `verify-checksums` and people check the medium.
pub(super) fn checksums(tree: &AbsPath) -> Result<(), IsoError> {
    let mut lines = String::new();
    for entry in files::list(tree)? {
        if let files::Entry::File { path, sha256, .. } = entry
            // xorriso writes a table into it.
            && !path.ends_with("bios.img")
        {
            lines.push_str(&format!("{sha256}  ./{path}\n"));
        }
    }
    let path = tree.join("sha256sum.txt");
    fs::write(&path, lines).at("write", &path)?;
    Ok(())
}

/// Gives every file and folder the time of the request.
pub(super) fn clamp(path: &AbsPath, epoch: Timestamp) -> Result<(), IsoError> {
    if path.as_std().is_dir() {
        for entry in fs::read_dir(path).at("list", path)? {
            clamp(&AbsPath::new(entry.at("list", path)?.path())?, epoch)?;
        }
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(epoch.seconds()).unwrap_or(0));
    File::open(path).and_then(|file| file.set_modified(time)).at("set the time of", path)?;
    Ok(())
}
