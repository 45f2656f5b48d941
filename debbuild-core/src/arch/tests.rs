//! Unit tests of architectures, and their differential test against dpkg's tables.

use super::*;
use crate::{
    command::{CommandRunnerExt as _, CommandSpec, SystemRunner},
    context::Context,
};

#[test]
fn only_concrete_architectures() {
    for good in ["amd64", "all", "kfreebsd-amd64", "musl-linux-armhf", "x32"] {
        assert!(Architecture::new(good).is_ok(), "{good}");
    }
    for bad in ["", "any", "linux-any", "any-amd64", "gnu-any-any", "source", "AMD64", "../x", "-x", "a b", "a--b"] {
        assert!(Architecture::new(bad).is_err(), "{bad}");
    }
    for good in ["any", "all", "amd64", "linux-any", "any-amd64", "gnu-any-any", "musl-linux-any", "base-gnu-linux-any"]
    {
        assert!(ArchitecturePattern::new(good).is_ok(), "{good}");
    }
    for bad in ["", "source", "any-", "-any", "any--x", "a-b-c-d-any", "any amd64", "!amd64"] {
        assert!(ArchitecturePattern::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn wildcards_match_as_policy_says() {
    let matches = |pattern: &str, architecture: &str| {
        ArchitecturePattern::new(pattern).unwrap().matches(&Architecture::new(architecture).unwrap())
    };
    for (pattern, architecture) in [
        ("any", "amd64"),
        ("linux-any", "amd64"),
        ("any-amd64", "kfreebsd-amd64"),
        ("any-amd64", "x32"),
        ("any-arm", "armhf"),
        ("musl-any-any", "musl-linux-armhf"),
        ("all", "all"),
        ("linux-amd64", "amd64"),
        ("linux-armhf", "armhf"),
    ] {
        assert!(matches(pattern, architecture), "{pattern} {architecture}");
    }
    for (pattern, architecture) in [
        ("linux-any", "kfreebsd-amd64"),
        ("any-i386", "amd64"),
        ("any", "all"),
        ("all", "amd64"),
        ("hurd-any", "amd64"),
        ("linux-amd64", "x32"),
        ("linux-amd64", "kfreebsd-amd64"),
    ] {
        assert!(!matches(pattern, architecture), "{pattern} {architecture}");
    }
}

#[test]
fn emulators_have_the_names_of_their_package() {
    let emulator = |name: &str| Architecture::new(name).unwrap().emulator();
    for (name, program) in [
        ("arm64", "qemu-aarch64-static"),
        ("armhf", "qemu-arm-static"),
        ("armel", "qemu-arm-static"),
        ("ppc64el", "qemu-ppc64le-static"),
        ("mips64el", "qemu-mips64el-static"),
        ("amd64", "qemu-x86_64-static"),
        ("musl-linux-armhf", "qemu-arm-static"),
    ] {
        assert_eq!(emulator(name).as_deref(), Some(program), "{name}");
    }
    for name in ["all", "kfreebsd-amd64", "x32", "mipsn32el", "ia64"] {
        assert_eq!(emulator(name), None, "{name}");
    }
}

/// Every architecture that dpkg knows against wildcards of every shape, asked in one process.
#[tokio::test]
async fn dpkg_agrees_on_every_architecture() {
    let script = r#"
        use Dpkg::Arch qw(debarch_is get_valid_arches);
        my @wild = qw(any linux-any kfreebsd-any hurd-any solaris-any netbsd-any uclinux-any mint-any any-amd64 any-i386 any-arm
            any-arm64 any-mips64 any-mips64el any-powerpc gnu-any-any musl-any-any uclibc-any-any bsd-any-any musl-linux-any
            gnu-linux-any gnu-any-amd64 any-linux-any any-any-amd64 base-any-any-any eabihf-any-any-any eabi-gnu-linux-any
            any-gnu-linux-any x32-any-any-any any-any-any-any amd64 linux-amd64 linux-armhf linux-x32 hurd-i386);
        for my $arch (get_valid_arches()) { for my $w (@wild) { print "$arch $w ", (debarch_is($arch, $w) ? 1 : 0), "\n" } }"#;
    let spec = CommandSpec::new("perl").with_args(["-e", script]);
    let out = String::from_utf8(SystemRunner.output(&Context::new(), &spec).await.unwrap()).unwrap();
    let mut asked = 0;
    for line in out.lines() {
        let [name, wildcard, theirs] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let pattern = ArchitecturePattern::new(wildcard).unwrap();
        assert_eq!(pattern.matches(&Architecture::new(name).unwrap()), theirs == "1", "{line}");
        asked += 1;
    }
    assert!(asked > 5000, "dpkg knows hundreds of architectures, and was asked about {asked} pairs");
}
