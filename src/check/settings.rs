//! `cwd` and `no-wider`: where a continued turn runs and what it may do.
//!
//! What a thread *had* is what the call that began it asked for, or what the manifest of the placed rollout says; where
//! neither says anything, what was seen of its acknowledged turns. A policy that was narrowed since stays so: of what was
//! asked for and what was last seen the narrower counts. What a turn *has* is the cwd that the model is told (the last
//! environment context of its requests, else the `turn_context` written) and every setting that the target shows by a
//! notification, a `turn_context` or a result. A target that shows nothing is not judged; a foreign server that never
//! shows anything need not.
//!
//! Widths, narrow to wide: read-only, workspace-write, danger-full-access; untrusted, on-request, on-failure, never.
//! What this build does not know counts as the widest.

use super::Invariant;
use super::outcome::Outcome;
use super::turn::Turn;
use super::view::View;
use crate::journal::{Call, Placed, Seq, Settings, SettingsSource, TargetKind};

/// A setting and the event that tells it.
type Told = (String, Seq);

/// How one kind of event tells one setting.
struct Setting {
    name: &'static str,
    of_call: fn(&Call) -> Option<&String>,
    of_placed: fn(&Placed) -> Option<&String>,
    of_settings: fn(&Settings) -> Option<&String>,
    width: fn(&str) -> u8,
}

const SANDBOX: Setting = Setting {
    name: "sandbox",
    of_call: |c| c.sandbox.as_ref(),
    of_placed: |p| p.sandbox.as_ref(),
    of_settings: |s| s.sandbox.as_ref(),
    width: |text| {
        ["read-only", "workspace-write", "danger-full-access"].iter().position(|w| *w == text).unwrap_or(3) as u8
    },
};

const APPROVAL: Setting = Setting {
    name: "approval policy",
    of_call: |c| c.approval.as_ref(),
    of_placed: |p| p.approval.as_ref(),
    of_settings: |s| s.approval.as_ref(),
    width: |text| ["untrusted", "on-request", "on-failure", "never"].iter().position(|w| *w == text).unwrap_or(4) as u8,
};

const DIRECTORY: Setting = Setting {
    name: "cwd",
    of_call: |c| c.cwd.as_ref(),
    of_placed: |p| p.cwd.as_ref(),
    of_settings: |s| s.cwd.as_ref(),
    width: |_| 0,
};

impl Setting {
    /// What the story says the thread had: the newest of calls and placed rollouts that name it.
    fn declared(&self, view: &View<'_>, turn: &Turn<'_>) -> Option<(usize, Told)> {
        let (thread, at) = (turn.thread?, turn.call.at);
        let calls = view.turns_before(turn, at).map(|t| t.call);
        let calls = calls.filter_map(|c| Some((c.at, ((self.of_call)(c.what)?.clone(), c.seq))));
        let placed = view.placed.iter().filter(|p| p.what.thread == thread && p.at < at);
        let placed = placed.filter_map(|p| Some((p.at, ((self.of_placed)(p.what)?.clone(), p.seq))));
        calls.chain(placed).max_by_key(|(at, _)| *at)
    }

    /// What was last seen of an acknowledged turn of the thread.
    fn seen(&self, view: &View<'_>, turn: &Turn<'_>) -> Option<(usize, Told)> {
        let at = turn.call.at;
        let turns = view.turns_before(turn, at).filter(|t| view.acknowledged(turn, t, at).is_some());
        let settings = turns.flat_map(|t| &t.settings).filter(|s| s.at < at);
        let told = settings.filter_map(|s| Some((s.at, ((self.of_settings)(s.what)?.clone(), s.seq))));
        told.max_by_key(|(at, _)| *at)
    }

    /// What the turn itself shows, in the order in which it shows it.
    fn shown(&self, turn: &Turn<'_>) -> Vec<Told> {
        turn.settings.iter().filter_map(|s| Some(((self.of_settings)(s.what)?.clone(), s.seq))).collect()
    }
}

/// A setting that is not what it was.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) name: &'static str,
    pub(super) had: String,
    pub(super) has: String,
    pub(super) evidence: Vec<Seq>,
}

impl Change {
    fn new(name: &'static str, had: Told, has: Told) -> Change {
        Change { name, had: had.0, has: has.0, evidence: vec![has.1, had.1] }
    }

    pub(super) fn text(&self) -> String {
        format!("the {} was `{}` and is `{}`", self.name, self.had, self.has)
    }
}

/// Settings that are wider than the thread had; none where there was nothing to compare.
fn widened(view: &View<'_>, turn: &Turn<'_>) -> Option<Vec<Change>> {
    let mut compared = false;
    let mut changes = Vec::new();
    for setting in [&SANDBOX, &APPROVAL] {
        let known = [setting.declared(view, turn), setting.seen(view, turn)].into_iter().flatten();
        let Some((_, had)) = known.min_by_key(|(_, had)| (setting.width)(&had.0)) else { continue };
        let shown = setting.shown(turn);
        compared |= !shown.is_empty();
        let wider = shown.into_iter().find(|has| (setting.width)(&has.0) > (setting.width)(&had.0));
        changes.extend(wider.map(|has| Change::new(setting.name, had, has)));
    }
    compared.then_some(changes)
}

