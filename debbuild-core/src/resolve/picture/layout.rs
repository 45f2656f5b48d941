//! Where everything of a picture is: in layers from the top, with labels in layers of their own, so that nothing overlaps.

use super::{EdgeKind, NodeKind, Picture};

/// Widths and heights, in units of SVG. The letters of a monospaced face are 0.602 of its size wide.
const LETTER: f64 = 7.9;
const SMALL_LETTER: f64 = 6.7;
pub(super) const LINE: f64 = 18.0;
pub(super) const SMALL_LINE: f64 = 15.0;
const PADDING: f64 = 12.0;
const BETWEEN: f64 = 28.0;
const BELOW: f64 = 24.0;
const MARGIN: f64 = 24.0;
/// The most letters in a line of a label, and in one of a node.
const LABEL_WIDTH: usize = 38;
const NODE_WIDTH: usize = 42;
/// How often the layers are gone through.
const SWEEPS: usize = 16;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A node, by its place.
    Node(usize),
    /// What is said about an edge, by its place.
    Label(usize),
    /// A place where a line passes a layer.
    Bend,
}

/// Something that has a place.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) part: Part,
    layer: usize,
    /// Its middle.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Its text, by lines.
    pub(super) lines: Vec<String>,
    /// How many of the lines are its name.
    pub(super) heading: usize,
}

impl Item {
    const fn empty(part: Part, layer: usize, (width, height): (f64, f64)) -> Self {
        Self { part, layer, x: 0.0, y: 0.0, width, height, lines: Vec::new(), heading: 0 }
    }
}

/// A line through items, from layer to layer.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) items: Vec<usize>,
    pub(super) kind: EdgeKind,
    /// Whether it ends at a node, with an arrow.
    pub(super) arrow: bool,
}

/// A picture with the place of everything.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) items: Vec<Item>,
    pub(super) lines: Vec<Line>,
}

pub(super) fn lay_out(picture: &Picture) -> Layout {
    let layers = layers(picture);
    let mut layout = Layout::default();
    for (at, node) in picture.nodes.iter().enumerate() {
        let name = wrapped(&node.name, NODE_WIDTH);
        let heading = name.len();
        let lines: Vec<String> = name.into_iter().chain(wrapped(&node.detail, NODE_WIDTH)).collect();
        let size = (widest(&lines) * LETTER + 2.0 * PADDING, lines.len() as f64 * LINE + PADDING);
        layout.items.push(Item { lines, heading, ..Item::empty(Part::Node(at), layers[at], size) });
    }
    for at in 0..picture.edges.len() {
        layout.edge(picture, at, &layers);
    }
    let mut rows = layout.rows();
    layout.untangle(&mut rows);
    layout.place(&rows);
    layout
}

/// The layer of each node, always an even one: below all that lead to it, as far as they do not lead in a circle.
fn layers(picture: &Picture) -> Vec<usize> {
    let count = picture.nodes.len();
    let needs = picture.edges.iter().filter(|edge| edge.kind == EdgeKind::Needs);
    let pairs: Vec<(usize, usize)> =
        needs.flat_map(|edge| edge.to.iter().map(move |to| (edge.from, *to))).filter(|(from, to)| from != to).collect();
    let mut unplaced = vec![0usize; count];
    pairs.iter().for_each(|(_, to)| unplaced[*to] += 1);
    let (mut layers, mut done) = (vec![0usize; count], vec![false; count]);
    for _ in 0..count {
        // In a circle, the one that was drawn first is taken first.
        let free = (0..count).filter(|at| !done[*at]).min_by_key(|at| (unplaced[*at] > 0, *at));
        let Some(at) = free else { break };
        done[at] = true;
        for (_, to) in pairs.iter().filter(|(from, to)| *from == at && !done[*to]) {
            unplaced[*to] -= 1;
            layers[*to] = layers[*to].max(layers[at] + 2);
        }
    }
    // A remark stands by what it is about.
    for at in (0..count).filter(|at| picture.nodes[*at].kind == NodeKind::Remark) {
        let nearest = pairs.iter().filter(|(from, _)| *from == at).map(|(_, to)| layers[*to]).min();
        layers[at] = nearest.map_or(0, |layer| layer.saturating_sub(2));
    }
    layers
}

