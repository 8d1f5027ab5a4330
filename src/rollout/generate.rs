//! Synthetic rollouts: a conversation of a chosen length in the shape of a chosen era.
//!
//! A generator knows what it wrote, so a test needs nobody's reader to know what a correct server sends: the markers
//! come back beside the bytes. Everything is decided by the arguments. The same ones give the same bytes, and nothing
//! of a clock, of randomness or of a directory's order enters.
//!
//! The shapes are those of files that Codex wrote: record kinds, their order and their keys, without the bulk (base
//! instructions, token counts, sandbox descriptions). Real Codex of the era resumes them, bare ones excepted, which no
//! current version reads.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::ThreadId;
use super::draft::{self, Draft, utc_millis};
pub use super::era::Era;
use super::settings::{Approval, Sandbox};
use super::writer::relative_path;
use crate::marker::{Carrier, Marker};

/// The model provider that a generated rollout names. Codex resumes no thread whose provider is not configured (0.130.0,
/// 0.153.4, 0.169.0), so a home that is to continue one has a provider of this name.
pub const MODEL_PROVIDER: &str = "stub";
/// The model that it names.
pub const MODEL: &str = "rehydra-stub";

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Complete turns.
    pub turns: u32,
    /// Shape of the file.
    pub era: Era,
    /// Decides ids, markers and texts.
    pub seed: u64,
    /// Tool calls per turn.
    pub tools: u32,
    /// After the complete turns, one that was cut off after its prompt (with tool calls: after its first call).
    pub interrupted: bool,
    /// A compaction after that many turns, or after the last where there are fewer. A bare file knows none.
    pub compaction: Option<u32>,
    /// Sandbox of its turn contexts.
    pub sandbox: String,
    /// Approval policy of its turn contexts.
    pub approval: String,
}

/// A generated rollout and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The file.
    pub bytes: Vec<u8>,
    /// Where it belongs below the home; date and time of the name are UTC.
    pub path: PathBuf,
    /// What a correct server sends to the model for it, in order; what a compaction replaced is not there.
    pub markers: Vec<Marker>,
    /// Of the turn without an end: they may be sent or not.
    pub unacknowledged: Vec<Marker>,
    /// It holds at least one complete turn.
    pub complete: bool,
}

/// Generates the rollout of thread `id`, which lives in `cwd` and begins at `start`.
pub fn generate(spec: &Spec, id: ThreadId, cwd: &str, start: Timestamp) -> Generated {
    let mut file =
        File { spec, id, cwd, start, bytes: Vec::new(), records: 0, drawn: 0, told: false, markers: Vec::new() };
    file.head();
    let compacted_after = spec.compaction.map(|turns| turns.min(spec.turns)).filter(|_| spec.era != Era::Bare);
    let mut prompts = Vec::new();
    for turn in 0..spec.turns {
        if compacted_after == Some(turn) {
            file.compaction(turn, &prompts);
        }
        prompts.push(file.turn(turn));
    }
    if compacted_after == Some(spec.turns) {
        file.compaction(spec.turns, &prompts);
    }
    let acknowledged = file.markers.len();
    if spec.interrupted {
        file.interrupted_turn();
    }
    let mut markers = file.markers;
    let unacknowledged = markers.split_off(acknowledged);
    let path = relative_path(id, start, &TimeZone::UTC);
    Generated { bytes: file.bytes, path, markers, unacknowledged, complete: spec.turns > 0 }
}

struct File<'a> {
    spec: &'a Spec,
    id: ThreadId,
    cwd: &'a str,
    start: Timestamp,
    bytes: Vec<u8>,
    records: u64,
    /// Markers drawn so far.
    drawn: u64,
    /// The environment context has been told.
    told: bool,
    /// Of the live history.
    markers: Vec<Marker>,
}

/// A user's prompt, as an item.
struct Prompt {
    marker: Marker,
    item: Value,
}

/// Time between two records.
const STEP_MS: i64 = 250;
const COLOURS: [&str; 8] = ["blue", "green", "red", "grey", "violet", "amber", "teal", "white"];