/// Settings that are narrower than they last were.
pub(super) fn narrowed(view: &View<'_>, turn: &Turn<'_>) -> Vec<Change> {
    let narrower = |setting: &Setting| {
        let last = [setting.declared(view, turn), setting.seen(view, turn)].into_iter().flatten();
        let (_, had) = last.max_by_key(|(at, _)| *at)?;
        let has = setting.shown(turn).into_iter().find(|has| (setting.width)(&has.0) < (setting.width)(&had.0))?;
        Some(Change::new(setting.name, had, has))
    };
    [&SANDBOX, &APPROVAL].into_iter().filter_map(narrower).collect()
}

/// The continuation has no wider sandbox or approval policy than the thread had.
pub(super) fn no_wider(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued() {
        let Some(changes) = widened(view, turn) else { continue };
        looked |= view.settles(turn);
        for change in changes {
            let text = format!("a continued thread got wider: {}", change.text());
            let said = (change.had, change.has);
            findings.push(turn.finding(Invariant::NoWider, said, text, change.evidence));
        }
    }
    let shows = |s: &Settings| s.sandbox.is_some() || s.approval.is_some();
    if is_foreign(view) && !view.turns.iter().flat_map(|t| &t.settings).any(|s| shows(s.what)) {
        return Outcome::NotApplicable("the target shows neither sandbox nor approval policy of a thread");
    }
    Outcome::conclude(findings, looked, "no setting of a continued thread shows")
}

/// A foreign server need not tell what its threads run with. One that never does is not judged by it.
fn is_foreign(view: &View<'_>) -> bool {
    view.run.header.target.kind == TargetKind::Foreign
}

/// What became of the thread's cwd.
pub(super) enum Cwd {
    /// The thread has none, or the target shows none.
    Unknown,
    /// It is the thread's, this one.
    Kept(String),
    /// It is another one, or the model is told none although it was before.
    Changed(Change),
}

/// Compares the cwd that a turn has with the one that its thread had.
pub(super) fn cwd_of(view: &View<'_>, turn: &Turn<'_>) -> Cwd {
    // Where a thread is given no directory, the one that is told is the process's.
    let given = view.run.header.target.tools.start.cwd.is_some();
    let told_before = told_before(view, turn).filter(|_| given);
    let Some(had) = DIRECTORY.declared(view, turn).map(|(_, told)| told).or_else(|| told_before.clone()) else {
        return Cwd::Unknown;
    };
    let mut tellings = turn.requests.iter().filter_map(|r| Some((r.what.cwd_told.clone()?, r.seq)));
    let told = tellings.next();
    let written = turn.settings.iter().filter(|s| s.what.source != SettingsSource::SessionConfigured);
    let written = written.filter_map(|s| Some((s.what.cwd.clone()?, s.seq))).next_back();
    let Some(has) = told.clone().or(written) else {
        return match (told_before, turn.requests.first()) {
            (Some(before), Some(request)) => {
                Cwd::Changed(Change::new(DIRECTORY.name, before, ("none".to_owned(), request.seq)))
            }
            _ => Cwd::Unknown,
        };
    };
    let differs = |has: &Told| !same_path(&has.0, &had.0);
    match std::iter::once(has).chain(tellings).chain(DIRECTORY.shown(turn)).find(differs) {
        Some(other) => Cwd::Changed(Change::new(DIRECTORY.name, had, other)),
        None => Cwd::Kept(had.0),
    }
}

/// What the model was told during the thread's last acknowledged turn.
fn told_before(view: &View<'_>, turn: &Turn<'_>) -> Option<Told> {
    let at = turn.call.at;
    let last = view.turns_before(turn, at).filter(|t| view.acknowledged(turn, t, at).is_some()).last()?;
    let request = last.requests.last()?;
    Some((request.what.cwd_told.clone()?, request.seq))
}

fn same_path(a: &str, b: &str) -> bool {
    let plain = |path: &str| if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path.to_owned() };
    plain(a) == plain(b)
}

