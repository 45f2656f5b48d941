//! What runs programs of other architectures: QEMU's user mode, by the names of Debian's package qemu-user-static.

use super::{Architecture, tuple};

/// The processors that it emulates: dpkg's name and QEMU's.
const PROCESSORS: [(&str, &str); 20] = [
    ("alpha", "alpha"),
    ("amd64", "x86_64"),
    ("arm", "arm"),
    ("arm64", "aarch64"),
    ("hppa", "hppa"),
    ("i386", "i386"),
    ("loong64", "loongarch64"),
    ("m68k", "m68k"),
    ("mips", "mips"),
    ("mips64", "mips64"),
    ("mips64el", "mips64el"),
    ("mipsel", "mipsel"),
    ("powerpc", "ppc"),
    ("ppc64", "ppc64"),
    ("ppc64el", "ppc64le"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
    ("sh4", "sh4"),
    ("sparc", "sparc"),
    ("sparc64", "sparc64"),
];

/// The ABIs of a processor that its emulator knows, as dpkg's tables call them.
const ABIS: [&str; 4] = ["base", "eabi", "eabihf", "abi64"];

impl Architecture {
    /// The program that runs programs of this architecture on other machines, `qemu-arm-static` for armel and armhf. None for
    /// `all`, for other kernels than Linux, and for what QEMU does not know.
    #[must_use]
    pub fn emulator(&self) -> Option<String> {
        let parts: Vec<&str> = tuple(self.as_str()).collect();
        let [abi, _, "linux", processor] = parts[..] else { return None };
        let (_, name) = PROCESSORS.iter().find(|(own, _)| ABIS.contains(&abi) && *own == processor)?;
        Some(format!("qemu-{name}-static"))
    }
}
