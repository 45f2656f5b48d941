//! Small .deb files made byte by byte, good and bad, for the tests of whatever reads them.

use tar::EntryType as T;

/// The smallest control file.
pub const CONTROL: &str =
    "Package: demo\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: A <a@debian.example>\nDescription: shows\n";

/// An ar archive of these members.
#[must_use]
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
        bytes.extend(*content);
        bytes.extend(if content.len() % 2 == 1 { &b"\n"[..] } else { b"" });
    }
    bytes
}

/// An entry of a tar archive.
#[must_use]
pub fn entry(kind: T, path: &str, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o4755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A tar archive of these entries.
#[must_use]
pub fn tarball(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.extend([0; 1024]);
    bytes
}

/// A control archive.
#[must_use]
pub fn control_tar() -> Vec<u8> {
    tarball(&[entry(T::Regular, "./control", "", CONTROL.as_bytes())])
}

/// A whole .deb with this control file and nothing in it.
#[must_use]
pub fn deb(control: &str) -> Vec<u8> {
    let control = tarball(&[entry(T::Regular, "./control", "", control.as_bytes())]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tarball(&[]))])
}
