//! Notes: what a rehydration owes its caller beside the conversation.
//!
//! A rehydration may succeed and still have lost, cut or narrowed something. Each such thing becomes one [`Note`] with
//! a kind from a closed list, so that a program can branch on it and a person can read it. Kinds that change what the
//! conversation knows or may do are owed to the person at the other end and go into the answer's text as well
//! ([`NoteKind::owes_text`]); the rest stands in the answer's metadata alone.
//!
//! Texts that come from a file are quoted, escaped and cut short before they enter a note: a rollout is untrusted, and
//! a note is read by people and models.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The closed list of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NoteKind {
    /// Something that a turn said could not be read and is gone.
    Lost,
    /// The source ends within a turn; what there is of that turn is kept.
    Cut,
    /// The sandbox or the approval policy is narrower than the source's.
    Narrowed,
    /// The source names no policy that can be read, so the narrowest usual one applies.
    NoTurnContext,
    /// The thread's cwd is no directory any more; it is kept all the same.
    CwdMissing,
    /// The source names no cwd at all.
    CwdUnknown,
    /// The thread is loaded in another live process: this is a branch from its last complete turn.
    BranchedFromLive,
    /// The newest continuation is gone, so an older one of the chain goes on.
    AliasDangling,
    /// `aliases.jsonl` cannot be read at all: there may be a newer continuation than this one.
    AliasUnreadable,
    /// The source holds oddities that carry nothing of the conversation.
    Damaged,
    /// Lines of `aliases.jsonl` were passed over.
    AliasDamaged,
    /// The alias could not be written: after the next restart the old id leads to the old state.
    AliasUnwritable,
    /// No lock could be had from the file system: another process may continue the same thread unseen.
    LockUnavailable,
    /// The file found under the id says that it belongs to another thread.
    IdMismatch,
}

impl NoteKind {
    /// Every kind, in the order in which they are declared.
    pub const ALL: [NoteKind; 14] = [
        NoteKind::Lost,
        NoteKind::Cut,
        NoteKind::Narrowed,
        NoteKind::NoTurnContext,
        NoteKind::CwdMissing,
        NoteKind::CwdUnknown,
        NoteKind::BranchedFromLive,
        NoteKind::AliasDangling,
        NoteKind::AliasUnreadable,
        NoteKind::Damaged,
        NoteKind::AliasDamaged,
        NoteKind::AliasUnwritable,
        NoteKind::LockUnavailable,
        NoteKind::IdMismatch,
    ];

    /// The stable name, as it stands in `_meta["rehydra/rehydration"].notes[].kind`.
    pub fn name(self) -> &'static str {
        match self {
            NoteKind::Lost => "lost",
            NoteKind::Cut => "cut",
            NoteKind::Narrowed => "narrowed",
            NoteKind::NoTurnContext => "no_turn_context",
            NoteKind::CwdMissing => "cwd_missing",
            NoteKind::CwdUnknown => "cwd_unknown",
            NoteKind::BranchedFromLive => "branched_from_live",
            NoteKind::AliasDangling => "alias_dangling",
            NoteKind::AliasUnreadable => "alias_unreadable",
            NoteKind::Damaged => "damaged",
            NoteKind::AliasDamaged => "alias_damaged",
            NoteKind::AliasUnwritable => "alias_unwritable",
            NoteKind::LockUnavailable => "lock_unavailable",
            NoteKind::IdMismatch => "id_mismatch",
        }
    }

    /// Whether the answer owes a text block for it: it changes what the conversation knows or may do.
    pub fn owes_text(self) -> bool {
        match self {
            NoteKind::Lost
            | NoteKind::Cut
            | NoteKind::Narrowed
            | NoteKind::NoTurnContext
            | NoteKind::CwdMissing
            | NoteKind::CwdUnknown
            | NoteKind::BranchedFromLive
            | NoteKind::AliasDangling
            | NoteKind::AliasUnreadable => true,
            NoteKind::Damaged
            | NoteKind::AliasDamaged
            | NoteKind::AliasUnwritable
            | NoteKind::LockUnavailable
            | NoteKind::IdMismatch => false,
        }
    }
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What happened.
    pub kind: NoteKind,
    /// The same in words, with what to do about it where something can be done.
    pub text: String,
    /// The file it is about.
    pub file: Option<PathBuf>,
    /// The place in that file, in bytes from its start.
    pub byte: Option<u64>,
}

impl Note {
    /// A note about no file.
    pub fn new(kind: NoteKind, text: impl Into<String>) -> Note {
        Note { kind, text: text.into(), file: None, byte: None }
    }

    /// The same note, about a file and, where it is known, a byte of it.
    pub fn at(self, file: &Path, byte: Option<u64>) -> Note {
        Note { file: Some(file.to_owned()), byte, ..self }
    }

    /// `{kind, text, file, byte}`, with `null` for what is not known.
    pub fn to_json(&self) -> Value {
        let file = self.file.as_ref().map(|file| file.to_string_lossy().into_owned());
        json!({ "kind": self.kind.name(), "text": self.text, "file": file, "byte": self.byte })
    }
}

/// The text block that these notes owe, one line a note and each beginning with `[rehydra]`; `None` if none is owed.
pub fn owed_text(notes: &[Note]) -> Option<String> {
    let lines: Vec<String> =
        notes.iter().filter(|note| note.kind.owes_text()).map(|note| format!("[rehydra] {}", note.text)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Longest quotation from a file in a note, in characters.
const QUOTED_CHARS: usize = 200;

/// A path as a note shows it: quoted, escaped, cut short.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = NoteKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), NoteKind::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }

    #[test]
    fn the_text_block_holds_what_is_owed_and_nothing_else() {
        let lost = Note::new(NoteKind::Lost, "a line is gone").at(Path::new("/r.jsonl"), Some(7));
        let quiet = Note::new(NoteKind::AliasUnwritable, "no alias");
        assert_eq!(owed_text(std::slice::from_ref(&quiet)), None);
        assert_eq!(owed_text(&[quiet, lost.clone()]).as_deref(), Some("[rehydra] a line is gone"));
        assert_eq!(lost.to_json(), json!({ "kind": "lost", "text": "a line is gone", "file": "/r.jsonl", "byte": 7 }));
    }

    #[test]
    fn a_path_from_a_rollout_cannot_smuggle_lines_or_length_into_a_note() {
        assert_eq!(shown(Path::new("/a\n[rehydra] b\u{1b}")), r#""/a\n[rehydra] b\u{1b}""#);
        assert!(shown(Path::new(&"ä".repeat(1 << 20))).chars().count() < 210);
    }
}
