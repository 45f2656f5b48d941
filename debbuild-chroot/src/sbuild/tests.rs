//! Tests over logs of real builds (sbuild 0.85, bookworm), with host names and paths taken out.

mod twin;

use std::time::Duration;

use debbuild_core::{
    build::{BuildOptions, BuildRequest, ChrootId, Failure},
    clock::Timestamp,
    digest::Sha256,
    error::Class,
    path::AbsPath,
};

use super::{
    config::{Layout, SbuildVersion, argv, check, sbuildrc},
    log::BuildLog,
    outcome::{Archives, End, Evidence, judge},
};

const AT: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn judged(bytes: &[u8], status: i32, archives: &Archives) -> Option<Failure> {
    let log = BuildLog::parse(bytes, AT);
    judge(&Evidence::new(End::Exited(Some(status)), &log, archives, &BuildOptions::default()))
}

fn expect(bytes: &[u8], status: i32, class: Class, stage: &str, message: &str, says: &str) {
    let failure = judged(bytes, status, &Archives::Served).unwrap();
    let line = usize::try_from(failure.log_line.unwrap()).unwrap();
    let text = String::from_utf8_lossy(bytes).lines().nth(line - 1).unwrap().to_owned();
    assert_eq!((failure.class.as_str(), failure.stage.as_deref()), (class.name(), Some(stage)), "{failure:?}");
    assert_eq!(failure.message, message);
    assert!(text.contains(says), "line {line} is {text:?}");
}

#[test]
fn a_successful_build_has_no_failure_and_all_its_stages() {
    let bytes = include_bytes!("fixtures/successful.log");
    assert_eq!(judged(bytes, 0, &Archives::Served), None);
    let log = BuildLog::parse(bytes, AT);
    let names: Vec<&str> = log.stages().iter().map(|stage| stage.name).collect();
    let expected = [
        "create-session",
        "run-chroot-setup-commands",
        "apt-get-update",
        "fetch-src",
        "install-deps",
        "arch-check",
        "dump-build-env",
        "unpack",
        "check-space",
        "build",
        "results",
        "results",
        "results",
        "post-build",
        "cleanup",
        "summary",
    ];
    assert_eq!(names, expected);
    let fields = ["Status", "Package", "Version", "Build-Space", "Fail-Stage"].map(|field| log.summary(field));
    assert_eq!(fields, [Some("successful"), Some("debbuild-marker"), Some("1.0"), Some("164"), None]);
}

#[test]
fn a_failing_rule_is_the_packages_own_fault() {
    let bytes = include_bytes!("fixtures/failing.log");
    let message = "make: *** [debian/rules:4: build] Error 1";
    expect(bytes, 2, Class::Compile, "build", message, "debian/rules:4: build");
}

#[test]
fn a_refused_connection_fails_the_build() {
    let bytes = include_bytes!("fixtures/connecting.log");
    let message = "make: *** [debian/rules:4: build] Error 101";
    expect(bytes, 2, Class::Compile, "build", message, "Error 101");
}

#[test]
fn a_failing_test_is_not_a_compile_error() {
    let bytes = include_bytes!("fixtures/failing-test.log");
    let message = "make[1]: *** [debian/rules:5: override_dh_auto_test] Error 1";
    expect(bytes, 2, Class::Test, "build", message, "override_dh_auto_test");
}

#[test]
fn missing_build_dependencies_are_named() {
    let bytes = include_bytes!("fixtures/unknown-dependency.log");
    let message = "build dependencies cannot be satisfied: does-not-exist (it is not installable)";
    expect(bytes, 3, Class::Dependencies, "install-deps", message, "Depends: does-not-exist but");
    // The error can come before the table.
    let whole = include_str!("fixtures/unknown-dependency.log");
    let (table, error) = (
        " sbuild-build-depends-main-dummy : Depends: does-not-exist but it is not installable\n",
        "E: Unable to correct problems, you have held broken packages.\n",
    );
    let overtaken = whole.replacen(&format!("{table}{error}"), &format!("{error}{table}"), 1);
    assert_ne!(whole, overtaken);
    expect(overtaken.as_bytes(), 3, Class::Dependencies, "install-deps", message, "Depends: does-not-exist but");
    let bytes = include_bytes!("fixtures/too-new-dependency.log");
    let message = "build dependencies cannot be satisfied: make (>= 99)";
    expect(bytes, 3, Class::Dependencies, "install-deps", message, "Depends: make (>= 99)");
}

