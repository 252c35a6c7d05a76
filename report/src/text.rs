//! Rendering as text for people: what may be said, the numbers, what was checked, where. In the order of the page.

use std::fmt::Write;

use wire::Report;

use crate::chart::{chart, differences};
use crate::{Column, capacities, sentences, ways};

/// The report in words, a line for each thing that is said.
pub fn text(report: &Report) -> String {
    head(report) + "\n" + &ways::picture(report) + &written(&sentences::below(report))
}

/// The same with charts: how much each round differed, what a search tried, and how the response times of each cluster are spread.
pub fn chart_and_text(report: &Report) -> String {
    let charts = differences(report) + &ways::picture(report) + &chart(report);
    if charts.is_empty() {
        return text(report);
    }
    let below = written(&sentences::below(report));
    format!("{}\n{}\n\n{below}", head(report), charts.trim_end_matches('\n'))
}

/// Everything above the charts.
fn head(report: &Report) -> String {
    let said = written(&sentences::above(report));
    said + "\n" + &capacities::table(report) + &Column::table(Column::NUMBERS, &report.clusters).to_string()
}

fn written(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{}", line.trim_end());
    }
    text
}
