//! Which archive and which file a request is for. Pure; everything that is not plainly a file of an allowed archive is refused.

use debbuild_core::acquire::fetch::Uri;

use super::{AllowedArchive, GatewayError, GatewayOptions};

/// The longest path in bytes: a record holds every path that was asked for.
const LONGEST: usize = 1024;

/// A file of an allowed archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The archive's name.
    pub(super) archive: String,
    /// The path below its root, decoded.
    pub(super) path: String,
    /// Where to fetch it from, best first; never empty.
    pub(super) urls: Vec<Uri>,
}

impl Target {
    /// Whether a path has one content for ever: pool files, and indexes named by their hash.
    pub(super) fn immutable(&self) -> bool {
        self.path.starts_with("pool/") || self.path.contains("/pool/") || self.by_hash().is_some()
    }

    /// Whether it is an index of files of the pool, Packages or Sources, also by its digest (then maybe).
    pub(super) fn lists_pool(&self) -> bool {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", self.path.as_str()));
        let named = ["Packages", "Sources"].contains(&name.split('.').next().unwrap_or_default());
        let place = folder.strip_suffix("/by-hash/SHA256").and_then(|of| of.rsplit('/').next());
        named || place.is_some_and(|place| place == "source" || place.starts_with("binary-"))
    }

    /// The sha256 that the path itself promises (`.../by-hash/SHA256/HEX`).
    pub(super) fn by_hash(&self) -> Option<&str> {
        let (folder, name) = self.path.rsplit_once('/')?;
        folder.ends_with("/by-hash/SHA256").then_some(name)
    }
}

/// The allow-list, ready to match.
#[derive(Debug)]
pub(super) struct Targets {
    archives: Vec<AllowedArchive>,
    token: Option<String>,
}

impl Targets {
    pub(super) fn new(options: &GatewayOptions) -> Result<Self, GatewayError> {
        let mut archives = options.archives.clone();
        for archive in &mut archives {
            for base in &mut archive.bases {
                base.truncate(base.trim_end_matches('/').len());
            }
        }
        let bad = |archive: &AllowedArchive, reason: &str| {
            Err(GatewayError::Archive { name: archive.name.clone(), reason: reason.to_owned() })
        };
        for (index, archive) in archives.iter().enumerate() {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+~".contains(c);
            if archive.name.is_empty() || archive.name.starts_with('.') || !archive.name.chars().all(plain) {
                return bad(archive, "its name is not a plain word");
            }
            if archive.bases.iter().any(|base| !base.starts_with("http://")) {
                return bad(archive, "inside, archives are reached by http:// only");
            }
            if archive.upstreams.is_empty() {
                return bad(archive, "it has no address");
            }
            let others = &archives[..index];
            if others.iter().any(|other| other.name == archive.name) {
                return bad(archive, "another archive has this name");
            }
            if others.iter().flat_map(|other| &other.bases).any(|base| archive.bases.contains(base)) {
                return bad(archive, "another archive has the same URI");
            }
        }
        Ok(Self { archives, token: options.token.clone() })
    }

    /// The file that a request target names: absolute-form (as proxies get it) or origin-form.
    pub(super) fn find(&self, uri: &str) -> Option<Target> {
        match (uri.strip_prefix('/'), &self.token) {
            (Some(direct), None) => self.direct(direct),
            (Some(direct), Some(token)) => self.direct(direct.strip_prefix(token.as_str())?.strip_prefix('/')?),
            (None, None) => self.proxied(uri),
            (None, Some(_)) => None,
        }
    }

    fn direct(&self, path: &str) -> Option<Target> {
        let (name, path) = path.split_once('/')?;
        target(self.archives.iter().find(|archive| archive.name == name)?, path)
    }

    /// The longest base that the URI is below.
    fn proxied(&self, uri: &str) -> Option<Target> {
        let uri = uri.replacen(":80/", "/", 1);
        let below = |base: &String| uri.strip_prefix(base.as_str())?.strip_prefix('/').map(str::to_owned);
        let all = self.archives.iter().flat_map(|archive| archive.bases.iter().map(move |base| (archive, base)));
        let (archive, _, path) = all
            .filter_map(|(archive, base)| Some((archive, base.len(), below(base)?)))
            .max_by_key(|(_, length, _)| *length)?;
        target(archive, &path)
    }
}

fn target(archive: &AllowedArchive, encoded: &str) -> Option<Target> {
    let path = decode(encoded).filter(|path| path.len() <= LONGEST)?;
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if !path.split('/').all(plain) || path.contains(|c: char| c.is_control() || "\\?#".contains(c)) {
        return None;
    }
    let urls = archive.upstreams.iter().map(|upstream| upstream.join(&path)).collect::<Result<Vec<_>, _>>().ok()?;
    Some(Target { archive: archive.name.clone(), path, urls })
}

