//! Problems that were asked again.

use serde_json::{Value, json};

use super::super::Replayed;
use crate::app::answer_json;

/// What became of a problem: `expected` and `same` (whether the answer is of that kind), how many packages it has, and the `answer`.
#[must_use]
pub fn replayed_json(replayed: &Replayed) -> Value {
    json!({
        "expected": replayed.expected.to_string(),
        "same": replayed.is_same(),
        "packages": replayed.packages,
        "answer": answer_json(&replayed.answer),
    })
}
