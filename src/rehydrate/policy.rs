//! Which sandbox and which approval policy a continuation gets: never wider than the thread had, never wider than the
//! ceiling that the operator set.
//!
//! Codex itself brings threads back with whatever `config.toml` says and so turns a read-only thread into one that
//! writes (seen with 0.130.0, 0.153.4, 0.169.0). Here the result is the *meet* of both sides: the widest policy that is
//! no wider than either. Sandboxes are ordered read-only < workspace-write < danger-full-access. Two workspace-write
//! policies are compared by their parts, roots and network, and neither may be the narrower one in all of them, so the
//! meet is taken part by part. Approvals stand in one line, untrusted < on-request < on-failure < never.
//!
//! A policy that this build does not know counts as the widest in the order. It is never handed on: whoever applies it
//! could not, and picking the ceiling instead would be wider than a thread that may have had very little. So an unknown
//! policy of the source is treated like one that is not there, which means read-only and on-request, and is told; an
//! unknown ceiling limits nothing.
//!
//! Pure: no disk, no clock.

use std::path::{Component, Path};

use super::note::{Note, NoteKind};
use crate::rollout::meta::TurnContext;
use crate::rollout::settings::{Approval, Sandbox};

/// What the operator allows at most: the flags, else what `config.toml` sets. `None` sets no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// Widest sandbox.
    pub sandbox: Option<Sandbox>,
    /// Widest approval policy.
    pub approval: Option<Approval>,
}

/// What the continuation gets. Neither policy is ever `Unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// Its sandbox.
    pub sandbox: Sandbox,
    /// Its approval policy.
    pub approval: Approval,
    /// What the caller is owed about it.
    pub notes: Vec<Note>,
}

/// The narrower of what the source's last turn had and the ceiling, with a note for everything that became narrower.
pub fn narrow(source: Option<&TurnContext>, ceiling: &Ceiling) -> Narrowed {
    let had_sandbox = source.and_then(|context| context.sandbox.as_ref()).filter(|s| !matches!(s, Sandbox::Unknown(_)));
    let had_approval =
        source.and_then(|context| context.approval.as_ref()).filter(|a| !matches!(a, Approval::Unknown(_)));
    let sandbox = meet_sandbox(had_sandbox.unwrap_or(&Sandbox::ReadOnly), ceiling.sandbox.as_ref());
    let approval = meet_approval(had_approval.unwrap_or(&Approval::OnRequest), ceiling.approval.as_ref());

    let mut notes = Vec::new();
    let unread = match (had_sandbox, had_approval) {
        (None, None) => Some("neither a sandbox nor an approval policy that can be read"),
        (None, Some(_)) => Some("no sandbox policy that can be read"),
        (Some(_), None) => Some("no approval policy that can be read"),
        (Some(_), Some(_)) => None,
    };
    if let Some(what) = unread {
        let text = format!(
            "the rollout's last turn names {what}; the conversation goes on with sandbox {} and approval policy {}",
            describe_sandbox(&sandbox),
            approval_name(&approval)
        );
        notes.push(Note::new(NoteKind::NoTurnContext, text));
    }
    if let Some(had) = had_sandbox.filter(|had| **had != sandbox) {
        let text = format!(
            "the sandbox is narrowed from {} to {}, which is all that this server's settings allow",
            describe_sandbox(had),
            describe_sandbox(&sandbox)
        );
        notes.push(Note::new(NoteKind::Narrowed, text));
    }
    if let Some(had) = had_approval.filter(|had| **had != approval) {
        let text = format!(
            "the approval policy is narrowed from {} to {}, which is all that this server's settings allow",
            approval_name(had),
            approval_name(&approval)
        );
        notes.push(Note::new(NoteKind::Narrowed, text));
    }
    Narrowed { sandbox, approval, notes }
}

/// Whether `inner` allows nothing that `outer` does not allow.
pub fn sandbox_within(inner: &Sandbox, outer: &Sandbox) -> bool {
    match (inner, outer) {
        (_, Sandbox::Unknown(_)) | (Sandbox::ReadOnly, _) => true,
        (Sandbox::Unknown(_), _) => false,
        (_, Sandbox::DangerFullAccess) => true,
        (Sandbox::WorkspaceWrite { roots, network }, Sandbox::WorkspaceWrite { roots: allowed, network: online }) => {
            (*online || !*network) && roots.iter().all(|root| allowed.iter().any(|other| root_within(root, other)))
        }
        (Sandbox::DangerFullAccess, _) | (Sandbox::WorkspaceWrite { .. }, Sandbox::ReadOnly) => false,
    }
}

/// Whether `inner` asks at least as often as `outer`.
pub fn approval_within(inner: &Approval, outer: &Approval) -> bool {
    approval_rank(inner) <= approval_rank(outer)
}

