//! Faults as text.

use super::{Fields, kill, string, then, word};
use crate::fault::plan::{Action, Cut, Fault, FileOp, Trigger};
use crate::scenario::keys_fault;

pub(super) fn fault(fault: &Fault) -> Fields {
    let fields = Fields::default().put("at", trigger(&fault.at).inline());
    let fields = match fault.what {
        Action::Kill { signal, whom } => fields.put("kill", kill(signal, whom).inline()),
        Action::Eof => fields.put("eof", "{}"),
        Action::Stop => fields.put("stop", "{}"),
        Action::Continue => fields.put("continue", "{}"),
        Action::Cancel => fields.put("cancel", "{}"),
        Action::Repeat => fields.put("repeat", "{}"),
        Action::Errno { error, lasting } => {
            let errno = Fields::default().put("name", string(word(&keys_fault::ERRORS, error)));
            fields.put("errno", errno.put_some("lasting", lasting.then_some("true")).inline())
        }
        Action::Short => fields.put("short", "{}"),
        Action::Delay { ms } => fields.put("delay", Fields::default().put("ms", ms.to_string()).inline()),
        Action::Hold => {
            let until = fault.until.as_ref().map(|until| trigger(until).inline());
            fields.put("hold", Fields::default().put_some("until", until).inline())
        }
    };
    fields.put_some("then", then(&fault.then))
}

fn trigger(at: &Trigger) -> Fields {
    let fields = Fields::default();
    match at {
        Trigger::Sent => fields.put("sent", string("call")),
        Trigger::Frame { name, n } => fields.put("frame", string(name)).put_some("n", nth(*n)),
        Trigger::ModelRequest { n } => fields.put("model-request", n.to_string()),
        Trigger::ModelChunk { n, edge } => {
            fields.put("model-chunk", n.to_string()).put("edge", string(word(&keys_fault::EDGES, *edge)))
        }
        Trigger::ModelEnd => fields.put("model-end", "true"),
        Trigger::Rehydration(point) => fields.put("rehydration", string(word(&keys_fault::REHYDRATIONS, *point))),
        Trigger::Write { path, op, n, byte } => {
            let op = Some(*op).filter(|op| *op != FileOp::Write).map(|op| string(word(&keys_fault::TOUCHES, op)));
            let write = Fields::default().put("path", string(path)).put_some("op", op).put_some("n", nth(*n));
            fields.put("write", write.put_some("byte", cut(*byte)).inline())
        }
        Trigger::Record { kind, n, byte } => {
            let record = Fields::default().put("kind", string(kind)).put_some("n", nth(*n));
            fields.put("record", record.put_some("byte", cut(*byte)).inline())
        }
        Trigger::Read { path, n } => fields.put("read", touch(path, *n).inline()),
        Trigger::Sync { path, n } => fields.put("sync", touch(path, *n).inline()),
    }
}

fn touch(path: &str, n: u32) -> Fields {
    Fields::default().put("path", string(path)).put_some("n", nth(n))
}

/// The first one is not written down.
fn nth(n: u32) -> Option<String> {
    Some(n).filter(|n| *n != 1).map(|n| n.to_string())
}

fn cut(byte: Cut) -> Option<String> {
    match byte {
        Cut::Nothing => None,
        Cut::Bytes(bytes) => Some(bytes.to_string()),
        word_for => Some(string(word(&keys_fault::CUTS, word_for))),
    }
}