/// The text in lines, broken at spaces: rather not before a bar or within brackets, and within a word only where it is too long.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        let fits = |piece: &String| piece.chars().count() + 1 + word.chars().count() <= width;
        match pieces.last_mut() {
            Some(piece) if (open || word == "|") && fits(piece) => {
                piece.push(' ');
                piece.push_str(word);
            }
            _ => pieces.extend(parts(word, width)),
        }
        open = (open || word.starts_with('(')) && !word.contains(')');
    }
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + piece.chars().count() <= width => {
                line.push(' ');
                line.push_str(&piece);
            }
            _ => lines.push(piece),
        }
    }
    lines
}

fn parts(word: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(width).map(|part| part.iter().collect()).collect()
}

/// How many letters the widest line has.
fn widest(lines: &[String]) -> f64 {
    lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) as f64
}

impl Layout {
    fn bend(&mut self, layer: usize) -> usize {
        self.items.push(Item::empty(Part::Bend, layer, (6.0, 0.0)));
        self.items.len() - 1
    }

    fn label(&mut self, text: &str, edge: usize, layer: usize) -> usize {
        let lines = wrapped(text, LABEL_WIDTH);
        let size = (widest(&lines) * SMALL_LETTER + PADDING, lines.len() as f64 * SMALL_LINE + PADDING / 2.0);
        self.items.push(Item { lines, ..Item::empty(Part::Label(edge), layer, size) });
        self.items.len() - 1
    }

    /// Draws an edge: down to its label, and from there to each node. What leads up or to the side goes below both ends first.
    fn edge(&mut self, picture: &Picture, at: usize, layers: &[usize]) {
        let edge = &picture.edges[at];
        let from = layers[edge.from];
        let (down, aside): (Vec<usize>, Vec<usize>) =
            edge.to.iter().partition(|to| edge.kind == EdgeKind::Needs && layers[**to] > from);
        if !down.is_empty() {
            let label = if edge.label.is_empty() { None } else { Some(self.label(&edge.label, at, from + 1)) };
            if let Some(label) = label {
                self.line(edge.from, label, edge.kind);
            }
            down.into_iter().for_each(|to| self.line(label.unwrap_or(edge.from), to, edge.kind));
        }
        for to in aside {
            let below = from.max(layers[to]) + 1;
            let label = if edge.label.is_empty() { self.bend(below) } else { self.label(&edge.label, at, below) };
            self.line(edge.from, label, edge.kind);
            self.line(label, to, edge.kind);
        }
    }

    /// A line between two items, with a bend in each layer between them.
    fn line(&mut self, from: usize, to: usize, kind: EdgeKind) {
        let (start, end) = (self.items[from].layer, self.items[to].layer);
        let mut between: Vec<usize> = (start.min(end) + 1..start.max(end)).map(|layer| self.bend(layer)).collect();
        if start > end {
            between.reverse();
        }
        let items = [from].into_iter().chain(between).chain([to]).collect();
        self.lines.push(Line { items, kind, arrow: matches!(self.items[to].part, Part::Node(_)) });
    }

    /// The items of each layer.
    fn rows(&self) -> Vec<Vec<usize>> {
        let layers = self.items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
        let mut rows = vec![Vec::new(); layers];
        self.items.iter().enumerate().for_each(|(at, item)| rows[item.layer].push(at));
        rows
    }

    /// For each item, those that a line leads to in the layer above and in the layer below.
    fn neighbours(&self) -> Vec<[Vec<usize>; 2]> {
        let mut found = vec![[Vec::new(), Vec::new()]; self.items.len()];
        for pair in self.lines.iter().flat_map(|line| line.items.windows(2)) {
            let (upper, lower) = if self.items[pair[0]].layer < self.items[pair[1]].layer {
                (pair[0], pair[1])
            } else {
                (pair[1], pair[0])
            };
            found[lower][0].push(upper);
            found[upper][1].push(lower);
        }
        found
    }

