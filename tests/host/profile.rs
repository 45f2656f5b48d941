//! Profiles by the real tools: Debian's suites from this machine's archives, and a repository with a key and a priority.

use debbuild_core::command::CommandSpec;
use debbuild_suite::{
    bench::cache,
    debbuild::{Ran, Sandbox},
    pool::full,
};

/// Runs debbuild over the state that the tests share.
async fn shared(user: &Sandbox, args: &[&str]) -> Ran {
    user.run([&["--home", cache().as_str()], args].concat()).await
}

fn well(ran: Ran) -> Ran {
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_make_the_suites_that_they_name() {
    let user = Sandbox::new();
    // A mirror may be behind; what is asked here is which system it gives.
    user.write("late.toml", "[profiles.late]\ninherits = 'sid'\nvalid-until = false\n");
    // The other suites are downloaded for it: minutes, where the mirror is slow.
    let all = [("bookworm", "12."), ("trixie", "13."), ("late.toml", "/sid")];
    for (profile, version) in if full() { &all[..] } else { &all[..1] } {
        let create = ["chroot", "create", "--profile", profile, "--variant", "apt"];
        let made = well(shared(&user, &create).await);
        let id = made.stdout.trim();
        let said = well(shared(&user, &["chroot", "run", id, "--", "cat", "/etc/debian_version"]).await);
        assert!(said.stdout.contains(version), "{profile}: {}", said.stdout);
        assert_eq!(well(shared(&user, &create).await).stdout, made.stdout, "the second time it is found");
    }
}

/// A package, published in a repository of its own below `apt`, with its key in `keys`.
async fn publish(user: &Sandbox) -> String {
    let control = "Package: own\nVersion: 1.0\nArchitecture: all\nMaintainer: T <t@mirror.example>\nDescription: own\n";
    user.write("own/DEBIAN/control", control);
    user.write("debs/.keep", "");
    let build = CommandSpec::new("dpkg-deb").with_args(["--root-owner-group", "--build", "own", "debs"]);
    well(user.spec(user.place(build)).await);
    well(user.run(["repo", "init", "apt", "--suite", "stable", "--origin", "Own"]).await);
    well(user.run(["repo", "add", "apt", "debs"]).await);
    well(user.run(["repo", "publish", "apt"]).await);
    let exported = user.run(["--format", "json", "repo", "key", "export", "apt", "-o", "keys"]).await;
    well(exported).json()["keyring"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extra_repository_has_its_priority_and_without_its_key_no_chroot_is_made() {
    let user = Sandbox::new();
    let key = publish(&user).await;
    let profile = |name: &str, key: &str| {
        let uri = user.path().join("apt");
        user.write(
            name,
            &format!(
                "[profiles.own]\ninherits = 'bookworm'\nvariant = 'apt'\ninclude = ['own']\nenvironment.OWN = 'a b'\n\
                 apt-options.'APT::Get::Show-Versions' = true\n[profiles.own.repositories.own]\nuri = 'file://{uri}'\n\
                 suite = 'stable'\nkey = '{key}'\npriority = 990\n"
            ),
        );
    };
    profile("wrong.toml", "/usr/share/keyrings/debian-archive-keyring.gpg");
    let chroots = well(shared(&user, &["--format", "json", "chroot", "list"]).await).json();
    let wrong = shared(&user, &["--format", "json", "chroot", "create", "--profile", "wrong.toml"]).await;
    assert_ne!(wrong.status, 0, "{wrong:?}");
    assert_eq!(wrong.error()["class"], "verification", "{wrong:?}");
    assert_eq!(well(shared(&user, &["--format", "json", "chroot", "list"]).await).json(), chroots);

    profile("own.toml", &key);
    let made = well(shared(&user, &["--format", "json", "chroot", "create", "--profile", "own.toml"]).await).json();
    assert_eq!((&made["priorities"]["own"], &made["environment"]["OWN"]), (&990.into(), &"a b".into()), "{made}");
    let id = made["id"].as_str().unwrap();
    let inside = async |archives: &[&str], script: &str| {
        let run = [&["chroot", "run", id][..], archives, &["--", "sh", "-c", script]].concat();
        well(shared(&user, &run).await).stdout
    };
    let script = "dpkg-query -W -f '${Version}\\n' own; printenv OWN; apt-config dump APT::Get::Show-Versions";
    assert_eq!(inside(&[], script).await, "1.0\na b\nAPT::Get::Show-Versions \"true\";\n");
    let policy = inside(&["--archives"], "apt-get -qq update && apt-cache policy own && apt-cache policy dpkg").await;
    let (own, dpkg) = policy.split_once("dpkg:").unwrap();
    assert!(own.contains(" 990 http") && !dpkg.contains(" 990 "), "{policy}");
    well(shared(&user, &["chroot", "remove", id]).await);
}
