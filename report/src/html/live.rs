//! A benchmark that has no result yet, as a page: how it goes, in the looks of the report's page and under the same policy. It judges
//! nothing: a comparison that is looked at after every round finds differences that are none.

use stats::{quantile, time};
use wire::LiveCapacity;

use super::cluster_keys::Keys;
use super::markup::{Markup, label, paragraph, path, scrolled, section, shape, tag};
use super::plot::{WIDTH, plot, times_across};
use super::scales::Logarithmic;
use super::{opened, style};
use crate::capacity_so_far;
use crate::picture::px;

const LEFT: f64 = 66.0;
const RIGHT: f64 = WIDTH - 20.0;
const HEIGHT: f64 = 210.0;
/// Numbers of rounds that fit below an axis.
const MOST_NUMBERS: usize = 24;

/// What such a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LivePage {
    /// Name of the benchmark, and what else tells it from others.
    pub subject: String,
    /// Where it is, in a few words.
    pub headline: String,
    /// Whether nothing will happen until somebody changes something.
    pub is_stuck: bool,
    /// What is said below the headline, a sentence each.
    pub facts: Vec<String>,
    /// Clusters as they were last measured; none before the run.
    pub clusters: Vec<LiveCluster>,
    /// What is true of the benchmark: what, whether, why, and in words.
    pub conditions: Vec<[String; 4]>,
    /// What is said at the end of the page.
    pub footer: String,
}

/// One cluster of a run that is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveCluster {
    /// Name of the cluster.
    pub name: String,
    /// The round that it was last measured in; 0: it was not measured yet.
    pub round: u64,
    /// Answered requests per second in it.
    pub requests_per_second: u64,
    /// Median of the latency in it.
    pub p50_micros: Option<u64>,
    /// 99th percentile of the latency in it.
    pub p99_micros: Option<u64>,
    /// Rounds that were seen, in order, each with its median.
    pub medians: Vec<(u64, u64)>,
    /// What finished rounds of a search found of it. `None`: it is no search.
    pub capacity: Option<LiveCapacity>,
    /// Rate of the step of a search that is on.
    pub step_requests_per_second: Option<u64>,
}

/// The page.
pub fn live_page(live: &LivePage) -> String {
    let keys = Keys::named(live.clusters.iter().map(|cluster| cluster.name.as_str()));
    let class = if live.is_stuck { "bad" } else { "several" };
    let header = [
        paragraph("crumb", &live.subject),
        tag("h1", &[("class", class)], tag("span", &[], &live.headline)),
        live.facts.iter().map(|fact| paragraph("sub", fact)).collect(),
    ];
    let main = Markup::from([
        tag("header", &[("class", if live.is_stuck { "invalid" } else { "valid" })], header),
        measured(live, &keys),
        conditions(&live.conditions),
        tag("footer", &[], paragraph("", &live.footer)),
    ]);
    format!("{}</body>\n</html>\n", opened(&format!("{}: {}", live.subject, live.headline), main))
}

/// The policy of all pages, for a server that says it in a header as well.
pub fn policy() -> String {
    style::policy(&style::sheet())
}

fn measured(live: &LivePage, keys: &Keys<'_>) -> Markup {
    if live.clusters.is_empty() {
        return Markup::default();
    }
    let said = "Nothing is judged before the run is over: a round may still be voided, and who stops at the round that pleases has \
                not measured.";
    let is_search = live.clusters.iter().any(|cluster| cluster.capacity.is_some());
    // Steps of a search have other rates, so that their medians are no course.
    let medians = if is_search { Markup::default() } else { medians(&live.clusters, keys) };
    section("Measured so far", [table(&live.clusters, keys, is_search), medians, paragraph("dim", said)])
}

fn table(clusters: &[LiveCluster], keys: &Keys<'_>, is_search: bool) -> Markup {
    let (name, found): (&str, &[&str]) = if is_search {
        (
            "Capacity of each cluster so far, the step that is on, and the last one",
            &["capacity so far", "step that is on"],
        )
    } else {
        ("Clusters in the round that they were last measured in", &[])
    };
    let heading = |name: &&str| tag("th", &[("scope", "col"), ("class", "num")], *name);
    let numbers: Markup = found.iter().chain(&["round", "requests/s", "p50", "p99"]).map(heading).collect();
    let head = tag("tr", &[], [tag("th", &[("scope", "col")], "cluster"), numbers]);
    let row = |cluster: &LiveCluster| {
        let cells = if is_search { found_cells(cluster) } else { Vec::new() };
        let cells = cells.into_iter().chain(measured_cells(cluster));
        let cells: Markup = cells.map(|cell| tag("td", &[("class", "num")], &cell)).collect();
        let name = [keys.key(&cluster.name), Markup::from(&cluster.name)];
        tag("tr", &[], [tag("th", &[("scope", "row")], name), cells])
    };
    let rows: Markup = clusters.iter().map(row).collect();
    scrolled(name, tag("table", &[], [tag("thead", &[], head), tag("tbody", &[], rows)]))
}

