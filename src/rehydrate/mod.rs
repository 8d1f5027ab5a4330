//! Rehydration.
pub mod error;
pub mod note;
pub mod policy;
