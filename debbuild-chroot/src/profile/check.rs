//! From the keys of a profile to checked values; every refusal names file and line.

use debbuild_core::{
    acquire::fetch::Uri,
    arch::Architecture,
    config::{ConfigError, Document, Place, Placed},
    name::{ComponentName, PackageName, SuiteName},
    path::AbsPath,
};

use super::{Profile, Repository, wire};
use crate::{
    create::{AptOption, Variant, variable_name},
    manager::check_host,
};

type Checked<T> = Result<T, ConfigError>;

/// The endings of the suites that belong to a suite of the machine's own archives.
const COMPANIONS: [&str; 2] = ["-updates", "-security"];

pub(super) fn profile(name: &str, place: &Place, document: Document) -> Checked<Profile> {
    let table: wire::Table = document.read()?;
    let missing = || ConfigError::Missing { place: place.clone(), key: format!("profiles.{name}.suite") };
    let suite = value(table.suite.as_ref().ok_or_else(missing)?, "suite", SuiteName::new)?;
    let mirrors = all(&table.mirrors, "mirrors", uri)?;
    let companions = match &table.companions {
        Some(endings) => {
            all(endings, "companions", |ending| SuiteName::new(&format!("{suite}{ending}")).map(|_| ending.to_owned()))?
        }
        None if mirrors.is_empty() => COMPANIONS.map(str::to_owned).to_vec(),
        None => Vec::new(),
    };
    let mut environment = std::collections::BTreeMap::new();
    for (key, text) in &table.environment {
        let path = format!("environment.{key}");
        if !variable_name(key) || text.value.contains('\0') {
            return Err(ConfigError::value(&text.place, path, "not a variable that sessions can have"));
        }
        environment.insert(key.clone(), text.value.clone());
    }
    let architecture =
        table.architecture.as_ref().map(|text| value(text, "architecture", Architecture::new)).transpose()?;
    let mut repositories = Vec::new();
    for (name, table) in &table.repositories {
        if table.value.enabled {
            repositories.push(repository(name, table)?);
        }
    }
    Ok(Profile {
        name: name.to_owned(),
        host: table.host.map(|text| value(&text, "host", |name| host(name, architecture.as_ref()))).transpose()?,
        architecture,
        variant: table.variant.map_or_else(|| Ok(Variant::default()), |text| value(&text, "variant", str::parse))?,
        components: all(&table.components, "components", ComponentName::new)?,
        keyrings: files(&table.keyrings, "keyrings")?,
        include: all(&table.include, "include", PackageName::new)?,
        hooks: files(&table.hooks, "hooks")?,
        apt_options: apt_options(&table.apt_options)?,
        description: table.description,
        check_valid_until: table.valid_until,
        suite,
        mirrors,
        companions,
        environment,
        repositories,
        document,
    })
}

fn repository(name: &str, table: &Placed<wire::Repository>) -> Checked<Repository> {
    let Placed { value: table, place } = table;
    let key = |field: &str| format!("repositories.{name}.{field}");
    self::name(name, place)?;
    let missing = || ConfigError::Missing { place: place.clone(), key: key("suite") };
    let suite = value(table.suite.as_ref().ok_or_else(missing)?, &key("suite"), SuiteName::new)?;
    let priority = match &table.priority {
        Some(Placed { value: 0, place }) => {
            return Err(ConfigError::value(place, key("priority"), "0 means nothing to apt"));
        }
        priority => priority.as_ref().map(|priority| priority.value),
    };
    let components = table.components.as_deref().unwrap_or_default();
    Ok(Repository {
        name: name.to_owned(),
        uri: table.uri.as_ref().map(|text| value(text, &key("uri"), uri)).transpose()?,
        suite,
        components: all(components, &key("components"), ComponentName::new)?,
        key: table.key.as_ref().map(|text| file(text, &key("key"))).transpose()?,
        priority,
        check_valid_until: table.valid_until,
        place: place.clone(),
    })
}

fn apt_options(table: &std::collections::BTreeMap<String, Placed<wire::Words>>) -> Checked<Vec<AptOption>> {
    let mut options = Vec::new();
    for (key, words) in table {
        // apt's own way to name an item of a list.
        let item = match &words.value {
            wire::Words::One(_) => key.clone(),
            wire::Words::Many(_) => format!("{key}::"),
        };
        for word in words.value.all() {
            let option = AptOption::new(&item, word);
            options.push(option.map_err(|e| ConfigError::value(&words.place, "apt-options", e.to_string()))?);
        }
    }
    Ok(options)
}

/// A host architecture beside the profile's own; without one, beside any.
fn host(name: &str, own: Option<&Architecture>) -> Result<Architecture, String> {
    let host = Architecture::new(name).map_err(|error| error.to_string())?;
    match own.map(|own| check_host(own, Some(&host))) {
        Some(Err(error)) => Err(error.to_string()),
        _ => Ok(host),
    }
}

fn uri(text: &str) -> Result<Uri, String> {
    if !["http://", "https://", "file:/"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err("expected http://, https:// or file:///".to_owned());
    }
    Uri::new(text).map_err(|error| error.to_string())
}

pub(super) fn value<T, E: ToString>(
    text: &Placed<String>,
    key: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Checked<T> {
    read(&text.value).map_err(|error| ConfigError::value(&text.place, key, error.to_string()))
}

fn all<T, E: ToString>(texts: &[Placed<String>], key: &str, read: impl Fn(&str) -> Result<T, E>) -> Checked<Vec<T>> {
    texts.iter().map(|text| value(text, key, &read)).collect()
}

fn file(text: &Placed<String>, key: &str) -> Checked<AbsPath> {
    value(text, key, |name| beside(text.place.origin(), name))
}

fn files(texts: &[Placed<String>], key: &str) -> Checked<Vec<AbsPath>> {
    texts.iter().map(|text| file(text, key)).collect()
}

/// A file that is named in the file `origin`: relative to its folder, or absolute.
pub(super) fn beside(origin: &str, name: &str) -> Result<AbsPath, String> {
    let text = |error: debbuild_core::path::PathError| error.to_string();
    if name.starts_with('/') {
        return AbsPath::new(name).map_err(text);
    }
    AbsPath::new(origin).map_err(text)?.parent().descend(name).map_err(text)
}

/// Refuses names that could not be told from paths, or could not name a file.
pub(super) fn name(name: &str, place: &Place) -> Checked<()> {
    let fine = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !name.ends_with(".toml");
    if fine {
        return Ok(());
    }
    Err(ConfigError::value(place, name, "not a plain name (letters, digits, '-_.', not ending in .toml)"))
}
