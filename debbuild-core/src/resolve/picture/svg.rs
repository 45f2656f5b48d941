//! Scalable vector graphics: one file that asks nobody for anything.

use super::{
    EdgeKind, NodeKind, Picture,
    layout::{Item, LINE, Layout, Line, Part, SMALL_LINE},
};

/// Colours by day and by night. Nothing is said by colour alone.
const STYLE: &str = "\
.back{fill:#ffffff}.name,.detail{fill:#1f2328}.name{font-weight:bold}.label{fill:#57606a}\
text{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:13px;text-anchor:middle}\
.label,.clash{font-size:11px}.box{fill:#f6f8fa;stroke:#6e7781;stroke-width:1.2}\
.question .box{fill:#dbeafe;stroke:#1d4ed8}.subject .box{fill:#dcfce7;stroke:#15803d;stroke-width:2}\
.missing .box{fill:#fff5f5;stroke:#b42318;stroke-dasharray:5 3}.missing text{fill:#912018}.remark .box{fill:none;stroke:none}\
.line{fill:none;stroke:#6e7781;stroke-width:1.4}.line.conflicts{stroke:#b42318;stroke-width:1.8}\
.head{fill:#6e7781}.head.conflicts{fill:#b42318}.pill{fill:#fff5f5;stroke:#b42318}.clash{fill:#912018}\
@media (prefers-color-scheme:dark){.back{fill:#0d1117}.name,.detail{fill:#e6edf3}.label{fill:#9ea7b3}\
.box{fill:#161b22;stroke:#8b949e}.question .box{fill:#0c2d6b;stroke:#79c0ff}.subject .box{fill:#033a16;stroke:#56d364}\
.missing .box{fill:#300c0c;stroke:#ff7b72}.missing text{fill:#ffb3ad}.line{stroke:#8b949e}.line.conflicts{stroke:#ff7b72}\
.head{fill:#8b949e}.head.conflicts{fill:#ff7b72}.pill{fill:#300c0c;stroke:#ff7b72}.clash{fill:#ffb3ad}}";

pub(super) fn write(picture: &Picture, layout: &Layout) -> String {
    let (width, height) = (layout.width, layout.height);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"graphics-document document\" aria-labelledby=\"title sentences\">\n<title id=\"title\">{}</title>\n\
         <desc id=\"sentences\">{}.</desc>\n<style>{STYLE}</style>\n<defs>\n{}{}</defs>\n\
         <rect class=\"back\" width=\"100%\" height=\"100%\"/>\n",
        escaped(&picture.title),
        escaped(&picture.sentences.join("; ")),
        arrow(EdgeKind::Needs),
        arrow(EdgeKind::Conflicts),
    );
    layout.lines.iter().for_each(|line| text.push_str(&drawn(line, &layout.items)));
    layout.items.iter().for_each(|item| text.push_str(&shown(picture, item)));
    text.push_str("</svg>\n");
    text
}

const fn class(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Needs => "needs",
        EdgeKind::Conflicts => "conflicts",
    }
}

fn arrow(kind: EdgeKind) -> String {
    let class = class(kind);
    format!(
        "<marker id=\"{class}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"head {class}\" d=\"M0 0L10 5L0 10z\"/></marker>\n"
    )
}

/// A line as a smooth curve through its bends.
fn drawn(line: &Line, items: &[Item]) -> String {
    let class = class(line.kind);
    let mut path = String::new();
    for pair in line.items.windows(2) {
        let (a, b) = (&items[pair[0]], &items[pair[1]]);
        let down = if a.y < b.y { 1.0 } else { -1.0 };
        let (start, end) = (a.y + down * a.height / 2.0, b.y - down * b.height / 2.0);
        let middle = f64::midpoint(start, end);
        if path.is_empty() {
            path = format!("M{:.1} {start:.1}", a.x);
        } else {
            path.push_str(&format!("L{:.1} {start:.1}", a.x));
        }
        path.push_str(&format!("C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {end:.1}", a.x, b.x, b.x));
    }
    let end = if line.arrow { format!(" marker-end=\"url(#{class})\"") } else { String::new() };
    format!("<path class=\"line {class}\" d=\"{path}\"{end}/>\n")
}

fn shown(picture: &Picture, item: &Item) -> String {
    let rectangle = |class: &str, corner: f64| {
        let (left, top) = (item.x - item.width / 2.0, item.y - item.height / 2.0);
        format!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{corner:.0}\"/>",
            item.width, item.height
        )
    };
    match item.part {
        Part::Bend => String::new(),
        Part::Label(edge) if picture.edges[edge].kind == EdgeKind::Conflicts => {
            format!(
                "<g role=\"graphics-symbol img\">{}{}</g>\n",
                rectangle("pill", 9.0),
                lines(item, |_| "clash", SMALL_LINE)
            )
        }
        Part::Label(_) => format!("{}\n", lines(item, |_| "label", SMALL_LINE)),
        Part::Node(at) => {
            let node = &picture.nodes[at];
            let kind = match node.kind {
                NodeKind::Question => "question",
                NodeKind::Package => "package",
                NodeKind::Subject => "subject",
                NodeKind::Missing => "missing",
                NodeKind::Remark => "remark",
            };
            let title = escaped(format!("{} {}", node.name, node.detail).trim_end());
            let text = lines(item, |line| if line < item.heading { "name" } else { "detail" }, LINE);
            let corner = rectangle("box", 6.0);
            format!("<g class=\"{kind}\" role=\"graphics-symbol img\"><title>{title}</title>{corner}{text}</g>\n")
        }
    }
}

/// The text of an item, line by line around its middle.
fn lines(item: &Item, class: impl Fn(usize) -> &'static str, height: f64) -> String {
    let first = item.y - (item.lines.len() as f64 - 1.0) * height / 2.0 + 4.5;
    let line = |(at, line): (usize, &String)| {
        let y = at as f64 * height + first;
        format!("<text class=\"{}\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>", class(at), item.x, escaped(line))
    };
    item.lines.iter().enumerate().map(line).collect()
}

/// Text as XML has it; what XML cannot have is a space.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
