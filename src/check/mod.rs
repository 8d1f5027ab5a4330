//! Checks: pure functions from a journal to an outcome.
//!
//! [`judge`] runs all of them over one [`Run`](crate::journal::Run). Each promise has a name ([`Invariant`]) and each
//! check says [`Outcome::Held`], [`Outcome::Findings`], [`Outcome::Unjudged`] or [`Outcome::NotApplicable`]. They read
//! semantic events, so they are the same for every dialect, for foreign servers and for the simulator; `protocol` alone
//! reads frames. What they compare against is what the journal says happened, never what a rollout reader of ours makes
//! of a file: the one exception is a second, independent look at the bytes that lay on disk when the thread was loaded.
//!
//! Nothing here knows of a clock, a network or a process, and no journal makes a check panic: events may be missing,
//! doubled or contradictory, and a check that has nothing to look at says so.
//!
//! | file | invariants |
//! |---|---|
//! | `rehydrates` | rehydrates |
//! | `history` | durable (with `wording` and `rollout_at_death`), ordered, once, isolated |
//! | `invented` | nothing-invented |
//! | `paired` | paired |
//! | `settings` | cwd, no-wider |
//! | `auth` | same-auth |
//! | `honest` | honest |
//! | `identity`, `unknown_id` | new-thread-id, stale-id, unknown-id |
//! | `liveness` | responsive, no-orphans |
//! | `files`, `lean` | source-kept, lean |
//! | `protocol`, `additive`, `effects`, `reached` | each its own |
//! | `shown` | shown-is-sent |
//! | `hermetic` | hermetic |
//!
//! `view`, `threads` and `expected` are what they share: who said what, which id belongs to which thread, and which
//! history a turn should have received.

mod additive;
mod all;
mod applies;
mod auth;
mod branches;
mod effects;
mod expected;
mod files;
mod hermetic;
mod history;
mod honest;
mod identity;
mod invented;
mod lean;
mod liveness;
mod names;
mod normalise;
mod notes;
mod origins;
mod outcome;
mod paired;
mod protocol;
mod reached;
mod rehydrates;
mod rollout_at_death;
mod schema;
mod settings;
mod shown;
#[cfg(test)]
mod testing;
mod threads;
mod turn;
mod unknown_id;
mod view;
mod wording;

pub use all::judge;
pub use applies::{not_applicable, not_looked_at};
pub use names::Invariant;
pub use outcome::{Finding, Outcome};
