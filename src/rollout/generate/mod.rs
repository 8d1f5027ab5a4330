//! Synthetic rollouts: a conversation of a chosen length, content and size in the shape of a chosen era.
//!
//! A generator knows what it wrote, so a test needs nobody's reader to know what a correct one finds: the expected
//! answer ([`Expected`]) comes back beside the bytes. Everything is decided by the arguments. The same ones give the
//! same bytes, and nothing of a clock, of randomness or of a directory's order enters.
//!
//! The shapes are those of files that Codex wrote: record kinds, their order and their keys, by version where the
//! version shows, without the bulk (base instructions, token counts, sandbox descriptions). Real Codex of the era
//! resumes them, bare ones excepted, which no current version reads.
//!
//! A file is written record by record ([`write()`]), as text and without a tree of values in between, so memory holds the
//! answer and one record, whatever the size. [`generate`] is the same into memory. Threads that continue others, and
//! whole homes, are in [`home`](mod@home).

mod author;
mod expected;
pub mod home;
mod out;
mod records;
mod spec;
mod text;
mod thread;
mod tools;

pub use super::era::Era;
pub use expected::{Base, Damaged, Expected, Shown, home_path};
pub use spec::{MODEL, MODEL_PROVIDER, Spec, ToolKind};
pub use thread::{Generated, Lineage, Thread, generate, write};
