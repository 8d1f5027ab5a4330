//! The scenario of a capture: the thread is placed, and a fresh server is asked to go on with it.

use std::fs;
use std::path::Path;

use super::super::Failure;
use super::files::{Captured, CapturedFile};
use crate::journal::sha256_hex;
use crate::marker::{self, Marker};
use crate::rollout::manifest::{Fixture, Manifest, OtherFile, Truth};
use crate::rollout::{History, Item};

/// What the scenario calls its thread, and its file.
const NAME: &str = "captured";

/// The markers of the messages that the model is to be sent, in order.
pub(super) fn markers(history: &History) -> Vec<Marker> {
    let in_texts = |item: &Item| {
        let value = item.value();
        let parts = value.get("content").and_then(|content| content.as_array()).cloned().unwrap_or_default();
        parts.iter().filter_map(|part| part.get("text")?.as_str().map(marker::find)).flatten().collect::<Vec<_>>()
    };
    history.items.iter().flat_map(in_texts).collect()
}

/// Writes scenario, manifest and files into `dir`, which is made. `history` is what can be read of the thread.
pub(super) fn write(dir: &Path, captured: &Captured, history: Option<&History>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::broken(format!("failed to write below {}: {error}", dir.display()));
    dir.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    fs::create_dir(dir).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} exists already; name a directory that does not", dir.display()))
        }
        _ => failed(error),
    })?;
    let file_of = |n: usize| if n == 0 { format!("{NAME}.jsonl") } else { format!("beside-{n}.jsonl") };
    for (n, CapturedFile { bytes, .. }) in captured.files.iter().enumerate() {
        fs::write(dir.join(file_of(n)), bytes).map_err(failed)?;
    }
    let also = captured.files.iter().enumerate().skip(1).map(|(n, file)| OtherFile {
        file: file_of(n),
        file_name: file.name.display().to_string(),
        sha256: sha256_hex(&file.bytes),
    });
    let first = captured.files.first();
    let context = history.and_then(|history| history.turn_context.as_ref());
    let fixture = Fixture {
        name: NAME.to_owned(),
        file: file_of(0),
        codex: history.and_then(|history| history.meta.cli_version.clone()).unwrap_or_default(),
        made_by: String::new(),
        era: None,
        id: captured.id.to_string(),
        file_name: first.map(|file| file.name.display().to_string()).unwrap_or_default(),
        cwd: String::new(),
        sandbox: context.and_then(|context| context.sandbox.as_ref()).map(|sandbox| sandbox.name().to_owned()),
        approval: context.and_then(|context| context.approval.as_ref()).map(|approval| approval.name().to_owned()),
        turns: history.map_or(0, |history| history.complete_turns),
        truth: Truth::default(),
        markers: history.map(markers).unwrap_or_default(),
        holds: Vec::new(),
        replaced: Vec::new(),
        sha256: first.map(|file| sha256_hex(&file.bytes)).unwrap_or_default(),
        also: also.collect(),
    };
    let text = scenario(&fixture);
    let manifest = serde_json::to_string_pretty(&Manifest { fixtures: vec![fixture] }).map_err(Failure::broken)?;
    fs::write(dir.join("manifest.json"), manifest + "\n").map_err(failed)?;
    fs::write(dir.join("captured.toml"), text).map_err(failed)
}

/// A thread with something to come back must come back; of any other it is asked that nothing gets worse.
fn scenario(fixture: &Fixture) -> String {
    let comes_back = fixture.turns > 0 && !fixture.markers.is_empty();
    let proves = if comes_back {
        r#"["rehydrates", "durable", "ordered", "once", "source-kept", "new-thread-id"]"#
    } else {
        r#"["responsive", "source-kept"]"#
    };
    let expect = if comes_back { "" } else { r#", expect = "any""# };
    let version = if fixture.codex.is_empty() { "an unknown version".to_owned() } else { fixture.codex.clone() };
    format!(
        "rehydra = 1\n\
         title   = \"a captured thread of Codex {version} goes on\"\n\
         proves  = {proves}\n\n\
         [[step]]\n\
         place = {{ thread = \"{NAME}\", file = \"{NAME}.jsonl\" }}\n\n\
         [[step]]\n\
         reply = {{ thread = \"{NAME}\", prompt = \"Go on.\", model = {{ text = \"Going on.\" }}{expect} }}\n"
    )
}
