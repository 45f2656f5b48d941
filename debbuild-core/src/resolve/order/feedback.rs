//! Feedback sets: the fewest vertices without which a graph has no cycle.

use std::{cmp::Reverse, collections::VecDeque};

use super::{
    anneal::improve,
    graph::{Graph, part},
    matrix::Matrix,
};

/// How many steps the search for a least set may take, in pairs of vertices looked at: some seconds at most.
const STEPS: u64 = 20_000_000;
/// In larger components no least set is searched for.
const MOST: usize = 400;

/// Larger components are made smaller first: tables have a bit for each pair of vertices.
const LARGEST: usize = 30_000;
/// How many vertices of such a component are taken at a time.
const AT_ONCE: usize = 32;

/// Vertices without which a graph has no cycle. None of them can be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feedback {
    pub(super) vertices: Vec<u32>,
    /// Whether it was shown that no set has fewer.
    pub(super) least: bool,
}

/// The least feedback set where it is found within the steps, else a good one.
pub(super) fn feedback(graph: &Graph) -> Feedback {
    feedback_within(graph, LARGEST)
}

/// The same with another size from which components are made smaller first.
pub(super) fn feedback_within(graph: &Graph, largest: usize) -> Feedback {
    let mut found = Feedback { vertices: coarse(graph, largest), least: true };
    let rest: Vec<u32> = (0..graph.len() as u32).filter(|at| found.vertices.binary_search(at).is_err()).collect();
    let left = part(graph, &rest);
    for members in left.components().members.iter().filter(|members| left.is_cycle(members)) {
        let one = component(&part(&left, members));
        found.vertices.extend(one.vertices.iter().map(|vertex| rest[members[*vertex as usize] as usize]));
        found.least &= one.least;
    }
    if rest.len() < graph.len() {
        found.least = false;
        without_spare(graph, &mut found.vertices);
    }
    found.vertices.sort_unstable();
    found
}

/// Vertices without which no component is larger: those with the most ways through them, a number of them at once.
fn coarse(graph: &Graph, largest: usize) -> Vec<u32> {
    let mut rest: Vec<u32> = (0..graph.len() as u32).collect();
    let mut taken = Vec::new();
    loop {
        let left = part(graph, &rest);
        let components = left.components().members;
        let Some(members) = components.iter().find(|members| members.len() > largest) else {
            taken.sort_unstable();
            return taken;
        };
        let mut into = vec![0_u64; left.len()];
        members.iter().flat_map(|from| left.row(*from)).for_each(|to| into[*to as usize] += 1);
        let ways = |vertex: &u32| Reverse(into[*vertex as usize] * left.row(*vertex).len() as u64);
        let mut busiest = members.clone();
        busiest.sort_by_key(ways);
        let mut gone: Vec<u32> = busiest.iter().take(AT_ONCE).map(|vertex| rest[*vertex as usize]).collect();
        gone.sort_unstable();
        rest.retain(|vertex| gone.binary_search(vertex).is_err());
        taken.append(&mut gone);
    }
}

fn component(graph: &Graph) -> Feedback {
    let mut vertices = Vec::new();
    let mut matrix = Matrix::new(graph);
    matrix.reduce(&mut vertices);
    let kernel: Vec<u32> = matrix.alive.iter().collect();
    let mut found = Feedback { vertices, least: true };
    if !kernel.is_empty() {
        let kernel_graph = matrix.graph(&kernel);
        for members in kernel_graph.components().members.iter().filter(|members| members.len() > 1) {
            let one = search(&part(&kernel_graph, members));
            found.vertices.extend(one.vertices.iter().map(|vertex| kernel[members[*vertex as usize] as usize]));
            found.least &= one.least;
        }
    }
    if !found.least {
        without_spare(graph, &mut found.vertices);
    }
    found
}

/// A set for a component that the rules leave as it is.
fn search(graph: &Graph) -> Feedback {
    let mut best = greedy(Matrix::new(graph));
    improve(graph, &mut best);
    if graph.len() > MOST {
        return Feedback { vertices: best, least: false };
    }
    let (better, least) = least_below(graph, best.len());
    Feedback { vertices: better.unwrap_or(best), least }
}

