//! From the keys of a blueprint to checked values; every refusal names file and line.

use std::collections::{BTreeMap, BTreeSet};

use debbuild_core::{
    arch::Architecture,
    config::{ConfigError, Place, Placed, nearest},
    digest::Sha256,
    name::{ComponentName, PackageName, SuiteName},
    path::AbsPath,
};

use super::{
    ArchiveChoice, ArchiveSource, Blueprint, Container, Deliverable, DeliverableOptions, Iso, Ostree, Repository,
    Selection, Variant, wire,
};
use crate::{
    identity::{ComposeType, Label, check_short, check_version},
    sources::is_public,
};

type Checked<T> = Result<T, ConfigError>;

pub(super) fn blueprint(file: wire::File, place: &Place, values: Sha256) -> Checked<Blueprint> {
    let lists = Lists::new(&file.lists)?;
    let compose = file.compose;
    checked(&compose.short, "compose.short", check_short)?;
    checked(&compose.version, "compose.version", check_version)?;
    let kind = match &compose.r#type {
        None => ComposeType::default(),
        Some(name) => ComposeType::from_name(&name.value).ok_or_else(|| {
            let known = ComposeType::ALL.map(ComposeType::name).join(", ");
            ConfigError::value(&name.place, "compose.type", format!("{:?} is none of {known}", name.value))
        })?,
    };
    let label = compose.label.as_ref().map(|label| checked(label, "compose.label", Label::new)).transpose()?;
    let architecture = match &compose.architecture {
        Some(name) => checked(name, "compose.architecture", Architecture::new)?,
        None => {
            Architecture::new("amd64").map_err(|e| ConfigError::value(place, "compose.architecture", e.to_string()))?
        }
    };
    let mut blueprint = Blueprint {
        name: compose.name.unwrap_or_else(|| compose.short.value.clone()),
        short: compose.short.value,
        version: compose.version.value,
        kind,
        label,
        architecture,
        recommends: compose.recommends,
        archives: file.archives.into_iter().map(|(name, table)| archive(name, table)).collect::<Checked<_>>()?,
        packages: lists.all("packages", &file.packages, &file.use_lists)?,
        variants: Vec::new(),
        values,
    };
    if blueprint.archives.is_empty() {
        return Err(ConfigError::Missing { place: place.clone(), key: "archives".to_owned() });
    }
    if file.variants.is_empty() {
        return Err(ConfigError::Missing { place: place.clone(), key: "variants".to_owned() });
    }
    for (name, table) in file.variants {
        let made = variant(&blueprint, &lists, name, table)?;
        blueprint.variants.push(made);
    }
    Ok(blueprint)
}

/// A file that is named beside another: relative to its folder, or absolute.
pub(super) fn beside(folder: &AbsPath, name: &str) -> Result<AbsPath, String> {
    if name.starts_with('/') { AbsPath::new(name) } else { folder.descend(name) }.map_err(|error| error.to_string())
}

fn checked<T, E: ToString>(text: &Placed<String>, key: &str, check: impl Fn(&str) -> Result<T, E>) -> Checked<T> {
    check(&text.value).map_err(|error| ConfigError::value(&text.place, key, error.to_string()))
}

/// The named lists of packages.
struct Lists(BTreeMap<String, Vec<Selection>>);

impl Lists {
    fn new(lists: &BTreeMap<String, wire::Packages>) -> Checked<Self> {
        let read =
            |(name, list): (&String, &wire::Packages)| Ok((name.clone(), selections(&format!("lists.{name}"), list)?));
        lists.iter().map(read).collect::<Checked<_>>().map(Self)
    }

    /// The packages of a table and of the lists that it uses, each once, sorted.
    fn all(&self, key: &str, packages: &wire::Packages, uses: &wire::Packages) -> Checked<Vec<Selection>> {
        let mut all = selections(key, packages)?;
        for name in uses {
            let Some(list) = self.0.get(&name.value) else {
                let near = nearest(&name.value, self.0.keys().map(String::as_str));
                let near = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
                let key = key.replace("packages", "use-lists");
                return Err(ConfigError::value(&name.place, key, format!("no list {:?}{near}", name.value)));
            };
            all.extend(list.iter().cloned());
        }
        all.sort_by(|a, b| a.package.cmp(&b.package));
        all.dedup_by(|a, b| a.package == b.package);
        Ok(all)
    }
}

