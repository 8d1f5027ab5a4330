//! How a client comes and goes, as data.
//!
//! A server meets its clients at both ends of a life: how it is opened differs from client to client, and so does what
//! is done to it when the client leaves. Openings and ladders here are those of real clients, read from what they write
//! to a server's pipe and from the signals that reach it: Claude Code 2.1.330, Codex 0.153.4 as a client, the Python SDK
//! 2.3 and rmcp 3.9.0. Waits between the rungs of a ladder are part of the data. No verdict depends on them: a server
//! that ends at the first rung never meets the second.

use super::plan::Action;

/// How a client opens the conversation in a new life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// `initialize`, `notifications/initialized`, and once in a run `tools/list`: Codex, the SDKs, rmcp.
    #[default]
    Plain,
    /// `server/discover` first, `initialize` once that is answered or [`PROBE_MS`] have passed, then as
    /// [`Opening::Plain`] but for the newer version that is offered: Claude Code.
    ProbeFirst,
    /// The same with a server that is slow to start: `initialize` follows on the same pipe while the probe is still open,
    /// and whatever is answered to the probe comes late. Nobody waits for it: what a slow server finds in its pipe is the
    /// same.
    ProbeLate,
    /// Claude Code's restart at the next call: probe and `initialize`, then that call, without `tools/list`.
    Lazy,
    /// The server is spawned twice within milliseconds. The first process gets the probe and is thrown away, the second
    /// gets `initialize` as its first line: Claude Code, with a server that ends at the probe.
    Twice,
}

/// How long Claude Code waits for the answer to its probe, in milliseconds.
pub const PROBE_MS: u64 = 2_400;

/// A rung of a ladder: what is done next if the life is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Milliseconds after the rung before it.
    pub after_ms: u64,
    /// A signal or a closed stdin.
    pub end: Action,
}
