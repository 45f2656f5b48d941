//! Reducing a problem without a solution to demands of which each is needed for that.

use std::time::{Duration, Instant};

use super::{
    super::{Answer, AnswerKind, Question, Resolver},
    Problem, ProblemError,
    order::Order,
    part::{Kept, Value},
    question::relations_mut,
};
use crate::context::Context;

impl Problem {
    /// The problem with fewer packages and demands, still without a solution: what is left out plays no part in that. Beyond the
    /// limit of time it is what was reached. A problem of another kind stays as it is.
    ///
    /// # Errors
    /// [`ProblemError::Cancelled`], and what the resolver gives.
    pub fn reduced(self, cx: &Context, resolver: &dyn Resolver, limit: Duration) -> Result<Self, ProblemError> {
        if self.expected != AnswerKind::Unsatisfiable {
            return Ok(self);
        }
        let until = cx.clock().monotonic() + limit;
        let Answer::Unsatisfiable(why) = self.ask(cx, resolver)? else { return Ok(self) };
        let mut search = Search { cx, resolver, until, problem: &self };
        let all = vec![true; self.demands()];
        let named = self.named_in(&why.sentences);
        let start = if search.holds(&named)? { named } else { all };
        let kept = self.with(&search.least(start)?);
        let answer = kept.ask(cx, resolver)?;
        let reduced = Self::of(&kept.universe()?, &kept.question, &answer)?;
        // The order decides among solutions, and there is none.
        Ok(Self { order: Order::default(), ..reduced })
    }

    fn ask(&self, cx: &Context, resolver: &dyn Resolver) -> Result<Answer, ProblemError> {
        Ok(resolver.answer(cx, &self.universe()?, &self.question)?)
    }

    /// How many demands there are: groups of the question, essential packages, groups of packages.
    pub(super) fn demands(&self) -> usize {
        let mut count = 0;
        self.filtered(&mut |_| {
            count += 1;
            true
        });
        count
    }

    /// The problem with these demands only.
    pub(super) fn with(&self, keep: &[bool]) -> Self {
        let mut next = 0;
        self.filtered(&mut |_| {
            next += 1;
            keep[next - 1]
        })
    }

    /// The demands of the question, and of the packages that sentences name.
    fn named_in(&self, sentences: &[String]) -> Vec<bool> {
        let mut keep = Vec::new();
        self.filtered(&mut |of| {
            let named = of.is_none_or(|stanza| {
                let [name, architecture, version] =
                    ["Package", "Architecture", "Version"].map(|field| stanza.get(field).unwrap_or_default());
                let described = [format!("{name} {version}"), format!("{name}:{architecture} {version}")];
                sentences.iter().any(|sentence| described.iter().any(|text| sentence.contains(text)))
            });
            keep.push(named);
            true
        });
        keep
    }

    /// A copy with those demands for which `keep` says so; it is asked about each in a fixed order, with the package that demands.
    fn filtered(&self, keep: &mut dyn FnMut(Option<&Kept>) -> bool) -> Self {
        let mut copy = self.clone();
        match &mut copy.question {
            Question::Install(install) => {
                install.seeds.0.retain(|_| keep(None));
                install.remove.0.retain(|_| keep(None));
            }
            Question::BuildDeps(build) => {
                for relations in relations_mut(&mut build.source.relations) {
                    relations.0.retain(|_| keep(None));
                }
            }
        }
        for (stanza, original) in copy
            .parts
            .iter_mut()
            .zip(&self.parts)
            .flat_map(|(part, original)| part.stanzas.iter_mut().zip(&original.stanzas))
        {
            stanza.installed = stanza.installed && keep(Some(original));
            stanza.fields.retain_mut(|(name, value)| match value {
                Value::Demands(groups) => {
                    groups.retain(|_| keep(Some(original)));
                    !groups.is_empty()
                }
                Value::Text(_) => *name != "Essential" || keep(Some(original)),
            });
        }
        copy
    }
}

struct Search<'a> {
    cx: &'a Context,
    resolver: &'a dyn Resolver,
    until: Instant,
    problem: &'a Problem,
}

impl Search<'_> {
    /// Whether there is no solution with these demands only.
    fn holds(&mut self, keep: &[bool]) -> Result<bool, ProblemError> {
        self.cx.cancel().check()?;
        let answer = self.problem.with(keep).ask(self.cx, self.resolver)?;
        Ok(answer.kind() == AnswerKind::Unsatisfiable)
    }

    /// Leaves out halves, quarters and so on, down to single demands, and these again until each is needed: with fewer demands there
    /// are more solutions, but what is installed also helps, so without it another demand may be too much.
    fn least(&mut self, mut keep: Vec<bool>) -> Result<Vec<bool>, ProblemError> {
        let mut size = keep.iter().filter(|kept| **kept).count().div_ceil(2);
        while size > 0 {
            let places: Vec<usize> = (0..keep.len()).filter(|at| keep[*at]).collect();
            let mut left_out = false;
            for some in places.chunks(size) {
                if self.cx.clock().monotonic() >= self.until {
                    return Ok(keep);
                }
                let mut fewer = keep.clone();
                some.iter().for_each(|at| fewer[*at] = false);
                if self.holds(&fewer)? {
                    keep = fewer;
                    left_out = true;
                }
            }
            size = if size == 1 { usize::from(left_out) } else { size.div_ceil(2) };
        }
        Ok(keep)
    }
}
