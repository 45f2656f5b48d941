//! Layers, imports and exports by the real tools: the packages of a chroot from nothing, again from a lock; the same system back.

use std::{io::Read as _, sync::Arc};

use debbuild_chroot::{
    layer::{LayerRequest, SessionLayers, conformance},
    manager::{Chroot, ChrootSpec},
};
use debbuild_core::{
    command::{CommandSpec, Discard},
    digest::Sha256,
    lock::LockedPackage,
    name::PackageName,
};
use debbuild_suite::{
    bench::{Bench, cache},
    debbuild::Sandbox,
};

use crate::chroot::{Cut, archives, folder, shared};

fn names(names: &[&str]) -> Vec<PackageName> {
    names.iter().map(|name| PackageName::new(name).unwrap()).collect()
}

async fn layer(bench: &Bench, parent: &Chroot, install: &[&str], remove: &[&str]) -> Chroot {
    let spec = bench.manager.layer_of(&bench.cx, parent, names(install), names(remove)).await.unwrap();
    make(bench, &spec).await
}

async fn make(bench: &Bench, spec: &ChrootSpec) -> Chroot {
    bench.manager.create(&bench.cx, spec, &mut Discard).await.unwrap()
}

fn packages(bench: &Bench, chroot: &Chroot) -> Vec<LockedPackage> {
    bench.manager.lock(chroot.id).unwrap().packages
}

async fn remove(bench: &Bench, chroot: &Chroot) {
    bench.manager.remove(&bench.cx, chroot.id).await.unwrap();
}

/// The entries of a chroot's archive with their extended headers: path, header and the digest of the content.
fn entries(chroot: &Chroot) -> Vec<String> {
    let mut archive = tar::Archive::new(std::fs::File::open(&chroot.tarball).unwrap());
    let mut all = Vec::new();
    for entry in archive.entries().unwrap().raw(true) {
        let mut entry = entry.unwrap();
        let (path, header) = (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), entry.header().clone());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let text = if content.len() < 2_000 { String::from_utf8_lossy(&content) } else { "".into() };
        all.push(format!("{path} {header:?} {} {text}", Sha256::of(&content)));
    }
    all
}

#[tokio::test]
async fn layers_conform() {
    let bench = Bench::open(cache()).await;
    let (spec, parent) = shared(&bench).await;
    let (_folder, scratch) = folder();
    let maker = SessionLayers::new(Arc::new(bench.backend.clone()));
    let request =
        LayerRequest::new(archives(&spec), parent.manifest.epoch).with_packages(names(&["hello"]), Vec::new());
    conformance::layers_are_clean_and_repeat(&maker, &parent.reference(), &request, &scratch).await;
}

#[tokio::test]
async fn a_layer_has_the_packages_of_a_chroot_from_nothing() {
    let bench = Bench::open(cache()).await;
    let (spec, parent) = shared(&bench).await;
    // Reads apt's lists, which the next one is given.
    let first = layer(&bench, &parent, &["hello"], &[]).await;
    let wanted = ["less", "file", "python3-minimal"];
    let above = bench.manager.layer_of(&bench.cx, &parent, names(&wanted), Vec::new()).await.unwrap();
    let above = make(&bench, &above).await;
    let plain = make(&bench, &spec.clone().with_include(names(&wanted))).await;
    assert_eq!(packages(&bench, &above), packages(&bench, &plain), "package by package, with the same content");
    assert_ne!(above.id, plain.id);

    let without = layer(&bench, &above, &[], &["less"]).await;
    let left = packages(&bench, &without);
    assert!(!left.iter().any(|package| package.name.as_str() == "less"), "{left:?}");
    assert_eq!(left.len() + 1, packages(&bench, &above).len());
    for chroot in [first, above, plain, without] {
        remove(&bench, &chroot).await;
    }
}

#[tokio::test]
async fn the_lock_of_a_layer_gives_the_same_bytes_without_network() {
    let bench = Bench::open(cache()).await;
    let (_, parent) = shared(&bench).await;
    let made = layer(&bench, &parent, &["ed"], &[]).await;
    let lock = bench.manager.lock(made.id).unwrap();
    let (_folder, home) = folder();
    std::os::unix::fs::symlink(cache().join("blobs"), home.join("blobs")).unwrap();
    let other = Bench::with_fetch(home, Cut::new("")).await;
    let again = other.manager.create_locked(&other.cx, &lock, &mut Discard).await.unwrap();
    assert_eq!(again.id, made.id);
    if again.manifest.tarball != made.manifest.tarball {
        let (then, now) = (entries(&made), entries(&again));
        let gone: Vec<_> = then.iter().filter(|entry| !now.contains(entry)).collect();
        let new: Vec<_> = now.iter().filter(|entry| !then.contains(entry)).collect();
        panic!("not byte for byte: {gone:#?} became {new:#?}, in the same order: {}", then.len() == now.len());
    }
    assert_eq!(other.manager.list().unwrap().len(), 2, "its parent is there too");
    remove(&bench, &made).await;
}

