//! Damage as it is told to people and programs: by class, with what follows from it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rollout::{Consequence, Damage, DamageKind};

/// What a file's damage comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing is wrong, or nothing but noise.
    Healthy,
    /// Something is wrong, and nothing that a turn said is lost.
    Damaged,
    /// Something that a turn said, a setting it ran under, or the metadata can no longer be read.
    Lossy,
    /// It can not be read at all.
    Unreadable,
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Healthy => "healthy",
            Verdict::Damaged => "damaged",
            Verdict::Lossy => "lossy",
            Verdict::Unreadable => "unreadable",
        }
    }

    /// What damage with this as its gravest consequence comes to.
    pub(super) fn of(gravest: Option<Follows>) -> Verdict {
        match gravest {
            None | Some(Follows::Harmless) => Verdict::Healthy,
            Some(Follows::Used | Follows::PassedOver) => Verdict::Damaged,
            Some(Follows::Lost) => Verdict::Lossy,
        }
    }
}

/// What follows from damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Follows {
    /// Nothing is missing.
    Harmless,
    /// It was mended or salvaged, and is used.
    Used,
    /// It is not used, and was not for the model either.
    PassedOver,
    /// Something that a turn said, or a setting it ran under, can no longer be read.
    Lost,
}

impl Follows {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Follows::Harmless => "harmless",
            Follows::Used => "used",
            Follows::PassedOver => "passed over",
            Follows::Lost => "lost",
        }
    }
}

impl From<Consequence> for Follows {
    fn from(consequence: Consequence) -> Follows {
        match consequence {
            Consequence::Harmless => Follows::Harmless,
            Consequence::Used => Follows::Used,
            Consequence::PassedOver => Follows::PassedOver,
            Consequence::Lost => Follows::Lost,
        }
    }
}

/// One oddity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct DamageTold {
    /// Which file: 0 the one that was asked for, then its bases.
    pub file: u32,
    /// Line, from 1; null where lines were not counted.
    pub line: Option<u64>,
    /// The first of its bytes.
    pub from_byte: u64,
    /// The byte after its last one.
    pub to_byte: u64,
    /// Its class.
    pub class: String,
    /// What follows from it.
    pub follows: Follows,
    /// What it is, and what was done about it.
    pub text: String,
}

impl From<&Damage> for DamageTold {
    fn from(damage: &Damage) -> DamageTold {
        DamageTold {
            file: damage.file,
            line: damage.line,
            from_byte: damage.bytes.start,
            to_byte: damage.bytes.end,
            class: class_of(damage.kind),
            follows: damage.consequence.into(),
            text: says(damage),
        }
    }
}

/// What it is, without its place.
fn says(damage: &Damage) -> String {
    let whole = damage.to_string();
    whole.split_once(": ").map_or(whole.clone(), |(_, says)| says.to_owned())
}

/// The name of a kind in words with hyphens: `TornTail` is `torn-tail`.
fn class_of(kind: DamageKind) -> String {
    let name = format!("{kind:?}");
    let mut class = String::new();
    for c in name.chars().take_while(char::is_ascii_alphanumeric) {
        if c.is_ascii_uppercase() && !class.is_empty() {
            class.push('-');
        }
        class.push(c.to_ascii_lowercase());
    }
    class
}

/// One class of damage in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct ClassCount {
    /// Its class.
    pub class: String,
    /// The gravest of what follows.
    pub follows: Follows,
    /// What it is.
    pub text: String,
    /// How often it is there.
    pub count: u64,
    /// Line of the first, from 1.
    pub line: Option<u64>,
    /// The first byte of the first.
    pub byte: u64,
}

/// The damage of one file, counted.
#[derive(Debug, Default)]
pub(super) struct Classes(BTreeMap<String, ClassCount>);

impl Classes {
    pub(super) fn count(&mut self, damage: &Damage) {
        let DamageTold { class, follows, text, .. } = DamageTold::from(damage);
        let (line, byte) = (damage.line, damage.bytes.start);
        let known = self.0.entry(class.clone());
        let known = known.or_insert(ClassCount { class, follows, text, count: 0, line, byte });
        known.count += 1;
        known.follows = known.follows.max(follows);
    }

    pub(super) fn verdict(&self) -> Verdict {
        Verdict::of(self.0.values().map(|class| class.follows).max())
    }

    /// The gravest first, then the most frequent.
    pub(super) fn into_counts(self) -> Vec<ClassCount> {
        let mut counts: Vec<ClassCount> = self.0.into_values().collect();
        counts.sort_by_key(|class| (std::cmp::Reverse(class.follows), std::cmp::Reverse(class.count)));
        counts
    }
}
