//! The language of graphviz.

use super::{EdgeKind, NodeKind, Picture};

pub(super) fn write(picture: &Picture) -> String {
    let mut text = format!("digraph reasons {{\n  label={};\n  labelloc=t;\n", quoted(&picture.title));
    text.push_str("  node [shape=box, style=\"rounded,filled\", fillcolor=\"#f6f8fa\", fontname=monospace];\n");
    text.push_str("  edge [fontname=monospace, fontsize=10];\n");
    for (at, node) in picture.nodes.iter().enumerate() {
        let label = [node.name.as_str(), node.detail.as_str()].join("\n");
        let look = match node.kind {
            NodeKind::Question => ", fillcolor=\"#dbeafe\"",
            NodeKind::Package => "",
            NodeKind::Subject => ", fillcolor=\"#dcfce7\", penwidth=2",
            NodeKind::Missing => ", style=\"rounded,dashed\", color=\"#b42318\", fontcolor=\"#b42318\"",
            NodeKind::Remark => ", shape=plaintext, style=\"\"",
        };
        text.push_str(&format!("  n{at} [label={}{look}];\n", quoted(label.trim_end())));
    }
    for edge in &picture.edges {
        let look = match edge.kind {
            EdgeKind::Needs => "",
            EdgeKind::Conflicts => ", color=\"#b42318\", fontcolor=\"#b42318\", style=bold, constraint=false",
        };
        for to in &edge.to {
            text.push_str(&format!("  n{} -> n{to} [label={}{look}];\n", edge.from, quoted(&edge.label)));
        }
    }
    text.push_str("}\n");
    text
}

/// A string of the language; a line break is one in the picture too.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
