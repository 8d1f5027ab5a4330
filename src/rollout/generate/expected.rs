//! The expected answer: what a correct reader finds in a generated file.
//!
//! It stands as JSON beside the file, so that a parser in any language can be held to it. `docs/expected.schema.json`
//! is its schema.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Era, Spec};
use crate::marker::Marker;
use crate::rollout::mutate::Mutated;

/// What a correct reader finds in a file, and in those that it builds on.
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Version of this format: 1.
    pub v: u32,
    /// Path of the file below the home, `/` between parts. Its date and time are local.
    pub file: String,
    /// The thread's id.
    pub thread_id: String,
    /// The last id of the file's name, where it is another one: the file is a later segment of the thread.
    pub segment_id: Option<String>,
    /// Shape of the file.
    pub era: Era,
    /// The version it names; a bare file names none.
    pub cli_version: Option<String>,
    /// When the thread began: UTC, milliseconds, `Z`.
    pub started: String,
    /// The thread's cwd; a bare file without a turn tells none.
    pub cwd: Option<String>,
    /// Of its last turn.
    pub model: Option<String>,
    /// Of its last turn, as `sandbox_mode` names it.
    pub sandbox: Option<String>,
    /// Of its last turn.
    pub approval: Option<String>,
    /// The thread it was forked from.
    pub forked_from: Option<String>,
    /// The file whose beginning its history begins with.
    pub base: Option<Base>,
    /// Complete turns that still count, those of its bases included.
    pub turns: u32,
    /// What the model is to be sent, in order.
    pub items: Vec<Shown>,
    /// How many of the items belong to a turn at the end of the file that was never finished: a server may leave them out.
    pub unfinished: u32,
    /// Markers of what was said and no longer counts, because it was taken back or compacted away, in order.
    pub gone: Vec<Marker>,
    /// What was done to the file after it was generated; then the rest of this answer holds for the file before.
    pub damaged: Option<Damaged>,
}

/// An item that the model is sent.
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Its type, e.g. `function_call`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a message: `user`, `assistant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The marker in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<Marker>,
    /// It is in no file: the output `aborted` of a call that has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made_up: bool,
}

/// Where the history of a segment begins: the first `end_byte_offset` bytes of another file.
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// The last id of the name of the file.
    pub rollout_id: String,
    /// The first ordinal that does not belong to the base any more.
    pub end_ordinal_exclusive: u64,
    /// How many bytes of it belong to it.
    pub end_byte_offset: u64,
}

/// See [`Expected::damaged`].
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Damaged {
    /// The classes of damage, in the order in which they were done.
    pub mutators: Vec<String>,
    /// The first line that is not what it was, from 1.
    pub line: u64,
    /// The bytes of the damaged file that are not what they were, as a half-open range.
    pub bytes: [u64; 2],
    /// A correct reader refuses the file.
    pub refused: bool,
    /// Markers that every correct reader still shows the model, in order.
    pub must_show: Vec<Marker>,
    /// Markers about which correct readers differ.
    pub may_show: Vec<Marker>,
    /// Markers that no reader can show any more.
    pub destroyed: Vec<Marker>,
    /// A reader that reports problems reports a loss.
    pub lossy: bool,
}

impl Damaged {
    /// What was done; `None` where nothing was, because the file offered no place.
    pub fn of(mutated: &Mutated) -> Option<Damaged> {
        let touched = mutated.touched.as_ref()?;
        let mutators = mutated.done.iter().map(|(mutator, _)| mutator.name().to_owned()).collect();
        Some(Damaged {
            mutators,
            line: touched.line,
            bytes: [touched.after.start, touched.after.end],
            refused: mutated.refused,
            must_show: mutated.must_show(),
            may_show: mutated.may_show(),
            destroyed: mutated.destroyed.clone(),
            lossy: mutated.lossy,
        })
    }
}

impl Expected {
    /// The markers that the model is to be sent, in order.
    pub fn markers(&self) -> Vec<Marker> {
        self.items.iter().filter_map(|item| item.marker.clone()).collect()
    }

    /// Those of them that belong to finished turns, and those that do not.
    pub fn acknowledged(&self) -> (Vec<Marker>, Vec<Marker>) {
        let finished = self.items.len().saturating_sub(self.unfinished as usize);
        let markers = |items: &[Shown]| items.iter().filter_map(|item| item.marker.clone()).collect();
        let (finished, unfinished) = self.items.split_at_checked(finished).unwrap_or((&self.items, &[]));
        (markers(finished), markers(unfinished))
    }
}

/// A path below a home as answers tell it: with `/` between its parts.
pub fn home_path(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What was said so far, in the order of the file: the memory of whoever writes one.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// Of the live history.
    pub(super) items: Vec<Item>,
    pub(super) gone: Vec<Marker>,
    pub(super) turns: u32,
}

/// An item of the live history.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) kind: &'static str,
    pub(super) role: Option<&'static str>,
    pub(super) marker: Option<Marker>,
    /// What pairs a call and its output.
    pub(super) call: Option<u64>,
    /// A prompt, and how its text goes on before the marker.
    pub(super) prompt: Option<&'static str>,
}

impl Said {
    /// Takes the items from an index on back, and what Codex said in the user's name directly before.
    pub(super) fn take_back(&mut self, from: usize) {
        let mut from = from;
        let is_context = |item: &Item| item.role == Some("user") && item.marker.is_none();
        while from.checked_sub(1).and_then(|at| self.items.get(at)).is_some_and(is_context) {
            from -= 1;
        }
        let gone = self.items.split_off(from.min(self.items.len()));
        self.gone.extend(gone.into_iter().filter_map(|item| item.marker));
    }

    /// A compaction leaves the prompts.
    pub(super) fn compact(&mut self) {
        let (kept, gone) = std::mem::take(&mut self.items).into_iter().partition(|item| item.prompt.is_some());
        self.items = kept;
        let gone: Vec<Item> = gone;
        self.gone.extend(gone.into_iter().filter_map(|item| item.marker));
    }

    /// The items as the model is sent them: each call with an output.
    pub(super) fn shown(&self) -> Vec<Shown> {
        let is_output = |item: &Item| item.kind.ends_with("_output");
        let answered: std::collections::HashSet<u64> =
            self.items.iter().filter(|item| is_output(item)).filter_map(|item| item.call).collect();
        let mut shown = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let (kind, role) = (item.kind.to_owned(), item.role.map(str::to_owned));
            shown.push(Shown { kind, role, marker: item.marker.clone(), made_up: false });
            let output = match item.kind {
                "function_call" | "local_shell_call" => "function_call_output",
                "custom_tool_call" => "custom_tool_call_output",
                "tool_search_call" => "tool_search_output",
                _ => continue,
            };
            if item.call.is_some_and(|call| !answered.contains(&call)) {
                shown.push(Shown { kind: output.to_owned(), role: None, marker: None, made_up: true });
            }
        }
        shown
    }
}

/// Settings that only some eras tell.
pub(super) fn settings(spec: &Spec, has_turns: bool) -> [Option<String>; 3] {
    let tells = spec.era != Era::Bare && has_turns;
    [super::MODEL, &spec.sandbox, &spec.approval].map(|setting| tells.then(|| setting.to_owned()))
}
