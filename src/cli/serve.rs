//! `rehydra serve`: the rehydrating MCP server.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{Exit, Failure, Outcome};
