//! `rehydra schema`: the JSON Schema of scenario files, for editors.

use super::out::print;
use super::{Exit, Outcome};
use crate::scenario::schema;

pub(super) fn main() -> Outcome {
    print(&format!("{:#}\n", schema::schema()))?;
    Ok(Exit::Fine)
}
