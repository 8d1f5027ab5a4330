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
            approval.name()
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
            had.name(),
            approval.name()
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

fn describe_sandbox(sandbox: &Sandbox) -> String {
    let Sandbox::WorkspaceWrite { roots, network } = sandbox else { return sandbox.name().to_owned() };
    let further = match roots.len() {
        0 => "no further roots".to_owned(),
        1 => "1 further root".to_owned(),
        n => format!("{n} further roots"),
    };
    format!("{} ({further}, network {})", sandbox.name(), if *network { "on" } else { "off" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn workspace(roots: &[&str], network: bool) -> Sandbox {
        Sandbox::WorkspaceWrite { roots: roots.iter().map(|r| (*r).to_owned()).collect(), network }
    }

    /// `-` not set, `?` unknown, `ro`, `full`, `w` workspace-write followed by its further root and `+n` for network.
    fn sandbox(label: &str) -> Option<Sandbox> {
        Some(match label {
            "-" => return None,
            "?" => Sandbox::Unknown(json!({ "type": "odd" })),
            "ro" => Sandbox::ReadOnly,
            "full" => Sandbox::DangerFullAccess,
            _ => {
                let rest = label.strip_prefix('w').unwrap();
                let root = rest.trim_end_matches("+n");
                workspace(if root.is_empty() { &[] } else { std::slice::from_ref(&root) }, rest.ends_with("+n"))
            }
        })
    }

    fn approval(label: &str) -> Option<Approval> {
        Some(match label {
            "-" => return None,
            "?" => Approval::Unknown(json!({ "granular": {} })),
            "untrusted" => Approval::Untrusted,
            "on-request" => Approval::OnRequest,
            "on-failure" => Approval::OnFailure,
            "never" => Approval::Never,
            _ => panic!("no approval is called {label}"),
        })
    }

    fn every_approval() -> Vec<Approval> {
        ["untrusted", "on-request", "on-failure", "never", "?"].into_iter().filter_map(approval).collect()
    }

    fn context(sandbox: Option<Sandbox>, approval: Option<Approval>) -> TurnContext {
        TurnContext { sandbox, approval, ..TurnContext::default() }
    }

    /// Rows: the source's last turn. Columns: the ceiling. Cells: what the continuation gets.
    const SANDBOXES: &str = "
        .       -       ro  w   w+n  w/a    w/a+n  w/a/c  w/b  full    ?
        -       ro      ro  ro  ro   ro     ro     ro     ro   ro      ro
        ro      ro      ro  ro  ro   ro     ro     ro     ro   ro      ro
        w       w       ro  w   w    w      w      w      w    w       w
        w+n     w+n     ro  w   w+n  w      w+n    w      w    w+n     w+n
        w/a     w/a     ro  w   w    w/a    w/a    w/a/c  w    w/a     w/a
        w/a+n   w/a+n   ro  w   w+n  w/a    w/a+n  w/a/c  w    w/a+n   w/a+n
        w/a/c   w/a/c   ro  w   w    w/a/c  w/a/c  w/a/c  w    w/a/c   w/a/c
        w/b     w/b     ro  w   w    w      w      w      w/b  w/b     w/b
        full    full    ro  w   w+n  w/a    w/a+n  w/a/c  w/b  full    full
        ?       ro      ro  ro  ro   ro     ro     ro     ro   ro      ro";

    const APPROVALS: &str = "
        .           -           untrusted   on-request  on-failure  never       ?
        -           on-request  untrusted   on-request  on-request  on-request  on-request
        untrusted   untrusted   untrusted   untrusted   untrusted   untrusted   untrusted
        on-request  on-request  untrusted   on-request  on-request  on-request  on-request
        on-failure  on-failure  untrusted   on-request  on-failure  on-failure  on-failure
        never       never       untrusted   on-request  on-failure  never       never
        ?           on-request  untrusted   on-request  on-request  on-request  on-request";

    /// Every cell as (row, column, cell).
    fn cells(table: &str) -> Vec<(&str, &str, &str)> {
        let mut rows =
            table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|row| !row.is_empty());
        let columns = rows.next().unwrap();
        rows.flat_map(|row| {
            assert_eq!(row.len(), columns.len());
            columns[1..].iter().zip(&row[1..]).map(|(column, cell)| (row[0], *column, *cell)).collect::<Vec<_>>()
        })
        .collect()
    }

    fn owed(had: &str, got: &str) -> Vec<NoteKind> {
        match had {
            "-" | "?" => vec![NoteKind::NoTurnContext],
            _ if had != got => vec![NoteKind::Narrowed],
            _ => vec![],
        }
    }

    #[test]
    fn the_whole_table_of_source_and_ceiling() {
        for (had, ceiling, want) in cells(SANDBOXES) {
            let limit = Ceiling { sandbox: sandbox(ceiling), approval: None };
            let got = narrow(Some(&context(sandbox(had), Some(Approval::Never))), &limit);
            assert_eq!(Some(got.sandbox), sandbox(want), "{had} under {ceiling}");
            let kinds: Vec<NoteKind> = got.notes.iter().map(|note| note.kind).collect();
            assert_eq!(kinds, owed(had, want), "{had} under {ceiling}");
        }
        for (had, ceiling, want) in cells(APPROVALS) {
            let limit = Ceiling { sandbox: None, approval: approval(ceiling) };
            let got = narrow(Some(&context(Some(Sandbox::ReadOnly), approval(had))), &limit);
            assert_eq!(Some(got.approval), approval(want), "{had} under {ceiling}");
            let kinds: Vec<NoteKind> = got.notes.iter().map(|note| note.kind).collect();
            assert_eq!(kinds, owed(had, want), "{had} under {ceiling}");
        }
    }

    #[test]
    fn roots_that_only_one_side_names_are_dropped_and_the_wider_side_of_each_pair_too() {
        let had = workspace(&["/a", "/b/c", "/d"], true);
        let limit = Ceiling { sandbox: Some(workspace(&["/b", "/a/x", "/a/y"], true)), approval: None };
        let got = narrow(Some(&context(Some(had), Some(Approval::Never))), &limit);
        assert_eq!(got.sandbox, workspace(&["/a/x", "/a/y", "/b/c"], true));
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