fn meet_sandbox(had: &Sandbox, ceiling: Option<&Sandbox>) -> Sandbox {
    match (had, ceiling) {
        (
            Sandbox::WorkspaceWrite { roots, network },
            Some(Sandbox::WorkspaceWrite { roots: allowed, network: online }),
        ) => Sandbox::WorkspaceWrite { roots: meet_roots(roots, allowed), network: *network && *online },
        (had, Some(ceiling)) if !sandbox_within(had, ceiling) => ceiling.clone(),
        (had, _) => had.clone(),
    }
}

fn meet_approval(had: &Approval, ceiling: Option<&Approval>) -> Approval {
    match ceiling {
        Some(ceiling) if !approval_within(had, ceiling) => ceiling.clone(),
        _ => had.clone(),
    }
}

/// Of every pair of roots the one that lies within the other, in the order of `had`, each once.
fn meet_roots(had: &[String], allowed: &[String]) -> Vec<String> {
    let mut roots: Vec<String> = Vec::new();
    let mut keep = |root: &String| {
        if !roots.contains(root) {
            roots.push(root.clone());
        }
    };
    for root in had {
        if allowed.iter().any(|other| root_within(root, other)) {
            keep(root);
        } else {
            allowed.iter().filter(|other| root_within(other, root)).for_each(&mut keep);
        }
    }
    roots
}

/// Whether the directory `inner` lies within `outer`, by their names alone. Only absolute names without `..` are
/// compared; any other name is within itself and nothing else, because where it leads cannot be told from its text.
fn root_within(inner: &str, outer: &str) -> bool {
    let plain = |root: &str| {
        let path = Path::new(root);
        path.is_absolute() && !path.components().any(|part| matches!(part, Component::ParentDir))
    };
    inner == outer || (plain(inner) && plain(outer) && Path::new(inner).starts_with(outer))
}

fn approval_rank(approval: &Approval) -> u8 {
    match approval {
        Approval::Untrusted => 0,
        Approval::OnRequest => 1,
        Approval::OnFailure => 2,
        Approval::Never => 3,
        Approval::Unknown(_) => 4,
    }
}

fn approval_name(approval: &Approval) -> &'static str {
    match approval {
        Approval::Untrusted => "untrusted",
        Approval::OnRequest => "on-request",
        Approval::OnFailure => "on-failure",
        Approval::Never => "never",
        Approval::Unknown(_) => "an unknown one",
    }
}

