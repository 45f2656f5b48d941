//! All profiles of a machine: files laid over each other, and profiles that inherit.

use std::{collections::BTreeMap, fs};

use debbuild_core::{
    config::{ConfigError, Document, Included, MAX_INCLUDES, Place, nearest},
    name::SuiteName,
    path::{AbsPath, IoResultExt as _},
};

use super::{Profile, ProfileError, check, near, wire};

/// The table whose lists are added to what is there already.
const ADD: &str = "add";

/// The profiles that need no file.
const SHIPPED: &str = include_str!("shipped.toml");

/// What errors and origins call them.
const SHIPPED_ORIGIN: &str = "built-in";

/// Gives the text that an include means: from the name of the file that asks and the name that it says.
type Load<'a> = &'a mut dyn FnMut(&str, &str) -> Result<Included, String>;

/// Profiles by name. A profile that is defined again in a later file builds on the earlier one, as if it inherited it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfileSet {
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    document: Document,
    /// Where it was said last.
    place: Place,
}

/// A profile, in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileSummary {
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Its suite; none for one that is there to be inherited.
    pub suite: Option<SuiteName>,
    /// Where it is defined, by the last file that says something of it.
    pub place: Place,
}

impl ProfileSet {
    /// No profiles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The profiles that are built in: Debian's suites, at the archives that the machine uses.
    ///
    /// # Errors
    /// None that a test would let through.
    pub fn shipped() -> Result<Self, ConfigError> {
        Self::new().with_text(SHIPPED_ORIGIN, SHIPPED, &mut |_, _| Err("built-in profiles include nothing".to_owned()))
    }

    /// With those of a file over these; what the file includes (relative to itself) lies between.
    ///
    /// # Errors
    /// [`ProfileError::Read`], and what is wrong with its text, naming file and line.
    pub fn with_file(self, file: &AbsPath) -> Result<Self, ProfileError> {
        let text = fs::read_to_string(file).at("read", file).map_err(ProfileError::Read)?;
        let mut load = |origin: &str, name: &str| -> Result<Included, String> {
            let path = check::beside(origin, name)?;
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            Ok(Included { origin: path.to_string(), text })
        };
        Ok(self.with_text(file.as_str(), &text, &mut load)?)
    }

    /// With those of a text over these; `origin` names it in errors, `load` gives what it includes.
    ///
    /// # Errors
    /// What is wrong with it, naming file and line.
    pub fn with_text(mut self, origin: &str, text: &str, load: Load<'_>) -> Result<Self, ConfigError> {
        self.add(origin, text, load, 0)?;
        Ok(self)
    }

    fn add(&mut self, origin: &str, text: &str, load: Load<'_>, depth: usize) -> Result<(), ConfigError> {
        let document = Document::parse(origin, text)?;
        let file: wire::File = document.read()?;
        for include in &file.includes {
            let refuse = |message| {
                let (place, name) = (include.place.clone(), include.value.clone());
                ConfigError::Include { place, name, message }
            };
            if depth >= MAX_INCLUDES {
                return Err(refuse(format!("includes are nested more than {MAX_INCLUDES} deep, or in a circle")));
            }
            let found = load(include.place.origin(), &include.value).map_err(refuse)?;
            self.add(&found.origin, &found.text, load, depth + 1)?;
        }
        for (name, document) in document.tables("profiles") {
            let place = document.origin().clone();
            check::name(&name, &place)?;
            let below = self.known.remove(&name).map(|known| known.document);
            let document = below.unwrap_or_else(|| Document::empty(origin)).stacked(document, ADD);
            self.known.insert(name, Known { document, place });
        }
        Ok(())
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Every profile in a line, by name.
    ///
    /// # Errors
    /// When one inherits what is not there, or in a circle.
    pub fn list(&self) -> Result<Vec<ProfileSummary>, ProfileError> {
        let one = |(name, known): (&String, &Known)| {
            let table: wire::Table = self.open(name, None, &mut Vec::new())?.read()?;
            let suite = table.suite.map(|suite| check::value(&suite, "suite", SuiteName::new)).transpose()?;
            let (name, place) = (name.clone(), known.place.clone());
            Ok(ProfileSummary { name, description: table.description, suite, place })
        };
        self.known.iter().map(one).collect()
    }

    /// The profile of a name, with all that it builds on.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`]; what is wrong with it or with what it inherits, naming file and line.
    pub fn profile(&self, name: &str) -> Result<Profile, ProfileError> {
        let document = self.open(name, None, &mut Vec::new())?.settled(ADD);
        let place = self.known.get(name).map_or_else(|| document.origin(), |known| &known.place).clone();
        Ok(check::profile(name, &place, document)?)
    }

    /// A profile over what it inherits; what it adds to lists that are not there yet still waits.
    fn open(&self, name: &str, asked: Option<&Place>, path: &mut Vec<String>) -> Result<Document, ProfileError> {
        let Some(known) = self.known.get(name) else {
            let nearest = nearest(name, self.names()).map(str::to_owned);
            return Err(match asked {
                None => ProfileError::Unknown { name: name.to_owned(), nearest },
                Some(place) => {
                    let message = format!("no such profile: {name:?}{}", near(nearest.as_deref()));
                    ConfigError::value(place, "inherits", message).into()
                }
            });
        };
        if path.iter().any(|before| before == name) {
            path.push(name.to_owned());
            let message = format!("profiles inherit in a circle: {}", path.join(", "));
            return Err(ConfigError::value(asked.unwrap_or(&known.place), "inherits", message).into());
        }
        path.push(name.to_owned());
        let own: wire::Table = known.document.read()?;
        let mut below = Document::empty(known.place.origin());
        for parent in own.inherits.iter().flat_map(|list| list.value.all()) {
            let place = own.inherits.as_ref().map(|list| &list.place);
            below = below.stacked(self.open(parent, place, path)?.without("description"), ADD);
        }
        path.pop();
        Ok(below.stacked(known.document.clone().without("inherits"), ADD))
    }
}
