//! Making what a target printed harmless.

/// `text` on one line of at most `chars` characters: control characters (and with them every escape sequence) become
/// visible, bidirectional overrides are dropped, and a leading `::` cannot be taken for a CI command.
pub fn neutral(text: &str, chars: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.trim_end().chars().enumerate() {
        if count >= chars {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push(' '),
            '\u{1b}' => out.push('␛'),
            c if c.is_control() => out.push('·'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            '\u{2028}' | '\u{2029}' => out.push('⏎'),
            c => out.push(c),
        }
    }
    if out.starts_with("::") { format!(" {out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::neutral;

    #[test]
    fn nothing_that_a_terminal_or_ci_would_obey_is_left() {
        assert_eq!(neutral("\u{1b}[31mred\r\n::error::x", 80), "␛[31mred·⏎::error::x");
        assert_eq!(neutral("::error::x", 80), " ::error::x");
        assert_eq!(neutral("ab\u{202e}c", 2), "ab…");
    }
}
