//! Unit tests of `debian/control`.

use super::super::*;

const CONTROL: &str = "# a comment
Source: hello
Section: devel
Maintainer: A. Person <person@debian.example>
Build-Depends:
 debhelper-compat (= 13),
# not now: texinfo,
 gettext [linux-any] <!nocheck>,
 ${extra:Depends}
Standards-Version: 4.6.2

Package: hello
Architecture: linux-any amd64
Multi-Arch: foreign
Depends: ${shlibs:Depends}, ${misc:Depends}, hello-data (= ${source:Version}), tzdata
Build-Profiles: <!stage1 !cross> <pkg.hello.full>
Description: says hello
 at length

Package: hello-data
Architecture: all
Package-Type: udeb
Description: data
";

#[test]
fn the_control_file_of_a_tree_is_read_with_its_substitution_variables() {
    let control = DebianControl::read(CONTROL.as_bytes()).unwrap();
    assert_eq!(control.relations.depends.to_string(), "debhelper-compat (= 13), gettext [linux-any] <!nocheck>");
    assert_eq!(
        control.substvars.iter().map(String::as_str).collect::<Vec<_>>(),
        ["extra:Depends", "misc:Depends", "shlibs:Depends", "source:Version"]
    );
    let [hello, data] = &control.binaries[..] else { panic!("{control:?}") };
    assert_eq!(hello.relations.depends.to_string(), "tzdata");
    assert_eq!((hello.architectures.len(), hello.multi_arch), (2, MultiArch::Foreign));
    assert_eq!(hello.build_profiles.len(), 2);
    assert!(hello.build_profiles[0][1].negated && !hello.build_profiles[1][0].negated);
    assert_eq!(hello.synopsis.as_deref(), Some("says hello"));
    assert_eq!((data.package_type.as_deref(), data.relations.depends.is_empty()), (Some("udeb"), true));
}

#[test]
fn errors_have_the_lines_of_the_file_comments_included() {
    for (from, to, line) in [
        ("Standards-Version:", "Standards Version:", 10),
        ("Architecture: all", "Architecture: a_b", 20),
        ("Package: hello-data", "Package: hello", 20),
        ("<!stage1 !cross>", "!stage1", 12),
        ("tzdata", "tzdata (", 12),
        ("Source: hello\n", "", 2),
    ] {
        let text = CONTROL.replace(from, to);
        assert_ne!(text, CONTROL);
        let error = DebianControl::read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(&format!("line {line}")), "{to}: {error}");
    }
    let (head, _) = CONTROL.split_once("\n\n").unwrap();
    assert!(matches!(DebianControl::read(head.as_bytes()), Err(ControlError::Missing { field: "Package", .. })));
    assert_eq!(DebianControl::read(b"# nothing\n"), Err(ControlError::Paragraphs(0)));
}
