//! The hidden launcher: becomes a program that dies with the harness.

use std::process::ExitCode;

use crate::proc;
