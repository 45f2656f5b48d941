//! The keys of a blueprint, exactly as TOML has them; the field names here are the documentation of the format.

use std::collections::BTreeMap;

use debbuild_core::config::Placed;
use serde::Deserialize;

pub(super) type Packages = Vec<Placed<String>>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) compose: Compose,
    #[serde(default)]
    pub(super) archives: BTreeMap<String, Placed<Archive>>,
    #[serde(default)]
    pub(super) lists: BTreeMap<String, Packages>,
    #[serde(default)]
    pub(super) packages: Packages,
    #[serde(default)]
    pub(super) use_lists: Packages,
    #[serde(default)]
    pub(super) variants: BTreeMap<String, Placed<Variant>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Compose {
    pub(super) short: Placed<String>,
    pub(super) version: Placed<String>,
    pub(super) name: Option<String>,
    pub(super) r#type: Option<Placed<String>>,
    pub(super) label: Option<Placed<String>>,
    pub(super) architecture: Option<Placed<String>>,
    #[serde(default)]
    pub(super) recommends: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Archive {
    pub(super) uri: Option<String>,
    #[serde(default)]
    pub(super) host: bool,
    pub(super) repository: Option<String>,
    pub(super) suite: Placed<String>,
    pub(super) components: Option<Vec<Placed<String>>>,
    pub(super) priority: Option<i32>,
    pub(super) keyring: Option<Placed<String>>,
    pub(super) expires: Option<bool>,
    pub(super) system: Option<bool>,
    pub(super) system_uri: Option<Placed<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Variant {
    #[serde(default)]
    pub(super) packages: Packages,
    #[serde(default)]
    pub(super) use_lists: Packages,
    pub(super) repository: Option<Repository>,
    pub(super) ostree: Option<Ostree>,
    pub(super) iso: Option<Iso>,
    pub(super) container: Option<Container>,
}

/// The table of a kind of deliverable: the keys that all have, and its own. (Unknown keys are told by the fields that a struct
/// names to serde, which a flattened one does not.)
macro_rules! deliverable {
    ($name:ident { $($(#[$attribute:meta])* $key:ident: $kind:ty,)* }) => {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(super) struct $name {
            #[serde(default)]
            pub(super) packages: Packages,
            #[serde(default)]
            pub(super) use_lists: Packages,
            #[serde(default)]
            pub(super) failable: bool,
            $($(#[$attribute])* pub(super) $key: $kind,)*
        }
    };
}

deliverable! {
    Repository {
        suite: Option<Placed<String>>,
        origin: Option<Placed<String>>,
    }
}

deliverable! {
    Ostree {
        r#ref: Option<Placed<String>>,
    }
}

deliverable! {
    Iso {
        volume: Option<Placed<String>>,
        #[serde(default)]
        arguments: Vec<Placed<String>>,
        compression: Option<Placed<u8>>,
        timeout: Option<u32>,
    }
}

deliverable! {
    Container {
        tag: Option<Placed<String>>,
        #[serde(default)]
        entrypoint: Vec<String>,
        #[serde(default)]
        command: Vec<String>,
        #[serde(default)]
        environment: BTreeMap<String, Placed<String>>,
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
}
