//! Unit tests of build orders: small archives one by one, and random ones against what must hold of every order.

mod graphs;
mod random;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use super::{Break, Order, OrderOptions};
use crate::{context::Context, name::SourceName, relation::BuildProfile};
use world::world;

/// The stages as text: `name`, `name[profiles]` and `name!` for a rebuild.
fn stages(order: &Order) -> Vec<String> {
    let build = |build: &super::Build| {
        let profiles: Vec<&str> = build.profiles.iter().map(BuildProfile::as_str).collect();
        let profiles = if profiles.is_empty() { String::new() } else { format!("[{}]", profiles.join(",")) };
        format!("{}{profiles}{}", build.source, if build.rebuild { "!" } else { "" })
    };
    order.stages.iter().map(|stage| stage.iter().map(build).collect::<Vec<_>>().join(" ")).collect()
}

/// The breaks as text: what was done to which source package.
fn breaks(order: &Order) -> Vec<String> {
    let text = |one: &Break| match one {
        Break::Profiles { source, profiles, relations, .. } => {
            let profiles: Vec<&str> = profiles.iter().map(BuildProfile::as_str).collect();
            format!("{source} without {} by {}", relations.join(", "), profiles.join(","))
        }
        Break::Alternative { source, relation, instead, .. } => format!("{source} with {instead} for {relation}"),
        Break::Existing { source, packages, dropped } => {
            let packages: Vec<&str> = packages.iter().map(|package| package.as_str()).collect();
            let dropped: Vec<&str> = dropped.iter().map(SourceName::as_str).collect();
            format!("{} of {source} for {}", packages.join(" "), dropped.join(" "))
        }
    };
    order.cycles.iter().flat_map(|cycle| &cycle.breaks).map(text).collect()
}

fn names(sources: &[SourceName]) -> Vec<&str> {
    sources.iter().map(SourceName::as_str).collect()
}

#[test]
fn what_is_needed_is_built_before() {
    let packages = [("libmid", "mid", "Depends: low-bin"), ("low-bin", "low", "")];
    let world = world(&[("top", "libmid"), ("mid", ""), ("low", ""), ("alone", "")], &packages);
    let order = world.order(&OrderOptions::new());
    assert_eq!(stages(&order), ["alone low mid", "top"]);
    assert!(order.cycles.is_empty() && order.rebuilds.is_empty() && order.outside.is_empty(), "{order:?}");
}

#[test]
fn profiles_break_a_cycle_and_the_full_build_follows() {
    let packages =
        [("libcheck", "check", "Depends: libfoo"), ("libfoo", "foo", ""), ("user", "user", "Depends: libfoo")];
    let world = world(
        &[("check", "libfoo"), ("foo", "libcheck <!nocheck>, doc <!nodoc>"), ("doc", ""), ("user", "libfoo")],
        &packages,
    );
    let order = world.order(&OrderOptions::new());
    // What is outside of the cycle waits for the full build.
    assert_eq!(stages(&order), ["doc", "foo[nocheck]", "check", "foo!", "user"]);
    assert_eq!(breaks(&order), ["foo without libcheck by nocheck"]);
    let cycle = &order.cycles[0];
    assert_eq!((names(&cycle.members), cycle.edge_count), (vec!["check", "foo"], 3));
    let edge = |at: usize| {
        let edge = &cycle.edges[at];
        let through: Vec<&str> = edge.through.iter().map(|package| package.as_str()).collect();
        format!("{} needs {}: {} by {}", edge.source, edge.needs, edge.relation, through.join(" "))
    };
    let expected = [
        "check needs foo: libfoo by libfoo",
        "foo needs check: libcheck by libcheck",
        "foo needs foo: libcheck by libcheck libfoo",
    ];
    assert_eq!((0..3).map(edge).collect::<Vec<_>>(), expected);
    let Break::Profiles { dropped, .. } = &cycle.breaks[0] else { panic!() };
    assert_eq!(names(dropped), ["check", "foo"]);
    assert_eq!(names(&order.rebuilds), ["foo"]);
    let none = world.order(&OrderOptions::new().with_most_edges(2));
    assert_eq!((none.cycles[0].edge_count, none.cycles[0].edges.len()), (3, 0));
}

