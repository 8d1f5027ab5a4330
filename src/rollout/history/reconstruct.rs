//! The walk over the records, from the first to the last, and what it gathers.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::damage::{Consequence, Damage, DamageKind, Damages};
use super::super::items::Use;
use super::super::meta::{self, MetaScan, ReadError, ReadErrorKind, SessionMeta, TurnContext};
use super::super::reader::{RawFound, Reader};
use super::super::record::{Kind, RawRecord};
use super::assemble::{assemble, brings_history};
use super::pairing;
use super::steps::{Held, Place, Steps};
use crate::world::Disk;

/// What a rollout says once it is read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Its metadata.
    pub meta: SessionMeta,
    /// Its last turn context.
    pub turn_context: Option<TurnContext>,
    /// The thread's cwd: last turn context, else meta, else `<cwd>` of the last environment context, else unknown.
    pub cwd: Option<PathBuf>,
    /// Response items as they go to the model, normalised: calls paired, ghosts dropped.
    pub items: Vec<Value>,
    /// Number of complete turns.
    pub complete_turns: u32,
    /// How many of `items` belong to complete turns (a prefix): the rest is of a turn without an end.
    pub complete_items: usize,
    /// What was wrong with the file, each with its place.
    pub damage: Vec<Damage>,
}

impl History {
    /// The items up to the end of the last complete turn, paired.
    pub fn complete(&self) -> Vec<Value> {
        pairing::pair(self.items.get(..self.complete_items).unwrap_or(&self.items).to_vec())
    }

    /// Something that a turn said can no longer be read.
    pub fn is_lossy(&self) -> bool {
        self.damage.iter().any(|damage| damage.is_lossy())
    }
}

/// Reads and reconstructs.
pub fn read_history(disk: &dyn Disk, path: &Path) -> Result<History, ReadError> {
    let reader = meta::open(disk, path)?;
    Reconstruction::default().run(reader, path)
}

/// The same over bytes in memory; `path` stands for the file they were read from, whose name may be needed for its id.
pub fn read_history_bytes(bytes: Vec<u8>, path: &Path) -> Result<History, ReadError> {
    Reconstruction::default().run(Reader::from_bytes(bytes), path)
}

#[derive(Default)]
struct Reconstruction {
    meta: MetaScan,
    steps: Steps,
    damages: Damages,
}

impl Reconstruction {
    fn run(mut self, mut reader: Reader, path: &Path) -> Result<History, ReadError> {
        let failed = |error| ReadErrorKind::Io(error).at(path);
        while let Some(found) = reader.next_raw().map_err(failed)? {
            match found {
                RawFound::Damage(damage) => self.damages.tell(damage),
                RawFound::Record(record) => {
                    self.meta.feed(&record, &mut self.damages).map_err(|kind| kind.at(path))?;
                    self.take(&record);
                }
            }
        }
        let end = reader.offset();
        self.read_again(&mut reader).map_err(failed)?;
        let meta = self.meta.finish(path, end, &mut self.damages)?;
        let turn_context = self.steps.last_settings().cloned();
        let told_cwd = self.steps.last_told_cwd();
        let cwd = turn_context.as_ref().and_then(|context| context.cwd.clone());
        let cwd = cwd.or_else(|| meta.cwd.clone()).or(told_cwd);
        let (live_from, complete_turns) = (self.steps.live_from(), self.steps.complete_turns());
        let (items, complete_items) = assemble(self.steps, &mut self.damages);
        let damage = self.damages.finish(live_from);
        Ok(History { meta, turn_context, cwd, items, complete_turns, complete_items, damage })
    }

    fn take(&mut self, record: &RawRecord<'_>) {
        let place = Place { bytes: record.bytes.clone(), line: record.line };
        match &record.kind {
            Kind::ResponseItem => {
                let facts = record.item_facts();
                match facts.use_ {
                    Use::Send => self.steps.item(place, &facts, record.payload()),
                    Use::Drop => {}
                    Use::Unknown => self.tell(&place, DamageKind::UnknownItem, Consequence::Lost),
                    Use::Bad => self.tell(&place, DamageKind::BadItem, Consequence::Lost),
                }
            }
            Kind::Compacted => {
                let payload = record.payload();
                match brings_history(&payload) {
                    Some(replaces) => self.steps.compaction(place, payload, replaces),
                    None => self.tell(&place, DamageKind::BadCompaction, Consequence::PassedOver),
                }
            }
            Kind::TurnContext => self.steps.settings(place, TurnContext::from_payload(&record.payload())),
            Kind::Event => self.event(&place, record),
            // Codex turns it into an item of a form that is not known here.
            Kind::Other(kind) if kind == "inter_agent_communication" => {
                self.tell(&place, DamageKind::UnknownItem, Consequence::Lost);
            }
            Kind::SessionMeta | Kind::BareMeta | Kind::Bookkeeping | Kind::Other(_) => {}
        }
    }

