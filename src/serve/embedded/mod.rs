//! The engine that needs no Codex: see [`engine`] for what it is, `turn` for the order in which it does things, and
//! [`model`] for what it talks to. `bugs` holds its defects on purpose, which no release has.

#[cfg(all(test, feature = "planted-bugs"))]
mod bug_tests;
mod bugs;
mod disk;
pub mod engine;
mod exchange;
pub mod http_model;
mod log;
pub mod model;
mod outputs;
mod request;
mod revive;
mod settings;
#[cfg(test)]
mod tests;
mod thread;
mod turn;

#[cfg(feature = "planted-bugs")]
pub use bugs::{Bug, UnknownBug};
pub use engine::{EmbeddedEngine, Parts};
