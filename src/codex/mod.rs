//! Codex seen from outside: what a user has configured.

mod toml_source;
pub mod user_config;
