//! Whether an answer says that something was lost: machine-readable notes, or text that the profile's pattern finds.

use regex_lite::Regex;

use super::view::{Turn, View};

/// Whether the answer carries a note.
pub(super) fn has_note(view: &View<'_>, turn: &Turn<'_>) -> bool {
    let Some(answer) = turn.answer else { return false };
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
        assert!(view.turns.last().is_some_and(|turn| has_note(&view, turn)));
    }
}
