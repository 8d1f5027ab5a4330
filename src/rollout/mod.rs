//! THE FORMAT: Codex's rollouts, read, written, made up and damaged.
//!
//! A rollout is the JSON-lines transcript of one thread, appended to while the thread lives and never rewritten. Four
//! eras of it lie on people's disks ([`Era`]); this room reads all of them, tells every oddity it meets with
//! its place ([`Damage`]), and rebuilds from the records what the model is to be sent ([`History`]).
//!
//! # Where to start
//!
//! ```
//! use rehydra::rollout::generate::{Spec, generate};
//! use rehydra::rollout::{DamageKind, ThreadId, read_history_bytes};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let id = ThreadId::parse("01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a")?;
//! let mut file = generate(&Spec::default(), id, "/project", "2026-11-22T16:02:07Z".parse()?);
//! file.bytes.truncate(file.bytes.len() - 20);
//!
//! let history = read_history_bytes(file.bytes, &file.path)?;
//! assert_eq!(history.cwd.as_deref(), Some("/project".as_ref()));
//! assert!(history.items.iter().any(|item| item.raw().contains("Remember the colour")));
//! assert_eq!(history.damage.last().map(|damage| damage.kind), Some(DamageKind::TornTail));
//! # Ok(())
//! # }
//! ```
//!
//! | you have | and want | use |
//! |---|---|---|
//! | a thread's id and a home | its file | [`find_thread_path_by_id_str`] |
//! | a file | whose it is, by its own first words | [`read_session_meta_line`] |
//! | a file | what the model is to be sent, the thread's settings with their sources, the damage | [`read_history`] |
//! | a file | everything that was ever said, and what became of it | [`history::read_transcript`] |
//! | a file or bytes | record by record, with each oddity between them | [`reader::Reader`] |
//! | a file or a home | what it holds, for people | [`inspect`] |
//! | a file | what a release of Codex would do with it | [`codex_reads`] |
//! | a broken thread | a clean copy; one without anything private in it | [`repair`]; [`redact`] |
//! | turns of your own | a rollout that Codex resumes | [`writer`] |
//! | a reader of your own | files and homes to try it on, damaged ones, the right answers | [`generate`](mod@generate), [`mutate`], `strategies` |
//!
//! # Where the files lie
//!
//! | below the home | what | since |
//! |---|---|---|
//! | `sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl` | a thread. Day and time of the name are local, all times inside are UTC | 0.20 |
//! | `…-<thread>_<segment>.jsonl` | a later segment of it, which a revert opened: the *first* id is the thread | 0.153 or before |
//! | `archived_sessions/rollout-….jsonl` | a thread that was put away, under its name and without days | 0.130 or before |
//! | `….jsonl.zst` | any of them compressed, which Codex itself does only where a feature is switched on; read from 0.142 on | 0.142 or before |
//!
//! [`locate`] has the rules by which one of several files is the thread. The index in `state_*.sqlite` is not needed.
//!
//! # The eras
//!
//! | era | written by | lines | told apart by |
//! |---|---|---|---|
//! | bare | 0.20.0, 0.29.0 | response items without an envelope, `{"record_type":"state"}` between them | a first line with `id` and no `type` |
//! | envelope | 0.36.0 … 0.142.0 | `{timestamp, type, payload}` | `session_meta` first |
//! | world state | 0.145.0, 0.147.0; `mcp-server` of 0.153.4 | the same, with `world_state` | `history_mode` is `legacy` |
//! | paginated | 0.148.0 … 0.169.0 | the same, with `ordinal`; forks and reverts refer to other files | `history_mode` is `paginated` |
//!
//! What the recordings in `fixtures/` show of single releases, each seen in the file that it wrote:
//!
//! * 0.20.0 says nowhere where the thread works; 0.29.0 says it to the model, in the environment context.
//! * Ids are of version 4 up to 0.36.0, so they carry no time; of version 7 from 0.42.0.
//! * Up to 0.55.0 a call is written together with its output: a process that is killed while a tool runs leaves a prompt
//!   and no call. From 0.105.0 it leaves the call alone.
//! * 0.36.0 gives an image that comes with a prompt a turn of its own, before the prompt's.
//! * A compaction of 0.42.0, 0.55.0 and 0.87.0 names a summary and no history; one of 0.105.0 and later brings its history.
//! * A revert of a thread's first turn (0.169.0) opens a segment that names no base and begins at ordinal 0. Both files
//!   are then unreferred to, and the one with the segment's id is the thread.
//! * `migrate-rollouts` of 0.169.0 keeps the `cli_version` of the release that wrote the thread.
//!
//! # A line
//!
//! Codex writes UTF-8 without a byte order mark, one compact JSON object and `\n`, each as soon as it exists and without
//! a sync (all versions from 0.20 to 0.169 that were run). A killed process so leaves whole lines; torn ones come of power
//! loss and full disks. [`reader`] finds the lines, and what stands on them.
//!
//! The envelope's keys stand in the order timestamp, ordinal (paginated files, on every line), type, payload, and from
//! 0.160 on metadata, on items alone. The kind of a record is its envelope's `type` ([`record::Kind`]); what reaches the
//! model is `response_item` and `compacted`, what changes that is `event_msg` with a `thread_rolled_back`, and everything
//! else is settings, display and bookkeeping.
//!
//! # What counts
//!
//! Which record tells what, and wins where several do:
//!
//! | value | from, the strongest first |
//! |---|---|
//! | id | `session_meta`, line 1 of a bare file, the file's name |
//! | cwd | the last `turn_context`, the last `thread_settings_applied`, `session_meta`, the `<cwd>` that the last environment context tells the model |
//! | model, sandbox, approval | the newest of all `turn_context` and `thread_settings_applied` |
//! | provider | the newest `thread_settings_applied`, `session_meta` |
//! | writer's version | `cli_version` of `session_meta`; a bare file names none |
//! | what it continues | `history_base` and `forked_from_id` of `session_meta` |
//!
//! A thread's records are those of its file, after those that the file inherits ([`lineage`]); compactions and rollbacks
//! decide which of them the model still gets ([`history`]), and the newest record that still counts says under which
//! settings the thread runs ([`meta::ThreadMeta`]).
//!
//! | record | since | what it does |
//! |---|---|---|
//! | `session_meta` | 0.36 | whose file it is; the first counts, a fork up to 0.142 holds its parent's too |
//! | `history_base` in it | 0.148 | the file begins with so many bytes of another one, by that file's own id |
//! | `turn_context` | 0.36 | cwd, model, policies of a turn; up to 0.105 one for each request, later one for each turn |
//! | `thread_settings_applied` | 0.145 | the same of the thread, from when they are changed or it is resumed |
//! | `compacted` | 0.42 | replaces what was before: by a summary, from 0.87 on by a history |
//! | `thread_rolled_back` | 0.130 or before | takes turns back; a paginated thread is reverted into a new file instead |
//! | `task_started`, `task_complete` | 0.105 | where a turn begins and ends |
//!
//! # What is wrong with it
//!
//! | what is found | what is read | what Codex does |
//! |---|---|---|
//! | [a torn last line](DamageKind::TornTail), [one without newline](DamageKind::Unterminated) | what is whole | the same; up to 0.142 it then glues its next record to it |
//! | [records glued to a torn one](DamageKind::Glued) | the whole ones | skips the line |
//! | [a torn record and then all of it](DamageKind::TornRepeat) | the whole one, no loss | skips the torn line |
//! | [a record over several lines](DamageKind::SplitRecord) | mended | skips each line |
//! | [no JSON](DamageKind::BadJson), [half a surrogate pair in what is no record](DamageKind::LoneSurrogate), [too deep](DamageKind::TooDeep), [no record](DamageKind::NotARecord), [zero bytes](DamageKind::NulBytes), [blank lines](DamageKind::Blank) | the lines around it | the same |
//! | [a byte that is not UTF-8](DamageKind::ReplacedBytes) | the record, with U+FFFD in its place | refuses a legacy file |
//! | [one in what is no record](DamageKind::InvalidUtf8) | the lines around it | refuses a legacy file |
//! | [half a surrogate pair](DamageKind::ReplacedSurrogate) | the record, with U+FFFD in its place | skips it |
//! | [a byte order mark](DamageKind::ByteOrderMark) | everything | refuses the file |
//! | [no timestamp](DamageKind::NoTimestamp) | the record | skips it |
//! | [no ordinal](DamageKind::NoOrdinal) | the record | does not continue the thread if it is the last (0.153.4, 0.169) |
//! | [metadata late](DamageKind::LateMeta) or [missing](DamageKind::NoMeta) | everything; rebuilt from name and turns | refuses the file (late: from 0.153 on) |
//!
//! [`DamageKind`] has the rest, and [`codex_reads`] the whole table by version.
//!
//! # What the room promises
//!
//! It promises three things. No bytes make it panic, and what it holds in memory stays proportional to what the live
//! history holds, whatever the file's size. Nothing is passed over without a [`Damage`] that says where it stood. And
//! it writes one kind of file only, the envelope shape that Codex 0.42 to 0.169 resume, never touching the source.
//!
//! It builds without an async runtime, an HTTP stack or a protocol library, so that parsers can be tested against it
//! cheaply; `tests/light.rs` counts the crates.

pub mod codex_reads;
pub mod damage;
pub mod draft;
mod draw;
pub mod era;
pub mod generate;
pub mod history;
pub mod id;
pub mod inspect;
mod items;
pub mod lineage;
pub mod locate;
pub mod manifest;
pub mod meta;
pub mod mutate;
pub mod place;
#[cfg(test)]
mod properties;
mod read_error;
pub mod reader;
pub mod record;
pub mod redact;
pub mod repair;
mod scan;
pub mod settings;
#[cfg(any(test, feature = "strategies"))]
pub mod strategies;
pub mod writer;

pub use damage::{Consequence, Damage, DamageKind};
pub use era::Era;
pub use history::{History, Item, pair, read_history, read_history_bytes, read_history_in, read_whole_history};
pub use id::{IdError, ThreadId};
pub use locate::{find_segment, find_thread_path, find_thread_path_by_id_str};
pub use meta::{SessionMeta, read_session_meta_line};
pub use place::Place;
pub(crate) use scan::source::{is_packed, unpack};
