//! Stories of single threads.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::rollout::DamageKind;
use crate::rollout::draft::{Draft, message};
use crate::rollout::items::ItemFacts;

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

fn texts(items: &[Item]) -> String {
    let text = |item: &Item| {
        let facts = ItemFacts::of(item.raw());
        facts.texts().first().or(facts.kind.as_ref()).map(|text| text.to_string()).unwrap_or_default()
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
    let long = "x".repeat(assemble::KEPT_USER_BYTES - 3);
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
    assert_eq!((texts(&history.items).as_str(), history.damage.len()), ("a, function_call, function_call_output", 0));
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
    assert_eq!((history.complete_turns, texts(&history.of_complete_turns()).as_str()), (1, "a, re a"));
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

/// What became of everything that a thread said, in short.
fn fates(told: Told) -> String {
    let transcript = read_transcript_bytes(told.0, Path::new(NAME)).unwrap();
    let fate = |entry: Entry| {
        let facts = ItemFacts::of(entry.raw());
        let said =
            facts.texts().first().or(facts.kind.as_ref()).map_or("compacted".to_owned(), |text| text.to_string());
        let fate = match entry.fate {
            Fate::Live => "live",
            Fate::CompactedAway(_) => "compacted",
            Fate::RolledBack(_) => "back",
            Fate::NotSent(_) => "not sent",
        };
        format!("{said}: {fate}")
    };
    transcript.map(|entry| fate(entry.unwrap())).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_transcript_tells_what_a_compaction_and_a_rollback_took_out() {
    let told = Told::new().user("a").compacted(&["sum"]).user("b").user("c").rolled_back(1).user("d");
    assert_eq!(fates(told), "a: compacted, compacted: live, b: live, c: back, thread_rolled_back: live, d: live");
    let over = Told::new().user("a").user("b").compacted(&[]).user("c").rolled_back(2).item(message("system", "s"));
    assert_eq!(fates(over), "a: live, b: back, compacted: back, c: back, thread_rolled_back: live, s: not sent");
    let old = Told::new().turn("a").record(Draft::other("compacted", json!({"message": "sum"}))).user("b");
    assert_eq!(fates(old), "a: live, re a: compacted, compacted: live, b: live");
    let orphan = json!({"type": "function_call_output", "call_id": "1", "output": "x"});
    assert_eq!(fates(Told::new().item(orphan).item(call("2"))), "function_call_output: not sent, function_call: live");
}

#[test]
fn an_unusable_compaction_is_told_as_one_whatever_comes_after_it() {
    let told = || Told::new().user("a").record(Draft::other("compacted", json!({})));
    assert_eq!(fates(told()), "a: live, compacted: not sent");
    assert_eq!(fates(told().compacted(&[])), "a: compacted, compacted: not sent, compacted: live");
    assert_eq!(fates(told().rolled_back(1)), "a: back, compacted: not sent, thread_rolled_back: live");
}

#[test]
fn each_value_comes_with_what_says_it_and_what_it_overrode() {
    let context = Draft::other("turn_context", json!({"cwd": "/turn", "model": "old", "approval_policy": "never"}));
    let settings = json!({"model": "new", "model_provider_id": "p", "cwd": "/turn"});
    let applied = Draft::event(json!({"type": "thread_settings_applied", "thread_settings": settings}));
    let told = Told::new().record(context).user("<environment_context><cwd>/env</cwd>").record(applied).turn("a");
    let thread = told.read().thread;
    let (cwd, model) = (thread.cwd.unwrap(), thread.model.unwrap());
    let kinds =
        |told: &[(_, crate::rollout::meta::Source)]| told.iter().map(|(_, from)| from.kind.name()).collect::<Vec<_>>();
    let overrode: Vec<_> = cwd.overrode.iter().map(|(_, from)| from.kind.name()).collect();
    assert_eq!((cwd.value.as_path(), cwd.from.kind.name()), (Path::new("/turn"), "turn_context"));
    assert_eq!(overrode, ["session_meta", "environment_context"]);
    assert_eq!((model.value.as_str(), model.from.kind.name()), ("new", "thread_settings_applied"));
    assert_eq!((kinds(&model.overrode), model.overrode[0].0.as_str()), (vec!["turn_context"], "old"));
    assert_eq!(model.from.place.unwrap().line, Some(4));
    assert_eq!(
        (thread.provider.unwrap().value.as_str(), thread.approval.unwrap().from.kind.name()),
        ("p", "turn_context")
    );
    assert_eq!((thread.effort, thread.id.from.kind.name()), (None, "session_meta"));
}
