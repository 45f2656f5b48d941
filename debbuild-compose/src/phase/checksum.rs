//! SHA256SUMS: one line for every file of a compose, as sha256sum(1) writes and checks them.

use std::collections::BTreeMap;

use debbuild_core::digest::Sha256;

/// The text of SHA256SUMS for these files; names with a newline or backslash are escaped as sha256sum does.
pub(crate) fn sums(files: &BTreeMap<String, Sha256>) -> String {
    let line = |(path, sha256): (&String, &Sha256)| {
        if path.contains(['\n', '\\', '\r']) {
            let path = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            format!("\\{sha256}  {path}\n")
        } else {
            format!("{sha256}  {path}\n")
        }
    };
    files.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_sha256sum() {
        let digest = Sha256::of(b"");
        let files = BTreeMap::from([("a/b c".to_owned(), digest), ("x\ny\\".to_owned(), digest)]);
        assert_eq!(sums(&files), format!("{digest}  a/b c\n\\{digest}  x\\ny\\\\\n"));
    }
}
