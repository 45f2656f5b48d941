//! Other archives read into ours: the host's own in part, and trees that reprepro, aptly and dpkg-scanpackages published.

use std::{collections::BTreeSet, fs};

use debbuild_core::{
    command::CommandSpec,
    control::paragraphs,
    pattern::{Pattern, Subject},
};
use debbuild_suite::debbuild::Sandbox;

use super::place::{Apt, Place, place, run, stable};

pub(super) fn codename() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap();
    line.trim_matches('"').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_hosts_archive_is_mirrored_with_what_it_needs_and_apt_installs_from_it() {
    let (place, user, suite) = (place().await, Sandbox::new(), codename());
    let dir = place.dir().to_string();
    let repo = async |args: &[&str]| user.run([&["repo", "--format", "json"], args].concat()).await;
    let hello = ["mirror", &dir, "--suite", &suite, "--filter", "?exact-name(hello)"];
    let planned = repo(&[&hello[..], &["--sources", "--dry-run"]].concat()).await;
    assert_eq!(planned.status, 0, "{planned:?}");
    let found: Vec<String> =
        planned.json()["packages"].as_array().unwrap().iter().map(|p| p["architecture"].to_string()).collect();
    assert!(found.contains(&"\"source\"".to_owned()) && found.len() == 2, "{planned:?}");
    assert!(!place.dir().as_std().exists(), "a dry run makes nothing");
    let none = repo(&["mirror", &dir, "--suite", &suite, "--filter", "~nhello | ~n["]).await;
    assert_eq!(none.status, 2, "{none:?}");
    assert!(none.stderr.contains("at character 13"), "{none:?}");
    let limited = repo(&[&hello[..], &["--with-deps", "--limit", "1k"]].concat()).await;
    assert_eq!(limited.status, 9, "{limited:?}");

    let mirrored = repo(&[&hello[..], &["--with-deps"]].concat()).await;
    assert_eq!(mirrored.status, 0, "{mirrored:?}");
    let report = mirrored.json();
    assert_eq!((report["state"]["state"].as_u64(), report["published"].as_bool()), (Some(1), Some(true)), "{report}");
    let names: BTreeSet<&str> =
        report["added"].as_array().unwrap().iter().map(|change| change["package"].as_str().unwrap()).collect();
    assert!(names.contains("hello") && names.contains("libc6"), "{report}");
    let verified = repo(&["verify", &dir]).await;
    assert_eq!(verified.status, 0, "{verified:?}");

    let key = repo(&["key", "export", &dir, "--output", place.base.join("key").as_str()]).await.json();
    let sources = fs::read_to_string(key["sources"].as_str().unwrap()).unwrap();
    let apt = place.apt_with("ours.sources", &sources);
    apt.update(&[]).await.clean();
    let plan = apt.get(&["install", "--simulate", "hello"]).await.clean();
    assert!(plan.stdout.contains("Inst hello (") && plan.stdout.contains("Inst libc6 ("), "{}", plan.stdout);
    apt.get(&["download", "hello"]).await.clean();
    let shown = apt.ask("apt-cache", &["show", "hello"]).await;
    assert!(shown.lines().filter(|line| line.starts_with(' ')).count() > 2, "the long description came too: {shown}");

    let again = repo(&[&hello[..], &["--with-deps"]].concat()).await.json();
    assert_eq!((again["published"].as_bool(), again["bytes"].as_u64()), (Some(false), Some(0)), "{again}");
    // Without its dependencies they go again.
    let less = repo(&hello).await.json();
    assert_eq!(less["removed"].as_array().unwrap().len(), names.len() - 1, "{less}");
}

