//! THE FORMAT: Codex's rollouts, read, written, made up and damaged.
//!
//! A rollout is the JSON-lines transcript of one thread, appended to while the thread lives and never rewritten. Four
//! eras of it lie on people's disks ([`generate::Era`]); this room reads all of them, tells every oddity it meets with
//! its place ([`Damage`]), and rebuilds from the records what the model is to be sent ([`History`]).
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
pub mod repair;
mod scan;
pub mod settings;
pub mod writer;

pub use damage::{Consequence, Damage, DamageKind};
pub use era::Era;
pub use history::{History, Item, pair, read_history, read_history_bytes, read_history_in, read_whole_history};
pub use id::{IdError, ThreadId};
pub use locate::{find_segment, find_thread_path, find_thread_path_by_id_str};
pub use meta::{SessionMeta, read_session_meta_line};
pub use place::Place;
