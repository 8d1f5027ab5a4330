//! Codex seen from outside: where it is found and how it is installed, what each release can do, how it is configured
//! for a run, what a user has configured, and a client of its app-server.

pub mod app_server;
mod bounded;
pub mod hermetic;
pub mod install;
pub mod inventory;
mod native;
pub mod overrides;
mod policy_setting;
pub mod through;
mod toml_source;
pub mod user_config;
pub mod version;

#[cfg(test)]
mod install_tests;
#[cfg(test)]
mod testing;