#[test]
fn profiles_have_an_order_and_are_taken_together_only_where_it_takes_both() {
    let one = world(&[("foo", "bar <!nodoc>, bar <!nodoc> <!nocheck>"), ("bar", "foo")], &[]);
    assert_eq!(stages(&one.order(&OrderOptions::new())), ["foo[nocheck,nodoc]", "bar", "foo!"]);
    let either = world(&[("foo", "bar <!nodoc !nocheck>"), ("bar", "foo")], &[]);
    assert_eq!(stages(&either.order(&OrderOptions::new())), ["foo[nocheck]", "bar", "foo!"]);
    let stage1 = BuildProfile::new("stage1").unwrap();
    let last = world(&[("foo", "bar <!stage1>"), ("bar", "foo <!nocheck>")], &[]);
    assert_eq!(stages(&last.order(&OrderOptions::new())), ["bar[nocheck]", "foo", "bar!"]);
    let only = last.order(&OrderOptions::new().with_breaking(vec![stage1]));
    assert_eq!(stages(&only), ["foo[stage1]", "bar", "foo!"]);
    let base = last.order(&OrderOptions::new().with_profiles(BTreeSet::from(["nocheck".parse().unwrap()])));
    assert_eq!(stages(&base), ["bar", "foo"]);
}

#[test]
fn a_package_that_a_profile_leaves_out_comes_with_the_full_build() {
    let fields = "\nBuild-Depends: tool <!nodoc>\nPackage-List:\n foo deb libs optional arch=any\n \
         foo-doc deb doc optional arch=all profile=!nodoc";
    let packages = [("foo-doc", "foo", "Architecture: all"), ("foo", "foo", ""), ("tool", "tool", "")];
    // Without foo-doc the cycle is broken by nodoc.
    let broken = world(&[("foo", fields), ("tool", "foo"), ("reader", "foo-doc")], &packages);
    assert_eq!(stages(&broken.order(&OrderOptions::new())), ["foo[nodoc]", "tool", "foo!", "reader"]);
    // Where the cycle goes through foo-doc it is not.
    let tied = world(&[("foo", fields), ("tool", "foo-doc")], &packages);
    let order = tied.order(&OrderOptions::new());
    assert!(order.rebuilds.is_empty(), "{order:?}");
    assert!(matches!(&order.cycles[0].breaks[..], [Break::Existing { .. }]), "{order:?}");
}

#[test]
fn another_alternative_breaks_a_cycle_where_no_profile_does() {
    let packages = [("mail-a", "mail-a", "Provides: mail"), ("mail-b", "mail-b", "Provides: mail")];
    let choice = world(&[("mail-a", "foo"), ("mail-b", ""), ("foo", "mail-a | mail")], &packages);
    let order = choice.order(&OrderOptions::new());
    assert_eq!(breaks(&order), ["foo with mail-b for mail-a | mail"]);
    assert_eq!(stages(&order), ["mail-b", "foo", "mail-a"]);
    assert!(order.rebuilds.is_empty());
    let profile =
        world(&[("mail-a", "foo"), ("mail-b", ""), ("foo", "mail-a <!nocheck> | mail <!nocheck>")], &packages);
    assert_eq!(breaks(&profile.order(&OrderOptions::new())), ["foo without mail-a | mail by nocheck"]);
    // No alternative that needs what comes after the cycle.
    let later = world(&[("mail-a", "foo"), ("mail-b", "foo"), ("foo", "mail-a | mail")], &packages);
    assert_eq!(breaks(&later.order(&OrderOptions::new())), ["mail-a of mail-a for foo"]);
}

#[test]
fn as_few_source_packages_as_possible_are_needed_from_somewhere_else() {
    let world = world(&[("hub", "aa, bb, cc"), ("aa", "hub"), ("bb", "hub"), ("cc", "hub, tail"), ("tail", "")], &[]);
    let order = world.order(&OrderOptions::new());
    assert_eq!(breaks(&order), ["hub of hub for aa bb cc"]);
    assert_eq!(stages(&order), ["aa bb tail", "cc", "hub"]);
    assert!(order.cycles[0].least);
}

#[test]
fn a_compiler_that_needs_itself_is_a_cycle() {
    let world = world(&[("ghc", "ghc, helper <!stage1>"), ("helper", "ghc"), ("weak", "weak <!nocheck>")], &[]);
    let order = world.order(&OrderOptions::new());
    assert_eq!(order.cycles.len(), 2);
    assert_eq!(breaks(&order), ["ghc without helper by stage1", "ghc of ghc for ghc", "weak without weak by nocheck"]);
    assert_eq!(stages(&order), ["ghc[stage1] weak[nocheck]", "helper weak!", "ghc!"]);
}