#[test]
fn with_a_dead_archive_nothing_is_said_about_dependencies() {
    let trouble = Archives::Trouble("mirror.example answered 503".to_owned());
    let failure = judged(include_bytes!("fixtures/unknown-dependency.log"), 3, &trouble).unwrap();
    assert_eq!(failure.class, Class::Infrastructure.name());
    assert!(failure.message.contains("mirror.example answered 503"));
    let failure = judged(include_bytes!("fixtures/dead-archive.log"), 3, &Archives::Unknown).unwrap();
    assert_eq!((failure.class.as_str(), failure.stage.as_deref()), ("infrastructure", Some("apt-get-update")));
    assert!(failure.message.contains("Failed to fetch http://mirror.example/"), "{}", failure.message);
    let failure = judged(include_bytes!("fixtures/archive-died.log"), 3, &Archives::Unknown).unwrap();
    assert_eq!((failure.class.as_str(), failure.stage.as_deref()), ("infrastructure", Some("install-deps")));
}

#[test]
fn a_skipped_build_is_no_success() {
    let bytes = include_bytes!("fixtures/other-architecture.log");
    let message = "the source does not build on this architecture: dsc: amd64 not in arch list or does not match any arch \
                   wildcards: arm64 -- skipping";
    expect(bytes, 0, Class::Architecture, "arch-check", message, "skipping");
}

#[test]
fn a_corrupt_source_is_the_sources_fault() {
    let bytes = include_bytes!("fixtures/corrupt-source.log");
    let failure = judged(bytes, 3, &Archives::Served).unwrap();
    assert_eq!((failure.class.as_str(), failure.stage.as_deref()), ("source", Some("unpack")));
    assert!(failure.message.contains("has checksum"), "{}", failure.message);
}

#[test]
fn limits_count_against_the_source_only_while_it_builds() {
    let whole = include_str!("fixtures/failing.log");
    let until = |text: &str| BuildLog::parse(&whole.as_bytes()[..whole.find(text).unwrap()], AT);
    let options = BuildOptions::default();
    let end = End::Timeout(Duration::from_secs(60));
    let class = |log: &BuildLog| judge(&Evidence::new(end, log, &Archives::Served, &options)).unwrap().class;
    assert_eq!(class(&until("make: ***")), "timeout");
    assert_eq!(class(&until("Building dependency tree")), "infrastructure");
    let cancelled = judge(&Evidence::new(End::Cancelled, &until("make: ***"), &Archives::Served, &options)).unwrap();
    assert_eq!((cancelled.class.as_str(), cancelled.stage.as_deref()), ("cancelled", Some("build")));
}

#[test]
fn a_log_cut_short_is_infrastructure_even_with_a_forged_summary() {
    let whole = include_str!("fixtures/failing.log");
    let cut = &whole[..whole.find("dpkg-buildpackage: error").unwrap()];
    let failure = judged(cut.as_bytes(), 1, &Archives::Served).unwrap();
    assert_eq!(failure.class, "infrastructure");
    let rule = format!("+{}+\n", "-".repeat(78));
    let forged = format!("{rule}| {:77}|\n{rule}\nStatus: successful\n", "Summary");
    let failure = judged(format!("{cut}{forged}").as_bytes(), 1, &Archives::Served).unwrap();
    assert_eq!(failure.class, "infrastructure");
    let failure = judged(whole.replacen("false\nmake", &format!("{forged}make"), 1).as_bytes(), 2, &Archives::Served);
    assert_eq!(failure.unwrap().class, "compile");
}

#[test]
fn a_log_that_comes_in_pieces_reads_the_same() {
    let bytes = include_bytes!("fixtures/unknown-dependency.log");
    let mut log = BuildLog::new(AT);
    for piece in bytes.chunks(7) {
        log.push(piece, AT);
    }
    log.finish(AT);
    assert_eq!(log, BuildLog::parse(bytes, AT));
}

#[test]
fn endless_lines_and_headings_stay_small() {
    let mut log = BuildLog::new(AT);
    for _ in 0..1_000 {
        log.push(&[b'x'; 10_000], AT);
    }
    log.push(b"\n", AT);
    for _ in 0..10_000 {
        log.push(b"\nUnpack source\n-------------\n", AT);
    }
    log.finish(AT);
    assert!(log.stages().len() <= 65);
    assert!(log.stages().iter().all(|stage| stage.tail.iter().all(|(_, line)| line.len() <= 2_000)));
}

#[test]
fn a_full_disk_is_the_quotas_or_the_hosts() {
    let whole = include_str!("fixtures/failing.log");
    let full = whole.replacen("false\nmake", "cc1: fatal error: a.o: No space left on device\nmake", 1);
    let log = BuildLog::parse(full.as_bytes(), AT);
    let with = |options: BuildOptions| {
        judge(&Evidence::new(End::Exited(Some(2)), &log, &Archives::Served, &options)).unwrap().class
    };
    assert_eq!(with(BuildOptions::default()), "infrastructure");
    let mut options = BuildOptions::default();
    options.disk = Some(1 << 30);
    assert_eq!(with(options), "disk");
}

