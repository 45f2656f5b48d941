//! Random archives.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::world::world;
use crate::resolve::order::OrderOptions;

/// A source package: its build dependencies, what its library needs, and whether it has documentation that nodoc leaves out.
#[derive(Debug, Clone)]
struct Drawn {
    depends: Vec<(Vec<usize>, Option<usize>)>,
    library: Vec<usize>,
    provides: bool,
    doc: bool,
}

const RESTRICTIONS: [&str; 5] = ["<!nocheck>", "<!nodoc>", "<!stage1>", "<!nocheck> <!nodoc>", "<!nodoc !nocheck>"];

fn drawn(count: usize) -> impl Strategy<Value = Drawn> {
    // Beyond the libraries: the documentation, a virtual package, and one that is not there.
    let package = 0..count * 2 + 2;
    let group = (prop::collection::vec(package, 1..3), prop::option::weighted(0.4, 0..RESTRICTIONS.len()));
    let library = prop::collection::vec(0..count, 0..2);
    (prop::collection::vec(group, 0..4), library, prop::bool::weighted(0.2), prop::bool::weighted(0.4))
        .prop_map(|(depends, library, provides, doc)| Drawn { depends, library, provides, doc })
}

fn archive() -> impl Strategy<Value = Vec<Drawn>> {
    (2_usize..8).prop_flat_map(|count| prop::collection::vec(drawn(count), count))
}

fn package(at: usize, count: usize) -> String {
    match at {
        at if at < count => format!("lib{at}"),
        at if at < count * 2 => format!("doc{}", at - count),
        at if at == count * 2 => "virtual".to_owned(),
        _ => "missing".to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn orders_hold(archive in archive(), from_zero in any::<bool>()) {
        let count = archive.len();
        let mut sources = Vec::new();
        let mut packages = Vec::new();
        for (at, drawn) in archive.iter().enumerate() {
            let groups = drawn.depends.iter().map(|(group, restriction)| {
                let restriction = restriction.map_or("", |at| RESTRICTIONS[at]);
                let one = |other: &usize| format!("{} {restriction}", package(*other, count)).trim().to_owned();
                group.iter().map(one).collect::<Vec<_>>().join(" | ")
            });
            let mut fields = format!("\nBuild-Depends: {}", groups.collect::<Vec<_>>().join(", "));
            if drawn.doc {
                let list = format!("\nPackage-List:\n doc{at} deb doc optional arch=any profile=!nodoc");
                fields.push_str(&list);
            }
            let mut library = String::new();
            if !drawn.library.is_empty() {
                let needs: Vec<String> = drawn.library.iter().map(|other| format!("lib{other}")).collect();
                write!(library, "Depends: {}", needs.join(", ")).unwrap();
            }
            if drawn.provides {
                write!(library, "{}Provides: virtual", if library.is_empty() { "" } else { "\n" }).unwrap();
            }
            sources.push((format!("src{at}"), fields));
            packages.push((format!("lib{at}"), format!("src{at}"), library));
            packages.push((format!("doc{at}"), format!("src{at}"), String::new()));
        }
        let sources: Vec<(&str, &str)> = sources.iter().map(|(name, fields)| (name.as_str(), fields.as_str())).collect();
        let packages: Vec<(&str, &str, &str)> =
            packages.iter().map(|(name, source, fields)| (name.as_str(), source.as_str(), fields.as_str())).collect();
        let world = world(&sources, &packages);
        let options = OrderOptions::new().with_from_zero(from_zero);
        let order = crate::resolve::order::order(&Default::default(), &world.sources, &world.universe, &options).unwrap();
        prop_assert_eq!(world.check(&options, &order), Ok(()), "{:#?}", order);
        prop_assert!(order.cycles.iter().all(|cycle| cycle.least));
    }
}
