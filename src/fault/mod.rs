//! Faults: something that goes wrong on purpose, *at* a trigger, *what* an action.
pub mod armed;
pub mod client;
pub mod plan;
pub mod write;
