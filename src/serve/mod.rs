//! Our server: Codex's two tools over MCP, with conversations that survive a restart.
//!
//! `codex` begins a conversation and `codex-reply` continues it, with the names, schemas, results and error texts that
//! Codex 0.153.4 had before its server was removed. What is added is one thing: a `threadId` that this process has never
//! heard of is looked for on disk, and if a rollout is there the conversation goes on in a new thread, whose id the
//! answer names. An id without a rollout gets Codex's own error, unchanged.
//!
//! * [`mcp`] speaks the protocol, [`schema`] and [`arguments`] say what a call may look like;
//! * [`mod@engine`] is the seam: requests in, events and an outcome out, no MCP in sight;
//! * [`threads`] finds the thread that an id leads to: memory, then alias, then disk, one call at a time;
//! * [`embedded`] is an engine that needs no Codex.
//!
//! The server takes its calls from a client and its history from files, and trusts neither. It writes only threads of
//! its own making, and it reads no thread's file while that thread is in memory.

pub mod arguments;
pub mod embedded;
pub mod engine;
pub mod events;
pub mod mcp;
mod options;
mod run;
pub mod schema;
#[cfg(test)]
mod testing;
pub mod threads;

pub use options::{EngineKind, Environment, ServeOptions, UnknownEngine};
pub use run::{RunError, engine, run, serve};
