//! From bytes to what stands on a line: [`source`] gives bytes, [`lines`] finds lines in them without holding more than
//! one, [`skim`] checks a line as JSON in one pass and says where its parts stand, and [`sift`] makes records and damage of
//! it by the few [`keys`] that decide, and by the [`parts`] of messages and outputs. The slow ways are [`split`], for a line that holds something torn, and [`join`],
//! for a record that was broken over lines; both are taken only where [`skim`] refuses a line.
//! [`value`] makes a value of a text where somebody asks for it.

pub(super) mod join;
pub(super) mod keys;
pub(super) mod lines;
pub(super) mod parts;
pub(super) mod sift;
pub(super) mod skim;
pub(super) mod source;
pub(super) mod split;
pub(super) mod strings;
pub(super) mod value;
