//! The grammar of a scenario file as JSON Schema (draft 2020-12), for editors that complete and check TOML.
//!
//! The schema is the form of the file and no more: that a thread was begun, or that a trigger can come, is said by
//! [`Scenario::parse`](super::Scenario::parse) alone. Whatever the form refuses both refuse, and for the same keys,
//! because both are made from the one table in `keys.rs`; a test holds arbitrary files against the two.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::grammar::{Form, Presence, Shape, TableShape, Text};
use super::keys;

/// What a path must not look like: the words of `leaves` in `conform.rs` as a pattern.
const LEAVES: &str = r"^/|[\\\x00]|(^|/)\.\.(/|$)";

/// The JSON Schema of a scenario file. `docs/scenario.schema.json` is this, pretty-printed, with a newline at its end.
pub fn schema() -> Value {
    of_file(&keys::FILE)
}

/// The schema of a file: its table, and every table below it once.
fn of_file(file: &'static TableShape) -> Value {
    let mut known = BTreeSet::from([file.id]);
    let mut waiting = vec![file];
    let mut definitions = Map::new();
    let mut root = Map::new();
    while let Some(shape) = waiting.pop() {
        let mut below = Vec::new();
        let made = table(shape, &mut below);
        if std::ptr::eq(shape, file) {
            root = made;
        } else {
            definitions.insert(shape.id.to_owned(), made.into());
        }
        waiting.extend(below.into_iter().filter(|shape| known.insert(shape.id)));
    }
    definitions.sort_keys();
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    whole.insert("title".to_owned(), "Rehydra scenario".into());
    whole.extend(root);
    whole.insert("$defs".to_owned(), definitions.into());
    whole.into()
}

fn table(shape: &'static TableShape, below: &mut Vec<&'static TableShape>) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut partners: Map<String, Value> = Map::new();
    for key in shape.keys {
        let mut property = value(&key.shape, below);
        if let Some(property) = property.as_object_mut() {
            property.insert("description".to_owned(), key.doc.into());
        }
        properties.insert(key.name.to_owned(), property);
        match key.presence {
            Presence::Required(_) => required.push(key.name),
            Presence::Beside(partner) => {
                partners.insert(key.name.to_owned(), json!([partner]));
            }
            Presence::Completes(partner, _) => {
                partners.insert(key.name.to_owned(), json!([partner]));
                partners.insert(partner.to_owned(), json!([key.name]));
            }
            Presence::Optional | Presence::OneOf => {}
        }
    }
    let mut made = Map::new();
    made.insert("description".to_owned(), shape.doc.into());
    made.insert("type".to_owned(), "object".into());
    made.insert("properties".to_owned(), properties.into());
    made.insert("additionalProperties".to_owned(), false.into());
    if !required.is_empty() {
        made.insert("required".to_owned(), json!(required));
    }
    if !partners.is_empty() {
        made.insert("dependentRequired".to_owned(), partners.into());
    }
    if shape.choice.is_some() {
        let choices: Vec<Value> = shape.choices().map(|key| json!({ "required": [key] })).collect();
        made.insert("oneOf".to_owned(), choices.into());
    }
    made
}

fn value(shape: &'static Shape, below: &mut Vec<&'static TableShape>) -> Value {
    match shape {
        Shape::Version(number) => json!({ "const": number }),
        Shape::Text(shape) => text(shape),
        Shape::Word(words) => json!({ "enum": words() }),
        Shape::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Yes => json!({ "const": true }),
        Shape::Object => json!({ "type": "object" }),
        Shape::Map { of, max } => {
            json!({ "type": "object", "additionalProperties": value(of, below), "maxProperties": max })
        }
        Shape::Table(inner) => {
            below.push(inner);
            json!({ "$ref": format!("#/$defs/{}", inner.id) })
        }
        Shape::List { of, min, max, unique } => {
            let mut list = json!({ "type": "array", "items": value(of, below), "minItems": min, "maxItems": max });
            if let (true, Some(list)) = (*unique, list.as_object_mut()) {
                list.insert("uniqueItems".to_owned(), true.into());
            }
            list
        }
        Shape::Either(shapes) => {
            json!({ "anyOf": shapes.iter().map(|shape| value(shape, below)).collect::<Vec<_>>() })
        }
    }
}

fn text(shape: &Text) -> Value {
    let mut made = json!({ "type": "string", "minLength": shape.min, "maxLength": shape.max });
    let (key, form) = match shape.form {
        Form::Plain => return made,
        Form::Line => ("pattern", r"^[^\n\r]*$".into()),
        Form::Path => ("not", json!({ "pattern": LEAVES })),
        Form::Pattern | Form::Group => ("format", "regex".into()),
        Form::Pointer => ("pattern", r"^/([^~]|~[01])*$".into()),
    };
    if let Some(made) = made.as_object_mut() {
        made.insert(key.to_owned(), form);
    }
    made
}

#[cfg(test)]
mod tests;
