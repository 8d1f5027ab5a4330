//! Writing one file, turn by turn, with the answer kept beside it.
//!
//! Here is what happens in a thread and in which order; `records.rs` has the keys, by version.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::expected::{Expected, Item, Said, home_path, settings};
use super::out::Out;
use super::text::{Filler, Text};
use super::thread::{Lineage, Place, Thread};
use super::{Era, Spec, records};
use crate::marker::{Carrier, Marker};
use crate::rollout::draft::utc_millis;
use crate::rollout::writer::relative_path;

/// Time between two records.
const STEP_MS: i64 = 250;
const COLOURS: [&str; 8] = ["blue", "green", "red", "grey", "violet", "amber", "teal", "white"];
/// An image of one pixel.
pub(super) const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(super) struct Author<'a> {
    pub(super) spec: &'a Spec,
    pub(super) thread: &'a Thread,
    pub(super) minor: u32,
    pub(super) out: Out<'a>,
    pub(super) records: u64,
    first_ordinal: u64,
    /// Markers drawn so far.
    drawn: u64,
    /// The environment context has been told.
    told: bool,
    said: Said,
    /// Where the unfinished turn begins among the items.
    unfinished_from: Option<usize>,
    /// Where its last turn begins.
    pub(super) last_turn: Place,
    filler: Filler,
}

