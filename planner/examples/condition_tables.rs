//! Prints the tables of `docs/conditions.md`: reasons by condition, and those of failed calls. `cargo xtask gen` writes them
//! between their marks.

use api::ConditionType;
use planner::Failure;
use planner::conditions::{REHEARSED, ROWS, Row};

/// Conditions with reasons of their own, in the order of the document.
const TABLES: [ConditionType; 7] = [
    ConditionType::Accepted,
    ConditionType::Provisioned,
    ConditionType::Deployed,
    ConditionType::Measured,
    ConditionType::ThresholdsMet,
    ConditionType::Ready,
    ConditionType::Stalled,
];

fn main() {
    for condition in TABLES {
        let rows = ROWS.iter().chain([&REHEARSED]).filter(|row| row.conditions.contains(&condition));
        section(condition.name(), ["reason", "", "what to do"], rows.map(said));
    }
    let events = ROWS.iter().filter(|row| row.conditions.is_empty());
    section("Events", ["reason", "", "what to do"], events.map(said));
    let failures = Failure::ALL.iter().map(|failure| {
        [format!("`{}`", failure.name()), failure.sentence().trim().to_owned(), failure.tried_again().to_owned()]
    });
    section("Failures", ["reason", "", "tried again"], failures);
}

fn said(row: &Row) -> [String; 3] {
    let reasons: Vec<String> = row.reasons.iter().map(|reason| format!("`{reason}`")).collect();
    [reasons.join(", "), row.sentence.to_owned(), row.way_out.to_owned()]
}

fn section(name: &str, head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) {
    println!("<!-- generated: {name} -->");
    println!("{}\n|---|---|---|", line(&head));
    for row in rows {
        println!("{}", line(&row));
    }
    println!("<!-- end -->");
}

fn line<T: AsRef<str>>(cells: &[T; 3]) -> String {
    let cell = |text: &T| if text.as_ref().is_empty() { " |".to_owned() } else { format!(" {} |", text.as_ref()) };
    format!("|{}", cells.iter().map(cell).collect::<String>())
}
