//! Packages that cannot be there whatever else is: what they need is missing, or needs something that is.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{
    super::{
        Universe,
        demand::{Asker, Demand, of_package, of_question},
        encode::Roots,
        universe::SolvableId,
    },
    subset::Stop,
};
use crate::cancel::Cancelled;

/// Demands that cannot hold together although no two packages are in each other's way, the shortest way to see it; `None` where
/// there are none or time is up. That something is missing is easier to understand, and to mend, than a conflict.
pub(super) fn hopeless(universe: &Universe, roots: &Roots, stop: Stop<'_>) -> Result<Option<Vec<Demand>>, Cancelled> {
    let mut all = All::default();
    of_question(roots).for_each(|demand| all.add(demand));
    let mut seen = HashSet::new();
    let mut at = 0;
    while let Some(choices) = all.demands.get(at).map(|demand| demand.choices().to_vec()) {
        if at % 1000 == 0 {
            stop.cx.cancel().check()?;
            if stop.is_late() {
                return Ok(None);
            }
        }
        for id in choices.into_iter().filter(|id| seen.insert(*id)) {
            of_package(universe, roots, id).into_iter().for_each(|demand| all.add(demand));
        }
        at += 1;
    }
    Ok(all.proof())
}

/// Who or what cannot be where a demand has no choice left.
fn victim(demand: &Demand) -> Asker {
    match demand {
        Demand::Needs { by, .. } => *by,
        Demand::Clash { package, .. } => Asker::Package(*package),
        Demand::TwoVersions(id, _) | Demand::Unusable(id, _) => Asker::Package(*id),
    }
}

/// The demands that are about one package each, and how many choices each has left.
#[derive(Default)]
struct All {
    demands: Vec<Demand>,
    left: Vec<usize>,
    /// By package: the demands that it is a choice of.
    waiting: HashMap<SolvableId, Vec<usize>>,
}

impl All {
    fn add(&mut self, demand: Demand) {
        if matches!(demand, Demand::Clash { by: Asker::Package(_), .. } | Demand::TwoVersions(..)) {
            return;
        }
        let place = self.demands.len();
        demand.choices().iter().for_each(|choice| self.waiting.entry(*choice).or_default().push(place));
        self.left.push(demand.choices().len());
        self.demands.push(demand);
    }

    /// Goes from what is missing to who needs it, until the question is reached.
    fn proof(mut self) -> Option<Vec<Demand>> {
        let mut reasons: HashMap<SolvableId, usize> = HashMap::new();
        let mut queue: VecDeque<usize> = (0..self.demands.len()).filter(|at| self.left[*at] == 0).collect();
        while let Some(at) = queue.pop_front() {
            let Asker::Package(id) = victim(&self.demands[at]) else { return Some(self.told(at, &reasons)) };
            if reasons.contains_key(&id) {
                continue;
            }
            reasons.insert(id, at);
            for next in self.waiting.remove(&id).unwrap_or_default() {
                self.left[next] -= 1;
                if self.left[next] == 0 {
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// The demand of the question that has no choice left, with the reasons for each choice.
    fn told(&self, start: usize, reasons: &HashMap<SolvableId, usize>) -> Vec<Demand> {
        let mut told = vec![start];
        let mut at = 0;
        while let Some(place) = told.get(at).copied() {
            for reason in self.demands[place].choices().iter().filter_map(|choice| reasons.get(choice)) {
                if !told.contains(reason) {
                    told.push(*reason);
                }
            }
            at += 1;
        }
        told.into_iter().map(|place| self.demands[place].clone()).collect()
    }
}
