//! Patterns with `*` and `{a,b}` and nothing else.

/// Most patterns without braces that one with braces may stand for.
pub(crate) const ALTERNATIVES: usize = 100;

/// The patterns without braces that a pattern stands for: `a{b,c}d` for `abd` and `acd`, where `b` may be empty. Braces do
/// not nest, and one without its other half is itself. `None` if they are more than [`ALTERNATIVES`].
pub(crate) fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut made = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, inside, after)) = braces(rest) {
        let choices: Vec<&str> = inside.split(',').collect();
        if made.len() * choices.len() > ALTERNATIVES {
            return None;
        }
        let longer = |made: &String| choices.iter().map(|choice| format!("{made}{before}{choice}")).collect::<Vec<_>>();
        made = made.iter().flat_map(longer).collect();
        rest = after;
    }
    Some(made.into_iter().map(|made| made + rest).collect())
}

/// What stands before, in and behind the first pair of braces.
fn braces(pattern: &str) -> Option<(&str, &str, &str)> {
    let (before, behind) = pattern.split_once('{')?;
    let (inside, after) = behind.split_once('}')?;
    Some((before, inside, after))
}

/// Whether the whole text is what one of the alternatives says, where `*` stands for any text, the empty one and `/`
/// included.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    alternatives(pattern).unwrap_or_default().iter().any(|pattern| stars(pattern, text))
}

/// Takes time in proportion to the product of the two lengths at most, and no memory.
fn stars(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last star does not fit: behind the star, one byte further in the text.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(byte) if text.get(t) == Some(byte) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((behind, from)) => {
                    (p, t) = (behind, from + 1);
                    retry = Some((behind, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_everything_else_is_itself() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("idle/*", "idle/kill-9", true),
            ("idle/*", "idle", false),
            ("*/kill-9", "a/b/kill-9", true),
            ("a*b*c", "axxbxxbyc", true),
            ("a*b*c", "axxbxxby", false),
            ("a.c", "abc", false),
            ("a?c", "abc", false),
            ("*a*", "bbb", false),
            ("ä*", "äö", true),
            ("{idle,turn}/*", "turn/eof", true),
            ("{idle,turn}/*", "disk/eof", false),
            ("codex@0.1{05,30}.0/app-server{,:fork}", "codex@0.130.0/app-server", true),
            ("codex@0.1{05,30}.0/app-server{,:fork}", "codex@0.105.0/app-server:fork", true),
            ("codex@0.1{05,30}.0/app-server{,:fork}", "codex@0.105.0", false),
            ("a{b", "a{b", true),
            ("a}b{", "a}b{", true),
            ("{}", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_that_stands_for_too_many_stands_for_none() {
        assert_eq!(alternatives(&"{a,b}".repeat(6)).map(|all| all.len()), Some(64));
        assert_eq!(alternatives(&"{a,b}".repeat(100)), None);
    }

    #[test]
    fn a_hostile_pattern_ends() {
        assert!(!matches(&"*a".repeat(1_000), &"a".repeat(999)));
        assert!(!matches(&format!("{}b", "*a".repeat(500)), &"a".repeat(5_000)));
    }
}
