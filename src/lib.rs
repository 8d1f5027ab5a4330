//! Rehydra kills MCP servers in mid-conversation and proves that `codex-reply` brings the conversation back.
//!
//! It starts a server that holds conversations, talks to it, kills it at an exact point, damages what it left on disk,
//! starts it again, and judges from what the *model receives* whether the conversation came back: the right history, the
//! right cwd, a new `threadId`. It carries a server of its own that does come back (`rehydra serve`).
//!
//! # Where to start
//!
//! | you want | use |
//! |---|---|
//! | a story told step by step from a test | [`Harness`] |
//! | one scenario file played from a test | [`run_scenario`] |
//! | each scenario of a directory as a test | [`testing`] |
//! | what came out, and why | [`report::Case`], [`verdict::Verdict`], [`check::Finding`] |
//! | to read, write, generate or damage rollouts | [`rollout`] |
//! | the chain that mends a restart | [`rehydrate`] |
//! | the program itself | [`cli`], `rehydra --help` |
//!
//! `docs/library.md` is the guide to the first four, and says what is stable.
//!
//! # The house
//!
//! ```text
//! scenario ──▶ player ──▶ journal ──▶ checks ──▶ verdict ──▶ reports
//!               │  ▲
//!    ┌──────────┼──┴───────┐
//!  client    target      stub model          (all of them only append events to the journal)
//! ```
//!
//! The house has rooms, top to bottom; imports only ever point down, and `tests/rooms.rs` holds it:
//!
//! | room | what lives there |
//! |---|---|
//! | [`testing`] | scenarios as tests of a user's test binary |
//! | [`cli`] | one file per subcommand, and the exit codes |
//! | [`harness`] | playing and judging for whoever asks: by hand, one file, a suite |
//! | [`report`] | terminal, JSON, JUnit, Markdown, annotations; nothing else prints |
//! | [`explore`] | every crash point of a conversation |
//! | [`verdict`] | findings × baseline → verdict |
//! | [`player`] | plays a scenario: steps, markers, faults |
//! | [`survey`] | gets to know a server that nobody has described, by talking to it |
//! | [`target`] | the server under test: homes, live processes, the recording client |
//! | [`scenario`] | the file format, its diagnostics and schema; baselines |
//! | [`fault`] | triggers and actions as data; armed faults |
//! | [`model`] | the stub: scripts, gates, server |
//! | [`serve`] | our server: engine, threads, a thin MCP adapter |
//! | [`rehydrate`] | the chain: alias, policy, continuation |
//! | [`check`] | pure functions from a journal to an outcome |
//! | [`codex`] | Codex seen from outside: install, versions, configuration |
//! | [`responses`] | the Responses API on the wire |
//! | [`rollout`] | the format: reader, history, writer, generator, mutators |
//! | [`journal`] | events, header, writer, reader, blobs |
//! | [`proc`], [`wire`] | processes; line-delimited JSON-RPC over exact bytes |
//! | [`world`] | the seams: disk, clock, ids |
//!
//! Four small files may be imported by every room: [`marker`], [`limits`], `glob` for patterns with stars, and [`neutral`],
//! which makes a stranger's text harmless.
//!
//! Without default features only these, `rollout`, `rehydrate` and `world` are built, and neither tokio nor an HTTP or MCP
//! library is: a parser's tests need no more. The public face of the chain that mends a restart:
//!
//! * [`rollout::find_thread_path_by_id_str`]: thread id → file
//! * [`rollout::read_session_meta_line`]: file → metadata
//! * [`rehydrate::resume_thread_from_rollout`]: history → a new thread
//! * [`rehydrate::try_rehydrate_from_disk`]: all of it, for an id that is not in memory
#![deny(unsafe_code)]

pub mod limits;
pub mod marker;
pub mod neutral;
pub mod rehydrate;
pub mod rollout;
pub mod world;

#[cfg(feature = "harness")]
pub mod check;
#[cfg(feature = "harness")]
pub mod cli;
#[cfg(feature = "harness")]
pub mod codex;
#[cfg(feature = "harness")]
pub mod explore;
#[cfg(feature = "harness")]
pub mod fault;
#[cfg(feature = "harness")]
mod glob;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "harness")]
pub mod journal;
#[cfg(feature = "harness")]
pub mod model;
#[cfg(feature = "harness")]
pub mod parser;
#[cfg(feature = "harness")]
pub mod player;
#[cfg(feature = "harness")]
pub mod proc;
#[cfg(feature = "harness")]
pub mod report;
#[cfg(feature = "harness")]
pub mod responses;
#[cfg(feature = "harness")]
pub mod scenario;
#[cfg(feature = "harness")]
pub mod serve;
#[cfg(feature = "harness")]
pub mod survey;
#[cfg(feature = "harness")]
pub mod target;
#[cfg(feature = "harness")]
pub mod testing;
#[cfg(feature = "harness")]
pub mod verdict;
#[cfg(feature = "harness")]
pub mod wire;

#[cfg(feature = "harness")]
pub use harness::{Harness, run_scenario};

/// The guide's programs are compiled with the tests.
#[cfg(all(doctest, feature = "libtest"))]
#[doc = include_str!("../docs/library.md")]
pub struct Guide;
