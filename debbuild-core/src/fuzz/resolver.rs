//! Targets of the resolver's texts: preferences, apt's scenarios, kept problems.

use crate::{
    arch::Architecture,
    resolve::{
        edsp::{Scenario, Settings},
        preferences::{NEVER, Pinned, Preferences, Provenance},
        problem::Problem,
    },
};

use super::{Target, texts};

pub(super) fn preferences() -> Target {
    let samples = texts(&[
        "Explanation: why\nPackage: hello src:linux h?l* /^lib.*[0-9]$/:any\nPin: version 2.1*\nPin-Priority: -10\n\n# c\nPackage: *\nPin: \
         release o=Debian, n=book*,l=/^De/,v=12.*\nPin-Priority: never\n",
        "Package: *\nPin: origin \"mirror.example\"\nPin-Priority: 990\n\nPackage: [a-z]\nPin: release stable\nPin-Priority: 32767\n",
    ]);
    let words: [&'static [u8]; 12] = [
        b"Package: ",
        b"Pin: ",
        b"Pin-Priority: ",
        b"\n\n",
        b"[!",
        b"[[:alpha:]]",
        b"/(",
        b"/",
        b"\\",
        b"*",
        b"{99999}",
        b"src:",
    ];
    Target::new("preferences", samples, &words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let (Ok(preferences), Ok(amd64)) = (Preferences::parse(text), Architecture::new("amd64")) else { return };
        let index = Provenance::new().with_suite("stable").with_origin("Debian").with_version("12.5").with_site("");
        let priority = preferences.priority(&Pinned::new("hello", "2.1-1", &amd64, &amd64), &[&index]);
        assert!((NEVER..=i32::from(i16::MAX)).contains(&priority), "{priority}");
    })
}

pub(super) fn scenarios() -> Target {
    let request = "Request: EDSP 0.5\nArchitecture: amd64\nArchitectures: amd64 i386\nInstall: app:amd64 satisfy:x:amd64\nRemove: old:amd64\n\
         Upgrade-All: yes\nStrict-Pinning: no\nPreferences: no-recommends\n";
    let samples = texts(&[
        &format!(
            "{request}\nPackage: app\nArchitecture: amd64\nVersion: 2\nAPT-ID: 3\nMulti-Arch: same\nAPT-Pin: 500\nAPT-Candidate: yes\nDepends: lib\n\n\
             Package: lib\nArchitecture: all\nVersion: 1\nAPT-ID: 1\nInstalled: yes\nHold: yes\nAPT-Pin: 100\nAPT-Automatic: yes\n\n\
             Package: satisfy:x\nArchitecture: amd64\nVersion: 1\nAPT-ID: 7\nAPT-Pin: -1\nAPT-Candidate: yes\nDepends: a | b (>= 1)\n\n\
             Package: old\nArchitecture: amd64\nVersion: 1\nAPT-ID: 9\nInstalled: yes\nAPT-Pin: 100\n"
        ),
        request,
    ]);
    let words: [&'static [u8]; 10] = [
        b"\n\n",
        b"Install: ",
        b"APT-ID: 3\n",
        b"APT-Candidate: yes\n",
        b"Installed: yes\n",
        b"Hold: yes\n",
        b":amd64 ",
        b"99999999999999999999",
        b"-32769",
        b"Package: ",
    ];
    Target::new("scenarios", samples, &words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Ok(scenario) = Scenario::read(text) else { return };
        if let Ok(universe) = scenario.universe() {
            assert!(universe.len() <= scenario.len());
        }
        drop(scenario.question(&Settings::new()));
    })
}

pub(super) fn problems() -> Target {
    let package = "Package: app\nVersion: 1\nArchitecture: all\nDepends: lib (>= 2), x | y\nBreaks: z\n";
    let samples = texts(&[
        &format!(
            "Debbuild-Problem: 1\nQuestion: install\nSeeds: app\nRecommends: top-level\nAnswer: unsatisfiable\nArchitecture: amd64\n\
             Foreign-Architectures: i386\nVersions: all\nExcluded: no\nHeld: app\nNames:\n lib app\nPackages:\n app:amd64\n\n\
             Index: x\nPriority: 500\nFiles: no\n\n{package}Installed: yes\n"
        ),
        &format!(
            "Debbuild-Problem: 1\nQuestion: build-deps\nBuilds: any\nProfiles: nocheck\nAnswer: satisfied\nArchitecture: amd64\n\n\
             Package: src\nVersion: 1\nFormat: 1.0\nBuild-Depends: app\nChecksums-Sha256:\n\nIndex: x\nPriority: -1\n\n{package}"
        ),
    ]);
    let words: [&'static [u8]; 9] = [
        b"\n\n",
        b"Index: y\nPriority: 1\n",
        b"Names: ",
        b"Packages: ",
        b"Installed: yes\n",
        b"Essential: yes\n",
        b"Files: no\n",
        b"Question: ",
        b"((",
    ];
    Target::new("problems", samples, &words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(problem) = Problem::read(text) {
            assert!(problem.universe().is_ok(), "what was read can be asked");
            assert_eq!(Problem::read(&problem.to_string()).ok().as_ref(), Some(&problem));
        }
    })
}
