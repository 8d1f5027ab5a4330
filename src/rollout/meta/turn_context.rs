//! The settings of a turn, as records tell them.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::scan::keys::Sort;
use super::super::scan::skim::Skim;
use super::super::scan::value::value_of;
use super::super::settings::{Approval, Sandbox, text_at};
use super::path_of;

/// The last `turn_context` of a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnContext {
    /// The turn's cwd.
    pub cwd: Option<PathBuf>,
    /// The turn's model.
    pub model: Option<String>,
    /// Reasoning effort.
    pub effort: Option<String>,
    /// Sandbox policy.
    pub sandbox: Option<Sandbox>,
    /// Approval policy.
    pub approval: Option<Approval>,
}

impl TurnContext {
    /// Reads the payload of a `turn_context`; what it lacks or says in another way stays out.
    pub fn from_payload(payload: &Value) -> TurnContext {
        let Some(map) = payload.as_object() else { return TurnContext::default() };
        TurnContext {
            cwd: path_of(map, "cwd"),
            model: text_at(map, "model"),
            effort: text_at(map, "effort").or_else(|| {
                let effort = map.get("collaboration_mode")?.pointer("/settings/reasoning_effort")?;
                effort.as_str().map(str::to_owned)
            }),
            sandbox: Sandbox::from_turn_context(payload),
            approval: Approval::from_turn_context(payload),
        }
    }
}

/// Which kind of record tells settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum SettingsKind {
    TurnContext,
    Applied,
}

/// Settings that one record tells.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct SettingsTold {
    pub(in super::super) kind: SettingsKind,
    pub(in super::super) context: TurnContext,
    /// Told by a `thread_settings_applied` alone.
    pub(in super::super) provider: Option<String>,
}

/// The keys of a `turn_context` or of `thread_settings` that are read. Up to 0.142 the former holds the users'
/// instructions too, many kilobytes for each request to the model, so a value is built from these alone.
const READ: [&str; 8] = [
    "cwd",
    "model",
    "effort",
    "sandbox_policy",
    "permission_profile",
    "approval_policy",
    "collaboration_mode",
    PROVIDER,
];
const PROVIDER: &str = "model_provider_id";

/// The texts of what stands under [`READ`].
type Texts<'a> = [Option<&'a str>; READ.len()];
/// The same, held.
type Kept = [Option<Box<str>>; READ.len()];

impl SettingsTold {
    /// Reads the text of a `turn_context` payload, which has been checked to be JSON.
    pub(in super::super) fn by_turn_context(payload: &str) -> SettingsTold {
        SettingsTold::new(SettingsKind::TurnContext, &texts_in(payload))
    }

    fn new(kind: SettingsKind, texts: &Texts<'_>) -> SettingsTold {
        let told = READ.iter().zip(texts).filter_map(|(key, text)| Some(((*key).to_owned(), value_of((*text)?))));
        let mut read: Map<String, Value> = told.collect();
        let provider = read.remove(PROVIDER).filter(|_| kind == SettingsKind::Applied);
        let provider = provider.and_then(|id| id.as_str().map(str::to_owned));
        SettingsTold { kind, context: TurnContext::from_payload(&Value::Object(read)), provider }
    }
}

/// Reads the settings of one turn after the other. Most tell what the one before told; they share its memory, and
/// nothing is built for them.
#[derive(Default)]
pub(in super::super) struct SettingsReader {
    last: Option<(Kept, Arc<SettingsTold>)>,
}

impl SettingsReader {
    /// Reads the text of a `turn_context` payload, which has been checked to be JSON.
    pub(in super::super) fn turn_context(&mut self, payload: &str) -> Arc<SettingsTold> {
        self.read(SettingsKind::TurnContext, texts_in(payload))
    }

    /// Reads the text of a `thread_settings_applied` payload; `None` where it holds no settings.
    pub(in super::super) fn applied(&mut self, payload: &str) -> Option<Arc<SettingsTold>> {
        let [settings] = fields(payload, &["thread_settings"]);
        Some(self.read(SettingsKind::Applied, texts_in(settings?)))
    }

    fn read(&mut self, kind: SettingsKind, texts: Texts<'_>) -> Arc<SettingsTold> {
        if let Some((last, told)) = &self.last
            && told.kind == kind
            && last.iter().map(Option::as_deref).eq(texts)
        {
            return Arc::clone(told);
        }
        let told = Arc::new(SettingsTold::new(kind, &texts));
        self.last = Some((texts.map(|text| text.map(Box::from)), Arc::clone(&told)));
        told
    }
}

fn texts_in(object: &str) -> Texts<'_> {
    fields(object, &READ)
}

/// The texts of what stands under these keys; of two equal ones the last counts. None where `object` is no object.
fn fields<'a, const N: usize>(object: &'a str, keys: &[&str; N]) -> [Option<&'a str>; N] {
    let mut texts = [None; N];
    let mut skim = Skim::new(object.as_bytes());
    if skim.next_sort() == Sort::Object {
        // The text has been checked, so no flaw comes of it.
        let _ = skim.object(|skim, key| {
            let value = skim.value()?;
            let slot = keys.iter().zip(&mut texts).find(|(name, _)| name.as_bytes() == key);
            if let Some((_, text)) = slot {
                *text = object.get(value);
            }
            Ok(())
        });
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_settings_again_share_their_memory() {
        let mut reader = SettingsReader::default();
        let told = |reader: &mut SettingsReader, turn: u32, model: &str| {
            reader.turn_context(&format!(r#"{{"turn_id":"{turn}","cwd":"/a","model":"{model}","effort":"low"}}"#))
        };
        let (first, second) = (told(&mut reader, 1, "x"), told(&mut reader, 2, "x"));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((first.context.model.as_deref(), first.context.effort.as_deref()), (Some("x"), Some("low")));
        let third = told(&mut reader, 3, "y");
        assert_eq!((third.context.model.as_deref(), third.context.cwd.clone()), (Some("y"), Some("/a".into())));
        let applied = r#"{"thread_settings":{"cwd":"/a","model":"y","effort":"low","model_provider_id":"p"}}"#;
        let applied = reader.applied(applied).unwrap();
        assert_eq!((applied.kind, applied.provider.as_deref()), (SettingsKind::Applied, Some("p")));
        assert!(reader.applied(r#"{"type":"thread_settings_applied"}"#).is_none());
    }

    #[test]
    fn of_two_equal_keys_the_last_counts_however_it_is_spelled() {
        let told = SettingsTold::by_turn_context(r#"{"cwd":"/a","model":"x","\u0063wd":"/b","model":7}"#);
        assert_eq!((told.context.cwd, told.context.model), (Some("/b".into()), None));
        assert_eq!(SettingsTold::by_turn_context("[1]").context, TurnContext::default());
    }
}
