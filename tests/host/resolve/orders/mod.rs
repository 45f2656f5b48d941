//! Build orders of real source packages, against the relations of the archive, dose and botch.

mod botch;
mod check;
mod yard;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use debbuild_core::{
    context::Context,
    resolve::order::{Order, OrderOptions, order},
};
use debbuild_suite::{debbuild::Sandbox, pool::full};
use serde_json::{Value, json};

use check::Check;
use yard::Yard;

/// Source packages that need each other in several ways: by profiles, by what they document themselves with, and by themselves.
const NAMES: [&str; 48] = [
    "at-spi2-core",
    "audit",
    "autoconf",
    "automake-1.16",
    "bison",
    "check",
    "curl",
    "cyrus-sasl2",
    "db5.3",
    "dbus",
    "debhelper",
    "docbook-xsl",
    "doxygen",
    "expat",
    "flex",
    "fontconfig",
    "freetype",
    "gdk-pixbuf",
    "gettext",
    "git",
    "glib2.0",
    "gnutls28",
    "gobject-introspection",
    "graphviz",
    "groff",
    "gtk-doc",
    "intltool-debian",
    "krb5",
    "libselinux",
    "libtool",
    "libxml2",
    "libxslt",
    "m4",
    "man-db",
    "nghttp2",
    "openldap",
    "openssl",
    "p11-kit",
    "perl",
    "po-debconf",
    "python3-defaults",
    "python3.11",
    "swig",
    "systemd",
    "tcl8.6",
    "unbound",
    "util-linux",
    "valgrind",
];

/// Some real source packages with all that their builds take.
async fn small() -> (String, String) {
    let whole = Yard::whole().await;
    let names: Vec<&str> = NAMES.into_iter().filter(|name| whole.sources.contains_key(*name)).collect();
    assert!(names.len() + 8 > NAMES.len(), "of {} source packages only {names:?} are there", NAMES.len());
    whole.part(&names)
}

/// Of all builds of the archive each of so many is looked at on its own: build-deps takes a while for it.
const EVERY: usize = 20;

fn ordered(yard: &Yard) -> Order {
    order(&Context::new(), &yard.controls(), &yard.universe, &OrderOptions::new()).unwrap()
}

/// Writes a figure where those of the resolver are.
fn note(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/figures/resolver");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn dose_can_build_real_sources_in_the_order_from_what_is_there_then() {
    let (packages, sources) = small().await;
    let yard = Yard::new(&packages, &sources);
    let order = ordered(&yard);
    let check = Check::new(&yard, &order);
    check.lists();
    check.cycles();
    check.needs(1);
    let builds = check.dose(|_| true).await;
    assert_eq!(builds, order.stages.iter().map(Vec::len).sum::<usize>());
    // An order in which nothing is broken shows little.
    assert!(
        !order.cycles.is_empty() && order.rebuilds.len() > 2 && order.unbuildable.is_empty(),
        "{}",
        check.summary()
    );
    let listed: BTreeSet<&str> = yard.sources.keys().map(String::as_str).collect();
    assert!(order.outside.len() > 100 && order.outside.iter().all(|name| !listed.contains(name.as_str())));
    note("order-of-some.md", &check.summary());
    through_the_door(&order, &packages, &sources).await;
}

/// The command gives the same order for the same files.
async fn through_the_door(order: &Order, packages: &str, sources: &str) {
    let user = Sandbox::new();
    user.write("Packages", packages);
    user.write("Sources", sources);
    let from = ["--arch", "amd64", "--packages", "Packages", "--sources", "Sources", "--format", "json"];
    let ran = user.run([&["resolve", "order"][..], &from].concat()).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let (said, texts) = (ran.json(), |list: &Value| list.as_array().unwrap().len());
    let stages: Vec<Vec<Value>> = order
        .stages
        .iter()
        .map(|stage| {
            let build = |build: &debbuild_core::resolve::order::Build| {
                let profiles: Vec<&str> = build.profiles.iter().map(|profile| profile.as_str()).collect();
                let (source, version) = (build.source.as_str(), build.version.as_str());
                json!({ "source": source, "version": version, "profiles": profiles, "rebuild": build.rebuild })
            };
            stage.iter().map(build).collect()
        })
        .collect();
    assert_eq!(said["stages"], json!(stages));
    for (said, cycle) in said["cycles"].as_array().unwrap().iter().zip(&order.cycles) {
        let members: Vec<&str> = cycle.members.iter().map(|name| name.as_str()).collect();
        assert_eq!(said["members"], json!(members));
        assert_eq!((texts(&said["edges"]), texts(&said["breaks"])), (cycle.edges.len(), cycle.breaks.len()));
    }
    assert_eq!((texts(&said["cycles"]), texts(&said["outside"])), (order.cycles.len(), order.outside.len()));
}

#[tokio::test]
async fn all_of_the_archive_can_be_built_in_its_order() {
    if !full() {
        return;
    }
    let yard = Yard::whole().await;
    let start = Instant::now();
    let order = ordered(&yard);
    let took = start.elapsed();
    let check = Check::new(&yard, &order);
    check.lists();
    check.cycles();
    assert!(yard.sources.len() > 20_000 && order.rebuilds.len() > 100, "{}", check.summary());
    let others = check.needs(EVERY);
    // dose reads the whole archive for each build of a stage that differs from the others: some stages stand for all.
    let some = (order.stages.len() / 5).max(1);
    let builds = check.dose(|stage| stage % some == some - 1).await;
    let more = format!(
        "in {took:?}; of every {EVERY}th build {others} take other packages than later; {builds} builds checked by dose"
    );
    note("order-of-all.md", &format!("{}, {more}\n", check.summary()));
    assert!(took < Duration::from_secs(600), "{took:?}");
}
