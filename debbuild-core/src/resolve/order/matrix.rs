//! A dense graph that shrinks: vertices that every least feedback set may take or leave out are found by rules.

use super::graph::Graph;

/// A set of vertices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    pub(super) fn has(&self, at: u32) -> bool {
        self.0[at as usize / 64] >> (at % 64) & 1 == 1
    }

    pub(super) fn set(&mut self, at: u32) {
        self.0[at as usize / 64] |= 1 << (at % 64);
    }

    pub(super) fn clear(&mut self, at: u32) {
        self.0[at as usize / 64] &= !(1 << (at % 64));
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + use<'_> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                (word != 0).then(|| {
                    word &= word - 1;
                    at as u32 * 64 + bit
                })
            })
        })
    }

    /// Whether all of these but one vertex are in the other set.
    fn within_but(&self, other: &Self, but: u32) -> bool {
        let (word_of, bit) = (but as usize / 64, 1_u64 << (but % 64));
        let each = self.0.iter().zip(&other.0).enumerate();
        each.map(|(at, (a, b))| if at == word_of { a & !b & !bit } else { a & !b }).all(|left| left == 0)
    }

    fn zip(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| join(*a, *b)).collect())
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
}

/// The vertices that are left of a graph, with their edges.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub(super) alive: Bits,
    pub(super) out: Vec<Bits>,
    pub(super) into: Vec<Bits>,
}

impl Matrix {
    pub(super) fn new(graph: &Graph) -> Self {
        let count = graph.len();
        let mut matrix =
            Self { alive: Bits::new(count), out: vec![Bits::new(count); count], into: vec![Bits::new(count); count] };
        for vertex in 0..count as u32 {
            matrix.alive.set(vertex);
            for target in graph.row(vertex) {
                matrix.out[vertex as usize].set(*target);
                matrix.into[*target as usize].set(vertex);
            }
        }
        matrix
    }

    /// The part between some vertices, which get the numbers of their places.
    pub(super) fn graph(&self, vertices: &[u32]) -> Graph {
        let mut graph = Graph::new();
        let place = |to: u32| vertices.binary_search(&to).ok().map(|at| at as u32);
        for vertex in vertices {
            graph.push(self.out[*vertex as usize].iter().filter_map(place).collect());
        }
        graph
    }

    pub(super) fn degrees(&self, vertex: u32) -> (u32, u32) {
        (self.into[vertex as usize].count(), self.out[vertex as usize].count())
    }

    fn cut(&mut self, from: u32, to: u32) {
        self.out[from as usize].clear(to);
        self.into[to as usize].clear(from);
    }

    /// Takes a vertex out with its edges.
    pub(super) fn remove(&mut self, vertex: u32) {
        let out = std::mem::replace(&mut self.out[vertex as usize], Bits(Vec::new()));
        let into = std::mem::replace(&mut self.into[vertex as usize], Bits(Vec::new()));
        out.iter().filter(|to| *to != vertex).for_each(|to| self.into[to as usize].clear(vertex));
        into.iter().filter(|from| *from != vertex).for_each(|from| self.out[from as usize].clear(vertex));
        let count = self.out.len();
        (self.out[vertex as usize], self.into[vertex as usize]) = (Bits::new(count), Bits::new(count));
        self.alive.clear(vertex);
    }

    /// Takes a vertex out and joins the edges that led there to those that led on: it is not in the feedback set.
    pub(super) fn bypass(&mut self, vertex: u32) {
        let (out, into) = (self.out[vertex as usize].clone(), self.into[vertex as usize].clone());
        self.remove(vertex);
        for from in into.iter() {
            self.out[from as usize].add(&out);
            self.out[from as usize].clear(vertex);
        }
        for to in out.iter() {
            self.into[to as usize].add(&into);
            self.into[to as usize].clear(vertex);
        }
    }

    /// Applies the rules of Levy and Low (degrees 0 and 1, loops) and of Lin and Jou (edges outside of cycles, cores, dominated
    /// edges) until none does anything; `taken` gets the vertices that a least set has.
    pub(super) fn reduce(&mut self, taken: &mut Vec<u32>) {
        loop {
            let before = (self.alive.count(), self.edges());
            while self.reduce_degrees(taken) {}
            self.cut_acyclic();
            self.cut_dominated();
            self.take_cores(taken);
            if (self.alive.count(), self.edges()) == before {
                return;
            }
        }
    }

    fn edges(&self) -> u32 {
        self.alive.iter().map(|vertex| self.out[vertex as usize].count()).sum()
    }

    fn reduce_degrees(&mut self, taken: &mut Vec<u32>) -> bool {
        let mut changed = false;
        for vertex in self.alive.clone().iter() {
            if self.out[vertex as usize].has(vertex) {
                taken.push(vertex);
                self.remove(vertex);
                changed = true;
                continue;
            }
            let (into, out) = self.degrees(vertex);
            if into == 0 || out == 0 {
                self.remove(vertex);
                changed = true;
            } else if into == 1 || out == 1 {
                self.bypass(vertex);
                changed = true;
            }
        }
        changed
    }

    /// The edges that have no opposite one.
    fn single(&self, vertex: u32) -> Bits {
        self.out[vertex as usize].zip(&self.into[vertex as usize], |out, into| out & !into)
    }

    /// A cycle of more than two vertices that no pair of opposite edges cuts short has only single edges: those between the
    /// components of single edges are in none that counts.
    fn cut_acyclic(&mut self) {
        let mut graph = Graph::new();
        for vertex in 0..self.out.len() as u32 {
            graph.push(self.single(vertex).iter().collect());
        }
        let of = graph.components().of;
        for from in self.alive.clone().iter() {
            for to in self.single(from).iter().filter(|to| of[*to as usize] != of[from as usize]) {
                self.cut(from, to);
            }
        }
    }

    /// A single edge matters in no smallest cycle where all that leads to its beginning also leads to its end directly, or
    /// all that follows on its end also follows on its beginning.
    fn cut_dominated(&mut self) {
        // Edges that go in the meantime only make the conditions stricter than they must be.
        let single: Vec<Bits> = (0..self.out.len() as u32).map(|vertex| self.single(vertex)).collect();
        for from in self.alive.clone().iter() {
            let before = self.into[from as usize].zip(&self.out[from as usize], |into, out| into & !out);
            for to in single[from as usize].iter() {
                let after = &single[to as usize];
                if before.within_but(&self.into[to as usize], from) || after.within_but(&self.out[from as usize], to) {
                    self.cut(from, to);
                }
            }
        }
    }

    /// Where a vertex and its neighbours are all pairs of opposite edges, all of them but one are taken, and it may be that one.
    fn take_cores(&mut self, taken: &mut Vec<u32>) {
        for vertex in self.alive.clone().iter() {
            let near = self.out[vertex as usize].clone();
            if !self.alive.has(vertex) || near.count() == 0 || near != self.into[vertex as usize] {
                continue;
            }
            let mut club = near.clone();
            club.set(vertex);
            let both = |one: u32| self.out[one as usize].zip(&self.into[one as usize], |out, into| out & into);
            if near.iter().all(|one| club.within_but(&both(one), one)) {
                for one in near.iter() {
                    taken.push(one);
                    self.remove(one);
                }
                self.remove(vertex);
            }
        }
    }
}
