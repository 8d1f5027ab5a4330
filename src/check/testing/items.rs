//! Markers, and the items of a request that carry them.

use crate::journal::{CallId, Item};
use crate::marker::{Carrier, Marker};

/// The prompt's marker of call `n`.
pub(in crate::check) fn p(n: CallId) -> Marker {
    Marker::new(Carrier::Prompt, 1, u64::from(n))
}

/// The reply's marker of call `n`.
pub(in crate::check) fn r(n: CallId) -> Marker {
    Marker::new(Carrier::Reply, 1, 1000 + u64::from(n))
}

/// The marker of the reasoning of call `n`.
pub(in crate::check) fn t(n: CallId) -> Marker {
    Marker::new(Carrier::Reasoning, 1, 2000 + u64::from(n))
}

fn item(role: Option<&str>, kind: &str, markers: Vec<Marker>) -> Item {
    let preview = markers.iter().map(Marker::to_string).collect::<Vec<_>>().join(" ");
    Item { role: role.map(str::to_owned), kind: kind.into(), markers, call_id: None, context: None, preview }
}

pub(in crate::check) fn user(marker: Marker) -> Item {
    Item { preview: format!("Say on. {marker}"), ..item(Some("user"), "message", vec![marker]) }
}

pub(in crate::check) fn assistant(marker: Marker) -> Item {
    Item { preview: format!("Noted. {marker}"), ..item(Some("assistant"), "message", vec![marker]) }
}

pub(in crate::check) fn reasoning(marker: Marker) -> Item {
    item(None, "reasoning", vec![marker])
}

pub(in crate::check) fn bare(role: &str, preview: &str) -> Item {
    Item { preview: preview.into(), ..item(Some(role), "message", Vec::new()) }
}

pub(in crate::check) fn context(tag: &str) -> Item {
    Item { context: Some(tag.into()), ..bare("user", tag) }
}

pub(in crate::check) fn tool_call(id: &str) -> Item {
    Item { call_id: Some(id.into()), ..item(None, "function_call", Vec::new()) }
}

pub(in crate::check) fn tool_output(id: &str) -> Item {
    Item { call_id: Some(id.into()), ..item(None, "function_call_output", Vec::new()) }
}
