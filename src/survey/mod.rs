//! A survey: getting to know a server that nobody has described, by talking to it.
//!
//! Somebody's server has tools of its own, and its own places for prompts, ids and directories. A survey starts it as a
//! run would, in a home of its own with the stub as its model, and holds a conversation with it until all of that is
//! known; what comes out is the profile that `rehydra.toml` holds. It promises three things:
//!
//! * **Nothing is believed.** Names and schemas only decide what is tried first (`candidates`, `ids`). Right is what
//!   the stub sees: a prompt that arrives, a history that comes back.
//! * **Nothing leaves this machine**, and nothing of the server's is touched but what it writes in the trial's directory.
//! * **It ends.** Tools, arguments, calls, pages and time have limits, and every end without a profile is a
//!   [`Trouble`] that says what was tried, what the server said, and what to do.
//!
//! It judges no promise: a server that forgets everything at a restart gets its profile, and `rehydra run` says the rest.
//!
//! | file | what |
//! |---|---|
//! | `schema`, `names` | tools and arguments from input schemas; the words that servers use for them |
//! | `candidates`, `ids` | guesses: which tool, which argument, which value (pure) |
//! | `unknown`, `notes` | patterns of what a server says to an unknown id and of a loss (pure) |
//! | `reach` | the environments in which the model's requests may come to the stub |
//! | `stage`, `files` | one server on a run's own stage, and what it writes there |
//! | `trial`, `after` | the conversation itself: how it begins and goes on; unknown ids, restarts, losses |
//! | `found`, `trouble` | what comes out |
//! | `profile_text` | the profile as a commented `rehydra.toml` |

mod after;
mod candidates;
mod files;
mod found;
mod ids;
mod names;
mod notes;
mod profile_text;
mod reach;
mod schema;
mod stage;
mod trial;
mod trouble;
mod unknown;

pub use found::{Found, Noted, Restart, Survey, Unknown};
pub use profile_text::profile_text;
pub use trial::{Plan, survey};
pub use trouble::Trouble;
