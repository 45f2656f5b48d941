//! What quickstart and tests do about a missing or old Rust: programs in the PATH stand for apt, the network and rustup's installer.

use std::{fs, os::unix::fs::PermissionsExt as _};

use debbuild_core::{command::CommandSpec, path::AbsPath};
use debbuild_suite::debbuild::{Ran, Sandbox};

const OLD: &str = "#!/bin/sh\necho cargo 1.63.0\n";

/// Fetches an installer that notes how it was called and leaves a cargo of this version.
fn curl(version: &str) -> String {
    format!(
        r#"#!/bin/sh
echo "curl $*" >>"$HOME/asked"
while [ "$1" != -o ]; do shift; done
cat >"$2" <<'EOF'
echo "installer $*" >>"$HOME/asked"
mkdir -p "$CARGO_HOME/bin"
printf '#!/bin/sh\necho cargo {version}\n' >"$CARGO_HOME/bin/cargo"
chmod +x "$CARGO_HOME/bin/cargo"
EOF
"#
    )
}

/// An archive whose cargo-web has this version.
fn apt_cache(version: &str) -> String {
    format!("#!/bin/sh\nprintf 'cargo-web:\\n  Installed: (none)\\n  Candidate: {version}\\n'\n")
}

/// What the script itself calls; nothing else of the system is in the PATH, so that no real rustup is found.
const SYSTEM: [&str; 11] = ["cat", "chmod", "cut", "dpkg", "head", "mkdir", "mktemp", "rm", "sed", "sh", "sort"];

/// `need_rust` of tests/support/setup.sh where only these programs are; it ends with the cargo it found.
async fn need_rust(user: &Sandbox, programs: &[(&str, &str)], consent: &str) -> Ran {
    for (name, text) in programs {
        user.write(&format!("bin/{name}"), text);
        let file = user.path().join("bin").child(name).expect("a name");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    for name in SYSTEM {
        let link = user.path().join("bin").child(name).expect("a name");
        if !link.as_std().exists() {
            std::os::unix::fs::symlink(format!("/usr/bin/{name}"), link).expect("a link");
        }
    }
    // The two that would change this machine are functions here; packages bring a new cargo, as cargo-web does.
    let script = r#"
        . tests/support/setup.sh
        as_root() { echo "as root $*" >>"$HOME/asked"; }
        need_packages() {
            echo "packages $*" >>"$HOME/asked"
            case $* in *cargo-web*) printf '#!/bin/sh\necho cargo 99.1.0\n' >"$HOME/bin/cargo"; chmod +x "$HOME/bin/cargo" ;; esac
        }
        need_rust
        cargo --version"#;
    let home = user.path();
    let spec = CommandSpec::new("/usr/bin/bash")
        .with_args(["-euc", script])
        .with_cwd(AbsPath::new(env!("CARGO_MANIFEST_DIR")).expect("a path"))
        .with_env("HOME", home.as_str())
        .with_env("CARGO_HOME", home.join("cargo").as_str())
        .with_env("PATH", home.join("bin").as_str())
        .with_env("DEBBUILD_INSTALL_RUST", consent);
    user.spec(spec).await
}

fn asked(user: &Sandbox) -> String {
    fs::read_to_string(user.path().join("asked")).unwrap_or_default()
}

#[tokio::test]
async fn debians_own_new_rust_is_taken_where_it_is_new_enough() {
    let user = Sandbox::new();
    let programs = [("cargo", OLD), ("apt-cache", &apt_cache("99.1.0+dfsg1-1~deb12u2")), ("curl", &curl("99.0.0"))];
    let ran = need_rust(&user, &programs, "1").await;
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "cargo 99.1.0\n"), "{ran:?}");
    assert_eq!(asked(&user), "as root apt-get update -q\npackages rustc-web cargo-web rustfmt-web\n");
}

#[tokio::test]
async fn else_rustups_installer_is_fetched_and_its_cargo_used() {
    let user = Sandbox::new();
    let programs = [("cargo", OLD), ("apt-cache", &apt_cache("1.85.0+dfsg3-1")), ("curl", &curl("99.0.0"))];
    let ran = need_rust(&user, &programs, "1").await;
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "cargo 99.0.0\n"), "{ran:?}");
    let said = asked(&user);
    assert!(said.contains("curl --proto =https --tlsv1.2 ") && said.contains(" https://sh.rustup.rs\n"), "{said}");
    assert!(said.ends_with("installer -y -q --no-modify-path --profile minimal -c clippy -c rustfmt\n"), "{said}");
    assert_eq!(need_rust(&user, &[], "1").await.stdout, "cargo 99.0.0\n");
    assert_eq!(asked(&user), said, "it is there now: nothing is asked for again");
}

#[tokio::test]
async fn an_old_rust_is_named_and_without_consent_nothing_is_fetched() {
    let user = Sandbox::new();
    let programs = [("cargo", OLD), ("apt-cache", &apt_cache("99.1.0")), ("curl", &curl("99.0.0"))];
    let ran = need_rust(&user, &programs, "").await;
    assert!(ran.status == 6 && ran.stderr.contains("or newer, found 1.63.0"), "{ran:?}");
    assert_eq!(asked(&user), "");
    let dead = need_rust(&user, &[("apt-cache", &apt_cache("(none)")), ("curl", "#!/bin/sh\nexit 6\n")], "1").await;
    assert!(dead.status == 6 && dead.stderr.contains("found 1.63.0"), "{dead:?}");
    let still = need_rust(&user, &[("curl", &curl("1.70.0"))], "1").await;
    assert!(still.status == 6 && still.stderr.contains("found 1.70.0"), "{still:?}");
}
