//! Profiles of chroots.

use debbuild_chroot::profile::{Profile, ProfileSummary};
use serde_json::{Map, Value, json};

use crate::app::AppError;

/// A profile in a line: its name, what it is for, its suite, and the file and line that define it.
#[must_use]
pub fn profile_summary_json(profile: &ProfileSummary) -> Value {
    json!({
        "name": profile.name,
        "description": profile.description,
        "suite": profile.suite,
        "origin": profile.place.to_string(),
    })
}

/// A profile with everything that it and those that it builds on say; with `origins`, also the file and line of each value, the
/// items of lists one by one.
///
/// # Errors
/// None for a profile that was read.
pub fn profile_json(profile: &Profile, origins: bool) -> Result<Value, AppError> {
    let mut value = json!({ "name": profile.name, "profile": profile.document().read::<Value>()? });
    if origins {
        let places = profile.origins().into_iter().map(|leaf| (leaf.key, leaf.place.to_string().into()));
        value["origins"] = Value::Object(places.collect::<Map<_, _>>());
    }
    Ok(value)
}
