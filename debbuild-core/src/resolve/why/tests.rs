//! Chains in cases that one can see through, and all reasons against the rules as plainly said.

use proptest::prelude::*;

use super::{
    super::{
        Answer, Install, Recommends, Resolver as _, SatResolver, Versions,
        plain::{Rules, field, index, install, options, stanza, universe, universes},
    },
    *,
};
use crate::{context::Context, relation::Relations, resolve::PRIORITY};

fn solved(universe: &Universe, question: &Question) -> Solution {
    match SatResolver::new().answer(&Context::new(), universe, question).unwrap() {
        Answer::Satisfied(solution) => solution,
        other => panic!("{other:?}"),
    }
}

fn texts(links: &[Link]) -> Vec<String> {
    links.iter().map(ToString::to_string).collect()
}

#[test]
fn every_member_that_needs_it_is_a_reason_and_the_shortest_way_is_first() {
    let universe = universe(&[
        stanza("app", "1", "amd64", "Depends: long, mta | exim\n"),
        stanza("long", "1", "amd64", "Pre-Depends: longer\n"),
        stanza("longer", "1", "amd64", "Depends: postfix (>= 1)\n"),
        stanza("postfix", "1", "amd64", "Provides: mta\nDepends: helper\n"),
        stanza("helper", "1", "amd64", "Depends: postfix\n"),
        stanza("base", "1", "amd64", "Essential: yes\nRecommends: postfix\n"),
    ]);
    let question = Question::Install(
        Install::new(Relations::parse("app").unwrap()).with_essential(true).with_recommends(Recommends::Install),
    );
    let solution = solved(&universe, &question);
    let of = |name: &str| {
        let package = &solution.get(name).unwrap().package;
        why(&universe, &question, &solution, package).unwrap().unwrap()
    };
    let reasons = of("postfix");
    let chains: Vec<Vec<String>> = reasons.chains.iter().map(|chain| texts(chain)).collect();
    assert_eq!(
        chains,
        [
            &["the request needs app", "app 1 depends on mta | exim, which postfix 1 provides"][..],
            &["every system needs base", "base 1 recommends postfix"],
            &[
                "the request needs app",
                "app 1 depends on long",
                "long 1 pre-depends on longer",
                "longer 1 depends on postfix (>= 1)"
            ],
        ]
    );
    assert_eq!(texts(&reasons.circular), ["helper 1 depends on postfix"]);
    assert_eq!(reasons.package.to_string(), "postfix 1");
    assert_eq!(of("app").chains.len(), 1);
    assert_eq!(of("helper").chains[0].len(), 3);

    let other = install("longer");
    let nobody = why(&universe, &other, &solved(&universe, &other), &solution.get("app").unwrap().package);
    assert_eq!(nobody.unwrap(), None);
}

#[test]
fn what_is_met_by_others_too_says_so() {
    let universe = universe(&[
        stanza("app", "1", "amd64", "Depends: one | two, two\n"),
        stanza("one", "1", "amd64", ""),
        stanza("two", "1", "amd64", ""),
    ]);
    let question = install("app, one");
    let solution = solved(&universe, &question);
    let reasons = why(&universe, &question, &solution, &solution.get("two").unwrap().package).unwrap().unwrap();
    let last: Vec<String> = reasons.chains.iter().map(|chain| chain[chain.len() - 1].to_string()).collect();
    assert_eq!(last, ["app 1 depends on one | two (also met by one 1)", "app 1 depends on two"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn all_reasons_are_found_and_every_chain_holds(packages in universes(), seeds in field("Depends", 2)) {
        let universe = Universe::new(options().with_versions(Versions::All), [(index(&packages), PRIORITY)]);
        let seeds = Relations::parse(seeds.trim().strip_prefix("Depends: ").unwrap_or_default()).unwrap();
        let question = Question::Install(Install::new(seeds.clone()));
        let answer = SatResolver::new().answer(&Context::new(), &universe, &question).unwrap();
        let Answer::Satisfied(solution) = answer else { return Ok(()) };
        let members = solution.packages.iter().map(|selected| BinaryPackage::clone(&selected.package)).collect();
        let rules = Rules { packages: members, seeds };
        for (at, selected) in solution.packages.iter().enumerate() {
            let reasons = why(&universe, &question, &solution, &selected.package).unwrap().unwrap();
            let shortest = reasons.chains[0].len();
            prop_assert!(shortest <= solution.chain(selected.package.package.as_str()).len());
            prop_assert!(reasons.chains.is_sorted_by_key(Vec::len));
            for chain in &reasons.chains {
                prop_assert!(chain[0].by.package().is_none());
                prop_assert_eq!(rules.find(&chain[chain.len() - 1].package), at);
                for pair in chain.windows(2) {
                    prop_assert_eq!(pair[1].by.package(), Some(&pair[0].package));
                    prop_assert_ne!(rules.find(&pair[0].package), at);
                }
            }
            let direct = reasons.chains.iter().map(|chain| &chain[chain.len() - 1]).chain(&reasons.circular);
            let mut found: Vec<(Option<usize>, String)> =
                direct.map(|link| (rules.asker(&link.by), link.relation.clone())).collect();
            let mut all = Vec::new();
            for by in [None].into_iter().chain((0..rules.packages.len()).map(Some)).filter(|by| *by != Some(at)) {
                let fields = match by {
                    None => vec![&rules.seeds],
                    Some(by) => vec![&rules.packages[by].relations.pre_depends, &rules.packages[by].relations.depends],
                };
                // What satisfies itself needs nobody.
                let own = |group: &&crate::relation::Alternatives| by.is_none_or(|by| !rules.meets(by, group, Some(by)));
                let groups = fields.into_iter().flat_map(|field| field.iter()).filter(own);
                all.extend(groups.filter(|group| rules.meets(at, group, by)).map(|group| (by, group.to_string())));
            }
            found.sort();
            all.sort();
            prop_assert_eq!(found, all);
        }
    }
}
