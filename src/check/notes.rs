//! Whether an answer says that something was lost: machine-readable notes, or text that the profile's pattern finds.
//!
//! The kinds of our own server's notes are a closed list, so a note about the directory is not taken for one about the
//! history. Notes in free text, and kinds that are on no list, may be about anything: nobody here reads prose.

use regex_lite::Regex;

use super::turn::Turn;
use super::view::View;

/// What a loss is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Something that was said.
    History,
    /// The directory that tools run in.
    Directory,
    /// What the conversation may do.
    Policy,
    /// That the thread goes on elsewhere too.
    Branch,
}

/// What notes of the known kinds are about.
const KINDS: [(&str, About); 14] = [
    ("lost", About::History),
    ("cut", About::History),
    ("damaged", About::History),
    ("alias_dangling", About::History),
    ("alias_unreadable", About::History),
    ("alias_damaged", About::History),
    ("alias_unwritable", About::History),
    ("id_mismatch", About::History),
    ("narrowed", About::Policy),
    ("no_turn_context", About::Policy),
    ("cwd_missing", About::Directory),
    ("cwd_unknown", About::Directory),
    ("branched_from_live", About::Branch),
    ("lock_unavailable", About::Branch),
];

fn kind(name: &str) -> Option<About> {
    KINDS.iter().find(|(known, _)| *known == name).map(|(_, about)| *about)
}

/// Whether the answer carries a note that may be about such a loss.
pub(super) fn tells(view: &View<'_>, turn: &Turn<'_>, about: About) -> bool {
    let Some(answer) = turn.answer else { return false };
    let kinds: Vec<About> = answer.what.notes.iter().filter_map(|note| kind(&note.kind)).collect();
    if !kinds.is_empty() {
        // Where there are notes of known kinds, a text in the answer only repeats them. A branch loses what came after it.
        return kinds.contains(&about) || about == About::History && kinds.contains(&About::Branch);
    }
    if !answer.what.notes.is_empty() {
        return true;
    }
    // A pattern that is none was refused when the profile was read; one in a foreign journal finds nothing.
    let pattern = view.run.header.target.note.as_deref().and_then(|p| Regex::new(p).ok());
    pattern.is_some_and(|p| p.is_match(&answer.what.text))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::TargetKind;

    #[test]
    fn a_note_is_a_field_or_a_text_that_the_profile_knows() {
        let mut story = Story::restarted_on(TargetKind::Foreign);
        story.say(Say { text: Some("[notice] history is gone".into()), ..Say::reply("main", A, B, Vec::new()) });
        assert!(story.fired().contains(&"honest"));
        story.header.target.note = Some(r"^\[notice\]".into());
        assert!(!story.fired().contains(&"honest"));
        let run = story.run();
        let view = View::new(&run);
        assert!(view.turns.last().is_some_and(|turn| tells(&view, turn, About::History)));
    }

    #[test]
    fn a_note_of_a_known_kind_is_about_what_its_kind_says() {
        let honest = |kinds: &[&str]| {
            let mut story = Story::restarted();
            let notes = kinds.iter().map(|kind| note(kind)).collect();
            story.say(Say { notes, ..Say::reply("main", A, B, Vec::new()) });
            !story.fired().contains(&"honest")
        };
        assert!(honest(&["lost"]) && honest(&["cwd_missing", "cut"]) && honest(&["text"]) && honest(&["warning"]));
        assert!(!honest(&["cwd_missing"]) && !honest(&["narrowed", "text"]) && !honest(&[]));
    }

    #[test]
    fn every_kind_of_our_own_server_is_about_something() {
        let named: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let source = include_str!("../rehydrate/note.rs");
        let ours = source.lines().filter_map(|line| line.trim().strip_prefix("NoteKind::")?.split_once(" => \""));
        let ours: Vec<&str> = ours.filter_map(|(_, name)| name.split('"').next()).collect();
        assert_eq!(ours.len(), KINDS.len());
        assert!(ours.iter().all(|name| named.contains(name)), "{ours:?}");
    }
}
