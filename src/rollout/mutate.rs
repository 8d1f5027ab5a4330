//! Damage on purpose.

/// One way to damage a rollout.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutator {
    /// Cuts the last record so that `keep` of its bytes stay and its newline goes.
    TornTail {
        /// How much stays.
        keep: Keep,
    },
}

/// See [`Mutator::TornTail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// That many bytes, at most all but one.
    Bytes(u64),
    /// Half of the record.
    Half,
    /// The whole record; only its newline goes.
    AllButNewline,
}
