//! Pictures of reasons: the chains to a package, or a conflict, as a graph that graphviz or a browser shows.

mod dot;
mod layout;
mod svg;

use std::collections::HashMap;

use super::{
    By, Clash, Explanation, Link, Need, Other, PackageVersion, Step, Why,
    step::{listed, names},
};

/// What a node of a picture stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeKind {
    /// The question, or what every system has.
    Question,
    /// A package.
    Package,
    /// The package that the picture is about.
    Subject,
    /// Something that is not there.
    Missing,
    /// A remark: what was left out.
    Remark,
}

/// A node of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PictureNode {
    /// What it is called.
    pub name: String,
    /// What is said below, as the version of a package; may be empty.
    pub detail: String,
    /// What it stands for.
    pub kind: NodeKind,
}

/// What an edge of a picture stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EdgeKind {
    /// One of the nodes that it leads to has to be there.
    Needs,
    /// The nodes cannot be there together.
    Conflicts,
}

/// An edge of a picture: from one node to one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PictureEdge {
    /// Where it starts, by its place among the nodes.
    pub from: usize,
    /// Where it leads to.
    pub to: Vec<usize>,
    /// What is said about it, where the nodes do not say it; may be empty.
    pub label: String,
    /// What it stands for.
    pub kind: EdgeKind,
}

/// A graph to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// What it shows.
    pub title: String,
    /// The same in sentences, for who cannot see it.
    pub sentences: Vec<String>,
    /// The nodes; the one where one starts to look is the first.
    pub nodes: Vec<PictureNode>,
    /// The edges.
    pub edges: Vec<PictureEdge>,
}

/// The most chains that a picture shows.
const MOST: usize = 8;

impl Picture {
    /// The chains that lead to a package: the first eight.
    #[must_use]
    pub fn of_why(why: &Why) -> Self {
        let mut drawing = Drawing::default();
        let shown = &why.chains[..why.chains.len().min(MOST)];
        let mut sentences = Vec::new();
        for link in shown.iter().flatten() {
            let sentence = link.to_string();
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
                drawing.link(link);
            }
        }
        let subject = drawing.package(&why.package);
        drawing.nodes[subject].kind = NodeKind::Subject;
        let more = why.chains.len() - shown.len();
        if more > 0 {
            let remark = drawing.node(&format!("{more} more"), "that need it too", NodeKind::Remark);
            drawing.edge(remark, vec![subject], String::new(), EdgeKind::Needs);
            sentences.push(format!("{more} more relations need it"));
        }
        drawing.finish(format!("Why {} is there", why.package), sentences)
    }

    /// The steps of an explanation.
    #[must_use]
    pub fn of_explanation(why: &Explanation) -> Self {
        let mut drawing = Drawing::default();
        why.steps.iter().for_each(|step| drawing.step(step));
        drawing.finish("Why it cannot be installed".to_owned(), why.sentences.clone())
    }

    /// The picture in graphviz's language.
    #[must_use]
    pub fn dot(&self) -> String {
        dot::write(self)
    }

    /// The picture as SVG that needs nothing else, light or dark as the reader has it.
    #[must_use]
    pub fn svg(&self) -> String {
        svg::write(self, &layout::lay_out(self))
    }
}

/// A picture that is being drawn.
#[derive(Default)]
struct Drawing {
    nodes: Vec<PictureNode>,
    edges: Vec<PictureEdge>,
    places: HashMap<(String, String), usize>,
}

impl Drawing {
    fn node(&mut self, name: &str, detail: &str, kind: NodeKind) -> usize {
        let nodes = &mut self.nodes;
        *self.places.entry((name.to_owned(), detail.to_owned())).or_insert_with(|| {
            nodes.push(PictureNode { name: name.to_owned(), detail: detail.to_owned(), kind });
            nodes.len() - 1
        })
    }

    fn package(&mut self, package: &PackageVersion) -> usize {
        let name = match package.foreign {
            true => format!("{}:{}", package.package, package.architecture),
            false => package.package.to_string(),
        };
        self.node(&name, package.version.as_str(), NodeKind::Package)
    }

    fn by(&mut self, by: &By) -> usize {
        match by {
            By::Package(package) => self.package(package),
            By::Question(_) | By::System | By::Installed => self.node(&by.to_string(), "", NodeKind::Question),
        }
    }

    fn edge(&mut self, from: usize, to: Vec<usize>, label: String, kind: EdgeKind) {
        let edge = PictureEdge { from, to, label, kind };
        if !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }

    fn link(&mut self, link: &Link) {
        let from = self.by(&link.by);
        let to = self.package(&link.package);
        self.edge(
            from,
            vec![to],
            label(link.need, &link.relation, std::slice::from_ref(&link.package)),
            EdgeKind::Needs,
        );
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Needs { by, need, relation, choices, others } => {
                let from = self.by(by);
                let to = choices.iter().map(|choice| self.package(choice)).collect();
                let mut label = label(*need, relation, choices);
                if !others.is_empty() {
                    label = format!("{relation} ({})", there(others));
                }
                self.edge(from, to, label, EdgeKind::Needs);
            }
            Step::Missing { by, need, relation, others } => {
                let from = self.by(by);
                let nothing = if others.is_empty() { "nothing provides it".to_owned() } else { there(others) };
                let missing = self.node(relation, &nothing, NodeKind::Missing);
                self.edge(from, vec![missing], label(*need, relation, &[]), EdgeKind::Needs);
            }
            Step::Conflicts { by, clash, relation, package } => {
                let from = self.by(by);
                let to = self.package(package);
                let label = if *clash == Clash::Architectures { "two architectures" } else { relation };
                self.edge(from, vec![to], label.to_owned(), EdgeKind::Conflicts);
            }
            Step::TwoVersions { first, second } => {
                let (from, to) = (self.package(first), self.package(second));
                self.edge(from, vec![to], "two versions of one package".to_owned(), EdgeKind::Conflicts);
            }
            Step::Unusable { package, reason } => {
                let from = self.package(package);
                let missing = self.node("cannot be used", reason, NodeKind::Missing);
                self.edge(from, vec![missing], String::new(), EdgeKind::Needs);
            }
        }
    }

    fn finish(self, title: String, sentences: Vec<String>) -> Picture {
        Picture { title, sentences, nodes: self.nodes, edges: self.edges }
    }
}

fn there(others: &[Other]) -> String {
    format!("there is {}", listed(others, "and"))
}

/// What an edge has to say: the relation where the nodes that it leads to do not say it, and the kind where it is not `Depends`.
fn label(need: Option<Need>, relation: &str, choices: &[PackageVersion]) -> String {
    let kind = match need {
        Some(Need::PreDepends) => "pre-depends on",
        Some(Need::Recommends) => "recommends",
        Some(Need::Suggests) => "suggests",
        None | Some(Need::Depends) => "",
    };
    let plain = match choices {
        [] => true,
        [one] => relation == one.package.as_str(),
        _ => choices.iter().all(|choice| names(relation, choice)) && !relation.contains('('),
    };
    if plain { kind.to_owned() } else { format!("{kind} {relation}").trim_start().to_owned() }
}

#[cfg(test)]
mod tests;