    /// Orders each layer by the middle of what its items are joined to, down and up again, and keeps the order in which the
    /// fewest lines cross.
    fn untangle(&self, rows: &mut Vec<Vec<usize>>) {
        let neighbours = self.neighbours();
        let mut best = (crossings(rows, &neighbours), rows.clone());
        for sweep in 0..SWEEPS {
            let side = sweep % 2;
            let order: Vec<usize> = if side == 0 { (1..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
            for row in order {
                let places = places(rows, self.items.len());
                let middle = |at: &usize| {
                    let joined = &neighbours[*at][side];
                    let sum: f64 = joined.iter().map(|other| places[*other]).sum();
                    if joined.is_empty() { places[*at] } else { sum / joined.len() as f64 }
                };
                rows[row].sort_by(|a, b| middle(a).total_cmp(&middle(b)));
            }
            let count = crossings(rows, &neighbours);
            if count < best.0 {
                best = (count, rows.clone());
            }
        }
        *rows = best.1;
    }

    /// Gives everything its place: as near as can be to the middle of what it is joined to.
    fn place(&mut self, rows: &[Vec<usize>]) {
        let neighbours = self.neighbours();
        for row in rows {
            let wanted = vec![0.0; row.len()];
            self.spread(row, &wanted);
        }
        for sweep in 0..SWEEPS {
            let down = sweep % 2 == 0;
            for at in 0..rows.len() {
                let row = &rows[if down { at } else { rows.len() - 1 - at }];
                let wanted: Vec<f64> = row
                    .iter()
                    .map(|at| {
                        let joined = neighbours[*at].iter().flatten();
                        let (count, sum) =
                            joined.fold((0.0, 0.0), |(n, sum), other| (n + 1.0, sum + self.items[*other].x));
                        if count == 0.0 { self.items[*at].x } else { sum / count }
                    })
                    .collect();
                self.spread(row, &wanted);
            }
        }
        let left = self.items.iter().map(|item| item.x - item.width / 2.0).fold(f64::INFINITY, f64::min);
        let right = self.items.iter().map(|item| item.x + item.width / 2.0).fold(0.0, f64::max);
        let mut top = MARGIN;
        for row in rows {
            let height = row.iter().map(|at| self.items[*at].height).fold(0.0, f64::max);
            for at in row {
                let item = &mut self.items[*at];
                item.x += MARGIN - left;
                item.y = top + height / 2.0;
                // A line goes straight past the items of a layer.
                if item.part == Part::Bend {
                    item.height = height;
                }
            }
            top += height + BELOW;
        }
        self.width = right - left + 2.0 * MARGIN;
        self.height = top - BELOW + MARGIN;
    }

    /// Places a layer where it wants to be, without overlaps and in its order: with the least squares of what is not had.
    fn spread(&mut self, row: &[usize], wanted: &[f64]) {
        // How far each must be from the first; without that, the places must only not become less.
        let mut offsets: Vec<f64> = Vec::new();
        for (place, at) in row.iter().enumerate() {
            let before = place.checked_sub(1).map(|before| (offsets[before], self.items[row[before]].width));
            offsets
                .push(before.map_or(0.0, |(offset, width)| offset + (width + self.items[*at].width) / 2.0 + BETWEEN));
        }
        // Runs that must stand side by side: the sum of their wishes, and how many they are.
        let mut runs: Vec<(f64, usize)> = Vec::new();
        for (wish, offset) in wanted.iter().zip(&offsets) {
            let mut run = (wish - offset, 1);
            while let Some((sum, count)) = runs.pop_if(|(sum, count)| *sum / *count as f64 > run.0 / run.1 as f64) {
                run = (run.0 + sum, run.1 + count);
            }
            runs.push(run);
        }
        let places = runs.iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count));
        for ((at, place), offset) in row.iter().zip(places).zip(offsets) {
            self.items[*at].x = place + offset;
        }
    }
}

/// The place of each item in its layer.
fn places(rows: &[Vec<usize>], items: usize) -> Vec<f64> {
    let mut places = vec![0.0; items];
    for row in rows {
        row.iter().enumerate().for_each(|(place, at)| places[*at] = place as f64);
    }
    places
}

/// How many lines cross.
fn crossings(rows: &[Vec<usize>], neighbours: &[[Vec<usize>; 2]]) -> usize {
    let places = places(rows, neighbours.len());
    let mut count = 0;
    for row in rows {
        let lines = row.iter().flat_map(|at| neighbours[*at][1].iter().map(|below| (places[*at], places[*below])));
        let lines: Vec<(f64, f64)> = lines.collect();
        for (place, a) in lines.iter().enumerate() {
            count += lines[place + 1..].iter().filter(|b| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)).count();
        }
    }
    count
}
