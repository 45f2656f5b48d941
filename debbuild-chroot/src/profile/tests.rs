//! Reading, inheritance, the built-in profiles, and what refusals say.

use debbuild_core::config::Included;

use super::*;

fn set(text: &str) -> Result<ProfileSet, ConfigError> {
    let mut files = |origin: &str, name: &str| match name {
        "more.toml" => Ok(Included {
            origin: "/etc/more.toml".to_owned(),
            text: "[profiles.base]\nsuite = 'forky'\ninclude = ['included']\nhooks = ['hook.sh']".to_owned(),
        }),
        "loop.toml" => Ok(Included { origin: name.to_owned(), text: "includes = ['loop.toml']".to_owned() }),
        _ => Err(format!("no such file beside {origin}")),
    };
    ProfileSet::shipped()?.with_text("/etc/p.toml", text, &mut files)
}

fn profile(text: &str, name: &str) -> Result<Profile, ProfileError> {
    set(text)?.profile(name)
}

fn refusal(text: &str) -> String {
    let error = profile(text, "x").unwrap_err();
    assert_eq!(error.class(), Class::Config, "{error}");
    error.to_string()
}

fn words<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn every_shipped_profile_can_be_used_and_names_no_mirror() {
    let shipped = ProfileSet::shipped().unwrap();
    let usable: Vec<_> = shipped.list().unwrap().into_iter().filter(|one| one.suite.is_some()).collect();
    assert_eq!(usable.len() + 1, shipped.names().count(), "one is only there to be inherited");
    for one in usable {
        let profile = shipped.profile(&one.name).unwrap();
        assert!(profile.mirrors.is_empty() && !profile.description.is_empty(), "{}", one.name);
        assert_eq!(words(&profile.keyrings), ["/usr/share/keyrings/debian-archive-keyring.gpg"]);
        assert_eq!(profile.variant, Variant::Buildd);
    }
    let suite = |name: &str| shipped.profile(name).unwrap().suite.to_string();
    assert_eq!(
        (suite("stable"), suite("oldstable"), suite("experimental")),
        ("trixie".into(), "bookworm".into(), "sid".into())
    );
    let backports = shipped.profile("trixie-backports").unwrap();
    assert_eq!(backports.repositories[0].suite.as_str(), "trixie-backports");
    assert_eq!(backports.companions, ["-updates", "-security"]);
    assert_eq!(shipped.profile("trixie-security").unwrap().companions, ["-security"]);
}

#[test]
fn a_profile_replaces_lists_adds_to_them_and_merges_tables() {
    let text = "
[profiles.one]
suite = 'trixie'
include = ['aa', 'bb']
environment = { A = '1', B = '1' }
repositories.r = { uri = 'file:///srv/r', suite = 's', priority = 900 }
[profiles.mixin]
add.include = ['mm']
environment.B = '2'
[profiles.x]
inherits = ['one', 'mixin']
add.include = ['xx']
environment.C = '3'
repositories.r.priority = -10
[profiles.y]
inherits = 'x'
include = ['yy']
repositories.r.enabled = false
";
    let x = profile(text, "x").unwrap();
    assert_eq!(words(&x.include), ["aa", "bb", "mm", "xx"]);
    let environment: Vec<String> = x.environment.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(environment, ["A=1", "B=2", "C=3"]);
    assert_eq!((x.repositories[0].priority, x.repositories[0].suite.as_str()), (Some(-10), "s"));
    let origins: Vec<String> = x.origins().iter().map(|leaf| format!("{} {}", leaf.key, leaf.place)).collect();
    assert!(origins.contains(&"include.2 /etc/p.toml:8".to_owned()), "{origins:?}");
    assert!(origins.contains(&"environment.A /etc/p.toml:5".to_owned()), "{origins:?}");
    let y = profile(text, "y").unwrap();
    assert_eq!((words(&y.include), y.repositories.len()), (vec!["yy".to_owned()], 0));
}

