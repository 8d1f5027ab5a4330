//! Forks and reverts that Codex 0.153.4 and 0.169.0 write as references to other files.

use libtest_mimic::Trial;
use rehydra::journal::CallId;
use rehydra::marker::Marker;
use rehydra::rollout::{find_thread_path_by_id_str, read_history, read_whole_history};
use rehydra::world::RealDisk;
use serde_json::json;

use crate::app_server::AppServer;
use crate::stage::Failure;
use crate::{Both, run};

const VERSIONS: [&str; 2] = ["0.153.4", "0.169.0"];

pub(crate) fn trials() -> Vec<Trial> {
    let of = |version: &'static str| {
        let (theirs, ours) = (move || run(says_what_we_read(version)), move || run(is_rehydrated(version)));
        [
            Trial::test(format!("codex {version} sends of forks and reverts what we read of them"), theirs),
            Trial::test(format!("we rehydrate forks and reverts that codex {version} wrote"), ours),
        ]
    };
    VERSIONS.into_iter().flat_map(of).collect()
}

/// A thread that was reverted to its first turn, a fork of it as it was before, and a fork of that fork.
struct Family {
    reverted: String,
    fork: String,
    fork_of_fork: String,
}

impl Family {
    async fn begin(both: &mut Both) -> Result<Family, Failure> {
        let mut server = AppServer::start(&both.native, &both.stage.home).await?;
        let cwd = both.stage.project().display().to_string();
        let root = server.thread("thread/start", json!({"cwd": cwd})).await?;
        both.turn(&mut server, &root).await?;
        both.turn(&mut server, &root).await?;
        let fork = server.thread("thread/fork", json!({"threadId": root})).await?;
        both.turn(&mut server, &fork).await?;
        let fork_of_fork = server.thread("thread/fork", json!({"threadId": fork})).await?;
        both.turn(&mut server, &fork_of_fork).await?;
        let asked = json!({"threadId": root, "includeTurns": true});
        let shown = server.call("thread/read", asked).await?;
        let second = shown.pointer("/thread/turns/1/id").and_then(|id| id.as_str()).ok_or("no second turn")?;
        server.call("thread/revert", json!({"threadId": root, "beforeTurnId": second})).await?;
        both.turn(&mut server, &root).await?;
        server.kill().await?;
        Ok(Family { reverted: root, fork, fork_of_fork })
    }
}

impl Both {
    /// One turn of an app-server.
    async fn turn(&mut self, server: &mut AppServer, thread: &str) -> Result<CallId, Failure> {
        let (call, prompt, markers) = self.stage.script("Go on.");
        self.said.extend(markers);
        server.turn(thread, &prompt).await?;
        Ok(call)
    }

    /// What we read of a thread, from its end and from its front.
    fn read(&self, id: &str) -> Result<Vec<Marker>, Failure> {
        let path = find_thread_path_by_id_str(&RealDisk, &self.stage.home.codex_home(), id)?.ok_or("no rollout")?;
        let [whole, end] = [read_whole_history(&RealDisk, &path)?, read_history(&RealDisk, &path)?];
        if whole.items != end.items || !whole.damage.is_empty() {
            return Err(format!("{id} is not read twice alike, or with damage: {:?}", whole.damage).into());
        }
        Ok(whole.items.iter().flat_map(|item| rehydra::marker::find(item.raw())).collect())
    }
}

/// What the model receives of a fork, of a fork of a fork and of a reverted thread after a restart is what we read.
async fn says_what_we_read(version: &str) -> Result<(), Failure> {
    let mut both = Both::new(version)?;
    let family = Family::begin(&mut both).await?;
    for (id, turns) in [(family.reverted, 2), (family.fork, 3), (family.fork_of_fork, 4)] {
        let read = both.read(&id)?;
        if read.len() != 2 * turns {
            return Err(format!("{read:?} are not the markers of {turns} turns").into());
        }
        let mut server = AppServer::start(&both.native, &both.stage.home).await?;
        server.thread("thread/resume", json!({"threadId": id})).await?;
        let call = both.turn(&mut server, &id).await?;
        server.kill().await?;
        both.received(call, &read)?;
    }
    both.stage.stub.stop().await;
    Ok(())
}

/// Our server goes on with a fork of a fork, and with a reverted thread, with everything that counts in them.
async fn is_rehydrated(version: &str) -> Result<(), Failure> {
    let mut both = Both::new(version)?;
    let family = Family::begin(&mut both).await?;
    for id in [family.fork_of_fork, family.reverted] {
        let read = both.read(&id)?;
        both.stage.begin_life().await?;
        both.ask(Some(&id)).await?;
        both.received(both.stage.calls, &read)?;
        both.stage.kill().await?;
    }
    both.stage.stub.stop().await;
    Ok(())
}
