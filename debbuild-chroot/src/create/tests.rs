//! Unit tests of making base systems: the command line, the sources lists, what failures mean, and the twin.

use debbuild_core::name::ComponentName;

use super::*;
#[cfg(feature = "testing")]
use crate::confine::SubIds;

fn source(name: &str, keys: &[u8]) -> InnerSource {
    let suite = SuiteName::new("bookworm").unwrap();
    let main = vec![ComponentName::new("main").unwrap(), ComponentName::new("contrib").unwrap()];
    InnerSource::new(name, "http://mirror.example/debian", suite, main, keys.to_vec())
}

fn request() -> BootstrapRequest {
    let sources = vec![source("debian", b"\x99key"), source("extra", b"-----BEGIN PGP PUBLIC KEY BLOCK-----")];
    let suite = SuiteName::new("bookworm").unwrap();
    let amd64 = Architecture::new("amd64").unwrap();
    let epoch = Timestamp::from_seconds(1_700_000_000);
    BootstrapRequest::new(suite, amd64, Variant::Buildd, sources, epoch)
        .with_include(vec![PackageName::new("eatmydata").unwrap(), PackageName::new("g++").unwrap()])
        .with_hooks(vec![Hook { name: "mark".to_owned(), text: "#!/bin/sh\ntouch \"$1/marked\"\n".to_owned() }])
}

fn cross() -> BootstrapRequest {
    request().with_host(Some(Architecture::new("arm64").unwrap()))
}

#[test]
fn a_cross_system_has_its_own_architecture_first() {
    let spec = mmdebstrap::command(&cross(), |name| format!("/mnt/{name}"));
    assert!(spec.args.contains(&"--architectures=amd64,arm64".into()), "{spec}");
}

#[test]
fn where_programs_do_not_run_their_emulator_is_named() {
    let hint = |name: &str| CreateError::CannotRun(Architecture::new(name).unwrap()).hint().unwrap();
    let armhf = hint("armhf");
    assert!(armhf.starts_with("install arch-test, qemu-user-static (it has qemu-arm-static) and "), "{armhf}");
    assert_eq!((hint("armel"), hint("arm64").contains("qemu-aarch64-static")), (armhf, true));
    assert!(hint("x32").starts_with("install arch-test, qemu-user-static and "), "none is made up");
}

#[test]
fn the_command_line_leaves_no_trace_of_the_gateway() {
    let spec = mmdebstrap::command(&request(), |name| format!("/mnt/{name}"));
    insta::assert_snapshot!(spec.to_string().replace(" --", "\n --"));
    assert_eq!(spec.env["SOURCE_DATE_EPOCH"], "1700000000");
    assert_eq!(spec.env["http_proxy"], "http://127.0.0.1:3142");
    assert!(!spec.to_string().contains("3142"), "an option would stay in the system");
}

#[test]
fn debootstrap_gets_the_suites_own_archive_and_leaves_the_rest_to_apt() {
    let mut sources = request().sources;
    sources[1].suite = SuiteName::new("bookworm-updates").unwrap();
    sources.reverse();
    let asked = BootstrapRequest { sources, ..request() };
    let spec = debootstrap::command(&asked, "/mnt").unwrap();
    let words: Vec<String> = spec.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let expected = [
        "debootstrap",
        "/mnt",
        "bookworm",
        "amd64",
        "buildd",
        "main,contrib",
        "http://mirror.example/debian",
        "",
        "",
        "eatmydata",
        "g++",
    ];
    assert_eq!((spec.program.as_str(), words[0].as_str(), &words[2..]), ("sh", "-c", &expected.map(str::to_owned)[..]));
    assert_eq!(spec.env["http_proxy"], "http://127.0.0.1:3142");
    let cross = debootstrap::command(&cross(), "/mnt").unwrap();
    assert_eq!(cross.args[10], "arm64");
    let small = BootstrapRequest { variant: Variant::Apt, ..request() };
    assert_eq!(debootstrap::command(&small, "/mnt").unwrap_err().class(), Class::Usage);
    for tool in [BootstrapTool::Mmdebstrap, BootstrapTool::Debootstrap] {
        assert_eq!(tool.name().parse::<BootstrapTool>().unwrap(), tool);
    }
    assert_eq!("cdebootstrap".parse::<BootstrapTool>().unwrap_err().class(), Class::Usage);
}

#[test]
fn sources_name_their_keys_by_kind() {
    let mut sources = request().sources;
    sources[1] = sources[1].clone().with_check_valid_until(false);
    insta::assert_snapshot!(sources::deb822(&sources, "/etc/apt/keyrings", false).unwrap());
    sources[0].uri = "http://mirror.example/debian\nTrusted: yes".to_owned();
    assert!(sources::deb822(&sources, "/k", false).is_err(), "an address cannot add a field");
}

