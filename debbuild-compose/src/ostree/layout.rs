//! The layout that OSTree deployments have: read-only `/usr`, `/etc` from `/usr/etc`, an empty `/var`.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
};

use debbuild_core::{cancel::CancelToken, clock::Timestamp, path::AbsPath};
use tar::EntryType;

use crate::rootfs::{
    RootfsError,
    tarball::{Extensions, Member, Writer, walk},
};

/// Where dpkg's database is kept in a commit; `/var/lib/dpkg` is a link to it.
const DPKG: &str = "usr/lib/sysimage/dpkg";

/// Where files of `/var` wait for the first boot, as systemd-tmpfiles' `C` lines take them.
const FACTORY: &str = "usr/share/factory/var";

/// Top-level folders that belong to the machine, as links into `/var` or `/run`, with the modes of what they lead to.
const LINKS: [(&str, &str, &str); 6] = [
    ("home", "var/home", "0755"),
    ("media", "run/media", "0755"),
    ("mnt", "var/mnt", "0755"),
    ("opt", "var/opt", "0755"),
    ("root", "var/roothome", "0700"),
    ("srv", "var/srv", "0755"),
];

/// Top-level folders whose content is not part of a system.
const EMPTY: [&str; 6] = ["boot", "dev", "proc", "run", "sys", "tmp"];

/// What becomes of a member.
enum Place {
    Drop,
    At(String),
    /// A file of `/var`: kept in [`FACTORY`] and copied at boot.
    Factory(String),
}

/// Writes the tarball of a root file system anew, as OSTree wants it, to `target`.
///
/// # Errors
/// [`RootfsError::Missing`] when there is no kernel or initramfs in `usr/lib/modules`.
pub fn lay_out<W: Write>(
    rootfs: &AbsPath,
    epoch: Timestamp,
    target: W,
    cancel: &CancelToken,
) -> Result<W, RootfsError> {
    let mut layout = Layout { writer: Writer::new(target, epoch), tmpfiles: BTreeSet::new(), made: BTreeSet::new() };
    let (mut kernel, mut initramfs) = (false, false);
    for folder in ["", "usr", "usr/etc", "usr/lib", "usr/lib/sysimage", "usr/share", "usr/share/factory", FACTORY] {
        layout.writer.folder(folder)?;
        layout.made.insert(folder.to_owned());
    }
    walk(rootfs, cancel, &mut |member, content, extensions| {
        let below = member.path.strip_prefix("usr/lib/modules/").and_then(|path| path.split_once('/'));
        kernel |= below.is_some_and(|(_, name)| name == "vmlinuz");
        initramfs |= below.is_some_and(|(_, name)| name == "initramfs.img");
        layout.add(member, content, extensions)
    })?;
    if !kernel || !initramfs {
        let advice = "an OSTree deliverable needs a linux-image package, ostree-boot and dracut-core";
        return Err(RootfsError::Missing { what: "kernel and initramfs", advice });
    }
    layout.finish()
}

struct Layout<W: Write> {
    writer: Writer<W>,
    tmpfiles: BTreeSet<String>,
    made: BTreeSet<String>,
}

impl<W: Write> Layout<W> {
    fn add(&mut self, member: &Member, content: &mut dyn Read, extensions: &Extensions) -> Result<(), RootfsError> {
        if member.path.starts_with("var/") && !member.path.starts_with("var/lib/dpkg") {
            self.note(member);
        }
        let path = match place(member) {
            Place::Drop => return Ok(()),
            Place::At(path) => path,
            Place::Factory(path) => {
                self.parents(&path)?;
                path
            }
        };
        // Folders that were made before are not written twice.
        if member.kind.is_dir() && !self.made.insert(path.clone()) {
            return Ok(());
        }
        let mut moved = Member { path, ..member.clone() };
        if member.kind.is_hard_link()
            && let Some(link) = &member.link
        {
            let target = link.trim_start_matches("./").trim_start_matches('/').to_owned();
            match place(&Member { path: target, ..member.clone() }) {
                Place::Drop => return Ok(()),
                Place::At(target) | Place::Factory(target) => moved.link = Some(format!("./{target}")),
            }
        }
        self.writer.copy(&moved, content, extensions)
    }