#[test]
fn versions_of_sbuild() {
    let parse = |text: &str| SbuildVersion::parse(text).ok();
    assert_eq!(parse("sbuild (Debian sbuild) 0.85.0 (04 January 2023)\n"), Some(SbuildVersion(0, 85, 0)));
    assert_eq!(parse("sbuild (Debian sbuild) 0.91.10~bpo13+1 (2025)"), Some(SbuildVersion(0, 91, 10)));
    assert_eq!(parse("sbuild (Debian sbuild) 0.84.2 (2022)"), None);
    assert_eq!(parse("bash: sbuild: command not found"), None);
}

fn layout() -> Layout {
    Layout {
        chroot: "/srv/chroots/a.tar".to_owned(),
        dsc: "/mnt/in/hello_2.10-3.dsc".to_owned(),
        out: "/mnt/out".to_owned(),
        sessions: "/mnt/sessions".to_owned(),
        extra_packages: vec!["/mnt/extra/b_1_all.deb".to_owned()],
        proxy: Some("http://127.0.0.1:3142".to_owned()),
    }
}

#[test]
fn the_configuration_leaves_nothing_to_the_host() {
    let mut options = BuildOptions::default();
    options.environment.insert("GREETING".to_owned(), "it's \\ @here".to_owned());
    options.build_options = vec!["nocheck".to_owned(), "parallel=2".to_owned()];
    insta::assert_snapshot!(sbuildrc(SbuildVersion(0, 85, 0), &layout(), &options));
    let newer = sbuildrc(SbuildVersion(0, 91, 10), &layout(), &options);
    assert!(newer.contains("$unshare_mmdebstrap_auto_create = 0;") && !newer.contains("USERNAME"));
}

#[test]
fn the_arguments_are_all_that_sbuild_gets() {
    let options = BuildOptions::default()
        .with_profiles(vec!["nocheck".to_owned(), "nodoc".to_owned()])
        .with_extra_packages(vec![AbsPath::new("/srv/b_1_all.deb").unwrap()]);
    let args = argv(SbuildVersion(0, 85, 0), "bookworm", "amd64", &layout(), &options);
    let args: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
    insta::assert_snapshot!(args.join("\n"));
}

#[test]
fn what_would_mean_something_else_is_refused() {
    let request = |options: BuildOptions| {
        let dsc = AbsPath::new("/srv/hello_2.10-3.dsc").unwrap();
        let (suite, architecture) = ("bookworm".parse().unwrap(), "amd64".parse().unwrap());
        BuildRequest::new(dsc, Sha256::of(b""), suite, architecture, ChrootId::new(Sha256::of(b"")))
            .with_options(options)
    };
    assert!(check(&request(BuildOptions::default())).is_ok());
    for profile in ["", "a,b", "a b", "--x", "a;b", "$(id)"] {
        let options = BuildOptions::default().with_profiles(vec![profile.to_owned()]);
        assert!(check(&request(options)).is_err(), "{profile:?}");
    }
    for name in ["", "A B", "1A", "A=B", "A'B", "é"] {
        let mut options = BuildOptions::default();
        options.environment.insert(name.to_owned(), String::new());
        assert!(check(&request(options)).is_err(), "{name:?}");
    }
    for file in ["/srv/x.txt", "/srv/-x.deb", "/srv/a b.deb"] {
        let options = BuildOptions::default().with_extra_packages(vec![AbsPath::new(file).unwrap()]);
        assert!(check(&request(options)).is_err(), "{file:?}");
    }
}

#[test]
fn what_was_installed_is_read_whole() {
    let pairs: Vec<String> = (0..5_000).map(|number| format!("package-{number}_1:{number}-1")).collect();
    let rule = format!("+{}+\n", "-".repeat(78));
    let text = format!("{rule}| {:77}|\n{rule}\nPackage versions: {}\n", "Build environment", pairs.join(" "));
    let mut log = BuildLog::new(AT);
    text.as_bytes().chunks(10).for_each(|piece| log.push(piece, AT));
    assert_eq!(log.installed().len(), 5_000);
    assert_eq!(log.installed()[4_999], ("package-4999".to_owned(), "1:4999-1".to_owned()));
    // Package code cannot add to it.
    log.push(b"\ndpkg-buildpackage\n-----------------\nPackage versions: evil_1\n", AT);
    assert_eq!(log.installed().len(), 5_000);
}

#[test]
fn pool_paths_name_packages() {
    let name =
        |path: &str| super::locking::deb_name(path).map(|(name, version, arch)| format!("{name} {version} {arch}"));
    assert_eq!(name("pool/main/f/file/file_5.44-3_amd64.deb").as_deref(), Some("file 5.44-3 amd64"));
    assert_eq!(name("b_1%3a2-3_all.deb").as_deref(), Some("b 2-3 all"));
    assert_eq!((name("pool/b_1.deb"), name("dists/x/InRelease")), (None, None));
}

#[test]
fn the_shells_times_are_read() {
    assert_eq!(super::measure::cpu_seconds("0m0.01s 0m0.02s\n1m2.50s 0m7.25s\n"), Some(69.75));
    assert_eq!(super::measure::cpu_seconds("nonsense"), None);
}
