//! Raw events: exact bytes and process facts, before anything was made of them.

#![allow(missing_docs)] // the fields whose names say it all; the others are documented
use serde::{Deserialize, Serialize};

use super::{Body, TargetProfile, Watched};

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From us to the target, or from the target to the model.
    In,
    /// From the target to us, or from the model to the target.
    Out,
}

/// One line on the target's stdin (`In`) or stdout (`Out`), without its newline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    pub direction: Direction,
    pub bytes: Body,
    /// The line had no newline: the writer died or closed in the middle of it.
    pub partial: bool,
}

/// One line of the target's stderr.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stderr {
    pub bytes: Body,
}

/// A process was started for this life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    pub pid: u32,
    pub argv: Vec<String>,
    pub cwd: String,
    /// Names of the environment variables it was given; values only of those that hold no secret.
    pub env: Vec<(String, String)>,
    /// The server, where it is another than the run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Box<TargetProfile>>,
    /// What the injector sees of it.
    #[serde(default, skip_serializing_if = "Watched::is_nothing")]
    pub watched: Watched,
}

/// The process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
}

/// Bytes on a connection to the stub model: a request's head and body (`In`), a part of the answer (`Out`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelBytes {
    pub connection: u32,
    pub direction: Direction,
    pub bytes: Body,
}
