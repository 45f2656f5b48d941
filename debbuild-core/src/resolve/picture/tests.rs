//! What pictures show, that both languages are well formed whatever a name holds, and that nothing overlaps.

use proptest::prelude::*;

use super::{layout::Part, *};
use crate::{arch::Architecture, name::PackageName, version::Version};

fn package(name: &str) -> PackageVersion {
    let architecture = Architecture::new("amd64").unwrap();
    let (package, version) = (PackageName::new(name).unwrap(), Version::new("1").unwrap());
    PackageVersion { package, version, architecture, foreign: false }
}

fn needs(by: By, relation: &str, choices: &[&str]) -> Step {
    let choices = choices.iter().map(|name| package(name)).collect();
    Step::Needs { by, need: Some(Need::Depends), relation: relation.to_owned(), choices, others: Vec::new() }
}

fn conflict() -> Explanation {
    let by = |name: &str| By::Package(package(name));
    Explanation::of(vec![
        needs(By::Question("the request".to_owned()), "app", &["app"]),
        needs(by("app"), "mta (>= 1) | <b>", &["exim", "postfix"]),
        Step::Conflicts {
            by: by("app"),
            clash: Clash::Breaks,
            relation: "breaks exim (<< 2)".to_owned(),
            package: package("exim"),
        },
        Step::Missing {
            by: by("postfix"),
            need: Some(Need::PreDepends),
            relation: "db".to_owned(),
            others: Vec::new(),
        },
    ])
}

#[test]
fn a_conflict_is_a_graph_of_its_steps() {
    let picture = Picture::of_explanation(&conflict());
    let names: Vec<&str> = picture.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["the request", "app", "exim", "postfix", "db"]);
    assert_eq!((picture.nodes[0].kind, picture.nodes[4].kind), (NodeKind::Question, NodeKind::Missing));
    let edges: Vec<(usize, &[usize], &str, EdgeKind)> =
        picture.edges.iter().map(|edge| (edge.from, &edge.to[..], edge.label.as_str(), edge.kind)).collect();
    assert_eq!(
        edges,
        [
            (0, &[1][..], "", EdgeKind::Needs),
            (1, &[2, 3], "mta (>= 1) | <b>", EdgeKind::Needs),
            (1, &[2], "breaks exim (<< 2)", EdgeKind::Conflicts),
            (3, &[4], "pre-depends on", EdgeKind::Needs),
        ]
    );
    let dot = picture.dot();
    assert!(dot.contains("n1 -> n3 [label=\"mta (>= 1) | <b>\"];"), "{dot}");
    assert!(dot.contains("n1 -> n2 [label=\"breaks exim (<< 2)\", color=\"#b42318\""), "{dot}");
    let svg = picture.svg();
    assert!(svg.contains("<title id=\"title\">Why it cannot be installed</title>"), "{svg}");
    assert!(svg.contains("postfix 1 needs db, which no package provides.</desc>"), "{svg}");
    assert!(svg.contains("mta (&gt;= 1) | &lt;b&gt;</text>"), "{svg}");
    assert!(svg.contains("prefers-color-scheme:dark") && !svg.contains("href") && !svg.contains("url(http"), "{svg}");
}

#[test]
fn chains_meet_at_the_package_and_the_rest_is_counted() {
    let link = |by: By, to: &str| Link {
        by,
        need: Some(Need::Depends),
        relation: to.to_owned(),
        package: package(to),
        also: Vec::new(),
    };
    let chain = |at: usize| {
        let name = format!("lib{at}");
        vec![link(By::Question("the request".to_owned()), &name), link(By::Package(package(&name)), "libc")]
    };
    let why = Why { package: package("libc"), chains: (0..11).map(chain).collect(), circular: Vec::new() };
    let picture = Picture::of_why(&why);
    let subjects: Vec<&str> =
        picture.nodes.iter().filter(|node| node.kind == NodeKind::Subject).map(|node| node.name.as_str()).collect();
    assert_eq!(subjects, ["libc"]);
    let remark = picture.nodes.iter().find(|node| node.kind == NodeKind::Remark).unwrap();
    assert_eq!((remark.name.as_str(), picture.nodes.len()), ("3 more", 11));
    assert_eq!(picture.title, "Why libc 1 is there");
}

/// Names of elements that are open, and whether the text is XML as far as that can be seen plainly.
fn is_well_formed(xml: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for part in xml.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else { return false };
        let entities =
            text.split('&').skip(1).all(|rest| ["amp;", "lt;", "gt;", "quot;"].iter().any(|e| rest.starts_with(e)));
        let quotes = tag.matches('"').count() % 2 == 0;
        if !entities || !quotes || text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return false;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.extend(tag.split(' ').next());
        }
    }
    open.is_empty()
}

fn pictures() -> impl Strategy<Value = Picture> {
    let kinds = [NodeKind::Question, NodeKind::Package, NodeKind::Subject, NodeKind::Missing, NodeKind::Remark];
    let node = ("\\PC{0,60}|[ -~\\n\\x07]{0,20}", "[ -~]{0,20}", prop::sample::select(kinds.to_vec()));
    let node = node.prop_map(|(name, detail, kind)| PictureNode { name, detail, kind });
    prop::collection::vec(node, 1..12).prop_flat_map(|nodes| {
        let place = 0..nodes.len();
        let kind = prop::sample::select(vec![EdgeKind::Needs, EdgeKind::Needs, EdgeKind::Conflicts]);
        let edge = (place.clone(), prop::collection::vec(place, 1..4), "[ -~]{0,70}", kind);
        let edge = edge.prop_map(|(from, to, label, kind)| PictureEdge { from, to, label, kind });
        prop::collection::vec(edge, 0..16).prop_map(move |edges| Picture {
            title: "\"<&>\u{1}\\".to_owned(),
            sentences: vec!["a < b & c".to_owned()],
            nodes: nodes.clone(),
            edges,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_picture_is_well_formed_and_nothing_overlaps(picture in pictures()) {
        let svg = picture.svg();
        prop_assert!(is_well_formed(&svg), "{svg}");
        let dot = picture.dot();
        let strings = dot.replace("\\\\", "").replace("\\\"", "");
        prop_assert_eq!(strings.matches('"').count() % 2, 0, "{}", dot);
        prop_assert!(strings.lines().all(|line| line.matches('"').count() % 2 == 0), "{}", dot);

        let layout = layout::lay_out(&picture);
        let shown: Vec<_> = layout.items.iter().filter(|item| item.part != Part::Bend).collect();
        prop_assert_eq!(shown.iter().filter(|item| matches!(item.part, Part::Node(_))).count(), picture.nodes.len());
        for (at, a) in shown.iter().enumerate() {
            let inside = a.x - a.width / 2.0 >= 0.0 && a.x + a.width / 2.0 <= layout.width
                && a.y - a.height / 2.0 >= 0.0 && a.y + a.height / 2.0 <= layout.height;
            prop_assert!(inside, "{a:?} is outside of {} x {}", layout.width, layout.height);
            for b in &shown[at + 1..] {
                let apart = (a.x - b.x).abs() >= (a.width + b.width) / 2.0 || (a.y - b.y).abs() >= (a.height + b.height) / 2.0;
                prop_assert!(apart, "{a:?} and {b:?} overlap");
            }
        }
        for line in &layout.lines {
            let ends = line.items.iter().all(|at| *at < layout.items.len()) && line.items.len() > 1;
            prop_assert!(ends, "{line:?}");
        }
    }
}
