//! Faults: something that goes wrong on purpose, *at* a trigger, *what* an action.
//!
//! [`plan`] and [`client`] are data. [`armed`] waits for triggers and takes actions. What a life does to its files is seen
//! and changed by the injector, [`mod@write`]; [`files`] is what decides there, [`touch`] when a fault fires at a file.
pub mod armed;
pub mod client;
pub mod files;
pub mod plan;
pub mod power;
pub mod touch;
pub mod write;
