//! Packages of Debian 12 that really cannot be installed: their sentences and pictures, as they were looked at and kept.

use std::{fs, path::Path, sync::Arc, time::Duration};

use super::super::super::{
    Answer, Install, PRIORITY, PackageIndex, Picture, Question, SatResolver, Universe, UniverseOptions, why_not,
};
use crate::{context::Context, relation::Relations};

/// A folder has the stanzas that the explanation in the whole archive names, with no other relations than it has as steps
/// (a host test writes them: `dose_names_the_same_missing_and_conflicting_packages`); `DEBBUILD_UPDATE=1` writes the rest anew.
#[test]
fn broken_packages_of_debian_are_explained_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/resolve/why_not/broken");
    #[expect(clippy::disallowed_methods, reason = "the update switch of this test")]
    let update = std::env::var_os("DEBBUILD_UPDATE").is_some();
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(packages) = fs::read_to_string(folder.join("Packages")) else { continue };
        let name = folder.file_name().unwrap().to_str().unwrap();
        let index = PackageIndex::parse("main", packages);
        let universe = Universe::new(UniverseOptions::new("amd64".parse().unwrap()), [(Arc::new(index), PRIORITY)]);
        let question = Question::Install(Install::new(Relations::parse(name).unwrap()));
        let limit = Duration::from_secs(60);
        let answer = why_not(&Context::new(), &SatResolver::new(), &universe, &question, limit).unwrap();
        let Answer::Unsatisfiable(why) = answer else { panic!("{name}: {answer:?}") };
        let picture = Picture::of_explanation(&why);
        let files = [
            ("sentences.txt", why.sentences.join("\n") + "\n"),
            ("conflict.dot", picture.dot()),
            ("conflict.svg", picture.svg()),
        ];
        for (file, text) in files {
            let file = folder.join(file);
            if update {
                fs::write(&file, &text).unwrap();
            }
            assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "{}", file.display());
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
}
