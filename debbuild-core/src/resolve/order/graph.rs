//! A compact directed graph with its strongly connected components.

/// Edges by where they begin, each row sorted and without doubles.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    starts: Vec<usize>,
    targets: Vec<u32>,
}

/// No component yet.
const NONE: u32 = u32::MAX;

/// The strongly connected components of a graph.
#[derive(Debug)]
pub(super) struct Components {
    /// By vertex: the place of its component.
    pub(super) of: Vec<u32>,
    /// What is reached from a component comes before it.
    pub(super) members: Vec<Vec<u32>>,
}

impl Graph {
    pub(super) fn new() -> Self {
        Self { starts: vec![0], targets: Vec::new() }
    }

    /// Adds a vertex with the edges that begin there.
    pub(super) fn push(&mut self, mut row: Vec<u32>) {
        row.sort_unstable();
        row.dedup();
        self.targets.append(&mut row);
        self.starts.push(self.targets.len());
    }

    /// How many vertices there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where the edges of a vertex lead.
    pub(super) fn row(&self, vertex: u32) -> &[u32] {
        &self.targets[self.starts[vertex as usize]..self.starts[vertex as usize + 1]]
    }

    /// Whether an edge leads from a vertex to itself.
    pub(super) fn is_loop(&self, vertex: u32) -> bool {
        self.row(vertex).binary_search(&vertex).is_ok()
    }

    /// Whether the members of a component lie on a cycle.
    pub(super) fn is_cycle(&self, members: &[u32]) -> bool {
        members.len() > 1 || members.iter().any(|member| self.is_loop(*member))
    }

    /// Whether no edge lies on a cycle.
    #[cfg(test)]
    pub(super) fn is_acyclic(&self) -> bool {
        !self.components().members.iter().any(|members| self.is_cycle(members))
    }

    /// Whether a cycle goes through a vertex and through none of the closed ones.
    pub(super) fn returns(&self, vertex: u32, closed: &[bool]) -> bool {
        let mut seen = closed.to_vec();
        let mut open = vec![vertex];
        while let Some(at) = open.pop() {
            for to in self.row(at) {
                if *to == vertex {
                    return true;
                }
                if !std::mem::replace(&mut seen[*to as usize], true) {
                    open.push(*to);
                }
            }
        }
        false
    }

    /// Tarjan's algorithm, without recursion: chains of an archive are deeper than a stack.
    pub(super) fn components(&self) -> Components {
        let count = self.len();
        let mut found = Components { of: vec![NONE; count], members: Vec::new() };
        let (mut index, mut low) = (vec![NONE; count], vec![0_u32; count]);
        let (mut open, mut path) = (Vec::new(), Vec::new());
        let mut next = 0;
        for root in 0..count as u32 {
            if index[root as usize] != NONE {
                continue;
            }
            path.push((root, 0_usize));
            while let Some((vertex, at)) = path.last_mut() {
                let (vertex, row) = (*vertex, self.row(*vertex));
                if *at == 0 {
                    (index[vertex as usize], low[vertex as usize]) = (next, next);
                    next += 1;
                    open.push(vertex);
                }
                if let Some(target) = row.get(*at).copied() {
                    *at += 1;
                    if index[target as usize] == NONE {
                        path.push((target, 0));
                    } else if found.of[target as usize] == NONE {
                        low[vertex as usize] = low[vertex as usize].min(index[target as usize]);
                    }
                    continue;
                }
                path.pop();
                if let Some((before, _)) = path.last() {
                    low[*before as usize] = low[*before as usize].min(low[vertex as usize]);
                }
                if low[vertex as usize] == index[vertex as usize] {
                    found.close(vertex, &mut open);
                }
            }
        }
        found
    }
}

impl Components {
    fn close(&mut self, root: u32, open: &mut Vec<u32>) {
        let mut members = Vec::new();
        while let Some(member) = open.pop() {
            self.of[member as usize] = self.members.len() as u32;
            members.push(member);
            if member == root {
                break;
            }
        }
        members.sort_unstable();
        self.members.push(members);
    }
}

/// The part of a graph between some of its vertices, which get the numbers of their places.
pub(super) fn part(graph: &Graph, members: &[u32]) -> Graph {
    let mut part = Graph::new();
    let place = |target: &u32| members.binary_search(target).ok().map(|at| at as u32);
    for member in members {
        part.push(graph.row(*member).iter().filter_map(place).collect());
    }
    part
}
