//! Chroots of other architectures by QEMU: made, used and built in; and cross chroots, which build for another. Minutes each, so they
//! are part of the long form.

use debbuild_suite::{
    bench::cache,
    debbuild::{Ran, Sandbox},
    pool::full,
    source::TestSource,
};

fn well(ran: Ran) -> Ran {
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_built_for_another_architecture() {
    if !full() {
        return;
    }
    let user = Sandbox::new();
    let home = cache();
    let shared = async |args: &[&str]| well(user.run([&["--home", home.as_str()], args].concat()).await);
    let created = shared(&["chroot", "create", "--suite", "bookworm", "--arch", "arm64"]).await;
    let id = created.stdout.trim();
    let script = "uname -m; dpkg --print-architecture; ls /usr/bin/qemu-* 2>/dev/null; id -u";
    let said = shared(&["chroot", "run", id, "--", "sh", "-c", script]).await;
    assert_eq!(said.stdout, "aarch64\narm64\n0\n", "nothing of the emulator is left inside");

    let compile = "echo 'int main(void) { return sizeof(void *) != 8; }' >c.c && gcc c.c -o c && ./c && gcc -dumpmachine | grep aarch64";
    let dsc = TestSource::new("compiled").with_architecture("any").with_build(compile).make(user.path()).await;
    let build = ["--format", "json", "build", dsc.as_str(), "--suite", "bookworm", "--arch", "arm64", "-o", "out"];
    let record = shared(&build).await.json();
    assert_eq!((&record["outcome"], &record["architecture"]), (&"succeeded".into(), &"arm64".into()), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_chroots_of_armhf_and_armel_run_their_programs() {
    if !full() {
        return;
    }
    let user = Sandbox::new();
    let home = cache();
    let shared = async |args: &[&str]| well(user.run([&["--home", home.as_str()], args].concat()).await);
    let report = shared(&["--format", "json", "doctor"]).await.json();
    let findings = report["findings"].as_array().unwrap();
    for architecture in ["armhf", "armel"] {
        let name = format!("programs of {architecture}");
        let finding = findings.iter().find(|one| one["name"] == name.as_str()).unwrap();
        assert_eq!(finding["level"], "ok", "{finding}");
        let create = ["chroot", "create", "--suite", "bookworm", "--arch", architecture, "--variant", "essential"];
        let created = shared(&create).await;
        let id = created.stdout.trim();
        let said = shared(&["chroot", "run", id, "--", "dpkg", "--print-architecture"]).await;
        assert_eq!(said.stdout.trim(), architecture);
        shared(&["chroot", "run", id, "--", "true"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cross_chroot_programs_of_its_host_architecture_are_compiled() {
    if !full() {
        return;
    }
    let user = Sandbox::new();
    let home = cache();
    let shared =
        async |args: &[&str]| well(user.run([&["--home", home.as_str(), "--format", "json"], args].concat()).await);
    let made = shared(&["chroot", "create", "--suite", "bookworm", "--host", "arm64"]).await.json();
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["host"], &made["include"]), (&"arm64".into(), &serde_json::json!([])), "{made}");

    // No emulator is needed for it.
    let script = r#"cd /tmp && printf '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' >hello.c &&
        aarch64-linux-gnu-gcc hello.c -o hello && readelf --file-header hello &&
        dpkg --print-architecture && dpkg --print-foreign-architectures"#;
    let said = shared(&["chroot", "run", id, "--", "sh", "-c", script]).await.stdout;
    assert!(said.lines().any(|line| line.contains("Machine:") && line.contains("AArch64")), "{said}");
    let own = made["architecture"].as_str().unwrap();
    assert!(said.ends_with(&format!("\n{own}\narm64\n")), "{said}");

    let layer = shared(&["chroot", "install", id, "less"]).await.json();
    assert_eq!(layer["host"], "arm64", "a layer over it is one too: {layer}");
    shared(&["chroot", "remove", layer["id"].as_str().unwrap()]).await;

    // From its lock it is made again, with the indexes of both architectures.
    let lock = shared(&["lock", "show", id]).await;
    for architecture in [own, "arm64"] {
        assert!(lock.stdout.contains(&format!("main/binary-{architecture}/")), "{architecture}");
    }
    user.write("cross.lock", &lock.stdout);
    shared(&["chroot", "remove", id]).await;
    let again = shared(&["chroot", "create", "--locked", "cross.lock"]).await.json();
    assert_eq!((&again["id"], &again["sha256"]), (&made["id"], &made["sha256"]), "byte for byte");
}