/// Undoes percent-encoding; a query or fragment is refused.
fn decode(text: &str) -> Option<String> {
    if text.contains(['?', '#']) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.contains('+'))?);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(name: &str, uri: &str) -> AllowedArchive {
        AllowedArchive::new(name, Uri::new(uri).unwrap())
    }

    fn targets(token: Option<&str>) -> Targets {
        let debian = archive("debian", "https://mirror.example/debian/");
        let debug = archive("debug", "http://mirror.example/debian/debug");
        let debug = debug.with_upstream(Uri::new("file:///srv/debug").unwrap());
        let mut options = GatewayOptions::new(vec![debian, debug]);
        options.token = token.map(str::to_owned);
        Targets::new(&options).unwrap()
    }

    #[test]
    fn proxied_and_direct_requests_name_the_same_file() {
        let targets = targets(None);
        let found = targets.find("http://mirror.example/debian/pool/main/g/g%2b%2b/g%2b%2b_1~2_all.deb").unwrap();
        assert_eq!((found.archive.as_str(), found.path.as_str()), ("debian", "pool/main/g/g++/g++_1~2_all.deb"));
        assert_eq!(found.urls[0].as_str(), "https://mirror.example/debian/pool/main/g/g%2B%2B/g%2B%2B_1~2_all.deb");
        assert_eq!(targets.find("/debian/pool/main/g/g++/g++_1~2_all.deb"), Some(found.clone()));
        assert_eq!(targets.find("http://mirror.example:80/debian/pool/main/g/g++/g++_1~2_all.deb"), Some(found));
        let longest = targets.find("http://mirror.example/debian/debug/dists/x").unwrap();
        assert_eq!((longest.archive.as_str(), longest.path.as_str()), ("debug", "dists/x"));
        assert_eq!(longest.urls.len(), 2);
    }

    #[test]
    fn everything_else_is_refused() {
        let targets = targets(None);
        for bad in [
            "http://mirror.example/other/x",
            "http://mirror.example/debianx/x",
            "http://elsewhere.example/debian/x",
            "https://mirror.example/debian/x",
            "http://mirror.example/debian/../x",
            "http://mirror.example/debian/%2e%2e/x",
            "http://mirror.example/debian/a%2f..%2fb",
            "http://mirror.example/debian/a//b",
            "http://mirror.example/debian/x?y",
            "http://mirror.example/debian/%",
            "http://mirror.example/debian/%zz",
            "http://mirror.example/debian/%00",
            &format!("http://mirror.example/debian/{}", "x".repeat(1025)),
            "http://user@mirror.example/debian/x",
            "/other/x",
            "/debian",
            "mirror.example:443",
            "*",
            "",
        ] {
            assert_eq!(targets.find(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_closes_every_other_way() {
        let targets = targets(Some("s3cret"));
        assert!(targets.find("/s3cret/debian/dists/x").is_some());
        for bad in ["/debian/dists/x", "/s3cre/debian/dists/x", "/s3cret2/debian/x", "http://mirror.example/debian/x"] {
            assert_eq!(targets.find(bad), None, "{bad}");
        }
    }

    #[test]
    fn two_archives_cannot_be_mixed_up() {
        let one = archive("a", "http://mirror.example/debian");
        let same_name = archive("a", "http://mirror.example/other");
        let same_base = archive("b", "https://mirror.example/debian/");
        for two in [same_name, same_base] {
            let error = Targets::new(&GatewayOptions::new(vec![one.clone(), two])).unwrap_err();
            assert!(matches!(error, GatewayError::Archive { .. }));
        }
    }

    #[test]
    fn which_paths_never_change() {
        let target = |path: &str| target(&archive("a", "http://mirror.example/a"), path).unwrap();
        assert!(target("pool/main/h/hello/hello_1_amd64.deb").immutable());
        assert!(target("dists/s/main/binary-amd64/by-hash/SHA256/00ff").immutable());
        assert!(!target("dists/s/InRelease").immutable());
        assert_eq!(target("dists/s/by-hash/SHA256/ab").by_hash(), Some("ab"));
        assert_eq!(target("dists/s/by-hash/MD5Sum/ab").by_hash(), None);
    }

    #[test]
    fn which_paths_list_files_of_the_pool() {
        let target = |path: &str| target(&archive("a", "http://mirror.example/a"), path).unwrap();
        for path in [
            "dists/s/main/binary-amd64/Packages",
            "dists/s/main/source/Sources.xz",
            "dists/s/main/binary-amd64/by-hash/SHA256/00ff",
            "Packages.gz",
        ] {
            assert!(target(path).lists_pool(), "{path}");
        }
        for path in [
            "dists/s/InRelease",
            "dists/s/main/by-hash/SHA256/00ff",
            "dists/s/main/binary-amd64/Packages.diff/by-hash/SHA256/00ff",
            "pool/main/p/packages/Packages_1_all.deb",
        ] {
            assert!(!target(path).lists_pool(), "{path}");
        }
    }
}
