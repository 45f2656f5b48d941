//! The order in which the names of a universe became known, which decides where nothing else does.

use std::collections::BTreeMap;

use super::super::{Packages, Universe, naming::naming, universe::SolvableId};
use crate::{
    arch::Architecture,
    control::{ControlError, Paragraph},
    name::PackageName,
};

/// The order; none where it is that of the packages as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Order {
    /// The names of packages as they were first mentioned.
    names: Vec<PackageName>,
    /// The packages as they were first there.
    packages: Vec<(PackageName, Architecture)>,
}

impl Order {
    /// The order of these packages.
    pub(super) fn of(universe: &Universe, packages: impl Iterator<Item = SolvableId>) -> Self {
        let (mut names, mut by_name) = (BTreeMap::new(), BTreeMap::new());
        for id in packages {
            if let Some((package, architecture)) = universe.identity(id) {
                let native = &universe.options().native;
                let architecture = if architecture.is_all() { native.clone() } else { architecture };
                names.insert(universe.symbol(id), package.clone());
                by_name.insert(universe.name_of(id), (package, architecture));
            }
        }
        Self { names: names.into_values().collect(), packages: by_name.into_values().collect() }
    }

    /// What makes the names known in this order.
    pub(super) fn naming(&self) -> Packages {
        let names: Vec<&str> = self.names.iter().map(PackageName::as_str).collect();
        let packages: Vec<(&str, &str)> =
            self.packages.iter().map(|(name, architecture)| (name.as_str(), architecture.as_str())).collect();
        naming(&names, &packages)
    }

    /// The lines of the fields that say it.
    pub(super) fn fields(&self) -> [(&'static str, Vec<String>); 2] {
        let names = self.names.iter().map(ToString::to_string).collect();
        let packages = self.packages.iter().map(|(name, architecture)| format!("{name}:{architecture}")).collect();
        [("Names", names), ("Packages", packages)]
    }

    pub(super) fn read(paragraph: &Paragraph<'_>) -> Result<Self, ControlError> {
        let packages = paragraph.words("Packages").map(|word| {
            let (name, architecture) = word.split_once(':')?;
            Some((PackageName::new(name).ok()?, Architecture::new(architecture).ok()?))
        });
        let packages: Option<_> = packages.collect();
        let bad = || paragraph.error("Packages", "not a list of packages with their architectures");
        Ok(Self { names: paragraph.list("Names", false)?, packages: packages.ok_or_else(bad)? })
    }
}
