//! Records the rollouts in `fixtures/` from real Codex releases: `cargo run --example record_fixture [-- NAME…]`.
//!
//! Each recording is one thread of two complete turns, the first with a tool call, held with the stub model in a hermetic
//! home. The texts are ours: prompts and replies stand below, the base instructions are the home's. What the model was
//! sent last, and the reply to it, give the markers that a server must bring back; the recorder fails if they are not the
//! ones that it planted. Then the bytes are cleaned ([`clean`]) and written with their entry in the manifest.

mod clean;
mod drive;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rehydra::codex::install::{Installed, ensure};
use rehydra::codex::version::Version;
use rehydra::journal::{
    Dialect, FORMAT, Header, Identity, Journal, Kind, Level, Redactor, ScenarioHeader, TargetKind, TargetProfile,
};
use rehydra::limits::Limits;
use rehydra::marker::{Carrier, Marker};
use rehydra::model::Stub;
use rehydra::model::gate::Open;
use rehydra::model::script::{Output, Response};
use rehydra::rollout::generate::Era;
use rehydra::rollout::manifest::{CWD_PLACEHOLDER, Fixture, Manifest};
use rehydra::target::home::{Home, HomeSpec};
use rehydra::world::World;
use serde_json::json;
use sha2::{Digest, Sha256};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Who holds the conversation.
#[derive(Clone, Copy, Debug)]
enum Through {
    McpServer,
    Exec,
    AppServer,
}

struct Recipe {
    name: &'static str,
    codex: Version,
    through: Through,
    era: Era,
    seed: u64,
}

const RECIPES: [Recipe; 4] = [
    Recipe {
        name: "mcp-0.105.0",
        codex: Version::new(0, 105, 0),
        through: Through::McpServer,
        era: Era::Envelope,
        seed: 12_594_105,
    },
    Recipe {
        name: "mcp-0.130.0",
        codex: Version::new(0, 130, 0),
        through: Through::McpServer,
        era: Era::Envelope,
        seed: 12_594_130,
    },
    Recipe {
        name: "exec-0.153.4",
        codex: Version::new(0, 153, 4),
        through: Through::Exec,
        era: Era::Paginated,
        seed: 12_594_153,
    },
    Recipe {
        name: "app-server-0.169.0",
        codex: Version::new(0, 169, 0),
        through: Through::AppServer,
        era: Era::Paginated,
        seed: 12_594_169,
    },
];

impl Through {
    fn subcommand(self) -> &'static str {
        match self {
            Through::McpServer => "mcp-server",
            Through::Exec => "exec",
            Through::AppServer => "app-server",
        }
    }

    // The home's configuration depends on the release alone; the kind only says that it is Codex.
    fn kind(self) -> TargetKind {
        match self {
            Through::McpServer | Through::Exec => TargetKind::CodexMcp,
            Through::AppServer => TargetKind::CodexFork,
        }
    }
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !RECIPES.iter().any(|r| r.name == **name)) {
        let known = RECIPES.map(|recipe| recipe.name).join(", ");
        return Err(format!("no fixture is called `{unknown}`; there are {known}").into());
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for recipe in RECIPES.iter().filter(|r| wanted.is_empty() || wanted.iter().any(|name| name == r.name)) {
        let recorded = record(recipe).await.map_err(|error| format!("failed to record {}: {error}", recipe.name))?;
        keep(&dir, recorded)?;
    }
    Ok(())
}

struct Recorded {
    fixture: Fixture,
    bytes: Vec<u8>,
}

