//! Values as every door shows them to programs: the command line's JSON, and Python's dicts.

mod builds;
mod chroot;
mod closure;
mod compose;
mod deb;
mod edsp;
mod gc;
mod lock;
mod problem;
mod profile;
mod queue;
mod reasons;
mod repo;
mod resolve;
mod upload;

pub use builds::{buildability_json, order_json};
pub use chroot::{
    chroot_detail_json, chroot_diff_json, chroot_exported_json, chroot_json, chroot_updated_json, chroot_used_json,
    collected_json, session_json, session_run_json,
};
pub use closure::closure_json;
pub use compose::{
    compose_detail_json, compose_plan_json, compose_report_json, compose_summary_json, compose_why_json,
};
pub use deb::{deb_entry_json, deb_json};
use debbuild_core::{
    acquire::source::FetchedSource,
    error::Class,
    event::{Event, SpanId, Unit},
};
pub use edsp::reply_json;
pub use gc::garbage_json;
pub use lock::lock_diff_json;
pub use problem::replayed_json;
pub use profile::{profile_json, profile_summary_json};
pub use queue::{published_json, worked_json};
pub use reasons::{change_name, changed_json, dependency_name, dependents_json, reasons_json, why_not_json};
pub use repo::{diff_json, entry_json, report_json, state_json, suite_json};
pub use resolve::{answer_json, installability_json};
use serde_json::{Value, json};
pub use upload::upload_json;

/// An event as JSON: `event` names its kind (`started`, `progress`, `note`, `warning`, `log`, `finished`).
///
/// Kinds that this version has no form for are `None`.
#[must_use]
pub fn event_json(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Started { span, parent, what, unit, total } => json!({
            "event": "started",
            "span": span.get(),
            "parent": parent.map(SpanId::get),
            "what": what,
            "unit": match unit {
                Unit::Bytes => Some("bytes"),
                Unit::Items => Some("items"),
                _ => None,
            },
            "total": total,
        }),
        Event::Progress { span, done } => json!({ "event": "progress", "span": span.get(), "done": done }),
        Event::Note { span, text } => json!({ "event": "note", "span": span.map(SpanId::get), "text": text }),
        Event::Warning { span, text } => json!({ "event": "warning", "span": span.map(SpanId::get), "text": text }),
        Event::Log { span, name, size } => {
            json!({ "event": "log", "span": span.map(SpanId::get), "name": name, "size": size })
        }
        Event::Finished { span, failed } => {
            json!({ "event": "finished", "span": span.get(), "failed": failed.map(Class::name) })
        }
        _ => return None,
    })
}

/// A fetched source package: name, version, the archive's name, the path of the .dsc, and all files with size and sha256.
#[must_use]
pub fn fetched_json(fetched: &FetchedSource) -> Value {
    let files = fetched.source.files.iter().zip(&fetched.files);
    json!({
        "source": fetched.source.name.to_string(),
        "version": fetched.source.version.to_string(),
        "archive": fetched.source.archive,
        "dsc": fetched.dsc.as_str(),
        "files": files.map(|(file, path)| {
            json!({ "path": path.as_str(), "size": file.size, "sha256": file.sha256.to_string() })
        }).collect::<Vec<_>>(),
    })
}
