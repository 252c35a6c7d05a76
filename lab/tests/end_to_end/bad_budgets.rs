//! Specs with budgets that the API server must refuse.

use serde_json::{Value, json};

use crate::bad_specs::with;

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let budget = |max_usd: Value| with(|spec| spec["budget"] = json!({ "maxUsd": max_usd }));
    vec![
        ("a number of dollars", budget(json!(2.5)), &["spec.budget.maxUsd", "string"]),
        ("no money", budget(json!("0")), &["spec.budget.maxUsd", "more than 0, in quotes, such as \"2.50\""]),
        ("no money to the cent", budget(json!("0.00")), &["spec.budget.maxUsd", "more than 0"]),
        ("less than no money", budget(json!("-1")), &["spec.budget.maxUsd", "at most two decimals and more than 0"]),
        ("dollars with an exponent", budget(json!("1e3")), &["spec.budget.maxUsd", "at most two decimals"]),
        ("tenths of a cent", budget(json!("2.555")), &["spec.budget.maxUsd", "at most two decimals"]),
        ("dollars with a sign", budget(json!("$5")), &["spec.budget.maxUsd", "at most two decimals"]),
        ("a budget without money", with(|spec| spec["budget"] = json!({})), &["spec.budget.maxUsd", "Required"]),
    ]
}
