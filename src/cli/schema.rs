//! `rehydra schema`: the JSON Schema of scenario files, for editors.

use super::{Exit, Outcome};
use crate::scenario::schema;

pub(super) fn main() -> Outcome {
    anstream::println!("{:#}", schema::schema());
    Ok(Exit::Fine)
}
