//! The record that says what the thread is, and what later records rely on it for.

use serde_json::{Value, json};

use super::Keep;
use super::edit::{Edit, is_body};
use super::records::remove;

/// The record is not there.
pub(super) fn removed(edit: &mut Edit, _: Keep) -> bool {
    edit.meta().map(|at| edit.lines.remove(at)).is_some()
}

/// It is cut and keeps its newline: a process that died while it wrote its first line, and one that went on.
pub(super) fn torn(edit: &mut Edit, _: Keep) -> bool {
    let Some(line) = edit.meta().and_then(|at| edit.line(at)) else { return false };
    line.text.truncate(line.text.len() / 2);
    true
}

/// It stands after the first other record.
pub(super) fn late(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.meta() else { return false };
    let Some(pair) = edit.lines.get_mut(at..at + 2) else { return false };
    if let [first, second] = pair {
        std::mem::swap(&mut first.text, &mut second.text);
    }
    true
}

/// A line before it that is no record.
pub(super) fn garbage_before(edit: &mut Edit, _: Keep) -> bool {
    edit.meta().map(|at| edit.insert(at, "this is no record {\"")).is_some()
}

/// It says no cwd.
pub(super) fn without_cwd(edit: &mut Edit, _: Keep) -> bool {
    rewrite(edit, |meta| drop(remove(meta, "cwd")))
}

/// It says no id.
pub(super) fn without_id(edit: &mut Edit, _: Keep) -> bool {
    rewrite(edit, |meta| {
        remove(meta, "id");
        remove(meta, "session_id");
    })
}

/// Its id is that of another thread.
pub(super) fn other_id(edit: &mut Edit, _: Keep) -> bool {
    rewrite(edit, |meta| meta["id"] = OTHER_ID.into())
}

/// Its id is no id.
pub(super) fn bad_id(edit: &mut Edit, _: Keep) -> bool {
    rewrite(edit, |meta| meta["id"] = "../../etc/passwd".into())
}

/// It stands once more in the middle of the file.
pub(super) fn repeated(edit: &mut Edit, _: Keep) -> bool {
    again(edit, |_| ())
}

/// A second one in the middle of the file says another thread, in another directory.
pub(super) fn second(edit: &mut Edit, _: Keep) -> bool {
    again(edit, |meta| {
        meta["id"] = OTHER_ID.into();
        meta["cwd"] = "/elsewhere".into();
    })
}

/// Its mode is one that no version knows today, so that more of the thread may be where nobody looks.
pub(super) fn unknown_history_mode(edit: &mut Edit, _: Keep) -> bool {
    rewrite(edit, |meta| meta["history_mode"] = "columnar".into())
}

/// It says no mode.
pub(super) fn history_mode_removed(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.meta() else { return false };
    let has_mode = edit.value(at).is_some_and(|meta| meta["payload"]["history_mode"].is_string());
    has_mode && rewrite(edit, |meta| drop(remove(meta, "history_mode")))
}

/// No byte is left.
pub(super) fn empty_file(edit: &mut Edit, _: Keep) -> bool {
    let any = !edit.lines.is_empty();
    edit.lines.clear();
    any
}

/// Nothing but the record itself is left.
pub(super) fn only_meta(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.meta() else { return false };
    edit.lines.truncate(at + 1);
    true
}

/// The last record has no ordinal: an old Codex went on in a new one's file (openai/codex#45150).
pub(super) fn last_ordinal_missing(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.last_record() else { return false };
    let has_one = |line| edit.value(line).is_some_and(|record| record.get("ordinal").is_some());
    // Where no record before it has one, none is missing.
    has_one(at) && (0..at).any(has_one) && edit.rewrite(at, |record| drop(remove(record, "ordinal")))
}

/// No record has an ordinal.
pub(super) fn ordinals_missing(edit: &mut Edit, _: Keep) -> bool {
    let mut any = false;
    for at in 0..edit.lines.len() {
        edit.rewrite(at, |record| any |= remove(record, "ordinal").is_some());
    }
    any
}

/// A record has the ordinal of the one before it (openai/codex#35746).
pub(super) fn duplicate_ordinal(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.pick(|record| is_body(record) && record["ordinal"].as_u64().is_some_and(|n| n > 0)) else {
        return false;
    };
    edit.rewrite(at, |record| {
        let before = record["ordinal"].as_u64().unwrap_or(1) - 1;
        record["ordinal"] = before.into();
    })
}

/// Two neighbours have each other's ordinal.
pub(super) fn ordinals_out_of_order(edit: &mut Edit, _: Keep) -> bool {
    let numbered = |record: &Value| is_body(record) && record["ordinal"].is_u64();
    let Some(at) = edit.pick_followed(numbered) else { return false };
    let (Some(first), Some(second)) = (edit.value(at), edit.value(at + 1)) else { return false };
    edit.rewrite(at, |record| record["ordinal"] = second["ordinal"].clone())
        && edit.rewrite(at + 1, |record| record["ordinal"] = first["ordinal"].clone())
}

/// The id of a thread that is not the file's.
const OTHER_ID: &str = "01a203fe-0000-7000-8000-00000000beef";

/// Changes what the record says: its payload, or the record itself in a bare file.
fn rewrite(edit: &mut Edit, change: impl FnOnce(&mut Value)) -> bool {
    let Some(at) = edit.meta() else { return false };
    edit.rewrite(at, |record| match record.get_mut("payload") {
        Some(payload) => change(payload),
        None => change(record),
    })
}

/// Puts a changed copy before the record that is picked.
fn again(edit: &mut Edit, change: impl FnOnce(&mut Value)) -> bool {
    let Some(mut meta) = edit.meta().and_then(|at| edit.value(at)) else { return false };
    let Some(at) = edit.pick(is_body) else { return false };
    let ordinal = edit.value(at).and_then(|record| record.get("ordinal").cloned());
    if let Some(ordinal) = ordinal {
        meta["ordinal"] = ordinal;
    }
    change(meta.get_mut("payload").unwrap_or(&mut json!(null)));
    edit.insert(at, meta.to_string());
    true
}
