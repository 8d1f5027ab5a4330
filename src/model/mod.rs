//! The stub model.
pub mod gate;
pub mod script;
