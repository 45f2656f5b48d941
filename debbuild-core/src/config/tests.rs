//! Layers, places, unknown keys, includes and the environment.

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
struct Settings {
    #[serde(default)]
    name: Option<String>,
    build: Build,
    #[serde(default)]
    archives: Vec<Archive>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Build {
    user: String,
    jobs: u8,
    #[serde(default)]
    when: Option<When>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum When {
    Always,
    OnFailure { keep: u32 },
}

#[derive(Debug, Deserialize, PartialEq)]
struct Archive {
    url: String,
    #[serde(default)]
    priority: Option<Placed<i32>>,
}

const BASE: &str = "[build]\nuser = 'debbuild'\njobs = 2\n";

fn base() -> Document {
    Document::parse("base.toml", BASE).unwrap()
}

fn message(text: &str) -> String {
    match Document::parse("my.toml", text) {
        Ok(layer) => base().overlay(layer).read::<Settings>().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn later_layers_win_key_by_key_and_keep_their_origin() {
    let both = base().overlay(Document::parse("my.toml", "name = 'x'\n\n[build]\njobs = 4").unwrap());
    let settings: Settings = both.read().unwrap();
    assert_eq!((settings.build.user.as_str(), settings.build.jobs), ("debbuild", 4));
    let shown: Vec<String> = both.leaves().iter().map(|l| format!("{}={} {}", l.key, l.value, l.place)).collect();
    assert_eq!(shown, ["build.jobs=4 my.toml:4", "build.user=\"debbuild\" base.toml:2", "name=\"x\" my.toml:1"]);
}

#[test]
fn errors_name_file_line_and_key() {
    assert_eq!(message("[build]\nusr = 'x'"), "my.toml:2: unknown key \"build.usr\" (did you mean \"build.user\"?)");
    assert_eq!(message("\n[biuld]"), "my.toml:2: unknown key \"biuld\" (did you mean \"build\"?)");
    assert_eq!(message("zzzzzzzzz = 1"), "my.toml:1: unknown key \"zzzzzzzzz\"");
    assert_eq!(message("build.jobs = 'many'"), "my.toml:1: build.jobs: invalid type: string \"many\", expected u8");
    assert!(message("build.jobs = 300").starts_with("my.toml:1: build.jobs: invalid value: integer `300`"));
    assert_eq!(message("\n\n[[archives]]\npriority = 1"), "my.toml:3: missing key \"archives.0.url\"");
    assert_eq!(
        message("archives = [\n { url = 'a' },\n { url = 'b', prio = 1 },\n]"),
        "my.toml:3: unknown key \"archives.1.prio\""
    );
    assert!(message("a = 1\na = 2").starts_with("my.toml:2: duplicate key"), "{}", message("a = 1\na = 2"));
    assert!(message("[build\n").starts_with("my.toml:1: "));
    assert!(message("build.when = 'never'").contains("unknown variant `never`"));
    assert!(message("build.when = 'on-failure'").contains("needs a table"));
    assert_eq!(
        message("build.when.on-failure.kep = 1"),
        "my.toml:1: unknown key \"build.when.on-failure.kep\" (did you mean \"build.when.on-failure.keep\"?)"
    );
    assert!(message("big = 99999999999999999999").contains("out of range"));
}

#[test]
fn enums_options_and_places_are_read() {
    let text = "build.when.on-failure.keep = 3\n[[archives]]\nurl = 'a'\npriority = 7\n[[archives]]\nurl = 'b'";
    let read: Settings = base().overlay(Document::parse("my.toml", text).unwrap()).read().unwrap();
    assert_eq!(read.build.when, Some(When::OnFailure { keep: 3 }));
    let priority = read.archives[0].priority.as_ref().unwrap();
    assert_eq!((priority.value, priority.place.to_string().as_str()), (7, "my.toml:4"));
    let read: Settings = base().overlay(Document::parse("f", "build.when = 'always'").unwrap()).read().unwrap();
    assert_eq!(read.build.when, Some(When::Always));
}

#[test]
fn the_environment_is_a_layer_with_known_names() {
    let known = base().overlay(Document::parse("built-in", "archives = []\nbuild.fast-mode = true").unwrap());
    let vars = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    let layer = known
        .environment(
            "DEB_",
            &vars(&[
                ("DEB_BUILD_JOBS", "8"),
                ("DEB_HOME", "/x"),
                ("DEB_ARCHIVES", "a, b"),
                ("DEB_BUILD_FAST_MODE", "false"),
                ("PATH", "/bin"),
            ]),
            &|name| name == "DEB_HOME",
        )
        .unwrap();
    let shown: Vec<String> = layer.leaves().iter().map(|l| format!("{}={} {}", l.key, l.value, l.place)).collect();
    assert_eq!(
        shown,
        [
            "archives=[\"a\", \"b\"] DEB_ARCHIVES",
            "build.fast-mode=false DEB_BUILD_FAST_MODE",
            "build.jobs=8 DEB_BUILD_JOBS"
        ]
    );
    let wrong = known.environment("DEB_", &vars(&[("DEB_BUILD_JOB", "8")]), &|_| false).unwrap_err();
    assert_eq!(wrong.to_string(), "DEB_BUILD_JOB: unknown key \"DEB_BUILD_JOB\" (did you mean \"DEB_BUILD_JOBS\"?)");
    let wrong = known.environment("DEB_", &vars(&[("DEB_BUILD_JOBS", "x")]), &|_| false).unwrap_err();
    assert_eq!(wrong.to_string(), "DEB_BUILD_JOBS: build.jobs: expected an integer, found \"x\"");
}

#[test]
fn includes_lie_below_and_circles_end() {
    let mut files = |_: &str, name: &str| match name {
        "a" => Ok(Included { origin: "a".into(), text: "include = ['b']\nx = 'a'\ny = 'a'".into() }),
        "b" => Ok(Included { origin: "b".into(), text: "x = 'b'\ny = 'b'\nz = 'b'".into() }),
        "loop" => Ok(Included { origin: "loop".into(), text: "include = ['loop']".into() }),
        _ => Err("no such file".to_owned()),
    };
    let top = |text: &str| Document::parse("top", text).unwrap();
    let all = top("include = ['a']\nx = 'top'").include("include", &mut files).unwrap();
    let shown: Vec<String> = all.leaves().iter().map(|l| format!("{}={} {}", l.key, l.value, l.place)).collect();
    assert_eq!(shown, ["x=\"top\" top:2", "y=\"a\" a:3", "z=\"b\" b:3"]);
    let gone = top("\ninclude = ['gone']").include("include", &mut files).unwrap_err();
    assert_eq!(gone.to_string(), "top:2: cannot include \"gone\": no such file");
    assert!(top("include = ['loop']").include("include", &mut files).unwrap_err().to_string().contains("circle"));
    assert!(top("include = 'a'").include("include", &mut files).is_err());
}

#[test]
fn what_builds_on_another_replaces_lists_or_adds_to_them() {
    let parse = |name: &str, text: &str| Document::parse(name, text).unwrap();
    let shown = |document: &Document| -> Vec<String> {
        document.items().iter().map(|l| format!("{}={} {}", l.key, l.value, l.place)).collect()
    };
    let base = parse("base", "list = ['a']\nother = ['x']\n[table]\nkey = 1");
    let both = base.clone().stacked(parse("top", "add.list = ['b']\nother = ['y']\ntable.more = 2"), "add");
    let expected = ["list.0=\"a\" base:1", "list.1=\"b\" top:1", "other.0=\"y\" top:2", "table.key=1 base:4"];
    assert_eq!(shown(&both)[..4], expected);
    let mixin = parse("one", "add.list = ['b']").stacked(parse("two", "add.list = ['c']"), "add");
    assert_eq!(shown(&mixin), ["add.list.0=\"b\" one:1", "add.list.1=\"c\" two:1"]);
    assert_eq!(shown(&mixin.clone().settled("add")), ["list.0=\"b\" one:1", "list.1=\"c\" two:1"]);
    assert_eq!(base.stacked(mixin.clone(), "add").leaves()[0].value, r#"["a", "b", "c"]"#);
    let replaced = mixin.stacked(parse("three", "list = ['z']"), "add").settled("add");
    assert_eq!(shown(&replaced), ["list.0=\"z\" three:1"]);
    let names: Vec<String> = parse("t", "[p.b]\n[p.a]\nx = 1\n[q]").tables("p").into_iter().map(|one| one.0).collect();
    assert_eq!(names, ["a", "b"]);
}