    fn event(&mut self, place: &Place, record: &RawRecord<'_>) {
        match record.payload_type().as_deref() {
            Some("task_started" | "turn_started") => self.steps.task_started(),
            Some("task_complete" | "turn_complete") => self.steps.task_complete(place.clone()),
            Some("turn_aborted") => self.steps.task_aborted(),
            Some("thread_rolled_back") => match record.payload().get("num_turns").and_then(Value::as_u64) {
                Some(turns) => self.steps.roll_back(turns),
                None => self.tell(place, DamageKind::NotARecord, Consequence::Lost),
            },
            _ => {}
        }
    }

    /// Reads again what a rollback brought back from before a compaction.
    fn read_again(&mut self, reader: &mut Reader) -> std::io::Result<()> {
        let Some(first) = self.steps.first_missing() else { return Ok(()) };
        reader.go_to(first.bytes.start, first.line)?;
        let mut missing = self.steps.missing().peekable();
        while let Some((place, held)) = missing.peek_mut() {
            let Some(found) = reader.next_raw()? else { break };
            let RawFound::Record(record) = found else { continue };
            if record.bytes != place.bytes {
                continue;
            }
            if matches!(record.kind, Kind::ResponseItem | Kind::Compacted) {
                **held = Held::Here(record.payload());
            }
            missing.next();
        }
        Ok(())
    }

