//! Checks: pure functions from a journal to an outcome.
mod names;
pub use names::Invariant;