impl<'a> Author<'a> {
    pub(super) fn new(spec: &'a Spec, thread: &'a Thread, sink: Option<&'a mut dyn Write>) -> Author<'a> {
        let lineage = &thread.lineage;
        Author {
            spec,
            thread,
            minor: spec.minor(),
            out: Out::new(sink),
            records: 0,
            first_ordinal: lineage.base.as_ref().map_or(0, |base| base.end_ordinal_exclusive),
            drawn: 0,
            told: !lineage.said.items.is_empty(),
            said: lineage.said.clone(),
            unfinished_from: None,
            last_turn: Place::default(),
            filler: Filler::new(),
        }
    }

    pub(super) fn write(&mut self) -> io::Result<()> {
        self.session_meta()?;
        self.out.text.0.extend_from_slice(&self.thread.lineage.copied);
        let (first, turns) = (self.said.turns, self.spec.turns);
        let rolled_back_at = turns.div_ceil(2);
        for turn in 0..turns {
            if self.spec.compacted_after() == Some(turn) {
                self.compaction(first + turn)?;
            }
            if turn + 1 == turns {
                self.last_turn = self.place();
            }
            if turn + 1 == turns && self.spec.aborted && self.spec.era != Era::Bare {
                self.turn(first + turn, Fate::Aborted, 0)?;
            }
            self.turn(first + turn, Fate::Complete, self.fill(turn))?;
            if turn + 1 == rolled_back_at && self.spec.taken_back() > 0 {
                self.rolled_back_turns(first + turns)?;
            }
        }
        if self.spec.compacted_after() == Some(turns) {
            self.compaction(first + turns)?;
        }
        if self.spec.interrupted {
            self.unfinished_from = Some(self.said.items.len());
            self.turn(first + turns, Fate::Killed, 0)?;
        }
        Ok(())
    }

    pub(super) fn place(&self) -> Place {
        Place { bytes: self.out.len(), ordinal: self.first_ordinal + self.records, said: self.said.clone() }
    }

    /// How many bytes of prose this turn needs for the file to grow evenly to its size.
    fn fill(&self, turn: u32) -> u64 {
        let share = self.spec.bytes.saturating_mul(u64::from(turn) + 1) / u64::from(self.spec.turns.max(1));
        share.saturating_sub(self.out.len())
    }

    pub(super) fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.records).unwrap_or(i64::MAX).saturating_mul(STEP_MS);
        self.thread.start.checked_add(SignedDuration::from_millis(passed)).unwrap_or(Timestamp::MAX)
    }

    /// Writes a record of the envelope eras; the payload is an object, `payload` writes what is inside its braces.
    pub(super) fn record(&mut self, kind: &str, payload: impl FnOnce(&mut Text)) -> io::Result<()> {
        let now = utc_millis(self.now());
        let text = &mut self.out.text;
        text.raw("{\"timestamp\":").string(&now);
        if self.spec.era == Era::Paginated {
            text.key("ordinal").number(self.first_ordinal + self.records);
        }
        text.field("type", kind).key("payload").raw("{");
        payload(text);
        text.raw("}}");
        self.records += 1;
        self.out.end_line()
    }

    /// Writes a line of a bare file.
    pub(super) fn bare(&mut self, object: impl FnOnce(&mut Text)) -> io::Result<()> {
        object(&mut self.out.text);
        self.records += 1;
        self.out.end_line()
    }

    /// An event, which bare files do not have.
    pub(super) fn event(&mut self, kind: &str, fields: impl FnOnce(&mut Text)) -> io::Result<()> {
        if self.spec.era == Era::Bare {
            return Ok(());
        }
        self.record("event_msg", |text| {
            text.raw("\"type\":").string(kind);
            fields(text);
        })
    }

    /// Writes an item and remembers it. `fields` writes what follows its type.
    fn item(&mut self, item: Item, fields: impl FnOnce(&mut Text)) -> io::Result<()> {
        let kind = item.kind;
        self.said.items.push(item);
        self.response_item(kind, fields)
    }

    /// A marker of the stream.
    fn marker(&mut self, carrier: Carrier) -> Marker {
        self.drawn += 1;
        Marker::new(carrier, self.spec.seed, self.drawn)
    }

    fn colour(&self) -> &'static str {
        let at = self.spec.seed.wrapping_add(self.drawn.wrapping_mul(5)) % COLOURS.len() as u64;
        COLOURS.get(at as usize).copied().unwrap_or("blue")
    }

    fn turn(&mut self, turn: u32, fate: Fate, fill: u64) -> io::Result<()> {
        let aborted = if fate == Fate::Aborted { "-aborted" } else { "" };
        let turn_id = format!("turn-{turn}{aborted}");
        self.begin_turn(&turn_id)?;
        self.prompt(&turn_id)?;
        let calls = match fate {
            Fate::Killed | Fate::Aborted => self.spec.tools.min(1),
            _ => self.spec.tools,
        };
        let outputs = (0..calls).filter(|n| super::tools::output_type(self.spec.kind(*n)).is_some()).count() as u64;
        for n in 0..calls {
            self.call(turn, n, &turn_id, fate, fill.checked_div(outputs).unwrap_or(0))?;
        }
        match fate {
            Fate::Killed => return Ok(()),
            Fate::Aborted => return self.abort(&turn_id),
            Fate::Complete | Fate::TakenBack => {}
        }
        // Where no tool says much, the reply does: it stands in the item, in an event beside it and in the turn's end.
        let reply_fill = if outputs == 0 { fill / 3 } else { 0 };
        self.reply(&turn_id, reply_fill as usize)?;
        self.said.turns += u32::from(fate == Fate::Complete);
        Ok(())
    }

    /// What stands before the prompt. The context is told to the model once, in the first turn of the thread.
    fn begin_turn(&mut self, turn_id: &str) -> io::Result<()> {
        self.task_started(turn_id)?;
        if !std::mem::replace(&mut self.told, true) {
            let cwd = &self.thread.cwd;
            let text =
                format!("<environment_context>\n  <cwd>{cwd}</cwd>\n  <shell>bash</shell>\n</environment_context>");
            self.message("user", None, None, |said| said.push_str(&text))?;
        }
        if matches!(self.spec.era, Era::WorldState | Era::Paginated) {
            self.world_state()?;
        }
        self.turn_context(turn_id)
    }

    /// A message item; gives its text.
    fn message(
        &mut self,
        role: &'static str,
        marker: Option<Marker>,
        prompt: Option<&'static str>,
        say: impl FnOnce(&mut String),
    ) -> io::Result<String> {
        let mut said = String::new();
        say(&mut said);
        let image = Some(PIXEL).filter(|_| prompt.is_some() && self.spec.images);
        let item = Item { kind: "message", role: Some(role), marker, call: None, prompt };
        self.item(item, |text| {
            text.message(role, &said, image);
        })?;
        Ok(said)
    }

    fn prompt(&mut self, turn_id: &str) -> io::Result<()> {
        let colour = self.colour();
        let marker = self.marker(Carrier::Prompt);
        let text = records::prompt_text(colour, &marker);
        self.message("user", Some(marker), Some(colour), |said| said.push_str(&text))?;
        self.told_prompt(turn_id, &text)
    }

    fn call(&mut self, turn: u32, n: u32, turn_id: &str, fate: Fate, fill: u64) -> io::Result<()> {
        let (kind, era) = (self.spec.kind(n), self.spec.era);
        let call_id = format!("call_{turn_id}_{n}").replace("turn-", "");
        let call = u64::from(turn) << 32 | u64::from(n) << 1 | u64::from(fate == Fate::Aborted);
        let marker = self.marker(Carrier::Call);
        let item = |kind, marker| Item { kind, role: None, marker: Some(marker), call: Some(call), prompt: None };
        self.item(item(super::tools::call_type(kind), marker.clone()), |text| {
            super::tools::call(text, kind, era, &call_id, marker.as_str());
        })?;
        let Some(output) = super::tools::output_type(kind).filter(|_| fate != Fate::Killed) else { return Ok(()) };
        let marker = self.marker(Carrier::Output);
        let mut said = match fate {
            Fate::Aborted => format!("aborted by user after 1.4s {marker}"),
            _ => marker.to_string(),
        };
        if fill > 0 {
            said.push('\n');
            self.filler.append(&mut said, fill as usize);
        }
        self.item(item(output, marker), |text| super::tools::output(text, kind, &call_id, &said))
    }

    fn reply(&mut self, turn_id: &str, fill: usize) -> io::Result<()> {
        if self.spec.reasoning {
            let marker = self.marker(Carrier::Reasoning);
            let summary = format!("Thinking of a colour. {marker}");
            let item = Item { kind: "reasoning", role: None, marker: Some(marker), call: None, prompt: None };
            self.item(item, |text| {
                text.key("summary").raw("[{\"type\":\"summary_text\"").field("text", &summary).raw("}]");
                text.key("content").raw("null").field("encrypted_content", records::ENCRYPTED);
            })?;
            self.told_reasoning(turn_id, &summary)?;
        }
        let marker = self.marker(Carrier::Reply);
        let mut text = format!("Noted. {marker}");
        if fill > 0 {
            text.push('\n');
            self.filler.append(&mut text, fill);
        }
        self.told_reply(turn_id, &text)?;
        self.message("assistant", Some(marker), None, |said| said.push_str(&text))?;
        self.task_complete(turn_id, Some(&text))
    }

    fn abort(&mut self, turn_id: &str) -> io::Result<()> {
        self.message("user", None, None, |said| said.push_str(records::ABORTED))?;
        self.turn_aborted(turn_id)
    }

    fn rolled_back_turns(&mut self, first: u32) -> io::Result<()> {
        let from = self.said.items.len();
        let count = self.spec.taken_back();
        for n in 0..count {
            self.turn(first + n + 1, Fate::TakenBack, 0)?;
        }
        self.said.take_back(from);
        self.event("thread_rolled_back", |text| {
            text.key("num_turns").number(count.into());
        })
    }

    /// A compaction keeps the users' words and a summary; all else is gone from the live history.
    fn compaction(&mut self, after: u32) -> io::Result<()> {
        let turn_id = format!("compaction-{after}");
        self.task_started(&turn_id)?;
        self.said.compact();
        let marker = self.marker(Carrier::Summary);
        let summary = format!("Summary so far: colours were named. {marker}");
        let history = (!self.spec.summary_only).then(|| std::mem::take(&mut self.said.items));
        self.compacted(&summary, history.as_deref())?;
        self.said.items.extend(history.into_iter().flatten());
        let item = Item { kind: "message", role: Some("user"), marker: Some(marker), call: None, prompt: None };
        self.said.items.push(item);
        self.event("context_compacted", |_| ())?;
        self.task_complete(&turn_id, None)
    }

    pub(super) fn expected(&self) -> Expected {
        let (spec, thread) = (self.spec, self.thread);
        let Lineage { forked_from, segment, base, .. } = &thread.lineage;
        let mut file = relative_path(thread.id, thread.start, &thread.zone);
        if let Some(segment) = segment {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            file.set_file_name(format!("{name}_{segment}.jsonl"));
        }
        let items = self.said.shown();
        let unfinished = self.unfinished_from.map_or(0, |from| {
            let finished = Said { items: self.said.items.get(..from).unwrap_or_default().to_vec(), ..Said::default() };
            items.len() - finished.shown().len()
        });
        let has_turns = spec.turns > 0 || spec.interrupted;
        let bare = spec.era == Era::Bare;
        let [model, sandbox, approval] = settings(spec, has_turns);
        Expected {
            v: 1,
            file: home_path(&file),
            thread_id: thread.id.to_string(),
            segment_id: segment.map(|id| id.to_string()),
            era: spec.era,
            cli_version: (!bare).then(|| spec.cli_version().to_owned()),
            started: utc_millis(thread.start),
            cwd: Some(thread.cwd.clone()).filter(|_| !bare || has_turns),
            model,
            sandbox,
            approval,
            forked_from: forked_from.map(|id| id.to_string()),
            base: base.clone(),
            turns: self.said.turns,
            items,
            unfinished: u32::try_from(unfinished).unwrap_or(u32::MAX),
            gone: self.said.gone.clone(),
            damaged: None,
        }
    }
}

/// How a turn ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Complete,
    /// The user interrupts it.
    Aborted,
    /// It is taken back later.
    TakenBack,
    /// The process dies in it.
    Killed,
}
