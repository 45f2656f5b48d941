//! A better feedback set by simulated annealing (Galinier, Lemamou and Bouzidi): an order of the vertices that are left grows
//! by insertions, each of which takes out those that it contradicts.

use super::graph::{Graph, part};

/// Insertions that are tried at each temperature, for each vertex.
const TRIES: usize = 10;
const COOLINGS: usize = 100;
const WARM: f64 = 0.6;
const COOLER: f64 = 0.96;

/// Makes a feedback set of a graph without loops smaller where that is found.
pub(super) fn improve(graph: &Graph, set: &mut Vec<u32>) {
    let mut line = Line::new(graph, set);
    let mut best = line.rest.clone();
    let mut warmth = WARM;
    for _ in 0..COOLINGS {
        let mut tries = TRIES * graph.len();
        while tries > 0 && !line.rest.is_empty() {
            tries -= 1;
            line.attempt(warmth);
            if line.rest.len() < best.len() {
                best.clone_from(&line.rest);
            }
        }
        warmth *= COOLER;
    }
    if best.len() < set.len() {
        *set = best;
    }
}

/// Not in the line.
const OUT: u64 = u64::MAX;
/// The distance of neighbours in a line whose places were given anew.
const STEP: u64 = 1 << 24;

/// Vertices in an order that no edge between them contradicts, and the others.
struct Line<'a> {
    graph: &'a Graph,
    /// By vertex: where the edges that lead there begin.
    into: Vec<Vec<u32>>,
    /// By vertex: its place, of which only the order matters. An edge leads from an earlier to a later one.
    place: Vec<u64>,
    /// By vertex: its neighbours in the line. The vertex after the last one stands for both ends.
    before: Vec<u32>,
    after: Vec<u32>,
    rest: Vec<u32>,
    random: u64,
}

impl<'a> Line<'a> {
    fn new(graph: &'a Graph, set: &[u32]) -> Self {
        let count = graph.len();
        let mut into = vec![Vec::new(); count];
        for from in 0..count as u32 {
            graph.row(from).iter().for_each(|to| into[*to as usize].push(from));
        }
        let end = count as u32;
        let (place, ends) = (vec![OUT; count + 1], vec![end; count + 1]);
        let (before, random) = (ends.clone(), 0x9E37_79B9_7F4A_7C15);
        let mut line = Self { graph, into, place, before, after: ends, rest: set.to_vec(), random };
        let left: Vec<u32> = (0..end).filter(|vertex| !set.contains(vertex)).collect();
        // What is reached comes first there.
        for vertex in part(graph, &left).components().members.iter().rev().flatten() {
            line.link(left[*vertex as usize], line.before[count], end);
        }
        line.number();
        line
    }

    fn link(&mut self, vertex: u32, before: u32, after: u32) {
        (self.before[vertex as usize], self.after[vertex as usize]) = (before, after);
        (self.after[before as usize], self.before[after as usize]) = (vertex, vertex);
    }

    /// Gives all places anew.
    fn number(&mut self) {
        let end = self.graph.len() as u32;
        let (mut vertex, mut place) = (self.after[end as usize], STEP);
        while vertex != end {
            self.place[vertex as usize] = place;
            (vertex, place) = (self.after[vertex as usize], place + STEP);
        }
    }

    /// xorshift64: the same for the same graph.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// Tries to put a vertex behind all that leads to it, or before all that it leads to.
    fn attempt(&mut self, warmth: f64) {
        let (drawn, end) = (self.draw(), self.graph.len() as u32);
        let at = (drawn >> 1) as usize % self.rest.len();
        let vertex = self.rest[at];
        let (into, out) = (&self.into[vertex as usize], self.graph.row(vertex));
        let inside = |other: &&u32| self.place[**other as usize] != OUT;
        let place = |other: &&u32| self.place[**other as usize];
        let (before, after, against): (u32, u32, Vec<u32>) = if drawn & 1 == 0 {
            let before = into.iter().filter(inside).max_by_key(place).copied().unwrap_or(end);
            let least = if before == end { 0 } else { self.place[before as usize] };
            let against = out.iter().filter(inside).filter(|other| place(other) <= least).copied().collect();
            (before, self.after[before as usize], against)
        } else {
            let after = out.iter().filter(inside).min_by_key(place).copied().unwrap_or(end);
            let most = self.place[after as usize];
            let against = into.iter().filter(inside).filter(|other| place(other) >= most).copied().collect();
            (self.before[after as usize], after, against)
        };
        let chance = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        if against.len() > 1 && chance >= (-((against.len() - 1) as f64) / warmth).exp() {
            return;
        }
        self.rest.swap_remove(at);
        self.insert(vertex, before, after);
        against.into_iter().for_each(|other| self.take_out(other));
    }

    fn insert(&mut self, vertex: u32, before: u32, after: u32) {
        self.link(vertex, before, after);
        let end = self.graph.len() as u32;
        let low = if before == end { 0 } else { self.place[before as usize] };
        let high = if after == end { low + 2 * STEP } else { self.place[after as usize] };
        self.place[vertex as usize] = low + (high - low) / 2;
        if high - low < 2 {
            self.number();
        }
    }

    fn take_out(&mut self, vertex: u32) {
        let (before, after) = (self.before[vertex as usize], self.after[vertex as usize]);
        (self.after[before as usize], self.before[after as usize]) = (after, before);
        self.place[vertex as usize] = OUT;
        self.rest.push(vertex);
    }
}
