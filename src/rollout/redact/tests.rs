//! What is taken out, and what stays.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Redactor;
use crate::marker::{self, Marker};
use crate::rollout::draft::{Draft, message};
use crate::rollout::generate::{Spec, generate};
use crate::rollout::mutate::{Mutator, Where};
use crate::rollout::{Damage, Era, History, ThreadId, read_history_bytes};

const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";

fn redactor() -> Redactor {
    Redactor::new(b"a key of this test", 5)
}

fn name() -> String {
    format!("sessions/2026/11/22/rollout-2026-11-22T16-02-07-{ID}.jsonl")
}

fn generated(era: Era) -> Vec<u8> {
    let (sandbox, approval) = ("read-only".to_owned(), "never".to_owned());
    let spec = Spec {
        turns: 4,
        era,
        seed: 7,
        tools: 1,
        interrupted: true,
        compaction: Some(2),
        sandbox,
        approval,
        ..Spec::default()
    };
    let id = ThreadId::parse(ID).unwrap();
    generate(&spec, id, "/a/project", Timestamp::from_second(1_795_363_327).unwrap()).bytes
}

/// The shape of an item: its kinds, roles and the lengths of its texts.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.chars().map(char::len_utf8).sum::<usize>()),
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        other => other.clone(),
    }
}

fn kinds(damage: &[Damage]) -> Vec<String> {
    damage.iter().map(|d| format!("{} {:?} {:?} {:?} {:?}", d.file, d.line, d.bytes, d.kind, d.consequence)).collect()
}

fn markers(history: &History) -> Vec<Marker> {
    let texts = |item: Value| {
        let content = item["content"].as_array().cloned().unwrap_or_default();
        content.iter().flat_map(|part| marker::find(part["text"].as_str().unwrap_or_default())).collect::<Vec<_>>()
    };
    history.items.iter().flat_map(|item| texts(item.value())).collect()
}

#[test]
fn every_class_of_damage_in_every_era_keeps_its_places_and_its_shape() {
    let mut compared = 0;
    for era in Era::ALL {
        for mutator in Mutator::all().filter(|mutator| mutator.applies_to(era)) {
            let case = format!("{} in {era:?}", mutator.name());
            let mutated = mutator.apply(&generated(era), Where::Seed(3));
            if mutated.compressed {
                continue;
            }
            let bytes = mutated.bytes;
            let mut redactor = redactor();
            let redacted = redactor.redact(&bytes);
            assert_eq!(redacted.len(), bytes.len(), "{case}");
            let name = redactor.path(Path::new(&name()));
            let (before, after) =
                (read_history_bytes(bytes.clone(), Path::new(&self::name())), read_history_bytes(redacted, &name));
            let (Ok(before), Ok(after)) = (&before, &after) else {
                assert!(before.is_err() && after.is_err(), "{case}: {before:?} {after:?}");
                continue;
            };
            assert_eq!(kinds(&after.damage), kinds(&before.damage), "{case}");
            let shapes = |history: &History| history.items.iter().map(|i| shape(&i.value())).collect::<Vec<_>>();
            assert_eq!(shapes(after).len(), shapes(before).len(), "{case}");
            assert_eq!(
                (after.complete_turns, after.cwd.is_some()),
                (before.complete_turns, before.cwd.is_some()),
                "{case}"
            );
            let planted = read_history_bytes(redactor.plant_only(&bytes), Path::new(&self::name())).unwrap();
            assert_eq!(markers(&planted), markers(after), "{case}");
            compared += 1;
        }
    }
    assert!(compared > 30 * Era::ALL.len(), "{compared}");
}

#[test]
fn texts_keep_length_and_shape_and_messages_get_markers() {
    let mut redactor = redactor();
    let bytes = generated(Era::Paginated);
    let redacted = redactor.redact(&bytes);
    let (before, after) = (bytes.split(|b| *b == b'\n'), redacted.split(|b| *b == b'\n'));
    for (before, after) in before.zip(after).filter(|(before, _)| !before.is_empty()) {
        let value = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        assert_eq!(shape(&value(before)["payload"]["content"]), shape(&value(after)["payload"]["content"]));
        assert_eq!(value(before)["type"], value(after)["type"]);
        assert_eq!(value(before)["ordinal"], value(after)["ordinal"]);
        assert_eq!(value(before)["timestamp"], value(after)["timestamp"]);
    }
    let history = read_history_bytes(redacted, &redactor.path(Path::new(&name()))).unwrap();
    assert_eq!(markers(&history).len(), 8, "{history:?}");
    assert_eq!(history.meta.id, redactor.id(ThreadId::parse(ID).unwrap()));
}

