//! `same-auth`: a continued turn calls the model with the server's own current credential, and no rollout holds one.
//!
//! The credential itself never enters a journal: requests carry its digest, and in the copies of session files it is
//! replaced by a mark, so that the mark in a session file means that a credential was written there.

use std::collections::HashSet;

use super::Invariant;
use super::files::is_session;
use super::outcome::{Finding, Outcome, one_line};
use super::turn::{Seen, Turn};
use super::view::View;
use crate::journal::{ModelRequest, RefusalKind};

/// What the journal writes in place of a secret.
const MARK: &[u8] = "«redacted»".as_bytes();

/// The continuation runs with the server's own current credentials; none is written to a rollout.
pub(super) fn same_auth(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    // Of the lives that were started with the same credential, the first request that was not refused.
    let own = |turn: &Turn<'_>| {
        let credentials = view.credentials(turn.call.incarnation);
        let alike = view.turns.iter().filter(|t| view.credentials(t.call.incarnation) == credentials);
        let mut requests = alike.flat_map(|t| &t.requests);
        requests.find(|r| r.what.refused.is_none()).and_then(|r| r.what.credential_digest.as_deref())
    };
    for turn in view.turns.iter().filter(|t| t.thread.is_some()) {
        let settles = turn.shows_history() && view.settles(turn);
        looked |= settles && turn.requests.iter().any(|r| r.what.credential_digest.is_some());
        if !turn.restored {
            continue;
        }
        if let Some((request, got, text)) = turn.requests.iter().find_map(|r| foreign(r, own(turn))) {
            let said = ("the credential that the server was started with", got);
            findings.push(turn.finding(Invariant::SameAuth, said, text, vec![request, turn.call.seq]));
        }
    }
    findings.extend(written(view));
    Outcome::conclude(findings, looked, "no credential came with a request of a continued thread")
}

/// What is wrong with the credential of a request, if something is.
fn foreign(request: &Seen<'_, ModelRequest>, own: Option<&str>) -> Option<(u64, String, String)> {
    if let Some(refused) = request.what.refused.as_ref().filter(|r| r.kind == RefusalKind::Unauthorized) {
        let text = "the model refuses the credential of a continued thread".to_owned();
        return Some((request.seq, one_line(&refused.text), text));
    }
    let own = own?;
    match request.what.credential_digest.as_deref() {
        Some(digest) if digest == own => None,
        Some(digest) => {
            let text = "a continued thread calls the model with another credential".to_owned();
            Some((request.seq, format!("one with the digest {digest}"), text))
        }
        None => {
            Some((request.seq, "none".to_owned(), "a continued thread calls the model without a credential".into()))
        }
    }
}

/// Session files that hold a credential.
fn written(view: &View<'_>) -> Vec<Finding> {
    let mut read = HashSet::new();
    let mut guilty = HashSet::new();
    let mut findings = Vec::new();
    for snapshot in &view.snapshots {
        for file in snapshot.what.files.iter().filter(|f| is_session(&f.path)) {
            let Some(blob) = file.blob.as_deref().filter(|b| read.insert(*b)) else { continue };
            let Ok(bytes) = view.run.blobs.get(blob) else { continue };
            if bytes.windows(MARK.len()).any(|w| w == MARK) && guilty.insert(&file.path) {
                findings.push(Finding {
                    invariant: Invariant::SameAuth,
                    call: None,
                    incarnation: snapshot.incarnation,
                    step: None,
                    expected: "no credential in a session file".to_owned(),
                    got: file.path.clone(),
                    text: format!("a credential was written into {}", file.path),
                    evidence: vec![snapshot.seq],
                });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::Refusal;

    fn continued(change: impl FnOnce(&mut Say)) -> Story {
        let mut story = Story::restarted();
        let mut say = Say::reply("main", A, B, story.history("main"));
        change(&mut say);
        story.say(say);
        story
    }

    #[test]
    fn the_same_credential_holds() {
        assert_eq!(continued(|_| {}).says(Invariant::SameAuth), Outcome::Held);
    }

    #[test]
    fn another_credential_or_none_is_found() {
        assert_eq!(continued(|s| s.digest = Some("d2".into())).fired(), ["same-auth"]);
        assert_eq!(continued(|s| s.digest = None).fired(), ["same-auth"]);
        let refused = Refusal { kind: RefusalKind::Unauthorized, text: "401".into() };
        assert_eq!(continued(|s| s.refused = Some(refused)).fired(), ["same-auth"]);
    }

    #[test]
    fn a_life_with_another_credential_is_to_use_that_one() {
        let later = |digest: &str| {
            let mut story = continued(|_| {});
            story.credentials = Some("second".into());
            story.restart();
            for returned in [B, C] {
                let history = story.history("main");
                story.say(Say { digest: Some("d2".into()), ..Say::reply("main", B, returned, history) });
            }
            story.restart();
            let history = story.history("main");
            story.say(Say { digest: Some(digest.into()), ..Say::reply("main", C, C, history) });
            story.says(Invariant::SameAuth)
        };
        assert_eq!(later("d2"), Outcome::Held);
        assert!(text(&later("d1")).contains("another credential"), "the one of the first lives is no longer right");
    }

    #[test]
    fn a_credential_in_a_rollout_is_found() {
        let mut story = continued(|_| {});
        story.files.insert(Story::rollout_path(C), "{\"token\":\"«redacted»\"}".into());
        story.death(Some("KILL"));
        assert_eq!(story.fired(), ["same-auth"]);
        assert!(text(&story.says(Invariant::SameAuth)).contains("was written into sessions/"));
    }

    #[test]
    fn without_a_request_there_is_nothing_to_see() {
        let mut story = Story::restarted();
        story.say(Say::refused("main", A));
        assert!(is_unjudged(&story.says(Invariant::SameAuth)));
    }
}