async fn record(recipe: &Recipe) -> Fallible<Recorded> {
    let version = recipe.codex;
    let Installed { native, .. } = tokio::task::spawn_blocking(move || ensure(version)).await??;
    let run = tempfile::tempdir()?;
    let run_dir = run.path().canonicalize()?;
    let world = World::real();
    let token = format!("rehydra-token-{}", world.ids.uuid().simple());
    let journal = journal(&run_dir, recipe, &token, &world)?;
    let stub = Stub::start(journal.clone(), Arc::new(Open), token.clone())?;
    let home = Home::create(&run_dir, &HomeSpec::wide(recipe.through.kind(), Some(version), stub.port(), token))?;
    let story = Story::plant(recipe.seed, &stub, &home.project())?;
    let stage = drive::Stage { native: &native, home: &home, cwd: home.life(1)?, prompts: &story.prompts };
    let replies = match recipe.through {
        Through::McpServer => drive::mcp_server(&stage).await?,
        Through::Exec => drive::exec(&stage).await?,
        Through::AppServer => drive::app_server(&stage).await?,
    };
    stub.stop().await;
    story.came_true(&journal, &replies)?;

    let file = only_rollout(&home.codex_home().join("sessions"))?;
    let relative = file.strip_prefix(home.codex_home())?.to_str().ok_or("the rollout's path is not UTF-8")?.to_owned();
    let bytes = clean::clean(&fs::read(&file)?, &home.project())?;
    let id = relative.strip_suffix(".jsonl").and_then(|stem| stem.get(stem.len().checked_sub(36)?..));
    let fixture = Fixture {
        name: recipe.name.to_owned(),
        file: format!("{}.jsonl", recipe.name),
        codex: version.to_string(),
        made_by: recipe.through.subcommand().to_owned(),
        era: Some(recipe.era),
        id: id.ok_or("the rollout's name holds no id")?.to_owned(),
        file_name: relative,
        cwd: CWD_PLACEHOLDER.to_owned(),
        sandbox: Some(drive::SANDBOX.to_owned()),
        approval: Some(drive::APPROVAL.to_owned()),
        turns: 2,
        markers: story.markers,
        sha256: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Ok(Recorded { fixture, bytes })
}

/// The conversation, its markers in the order in which they must come back.
struct Story {
    prompts: [String; 2],
    replies: [String; 2],
    markers: Vec<Marker>,
}

impl Story {
    /// Makes the markers, the file that the tool reads, and the stub's answers.
    fn plant(seed: u64, stub: &Stub, project: &Path) -> Fallible<Story> {
        use Carrier::{Call, Output as Printed, Prompt, Reply};
        let markers: Vec<_> = [Prompt, Call, Printed, Reply, Prompt, Reply]
            .into_iter()
            .zip(1..)
            .map(|(carrier, n)| Marker::new(carrier, seed, n))
            .collect();
        let [first, call, printed, noted, second, answer] = markers.as_slice() else {
            return Err("six markers were to be made".into());
        };
        // The output's marker stands in a file, so that the call does not hold it too.
        fs::write(project.join("harbour.txt"), format!("The harbour gate is blue. {printed}\n"))?;
        let story = Story {
            prompts: [
                format!("Look into harbour.txt and remember the colour. {first}"),
                format!("Remember the number seven too. {second}"),
            ],
            replies: [format!("The gate is blue, noted. {noted}"), format!("Blue and seven, noted. {answer}")],
            markers: markers.clone(),
        };
        let [noted, answer] = story.replies.clone().map(|text| says(Output::Text { text, chunks: 3 }));
        let look = says(Output::Call {
            name: "exec_command".to_owned(),
            arguments: json!({ "cmd": format!("cat harbour.txt # {call}") }),
        });
        stub.expect(1, first.clone(), vec![look, noted]);
        stub.expect(2, second.clone(), vec![answer]);
        Ok(story)
    }

    /// The last request and the reply to it hold exactly what was planted, and each turn was answered as scripted.
    fn came_true(&self, journal: &Journal, replies: &[String]) -> Fallible<()> {
        if replies != self.replies {
            return Err(format!("it answered {replies:?}").into());
        }
        let requests = journal.events().into_iter().filter_map(|event| match event.kind {
            Kind::ModelRequest(request) => Some(request),
            _ => None,
        });
        let requests: Vec<_> = requests.collect();
        if requests.len() != 3 || requests.iter().any(|request| request.refused.is_some()) {
            return Err(format!("the model was asked otherwise than scripted: {requests:?}").into());
        }
        let last = requests.last().map(|request| request.items.iter().flat_map(|item| item.markers.clone()));
        let mut sent: Vec<_> = last.into_iter().flatten().collect();
        sent.extend(replies.last().map(|text| rehydra::marker::find(text)).unwrap_or_default());
        if sent != self.markers {
            return Err(format!("the model received {sent:?} and not {:?}", self.markers).into());
        }
        Ok(())
    }
}

fn says(output: Output) -> Response {
    Response { output: vec![output], ..Response::default() }
}

fn journal(dir: &Path, recipe: &Recipe, token: &str, world: &World) -> Fallible<Journal> {
    let header = Header {
        format: FORMAT,
        rehydra: env!("CARGO_PKG_VERSION").to_owned(),
        started: world.clock.now().to_string(),
        seed: recipe.seed,
        scenario: ScenarioHeader {
            name: recipe.name.to_owned(),
            title: "a recording".to_owned(),
            source: String::new(),
            proves: Vec::new(),
        },
        target: TargetProfile {
            name: format!("codex@{}", recipe.codex),
            kind: recipe.through.kind(),
            dialect: Dialect::Mcp,
            level: Level::Core,
            identity: Identity::Same,
            command: vec![recipe.through.subcommand().to_owned()],
            version: Some(recipe.codex.to_string()),
            note: None,
            unknown_id_error: None,
            daemon: false,
            tools: rehydra::journal::Tools::default(),
            rollouts: true,
        },
        limits: Limits::default(),
    };
    let clock = world.clock.clone();
    let elapsed = move || u64::try_from(clock.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(Journal::create(dir, &header, Redactor::new([token.to_owned()]), elapsed)?)
}

fn only_rollout(sessions: &Path) -> Fallible<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![sessions.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(all) => Err(format!("one rollout was to be written, these were: {all:?}").into()),
    }
}

/// Writes the recording and replaces its entry in the manifest.
fn keep(dir: &Path, recorded: Recorded) -> Fallible<()> {
    let path = dir.join("manifest.json");
    let mut manifest: Manifest = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => Manifest::default(),
    };
    manifest.fixtures.retain(|fixture| fixture.name != recorded.fixture.name);
    fs::write(dir.join(&recorded.fixture.file), &recorded.bytes)?;
    manifest.fixtures.push(recorded.fixture);
    manifest.fixtures.sort_by_key(|fixture| RECIPES.iter().position(|recipe| recipe.name == fixture.name));
    let mut text = serde_json::to_string_pretty(&manifest)?;
    text.push('\n');
    Ok(fs::write(path, text)?)
}