fn selections(key: &str, packages: &wire::Packages) -> Checked<Vec<Selection>> {
    let one = |name: &Placed<String>| {
        Ok(Selection { package: checked(name, key, PackageName::new)?, place: name.place.clone() })
    };
    packages.iter().map(one).collect()
}

fn archive(name: String, table: Placed<wire::Archive>) -> Checked<ArchiveChoice> {
    let Placed { value: table, place } = table;
    let key = |field: &str| format!("archives.{name}.{field}");
    plain_name(&name, &place, &format!("archives.{name}"))?;
    let source = match (table.uri, table.host, table.repository) {
        (Some(uri), false, None) => {
            if !["http://", "https://", "file:/"].iter().any(|scheme| uri.starts_with(scheme)) {
                return Err(ConfigError::value(&place, key("uri"), "expected http://, https:// or file:///"));
            }
            ArchiveSource::Uri(uri)
        }
        (None, true, None) => ArchiveSource::Host,
        (None, false, Some(repository)) => {
            plain_name(&repository, &place, &key("repository"))?;
            ArchiveSource::Repository(repository)
        }
        _ => {
            let message = "exactly one of uri, host = true and repository must be given";
            return Err(ConfigError::value(&place, format!("archives.{name}"), message));
        }
    };
    let system_uri = match &table.system_uri {
        Some(uri) if source == ArchiveSource::Host => {
            let message = "the host's archives have several addresses: name them as archives of their own";
            return Err(ConfigError::value(&uri.place, key("system-uri"), message));
        }
        Some(uri) if !is_public(&uri.value) || uri.value.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            let message = "expected http:// or https://, not on this machine";
            return Err(ConfigError::value(&uri.place, key("system-uri"), message));
        }
        uri => uri.as_ref().map(|uri| uri.value.clone()),
    };
    let suite = checked(&table.suite, &key("suite"), SuiteName::new)?.to_string();
    let components = match table.components {
        None => vec!["main".to_owned()],
        Some(list) => {
            let one = |c: &Placed<String>| checked(c, &key("components"), ComponentName::new).map(|c| c.to_string());
            list.iter().map(one).collect::<Checked<_>>()?
        }
    };
    let keyring = match &table.keyring {
        None => None,
        Some(path) => Some(checked(path, &key("keyring"), |name| {
            beside(&AbsPath::new(path.place.origin()).map_err(|error| error.to_string())?.parent(), name)
        })?),
    };
    let priority = table.priority.unwrap_or(500);
    let expires = table.expires.unwrap_or(true);
    let system = table.system.unwrap_or(true);
    Ok(ArchiveChoice { name, source, suite, components, priority, keyring, expires, system, system_uri, place })
}

/// Refuses names that could not be a folder's or a node's.
fn plain_name(name: &str, place: &Place, key: &str) -> Checked<()> {
    let fine = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fine {
        Ok(())
    } else {
        Err(ConfigError::value(place, key, format!("not a plain name (letters, digits, '-_.'): {name:?}")))
    }
}

fn variant(blueprint: &Blueprint, lists: &Lists, name: String, table: Placed<wire::Variant>) -> Checked<Variant> {
    let Placed { value: table, place } = table;
    let key = format!("variants.{name}");
    plain_name(&name, &place, &key)?;
    if matches!(name.as_str(), "metadata" | "logs" | "work") {
        return Err(ConfigError::value(&place, key, format!("{name:?} is a folder of every compose")));
    }
    let base = format!("{}/{}/{}/{name}", blueprint.short, blueprint.version, blueprint.architecture).to_lowercase();
    let mut deliverables = Vec::new();
    let add = |kind: &str, packages: &wire::Packages, uses: &wire::Packages, failable, options| {
        let packages = lists.all(&format!("{key}.{kind}.packages"), packages, uses)?;
        Ok::<_, ConfigError>(Deliverable { packages, failable, options })
    };
    if let Some(t) = &table.repository {
        let options = DeliverableOptions::Repository(repository(blueprint, &key, t)?);
        deliverables.push(add("repository", &t.packages, &t.use_lists, t.failable, options)?);
    }
    if let Some(t) = &table.container {
        let options = DeliverableOptions::Container(container(blueprint, &key, t)?);
        deliverables.push(add("container", &t.packages, &t.use_lists, t.failable, options)?);
    }
    if let Some(t) = &table.iso {
        let options = DeliverableOptions::Iso(iso(blueprint, &key, &name, &place, t)?);
        deliverables.push(add("iso", &t.packages, &t.use_lists, t.failable, options)?);
    }
    if let Some(t) = &table.ostree {
        let options = DeliverableOptions::Ostree(ostree(&key, base, t)?);
        deliverables.push(add("ostree", &t.packages, &t.use_lists, t.failable, options)?);
    }
    if deliverables.is_empty() {
        return Err(ConfigError::value(&place, key, "makes nothing: add .repository, .ostree, .iso or .container"));
    }
    let packages = lists.all(&format!("{key}.packages"), &table.packages, &table.use_lists)?;
    Ok(Variant { name, packages, deliverables })
}