#[tokio::test]
async fn the_command_line_installs_on_top_of_a_chroot() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let (_, parent) = shared(&bench).await;
    let id = parent.id.to_string();
    let home = cache();
    let run =
        async |args: &[&str]| user.run([&["--home", home.as_str(), "--format", "json", "chroot"], args].concat()).await;
    let made = run(&["install", &id, "bc"]).await;
    assert_eq!(made.status, 0, "{made:?}");
    let made = made.json();
    assert_eq!((&made["parent"], &made["include"]), (&id.as_str().into(), &serde_json::json!(["bc"])), "{made}");
    let layer = made["id"].as_str().unwrap();
    let again = run(&["create", "--parent", &id, "--include", "bc"]).await;
    assert_eq!(again.json()["id"], made["id"], "it is found");
    let said = user.run(["--home", home.as_str(), "chroot", "run", layer, "--", "sh", "-c", "echo 6*7 | bc"]).await;
    assert_eq!(said.stdout, "42\n", "{said:?}");
    let none = run(&["install", layer, "no-such-package-anywhere"]).await;
    assert_eq!((none.status, &none.error()["class"]), (3, &"not-found".into()), "{none:?}");
    assert_eq!(run(&["install", layer]).await.error()["class"], "usage");
    assert_eq!(run(&["remove", layer]).await.status, 0);
}

#[tokio::test]
async fn a_chroot_leaves_and_comes_back_as_an_archive_and_as_an_image() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let (_, parent) = shared(&bench).await;
    let (id, home) = (parent.id.to_string(), cache());
    let run = async |args: &[&str]| {
        let ran = user.run([&["--home", home.as_str(), "--format", "json", "chroot"], args].concat()).await;
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.json()
    };
    let exported = run(&["export", &id, "system.tar"]).await;
    assert_eq!(exported["sha256"], parent.manifest.tarball.sha256.to_string(), "byte for byte");
    assert_eq!(std::fs::read(user.path().join("system.tar")).unwrap(), std::fs::read(&parent.tarball).unwrap());
    let xz = user.spec(user.place(CommandSpec::new("xz")).with_args(["-0", "--keep", "system.tar"])).await;
    assert_eq!(xz.status, 0, "{xz:?}");
    let images = [run(&["export", &id, "one", "--as", "oci"]).await, run(&["export", &id, "two", "--as", "oci"]).await];
    assert_eq!(images[0]["sha256"], images[1]["sha256"], "the same image every time");
    let archive =
        user.spec(user.place(CommandSpec::new("tar")).with_args(["-cf", "image.tar", "-C", "one", "."])).await;
    assert_eq!(archive.status, 0, "{archive:?}");
    let source = |path: &str| format!("oci:{path}@sha256:{}", images[0]["sha256"].as_str().unwrap());
    let mut ids = Vec::new();
    for source in ["system.tar", "system.tar.xz", images[0]["source"].as_str().unwrap(), &source("image.tar")] {
        let imported = run(&["import", source]).await;
        assert_eq!((&imported["suite"], &imported["packages"]), (&"bookworm".into(), &parent.manifest.packages.into()));
        ids.push(imported["id"].as_str().unwrap().to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    for imported in &ids {
        let said = user.run(["--home", home.as_str(), "chroot", "run", imported, "--", "apt-get", "--version"]).await;
        assert!(said.status == 0 && said.stdout.starts_with("apt "), "{said:?}");
        let diff = run(&["diff", &id, imported, "--files"]).await;
        let files = diff["files"].as_array().unwrap();
        let outside = |change: &&serde_json::Value| !change["path"].as_str().unwrap().starts_with("/dev/");
        assert_eq!(files.iter().find(outside), None, "everything but device nodes is the same");
        assert_eq!((&diff["removed"], &diff["added"]), (&serde_json::json!([]), &serde_json::json!([])));
        run(&["remove", imported]).await;
    }
    let skopeo = user.spec(user.place(CommandSpec::new("skopeo")).with_args(["inspect", "oci:one"])).await;
    assert_eq!(skopeo.status, 0, "{skopeo:?}");
}

#[tokio::test]
async fn an_archive_that_means_harm_touches_nothing() {
    let (bench, user) = (Bench::open(cache()).await, Sandbox::new());
    let (home, scratch) = (bench.home.as_str().to_owned(), user.path().clone());
    let script = r#"mkdir -p root/var/lib/dpkg root/usr/lib && cd root
        printf 'Package: dpkg\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n' >var/lib/dpkg/status
        echo VERSION_CODENAME=bookworm >usr/lib/os-release
        ln -s .. out && echo x >x && tar -cf ../up.tar var usr && tar -rf ../up.tar -P --transform 's,^x,../../harm,' x
        tar -cf ../through.tar var usr out && tar -rf ../through.tar --transform 's,^x,out/harm,' x"#;
    let made = user.spec(user.place(CommandSpec::new("sh")).with_args(["-ec", script])).await;
    assert_eq!(made.status, 0, "{made:?}");
    for name in ["up.tar", "through.tar"] {
        let ran = user.run(["--home", &home, "--format", "json", "chroot", "import", name]).await;
        assert_eq!((ran.status, &ran.error()["class"]), (2, &"usage".into()), "{name}: {ran:?}");
    }
    assert!(!scratch.join("harm").as_std().exists() && !scratch.parent().join("harm").as_std().exists());
}
