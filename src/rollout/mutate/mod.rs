//! Damage on purpose: one mutator per class of damage that was met on people's disks.
//!
//! A rollout breaks in known ways. A process dies in the middle of a write, a disk loses what was not synced, an old
//! Codex appends to a new one's file, a sync tool copies, an editor saves with carriage returns. [`Mutator::all`] lists
//! the classes, each with its name; [`Mutator::apply`] does one to a file, at a chosen record or at one that a seed
//! draws. The result is bytes again, so that damage composes ([`apply_all`]). What happens to a file's place, its name, its siblings, the
//! files that it builds on, is in [`home`](mod@home).
//!
//! Beside the bytes stands what the damage did ([`Mutated`]): which markers no reader can show the model any more, which
//! a reader may or may not save, what kinds of oddity are there to be told. This comes from the damaged bytes
//! themselves, read by a small model of a correct reader that shares no code with the reader of this crate (`model.rs`):
//! it holds the file in memory, walks it forwards and knows nothing of offsets. So a reader that loses more than it
//! must, or invents, is found out, and it may be a reader in any language.
//!
//! Nothing here writes files, draws from a clock or panics on bytes of any kind; bytes that offer a mutator no place
//! stay as they are, and the caller is told so.

mod bytes;
mod classes;
mod compressed;
mod edit;
pub mod home;
mod lines;
mod meta;
mod model;
mod mutator;
mod records;
mod tail;

pub use mutator::{Keep, Mutated, Mutator, Touched, Where, apply_all};

/// The markers that the model is to be sent for a file that builds on no other, by the model of a correct reader; `None`
/// where a correct reader refuses the file.
pub fn shown(bytes: &[u8]) -> Option<Vec<crate::marker::Marker>> {
    model::shown(bytes, lines::Reading::Plain)
}
