//! One call of a story, healthy unless a test says otherwise.

use serde_json::Value;

use super::CWD;
use crate::journal::*;

/// One call and what comes of it.
#[derive(Clone, Debug)]
pub(in crate::check) struct Say {
    pub(in crate::check) client: Option<String>,
    pub(in crate::check) thread: String,
    pub(in crate::check) kind: CallKind,
    pub(in crate::check) sent: Option<String>,
    pub(in crate::check) id_is: IdChoice,
    pub(in crate::check) returned: Option<String>,
    /// The history part of its model request; none if the model is not asked.
    pub(in crate::check) history: Option<Vec<Item>>,
    pub(in crate::check) outcome: AnswerOutcome,
    /// Instead of the reply with its marker.
    pub(in crate::check) text: Option<String>,
    pub(in crate::check) raw: Option<Value>,
    pub(in crate::check) notes: Vec<Note>,
    pub(in crate::check) faulted: bool,
    pub(in crate::check) cwd_told: Option<String>,
    pub(in crate::check) sandbox: String,
    pub(in crate::check) approval: String,
    pub(in crate::check) digest: Option<String>,
    pub(in crate::check) refused: Option<Refusal>,
    /// Whether the journal tells what was planted.
    pub(in crate::check) planted: bool,
}

impl Say {
    fn new(thread: &str, kind: CallKind, sent: Option<&str>, returned: &str) -> Say {
        Say {
            client: None,
            thread: thread.into(),
            kind,
            sent: sent.map(str::to_owned),
            id_is: IdChoice::Current,
            returned: Some(returned.into()),
            history: Some(Vec::new()),
            outcome: AnswerOutcome::Reply,
            text: None,
            raw: None,
            notes: Vec::new(),
            faulted: false,
            cwd_told: Some(CWD.into()),
            sandbox: "read-only".into(),
            approval: "on-request".into(),
            digest: Some("d1".into()),
            refused: None,
            planted: true,
        }
    }

    pub(in crate::check) fn start(thread: &str, id: &str) -> Say {
        Say::new(thread, CallKind::Start, None, id)
    }

    pub(in crate::check) fn reply(thread: &str, sent: &str, returned: &str, history: Vec<Item>) -> Say {
        Say { history: Some(history), ..Say::new(thread, CallKind::Reply, Some(sent), returned) }
    }

    /// A reply that is refused before the model is asked.
    pub(in crate::check) fn refused(thread: &str, sent: &str) -> Say {
        Say {
            outcome: AnswerOutcome::ToolError,
            history: None,
            text: Some(format!("Session not found for thread_id: {sent}")),
            ..Say::new(thread, CallKind::Reply, Some(sent), sent)
        }
    }
}

pub(in crate::check) fn note(kind: &str) -> Note {
    Note { kind: kind.into(), text: kind.into() }
}
