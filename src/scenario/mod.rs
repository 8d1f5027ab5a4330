//! The scenario file.
mod types;
pub use types::*;