/// What a search knows of a cluster, and the rate that it is asked for now.
fn found_cells(cluster: &LiveCluster) -> Vec<String> {
    let capacity = cluster.capacity.as_ref().map(capacity_so_far);
    let step = cluster.step_requests_per_second.map(|rate| rate.to_string());
    [capacity, step].map(Option::unwrap_or_default).to_vec()
}

/// The round that it was last measured in, and its numbers; nothing before there is one.
fn measured_cells(cluster: &LiveCluster) -> [String; 4] {
    if cluster.round == 0 {
        return Default::default();
    }
    [
        cluster.round.to_string(),
        cluster.requests_per_second.to_string(),
        quantile(cluster.p50_micros, time),
        quantile(cluster.p99_micros, time),
    ]
}

/// Medians by round, on the scale that the report's page has for them.
fn medians(clusters: &[LiveCluster], keys: &Keys<'_>) -> Markup {
    let all = || clusters.iter().flat_map(|cluster| &cluster.medians);
    let rounds = || all().map(|(round, _)| *round);
    let times = || all().map(|(_, micros)| *micros);
    let (Some(first), Some(last)) = (rounds().min(), rounds().max()) else { return Markup::default() };
    let (Some(least), Some(most)) = (times().min(), times().max()) else { return Markup::default() };
    let bottom = HEIGHT - 36.0;
    let scale = Logarithmic::between(least, most, (bottom, 8.0));
    let step = (RIGHT - LEFT) / (last - first + 1) as f64;
    let at = |round: u64| LEFT + ((round - first) as f64 + 0.5) * step;
    let every = (last - first + 1).div_ceil(MOST_NUMBERS as u64);
    let numbered = (first..=last).filter(|round| round.is_multiple_of(every));
    let mut parts = vec![times_across(&scale, (LEFT, RIGHT))];
    parts.extend(numbered.map(|round| label(at(round), bottom + 16.0, "", "middle", &round.to_string())));
    for cluster in clusters {
        let point = |(round, micros): &(u64, u64)| (at(*round), scale.px(*micros));
        let places: Vec<String> =
            cluster.medians.iter().map(point).map(|(x, y)| format!("{} {}", px(x), px(y))).collect();
        let line =
            if places.len() > 1 { path("curve", &format!("M{}", places.join("L")), "") } else { Markup::default() };
        let marks = cluster.medians.iter().map(|median| {
            let title = format!("{}, round {}: p50 {}", cluster.name, median.0, time(median.1));
            shape("path", &[("class", "mark"), ("d", &keys.mark(&cluster.name, point(median), 4.2))], &title)
        });
        parts.push(tag("g", &[("class", &keys.class(&cluster.name))], [line, marks.collect()]));
    }
    parts.push(label((LEFT + RIGHT) / 2.0, bottom + 32.0, "", "middle", "round"));
    let described = |cluster: &LiveCluster| format!("{}: p50 {}", cluster.name, quantile(cluster.p50_micros, time));
    let described = clusters.iter().map(described).collect::<Vec<_>>().join("; ");
    let name = "p50 of each round";
    Markup::from([tag("h3", &[], name), keys.legend(), scrolled(name, plot(name, &described, HEIGHT, parts))])
}

fn conditions(conditions: &[[String; 4]]) -> Markup {
    if conditions.is_empty() {
        return Markup::default();
    }
    let heading = |name: &&str| tag("th", &[("scope", "col")], *name);
    let head = tag("tr", &[], ["condition", "status", "reason", "message"].iter().map(heading).collect::<Markup>());
    let row = |[kind, status, reason, message]: &[String; 4]| {
        let cells = [status, reason].map(|cell| tag("td", &[("class", "words")], cell));
        let message = tag("td", &[("class", "about")], message);
        tag("tr", &[], [tag("th", &[("scope", "row")], kind), cells.into_iter().collect(), message])
    };
    let rows: Markup = conditions.iter().map(row).collect();
    let table = tag("table", &[], [tag("thead", &[], head), tag("tbody", &[], rows)]);
    section("Conditions", scrolled("Conditions", table))
}
