//! Problems from text of anybody.

use super::{
    super::{Recommends, encode::Roots},
    LONGEST, Problem, ProblemError,
    order::Order,
    part::{Kept, Part},
    question, reach,
    system::System,
    write::FORM,
};
use crate::control::{ControlError, Paragraph, paragraphs};

impl Problem {
    /// Reads a problem.
    ///
    /// # Errors
    /// [`ProblemError`]: for text that is none, or longer than [`LONGEST`].
    pub fn read(text: &str) -> Result<Self, ProblemError> {
        if text.len() > LONGEST {
            return Err(ProblemError::TooLong { bytes: text.len() });
        }
        let mut stanzas = paragraphs(text);
        let none = || ProblemError::Control(ControlError::Paragraphs(0));
        let asked = stanzas.next().ok_or_else(none)??;
        if asked.require("Debbuild-Problem")? != FORM {
            return Err(asked.error("Debbuild-Problem", format_args!("is another form than {FORM}")).into());
        }
        let system = System::read(&asked)?;
        let question = question::read(&asked, system.native(), || Ok(stanzas.next().ok_or_else(none)??))?;
        let problem = Self {
            system,
            expected: asked.required("Answer")?,
            order: Order::read(&asked)?,
            parts: parts(stanzas, &wishes(&question))?,
            question,
        };
        // Packages that are none are told now.
        problem.parts.iter().try_for_each(|part| part.index().map(drop))?;
        Ok(problem)
    }
}

fn wishes(question: &super::Question) -> Vec<&'static str> {
    match question {
        super::Question::Install(install) => {
            let (recommends, suggests) = (install.recommends, install.suggests);
            reach::wishes(&Roots { recommends, suggests, ..Roots::default() })
        }
        super::Question::BuildDeps(_) => reach::wishes(&Roots { recommends: Recommends::Ignore, ..Roots::default() }),
    }
}

fn parts<'t>(
    stanzas: impl Iterator<Item = Result<Paragraph<'t>, ControlError>>,
    wishes: &[&'static str],
) -> Result<Vec<Part>, ProblemError> {
    let mut parts: Vec<Part> = Vec::new();
    for stanza in stanzas {
        let stanza = stanza?;
        if stanza.get("Index").is_some() {
            parts.push(Part {
                name: stanza.require("Index")?.to_owned(),
                priority: stanza.required("Priority")?,
                status: stanza.one_line("Files")? == Some("no"),
                stanzas: Vec::new(),
            });
            continue;
        }
        let Some(part) = parts.last_mut() else {
            let reason = "a package before the first index".to_owned();
            return Err(ProblemError::Stanza { line: stanza.first_line(), reason });
        };
        part.stanzas.push(Kept::of(&stanza, stanza.flag("Installed")?, false, wishes));
    }
    Ok(parts)
}
