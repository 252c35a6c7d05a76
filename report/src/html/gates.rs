//! Everything that was checked before a number is believed, with what was measured and what is allowed. Of many checks of one kind
//! that passed the one that came nearest to its limit is shown.

use std::collections::BTreeMap;

use stats::{gate_values, gate_words, is_least, used_up};
use wire::{Gate, GateKind, GateOutcome, Report};

use super::markup::{Markup, paragraph, scrolled, section, tag};
use crate::lines;

pub(super) fn gates(report: &Report) -> Markup {
    if report.gates.is_empty() {
        return Markup::default();
    }
    let failed: Markup = report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed).map(failed).collect();
    let mut passed: BTreeMap<GateKind, Vec<&Gate>> = BTreeMap::new();
    for gate in report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Passed) {
        passed.entry(gate.kind).or_default().push(gate);
    }
    let passed: Markup = passed.values().filter_map(|gates| nearest(gates)).collect();
    let headings = ["result", "what", "measured", "limit", "of"];
    let heading = |name: &&str| tag("th", &[("scope", "col")], *name);
    let head = tag("thead", &[], tag("tr", &[], headings.iter().map(heading).collect::<Markup>()));
    let name = "Checks";
    let table = tag("table", &[], [head, tag("tbody", &[], [failed, passed])]);
    section("Can it be believed?", [scrolled(name, table), paragraph("dim", &lines::checked(report))])
}

fn failed(gate: &Gate) -> Markup {
    row(gate, ("bad", "\u{2717}", "failed"), &gate.reason)
}

fn nearest(gates: &[&Gate]) -> Option<Markup> {
    let nearest = gates.iter().max_by(|one, other| used_up(one).total_cmp(&used_up(other)))?;
    let about = match (gates.len(), nearest.about.as_str()) {
        (1, about) => about.to_owned(),
        (count, "") => format!("nearest of {count}"),
        (count, about) => format!("nearest of {count}: {about}"),
    };
    Some(row(nearest, ("ok", "\u{2713}", "passed"), &about))
}

fn row(gate: &Gate, (class, sign, word): (&str, &str, &str), about: &str) -> Markup {
    let [measured, limit] = gate_values(gate);
    let limit = match gate.kind {
        // A failed request is one whose answer never came, so rates and latencies know of it: some make a run slow, not invalid.
        GateKind::AllFailed => "not every one".to_owned(),
        kind if is_least(kind) => format!("at least {limit}"),
        _ => format!("at most {limit}"),
    };
    tag(
        "tr",
        &[],
        [
            tag("td", &[("class", class)], [tag("b", &[("role", "img"), ("aria-label", word)], sign)]),
            tag("td", &[], gate_words(gate.kind)),
            tag("td", &[], measured),
            tag("td", &[], limit),
            tag("td", &[("class", "about")], about),
        ],
    )
}
