//! Rehydration.
pub mod alias;
pub mod error;
pub mod lock;
pub mod note;
pub mod policy;
