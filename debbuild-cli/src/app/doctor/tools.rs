//! The tools that debbuild orchestrates, by what needs them, and the Debian packages they are in.

use std::path::Path;

use super::{Finding, Level};
use crate::app::BackendName;

/// Something that is installed when one of its files is there.
struct Tool {
    group: &'static str,
    /// Alternatives: programs, or absolute paths of files.
    any: &'static [&'static str],
    package: &'static str,
    level: Level,
}

const fn tool(group: &'static str, any: &'static [&'static str], package: &'static str, level: Level) -> Tool {
    Tool { group, any, package, level }
}

/// The `PATH` that commands get (see `CommandSpec::new`).
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

const TOOLS: [Tool; 28] = [
    tool("signatures", &["gpg"], "gpg", Level::Missing),
    tool("signatures", &["gpg-agent"], "gpg-agent", Level::Missing),
    tool("chroots", &["mmdebstrap"], "mmdebstrap", Level::Missing),
    tool("chroots", &["unshare"], "util-linux", Level::Missing),
    tool("chroots", &["newuidmap"], "uidmap", Level::Missing),
    tool("chroots", &["ip"], "iproute2", Level::Missing),
    tool("chroots", &["socat"], "socat", Level::Missing),
    tool("chroots", &["xz"], "xz-utils", Level::Missing),
    tool("chroots", &["debootstrap"], "debootstrap", Level::Optional),
    tool("other architectures", &["arch-test"], "arch-test", Level::Optional),
    tool("backend nspawn", &["systemd-nspawn"], "systemd-container", Level::Optional),
    tool("backend schroot", &["schroot"], "schroot", Level::Optional),
    tool("builds", &["sbuild"], "sbuild", Level::Missing),
    tool("builds", &["dpkg-source"], "dpkg-dev", Level::Missing),
    tool("builds", &["/usr/share/keyrings/debian-keyring.gpg"], "debian-keyring", Level::Optional),
    tool("builds", &["dscverify"], "devscripts", Level::Optional),
    tool("ostree", &["ostree"], "ostree", Level::Optional),
    tool("ostree", &["mke2fs"], "e2fsprogs", Level::Optional),
    tool("iso", &["xorriso"], "xorriso", Level::Optional),
    tool("iso", &["mksquashfs"], "squashfs-tools", Level::Optional),
    tool("iso", &["grub-mkrescue"], "grub-common", Level::Optional),
    tool("iso", &["mformat"], "mtools", Level::Optional),
    tool("iso", &["/usr/lib/grub/i386-pc/boot.img"], "grub-pc-bin", Level::Optional),
    tool("iso", &["/usr/lib/grub/x86_64-efi/moddep.lst"], "grub-efi-amd64-bin", Level::Optional),
    tool("boot tests", &["qemu-system-x86_64"], "qemu-system-x86", Level::Optional),
    tool("boot tests", &["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_CODE_4M.fd"], "ovmf", Level::Optional),
    tool("container images", &["skopeo"], "skopeo", Level::Optional),
    tool("container tests", &["umoci"], "umoci", Level::Optional),
];

/// Where a program or file is.
pub(super) fn find(name: &str) -> Option<String> {
    if name.starts_with('/') {
        return Path::new(name).exists().then(|| name.to_owned());
    }
    FOLDERS.iter().map(|folder| format!("{folder}/{name}")).find(|path| Path::new(path).is_file())
}

/// Looks for every tool. What opens sessions by the settings is missing where it is not there.
pub(super) fn look(backend: BackendName, find: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let wanted = format!("backend {}", backend.name());
    let one = |tool: &Tool| {
        // Files have no name that says more than their package's.
        let name = if tool.any[0].starts_with('/') { tool.package } else { tool.any[0] };
        match tool.any.iter().find_map(|name| find(name)) {
            Some(path) => Finding::ok(tool.group, name, path),
            None => {
                let detail = format!("not installed (package {})", tool.package);
                let level = if tool.group == wanted { Level::Missing } else { tool.level };
                Finding::new(tool.group, name, level, detail, &["apt-get", "install", tool.package])
            }
        }
    };
    TOOLS.iter().filter(|tool| suits(tool)).map(one).collect()
}

/// GRUB for PCs is no matter of other machines.
fn suits(tool: &Tool) -> bool {
    std::env::consts::ARCH == "x86_64" || !matches!(tool.package, "grub-pc-bin" | "grub-efi-amd64-bin")
}
