//! Events as every door shows them to programs.

use debbuild_core::{
    error::Class,
    event::{Event, SpanId, Unit},
};
use serde_json::{Value, json};

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