fn repository(blueprint: &Blueprint, key: &str, table: &wire::Repository) -> Checked<Repository> {
    let suite = match &table.suite {
        Some(suite) => checked(suite, &format!("{key}.repository.suite"), SuiteName::new)?.to_string(),
        None => format!("{}-{}", blueprint.short, blueprint.version).to_lowercase(),
    };
    let origin = match &table.origin {
        Some(text) => checked(text, &format!("{key}.repository.origin"), one_line)?,
        None => blueprint.name.clone(),
    };
    Ok(Repository { suite, origin })
}

fn ostree(key: &str, base: String, table: &wire::Ostree) -> Checked<Ostree> {
    let reference = match &table.r#ref {
        None => base,
        Some(text) => checked(text, &format!("{key}.ostree.ref"), |text| {
            let part = |part: &str| {
                part.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            };
            if text.split('/').all(part) { Ok(text.to_owned()) } else { Err(format!("not an OSTree ref: {text:?}")) }
        })?,
    };
    Ok(Ostree { reference })
}

fn iso(blueprint: &Blueprint, key: &str, variant: &str, place: &Place, table: &wire::Iso) -> Checked<Iso> {
    if blueprint.architecture.as_str() != "amd64" {
        let message = format!("live ISOs are made for amd64 only, not for {}", blueprint.architecture);
        return Err(ConfigError::value(place, format!("{key}.iso"), message));
    }
    let volume = match &table.volume {
        Some(text) => checked(text, &format!("{key}.iso.volume"), |text| {
            let fine = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            if (1..=32).contains(&text.len()) && text.bytes().all(fine) {
                Ok(text.to_owned())
            } else {
                Err(format!("not a volume id (1 to 32 of A-Z, 0-9, _): {text:?}"))
            }
        })?,
        None => {
            let text = format!("{}_{}_{variant}", blueprint.short, blueprint.version).to_uppercase();
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(32).collect()
        }
    };
    let argument = |text: &Placed<String>| {
        checked(text, &format!("{key}.iso.arguments"), |text| {
            let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.,:=/@%+".contains(&b);
            if !text.is_empty() && text.bytes().all(fine) {
                Ok(text.to_owned())
            } else {
                Err(format!("not a plain kernel argument: {text:?}"))
            }
        })
    };
    let arguments = table.arguments.iter().map(argument).collect::<Checked<_>>()?;
    let compression = match &table.compression {
        None => 3,
        Some(level) if (1..=22).contains(&level.value) => level.value,
        Some(level) => {
            let key = format!("{key}.iso.compression");
            return Err(ConfigError::value(&level.place, key, "zstd has the levels 1 to 22"));
        }
    };
    Ok(Iso { volume, arguments, compression, timeout: table.timeout.unwrap_or(1) })
}

fn container(blueprint: &Blueprint, key: &str, table: &wire::Container) -> Checked<Container> {
    let tag = match &table.tag {
        None => blueprint.version.replace('~', "-"),
        Some(text) => checked(text, &format!("{key}.container.tag"), |text| {
            let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if first && text.len() <= 128 && text.bytes().all(fine) {
                Ok(text.to_owned())
            } else {
                Err(format!("not an image tag: {text:?}"))
            }
        })?,
    };
    let mut seen = BTreeSet::new();
    for (name, value) in &table.environment {
        if name.is_empty() || name.contains(['=', '\0']) || !seen.insert(name) {
            let key = format!("{key}.container.environment");
            return Err(ConfigError::value(&value.place, key, format!("not the name of a variable: {name:?}")));
        }
    }
    let environment = table.environment.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect();
    Ok(Container {
        tag,
        entrypoint: table.entrypoint.clone(),
        command: table.command.clone(),
        environment,
        labels: table.labels.clone(),
    })
}

fn one_line(text: &str) -> Result<String, String> {
    let fine = !text.is_empty() && !text.contains(char::is_control);
    if fine { Ok(text.to_owned()) } else { Err(format!("not one line of text: {text:?}")) }
}