#[test]
fn a_later_file_builds_on_the_profile_of_the_same_name() {
    let text =
        "includes = ['more.toml']\n[profiles.base]\nadd.include = ['own']\n[profiles.sid]\nadd.include = ['mine']";
    let base = profile(text, "base").unwrap();
    assert_eq!((base.suite.as_str(), words(&base.include)), ("forky", vec!["included".to_owned(), "own".to_owned()]));
    assert_eq!(words(&base.hooks), ["/etc/hook.sh"], "paths are relative to the file that names them");
    assert_eq!(words(&profile(text, "unstable").unwrap().include), ["mine"]);
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    assert_eq!(
        refusal("[profiles.x]\nsuit = 'sid'"),
        "/etc/p.toml:2: unknown key \"profiles.x.suit\" (did you mean \"profiles.x.suite\"?)"
    );
    assert!(refusal("[profiles.x]\nadd.suite = ['sid']").contains("unknown key \"profiles.x.add.suite\""));
    assert_eq!(
        refusal("[profiles.x]\n\ninherits = 'trixy'"),
        "/etc/p.toml:3: inherits: no such profile: \"trixy\" (did you mean \"trixie\"?)"
    );
    assert_eq!(
        refusal("[profiles.x]\ninherits = 'y'\n[profiles.y]\ninherits = ['sid', 'x']"),
        "/etc/p.toml:4: inherits: profiles inherit in a circle: x, y, x"
    );
    assert_eq!(refusal("\n[profiles.x]\nvariant = 'buildd'"), "/etc/p.toml:2: missing key \"profiles.x.suite\"");
    assert!(refusal("includes = ['loop.toml']").contains("in a circle"));
    assert!(refusal("includes = ['gone.toml']").starts_with("/etc/p.toml:1: cannot include \"gone.toml\""));
    let value = |line: &str| refusal(&format!("[profiles.x]\ninherits = 'sid'\n{line}"));
    assert!(value("variant = 'big'").starts_with("/etc/p.toml:3: variant: not a variant"));
    assert!(value("mirrors = ['ftp://mirror.example/debian']").starts_with("/etc/p.toml:3: mirrors: expected http://"));
    assert!(value("repositories.r.suite = '../s'").starts_with("/etc/p.toml:3: repositories.r.suite: "));
    assert!(value("repositories.r.priority = 1").contains("missing key \"repositories.r.suite\""));
    assert!(value("repositories.r = { suite = 's', priority = 0 }").contains("0 means nothing"));
    assert!(value("repositories.r = { suite = 's', priority = 70000 }").contains("expected i16"));
    assert!(value("environment.'A B' = 'x'").starts_with("/etc/p.toml:3: environment.A B: not a variable"));
    assert!(value("apt-options.'Acquire::http::Proxy' = 'http://mirror.example'").contains("past the gateway"));
    assert!(value("apt-options.'APT::X' = 'a\"; b'").contains("quotes"));
    assert!(value("hooks = ['../x.sh']").starts_with("/etc/p.toml:3: hooks: "));
    let unknown = profile("", "trixi").unwrap_err();
    assert_eq!(
        (unknown.class(), unknown.to_string()),
        (Class::Usage, "no such profile: trixi (did you mean \"trixie\"?)".to_owned())
    );
}

#[test]
fn a_host_architecture_is_another_one_than_the_profiles_own() {
    let cross = "[profiles.x]\ninherits = 'sid'\nhost = 'arm64'\n[profiles.y]\ninherits = 'x'\narchitecture = 'i386'";
    let y = profile(cross, "y").unwrap();
    assert_eq!((y.architecture.unwrap().as_str(), y.host.unwrap().as_str()), ("i386", "arm64"));
    assert_eq!(profile(cross, "sid").unwrap().host, None);
    let value = |line: &str| refusal(&format!("[profiles.x]\ninherits = 'sid'\narchitecture = 'arm64'\n{line}"));
    assert_eq!(value("host = 'arm64'"), "/etc/p.toml:4: host: a chroot of arm64 cannot be a cross chroot for arm64");
    assert!(value("host = 'any'").starts_with("/etc/p.toml:4: host: not a"), "{}", value("host = 'any'"));
}

#[test]
fn options_of_apt_are_single_values_or_items_of_lists() {
    let text = "[profiles.x]\ninherits = 'sid'\n[profiles.x.apt-options]\n'APT::Install-Recommends' = false\n'Acquire::Languages' = ['de', 'en']";
    let shown: Vec<String> =
        profile(text, "x").unwrap().apt_options.iter().map(|one| format!("{}={}", one.key, one.value)).collect();
    assert_eq!(shown, ["APT::Install-Recommends=false", "Acquire::Languages::=de", "Acquire::Languages::=en"]);
}
