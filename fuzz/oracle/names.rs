//! What holds of names and ids, whatever the text: what is taken for one is spelt as one, and leads nowhere else.

use rehydra::rollout::ThreadId;
use rehydra::rollout::locate::RolloutName;

pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(id) = ThreadId::parse(text) {
        let spelt = id.to_string();
        assert!(spelt.len() == 36 && spelt.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'), "{spelt}");
        assert_eq!(ThreadId::parse(&spelt).ok(), Some(id));
        assert!(text.to_ascii_lowercase().replace('-', "").contains(&spelt.replace('-', "")), "{text} is not {spelt}");
    }
    if let Some(name) = RolloutName::parse(text) {
        assert!(!text.contains(['/', '\0']), "a name with a directory in it: {text}");
        assert!(text.starts_with("rollout-") && (text.ends_with(".jsonl") || text.ends_with(".jsonl.zst")), "{text}");
        let lower = text.to_ascii_lowercase();
        assert!(lower.contains(&name.thread.to_string()), "{text} does not hold {}", name.thread);
        assert!(lower.contains(&name.rollout_id().to_string()), "{text} does not hold {}", name.rollout_id());
    }
}
