//! Rehydration.
pub mod alias;
pub mod error;
pub mod lock;
mod look_up;
pub mod note;
pub mod policy;
