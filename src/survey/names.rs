//! The words by which servers call what a conversation needs, in arguments, results and texts.

/// Names of what a person says, the likeliest first.
pub(super) const PROMPTS: [&str; 16] = [
    "prompt",
    "question",
    "message",
    "query",
    "instruction",
    "instructions",
    "task",
    "text",
    "input",
    "request",
    "content",
    "msg",
    "ask",
    "goal",
    "utterance",
    "body",
];
/// Names of what holds a conversation together.
pub(super) const CONVERSATIONS: [&str; 9] =
    ["session", "thread", "conversation", "chat", "dialog", "dialogue", "discussion", "context", "sid"];
/// Names of what may lead to one.
pub(super) const HANDLES: [&str; 12] =
    ["id", "uuid", "resume", "continue", "previous", "parent", "handle", "token", "ref", "key", "run", "agent"];
/// Names of a directory, the likeliest first.
pub(super) const DIRECTORIES: [&str; 9] =
    ["cwd", "workdir", "dir", "directory", "folder", "workspace", "root", "project", "path"];
/// Names of what is said to a server about how it works, and never to a model.
pub(super) const SETTINGS: [&str; 16] = [
    "model",
    "role",
    "title",
    "name",
    "format",
    "language",
    "lang",
    "url",
    "file",
    "sandbox",
    "policy",
    "mode",
    "version",
    "effort",
    "temperature",
    "system",
];

/// The words of a name, however they are joined: `sessionId`, `session_id`, `session-id`, `SessionID`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut begins = true;
    let chars: Vec<char> = name.chars().collect();
    for (n, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            begins = true;
            continue;
        }
        let before = n.checked_sub(1).and_then(|n| chars.get(n));
        let after_lower = before.is_some_and(|b| b.is_lowercase() || b.is_numeric());
        let ends_capitals =
            before.is_some_and(|b| b.is_uppercase()) && chars.get(n + 1).is_some_and(|a| a.is_lowercase());
        if c.is_uppercase() && (after_lower || ends_capitals) {
            begins = true;
        }
        if begins {
            words.push(String::new());
        }
        begins = false;
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        for (name, expected) in [
            ("sessionId", &["session", "id"][..]),
            ("session_id", &["session", "id"]),
            ("SESSION-ID", &["session", "id"]),
            ("previousResponseID2", &["previous", "response", "id2"]),
            ("HTTPPath", &["http", "path"]),
            ("", &[]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }
}
