//! Making the file of a failure smaller.
//!
//! A recipe is what shrinks, not the bytes: fewer turns, shorter texts, no tools, no compaction, nothing taken back, no
//! open turn. What is left is still a file that a Codex could have written and that the same damage was done to, so
//! whoever mends the parser reads a few lines and not noise. The caller tries each candidate and keeps one that fails in
//! the same way.

use super::cases::{Case, Recipe};

/// Cases that are smaller by one step than that of the recipe, the smallest first. Those in which the damage finds no
/// place are left out.
pub fn smaller(recipe: &Recipe) -> Vec<Case> {
    let spec = &recipe.spec;
    let mut candidates = Vec::new();
    let mut add = |change: &dyn Fn(&mut Recipe)| {
        let mut changed = recipe.clone();
        change(&mut changed);
        if changed != *recipe && !candidates.contains(&changed) {
            candidates.push(changed);
        }
    };
    for turns in [0, 1, spec.turns / 2, spec.turns.saturating_sub(1)] {
        add(&|smaller| smaller.spec.turns = turns.min(spec.turns));
    }
    add(&|smaller| smaller.spec.bytes = 0);
    add(&|smaller| smaller.spec.compaction = None);
    add(&|smaller| smaller.spec.summary_only = false);
    add(&|smaller| smaller.spec.rolled_back = 0);
    add(&|smaller| smaller.spec.interrupted = false);
    add(&|smaller| smaller.spec.aborted = false);
    add(&|smaller| smaller.spec.images = false);
    add(&|smaller| smaller.spec.reasoning = false);
    add(&|smaller| smaller.spec.kinds.clear());
    for tools in [0, 1] {
        add(&|smaller| smaller.spec.tools = tools.min(spec.tools));
    }
    candidates.iter().filter_map(Recipe::case).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Plan, cases};
    use super::*;

    #[test]
    fn every_step_makes_the_recipe_smaller_and_there_is_an_end() {
        let plan = Plan { seed: 11, files: 6, classes: vec!["healthy".into()], eras: Vec::new() };
        for case in cases(&plan) {
            let mut recipe = case.recipe.unwrap();
            let mut steps = 0;
            while let Some(next) = smaller(&recipe).into_iter().next() {
                recipe = next.recipe.unwrap();
                steps += 1;
                assert!(steps < 30, "{recipe:?}");
            }
            assert_eq!((recipe.spec.turns, recipe.spec.tools, recipe.spec.compaction), (0, 0, None));
        }
    }
}