#[test]
fn what_failures_mean() {
    let class = |said: &str| {
        let exit = debbuild_core::command::Exit::with_status(25);
        let program = "mmdebstrap".to_owned();
        mmdebstrap::failure(said, |tail| CommandError::Failed { program, exit, tail })
    };
    let error = class("I: x\nE: Unable to locate package nosuch\nE: apt-get failed");
    assert_eq!(
        (error.class(), error.to_string()),
        (Class::NotFound, "no such package in the archives: nosuch".to_owned())
    );
    let error = class("E: Package 'nosuch' has no installation candidate");
    assert!(matches!(error, CreateError::NoPackage(name) if name == "nosuch"));
    let error = class("The following packages have unmet dependencies:\n a : Depends: b but it is not installable\n");
    assert_eq!(error.class(), Class::Dependencies);
    let error = class("E: Failed to fetch http://x\nE: mmdebstrap failed to run");
    assert_eq!(error.class(), Class::Infrastructure);
    assert!(error.to_string().contains("Failed to fetch"));
}

#[test]
fn variants_have_the_tools_names() {
    for variant in Variant::ALL {
        assert_eq!(variant.name().parse::<Variant>().unwrap(), variant);
    }
    assert_eq!("debootstrap".parse::<Variant>().unwrap_err().class(), Class::Usage);
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_twin_conforms_and_repeats_itself() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let ids = SubIds { first: 100_000, count: 65_536 };
    let home = AbsPath::new("/home/builder").unwrap();
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let user = BuildUser { name: "builder".to_owned(), uid, gid, home, subuids: ids, subgids: ids, switch: false };
    let twin = MemoryBootstrapper::new("Package: base-files\nStatus: install ok installed\n");
    let mut digests = Vec::new();
    for asked in [request(), request(), cross()] {
        let scratch = Scratch::create(&base, "create", &user).unwrap();
        digests.push(conformance::makes_a_clean_system(&twin, &asked, &scratch, &user).await);
    }
    assert!(digests[0] == digests[1] && digests[1] != digests[2]);
    assert_eq!(twin.runs(), 3);
}

#[test]
fn exact_versions_leave_nothing_else_to_choose_and_no_trace() {
    assert_eq!(exact_versions(&BTreeMap::new()), "");
    let version = |name: &str, text: &str| (PackageName::new(name).unwrap(), Version::new(text).unwrap());
    let versions = BTreeMap::from([version("g++", "4:12.2.0-3"), version("dpkg", "1.21.22")]);
    assert_eq!(
        exact_versions(&versions),
        "Package: *\nPin: release *\nPin-Priority: -1\n\nPackage: dpkg\nPin: version 1.21.22\nPin-Priority: 1001\n\n\
         Package: g++\nPin: version 4:12.2.0-3\nPin-Priority: 1001\n"
    );
    let line = mmdebstrap::command(&request().with_versions(versions), |name| format!("/mnt/{name}")).to_string();
    let (upload, forget) = ("upload /mnt/exact /etc/apt/preferences.d/00debbuild-exact", "/00debbuild-exact");
    assert!(line.contains(upload) && line.matches(forget).count() == 2, "{line}");
    assert!(line.find("sources.list.d/*") < line.rfind(forget), "it is taken away after the last package is there");
}

#[test]
fn options_that_lead_past_the_gateway_are_refused_wherever_their_names_stand() {
    for key in ["Dir", "Dir::Etc", "dir::state::lists", "RootDir", "Binary::apt::Dir::Etc", "Acquire::http::Proxy"] {
        assert_eq!(AptOption::new(key, "x").unwrap_err().class(), Class::Usage, "{key}");
    }
    for (key, value) in [("Acquire::AllowInsecureRepositories", "1"), ("a b", "c"), ("APT::X", "\n")] {
        assert_eq!(AptOption::new(key, value).unwrap_err().class(), Class::Usage, "{key}");
    }
    for key in ["APT::Install-Recommends", "DPkg::Run-Directory", "Binary::apt::APT::Get::Show-Versions"] {
        assert_eq!(AptOption::new(key, "x").unwrap().key, key);
    }
}

#[test]
fn priorities_and_options_are_there_from_the_first_update_on() {
    let release = [('o', Some("Own, Inc")), ('l', Some("own")), ('a', Some("s")), ('n', None)];
    let pin = Pin::new(release, 990).unwrap();
    assert!(pin.holds_for([('o', Some("Other")), ('l', Some("own")), ('a', Some("s")), ('n', Some("t"))]));
    assert!(!pin.holds_for([('o', None), ('l', None), ('a', Some("s")), ('n', None)]));
    assert_eq!(Pin::new([('o', Some("*")), ('l', None), ('a', None), ('n', None)], 1), None);
    let second = Pin::new([('o', None), ('l', None), ('a', Some("t")), ('n', None)], -1).unwrap();
    assert_eq!(
        preferences(&[pin.clone(), second]),
        "Package: *\nPin: release l=own,a=s\nPin-Priority: 990\n\nPackage: *\nPin: release a=t\nPin-Priority: -1\n"
    );
    let option = AptOption::new("Acquire::Languages::", "none").unwrap();
    assert_eq!(apt_conf(std::slice::from_ref(&option)), "Acquire::Languages:: \"none\";\n");
    let spec = mmdebstrap::command(&request().with_apt(vec![pin], vec![option]), |name| format!("/mnt/{name}"));
    let hooks: Vec<String> = spec.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let hooks: Vec<&str> = hooks.iter().filter_map(|arg| arg.strip_prefix("--setup-hook=")).collect();
    assert_eq!(
        hooks,
        [
            "upload /mnt/preferences /etc/apt/preferences.d/debbuild",
            "upload /mnt/apt.conf /etc/apt/apt.conf.d/98debbuild"
        ]
    );
}
