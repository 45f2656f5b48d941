//! A published package in a fresh chroot: apt takes it before Debian's own of the same name.

use std::fs;

use debbuild_chroot::backend::{ChrootBackend as _, SessionCommand, SessionOptions};
use debbuild_core::command::{Capture, CommandSpec};
use debbuild_suite::bench::{Bench, cache};

use super::place::{place, run, stable};
use crate::chroot::{archives, shared};

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_chroot_takes_our_build() {
    let place = place().await;
    let repository = place.repository().await;
    place.add(&repository, vec![place.package("hello", "2.10-3+0demo1", "").await]).await;
    repository.publish(&place.cx, &stable(), &place.signer).await.unwrap();
    let key = repository.export_key(&place.cx, &stable(), "file:/srv/apt", &place.signer).await.unwrap();
    let tree = place.base.join("srv");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("ours.sources"), key.sources).unwrap();
    run(CommandSpec::new("cp").with_args(["-a", place.dir().as_str(), tree.join("apt").as_str()])).await.clean();
    let tar = place.base.join("srv.tar");
    let args = ["--create", "--file", tar.as_str(), "--directory", tree.as_str(), "."];
    run(CommandSpec::new("tar").with_args(args)).await.clean();

    let bench = Bench::open(cache()).await;
    let (spec, chroot) = shared(&bench).await;
    let options = SessionOptions::new().with_gateway(Some(archives(&spec)));
    let mut session = bench.backend.open(&bench.cx, &chroot.reference(), &options).await.unwrap();
    session.copy_in(&bench.cx, &tar, "/srv").await.unwrap();
    let script = "set -e; cp /srv/ours.sources /etc/apt/sources.list.d/; apt-get -q update; \
        apt-cache policy hello; apt-get -q -y install hello; dpkg-query -W hello";
    let mut said = Capture::default();
    let exit = session.run(&bench.cx, &SessionCommand::new(["sh", "-c", script]), &mut said).await.unwrap();
    session.close(&bench.cx).await.unwrap();
    let (out, errors) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(exit.success(), "{out}\n{errors}");
    // Debian's own was there to be taken.
    assert!(out.lines().any(|line| line.trim().starts_with("2.10-3 ")), "{out}");
    assert!(out.ends_with("hello\t2.10-3+0demo1\n"), "{out}");
    assert!(!errors.contains("W:"), "{errors}");
}
