//! Thread ids: a UUID or refused.
//!
//! Which spellings are an id, and what is said of one that is none, is Codex's and not a library's: clients match on
//! the text, and UUID libraries change both from release to release. Forms and texts here were seen on the real 0.153.4
//! (0.105.0 and 0.130.0 have the same).

use std::fmt;

use uuid::Uuid;

/// A thread's id. Its text is lower case with hyphens, whatever form it was given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(Uuid);

/// Why a text is no thread id. Its display is the text that Codex's server gives after `Failed to parse thread_id: `
/// (0.105.0, 0.130.0, 0.153.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The first character that cannot be in an id.
    #[error(
        "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `{found}` at {at}"
    )]
    Character {
        /// The character.
        found: char,
        /// Its byte, from 1.
        at: usize,
    },
    /// Digits alone, but not 32 of them; also the empty text.
    #[error("invalid length: expected length 32 for simple format, found {0}")]
    Length(usize),
    /// Not five groups.
    #[error("invalid group count: expected 5, found {0}")]
    GroupCount(usize),
    /// Five groups, the first wrong one of which is named.
    #[error("invalid group length in group {group}: expected {expected}, found {found}")]
    GroupLength {
        /// From 0.
        group: usize,
        /// How many digits it has to have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
}

const URN: &str = "urn:uuid:";
/// Digits of each group of the hyphenated form.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl ThreadId {
    /// Takes every form that Codex takes: 32 digits, the hyphenated form, and that form after `urn:uuid:` or in braces;
    /// digits in upper or lower case.
    pub fn parse(text: &str) -> Result<ThreadId, IdError> {
        let (inner, before) = unwrap(text);
        let hyphens = scan(inner, before)?;
        if hyphens == 0 && before == 0 {
            if inner.len() != 32 {
                return Err(IdError::Length(inner.len()));
            }
        } else {
            check_groups(inner, hyphens)?;
        }
        // Digits and groups were counted, so nothing is left that could be wrong.
        Uuid::try_parse(inner).map(ThreadId).map_err(|_| IdError::Length(inner.len()))
    }

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

/// What stands behind the prefix or between the braces, and how many bytes stand before it.
fn unwrap(text: &str) -> (&str, usize) {
    if let Some(inner) = text.strip_prefix(URN) {
        return (inner, URN.len());
    }
    match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) => (inner, 1),
        None => (text, 0),
    }
}

/// The number of hyphens, if there is nothing but these and digits.
fn scan(inner: &str, before: usize) -> Result<usize, IdError> {
    let mut hyphens = 0;
    for (at, found) in inner.char_indices() {
        match found {
            '-' => hyphens += 1,
            digit if digit.is_ascii_hexdigit() => {}
            _ => return Err(IdError::Character { found, at: before + at + 1 }),
        }
    }
    Ok(hyphens)
}

fn check_groups(inner: &str, hyphens: usize) -> Result<(), IdError> {
    if hyphens != GROUPS.len() - 1 {
        return Err(IdError::GroupCount(hyphens + 1));
    }
    for (group, (digits, expected)) in inner.split('-').zip(GROUPS).enumerate() {
        if digits.len() != expected {
            return Err(IdError::GroupLength { group, expected, found: digits.len() });
        }
    }
    Ok(())
}

impl From<Uuid> for ThreadId {
    fn from(uuid: Uuid) -> ThreadId {
        ThreadId(uuid)
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "01a2019e-7c9d-7000-8000-000000000001";

    #[test]
    fn every_form_that_codex_takes_is_the_same_id() {
        let simple = PLAIN.replace('-', "");
        for form in
            [PLAIN.to_owned(), PLAIN.to_uppercase(), simple, format!("urn:uuid:{PLAIN}"), format!("{{{PLAIN}}}")]
        {
            assert_eq!(ThreadId::parse(&form).unwrap().to_string(), PLAIN, "{form}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_in_the_words_of_0_153_4() {
        let simple = PLAIN.replace('-', "");
        let character = |found: char, at: usize| {
            format!(
                "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `{found}` at {at}"
            )
        };
        let length = |found: usize| format!("invalid length: expected length 32 for simple format, found {found}");
        let count = |found: usize| format!("invalid group count: expected 5, found {found}");
        let cases = [
            (String::new(), length(0)),
            ("n".into(), character('n', 1)),
            ("aü".into(), character('ü', 2)),
            ("../../etc/passwd".into(), character('.', 1)),
            ("\0".into(), character('\0', 1)),
            ("-".into(), count(2)),
            ("{}".into(), count(1)),
            ("{".into(), character('{', 1)),
            ("urn:uuid:".into(), count(1)),
            (format!("urn:uuid:{PLAIN}x"), character('x', 46)),
            (format!("URN:UUID:{PLAIN}"), character('U', 1)),
            ("urn:uuid:u".into(), character('u', 10)),
            (format!("{{{PLAIN}"), character('{', 1)),
            (format!("{PLAIN}}}"), character('}', 37)),
            (format!("{{{PLAIN}}}}}"), character('}', 38)),
            (format!("{{{simple}}}"), count(1)),
            (format!("urn:uuid:{simple}"), count(1)),
            (format!("{simple}0"), length(33)),
            ("a".repeat(300), length(300)),
            ("01a2019e-7c9d-7000-8000".into(), count(4)),
            (format!("{PLAIN}-"), count(6)),
            (
                "01a2019e7-c9d-7000-8000-000000000001".into(),
                "invalid group length in group 0: expected 8, found 9".into(),
            ),
            (format!("{PLAIN}0"), "invalid group length in group 4: expected 12, found 13".into()),
            ("----".into(), "invalid group length in group 0: expected 8, found 0".into()),
        ];
        for (text, expected) in cases {
            assert_eq!(ThreadId::parse(&text).unwrap_err().to_string(), expected, "{text:?}");
        }
    }
}
