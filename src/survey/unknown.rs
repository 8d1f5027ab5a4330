//! What a server says to an id that it does not know, as a pattern: the texts to two such ids, compared.
//!
//! What both texts share is the pattern, but for the ids themselves. A text that shares too little with the other (a
//! random number in front, a time) gives none, and is told.

/// Shortest text that tells one error from another, in characters.
const TELLING_CHARS: usize = 8;
/// Longest part of a text that a pattern is made of, in characters.
const PATTERN_CHARS: usize = 160;

/// An id and the text that it got.
pub(super) type Refused<'a> = (&'a str, &'a str);

/// A regular expression for the errors that two unknown ids got; `None` if they have too little in common.
pub(super) fn pattern(one: Refused<'_>, other: Refused<'_>) -> Option<String> {
    let parts = |(id, text): Refused<'_>| text.split(id).map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (parts(one), parts(other));
    if a == b {
        return of_parts(&a);
    }
    let same = |pair: &(char, char)| pair.0 == pair.1;
    let (a, b) = (a.first()?, b.first()?);
    let shared: String = a.chars().zip(b.chars()).take_while(same).map(|(c, _)| c).collect();
    of_parts(&[shared])
}

fn of_parts(parts: &[String]) -> Option<String> {
    let mut left = PATTERN_CHARS;
    let mut pattern = String::from("^");
    let mut telling = 0;
    for (n, part) in parts.iter().enumerate() {
        let line = part.lines().next().unwrap_or_default();
        let kept: String = line.chars().take(left).collect();
        if n > 0 {
            pattern.push_str(".*");
        }
        pattern.push_str(&regex_lite::escape(&kept));
        telling += kept.chars().filter(|c| c.is_alphanumeric()).count();
        left -= kept.chars().count();
        if kept.len() < part.len() || left == 0 {
            break;
        }
    }
    (telling >= TELLING_CHARS).then(|| pattern.trim_end_matches(".*").to_owned())
}

/// An id that nobody has, of the same shape as `known`: each letter and digit another one. `turn` tells several apart.
pub(super) fn like(known: &str, turn: u8) -> String {
    let shift = |c: char, first: u8, count: u8, by: u8| char::from(first + (c as u8 - first + by) % count);
    let other = |(n, c): (usize, char)| {
        let by = turn.wrapping_mul(3).wrapping_add(u8::try_from(n % 5).unwrap_or(0)) % 8 + 1;
        match c {
            '0'..='9' => shift(c, b'0', 10, by),
            // In hexadecimal, letters have to stay below g.
            'a'..='f' => shift(c, b'a', 6, by % 5 + 1),
            'A'..='F' => shift(c, b'A', 6, by % 5 + 1),
            'g'..='z' => shift(c, b'g', 20, by),
            'G'..='Z' => shift(c, b'G', 20, by),
            c => c,
        }
    };
    match uuid::Uuid::parse_str(known) {
        // Version and variant are part of what makes a text a UUID for some readers.
        Ok(id) if known.len() == 36 => {
            let mut bytes = *id.as_bytes();
            for byte in bytes.iter_mut().skip(10) {
                *byte = byte.wrapping_mul(31).wrapping_add(turn.wrapping_mul(77).wrapping_add(13));
            }
            uuid::Uuid::from_bytes(bytes).to_string()
        }
        _ => known.chars().enumerate().map(other).collect(),
    }
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::*;

    fn checked(one: Refused<'_>, other: Refused<'_>) -> Option<String> {
        let pattern = pattern(one, other)?;
        let matches = Regex::new(&pattern).expect("an expression");
        for (_, text) in [one, other] {
            assert!(matches.is_match(text), "{pattern} does not match {text}");
        }
        Some(pattern)
    }

    #[test]
    fn the_id_is_left_open_wherever_it_stands() {
        let both = |text: &str| checked(("a1", &text.replace("ID", "a1")), ("b2", &text.replace("ID", "b2")));
        assert_eq!(both("no such session: ID").as_deref(), Some("^no such session: "));
        assert_eq!(both("'ID' is no session here (ID)").as_deref(), Some(r"^'.*' is no session here \(.*\)"));
        assert_eq!(both("unknown session").as_deref(), Some("^unknown session"));
        assert_eq!(both("no such session: ID\nat line 7").as_deref(), Some("^no such session: "));
    }

    #[test]
    fn what_differs_between_two_errors_is_left_out() {
        let found = checked(("a", "no such session (request 17)"), ("b", "no such session (request 18)"));
        assert_eq!(found.as_deref(), Some(r"^no such session \(request 1"));
        assert_eq!(checked(("a1", "17: gone"), ("b1", "18: gone")), None);
        assert_eq!(checked(("a", ""), ("b", "")), None);
    }

    #[test]
    fn a_long_text_gives_a_pattern_of_its_beginning() {
        let text = "no such thing ".repeat(100);
        assert!(checked(("a7", &text), ("b7", &text)).is_some_and(|pattern| pattern.len() < 2 * PATTERN_CHARS));
    }

    #[test]
    fn an_unknown_id_has_the_shape_of_a_known_one() {
        for known in ["abc-421", "7f3a00ff9c", "s_Zz", "0199a201-9e7c-7d00-8000-000000000001", "conv.1", "42"] {
            let (one, other) = (like(known, 1), like(known, 2));
            assert!(one != known && other != known && one != other, "{known}: {one}, {other}");
            let shape = |text: &str| -> String {
                text.chars()
                    .map(|c| {
                        if c.is_ascii_digit() {
                            '9'
                        } else if c.is_alphabetic() {
                            'a'
                        } else {
                            c
                        }
                    })
                    .collect()
            };
            if known.len() != 36 {
                assert_eq!(shape(&one), shape(known));
            }
            assert_eq!(uuid::Uuid::parse_str(known).is_ok(), uuid::Uuid::parse_str(&one).is_ok());
        }
    }
}
