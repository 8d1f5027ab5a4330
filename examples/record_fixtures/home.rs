//! The home of a recording: the library's hermetic one, with what the older and the stranger acts need.

use std::fs;
use std::path::Path;

use rehydra::codex::hermetic::{INSTRUCTIONS_FILE, MODELS, MODELS_FILE};
use rehydra::codex::version::Version;
use rehydra::journal::TargetKind;
use rehydra::target::home::{Home, HomeSpec};
use serde_json::{Value, json};

use crate::Fallible;
use crate::recipes::Recipe;
use crate::story::COMPACT_ABOVE_TOKENS;

/// Makes it in `run_dir`.
pub(crate) fn create(run_dir: &Path, recipe: &Recipe, port: u16, token: String) -> Fallible<Home> {
    // The configuration depends on the release alone; the kind only says that it is Codex.
    let spec = HomeSpec::wide(TargetKind::CodexMcp, Some(recipe.codex), port, token);
    let home = Home::create(run_dir, &spec)?;
    let config = home.codex_home().join("config.toml");
    let mut text = format!(
        "compact_prompt = \"Sum up.\"\nmodel_auto_compact_token_limit = {COMPACT_ABOVE_TOKENS}\n\
         include_apply_patch_tool = true\n"
    );
    if recipe.codex < Version::new(0, 95, 0) {
        // Its name before `model_instructions_file`.
        let file = home.codex_home().join(INSTRUCTIONS_FILE);
        text.push_str(&format!("experimental_instructions_file = {:?}\n", file.display().to_string()));
    }
    if recipe.codex < Version::new(0, 95, 0) {
        // 0.87.0 unpacks skills and tells the model of them, and has no switch for it: a file in the way does.
        fs::write(home.codex_home().join("skills"), "")?;
    }
    text.push_str(&fs::read_to_string(&config)?);
    fs::write(config, text)?;
    fs::write(home.codex_home().join(MODELS_FILE), models()?)?;
    Ok(home)
}

/// The stub's model, which sees images and writes patches too.
fn models() -> Fallible<String> {
    let mut models: Value = serde_json::from_str(MODELS)?;
    let model = models.pointer_mut("/models/0").ok_or("no model is described")?;
    model["input_modalities"] = json!(["text", "image"]);
    model["apply_patch_tool_type"] = "freeform".into();
    Ok(models.to_string())
}