#[tokio::test(flavor = "multi_thread")]
async fn apt_selects_the_same_packages_by_a_pattern() {
    let place = place().await;
    let repository = place.repository().await;
    let inputs = vec![
        place.package("libone1", "1:2.0-1", "Source: one (2.0-1)\n").await,
        place.package("libone-dev", "2.0~rc1", "Source: one\nDepends: libone1\n").await,
        place.package("g++-tool", "4.1+b1", "Essential: yes\n").await,
        place.package("tool", "10", "").await,
    ];
    place.add(&repository, inputs).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let apt = place.apt(&repository, &format!("file:{}", place.dir())).await;
    apt.update(&[]).await.clean();
    let index = place.dir().join("dists/stable/main").child(&format!("binary-{}", place.architecture)).unwrap();
    let text = fs::read_to_string(index.join("Packages")).unwrap();
    for pattern in [
        "?true",
        "~F",
        "~none",
        "~nTOOL$",
        "~n^g",
        "?name(one.*dev)",
        "?exact-name(tool)",
        "~V^1:",
        "?version(~rc)",
        "?version(\"~rc\")",
        "~smisc",
        "?section(^mis$)",
        "~poptional",
        "~popt",
        "~eone",
        "?source-package(^tool$)",
        "?source-version(^2)",
        "~E",
        "!~E",
        "?essential | ~ntool",
        "~none ~ndev | ~E",
        "?and(~none, !~ndev,)",
        "?or(~E, ?exact-name(libone1))",
        "(~none|~E)!~V^4",
        "~none~ndev",
        "?not(?name(one))",
        &format!("~r{}", place.architecture),
        "~rall",
        // Neither of us can read these.
        "tool",
        "~n",
        "?name",
        "?name(one",
        "(~none",
        "~none)",
        "?no-such-pattern",
    ] {
        let conf = apt.dir.join("apt.conf");
        // A pattern is told from a name by its first character; the name would be another question.
        let spec = CommandSpec::new("apt").with_args(["-c", conf.as_str(), "list", &format!("?and({pattern})")]);
        let said = run(spec).await;
        let theirs = (said.status == 0).then(|| {
            let names = said.stdout.lines().filter_map(|line| line.split_once('/')).map(|(name, _)| name.to_owned());
            names.collect::<BTreeSet<String>>()
        });
        let ours = Pattern::new(&format!("?and({pattern})")).ok().map(|pattern| {
            let all = paragraphs(&text).map(Result::unwrap);
            let chosen = all.filter(|stanza| pattern.selects(&Subject::of(stanza)));
            chosen.map(|stanza| stanza.get("Package").unwrap().to_owned()).collect::<BTreeSet<String>>()
        });
        assert_eq!(ours, theirs, "{pattern}: {}", said.stderr);
    }
}

/// `apt-cache madison` of all packages, with the place of the archive left out.
async fn madison(apt: &Apt, uri: &str) -> BTreeSet<String> {
    apt.forget();
    apt.update(&[]).await;
    let said = apt.ask("apt-cache", &["madison", "hello", "hello-data", "tool"]).await;
    let lines = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.map(|line| line.replace(uri, "URI")).collect()
}

/// Imports a tree by the command line, and compares what apt says before and after.
async fn import(place: &Place, tree: &str, sources: &str, more: &[&str]) -> serde_json::Value {
    let before = madison(&place.apt_with("theirs.list", sources), &format!("file:{tree}")).await;
    assert!(before.len() > 3, "{before:?}");
    let (user, dir) = (Sandbox::new(), place.dir().to_string());
    let repo = async |args: &[&str]| user.run([&["repo", "--format", "json"], args].concat()).await;
    let from = ["import", &dir, "--from", tree, "--suite", "stable"];
    let imported = repo(&[&from[..], more].concat()).await;
    assert_eq!(imported.status, 0, "{imported:?}");
    let uri = format!("file:{dir}");
    let key = repo(&["key", "export", &dir, "--uri", &uri, "--output", place.base.join("key").as_str()]).await.json();
    let ours = fs::read_to_string(key["sources"].as_str().unwrap()).unwrap();
    let after = madison(&place.apt_with("ours.sources", &ours), &uri).await;
    assert_eq!(before, after);
    assert_eq!(repo(&["verify", &dir]).await.status, 0);
    let again = repo(&[&from[..], more].concat()).await.json();
    assert_eq!((again["published"].as_bool(), again["added"].as_array().map(Vec::len)), (Some(false), Some(0)));
    imported.json()
}