    fn tell(&mut self, place: &Place, kind: DamageKind, consequence: Consequence) {
        self.damages.tell(Damage::new(place.bytes.clone(), place.line, kind, consequence));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::items;
    use super::*;
    use crate::rollout::draft::{Draft, message};

    const NAME: &str = "rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl";

    /// A rollout, one record after the other.
    struct Told(Vec<u8>);

    impl Told {
        fn new() -> Told {
            let id = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
            Told(Vec::new()).record(Draft::other("session_meta", json!({"id": id, "cwd": "/meta"})))
        }
        fn record(mut self, draft: Draft) -> Told {
            self.0.extend(draft.line(jiff::Timestamp::UNIX_EPOCH, None));
            self
        }
        fn user(self, text: &str) -> Told {
            self.record(Draft::user_item(text))
        }
        fn item(self, item: Value) -> Told {
            self.record(Draft::response_item(item))
        }
        fn turn(self, name: &str) -> Told {
            self.user(name).item(message("assistant", &format!("re {name}")))
        }
        fn compacted(self, items: &[&str]) -> Told {
            self.record(Draft::compacted("s", items.iter().map(|text| message("user", text)).collect()))
        }
        fn rolled_back(self, turns: u64) -> Told {
            self.record(Draft::event(json!({"type": "thread_rolled_back", "num_turns": turns})))
        }
        fn line(mut self, line: &str) -> Told {
            self.0.extend(line.as_bytes());
            self.0.push(b'\n');
            self
        }
        fn read(self) -> History {
            read_history_bytes(self.0, Path::new(NAME)).unwrap()
        }
        /// The texts of the history.
        fn says(self) -> String {
            texts(&self.read().items)
        }
    }

    fn texts(items: &[Value]) -> String {
        let text = |item: &Value| match items::texts(item).next() {
            Some(text) => text.to_owned(),
            None => item.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
        };
        items.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    fn call(id: &str) -> Value {
        json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": id})
    }

    #[test]
    fn events_and_ghosts_and_system_messages_never_reach_the_model() {
        let told = Told::new().turn("a").item(json!({"type": "ghost_snapshot"})).item(message("system", "no"));
        let told = told.record(Draft::agent_message("no")).record(Draft::other("world_state", json!({})));
        let history = told.read();
        assert_eq!((texts(&history.items).as_str(), history.damage.as_slice()), ("a, re a", [].as_slice()));
    }

    #[test]
    fn a_compaction_with_a_history_replaces_what_was_before() {
        assert_eq!(Told::new().turn("a").compacted(&["a", "sum"]).turn("b").says(), "a, sum, b, re b");
        assert_eq!(Told::new().turn("a").compacted(&[]).says(), "");
    }

    #[test]
    fn a_compaction_without_a_history_keeps_the_users_words_and_the_summary() {
        let old = |text: &str| Draft::other("compacted", json!({"message": text}));
        let told = Told::new().user("<environment_context>").turn("a").turn("b").record(old("sum"));
        assert_eq!(told.turn("c").says(), "a, b, sum, c, re c");
        assert_eq!(Told::new().turn("a").record(old("")).says(), "a, (no summary available)");
        let long = "x".repeat(super::super::assemble::KEPT_USER_BYTES - 3);
        let told = Told::new().turn("first").turn("äöü").turn(&long).record(old("sum"));
        assert_eq!(told.says(), format!("ä, {long}, sum"));
        assert_eq!(Told::new().turn("a").compacted(&["r"]).turn("b").record(old("s")).says(), "r, b, s");
    }

    #[test]
    fn a_rollback_takes_turns_back_and_with_them_what_told_their_context() {
        let told = || Told::new().user("<environment_context>1").turn("a").user("<environment_context>2").turn("b");
        assert_eq!(told().rolled_back(1).says(), "<environment_context>1, a, re a");
        assert_eq!(told().rolled_back(9).says(), "<environment_context>1");
        assert_eq!(told().rolled_back(0).says(), "<environment_context>1, a, re a, <environment_context>2, b, re b");
        assert_eq!(told().rolled_back(1).turn("c").rolled_back(1).says(), "<environment_context>1, a, re a");
        let kept = Told::new().turn("a").item(message("developer", "rules")).turn("b").rolled_back(1);
        assert_eq!(kept.says(), "a, re a, rules");
    }

    #[test]
    fn a_compaction_inside_a_rolled_back_span_goes_with_it() {
        let told = || Told::new().turn("a").turn("b").compacted(&["sum"]).turn("c");
        assert_eq!(told().rolled_back(1).says(), "sum");
        assert_eq!(told().rolled_back(2).says(), "a, re a");
        assert_eq!(told().rolled_back(2).turn("d").says(), "a, re a, d, re d");
        let context = told().rolled_back(1).user("<environment_context>").turn("d").rolled_back(1);
        assert_eq!(context.says(), "sum");
        let twice = told().compacted(&["sum2"]).turn("e").rolled_back(2);
        assert_eq!(twice.says(), "sum");
    }

    #[test]
    fn an_unusable_compaction_leaves_the_history_before_it() {
        let bad = Draft::other("compacted", json!({"message": "s", "replacement_history": [{"type": "message"}]}));
        let history = Told::new().turn("a").record(bad).read();
        assert_eq!(texts(&history.items), "a, re a");
        assert_eq!(
            history.damage.iter().map(|d| (d.kind, d.is_lossy())).collect::<Vec<_>>(),
            [(DamageKind::BadCompaction, false)]
        );
    }

    #[test]
    fn a_dangling_call_is_no_damage_and_an_orphaned_output_is() {
        let history = Told::new().user("a").item(call("1")).read();
        assert_eq!(
            (texts(&history.items).as_str(), history.damage.len()),
            ("a, function_call, function_call_output", 0)
        );
        let orphan = json!({"type": "function_call_output", "call_id": "2", "output": "x"});
        let history = Told::new().user("a").item(orphan).read();
        assert_eq!((texts(&history.items).as_str(), history.damage[0].kind), ("a", DamageKind::OrphanOutput));
    }

    #[test]
    fn a_bad_line_is_a_loss_unless_a_compaction_made_it_irrelevant() {
        let history = Told::new().turn("a").line("{\"timestamp\":").turn("b").read();
        assert_eq!((texts(&history.items).as_str(), history.is_lossy()), ("a, re a, b, re b", true));
        let history = Told::new().turn("a").line("{\"timestamp\":").compacted(&["s"]).read();
        assert_eq!((history.damage.len(), history.is_lossy()), (1, false));
    }

    #[test]
    fn turns_end_with_an_event_where_there_are_events_and_with_the_answer_where_there_are_none() {
        let history = Told::new().turn("a").user("b").item(call("1")).read();
        assert_eq!((history.complete_turns, texts(&history.complete()).as_str()), (1, "a, re a"));
        let with_events = || Told::new().record(Draft::task_started("1")).turn("a");
        let history = with_events().read();
        assert_eq!((history.complete_turns, history.complete_items), (0, 0));
        let history = with_events().record(Draft::task_complete("1", None)).user("<environment_context>").read();
        assert_eq!((history.complete_turns, history.complete_items, history.items.len()), (1, 2, 3));
        let aborted = with_events().record(Draft::turn_aborted("1", "interrupted")).turn("b").read();
        assert_eq!((aborted.complete_turns, aborted.complete_items), (1, 4));
        let chatty = Told::new().turn("a").item(call("1")).item(message("assistant", "more")).read();
        assert_eq!((chatty.complete_turns, chatty.complete_items), (1, 5));
        let compacted = Told::new().turn("a").turn("b").compacted(&["sum"]).user("c").read();
        assert_eq!((compacted.complete_turns, compacted.complete_items, compacted.items.len()), (2, 1, 2));
    }

    #[test]
    fn the_cwd_is_that_of_the_last_turn_that_still_counts() {
        let context =
            |cwd: &str| Draft::other("turn_context", json!({"cwd": cwd, "sandbox_policy": {"type": "read-only"}}));
        let told = || Told::new().record(context("/one")).turn("a").record(context("/two")).turn("b");
        let cwd = |told: Told| told.read().cwd.unwrap_or_default().display().to_string();
        assert_eq!(cwd(told()), "/two");
        assert_eq!(cwd(told().rolled_back(1)), "/one");
        assert_eq!(cwd(Told::new().turn("a")), "/meta");
        let headless = Told(Vec::new()).user("<environment_context><cwd>/told</cwd>").turn("a");
        assert_eq!(cwd(headless), "/told");
        assert_eq!(Told(Vec::new()).turn("a").read().cwd, None);
    }
}
