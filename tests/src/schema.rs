//! Judging JSON by the schemas of an OpenAPI document, as far as ours go: types, enumerations, required properties,
//! and nothing that is not documented.

use serde_json::Value;

/// Everything in `value` that is not as `schema` says, each with its place.
#[must_use]
pub fn departures(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    judge(document, schema, value, "$", &mut found);
    found
}

fn judge(document: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let fits = any
            .iter()
            .map(|schema| departures(document, schema, value))
            .min_by_key(Vec::len);
        found.extend(
            fits.into_iter()
                .flatten()
                .map(|text| format!("{place}: {text}")),
        );
        return;
    }
    if !is_of_type(schema.get("type"), value) {
        found.push(format!("{place}: {value} is not {}", schema["type"]));
        return;
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        found.push(format!("{place}: {value} is not one of {words:?}"));
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (at, value) in values.iter().enumerate() {
            judge(document, items, value, &format!("{place}[{at}]"), found);
        }
    }
    if let (Some(properties), Some(values)) = (
        schema.get("properties").and_then(Value::as_object),
        value.as_object(),
    ) {
        let required = schema.get("required").and_then(Value::as_array);
        let absent = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|name| !values.contains_key(*name));
        found.extend(absent.map(|name| format!("{place}: no {name}")));
        for (name, value) in values {
            match properties.get(name) {
                Some(schema) => judge(document, schema, value, &format!("{place}.{name}"), found),
                None => found.push(format!("{place}: {name} is not documented")),
            }
        }
    }
}

/// The schema, or response, that a reference leads to.
#[must_use]
pub fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
        return schema;
    };
    document
        .pointer(reference.trim_start_matches('#'))
        .unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn is_of_type(types: Option<&Value>, value: &Value) -> bool {
    let is = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("a schema names the type {other}"),
    };
    match types {
        None => true,
        Some(Value::String(name)) => is(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is),
        Some(other) => panic!("a schema names the type {other}"),
    }
}
