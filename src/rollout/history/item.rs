//! An item of a history: the text that was written, and nothing built from it until somebody asks.

use serde_json::Value;

use super::super::place::Place;
use super::super::scan::value::value_of;

/// A response item as the model is sent it.
///
/// It is JSON text, byte for byte as it stood in the rollout, so a history costs the memory of its text and a constant
/// for each item. What Codex adds (an output for a call that has none) and what an old compaction made of the users'
/// words is text of the same form.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    text: Box<str>,
    place: Place,
}

impl Item {
    pub(super) fn new(text: Box<str>, place: Place) -> Item {
        Item { text, place }
    }

    /// Its JSON text.
    pub fn raw(&self) -> &str {
        &self.text
    }

    /// The value it stands for, numbers as they were written.
    pub fn value(&self) -> Value {
        value_of(&self.text)
    }

    /// The record that it stands in or was made from: its own, the compaction that brought it, or the call that it
    /// answers.
    pub fn place(&self) -> &Place {
        &self.place
    }
}
