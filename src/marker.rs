//! Markers: unique tokens planted in every prompt, reply and tool call, by which history is recognised.
//!
//! A marker is twelve ASCII bytes, `rh`, a letter for what carries it, `-`, and eight characters of the alphabet
//! `0-9a-z`: `rhp-3k9x02ma`. The length is fixed and both neighbours must not be alphanumeric or `-`, so a marker that
//! a fault cut short is not taken for a whole one. Plain lower-case ASCII survives JSON, SSE, TOML and every tokenizer.
//! Nothing here does I/O; any room may import this file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What carries a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Carrier {
    /// A user's prompt.
    Prompt,
    /// An assistant's text.
    Reply,
    /// The arguments of a tool call.
    Call,
    /// The output of a tool call.
    Output,
    /// A reasoning item's summary.
    Reasoning,
    /// The summary that a compaction leaves.
    Summary,
}

impl Carrier {
    const ALL: [Carrier; 6] =
        [Carrier::Prompt, Carrier::Reply, Carrier::Call, Carrier::Output, Carrier::Reasoning, Carrier::Summary];

    fn letter(self) -> u8 {
        match self {
            Carrier::Prompt => b'p',
            Carrier::Reply => b'r',
            Carrier::Call => b'c',
            Carrier::Output => b'o',
            Carrier::Reasoning => b't',
            Carrier::Summary => b's',
        }
    }

    fn from_letter(letter: u8) -> Option<Carrier> {
        Carrier::ALL.into_iter().find(|c| c.letter() == letter)
    }
}

/// One marker. Ordered and hashed by its text.
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marker(String);

/// Length of a marker in bytes.
pub const MARKER_BYTES: usize = 12;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl Marker {
    /// The marker number `n` of the stream `seed`: the same pair always gives the same marker, and within one seed two
    /// numbers below 2^40 never give the same one.
    pub fn new(carrier: Carrier, seed: u64, n: u64) -> Marker {
        // An odd multiplier is a bijection modulo 2^40, and 36^8 > 2^40: spread without collisions.
        let mask = (1u64 << 40) - 1;
        let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed.wrapping_mul(0xD134_2543_DE82_EF95)) & mask;
        let mut text = [b'0'; MARKER_BYTES];
        text[0] = b'r';
        text[1] = b'h';
        text[2] = carrier.letter();
        text[3] = b'-';
        for place in text[4..].iter_mut().rev() {
            *place = DIGITS[(x % 36) as usize];
            x /= 36;
        }
        Marker(text.iter().map(|b| *b as char).collect())
    }

    /// What carries it, read from its third letter; `None` where the text is no marker (a journal is outside input).
    pub fn carrier(&self) -> Option<Carrier> {
        self.0.as_bytes().get(2).copied().and_then(Carrier::from_letter)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Every whole marker in `text`, in order, repeats included.
pub fn find(text: &str) -> Vec<Marker> {
    let bytes = text.as_bytes();
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let mut found = Vec::new();
    let mut at = 0;
    while at + MARKER_BYTES <= bytes.len() {
        let token = &bytes[at..at + MARKER_BYTES];
        let alone = (at == 0 || !inside(bytes[at - 1])) && bytes.get(at + MARKER_BYTES).is_none_or(|b| !inside(*b));
        if alone && is_marker(token) {
            found.push(Marker(text[at..at + MARKER_BYTES].to_owned()));
            at += MARKER_BYTES;
        } else {
            at += 1;
        }
    }
    found
}

fn is_marker(token: &[u8]) -> bool {
    token.starts_with(b"rh")
        && Carrier::from_letter(token[2]).is_some()
        && token[3] == b'-'
        && token[4..].iter().all(|b| DIGITS.contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_it_made_and_nothing_cut_short() {
        let m = Marker::new(Carrier::Prompt, 7, 1);
        assert_eq!(find(&format!("Remember blue. {m}\n{m}.")), vec![m.clone(), m.clone()]);
        assert_eq!(find(&m.as_str()[..11]), vec![]);
        assert_eq!(find(&format!("x{m}")), vec![]);
        assert_eq!(find(&format!("\"{m}\\n\"")), vec![m.clone()]);
        assert_eq!(m.carrier(), Some(Carrier::Prompt));
    }

    #[test]
    fn numbers_of_one_seed_do_not_collide() {
        let all: std::collections::HashSet<_> = (0..10_000).map(|n| Marker::new(Carrier::Reply, 3, n)).collect();
        assert_eq!(all.len(), 10_000);
    }
}
