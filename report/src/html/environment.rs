//! Facts of a page about the measurement: place, load and instances, the benchmark itself, and what the report does not say.

use wire::Report;

use super::markup::{Markup, list, section, tag};
use crate::lines;

pub(super) fn environment(report: &Report) -> Markup {
    let mut facts: Vec<(String, String)> = Vec::new();
    let load = lines::load(report);
    facts.extend((!load.is_empty()).then(|| ("load".to_owned(), load)));
    for line in lines::environment(report) {
        let (name, words) = line.split_once(": ").unwrap_or(("place", &line));
        facts.push((name.to_owned(), words.to_owned()));
    }
    facts.push(("time".to_owned(), format!("{} to {}", moment(report.started_at), moment(report.finished_at))));
    let fact = |(name, words): &(String, String)| Markup::from([tag("dt", &[], name), tag("dd", &[], words)]);
    let facts: Markup = facts.iter().map(fact).collect();
    section("Where and with what", [tag("dl", &[], facts), list("dim", &stats::lacking(report))])
}

fn moment(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The benchmark as YAML, which can be applied again.
pub(super) fn benchmark(report: &Report) -> Markup {
    let yaml = report.run.facts.benchmark.as_ref().map(|asked| asked.yaml.as_str()).unwrap_or_default();
    if yaml.is_empty() {
        return Markup::default();
    }
    let attributes = [("tabindex", "0"), ("aria-label", "The benchmark as YAML"), ("role", "group")];
    section("The benchmark", tag("pre", &attributes, yaml))
}
