//! Documents in JSON.

use serde_json::{Map, Number, Value as Json};

use super::Value;

pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Json>(bytes).map(from).map_err(|error| error.to_string())
}

fn from(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(is) => Value::Bool(is),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::list(items.into_iter().map(from)),
        Json::Object(fields) => Value::Map(fields.into_iter().map(|(name, value)| (name, from(value))).collect()),
    }
}

pub(super) fn write(value: &Value) -> Vec<u8> {
    to(value).to_string().into_bytes()
}

fn to(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(is) => Json::Bool(*is),
        Value::Number(number) => number_of(*number),
        Value::Time(at) => number_of(at.as_millisecond() as f64 / 1_000.0),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(to).collect()),
        Value::Map(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.clone(), to(value))).collect::<Map<_, _>>())
        }
    }
}

fn number_of(number: f64) -> Json {
    Number::from_f64(number).map_or(Json::Null, Json::Number)
}
