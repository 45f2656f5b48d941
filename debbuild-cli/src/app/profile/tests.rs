//! Where profiles come from on a machine, and by which names.

use std::collections::BTreeMap;

use super::*;
use crate::app::{Machine, Overrides};

struct Place {
    _folder: tempfile::TempDir,
    path: AbsPath,
    app: App,
}

fn place() -> Place {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = AbsPath::new(folder.path()).unwrap();
    let variables = BTreeMap::from([("HOME".to_owned(), path.join("home").to_string())]);
    let app = App::open(Machine::new(variables, path.clone(), 1000), &Overrides::new()).unwrap();
    Place { _folder: folder, path, app }
}

impl Place {
    fn write(&self, name: &'static str, text: &str) -> AbsPath {
        let file = self.path.join(name);
        fs::create_dir_all(file.parent()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn include(&self, name: &str) -> Vec<String> {
        self.app.profile(name).unwrap().include.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn the_users_files_lie_over_the_built_in_profiles_and_a_named_file_over_all() {
    let place = place();
    assert_eq!(place.app.profiles().unwrap().iter().filter(|one| one.name == "trixie").count(), 1);
    let user = place.write("home/.config/debbuild/profiles.d/b.toml", "[profiles.trixie]\nadd.include = ['bb']");
    place.write("home/.config/debbuild/profiles.d/a.toml", "[profiles.trixie]\nadd.include = ['aa']");
    place.write("home/.config/debbuild/profiles.d/other.txt", "no TOML");
    assert_eq!(place.include("stable"), ["aa", "bb"]);
    let summary = place.app.profiles().unwrap().into_iter().find(|one| one.name == "trixie").unwrap();
    assert_eq!(summary.place.to_string(), format!("{user}:1"));

    let one = place.write("one.toml", "[profiles.own]\ninherits = 'trixie'\nadd.include = ['own']");
    assert_eq!(place.include("one.toml"), ["aa", "bb", "own"]);
    assert_eq!(place.include(&format!("{one}#own")), ["aa", "bb", "own"]);
    place.write("two.toml", "[profiles.trixie]\ninclude = ['two']\n[profiles.other]\ninherits = 'stable'");
    assert_eq!(place.include("two.toml#other"), ["two"]);
    let several = place.app.profile("two.toml").unwrap_err();
    assert_eq!((several.class(), several.message().contains("several profiles: other, trixie")), (Class::Usage, true));
    assert_eq!(place.app.profile("own").unwrap_err().class(), Class::Usage, "a file counts only where it is named");
    assert_eq!(place.app.profile("gone.toml").unwrap_err().class(), Class::Config);
}

#[test]
fn wishes_have_the_same_key_until_what_a_profile_names_changes() {
    let place = place();
    let machine = Architecture::new("amd64").unwrap();
    place.write("key.asc", "one");
    let text = "[profiles.own]\nsuite = 's'\nrepositories.r = { uri = 'file:///srv/r', suite = 's', key = 'key.asc' }";
    place.write("own.toml", text);
    let key = |wish: &ChrootWish| {
        let profile = match &wish.of {
            ChrootOf::Profile(name) => Some(place.app.profile(name).unwrap()),
            ChrootOf::Suite(_) => None,
        };
        place.app.wish_key(wish, profile.as_ref(), &machine).unwrap()
    };
    let wish = ChrootWish::of_profile("own.toml");
    let first = key(&wish);
    assert_eq!(key(&wish), first);
    assert_ne!(key(&wish.clone().with_variant(Some(Variant::Apt))), first);
    assert_ne!(key(&wish.clone().with_host(Some(Architecture::new("arm64").unwrap()))), first);
    assert_ne!(key(&ChrootWish::new(SuiteName::new("s").unwrap())), first);
    place.write("key.asc", "two");
    assert_ne!(key(&wish), first, "another key is another chroot");
    fs::remove_file(place.path.join("key.asc")).unwrap();
    let error = place.app.profile("own.toml").unwrap().content().unwrap_err();
    let expected = format!("{}:3: repositories.r.key", place.path.join("own.toml"));
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_profile_is_shown_with_the_place_of_every_value() {
    let place = place();
    let shown = crate::app::profile_json(&place.app.profile("trixie-security").unwrap(), true).unwrap();
    assert_eq!((&shown["name"], &shown["profile"]["suite"]), (&"trixie-security".into(), &"trixie".into()));
    assert_eq!(shown["profile"]["companions"], serde_json::json!(["-security"]));
    assert!(shown["origins"]["companions.0"].as_str().unwrap().starts_with("built-in:"), "{shown}");
    assert!(crate::app::profile_json(&place.app.profile("sid").unwrap(), false).unwrap().get("origins").is_none());
}
