//! Where archives and files are: `http:`, `https:` and `file:` addresses that can be joined with archive paths.

use std::{fmt, str::FromStr};

use crate::{
    error::{Class, Classify},
    path::{AbsPath, PathError},
};

/// An address of an archive or a file. Shown without the password, if it has one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uri(String);

impl Uri {
    /// Takes `http://HOST/..`, `https://HOST/..`, `file:/PATH` or `file:///PATH` (and apt's `copy:` as `file:`); a final slash is dropped.
    ///
    /// # Errors
    /// [`UriError`] for other schemes, and for spaces, control characters, queries and fragments.
    pub fn new(text: &str) -> Result<Self, UriError> {
        let error = |reason| UriError { text: hide_password(text), reason };
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c)) {
            return Err(error("it has a character that must be escaped"));
        }
        if text.contains(['?', '#']) {
            return Err(error("it has a query or a fragment"));
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| error("it has no scheme"))?;
        match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("http" | "https") => {
                let place = rest.strip_prefix("//").ok_or_else(|| error("it has no host"))?;
                let host = place.split('/').next().unwrap_or("");
                if host.is_empty() || host.ends_with('@') {
                    return Err(error("it has no host"));
                }
                Ok(Self(format!("{scheme}://{}", place.trim_end_matches('/'))))
            }
            "file" | "copy" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if !path.starts_with('/') {
                    return Err(error("its path is not absolute"));
                }
                Ok(Self(format!("file://{}", path.trim_end_matches('/'))))
            }
            _ => Err(error("only http, https and file are supported")),
        }
    }

    /// The `file:` address of this path.
    #[must_use]
    pub fn of_file(path: &AbsPath) -> Self {
        Self(format!("file://{}", escape(path.as_str()).trim_end_matches('/')))
    }

    /// This address with an archive path (`dists/bookworm/InRelease`) below it; what needs escaping is escaped.
    ///
    /// # Errors
    /// [`UriError`] when the path is empty, absolute, or has an empty, `.` or `..` part: it would lead out of the archive.
    pub fn join(&self, path: &str) -> Result<Self, UriError> {
        let leads_out = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains('\0');
        if path.split('/').any(leads_out) {
            return Err(UriError { text: path.to_owned(), reason: "it is not a plain path below an archive" });
        }
        Ok(Self(format!("{}/{}", self.0, escape(path))))
    }

    /// `http`, `https` or `file`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// The host of an http address with its port, if it names one, without the user; empty for others.
    #[must_use]
    pub fn server(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    }

    /// The host of an http address, without user and port; empty for others.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.server();
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// The whole address, password included: for requests, never for messages.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of a `file:` address, unescaped.
    ///
    /// # Errors
    /// [`PathError`] when it is not a clean UTF-8 path.
    pub fn file_path(&self) -> Result<AbsPath, PathError> {
        let raw = self.0.strip_prefix("file://").unwrap_or("");
        AbsPath::new(unescape(raw).ok_or_else(|| PathError::NotUtf8(raw.to_owned()))?)
    }
}

/// Percent-encodes all but unreserved characters and slashes: `+` too, which some stores read as a space.
fn escape(path: &str) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(text, "%{byte:02X}").ok();
        }
    }
    text
}

/// Undoes percent-encoding; `None` when the result is not UTF-8 or an escape is broken.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let (digits, after) = tail.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn hide_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or("");
            format!("{scheme}://{user}:***@{host}{path}")
        }
        None => text.to_owned(),
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hide_password(&self.0))
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&hide_password(&self.0), f)
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// Text that is not an address that can be fetched from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {text:?} as an address: {reason}")]
pub struct UriError {
    /// The text, without password.
    pub text: String,
    /// The reason.
    pub reason: &'static str,
}

impl Classify for UriError {
    fn class(&self) -> Class {
        Class::Config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_joined() {
        let base = Uri::new("HTTP://mirror.example/debian/").unwrap();
        assert_eq!(base.as_str(), "http://mirror.example/debian");
        let file = base.join("pool/main/g/g++/g++_4%3a12~1_amd64.deb").unwrap();
        assert_eq!(file.as_str(), "http://mirror.example/debian/pool/main/g/g%2B%2B/g%2B%2B_4%253a12~1_amd64.deb");
        for bad in ["", "/etc/passwd", "../x", "a/../../b", "a//b", "./a", "a/."] {
            assert!(base.join(bad).is_err(), "{bad}");
        }
        for bad in ["ftp://h/x", "mirror.example", "http:///x", "http://u@/x", "file:x", "http://h/a b", "http://h/?q"]
        {
            assert!(Uri::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn file_paths_survive_the_escaping() {
        for path in ["/srv/my mirror/100%", "/srv/g++", "/srv/é"] {
            let path = AbsPath::new(path).unwrap();
            assert_eq!(Uri::of_file(&path).file_path(), Ok(path));
        }
        assert_eq!(Uri::new("file:/srv/x").unwrap(), Uri::new("file:///srv/x/").unwrap());
        assert_eq!(unescape("%zz"), None);
        assert_eq!(unescape("%4"), None);
        assert_eq!(unescape("%ff"), None);
    }

    #[test]
    fn passwords_are_not_shown() {
        let uri = Uri::new("https://me:secret@mirror.example/x").unwrap();
        assert_eq!(uri.to_string(), "https://me:***@mirror.example/x");
        assert!(!format!("{uri:?}").contains("secret"));
        assert!(!Uri::new("https://me:secret@mirror.example/?q").unwrap_err().to_string().contains("secret"));
    }
}
