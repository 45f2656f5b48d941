//! Reading, layering and refusing blueprints.

use super::*;

const GOOD: &str = "packages = ['systemd-sysv', 'dbus']
use-lists = ['tools']

[compose]
short = 'Minimal'
version = '1'
type = 'test'

[lists]
tools = ['hello', 'dbus']

[archives.main]
uri = 'http://mirror.example/debian'
suite = 'bookworm'
keyring = 'keys/main.gpg'

[archives.extra]
repository = 'mine'
suite = 'stable'
components = ['main', 'extra']
priority = 700

[variants.base]
packages = ['less']

[variants.base.repository]
[variants.base.ostree]
packages = ['ostree-boot']
[variants.base.iso]
packages = ['live-boot']
arguments = ['console=ttyS0']
failable = true
[variants.base.container]
command = ['/bin/sh']
";

fn parse(text: &str) -> Result<Blueprint, ConfigError> {
    Blueprint::parse("/srv/b.toml", text, &mut |_, name| Err(format!("no file {name}")))
}

fn names(selections: &[Selection]) -> Vec<&str> {
    selections.iter().map(|selection| selection.package.as_str()).collect()
}

#[test]
fn a_blueprint_is_read_with_defaults_and_places() {
    let blueprint = parse(GOOD).unwrap();
    assert_eq!(names(&blueprint.packages), ["dbus", "hello", "systemd-sysv"]);
    assert_eq!(blueprint.packages[1].place.to_string(), "/srv/b.toml:10");
    assert_eq!((blueprint.kind, blueprint.architecture.as_str()), (ComposeType::Test, "amd64"));
    let [extra, main] = &blueprint.archives[..] else { panic!("two archives") };
    assert_eq!((extra.priority, extra.components.len()), (700, 2));
    assert_eq!(extra.source, ArchiveSource::Repository("mine".to_owned()));
    assert_eq!(main.keyring.as_ref().unwrap().as_str(), "/srv/keys/main.gpg");
    let base = blueprint.variant("base").unwrap();
    let kinds: Vec<&str> = base.deliverables.iter().map(|d| d.kind().name()).collect();
    assert_eq!(kinds, ["repository", "container", "iso", "ostree"]);
    assert!(base.deliverables[2].failable);
    let DeliverableOptions::Iso(iso) = &base.deliverables[2].options else { panic!("an iso") };
    assert_eq!((iso.volume.as_str(), iso.compression), ("MINIMAL_1_BASE", 3));
    let DeliverableOptions::Ostree(ostree) = &base.deliverables[3].options else { panic!("an ostree commit") };
    assert_eq!(ostree.reference, "minimal/1/amd64/base");
    let sets = blueprint.selections();
    assert_eq!(names(&sets["base/iso"]), ["live-boot"]);
    assert_eq!(
        sets.keys().map(String::as_str).collect::<Vec<_>>(),
        ["", "base", "base/container", "base/iso", "base/ostree", "base/repository"]
    );
    assert_eq!(parse(GOOD).unwrap().only(|_, kind| kind == DeliverableKind::Iso).variants[0].deliverables.len(), 1);
}

#[test]
fn refusals_name_file_line_and_what_was_meant() {
    let wrong = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let unknown =
        "/srv/b.toml:31: unknown key \"variants.base.iso.argumnts\" (did you mean \"variants.base.iso.arguments\"?)";
    assert_eq!(wrong("arguments", "argumnts"), unknown);
    assert!(
        wrong("use-lists = ['tools']", "use-lists = ['tool']")
            .contains("/srv/b.toml:2: use-lists: no list \"tool\" (did you mean \"tools\"?)")
    );
    assert!(wrong("'hello'", "'Hello'").starts_with("/srv/b.toml:10: lists.tools: "));
    assert!(wrong("type = 'test'", "type = 'rc'").contains("none of production, nightly, test, ci"));
    assert!(wrong("repository = 'mine'", "repository = '../x'").contains("not a plain name"));
    assert!(wrong("repository = 'mine'", "host = true\nrepository = 'x'").contains("exactly one of"));
    assert!(wrong("uri = 'http:", "uri = 'ftp:").contains("expected http://"));
    let local = wrong("repository = 'mine'", "repository = 'mine'\nsystem-uri = 'http://localhost/x'");
    assert!(local.contains(".system-uri: expected http:// or https://, not on this machine"), "{local}");
    assert!(wrong("repository = 'mine'", "host = true\nsystem-uri = 'http://h.example'").contains("several addresses"));
    assert!(wrong("repository = 'mine'", "repository = 'mine'\nsystm = false").contains("did you mean \""));
    assert!(wrong("keyring = 'keys/main.gpg'", "keyring = '../k'").contains("archives.main.keyring"));
    assert!(wrong("console=ttyS0", "x; y").contains("not a plain kernel argument"));
    assert!(wrong("failable = true", "compression = 23").contains("levels 1 to 22"));
    assert!(wrong("short = 'Minimal'", "short = 'a/b'").contains("compose.short"));
    assert!(wrong("[variants.base]", "[variants.logs]\n[variants.base]").contains("folder of every compose"));
    assert!(wrong("[variants.base]", "[variants.none]\n[variants.base]").contains("makes nothing"));
    let bare = "[compose]\nshort = 'A'\nversion = '1'\n";
    assert!(parse(bare).unwrap_err().to_string().contains("archives"));
}

#[test]
fn includes_are_files_beside_the_blueprint() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    fs::write(base.join("common.toml"), GOOD).unwrap();
    let top = base.join("top.toml");
    fs::write(&top, "include = ['common.toml']\n[compose]\nversion = '2'\n").unwrap();
    let blueprint = Blueprint::read(&top).unwrap();
    assert_eq!((blueprint.short.as_str(), blueprint.version.as_str()), ("Minimal", "2"));
    let main = blueprint.archives.iter().find(|archive| archive.name == "main").unwrap();
    assert_eq!(main.keyring.as_ref().unwrap(), &base.join("keys/main.gpg"));
    fs::write(&top, "include = ['../common.toml']\n").unwrap();
    assert!(Blueprint::read(&top).unwrap_err().to_string().contains("top.toml:1: cannot include"));
    assert!(Blueprint::read(&base.join("gone.toml")).is_err());
}
