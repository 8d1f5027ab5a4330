//! Making a stranger's text harmless: what a target, a scenario file or a tool prints is data and commands nobody.
//!
//! Whoever shows such a text says where it is going to stand, and gets one that reads the same there and does nothing: in a
//! terminal ([`line()`], [`block`]), inside a line of ours ([`inside`]), in a page ([`html`]) or in JSON ([`json`]). What would
//! act is replaced by something visible in its place, never dropped, so a reader sees that it was there:
//!
//! * control characters (and with them every escape sequence, CSI and OSC alike) become their Unicode pictures, `␛` or
//!   `␍`; C1 controls, which are escape sequences to some terminals, become `�`;
//! * characters without a width, and those that reorder, join or hide their neighbours, become `�`;
//! * the commands of CI systems lose their shape: `::error::` at the beginning of a line (GitHub passes over spaces before
//!   it), and `##[group]`, `##vso[…]` and `##teamcity[…]` anywhere in it.
//!
//! Nothing here knows how wide a terminal is, or what a secret is: that is the caller's.

/// `text` on one line of at most `chars` characters, with `…` for what is cut off. A tab and white space at the end are
/// not worth a picture.
pub fn line(text: &str, chars: usize) -> String {
    let text = text.trim_end();
    let cut = match text.char_indices().nth(chars) {
        Some((at, _)) => text.get(..at).unwrap_or_default(),
        None => text,
    };
    let mut shown = at_line_start(&inside(cut));
    if cut.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// `text` with its line breaks, each of its lines as [`line()`] shows it.
pub fn block(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            shown.push('\n');
        }
        shown.push_str(&at_line_start(&inside(line.strip_suffix('\r').unwrap_or(line))));
    }
    shown
}

/// `text` for the middle of a line that begins with something else. As many characters as before.
pub fn inside(text: &str) -> String {
    disarmed_brackets(text.chars().map(shown).collect())
}

/// One line whose beginning is no command to CI, whatever spaces stand before it.
pub fn at_line_start(line: &str) -> String {
    let text = line.trim_start();
    match text.strip_prefix("::") {
        Some(rest) => format!("{}:.:{rest}", " ".repeat(line.len() - text.len())),
        None => line.to_owned(),
    }
}

/// `text` for a page: as text between tags or as a quoted attribute. Line breaks stay.
pub fn html(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in block(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            c => shown.push(c),
        }
    }
    shown
}

/// JSON that says the same and can stand anywhere. `document` is a serialised JSON value: what would act on a terminal,
/// on CI or on the page around it (`</script>`) stands only in its strings, and is written there as an escape.
pub fn json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    let mut before = None;
    for c in document.chars() {
        let acts = c == '<' || c == '#' && before == Some('#') || c != '\n' && c != '\t' && !is_plain(c);
        if acts {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
        before = Some(c);
    }
    shown
}

fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        c if is_plain(c) => c,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Neither a control character, nor one that changes the direction, the width or the line of its neighbours.
fn is_plain(c: char) -> bool {
    let acts = matches!(u32::from(c), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
        | 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe0fff);
    !c.is_control() && !acts
}

/// Longest name of a service between `##` and `[`, in characters.
const SERVICE_CHARS: usize = 16;

/// `##[group]` becomes `##(group]`, and `##vso[…]` becomes `##vso(…]`.
fn disarmed_brackets(text: String) -> String {
    if !text.contains("##") {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("##") {
        let (before, hashes) = rest.split_at(at);
        let name: String = hashes
            .chars()
            .skip_while(|c| *c == '#')
            .take_while(char::is_ascii_alphanumeric)
            .take(SERVICE_CHARS)
            .collect();
        let hash_bytes = hashes.len() - hashes.trim_start_matches('#').len();
        let (command, after) = hashes.split_at(hash_bytes + name.len());
        shown.push_str(before);
        shown.push_str(command);
        rest = match after.strip_prefix('[') {
            Some(after) => {
                shown.push('(');
                after
            }
            None => after,
        };
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOSTILE: &str =
        "\u{1b}[2J\u{1b}]0;title\u{7}a\u{9b}31mb\u{202e}c\r\n::error::x ##[group]y ##vso[task.complete]z";

    #[test]
    fn nothing_that_a_terminal_would_obey_is_left_and_all_of_it_shows() {
        assert_eq!(
            line(HOSTILE, 200),
            "␛[2J␛]0;title␇a\u{fffd}31mb\u{fffd}c␍␊::error::x ##(group]y ##vso(task.complete]z"
        );
        assert_eq!(line("a\tb  \r\n", 80), "a b");
        assert_eq!(line("ab\u{202e}c", 2), "ab…");
        assert_eq!(inside("\u{7f}\u{2028}\u{feff}é日"), "\u{2421}\u{fffd}\u{fffd}é日");
    }

    #[test]
    fn no_line_begins_a_command_to_ci() {
        assert_eq!(line("::error::x", 80), ":.:error::x");
        assert_eq!(block("a\r\n  ::warning file=x::y\n\n::z"), "a\n  :.:warning file=x::y\n\n:.:z");
        assert_eq!(line("####[a] ##teamcity[b] # #[c] ##", 80), "####(a] ##teamcity(b] # #[c] ##");
    }

    #[test]
    fn a_page_gets_text_and_no_tags() {
        assert_eq!(html("</script><b a='\"'>&\n\u{1b}"), "&lt;/script&gt;&lt;b a=&#39;&quot;&#39;&gt;&amp;\n␛");
    }

    #[test]
    fn json_says_the_same_without_doing_anything() {
        let value = serde_json::json!({"t": format!("{HOSTILE}</script>\u{e0041}\\##["), "n": [1, "ß"]});
        for document in [value.to_string(), format!("{value:#}")] {
            let text = json(&document);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).ok().as_ref(), Some(&value), "{text}");
            assert!(!text.contains('<') && !text.contains("##") && text.contains('ß'), "{text}");
            assert!(text.chars().all(|c| c == '\n' || is_plain(c)), "{text:?}");
            assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_text_nothing_acts(text in "\\PC*|[#:\\[a-z \\n\u{1b}\u{9b}\u{202e}]{0,40}") {
            for shown in [line(&text, 60), block(&text)] {
                prop_assert!(shown.chars().all(|c| c == '\n' || is_plain(c)), "{:?}", shown);
                prop_assert!(!shown.lines().any(|line| line.trim_start().starts_with("::")), "{:?}", shown);
                prop_assert!(!shown.contains("##[") && !shown.contains("##vso["), "{:?}", shown);
            }
            prop_assert!(line(&text, 60).chars().count() <= 62);
            prop_assert_eq!(inside(&text).chars().count(), text.chars().count());
        }
    }
}