    /// The line by which systemd-tmpfiles makes this part of `/var` at boot.
    fn note(&mut self, member: &Member) {
        let path = escape(&member.path);
        let Member { mode, uid, gid, .. } = member;
        let line = if member.kind.is_dir() {
            format!("d /{path} {mode:04o} {uid} {gid} - -")
        } else if let (EntryType::Symlink, Some(link)) = (member.kind, &member.link) {
            format!("L /{path} - - - - {}", escape(link))
        } else if matches!(place(member), Place::Factory(_)) {
            let inside = path.strip_prefix("var").unwrap_or(&path);
            format!("C /{path} {mode:04o} {uid} {gid} - /{FACTORY}{inside}")
        } else {
            return;
        };
        self.tmpfiles.insert(line);
    }

    fn parents(&mut self, path: &str) -> Result<(), RootfsError> {
        for (at, _) in path.match_indices('/') {
            if self.made.insert(path[..at].to_owned()) {
                self.writer.folder(&path[..at])?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<W, RootfsError> {
        for (name, target, mode) in LINKS {
            self.writer.link(name, target)?;
            self.tmpfiles.insert(format!("d /{target} {mode} 0 0 - -"));
        }
        self.writer.link("ostree", "sysroot/ostree")?;
        for name in EMPTY.into_iter().chain(["sysroot", "var"]) {
            if self.made.insert(name.to_owned()) {
                self.writer.folder(name)?;
            }
        }
        self.tmpfiles.insert(format!("L /var/lib/dpkg - - - - ../../{DPKG}"));
        let mut text = "# What /var is at first boot: made from the packages of this commit.\n".to_owned();
        text.extend(self.tmpfiles.iter().flat_map(|line| [line.as_str(), "\n"]));
        if self.made.insert("usr/lib/tmpfiles.d".to_owned()) {
            self.writer.folder("usr/lib/tmpfiles.d")?;
        }
        self.writer.file("usr/lib/tmpfiles.d/debbuild-ostree.conf", text.as_bytes())?;
        self.writer.finish()
    }
}

fn place(member: &Member) -> Place {
    let path = member.path.as_str();
    let (top, rest) = path.split_once('/').unwrap_or((path, ""));
    match top {
        "" => Place::Drop,
        "etc" if matches!(rest, "hostname" | "resolv.conf") => Place::Drop,
        "etc" => Place::At(format!("usr/{path}")),
        "var" => var(member, rest),
        "initrd.img" | "initrd.img.old" | "vmlinuz" | "vmlinuz.old" | "ostree" | "sysroot" => Place::Drop,
        _ if LINKS.iter().any(|(name, ..)| *name == top) => Place::Drop,
        _ if EMPTY.contains(&top) => Place::Drop,
        _ => Place::At(path.to_owned()),
    }
}

fn var(member: &Member, rest: &str) -> Place {
    if rest == "lib/dpkg" {
        return Place::At(DPKG.to_owned());
    }
    if let Some(inner) = rest.strip_prefix("lib/dpkg/") {
        return Place::At(format!("{DPKG}/{inner}"));
    }
    let passing = ["cache/", "log/", "tmp/", "run/", "lib/apt/"].iter().any(|folder| rest.starts_with(folder));
    if member.kind.is_file() && !passing && !rest.is_empty() {
        return Place::Factory(format!("{FACTORY}/{rest}"));
    }
    Place::Drop
}

/// A path as tmpfiles.d(5) takes it: specifiers doubled, other than plain characters as `\xNN`.
fn escape(path: &str) -> String {
    let one = |byte: u8| match byte {
        b'%' => "%%".to_owned(),
        b if b.is_ascii_graphic() && !b"\\\"'".contains(&b) => char::from(b).to_string(),
        b => format!("\\x{b:02x}"),
    };
    path.bytes().map(one).collect()
}