fn describe_sandbox(sandbox: &Sandbox) -> String {
    match sandbox {
        Sandbox::ReadOnly => "read-only".to_owned(),
        Sandbox::WorkspaceWrite { roots, network } => {
            let further = match roots.len() {
                0 => "no further roots".to_owned(),
                1 => "1 further root".to_owned(),
                n => format!("{n} further roots"),
            };
            format!("workspace-write ({further}, network {})", if *network { "on" } else { "off" })
        }
        Sandbox::DangerFullAccess => "danger-full-access".to_owned(),
        Sandbox::Unknown(_) => "an unknown one".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn workspace(roots: &[&str], network: bool) -> Sandbox {
        Sandbox::WorkspaceWrite { roots: roots.iter().map(|r| (*r).to_owned()).collect(), network }
    }

    fn every_sandbox() -> Vec<Sandbox> {
        let mut all = vec![Sandbox::ReadOnly, Sandbox::DangerFullAccess, Sandbox::Unknown(json!({ "type": "odd" }))];
        for roots in [&[][..], &["/a"], &["/b"], &["/a", "/b"], &["/a/c"], &["/a/../b"], &["a"]] {
            for network in [false, true] {
                all.push(workspace(roots, network));
            }
        }
        all
    }

    fn every_approval() -> Vec<Approval> {
        use Approval::*;
        vec![Untrusted, OnRequest, OnFailure, Never, Unknown(json!("maybe"))]
    }

    /// `None` stands for "not set", on either side.
    fn with_none<T: Clone>(all: Vec<T>) -> Vec<Option<T>> {
        std::iter::once(None).chain(all.into_iter().map(Some)).collect()
    }

    fn context(sandbox: Option<Sandbox>, approval: Option<Approval>) -> TurnContext {
        TurnContext { sandbox, approval, ..TurnContext::default() }
    }

    /// What the table of the contract says about a sandbox, written down the slow way.
    fn expected_sandbox(had: Option<&Sandbox>, ceiling: Option<&Sandbox>) -> Sandbox {
        use Sandbox::*;
        match (had, ceiling) {
            (None | Some(Unknown(_)), _) => ReadOnly,
            (Some(had), None | Some(Unknown(_) | DangerFullAccess)) => had.clone(),
            (Some(ReadOnly), _) | (_, Some(ReadOnly)) => ReadOnly,
            (Some(DangerFullAccess), Some(ceiling)) => ceiling.clone(),
            (Some(WorkspaceWrite { roots: a, network: x }), Some(WorkspaceWrite { roots: b, network: y })) => {
                let common = |root: &&str| {
                    let covered = |by: &[String]| by.iter().any(|r| r == root || (r == "/a" && **root == *"/a/c"));
                    covered(a) && covered(b)
                };
                let named: Vec<&str> = ["/a", "/b", "/a/c", "/a/../b", "a"].into_iter().filter(common).collect();
                // A root below another that is kept as well adds nothing, unless a side named it by itself.
                let by_name =
                    |root: &&str| a.iter().chain(b).any(|r| r == root) && !(**root == *"/a/c" && named.contains(&"/a"));
                workspace(&named.iter().copied().filter(|r| by_name(&r)).collect::<Vec<_>>(), *x && *y)
            }
        }
    }

    #[test]
    fn the_whole_table_of_source_and_ceiling() {
        for had in with_none(every_sandbox()) {
            for ceiling in with_none(every_sandbox()) {
                let limit = Ceiling { sandbox: ceiling.clone(), approval: None };
                let got = narrow(Some(&context(had.clone(), Some(Approval::Never))), &limit);
                let want = expected_sandbox(had.as_ref(), ceiling.as_ref());
                assert_eq!(got.sandbox, want, "{had:?} under {ceiling:?}");
                let kinds: Vec<NoteKind> = got.notes.iter().map(|n| n.kind).collect();
                let owed = match &had {
                    None | Some(Sandbox::Unknown(_)) => vec![NoteKind::NoTurnContext],
                    Some(had) if *had != want => vec![NoteKind::Narrowed],
                    Some(_) => vec![],
                };
                assert_eq!(kinds, owed, "{had:?} under {ceiling:?}");
            }
        }
        for had in with_none(every_approval()) {
            for ceiling in with_none(every_approval()) {
                let limit = Ceiling { sandbox: None, approval: ceiling.clone() };
                let got = narrow(Some(&context(Some(Sandbox::ReadOnly), had.clone())), &limit);
                let start = had.clone().filter(|a| !matches!(a, Approval::Unknown(_))).unwrap_or(Approval::OnRequest);
                let want = match ceiling.clone() {
                    Some(ceiling) if approval_rank(&ceiling) < approval_rank(&start) => ceiling,
                    _ => start,
                };
                assert_eq!(got.approval, want, "{had:?} under {ceiling:?}");
            }
        }
    }

    #[test]
    fn without_a_turn_context_it_is_read_only_and_on_request_whatever_the_ceiling_allows() {
        let wide = Ceiling { sandbox: Some(Sandbox::DangerFullAccess), approval: Some(Approval::Never) };
        let got = narrow(None, &wide);
        assert_eq!((got.sandbox, got.approval), (Sandbox::ReadOnly, Approval::OnRequest));
        assert_eq!(got.notes.iter().map(|n| n.kind).collect::<Vec<_>>(), [NoteKind::NoTurnContext]);
    }

    #[test]
    fn a_root_with_a_way_out_is_not_within_what_it_starts_with() {
        assert!(!root_within("/a/../etc", "/a"));
        assert!(!root_within("/ab", "/a"));
        assert!(root_within("/a/b/", "/a"));
    }

    fn any_sandbox() -> impl Strategy<Value = Sandbox> {
        let root = prop::sample::select(vec!["/a", "/a/b", "/a/b/c", "/d", "/", "/a/../d", "rel", ""]);
        prop_oneof![
            Just(Sandbox::ReadOnly),
            Just(Sandbox::DangerFullAccess),
            Just(Sandbox::Unknown(json!(1))),
            (prop::collection::vec(root, 0..4), any::<bool>()).prop_map(|(roots, network)| workspace(&roots, network)),
        ]
    }

    proptest! {
        #[test]
        fn the_result_is_never_wider_than_either_side(
            had in prop::option::of(any_sandbox()), ceiling in prop::option::of(any_sandbox()),
            had_approval in prop::option::of(prop::sample::select(every_approval())),
            top_approval in prop::option::of(prop::sample::select(every_approval())),
        ) {
            let limit = Ceiling { sandbox: ceiling.clone(), approval: top_approval.clone() };
            let got = narrow(Some(&context(had.clone(), had_approval.clone())), &limit);
            for side in had.iter().chain(&ceiling) {
                prop_assert!(sandbox_within(&got.sandbox, side), "{:?} is wider than {side:?}", got.sandbox);
            }
            for side in had_approval.iter().chain(&top_approval) {
                prop_assert!(approval_within(&got.approval, side), "{:?} is wider than {side:?}", got.approval);
            }
            prop_assert!(!matches!(got.sandbox, Sandbox::Unknown(_)) && !matches!(got.approval, Approval::Unknown(_)));
        }
    }
}
