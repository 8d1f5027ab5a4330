//! From bytes to records: lines, what stands on them, and what is torn.

pub(super) mod skim;
pub(super) mod split;
