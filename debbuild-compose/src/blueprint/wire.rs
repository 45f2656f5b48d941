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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Repository {
    #[serde(default)]
    pub(super) packages: Packages,
    #[serde(default)]
    pub(super) use_lists: Packages,
    #[serde(default)]
    pub(super) failable: bool,
    pub(super) suite: Option<Placed<String>>,
    pub(super) origin: Option<Placed<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ostree {
    #[serde(default)]
    pub(super) packages: Packages,
    #[serde(default)]
    pub(super) use_lists: Packages,
    #[serde(default)]
    pub(super) failable: bool,
    pub(super) r#ref: Option<Placed<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Iso {
    #[serde(default)]
    pub(super) packages: Packages,
    #[serde(default)]
    pub(super) use_lists: Packages,
    #[serde(default)]
    pub(super) failable: bool,
    pub(super) volume: Option<Placed<String>>,
    #[serde(default)]
    pub(super) arguments: Vec<Placed<String>>,
    pub(super) compression: Option<Placed<u8>>,
    pub(super) timeout: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Container {
    #[serde(default)]
    pub(super) packages: Packages,
    #[serde(default)]
    pub(super) use_lists: Packages,
    #[serde(default)]
    pub(super) failable: bool,
    pub(super) tag: Option<Placed<String>>,
    #[serde(default)]
    pub(super) entrypoint: Vec<String>,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, Placed<String>>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}
