//! One client of `codex app-server`, without its pipes.
//!
//! Whoever uses it owns the process and both pipes, and with them the tap: lines that the client makes are written as
//! they are, and messages that were read are given to it with their [`Mark`](crate::wire::Mark). It says what each one
//! means and what is to be written next. So the harness journals every frame before anything looks at it, a server that
//! drives Codex does not, and both follow a conversation by the same rules:
//!
//! * A thread that this process has not loaded is brought back by exactly `thread/resume {threadId}` or
//!   `thread/fork {threadId}`, once; calls that want it meanwhile wait for that answer. Then comes `turn/start`.
//! * A fork has a new id. Who goes on with the old one is led to the newest ([`GoesOn`]), in later lives too.
//! * A turn ends with the `turn/completed` that names it, never by order, even if that is read before the answer to
//!   `turn/start`. A prompt that Codex steers into a running turn ends with that turn.
//! * What Codex says is collected from `item/completed`: the `turn/completed` of 0.105.0 and 0.130.0 lists no items.
//! * What it warns of on a thread (`warning`) goes with the next call that ends there.
//!
//! Messages are read for the few fields that matter and are otherwise left alone (seen: 0.105.0, 0.130.0, 0.153.4 and
//! 0.169.0), so a newer release may add what it likes. The wire has no `jsonrpc` member in either direction.
//!
//! What Codex restores by itself, and so what is tested, is less than what it could be told (seen on the bare binary, each
//! with the id alone): the sandbox of a thread only in 0.169.0 and only from the `thread_settings_applied` that it wrote;
//! the approval policy from 0.153.4. A turn that died is told to the model as interrupted on purpose by `thread/fork` from
//! 0.130.0, and by what 0.130.0 … 0.169.0 write when stdin closes, 0.169.0 also on SIGTERM. A second `turn/start` in
//! mid-turn is answered with the running turn from 0.153.4; before, with the id of a turn that never ends.

mod client;
mod frames;
mod threads;
mod turns;
mod warnings;

pub use client::{Client, Event};
pub use frames::{Settings, Thread, accept, decline, initialize, initialized};
pub use threads::{GoesOn, How};
pub use turns::{End, Outcome};
