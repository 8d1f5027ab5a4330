//! Rehydra kills MCP servers in mid-conversation and proves that `codex-reply` brings the conversation back.
#![deny(unsafe_code)]

pub mod limits;
pub mod marker;
pub mod rollout;
pub mod world;

#[cfg(feature = "harness")]
pub mod check;
#[cfg(feature = "harness")]
pub mod codex;
#[cfg(feature = "harness")]
pub mod fault;
#[cfg(feature = "harness")]
pub mod journal;
#[cfg(feature = "harness")]
pub mod model;
#[cfg(feature = "harness")]
pub mod responses;
#[cfg(feature = "harness")]
pub mod scenario;
#[cfg(feature = "harness")]
pub mod target;
