//! Codex seen from outside: what each release can do, how it is configured for a run, what a user has configured.

pub mod hermetic;
mod toml_source;
pub mod user_config;
pub mod version;