impl File<'_> {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.records).unwrap_or(i64::MAX).saturating_mul(STEP_MS);
        self.start.checked_add(SignedDuration::from_millis(passed)).unwrap_or(Timestamp::MAX)
    }

    fn marker(&mut self, carrier: Carrier) -> Marker {
        self.drawn += 1;
        Marker::new(carrier, self.spec.seed, self.drawn)
    }

    /// A marker that is in the live history from here on.
    fn live_marker(&mut self, carrier: Carrier) -> Marker {
        let marker = self.marker(carrier);
        self.markers.push(marker.clone());
        marker
    }

    fn colour(&self) -> &'static str {
        let at = self.spec.seed.wrapping_add(self.drawn.wrapping_mul(5)) % COLOURS.len() as u64;
        COLOURS.get(at as usize).copied().unwrap_or("blue")
    }

    fn push(&mut self, draft: &Draft) {
        let ordinal = (self.spec.era == Era::Paginated).then_some(self.records);
        let line = draft.line(self.now(), ordinal);
        self.bytes.extend_from_slice(&line);
        self.records += 1;
    }

    fn push_bare(&mut self, value: &Value) {
        self.bytes.extend_from_slice(value.to_string().as_bytes());
        self.bytes.push(b'\n');
        self.records += 1;
    }

    /// A record that bare files do not have.
    fn event(&mut self, payload: Value) {
        if self.spec.era != Era::Bare {
            self.push(&Draft::event(payload));
        }
    }

    fn item(&mut self, item: Value) {
        let item = self.dressed(item);
        match self.spec.era {
            Era::Bare => {
                self.push_bare(&item);
                self.push_bare(&json!({"record_type": "state"}));
            }
            _ => self.push(&Draft::response_item(item)),
        }
    }

    /// The item with what later versions write into it: an id, and bookkeeping with a fraction of a second in it.
    fn dressed(&self, item: Value) -> Value {
        let Value::Object(fields) = item else { return item };
        if !matches!(self.spec.era, Era::WorldState | Era::Paginated) {
            return Value::Object(fields);
        }
        let mut dressed = Map::new();
        let mut fields = fields.into_iter();
        dressed.extend(fields.next());
        dressed.insert("id".into(), format!("item_{}", self.records).into());
        dressed.extend(fields);
        if self.spec.era == Era::Paginated {
            let create_time = self.now().as_millisecond() as f64 / 1000.0 + 0.000_450_7;
            let private = json!({"create_time": create_time});
            dressed.insert("internal_chat_message_metadata_passthrough".into(), private);
        }
        Value::Object(dressed)
    }

    fn head(&mut self) {
        match self.spec.era {
            Era::Bare => {
                let at = utc_millis(self.start);
                self.push_bare(&json!({"id": self.id.to_string(), "timestamp": at, "instructions": null}));
                self.push_bare(&json!({"record_type": "state"}));
            }
            _ => {
                let meta = self.session_meta();
                self.push(&Draft::other("session_meta", meta));
            }
        }
    }

    fn session_meta(&self) -> Value {
        let id = self.id.to_string();
        let window = format!("{id}-window");
        let (version, mode) = match self.spec.era {
            Era::Bare | Era::Envelope => ("0.130.0", None),
            Era::WorldState => ("0.147.0", Some("legacy")),
            Era::Paginated => ("0.169.0", Some("paginated")),
        };
        let mut meta = Map::new();
        let mut put = |key: &str, value: Value| meta.insert(key.to_owned(), value);
        if mode.is_some() {
            put("session_id", id.as_str().into());
        }
        put("id", id.as_str().into());
        put("timestamp", utc_millis(self.start).into());
        put("cwd", self.cwd.into());
        put("originator", "codex_exec".into());
        put("cli_version", version.into());
        put("source", "exec".into());
        put("model_provider", MODEL_PROVIDER.into());
        put("base_instructions", json!({"text": "Answer briefly."}));
        if let Some(mode) = mode {
            put("history_mode", mode.into());
            put("context_window", json!({"window_id": window}));
        }
        Value::Object(meta)
    }

    /// What stands before the prompt. The context is told to the model once, in the first turn of the file.
    fn begin_turn(&mut self, turn_id: &str) {
        self.event(json!({"type": "task_started", "turn_id": turn_id, "model_context_window": 258_400}));
        if !std::mem::replace(&mut self.told, true) {
            let cwd = self.cwd;
            let text =
                format!("<environment_context>\n  <cwd>{cwd}</cwd>\n  <shell>bash</shell>\n</environment_context>");
            self.item(draft::message("user", &text));
        }
        if matches!(self.spec.era, Era::WorldState | Era::Paginated) {
            let state = json!({"environments": {"environments": {"local": {"cwd": self.cwd, "shell": "bash"}}}});
            self.push(&Draft::other("world_state", json!({"full": true, "state": state})));
        }
        if self.spec.era != Era::Bare {
            let context = self.turn_context(turn_id);
            self.push(&Draft::other("turn_context", context));
        }
    }

    fn turn_context(&self, turn_id: &str) -> Value {
        let Spec { sandbox, approval, .. } = self.spec;
        let sandbox = Sandbox::from_name(sandbox).map_or_else(|| json!({"type": sandbox}), |known| known.to_value());
        let approval = Approval::from_name(approval).map_or_else(|| json!(approval), |known| known.to_value());
        json!({
            "turn_id": turn_id, "cwd": self.cwd, "approval_policy": approval, "sandbox_policy": sandbox,
            "model": MODEL, "summary": "auto",
        })
    }

    fn prompt(&mut self, turn_id: &str) -> Prompt {
        let colour = self.colour();
        let marker = self.live_marker(Carrier::Prompt);
        let text = format!("Remember the colour {colour}. {marker}");
        let item = draft::message("user", &text);
        self.item(item.clone());
        match self.spec.era {
            Era::Paginated => {
                let content = json!([{"type": "text", "text": text, "text_elements": []}]);
                self.item_completed(turn_id, json!({"type": "UserMessage", "id": "user", "content": content}));
            }
            Era::Bare => {}
            _ => self.push(&Draft::user_message(&text)),
        }
        Prompt { marker, item }
    }

    fn item_completed(&mut self, turn_id: &str, item: Value) {
        let at = self.now().as_millisecond();
        let thread = self.id.to_string();
        self.event(json!({
            "type": "item_completed", "thread_id": thread, "turn_id": turn_id, "item": item,
            "started_at_ms": at, "completed_at_ms": at,
        }));
    }

    fn call(&mut self, call_id: &str) {
        let marker = self.live_marker(Carrier::Call);
        let (name, arguments) = match self.spec.era {
            Era::Bare => ("shell", json!({"command": ["echo", marker.as_str()]})),
            _ => ("exec_command", json!({"cmd": format!("echo {marker}")})),
        };
        let arguments = arguments.to_string();
        self.item(json!({"type": "function_call", "name": name, "arguments": arguments, "call_id": call_id}));
    }

    fn output(&mut self, call_id: &str) {
        let marker = self.live_marker(Carrier::Output);
        let output = format!("Process exited with code 0\nOutput:\n{marker}\n");
        self.item(json!({"type": "function_call_output", "call_id": call_id, "output": output}));
    }

    fn turn(&mut self, turn: u32) -> Prompt {
        let turn_id = format!("turn-{turn}");
        self.begin_turn(&turn_id);
        let prompt = self.prompt(&turn_id);
        for n in 0..self.spec.tools {
            let call_id = format!("call_{turn}_{n}");
            self.call(&call_id);
            self.output(&call_id);
        }
        let reply = format!("Noted. {}", self.live_marker(Carrier::Reply));
        match self.spec.era {
            Era::Paginated => {
                let content = json!([{"type": "Text", "text": reply}]);
                self.item_completed(&turn_id, json!({"type": "AgentMessage", "id": "agent", "content": content}));
            }
            Era::Bare => {}
            _ => self.push(&Draft::agent_message(&reply)),
        }
        self.item(draft::message("assistant", &reply));
        self.event(json!({"type": "task_complete", "turn_id": turn_id, "last_agent_message": reply}));
        prompt
    }

    /// A compaction keeps the users' words and a summary; all else is gone from the live history.
    fn compaction(&mut self, after: u32, prompts: &[Prompt]) {
        let turn_id = format!("compaction-{after}");
        self.event(json!({"type": "task_started", "turn_id": turn_id, "model_context_window": 258_400}));
        self.markers = prompts.iter().map(|prompt| prompt.marker.clone()).collect();
        let summary = format!("Summary so far: colours were named. {}", self.live_marker(Carrier::Summary));
        let mut history: Vec<Value> = prompts.iter().map(|prompt| prompt.item.clone()).collect();
        history.push(draft::message("user", &summary));
        self.push(&Draft::compacted(&summary, history));
        self.event(json!({"type": "context_compacted"}));
        self.event(json!({"type": "task_complete", "turn_id": turn_id, "last_agent_message": null}));
    }

    fn interrupted_turn(&mut self) {
        let turn_id = format!("turn-{}", self.spec.turns);
        self.begin_turn(&turn_id);
        self.prompt(&turn_id);
        if self.spec.tools > 0 {
            self.call(&format!("call_{}_0", self.spec.turns));
        }
    }
}
