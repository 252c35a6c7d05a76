//! As much of JSON Schema as the report's needs: types, properties, required ones, items, alternatives, constants.

use serde_json::Value;

/// Where `document` is not what `schema` says; a property that it does not name is one too.
pub(crate) fn violations(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, document, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
        return check(root, target, value, at, found);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(alternatives) = schema[key].as_array() {
            let fits = |one: &Value| {
                let mut inner = Vec::new();
                check(root, one, value, at, &mut inner);
                inner.is_empty()
            };
            if !alternatives.iter().any(fits) {
                found.push(format!("{at}: {value} is none of the alternatives"));
            }
            return;
        }
    }
    if let Some(wanted) = schema.get("const")
        && wanted != value
    {
        found.push(format!("{at}: {value} is not {wanted}"));
    }
    if let Some(all) = schema["enum"].as_array()
        && !all.contains(value)
    {
        found.push(format!("{at}: {value} is not one of {all:?}"));
    }
    types(schema, value, at, found);
    if let Some(object) = value.as_object() {
        properties(root, schema, object, at, found);
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(items) = schema.get("items") {
            check(root, items, item, &format!("{at}/{index}"), found);
        }
    }
}

fn types(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("this checker does not know the type {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(one) => is(one),
        Value::Array(several) => several.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    if !fits {
        found.push(format!("{at}: {value} is not {}", schema["type"]));
    }
}

fn properties(
    root: &Value,
    schema: &Value,
    object: &serde_json::Map<String, Value>,
    at: &str,
    found: &mut Vec<String>,
) {
    let Some(known) = schema["properties"].as_object() else { return };
    for (name, value) in object {
        match known.get(name) {
            Some(schema) => check(root, schema, value, &format!("{at}/{name}"), found),
            None => found.push(format!("{at}/{name} is not in the schema")),
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            found.push(format!("{at}/{name} is missing"));
        }
    }
}
