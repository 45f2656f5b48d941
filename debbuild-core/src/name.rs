//! Names of packages, suites and components, checked so that they are safe in file names and arguments.

use std::fmt;

use crate::error::{Class, Classify};

/// Makes a checked text newtype with the usual traits.
macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`NameError`].
            pub fn new(text: &str) -> Result<Self, NameError> {
                if $check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { kind: $kind, text: text.to_owned() })
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use checked_name;

checked_name! {
    /// The name of a binary package (Policy 5.6.7): lower case letters, digits, `+`, `-`, `.`, at least two, starting with a letter or digit.
    PackageName, "package name", is_package_name
}
checked_name! {
    /// The name of a source package (Policy 5.6.1): the same characters as a binary package's.
    SourceName, "source package name", is_package_name
}
checked_name! {
    /// The name of a suite or codename: one or more path parts, as `bookworm` or `bookworm/updates`.
    SuiteName, "suite", is_path_name
}
checked_name! {
    /// The name of a component: one or more path parts, as `main` or `updates/main`.
    ComponentName, "component", is_path_name
}

checked_name! {
    /// The plain name of a file of a source or a package, safe below any folder: no `/`, `\\`, space or control character, not
    /// hidden, not an option, not a backup mark. What dpkg-source and the archive accept, and no more.
    FileName, "file name", is_file_name
}
checked_name! {
    /// A path inside an archive, as `Filename` and `Directory` have it: plain names joined by `/`, never upwards.
    PoolPath, "path in an archive", is_pool_path
}

/// The longest name, in bytes: file names hold name, version and architecture, and have 255.
const LONGEST: usize = 128;

fn is_file_name(text: &str) -> bool {
    text.len() <= 255
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._~:%,=@!()[]".contains(&b))
}

fn is_pool_path(text: &str) -> bool {
    text.len() <= 4096 && text.split('/').all(is_file_name)
}

fn is_package_name(text: &str) -> bool {
    (2..=LONGEST).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

fn is_path_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text.split('/').all(|part| {
            part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._~".contains(&b))
        })
}

/// Text that is not a name of that kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {} {kind}: {text:?}", article(kind))]
pub struct NameError {
    /// The kind of name.
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

impl Classify for NameError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["hello", "g++-12", "0ad", "libc6.1", "a2"] {
            assert!(PackageName::new(good).is_ok(), "{good}");
        }
        assert_eq!(crate::arch::Architecture::new("a b").unwrap_err().to_string(), "not an architecture: \"a b\"");
        for bad in ["", "a", "Hello", "-x", "a/b", "a b", "../x", "a_b", "+a", "é1", "a\n", &"a".repeat(300)] {
            assert!(PackageName::new(bad).is_err(), "{bad}");
        }
        for good in ["hello_2.10-3.dsc", "hello_2.10-3_amd64.deb", "foo_1~rc1.orig-c%2b.tar.xz", "0ad_1.tar.gz"] {
            assert!(FileName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".x", "-x", "~", "a/b", "a\\b", "x ", "a\tb", "a\0", "é.dsc", &"a".repeat(256)] {
            assert!(FileName::new(bad).is_err(), "{bad:?}");
            assert!(bad == "a/b" || PoolPath::new(&format!("pool/{bad}")).is_err(), "{bad:?}");
        }
        assert!(PoolPath::new("pool/main/h/hello/hello_2.10-3_amd64.deb").is_ok());
        for bad in ["/pool/x", "pool//x", "pool/../x", "pool/x/"] {
            assert!(PoolPath::new(bad).is_err(), "{bad}");
        }
        assert!(SuiteName::new("bookworm/updates").is_ok());
        for bad in ["", "/", "a//b", "../x", "a/..", ".x", "a b", "-a"] {
            assert!(SuiteName::new(bad).is_err(), "{bad}");
        }
    }
}
