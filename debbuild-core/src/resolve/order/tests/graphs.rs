//! Components and feedback sets of random graphs, against trying everything.

use proptest::prelude::*;

use crate::resolve::order::{
    anneal::improve,
    feedback::{feedback, feedback_within, least_below},
    graph::{Graph, part},
};

fn graph(count: usize, density: f64) -> impl Strategy<Value = Graph> {
    prop::collection::vec(prop::collection::vec(prop::bool::weighted(density), count), count).prop_map(|rows| {
        let mut graph = Graph::new();
        rows.into_iter()
            .for_each(|row| graph.push((0..).zip(row).filter(|(_, edge)| *edge).map(|(to, _)| to).collect()));
        graph
    })
}

fn graphs(most: usize) -> impl Strategy<Value = Graph> {
    (1..=most, 0.05..0.5).prop_flat_map(|(count, density)| graph(count, density))
}

/// Whether edges lead from one vertex to another.
fn leads(graph: &Graph) -> Vec<Vec<bool>> {
    let count = graph.len();
    let mut leads: Vec<Vec<bool>> =
        (0..count as u32).map(|from| (0..count as u32).map(|to| graph.row(from).contains(&to)).collect()).collect();
    for by in 0..count {
        for from in 0..count {
            for to in 0..count {
                leads[from][to] |= leads[from][by] && leads[by][to];
            }
        }
    }
    leads
}

fn is_feedback(graph: &Graph, set: &[u32]) -> bool {
    let left: Vec<u32> = (0..graph.len() as u32).filter(|vertex| !set.contains(vertex)).collect();
    part(graph, &left).is_acyclic()
}

fn least(graph: &Graph) -> usize {
    let sets = 0_u32..1 << graph.len();
    let members = |set: u32| (0..graph.len() as u32).filter(move |at| set >> at & 1 == 1).collect::<Vec<u32>>();
    let breaks = sets.filter(|set| is_feedback(graph, &members(*set)));
    breaks.map(u32::count_ones).min().map_or(0, |count| count as usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn components_are_what_leads_to_each_other(graph in graphs(12)) {
        let leads = leads(&graph);
        let found = graph.components();
        for a in 0..graph.len() {
            prop_assert_eq!(graph.is_acyclic(), !(0..graph.len()).any(|at| leads[at][at]));
            for (b, back) in leads.iter().enumerate() {
                let same = a == b || leads[a][b] && back[a];
                prop_assert_eq!(found.of[a] == found.of[b], same);
                // What is reached comes first.
                prop_assert!(!leads[a][b] || found.of[b] <= found.of[a]);
            }
        }
        let mut members: Vec<u32> = found.members.concat();
        members.sort_unstable();
        prop_assert_eq!(members, (0..graph.len() as u32).collect::<Vec<_>>());
        let closed = vec![false; graph.len()];
        for (vertex, leads) in leads.iter().enumerate() {
            prop_assert_eq!(graph.returns(vertex as u32, &closed), leads[vertex]);
        }
    }

    #[test]
    fn feedback_sets_of_small_graphs_are_least(graph in graphs(10)) {
        let found = feedback(&graph);
        prop_assert!(found.least);
        prop_assert!(is_feedback(&graph, &found.vertices), "{:?}", found);
        prop_assert_eq!(found.vertices.len(), least(&graph));
    }

    #[test]
    fn the_search_alone_finds_the_least_set(graph in graphs(9)) {
        let least = least(&graph);
        let (found, whole) = least_below(&graph, graph.len() + 1);
        let found = found.unwrap();
        prop_assert!(whole && is_feedback(&graph, &found), "{:?}", found);
        prop_assert_eq!(found.len(), least);
        prop_assert_eq!(least_below(&graph, least), (None, true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn feedback_sets_of_larger_graphs_have_nothing_to_spare(graph in graph(60, 0.1)) {
        for found in [feedback(&graph), feedback_within(&graph, 20)] {
            prop_assert!(is_feedback(&graph, &found.vertices));
            for spare in &found.vertices {
                let rest: Vec<u32> = found.vertices.iter().copied().filter(|vertex| vertex != spare).collect();
                prop_assert!(!is_feedback(&graph, &rest), "{spare} of {:?}", found);
            }
        }
    }

    #[test]
    fn annealing_keeps_a_feedback_set_and_makes_it_smaller(graph in graph(40, 0.1)) {
        let loops: Vec<u32> = (0..40).filter(|vertex| graph.is_loop(*vertex)).collect();
        let rest: Vec<u32> = (0..40).filter(|vertex| !loops.contains(vertex)).collect();
        let graph = part(&graph, &rest);
        let mut set: Vec<u32> = (0..graph.len() as u32).collect();
        improve(&graph, &mut set);
        prop_assert!(set.len() < graph.len() && is_feedback(&graph, &set), "{:?}", set);
    }
}

#[test]
fn a_chain_deeper_than_any_stack_is_one_component() {
    let count = 300_000;
    let mut graph = Graph::new();
    (0..count).for_each(|at| graph.push(vec![(at + 1) % count]));
    assert_eq!(graph.components().members.len(), 1);
    let found = {
        let mut graph = Graph::new();
        (0..500).for_each(|at| graph.push(vec![(at + 1) % 500]));
        feedback(&graph)
    };
    assert_eq!((found.vertices.len(), found.least), (1, true));
}