/// Three packages in two components, and a source.
async fn packages(place: &Place) -> [String; 4] {
    let hello = place.package("hello", "1:2.10-3", "Depends: hello-data\n").await;
    let data = place.package("hello-data", "1.0~rc1", "Source: hello (1.0)\n").await;
    let tool = place.package("tool", "3+b1", "").await;
    [hello, data, tool, place.source("hello").await].map(|input| input.file.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reprepro_tree_is_imported_and_apt_sees_the_same() {
    let place = place().await;
    let [hello, data, tool, dsc] = packages(&place).await;
    let base = place.base.join("reprepro");
    fs::create_dir_all(base.join("conf")).unwrap();
    let distributions = format!(
        "Origin: Example\nLabel: Theirs\nCodename: clove\nSuite: stable\nVersion: 4.2\nArchitectures: {} source\n\
         Components: main contrib\nDescription: what reprepro keeps\nNotAutomatic: yes\n",
        place.architecture
    );
    fs::write(base.join("conf/distributions"), distributions).unwrap();
    let reprepro = async |args: &[&str]| {
        let spec = CommandSpec::new("reprepro").with_args(["-b", base.as_str()]).with_args(args.iter().copied());
        let said = run(spec.with_env("HOME", place.base.as_str())).await;
        assert_eq!(said.status, 0, "reprepro {args:?}: {}{}", said.stdout, said.stderr);
    };
    for deb in [&hello, &data] {
        reprepro(&["includedeb", "clove", deb]).await;
    }
    reprepro(&["-C", "contrib", "-S", "misc", "includedeb", "clove", &tool]).await;
    reprepro(&["-S", "misc", "-P", "optional", "includedsc", "clove", &dsc]).await;
    reprepro(&["createsymlinks"]).await;
    let sources = format!(
        "deb [trusted=yes] file:{base} stable main contrib\ndeb-src [trusted=yes] file:{base} stable main contrib\n"
    );
    let report = import(&place, base.as_str(), &sources, &["--link"]).await;
    assert_eq!(report["added"].as_array().unwrap().len(), 4, "{report}");
    let release = fs::read_to_string(place.dir().join("dists/stable/Release")).unwrap();
    for field in ["Origin: Example", "Label: Theirs", "Codename: clove", "Version: 4.2", "NotAutomatic: yes"] {
        assert!(release.contains(&format!("{field}\n")), "{field}: {release}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aptly_tree_is_imported_and_apt_sees_the_same() {
    let place = place().await;
    let files = packages(&place).await;
    let root = place.base.join("aptly");
    fs::create_dir(&root).unwrap();
    let conf = root.join("aptly.conf");
    let wanted = serde_json::json!({ "rootDir": root.as_str(), "architectures": [] });
    fs::write(&conf, wanted.to_string()).unwrap();
    let aptly = async |args: &[&str]| {
        let spec = CommandSpec::new("aptly").with_arg(format!("-config={conf}")).with_args(args.iter().copied());
        let said = run(spec.with_env("HOME", place.base.as_str())).await;
        assert_eq!(said.status, 0, "aptly {args:?}: {}{}", said.stdout, said.stderr);
    };
    aptly(&["repo", "create", "-distribution=stable", "theirs"]).await;
    for file in &files {
        aptly(&["repo", "add", "theirs", file]).await;
    }
    let architectures = format!("-architectures={},source", place.architecture);
    aptly(&["publish", "repo", &architectures, "-skip-signing", "theirs"]).await;
    let tree = root.join("public");
    let sources = format!("deb [trusted=yes] file:{tree} stable main\ndeb-src [trusted=yes] file:{tree} stable main\n");
    let report = import(&place, tree.as_str(), &sources, &[]).await;
    assert_eq!(report["added"].as_array().unwrap().len(), 4, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_of_dpkg_scanpackages_is_imported_and_apt_sees_the_same() {
    let place = place().await;
    packages(&place).await;
    let tree = place.base.join("flat");
    fs::create_dir_all(tree.join("debs")).unwrap();
    for entry in fs::read_dir(place.base.join("debs")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), tree.join("debs").child(entry.file_name().to_str().unwrap()).unwrap()).unwrap();
    }
    for file in ["hello_1.0.dsc", "hello_1.0.tar.xz"] {
        fs::copy(place.base.child(file).unwrap(), tree.child(file).unwrap()).unwrap();
    }
    for (tool, index) in [("dpkg-scanpackages", "Packages"), ("dpkg-scansources", "Sources")] {
        let said = run(CommandSpec::new(tool).with_args(["."]).with_cwd(tree.clone())).await;
        fs::write(tree.child(index).unwrap(), said.stdout).unwrap();
    }
    let before = madison(
        &place.apt_with(
            "theirs.list",
            &format!("deb [trusted=yes] file:{tree} ./\ndeb-src [trusted=yes] file:{tree} ./\n"),
        ),
        &format!("file:{tree}"),
    )
    .await;
    let (user, dir) = (Sandbox::new(), place.dir().to_string());
    let repo = async |args: &[&str]| user.run([&["repo", "--format", "json"], args].concat()).await;
    let imported = repo(&["import", &dir, "--from", tree.as_str(), "--suite", "stable"]).await;
    assert_eq!(imported.json()["added"].as_array().map(Vec::len), Some(4), "{imported:?}");
    let uri = format!("file:{dir}");
    let key = repo(&["key", "export", &dir, "--uri", &uri, "--output", place.base.join("key").as_str()]).await.json();
    let ours = fs::read_to_string(key["sources"].as_str().unwrap()).unwrap();
    let after = madison(&place.apt_with("ours.sources", &ours), &uri).await;
    // A flat archive has neither suite nor component: the names and versions are what can be compared.
    let names = |lines: &BTreeSet<String>| {
        let parts = lines.iter().map(|line| line.rsplit_once(" | ").unwrap().0.to_owned());
        parts.collect::<Vec<_>>()
    };
    assert_eq!(names(&before), names(&after));
    assert!(before.len() == 4, "{before:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_over_http_is_verified_and_a_pool_is_mended_from_it() {
    let place = place().await;
    let repository = place.repository().await;
    let inputs = vec![place.package("hello", "1.0", "").await, place.package("tool", "2.0", "").await];
    place.add(&repository, inputs).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let server = place.serve().await;
    let key = repository.export_key(&place.cx, &stable(), &server.uri, &place.signer).await.unwrap();
    let keyring = place.base.join("theirs.gpg");
    fs::write(&keyring, key.keyring).unwrap();
    let user = Sandbox::new();
    let repo = async |args: &[&str]| user.run([&["repo", "--format", "json"], args].concat()).await;
    let verify = ["verify", &server.uri, "--suite", "stable", "--keyring", keyring.as_str()];
    let good = repo(&verify).await;
    assert_eq!((good.status, good.json()["good"].as_bool()), (0, Some(true)), "{good:?}");
    assert_eq!(repo(&["verify", &server.uri]).await.status, 2, "an archive has no suite of its own accord");

    // A mirror of it that lost one package and has another byte in the other.
    let ours = place.base.join("ours").to_string();
    let from = ["--from", &server.uri, "--keyring", keyring.as_str()];
    let mirrored = repo(&[&["mirror", &ours, "--suite", "stable", "--copy"], &from[..]].concat()).await;
    assert_eq!(mirrored.status, 0, "{mirrored:?}");
    let deb = |name: &str, version: &str| {
        let file = format!("pool/main/{}/{name}/{name}_{version}_{}.deb", &name[..1], place.architecture);
        place.base.join("ours").descend(&file).unwrap()
    };
    fs::remove_file(deb("hello", "1.0")).unwrap();
    let good_tool = fs::read(deb("tool", "2.0")).unwrap();
    fs::remove_file(deb("tool", "2.0")).unwrap();
    fs::write(deb("tool", "2.0"), "damaged").unwrap();
    let bad = repo(&["verify", &ours]).await;
    assert_eq!((bad.status, bad.json()["findings"].as_array().map(Vec::len)), (1, Some(2)), "{bad:?}");
    // Another user has none of the bytes: only the archive does.
    let other = Sandbox::new();
    let mend = ["repo", "--format", "json", "verify", &ours, "--repair", "--from", &server.uri];
    let theirs = ["--keyring", place.base.join("ours.gpg").as_str()].map(str::to_owned);
    let key = repo(&["key", "export", &ours, "--output", place.base.join("ours-key").as_str()]).await.json();
    fs::copy(key["keyring"].as_str().unwrap(), &theirs[1]).unwrap();
    let more = [&theirs[0], &theirs[1], "--from-keyring", keyring.as_str()];
    let alone = ["repo", "--format", "json", "verify", &ours, "--repair", &theirs[0], &theirs[1]];
    let lost = other.run(alone).await;
    assert_eq!((lost.status, lost.json()["repair"]["lost"].as_array().map(Vec::len)), (1, Some(2)), "{lost:?}");
    assert!(lost.stderr.contains("no archive to look in is named"), "{lost:?}");
    // An index is made again besides.
    let index = place.base.join("ours/dists/stable/main/source/Sources.gz");
    fs::remove_file(&index).unwrap();
    let mended = other.run([&mend[..], &more].concat()).await;
    assert_eq!(mended.status, 0, "{mended:?}");
    assert_eq!(mended.json()["repair"]["mended"].as_array().map(Vec::len), Some(3), "{mended:?}");
    assert!(index.as_std().is_file());
    assert_eq!(fs::read(deb("tool", "2.0")).unwrap(), good_tool);
    // What nothing names is noted, and counted only where that is asked for.
    fs::write(place.base.join("ours/pool/stray.deb"), "stray").unwrap();
    let checked = repo(&["check", &ours]).await;
    assert_eq!((checked.status, checked.json()["notes"][0]["path"].as_str()), (0, Some("pool/stray.deb")));
    assert_eq!(repo(&["check", &ours, "--strict"]).await.status, 1);

    // One byte of the archive itself.
    let package = format!("pool/main/t/tool/tool_2.0_{}.deb", place.architecture);
    let file = place.dir().descend(&package).unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, "damaged").unwrap();
    let bad = repo(&verify).await;
    assert_eq!((bad.status, bad.json()["findings"][0]["path"].as_str()), (1, Some(package.as_str())), "{bad:?}");
    assert_eq!(repo(&[&verify[..], &["--indexes-only"]].concat()).await.status, 0);
}
