//! Steps other than calls.

use super::keys;
use super::keys_client::OPENINGS;
use super::keys_files;
use super::other_target;
use super::parse_call::call;
use super::parse_fault::{kill, then};
use super::types::{
    ClientAct, ClientStep, Damage, Ending, FileStep, MAIN_CLIENT, Place, PowerLoss, Restart, StepKind, Synthetic,
    TogetherCall,
};
use super::view::View;
use crate::fault::plan::{Signal, Whom};
use crate::fault::power::{DataLoss, Loss};
use crate::rollout::generate::{Era, Spec};
use crate::rollout::mutate::{Keep, Mutator};

/// What one `[[step]]` does; `None` where it does not name one thing that is known. Of a step whose values are wrong the
/// kind is right, and the values are some.
pub(super) fn step(view: View<'_, '_>) -> Option<StepKind> {
    let key = view.chosen()?;
    let inner = || view.view(key);
    Some(match key {
        "codex" => StepKind::Codex(call(inner(), true)),
        "reply" => StepKind::Reply(call(inner(), false)),
        "together" => StepKind::Together(view.views(key).into_iter().map(together).collect::<Option<_>>()?),
        "restart" => StepKind::Restart(restart(inner())),
        "kill" => {
            let (signal, whom) = kill(inner());
            StepKind::Kill { signal, whom }
        }
        "signal" => StepKind::Pause { stop: view.word(key, &keys::PAUSES).unwrap_or(true) },
        "eof" => StepKind::Eof,
        "power-loss" => StepKind::PowerLoss(power_loss(inner())),
        "rollout" => StepKind::Rollout(rollout(inner())),
        "place" => StepKind::Place(place(inner())),
        "damage" => StepKind::Damage(damage(inner())),
        "file" => StepKind::File(file(inner())),
        "client" => StepKind::Client(client(inner())?),
        "wait" => {
            let wait = inner();
            StepKind::Wait { frame: wait.text("frame").unwrap_or_default(), limit_ms: wait.number("limit_ms") }
        }
        // `repeat` is no step of a story: its rounds are.
        _ => return None,
    })
}

fn together(view: View<'_, '_>) -> Option<TogetherCall> {
    let key = view.chosen()?;
    let start = key == "codex";
    Some(TogetherCall { start, call: call(view.view(key), start) })
}

fn restart(view: View<'_, '_>) -> Restart {
    let opening = view.word("opening", &OPENINGS).unwrap_or_default();
    let env = view.pairs("env").into_iter().map(|(name, _, value)| (name.to_owned(), value.to_owned())).collect();
    Restart {
        end: ending(view),
        then: then(view),
        opening,
        target: view.text("target").map(|name| other_target::shortest(&name).unwrap_or(name)),
        home: view.text("home"),
        credentials: view.text("credentials"),
        retries: view.count("retries").unwrap_or(0),
        tz: view.text("tz"),
        env,
    }
}

/// `end` and `whom`.
pub(super) fn ending(view: View<'_, '_>) -> Ending {
    let whom = view.word("whom", &keys::WHOM).unwrap_or(Whom::Server);
    match view.word("end", &keys::ENDS).unwrap_or(Some(Signal::Kill)) {
        Some(signal) => Ending::Signal { signal, whom },
        None => Ending::Eof,
    }
}

fn client(view: View<'_, '_>) -> Option<ClientStep> {
    let act = match view.chosen()? {
        "opening" => ClientAct::Open(view.word("opening", &OPENINGS).unwrap_or_default()),
        "end" => ClientAct::End { end: ending(view), then: then(view) },
        "send" => ClientAct::Send(view.text("send").unwrap_or_default()),
        "send-bytes" => ClientAct::SendBytes(view.text("send-bytes").and_then(|hex| bytes(&hex)).unwrap_or_default()),
        "cancel" => ClientAct::CancelLast,
        "send-half" => ClientAct::SendHalf(view.text("send-half").unwrap_or_default()),
        _ => return None,
    };
    Some(ClientStep { name: view.text("name").unwrap_or_else(|| MAIN_CLIENT.to_owned()), act })
}

