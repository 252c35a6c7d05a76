//! Specs that compare by what their load does not show, which the API server must refuse.

use serde_json::{Value, json};

use crate::bad_specs::with;

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        (
            "requests per dollar under a fixed rate",
            with(|spec| {
                spec["load"]["comparison"] = json!({ "metric": "RequestsPerUsd" });
                spec["load"]["phases"] = fixed_rate();
            }),
            &[
                "spec.load",
                "comparison.metric: RequestsPerUsd needs closed loops",
                "give every phase arrivals ClosedLoop",
            ],
        ),
        (
            "a limit on requests per dollar under a fixed rate",
            with(|spec| {
                spec["load"]["thresholds"] = json!([{ "cluster": "one", "metric": "RequestsPerUsd", "atLeast": 1 }]);
                spec["load"]["phases"] = fixed_rate();
            }),
            &["spec.load", "thresholds: metric RequestsPerUsd needs closed loops"],
        ),
    ]
}

fn fixed_rate() -> Value {
    json!([{ "arrivals": "Poisson", "requestsPerSecond": 9, "durationSeconds": 9 }])
}
