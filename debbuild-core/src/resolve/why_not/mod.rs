//! Why a question cannot be answered by a set of packages: no more than is needed to see it.

mod hopeless;
mod subset;

use std::{collections::HashSet, time::Duration};

use hopeless::hopeless;
use subset::{Outcome, Stop, solve};

use super::{
    Answer, Explanation, Installability, Question, ResolveError, Resolver, Universe,
    demand::{Demand, Teller, among, order, violated},
    encode::{Roots, roots},
};
use crate::{cancel::Cancelled, context::Context, event::Unit};

/// Answers a question, and where the answer is no makes the explanation minimal, as [`minimise`] does.
///
/// # Errors
/// [`ResolveError`].
pub fn why_not(
    cx: &Context,
    resolver: &dyn Resolver,
    on: &Universe,
    question: &Question,
    limit: Duration,
) -> Result<Answer, ResolveError> {
    Ok(match resolver.answer(cx, on, question)? {
        Answer::Unsatisfiable(found) => Answer::Unsatisfiable(minimise(cx, on, question, found, limit)?),
        other => other,
    })
}

/// Makes the explanation why a question cannot be answered minimal: what is left cannot hold together, and would if any one of
/// the steps were not there. It also says which packages would do if they could be chosen. Where this takes longer than the
/// limit, the explanation is what was reached by then, and says so.
///
/// # Errors
/// [`ResolveError`].
pub fn minimise(
    cx: &Context,
    on: &Universe,
    question: &Question,
    found: Explanation,
    limit: Duration,
) -> Result<Explanation, ResolveError> {
    let roots = roots(on, question)?;
    let stop = Stop { cx, at: cx.clock().monotonic() + limit };
    let late = || format!("this explanation may be longer than it need be: it was not made shorter within {limit:?}");
    let core = match hopeless(on, &roots, stop)? {
        Some(core) => Some(core),
        None => grow(on, &roots, &found, stop)?,
    };
    let Some(core) = core else {
        let mut found = found;
        found.sentences.push(late());
        return Ok(found);
    };
    let (core, minimal) = shrink(&core, stop)?;
    let teller = Teller::thorough(on, &roots);
    let mut explanation = Explanation::of(core.iter().filter_map(|demand| teller.step(demand)).collect());
    explanation.minimal = minimal;
    if !minimal {
        explanation.sentences.push(late());
    }
    Ok(explanation)
}

/// Makes the explanation of each package that cannot be installed minimal, as [`minimise`] does, each within the limit.
///
/// # Errors
/// [`ResolveError`].
pub fn minimise_all(
    cx: &Context,
    on: &Universe,
    found: &mut Installability,
    limit: Duration,
) -> Result<(), ResolveError> {
    let step = cx.step("explain", Unit::Items, Some(found.broken.len() as u64));
    // An explanation without steps is not about what packages demand.
    for (at, broken) in found.broken.iter_mut().enumerate().filter(|(_, broken)| !broken.explanation.steps.is_empty()) {
        step.progress(at as u64);
        let question = broken.question();
        let explanation = std::mem::take(&mut broken.explanation);
        broken.explanation = minimise(step.context(), on, &question, explanation, limit)?;
    }
    step.finish();
    Ok(())
}

/// Demands that cannot hold together: those of the packages that the resolver found in conflict and, as long as a set of
/// packages meets all of them, the others that this set breaks. `None` where time was up, or where the answer is not no.
fn grow(
    universe: &Universe,
    roots: &Roots,
    found: &Explanation,
    stop: Stop<'_>,
) -> Result<Option<Vec<Demand>>, Cancelled> {
    let mut known = HashSet::new();
    let mut demands: Vec<Demand> = Vec::new();
    let mut more = among(universe, roots, &found.involved);
    loop {
        more.retain(|demand| known.insert(demand.key()));
        demands.append(&mut more);
        match solve(&demands.iter().collect::<Vec<_>>(), stop)? {
            Outcome::Fail => return Ok(Some(demands)),
            Outcome::Late => return Ok(None),
            Outcome::Hold(set) => more = violated(universe, roots, &set),
        }
        if more.is_empty() {
            return Ok(None);
        }
    }
}

/// Leaves out what is not needed, in blocks that become smaller, from the far end: what is near the question is kept rather.
/// Returns what is left, and whether nothing of it could be left out.
fn shrink<'d>(demands: &'d [Demand], stop: Stop<'_>) -> Result<(Vec<&'d Demand>, bool), Cancelled> {
    let mut left = asked(&demands.iter().collect::<Vec<_>>());
    let mut block = left.len().div_ceil(2);
    loop {
        // What stands from `end` on cannot be left out in blocks of this size.
        let mut end = left.len();
        while end > 0 {
            let start = end.saturating_sub(block);
            let without = [&left[..start], &left[end..]].concat();
            match solve(&without, stop)? {
                Outcome::Late => return Ok((left, false)),
                Outcome::Hold(_) => end = start,
                Outcome::Fail => {
                    let kept = HashSet::<usize>::from_iter(order(&without));
                    end = (0..start).filter(|at| kept.contains(at)).count();
                    left = (0..without.len()).filter(|at| kept.contains(at)).map(|at| without[at]).collect();
                }
            }
        }
        if block <= 1 {
            return Ok((asked(&left), true));
        }
        block = block.div_ceil(2);
    }
}

fn asked<'d>(demands: &[&'d Demand]) -> Vec<&'d Demand> {
    order(demands).into_iter().map(|at| demands[at]).collect()
}

#[cfg(test)]
mod broken {
    mod tests;
}
#[cfg(test)]
mod tests;
