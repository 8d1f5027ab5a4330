//! Turns of `codex exec` on a stage's home, and what the model received for them.

use std::path::Path;
use std::process::Stdio;

use rehydra::journal::{CallId, Journal, Kind};
use rehydra::marker::{Carrier, Marker};

use crate::stage::{Failure, Stage, TURN};

/// One turn of `codex exec`, on a new thread or on `id`: its call, and the markers of prompt and reply.
pub(crate) async fn exec(stage: &mut Stage, native: &Path, id: Option<&str>) -> Result<(CallId, [Marker; 2]), Failure> {
    let (call, prompt, markers) = stage.script("Go on.");
    let mut command = tokio::process::Command::new(native);
    // Codex 0.42 takes the flag before `resume` alone.
    command.args(["exec", "--skip-git-repo-check"]);
    if id.is_some() {
        command.arg("resume");
    }
    command.args(id).arg(prompt);
    command.env_clear().envs(stage.home.env()).current_dir(stage.project());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(TURN, command.output()).await??;
    if output.status.success() {
        return Ok((call, markers));
    }
    Err(format!("codex exec: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// That the model received, for `call`, exactly `history` and then the call's prompt, in order.
pub(crate) fn received(journal: &Journal, call: CallId, history: &[Marker]) -> Result<(), Failure> {
    let mut requests = journal.events().into_iter().filter_map(|event| match event.kind {
        Kind::ModelRequest(request) if request.call == Some(call) => Some(request),
        _ => None,
    });
    let request = requests.next_back().ok_or("the model received no request")?;
    let got: Vec<Marker> = request.items.iter().flat_map(|item| item.markers.clone()).collect();
    let mut wanted = history.to_vec();
    wanted.push(Marker::new(Carrier::Prompt, 1, u64::from(call)));
    if got == wanted { Ok(()) } else { Err(format!("the model received {got:?} instead of {wanted:?}").into()) }
}