#[test]
fn ids_keep_their_relations_and_their_time() {
    let mut redactor = redactor();
    let id = ThreadId::parse(ID).unwrap();
    let new = redactor.id(id);
    assert_ne!(new, id);
    assert_eq!(new.to_string()[..15], ID[..15]);
    assert_eq!(redactor.path(Path::new(&name())), Path::new(&name().replace(ID, &new.to_string())));
    let call = json!({"type": "function_call", "call_id": "call_Ab12", "name": "mine", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "call_Ab12", "output": "x"});
    let lines = [Draft::response_item(call), Draft::response_item(output)];
    let bytes: Vec<u8> = lines.iter().flat_map(|draft| draft.line(Timestamp::UNIX_EPOCH, None)).collect();
    let redacted = redactor.redact(&bytes);
    let value =
        |line: usize| serde_json::from_slice::<Value>(redacted.split(|b| *b == b'\n').nth(line).unwrap()).unwrap();
    let (call, output) = (value(0)["payload"]["call_id"].clone(), value(1)["payload"]["call_id"].clone());
    assert_eq!(call, output);
    assert!(call.as_str().unwrap().starts_with("call_") && call != "call_Ab12");
}

/// Secrets of a test, each another: letters and digits that stand nowhere else.
struct Secrets(Vec<String>);

impl Secrets {
    fn next(&mut self) -> String {
        let n = self.0.len();
        let letter = |k: usize| char::from(b'a' + ((n * 7 + k * 11 + n * k) % 26) as u8);
        let secret: String = (0..14).map(letter).chain(format!("{}", 48_120_000 + n * 137).chars()).collect();
        self.0.push(secret.clone());
        secret
    }
}

/// A rollout with a secret in every place that can hold one.
fn full_of(s: &mut Secrets) -> Vec<u8> {
    let n = |s: &mut Secrets| s.next();
    let meta = json!({
        "id": ID, "timestamp": "2026-11-22T16:02:07.000Z", "cwd": format!("/home/{}/{}", n(s), n(s)),
        "originator": n(s), "cli_version": "0.153.4", "source": n(s), "model_provider": n(s),
        "base_instructions": {"text": n(s)}, "instructions": n(s),
        "git": {"commit_hash": n(s), "branch": n(s), "repository_url": format!("git@{}.com:{}.git", n(s), n(s))},
    });
    let context = json!({
        "cwd": format!("/{}", n(s)), "approval_policy": "never", "model": n(s), "effort": n(s), "user_instructions": n(s),
        "sandbox_policy": {"type": "workspace-write", "writable_roots": [format!("/{}", n(s))], n(s): n(s)},
    });
    let environment = format!("<environment_context>\n  <cwd>/{}</cwd>\n  <{}>{}</x>", n(s), n(s), n(s));
    let image = json!({"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": n(s)}, {"type": "input_image", "image_url": format!("data:image/png;base64,{}", n(s))},
    ]});
    let arguments =
        json!({n(s): n(s), "cmd": format!("curl -H 'Bearer {}' {}@{}.org", n(s), n(s), n(s)), "n": 4_811_223_344_u64});
    let mut drafts = vec![
        Draft::other("session_meta", meta),
        Draft::other("turn_context", context),
        Draft::user_item(&environment),
        Draft::response_item(image),
        Draft::user_message(&n(s)),
        Draft::response_item(json!({
            "type": "function_call", "name": n(s), "call_id": format!("call_{}", n(s)), "arguments": arguments.to_string(),
        })),
        Draft::response_item(
            json!({"type": "function_call_output", "call_id": n(s), "output": format!("a\n{}\t\"{}\"", n(s), n(s))}),
        ),
        Draft::response_item(
            json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": n(s)}], "encrypted_content": n(s)}),
        ),
        Draft::response_item(
            json!({"type": "local_shell_call", "action": {"type": "exec", "command": [n(s), n(s)], "env": {n(s): n(s)}}}),
        ),
        Draft::response_item(message("assistant", &format!("Ünïcode 日本語 {} 🙂 {}", n(s), n(s)))),
        Draft::event(json!({"type": "error", "message": n(s), "codex_error_info": n(s)})),
        Draft::event(
            json!({"type": "patch_apply_end", "changes": {format!("/{}/x", n(s)): {"add": {"content": n(s)}}}}),
        ),
        Draft::event(json!({"type": n(s), n(s): [n(s), {n(s): 48_112_233_445_u64}]})),
        Draft::compacted(&n(s), vec![message("user", &n(s))]),
        Draft::other("world_state", json!({"state": {n(s): n(s)}})),
        Draft::other("novelty", json!({"key": n(s), "id": n(s), "timestamp": n(s), "cli_version": n(s), "role": n(s)})),
    ];
    drafts.push(Draft::user_item(&n(s)));
    let mut bytes: Vec<u8> = drafts.iter().flat_map(|draft| draft.line(Timestamp::UNIX_EPOCH, None)).collect();
    let torn = |secret: String| Draft::user_item(&secret).line(Timestamp::UNIX_EPOCH, None);
    // Glued to a torn record; not UTF-8; with a raw line end inside; torn in a key, in a text, outside of any string.
    let line = torn(n(s));
    bytes.extend(&line[..line.len() - 6]);
    bytes.extend(torn(n(s)));
    bytes.extend([b"{\"type\":\"\xff".as_slice(), n(s).as_bytes(), b"\xe6\x97\"}\n"].concat());
    bytes.extend(format!("{{\"text\":\"{}\n{}\",\"{}\":1}}\n", n(s), n(s), n(s)).bytes());
    bytes.extend(format!("{}\n\"{}\"\n{}:{}\n[\"{}\",{{\"{}\n", n(s), n(s), n(s), n(s), n(s), n(s)).bytes());
    bytes.extend(format!("{{\"type\":\"{}\",\"payload\":{{\"type\":\"{}", n(s), n(s)).bytes());
    bytes
}