#[test]
fn what_cannot_be_built_is_listed_with_what_needs_it() {
    let packages = [("gone-too", "elsewhere", "")];
    let world = world(
        &[("bad", "nowhere"), ("needs-bad", "bad"), ("next", "needs-bad, fine"), ("fine", "gone-too")],
        &packages,
    );
    let order = world.order(&OrderOptions::new());
    assert_eq!(stages(&order), ["fine"]);
    assert_eq!(order.unbuildable[0].explanation.sentences, ["source bad 1 needs nowhere, which no package provides"]);
    let blocked: Vec<(&str, &str)> = order.blocked.iter().map(|one| (one.source.as_str(), one.by.as_str())).collect();
    assert_eq!(blocked, [("needs-bad", "bad"), ("next", "needs-bad")]);
    assert_eq!(names(&order.outside), ["elsewhere"]);
}

#[test]
fn the_base_is_there_or_not() {
    let sources = [("tools", "app"), ("essentials", ""), ("app", "")];
    let packages = [("tools", "tools", ""), ("build-essential", "essentials", "Depends: tools"), ("app", "app", "")];
    let world = world(&sources, &packages);
    assert_eq!(stages(&world.order(&OrderOptions::new())), ["app essentials", "tools"]);
    let zero = world.order(&OrderOptions::new().with_from_zero(true));
    assert_eq!(names(&zero.cycles[0].members), ["app", "essentials", "tools"]);
    let edge = zero.cycles[0].edges.iter().find(|edge| edge.source.as_str() == "app" && edge.needs.as_str() == "tools");
    assert_eq!(edge.unwrap().relation, "build-essential");
}

#[test]
fn what_is_had_needs_no_build() {
    let packages = [("liba", "aa", ""), ("a-extra", "aa", ""), ("libb", "bb", "")];
    let world = world(&[("aa", "libb"), ("bb", "liba"), ("cc", "liba, libb")], &packages);
    let all = OrderOptions::new().with_built(BTreeSet::from(["aa".parse().unwrap()]));
    let order = world.order(&all);
    assert_eq!((stages(&order), names(&order.built)), (vec!["bb".to_owned(), "cc".to_owned()], vec!["aa"]));
    let have = |list: &[(&str, &str)]| {
        let have = list.iter().map(|(name, version)| (name.parse().unwrap(), version.parse().unwrap()));
        OrderOptions::new().with_have(have.collect::<BTreeMap<_, _>>())
    };
    let stages_with = |list: &[(&str, &str)]| stages(&world.order(&have(list)));
    assert_eq!(stages_with(&[("liba", "1")]), ["bb", "aa cc"]);
    assert_eq!(stages_with(&[("liba", "1"), ("a-extra", "2"), ("aa", "1")]), ["bb", "cc"]);
    // An older one may not do.
    assert_eq!(world.order(&have(&[("liba", "0.9")])).cycles.len(), 1);
}

#[test]
fn only_what_is_built_for_the_architecture_counts() {
    let all = "\nArchitecture: all\nBuild-Depends: app";
    let sources = [
        ("data", all),
        ("app", "data"),
        ("other", "\nArchitecture: i386\nBuild-Depends: nowhere"),
        ("indep", "\nBuild-Depends: app\nBuild-Depends-Indep: nowhere"),
        ("old", "\nExtra-Source-Only: yes\nBuild-Depends: nowhere"),
    ];
    let world = world(&sources, &[("data", "data", "Architecture: all"), ("app", "app", "")]);
    let answer =
        |options: &OrderOptions| super::order(&Context::new(), &world.sources, &world.universe, options).unwrap();
    let whole = answer(&OrderOptions::new());
    assert_eq!((whole.cycles.len(), whole.unbuildable.len()), (1, 1));
    let any = answer(&OrderOptions::new().with_any_only());
    assert_eq!(stages(&any), ["app", "indep"]);
    assert!(any.unbuildable.is_empty());
}

#[test]
fn of_several_versions_the_newest_is_built() {
    let mut world = world(&[("foo", "nowhere"), ("foo", "bar"), ("bar", "")], &[]);
    world.sources[1].version = "1+1".parse().unwrap();
    let order = world.order(&OrderOptions::new());
    assert_eq!(stages(&order), ["bar", "foo"]);
    assert_eq!(order.stages[1][0].version.as_str(), "1+1");
    let stopped = Context::new();
    stopped.cancel().cancel();
    assert!(super::order(&stopped, &world.sources, &world.universe, &OrderOptions::new()).is_err());
    assert_eq!(super::order(&Context::new(), &[], &world.universe, &OrderOptions::new()).unwrap(), Order::default());
}
