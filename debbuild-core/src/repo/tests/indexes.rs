//! What is in indexes, and that it depends on what is in the suite alone.

use std::num::NonZeroUsize;

use super::*;

fn component(name: &str) -> ComponentName {
    ComponentName::new(name).unwrap()
}

/// The paths of all indexes that readers see, with their bytes.
fn indexes(place: &Place, state: &State) -> Vec<(String, Vec<u8>)> {
    let suite = place.base.join("repo/dists/stable");
    let stored = state.indexes.iter().filter(|index| index.stored);
    stored
        .map(|index| (index.path.to_string(), std::fs::read(suite.descend(index.path.as_str()).unwrap()).unwrap()))
        .collect()
}

#[tokio::test]
async fn indexes_depend_on_the_content_and_not_on_how_it_came_to_be() {
    let mut seen = Vec::new();
    for steps in [1, 3] {
        let place = place();
        let options = options().with_translations(true).with_contents(true);
        let repository = Repository::init(&place.cx, place.base.join("repo"), options).await.unwrap();
        let package = |number: usize| {
            let name = format!("p{}", (number * 7919) % 600);
            place.package(&name, "1", ["amd64", "all"][number % 2], &name)
        };
        let inputs: Vec<Input> = (0..600).map(package).collect();
        let mut state = None;
        for part in inputs.chunks(600 / steps) {
            place.add(&repository, part.to_vec()).await.unwrap();
            place.add(&repository, vec![place.package("passing", "1", "amd64", "passing")]).await.unwrap();
            place.publish(&repository).await;
            let wanted = vec![Wanted::new(PackageName::new("passing").unwrap())];
            repository.remove(&place.cx, &stable(), wanted).await.unwrap();
            state = Some(place.publish(&repository).await);
        }
        assert!(place.verify(&repository).await.is_good());
        let again = place.publish(&repository).await;
        let state = state.unwrap();
        assert_eq!(again.indexes, state.indexes, "nothing changed");
        seen.push(indexes(&place, &state));
    }
    let paths = |all: &[(String, Vec<u8>)]| all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&seen[0]), paths(&seen[1]));
    for (one, other) in seen[0].iter().zip(&seen[1]) {
        assert!(one.1 == other.1, "{}", one.0);
    }
    let packages = seen[0].iter().find(|(path, _)| path == "main/binary-amd64/Packages").unwrap();
    assert_eq!(String::from_utf8_lossy(&packages.1).matches("\nFilename: ").count(), 600);
}

#[tokio::test]
async fn long_descriptions_are_in_translations_and_found_by_their_digest() {
    let place = place();
    let options = options().with_translations(true);
    let repository = Repository::init(&place.cx, place.base.join("repo"), options).await.unwrap();
    let inputs = vec![place.package("hello", "1", "amd64", "one"), place.package("hello", "1", "arm64", "two")];
    place.add(&repository, inputs).await.unwrap();
    place.publish(&repository).await;
    // printf 'a package\n with\n  a long\n .\n description\n' | md5sum
    let md5 = "3f004c374003d744d1410f212622c797";
    let packages = place.read("dists/stable/main/binary-amd64/Packages");
    assert!(packages.contains(&format!("\nDescription: a package\nDescription-md5: {md5}\nFilename: ")), "{packages}");
    let translation = place.read("dists/stable/main/i18n/Translation-en");
    let expected = format!(
        "Package: hello\nDescription-md5: {md5}\nDescription-en: a package\n with\n  a long\n .\n description\n\n"
    );
    assert_eq!(translation, expected, "once for both architectures");
}

#[tokio::test]
async fn installer_packages_have_indexes_of_their_own() {
    let place = place();
    let repository = place.repository().await;
    let udeb = place.package("hello-udeb", "1", "amd64", "udeb");
    let udeb = Input { control: udeb.control.map(|text| format!("{text}Package-Type: udeb\n")), ..udeb };
    place.add(&repository, vec![place.package("hello", "1", "amd64", "one"), udeb]).await.unwrap();
    place.publish(&repository).await;
    let installer = place.read("dists/stable/main/debian-installer/binary-amd64/Packages");
    assert!(installer.contains("\nFilename: pool/main/h/hello-udeb/hello-udeb_1_amd64.udeb\n"), "{installer}");
    assert_eq!(place.read("dists/stable/main/debian-installer/binary-arm64/Packages"), "");
    assert!(!place.read("dists/stable/main/binary-amd64/Packages").contains("hello-udeb"));
    assert!(place.verify(&repository).await.is_good());
}

#[tokio::test]
async fn overrides_replace_section_and_priority_also_of_what_is_there() {
    let place = place();
    let repository = place.repository().await;
    let inputs = || vec![place.package("hello", "1", "amd64", "one"), place.source("hello")];
    place.add(&repository, inputs()).await.unwrap();
    let overrides = Overrides::parse("override", "hello important net\n").unwrap();
    let add = AddOptions::new(main_component()).with_overrides(overrides);
    let entries = repository.add_with(&place.cx, &stable(), inputs(), &add).await.unwrap();
    assert!(entries.iter().all(|entry| entry.section.as_deref() == Some("net")), "{entries:?}");
    place.publish(&repository).await;
    for index in ["binary-amd64/Packages", "source/Sources"] {
        let text = place.read(&format!("dists/stable/main/{index}"));
        assert!(text.contains("\nSection: net\n") && text.contains("\nPriority: important\n"), "{text}");
    }
}

