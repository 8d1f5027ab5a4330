//! Just enough of JSON Schema to hold a tool's result against the schema that its server advertises.
//!
//! Understood are `type`, `required`, `properties`, `additionalProperties: false`, `items`, `enum` and `const`, to a
//! bounded depth. Every other keyword accepts everything: a check may overlook a violation here but never makes one up.

use serde_json::Value;

/// Deepest level that is looked at.
const DEPTH: usize = 32;

/// What is wrong with `value`, in words; `None` if nothing that this understands is.
pub(super) fn violation(schema: &Value, value: &Value) -> Option<String> {
    at(schema, value, "the result", DEPTH)
}

fn at(schema: &Value, value: &Value, name: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    if let Some(types) = schema.get("type")
        && !one_of(types).any(|t| is_type(value, t))
    {
        return Some(format!("{name} is not of type {types}"));
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        return Some(format!("{name} is none of the values that its schema lists"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Some(format!("{name} is not the constant of its schema"));
    }
    if let Some(items) = schema.get("items").filter(|s| s.is_object()) {
        let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(text) = elements.iter().find_map(|e| at(items, e, &format!("an element of {name}"), depth)) {
            return Some(text);
        }
    }
    object(schema, value, name, depth)
}

fn object(schema: &Value, value: &Value, name: &str, depth: usize) -> Option<String> {
    let fields = value.as_object()?;
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(absent) = required.iter().filter_map(Value::as_str).find(|key| !fields.contains_key(*key)) {
        return Some(format!("{name} lacks `{absent}`"));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, field) in fields {
        match properties.and_then(|p| p.get(key)) {
            Some(inner) => {
                if let Some(text) = at(inner, field, &format!("`{key}` of {name}"), depth) {
                    return Some(text);
                }
            }
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                return Some(format!("{name} has `{key}`, which its schema does not allow"));
            }
            None => {}
        }
    }
    None
}

fn one_of(types: &Value) -> impl Iterator<Item = &str> {
    let many = types.as_array().map(Vec::as_slice).unwrap_or_default();
    types.as_str().into_iter().chain(many.iter().filter_map(Value::as_str))
}

fn is_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tells_what_a_result_lacks() {
        let schema = json!({"type": "object", "required": ["threadId", "content"],
            "properties": {"threadId": {"type": "string"}, "content": {"type": "string"}}});
        assert_eq!(violation(&schema, &json!({"threadId": "a", "content": "b", "more": 1})), None);
        assert_eq!(violation(&schema, &json!({"threadId": "a"})).as_deref(), Some("the result lacks `content`"));
        let wrong = violation(&schema, &json!({"threadId": 1, "content": "b"}));
        assert_eq!(wrong.as_deref(), Some("`threadId` of the result is not of type \"string\""));
        assert!(violation(&schema, &json!([])).is_some());
    }

    #[test]
    fn what_it_does_not_understand_is_accepted() {
        assert_eq!(violation(&json!({"oneOf": [], "type": "date"}), &json!(1)), None);
        let closed = json!({"additionalProperties": false, "properties": {"a": {}}});
        assert!(violation(&closed, &json!({"b": 1})).is_some());
        assert!(violation(&json!({"type": ["string", "null"]}), &json!(1)).is_some());
    }
}
