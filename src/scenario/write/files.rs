//! What befalls files, as text.

use super::{Fields, string, word};
use crate::fault::power::DataLoss;
use crate::scenario::keys_files;
use crate::scenario::types::{FileStep, PowerLoss, Sqlite, Synthetic};

pub(super) fn power_loss(step: &PowerLoss) -> Fields {
    let (data, byte) = match step.loss.data {
        DataLoss::Lost => (None, None),
        DataLoss::After(bytes) => (None, Some(bytes.to_string())),
        other => (Some(string(word(&keys_files::DATA_LOSSES, other))), None),
    };
    let sqlite = Some(step.sqlite).filter(|sqlite| *sqlite != Sqlite::Kept);
    Fields::default()
        .put_some("data", data)
        .put_some("byte", byte)
        .put_some("names", (!step.loss.names).then(|| string(word(&keys_files::NAME_LOSSES, false))))
        .put_some("sqlite", sqlite.map(|sqlite| string(word(&keys_files::SQLITES, sqlite))))
}

pub(super) fn rollout(synthetic: &Synthetic) -> Fields {
    let spec = &synthetic.spec;
    Fields::default()
        .put("thread", string(&synthetic.thread))
        .put("turns", spec.turns.to_string())
        .put("era", string(word(&keys_files::ERAS, spec.era)))
        .put_some("cwd", synthetic.cwd.as_deref().map(string))
        .put("seed", spec.seed.to_string())
        .put_some("tools", Some(spec.tools).filter(|tools| *tools != 0).map(|tools| tools.to_string()))
        .put_some("interrupted", spec.interrupted.then_some("true"))
        .put_some("compaction", spec.compaction.map(|after| after.to_string()))
        .put("sandbox", string(&spec.sandbox))
        .put("approval", string(&spec.approval))
}

pub(super) fn file(change: &FileStep) -> Fields {
    match change {
        FileStep::Remove { path } | FileStep::Mkdir { path } | FileStep::Lock { path } => {
            Fields::default().put(change.name(), string(path))
        }
        FileStep::Unlock => Fields::default().put("unlock", "true"),
        FileStep::Write { path, text } => Fields::default().put("write", string(path)).put("text", string(text)),
        FileStep::Move { from, to } | FileStep::Copy { from, to } => {
            let places = Fields::default().put("from", string(from)).put("to", string(to));
            Fields::default().put(change.name(), places.inline())
        }
        FileStep::Symlink { path, to } => {
            let places = Fields::default().put("path", string(path)).put("to", string(to));
            Fields::default().put("symlink", places.inline())
        }
        FileStep::Chmod { path, mode } => {
            let fields = Fields::default().put("path", string(path)).put("mode", format!("0o{mode:03o}"));
            Fields::default().put("chmod", fields.inline())
        }
        FileStep::Touch { path, age_s } => {
            let fields = Fields::default().put("path", string(path)).put("age_s", age_s.to_string());
            Fields::default().put("touch", fields.inline())
        }
        FileStep::Sqlite(what) => Fields::default().put("sqlite", string(word(&keys_files::SQLITE_CHANGES, *what))),
    }
}