fn power_loss(view: View<'_, '_>) -> PowerLoss {
    let data = match view.number("byte") {
        Some(bytes) => DataLoss::After(bytes),
        None => view.word("data", &keys_files::DATA_LOSSES).unwrap_or_default(),
    };
    let loss = Loss { data, names: view.word("names", &keys_files::NAME_LOSSES).unwrap_or(true) };
    PowerLoss { loss, sqlite: view.word("sqlite", &keys_files::SQLITES).unwrap_or_default() }
}

/// The bytes that hex digits stand for; `None` if they are none. Spaces between bytes do not count.
pub(super) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let whole = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    if whole { digits.chunks(2).map(byte).collect() } else { None }
}

fn rollout(view: View<'_, '_>) -> Synthetic {
    let spec = Spec {
        turns: view.count("turns").unwrap_or(0),
        era: view.word("era", &keys_files::ERAS).unwrap_or(Era::Envelope),
        seed: view.number("seed").unwrap_or(1),
        tools: view.count("tools").unwrap_or(0),
        interrupted: view.flag("interrupted").unwrap_or(false),
        compaction: view.count("compaction"),
        sandbox: view.text("sandbox").unwrap_or_else(|| "read-only".to_owned()),
        approval: view.text("approval").unwrap_or_else(|| "on-request".to_owned()),
        ..Spec::default()
    };
    Synthetic { thread: view.text("thread").unwrap_or_default(), spec, cwd: view.text("cwd") }
}

fn place(view: View<'_, '_>) -> Place {
    Place {
        thread: view.text("thread").unwrap_or_default(),
        file: view.text("file").unwrap_or_default(),
        cwd: view.text("cwd"),
    }
}

fn damage(view: View<'_, '_>) -> Damage {
    let thread = view.text("thread").unwrap_or_default();
    if let Some(mutator) = view.text("mutator").and_then(|name| Mutator::named(&name)) {
        return Damage { thread, mutator, seed: view.number("seed").unwrap_or(1) };
    }
    let torn = view.view("torn-tail");
    let keep = match torn.number("keep") {
        Some(bytes) => Keep::Bytes(bytes),
        None => torn.word("keep", &keys_files::KEEPS).unwrap_or(Keep::Half),
    };
    Damage { thread, mutator: Mutator::torn_tail(keep), seed: 1 }
}

fn file(view: View<'_, '_>) -> FileStep {
    let key = view.chosen().unwrap_or("write");
    let text = |view: View<'_, '_>, key| view.text(key).unwrap_or_default();
    match key {
        "remove" => FileStep::Remove { path: text(view, key) },
        "mkdir" => FileStep::Mkdir { path: text(view, key) },
        "lock" => FileStep::Lock { path: text(view, key) },
        "unlock" => FileStep::Unlock,
        "move" => FileStep::Move { from: text(view.view(key), "from"), to: text(view.view(key), "to") },
        "copy" => FileStep::Copy { from: text(view.view(key), "from"), to: text(view.view(key), "to") },
        "symlink" => FileStep::Symlink { path: text(view.view(key), "path"), to: text(view.view(key), "to") },
        "chmod" => {
            let mode = view.view(key).count("mode").unwrap_or(0);
            FileStep::Chmod { path: text(view.view(key), "path"), mode }
        }
        "touch" => {
            let age_s = view.view(key).number("age_s").unwrap_or(0);
            FileStep::Touch { path: text(view.view(key), "path"), age_s }
        }
        "sqlite" => FileStep::Sqlite(view.word(key, &keys_files::SQLITE_CHANGES).unwrap_or_default()),
        _ => FileStep::Write { path: text(view, "write"), text: text(view, "text") },
    }
}