#[test]
fn no_secret_nor_any_eight_bytes_of_one_are_left() {
    let mut secrets = Secrets(Vec::new());
    let bytes = full_of(&mut secrets);
    let mut redactor = redactor();
    let redacted = redactor.redact(&bytes);
    assert_eq!(redacted.len(), bytes.len());
    let path = redactor.path(Path::new(&format!(
        "sessions/{}/rollout-{} ({}).jsonl",
        secrets.next(),
        secrets.next(),
        secrets.next()
    )));
    let shown = [redacted.as_slice(), path.to_string_lossy().as_bytes()].concat();
    assert!(secrets.0.len() > 60, "{}", secrets.0.len());
    for secret in &secrets.0 {
        for window in secret.as_bytes().windows(8) {
            let at = shown.windows(8).position(|bytes| bytes == window);
            let near = at.map(|at| String::from_utf8_lossy(&shown[at.saturating_sub(60)..(at + 40).min(shown.len())]));
            assert_eq!(near, None, "{secret}");
        }
    }
    for number in ["4811223344", "48112233445"] {
        assert!(!String::from_utf8_lossy(&shown).contains(number), "{number}");
    }
    let removed = redactor.removed();
    assert!(removed.texts > 30 && removed.images == 1 && removed.encrypted == 1 && removed.numbers >= 1, "{removed:?}");
    let (before, after) = (
        read_history_bytes(bytes, Path::new(&name())).unwrap(),
        read_history_bytes(redacted, &redactor.path(Path::new(&name()))).unwrap(),
    );
    assert_eq!(kinds(&after.damage), kinds(&before.damage));
    assert_eq!(after.items.len(), before.items.len());
}

#[test]
fn what_codex_knows_its_messages_by_stays() {
    let said = [
        "<environment_context>\n  <cwd>/home/me</cwd>\n</environment_context>",
        "# AGENTS.md instructions for /home/me",
        "<turn_aborted>\nby me",
    ];
    let bytes: Vec<u8> =
        said.iter().flat_map(|text| Draft::user_item(text).line(Timestamp::UNIX_EPOCH, None)).collect();
    let redacted = String::from_utf8(redactor().redact(&bytes)).unwrap();
    assert!(redacted.contains("<environment_context>\\n  <cwd>/xxxx/xx</cwd>\\n</environment_context>"), "{redacted}");
    assert!(redacted.contains("# AGENTS.md instructions for /xxxx/xx"), "{redacted}");
    assert!(redacted.contains("<turn_aborted>\\nxx xx") && marker::find(&redacted).is_empty(), "{redacted}");
}
