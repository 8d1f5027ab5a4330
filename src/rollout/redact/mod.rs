//! A rollout without what was said in it: placeholder text of the same length and shape.
//!
//! A broken thread can only be handed over when nothing private is left in it, and is only worth handing over when it
//! is still broken in the same way. So every byte that could carry somebody's words is replaced by another of its kind,
//! and no byte moves: a letter becomes `x` or `X`, a digit `1`, a character of several bytes another of as many;
//! punctuation, white space, line ends, JSON escapes, zero bytes and what is not UTF-8 stay what they are, and so does
//! every offset that a `history_base` names.
//!
//! It works by what is *allowed*, not by what looks secret (`words.rs`): kept are keys and enumerated words that Codex
//! itself writes, the shapes of times and versions, the numbers that records are ordered by, and the tags by which Codex
//! knows its own messages. All else goes, whatever it is: names of unknown keys and kinds, numbers, tool arguments, paths,
//! images, encrypted reasoning. Ids are replaced by others of the same shape, the same one everywhere (`ids.rs`), so calls
//! still find their outputs and segments their bases; a version-7 id keeps its time, by which files are found.
//!
//! Damage keeps its shape because the lexer (`lexer.rs`) knows no errors: torn, glued and foreign bytes are taken as text
//! where no string can be told, and text is replaced. Records that the reader finds are lexed one by one, what stands
//! between them line by line, so a torn string never hides what follows it.
//!
//! Markers can be planted into the texts of users and assistants (`plant.rs`), by which a scenario can say what of the
//! history came back.

mod ids;
mod lexer;
mod plant;
mod redactor;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use redactor::{Redactor, Removed};