/// The thread's cwd is what the model is told.
pub(super) fn cwd(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued() {
        match cwd_of(view, turn) {
            Cwd::Unknown => {}
            Cwd::Kept(_) => looked |= view.settles(turn),
            Cwd::Changed(change) => {
                let text = format!("the model is told another directory than the thread's: {}", change.text());
                let said = (change.had, change.has);
                findings.push(turn.finding(Invariant::Cwd, said, text, change.evidence));
            }
        }
    }
    let told = view.turns.iter().any(|t| {
        t.requests.iter().any(|r| r.what.cwd_told.is_some()) || t.settings.iter().any(|s| s.what.cwd.is_some())
    });
    if is_foreign(view) && !told {
        return Outcome::NotApplicable("the target tells nobody the directory of a thread");
    }
    let reason =
        if view.continued().next().is_some() { "no cwd of a continued thread shows" } else { view.no_history_seen() };
    Outcome::conclude(findings, looked, reason)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Kind, TargetKind};

    fn continued(change: impl FnOnce(&mut Say)) -> Story {
        let mut story = Story::restarted();
        let mut say = Say::reply("main", A, B, story.history("main"));
        change(&mut say);
        story.say(say);
        story
    }

    #[test]
    fn settings_that_stay_hold() {
        let story = continued(|_| {});
        assert_eq!(story.says(Invariant::Cwd), Outcome::Held);
        assert_eq!(story.says(Invariant::NoWider), Outcome::Held);
        assert_eq!(continued(|s| s.cwd_told = Some(format!("{CWD}/"))).says(Invariant::Cwd), Outcome::Held);
    }

    #[test]
    fn a_foreign_server_that_shows_nothing_is_not_asked_for_it() {
        let silent = |kind| {
            let mut story = Story::restarted_on(kind);
            story.say(Say::reply("main", A, B, story.history("main")));
            for event in &mut story.events {
                if let Kind::ModelRequest(request) = &mut event.kind {
                    request.cwd_told = None;
                }
            }
            story.events.retain(|event| !matches!(event.kind, Kind::Settings(_)));
            story
        };
        for invariant in [Invariant::Cwd, Invariant::NoWider] {
            assert!(matches!(silent(TargetKind::Foreign).says(invariant), Outcome::NotApplicable(_)), "{invariant}");
            assert!(is_unjudged(&silent(TargetKind::CodexMcp).says(invariant)), "{invariant}");
        }
    }

    #[test]
    fn a_process_s_directory_is_no_thread_s() {
        let mut story = continued(|s| s.cwd_told = Some("/run/life-2".into()));
        story.header.target.kind = TargetKind::Foreign;
        story.header.target.tools.start.cwd = None;
        for event in &mut story.events {
            if let Kind::Call(call) = &mut event.kind {
                call.cwd = None;
            }
        }
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn a_wider_sandbox_or_approval_is_found() {
        for (sandbox, approval) in [
            ("workspace-write", "on-request"),
            ("danger-full-access", "on-request"),
            ("what-is-this", "on-request"),
            ("read-only", "on-failure"),
            ("read-only", "never"),
        ] {
            let story = continued(|s| (s.sandbox, s.approval) = (sandbox.into(), approval.into()));
            assert_eq!(story.fired(), ["no-wider"], "{sandbox} {approval}");
        }
    }

    #[test]
    fn a_narrower_policy_is_no_wider_but_must_be_told() {
        let story = continued(|s| s.approval = "untrusted".into());
        assert_eq!(story.says(Invariant::NoWider), Outcome::Held);
        assert_eq!(story.fired(), ["honest"]);
        let told = continued(|s| (s.approval, s.notes) = ("untrusted".into(), vec![note("narrowed")]));
        assert_eq!(told.fired(), [""; 0]);
    }

    #[test]
    fn a_policy_narrowed_before_must_stay_so() {
        let mut story = continued(|s| (s.approval, s.notes) = ("untrusted".into(), vec![note("narrowed")]));
        story.restart();
        let history = story.history("main");
        story.say(Say::reply("main", B, C, history));
        assert_eq!(story.fired(), ["no-wider"]);
    }

    #[test]
    fn a_policy_narrowed_before_is_not_narrowed_again() {
        let mut story = continued(|s| (s.approval, s.notes) = ("untrusted".into(), vec![note("narrowed")]));
        story.restart();
        let history = story.history("main");
        story.say(Say { approval: "untrusted".into(), ..Say::reply("main", B, C, history) });
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn another_cwd_is_found() {
        let story = continued(|s| s.cwd_told = Some("/run/life-2".into()));
        assert_eq!(story.fired(), ["cwd", "honest"]);
        assert!(text(&story.says(Invariant::Cwd)).contains("was `/run/project` and is `/run/life-2`"));
    }

    #[test]
    fn a_model_that_is_no_longer_told_any_cwd_is_found() {
        let mut story = continued(|s| s.cwd_told = None);
        story.events.retain(|e| !matches!(&e.kind, Kind::Settings(s) if s.call == 2));
        assert!(text(&story.says(Invariant::Cwd)).contains("is `none`"));
    }

    #[test]
    fn a_turn_context_stands_in_where_the_model_is_told_nothing() {
        let mut story = continued(|_| {});
        for event in &mut story.events {
            if let Kind::ModelRequest(request) = &mut event.kind {
                request.cwd_told = None;
            }
        }
        assert_eq!(story.says(Invariant::Cwd), Outcome::Held);
    }
}