#[tokio::test]
async fn the_newest_versions_stay_and_the_sources_that_they_need() {
    let place = place();
    let repository = place.repository().await;
    let versions = ["1:0.9", "1.9", "1.10", "1.10~rc1"];
    let inputs = versions.map(|version| {
        let input = place.package("hello", version, "amd64", version);
        let control = input.control.clone().map(|text| format!("{text}Source: src0 (1.0)\n"));
        Input { control, ..input }
    });
    place.add(&repository, vec![place.source("src0")]).await.unwrap();
    let add = AddOptions::new(main_component()).with_keep(NonZeroUsize::new(2));
    repository.add_with(&place.cx, &stable(), inputs.to_vec(), &add).await.unwrap();
    let list = repository.list(&place.cx, &stable(), None).await.unwrap();
    let names: Vec<String> = list.iter().map(Entry::key).collect();
    assert_eq!(names, ["hello 1.10 amd64", "hello 1:0.9 amd64", "src0 1.0 source"]);
}

#[tokio::test]
async fn debug_symbols_go_to_the_suite_that_is_for_them() {
    let place = place();
    let debug = SuiteName::new("stable-debug").unwrap();
    let repository =
        Repository::init(&place.cx, place.base.join("repo"), options().with_debug_suite(debug.clone())).await;
    let repository = repository.unwrap();
    let symbols = place.package("hello-dbgsym", "1", "amd64", "symbols");
    let control = symbols.control.clone().map(|text| format!("{text}Auto-Built-Package: debug-symbols\n"));
    let symbols = Input { control, ..symbols };
    let inputs = || vec![place.package("hello", "1", "amd64", "one"), symbols.clone()];
    let error = place.add(&repository, inputs()).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound, "{error}");
    let other = SuiteOptions::new(debug.clone(), vec![Architecture::new("amd64").unwrap()]);
    Repository::init(&place.cx, repository.dir().clone(), other.clone().with_components(vec![component("x0")]))
        .await
        .unwrap();
    assert!(matches!(place.add(&repository, inputs()).await, Err(RepoError::Undeclared { .. })));
    Repository::init(&place.cx, repository.dir().clone(), other).await.unwrap();
    for _ in 0..2 {
        place.add(&repository, inputs()).await.unwrap();
        let keys = async |suite: &SuiteName| -> Vec<String> {
            repository.list(&place.cx, suite, None).await.unwrap().iter().map(Entry::key).collect()
        };
        assert_eq!(keys(&stable()).await, ["hello 1 amd64"]);
        assert_eq!(keys(&debug).await, ["hello-dbgsym 1 amd64"]);
    }
}

#[tokio::test]
async fn records_of_another_schema_are_refused_clearly() {
    let place = place();
    let repository = place.repository().await;
    std::fs::write(place.base.join("repo/.debbuild/suites/stable/staged.json"), r#"{"schema":1,"entries":[]}"#)
        .unwrap();
    let error = repository.list(&place.cx, &stable(), None).await.unwrap_err();
    assert!(error.to_string().ends_with("staged.json: schema 1, this debbuild knows 2"), "{error}");
}

#[test]
fn contents_name_every_package_that_has_a_path_once() {
    let place = place();
    let mut catalog = super::catalog::Catalog::open(&place.base).unwrap();
    let mut entries = Vec::new();
    for (name, version, section, paths) in [
        ("b0", "1", "net", Some(vec!["usr/bin/b", "usr/share/a b"])),
        ("a0", "1", "misc", Some(vec!["usr/bin/b"])),
        ("a0", "2", "misc", Some(vec!["etc/x", "usr/bin/b"])),
        ("c0", "1", "misc", None),
    ] {
        let sha256 = Sha256::of(format!("{name} {version}").as_bytes());
        let text = format!("Package: {name}\nSection: {section}\n").into_bytes();
        let paths = paths.map(|paths| paths.into_iter().map(str::to_owned).collect());
        catalog.append(&[super::catalog::Known { sha256, text, paths }]).unwrap();
        let line = format!("b main {name} {version} amd64 - - - - - pool/main/a/a/a.deb 1 {sha256}\n");
        entries.extend(super::segment::read(&line).unwrap());
    }
    entries[0].section = Some("web".to_owned());
    let entries: Vec<&Entry> = entries.iter().collect();
    let pieces = super::contents::pieces(place.cx.cancel(), &catalog, &entries).unwrap();
    let lines: Vec<(String, String)> = pieces
        .concat()
        .lines()
        .map(|line| line.rsplit_once('\t').map(|(path, names)| (path.trim_end().to_owned(), names.to_owned())).unwrap())
        .collect();
    let expected = [("etc/x", "misc/a0"), ("usr/bin/b", "misc/a0,web/b0"), ("usr/share/a b", "web/b0")];
    assert_eq!(lines, expected.map(|(path, names)| (path.to_owned(), names.to_owned())));
}
