//! What only a conversation that goes on can show: what an unknown id gets, what a restart leaves, and how a loss is told.

use super::found::{Noted, Restart, Unknown};
use super::stage::Stage;
use super::trouble::Trouble;
use super::{ids, notes, unknown};
use crate::journal::{IdIn, Identity, Tool};
use crate::marker::Marker;

/// How a conversation goes on, as the trial has found out.
pub(super) struct Thread<'a> {
    /// The tool that goes on with it.
    pub(super) reply: &'a Tool,
    /// Its id.
    pub(super) id: &'a str,
    /// Where an answer tells it.
    pub(super) id_in: &'a IdIn,
    /// The markers of the prompts that have been said in it.
    pub(super) said: [&'a Marker; 2],
}

/// Asks for two conversations that are not there.
pub(super) async fn asked_for_unknown(stage: &mut Stage, thread: &Thread<'_>) -> Unknown {
    let ids = [unknown::like(thread.id, 1), unknown::like(thread.id, 2)];
    let mut texts = Vec::new();
    for id in &ids {
        let came = stage.call(thread.reply, Some(id)).await;
        if thread.said.iter().any(|marker| came.recalls(marker)) {
            return Unknown::Ignored;
        }
        if !came.is_error() {
            return if came.result().is_some() { Unknown::Answered } else { Unknown::Silent };
        }
        texts.push(came.told());
    }
    match (ids.as_slice(), texts.as_slice()) {
        ([one, other], [a, b]) => Unknown::Refused { text: a.clone(), pattern: unknown::pattern((one, a), (other, b)) },
        _ => Unknown::Silent,
    }
}

/// What a restart leaves of the conversation, and the id that it is to be called by from then on.
pub(super) async fn restarted(stage: &mut Stage, thread: &Thread<'_>) -> Result<(Restart, String), Trouble> {
    let same = thread.id.to_owned();
    match stage.open().await {
        Ok(()) => {}
        Err(trouble) if trouble.is_ours => return Err(trouble),
        Err(trouble) => return Ok((Restart::NotOpened(trouble.shown(str::to_owned)), same)),
    }
    let came = stage.call(thread.reply, Some(thread.id)).await;
    let recalled = thread.said.iter().filter(|marker| came.recalls(marker)).count();
    Ok(match came.result() {
        Some(result) if recalled == thread.said.len() => {
            let id = ids::read(thread.id_in, result).unwrap_or_else(|| same.clone());
            (Restart::Whole(if id == same { Identity::Same } else { Identity::New }), id)
        }
        Some(_) if recalled > 0 => (Restart::Part, same),
        Some(_) => (Restart::Blank, same),
        None if came.is_error() => (Restart::Refused(came.told()), same),
        None => (Restart::Silent, same),
    })
}

/// Takes the conversation's directory away between two lives, and looks whether an answer says so. The life that runs
/// is ended.
pub(super) async fn bereft(stage: &mut Stage, thread: &Thread<'_>, id: &str) -> Noted {
    let usual = stage.call(thread.reply, Some(id)).await;
    let Some(usual) = usual.result().cloned() else { return Noted::Unknown };
    let id = ids::read(thread.id_in, &usual).unwrap_or_else(|| id.to_owned());
    if stage.kill().await.is_err() || !stage.take_cwd_away() || stage.open().await.is_err() {
        return Noted::Unknown;
    }
    let came = stage.call(thread.reply, Some(&id)).await;
    match came.result() {
        Some(result) => match notes::added(&usual, result) {
            // The trial's own directory means nothing to whoever reads of it.
            Some(text) => Noted::Told { pattern: notes::pattern(&text), text: text.replace(&stage.cwd(), "{cwd}") },
            None => Noted::Untold,
        },
        None if came.is_error() => Noted::Refused(came.told()),
        None => Noted::Unknown,
    }
}