/// The least set of fewer vertices than that, if there is one, and whether the search came to its end.
pub(super) fn least_below(graph: &Graph, bound: usize) -> (Option<Vec<u32>>, bool) {
    let mut search = Search { steps: STEPS, best: None, bound };
    search.run(Matrix::new(graph), &mut Vec::new());
    (search.best, search.steps > 0)
}

/// Leaves out what need not be in a set: no cycle goes through it and through no other.
fn without_spare(graph: &Graph, set: &mut Vec<u32>) {
    set.sort_unstable();
    let mut closed = vec![false; graph.len()];
    set.iter().for_each(|vertex| closed[*vertex as usize] = true);
    set.retain(|vertex| {
        closed[*vertex as usize] = false;
        let needed = graph.returns(*vertex, &closed);
        closed[*vertex as usize] = needed;
        needed
    });
}

/// Takes the vertex with the most ways through it until there are no cycles.
fn greedy(mut matrix: Matrix) -> Vec<u32> {
    let mut taken = Vec::new();
    loop {
        matrix.reduce(&mut taken);
        let Some(vertex) = busiest(&matrix) else { return taken };
        taken.push(vertex);
        matrix.remove(vertex);
    }
}

fn busiest(matrix: &Matrix) -> Option<u32> {
    let ways = |vertex: &u32| {
        let (into, out) = matrix.degrees(*vertex);
        (u64::from(into) * u64::from(out), Reverse(*vertex))
    };
    matrix.alive.iter().max_by_key(ways)
}

/// Branch and bound: the busiest vertex is in the set, or it is not.
struct Search {
    steps: u64,
    best: Option<Vec<u32>>,
    /// Only sets of fewer vertices are of interest.
    bound: usize,
}

impl Search {
    fn run(&mut self, mut matrix: Matrix, taken: &mut Vec<u32>) {
        let before = taken.len();
        matrix.reduce(taken);
        let count = u64::from(matrix.alive.count());
        self.steps = self.steps.saturating_sub(count * count + 1);
        if self.steps > 0 && taken.len() + at_least(&matrix, self.bound.saturating_sub(taken.len())) < self.bound {
            match busiest(&matrix) {
                None => (self.best, self.bound) = (Some(taken.clone()), taken.len()),
                Some(vertex) => {
                    let mut with = matrix.clone();
                    with.remove(vertex);
                    taken.push(vertex);
                    self.run(with, taken);
                    taken.pop();
                    matrix.bypass(vertex);
                    self.run(matrix, taken);
                }
            }
        }
        taken.truncate(before);
    }
}

/// How many vertices every set has: as many as there are cycles that share none, of those found, up to `enough`.
fn at_least(matrix: &Matrix, enough: usize) -> usize {
    let mut left = matrix.clone();
    let mut count = 0;
    while count < enough
        && let Some(cycle) = short_cycle(&left)
    {
        cycle.into_iter().for_each(|vertex| left.remove(vertex));
        count += 1;
    }
    count
}

/// A pair of opposite edges, else the shortest cycle through the vertex of the fewest edges.
fn short_cycle(matrix: &Matrix) -> Option<Vec<u32>> {
    let pair = |vertex: u32| {
        let back = matrix.into[vertex as usize].iter().find(|other| matrix.out[vertex as usize].has(*other))?;
        Some(vec![vertex, back])
    };
    let weight = |vertex: &u32| {
        let (into, out) = matrix.degrees(*vertex);
        (into + out, *vertex)
    };
    let mut vertices: Vec<u32> = matrix.alive.iter().collect();
    vertices.sort_unstable_by_key(weight);
    vertices
        .iter()
        .find_map(|vertex| pair(*vertex))
        .or_else(|| vertices.iter().find_map(|vertex| around(matrix, *vertex)))
}

/// The shortest cycle through a vertex.
fn around(matrix: &Matrix, start: u32) -> Option<Vec<u32>> {
    let mut before = vec![None; matrix.out.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(vertex) = queue.pop_front() {
        for to in matrix.out[vertex as usize].iter() {
            if to == start {
                let mut cycle = vec![vertex];
                while let Some(earlier) = before[cycle[cycle.len() - 1] as usize] {
                    cycle.push(earlier);
                }
                return Some(cycle);
            }
            if before[to as usize].is_none() {
                before[to as usize] = Some(vertex);
                queue.push_back(to);
            }
        }
    }
    None
}
