//! Problems as text.

use std::fmt::{self, Formatter};

use super::{super::Question, Problem, question};

/// What the first field says of the form of the file.
pub(super) const FORM: &str = "1";

pub(super) fn write(problem: &Problem, f: &mut Formatter<'_>) -> fmt::Result {
    let Problem { system, question, expected, order, parts } = problem;
    writeln!(f, "Debbuild-Problem: {FORM}")?;
    question::fields(question).iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))?;
    writeln!(f, "Answer: {expected}")?;
    system.fields().iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))?;
    for (name, words) in order.fields().iter().filter(|(_, words)| !words.is_empty()) {
        writeln!(f, "{name}:")?;
        words.chunks(8).try_for_each(|line| writeln!(f, " {}", line.join(" ")))?;
    }
    if let Question::BuildDeps(build) = question {
        writeln!(f)?;
        for (name, value) in question::source_fields(&build.source) {
            writeln!(f, "{}", format!("{name}: {value}").trim_end())?;
        }
    }
    for part in parts {
        write!(f, "\nIndex: {}\nPriority: {}\n", part.name, part.priority)?;
        if part.status {
            writeln!(f, "Files: no")?;
        }
        for stanza in &part.stanzas {
            let installed = if stanza.installed { "Installed: yes\n" } else { "" };
            write!(f, "\n{}\n{installed}", stanza.text().trim_end())?;
        }
    }
    Ok(())
}
