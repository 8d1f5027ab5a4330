//! Records cut short, at the end of the file and inside it.

use super::Keep;
use super::edit::{Edit, Line, is_body};

/// The last record loses its end.
pub(super) fn torn_tail(edit: &mut Edit, keep: Keep) -> bool {
    let Some(at) = edit.last_record() else { return false };
    edit.lines.truncate(at + 1);
    let Some(line) = edit.line(at) else { return false };
    let len = line.text.trim_ascii_end().len();
    let kept = match keep {
        Keep::Bytes(kept) => usize::try_from(kept).unwrap_or(usize::MAX).min(len.saturating_sub(1)),
        Keep::Half => len / 2,
        Keep::AllButNewline => len,
    };
    line.text.truncate(kept);
    line.ended = false;
    true
}

/// The last record loses its newline.
pub(super) fn newline_missing(edit: &mut Edit, _: Keep) -> bool {
    torn_tail(edit, Keep::AllButNewline)
}

/// A record inside the file loses its end, and keeps its newline.
pub(super) fn torn_record(edit: &mut Edit, _: Keep) -> bool {
    change(edit, |line| line.text.truncate(line.text.len() / 2))
}

/// The beginning of a record on a line of its own, then the whole record.
pub(super) fn torn_then_whole(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.pick(is_body) else { return false };
    let Some(half) = half(edit, at) else { return false };
    edit.insert(at, half);
    true
}

/// The beginning of a record and the whole record on one line.
pub(super) fn torn_and_whole(edit: &mut Edit, _: Keep) -> bool {
    change(edit, |line| {
        let whole = line.text.clone();
        line.text.truncate(whole.len() / 2);
        line.text.extend_from_slice(&whole);
    })
}

/// A record loses its end and its newline, so that the next one follows on the same line.
pub(super) fn glued(edit: &mut Edit, _: Keep) -> bool {
    let Some(line) = edit.pick_followed(is_body).and_then(|at| edit.line(at)) else { return false };
    line.text.truncate(line.text.len() / 2);
    line.ended = false;
    true
}

/// A record loses its newline, so that the next one follows on the same line.
pub(super) fn two_on_a_line(edit: &mut Edit, _: Keep) -> bool {
    edit.pick_followed(is_body).and_then(|at| edit.line(at)).map(|line| line.ended = false).is_some()
}

fn half(edit: &Edit, at: usize) -> Option<Vec<u8>> {
    let text = &edit.lines.get(at)?.text;
    text.get(..text.len() / 2).map(<[u8]>::to_vec)
}

/// Changes the bytes of the record that is picked.
pub(super) fn change(edit: &mut Edit, change: impl FnOnce(&mut Line)) -> bool {
    let Some(at) = edit.pick(is_body) else { return false };
    edit.line(at).map(change).is_some()
}
