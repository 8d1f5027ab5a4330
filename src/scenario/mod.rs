//! The scenario file: a story as TOML, and the same story as data.
//!
//! `grammar.rs` says what a grammar is made of, `keys.rs` and those beside it (`keys_call.rs`, …) are the grammar of a
//! scenario. A text is read in `parse.rs`, held against the grammar in `conform.rs`, taken out of its tree in `parse_step.rs` and `parse_call.rs`, and judged as
//! a story in `story.rs` and `reach.rs`; everything that is wrong comes back at once as [`Diagnostics`]. `schema.rs`
//! writes the same grammar as JSON Schema for editors, `write.rs` writes a story as text again. `baseline.rs` reads what
//! a suite is known to find and `baseline_text.rs` writes it, `profile.rs` the foreign servers of a project, `load.rs`
//! reads suites from disk, and `builtin.rs` holds the one inside the binary.
//!
//! The room knows no target, plays nothing and waits for nothing. Only `load.rs` touches the disk.

mod baseline;
mod baseline_text;
mod builtin;
mod conform;
mod diagnostic;
mod grammar;
mod keys;
mod keys_call;
mod keys_client;
mod keys_fail;
mod keys_fault;
mod keys_files;
mod keys_profile;
mod load;
mod other_target;
mod parse;
mod parse_call;
mod parse_fault;
mod parse_step;
mod places;
mod profile;
mod reach;
pub mod schema;
mod story;
mod suggest;
mod types;
mod view;
mod write;

pub use baseline::{Baseline, Gap};
pub use baseline_text::baseline_text;
pub use builtin::{builtin, builtin_baseline, fixture};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use load::{BASELINE_FILE, LoadError, Problem, baseline_of, load};
pub use places::PathPart;
pub use profile::{PLACEHOLDERS, PROFILES_FILE, Profile, Profiles};
pub use schema::schema;
pub use types::*;
pub use write::{json as toml_value, string as toml_string, to_toml};
