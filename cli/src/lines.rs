//! A benchmark in some lines, as a terminal shows it.

use ::report::{Side, aligned, capacity_so_far};
use api::{ClusterBenchmark, Live, LiveCluster};

use crate::courses::Courses;
use crate::frame::Frame;
use crate::standing::{Standing, standing, waiting_for};
use crate::terminal::bold;

/// The benchmark in some lines.
pub(crate) fn lines(object: &ClusterBenchmark, courses: &Courses) -> Frame {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let Some(status) = &object.status else {
        return Frame { head: vec![format!("{}  waiting for the operator", bold(name))], ..Frame::default() };
    };
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let phase = some(&status.phase).unwrap_or_else(|| "waiting for the operator".to_owned());
    let mut head = vec![
        [Some(bold(name)), Some(phase), some(&status.progress)].into_iter().flatten().collect::<Vec<_>>().join("  "),
    ];
    let place = status.placement.as_ref().map(|placement| placement.zone.clone()).filter(|zone| !zone.is_empty());
    let cost = status.cost.as_ref().map(|cost| cost.summary.clone()).filter(|cost| !cost.is_empty());
    let instances = some(&status.instances_ready).map(|ready| format!("instances {ready}"));
    let about: Vec<String> = [instances, place, cost].into_iter().flatten().collect();
    if !about.is_empty() {
        head.push(format!("  {}", about.join("  ")));
    }
    head.extend(some(&status.queue).map(|queue| format!("  {queue}")));
    let table = status.live.iter().flat_map(|live| table(live, courses)).collect();
    let mut foot: Vec<String> = Vec::new();
    foot.extend(waiting_for(object).map(|one| format!("  {}: {}", one.reason, one.message.replace('\n', " "))));
    match standing(object) {
        Standing::Recorded { result, thresholds } => {
            foot.extend(result.lines().map(|line| format!("  {line}")));
            foot.extend(thresholds.map(|(_, message)| format!("  thresholds: {}", message.replace('\n', " "))));
        }
        Standing::Stalled { .. } => {
            foot.push("  stalled: nothing happens until somebody changes something".to_owned());
        }
        Standing::Deleted => foot.extend(status.leftovers.iter().map(|left| format!("  still there: {left}"))),
        Standing::Pending => {}
    }
    Frame { head, table, foot }
}

/// The clusters as they were last measured: with what a search found so far, or with the medians that this process saw
/// before.
fn table(live: &Live, courses: &Courses) -> Vec<String> {
    if live.clusters.iter().any(|one| one.capacity.is_some()) {
        let headings = ["", "CAPACITY", "STEP ON", "LAST RPS", "LAST P50", "LAST P99"];
        return rows(headings, [Side::Left, Side::Left, RIGHT, RIGHT, RIGHT, RIGHT], live, |one| {
            let capacity = one.capacity.as_ref().map(|known| capacity_so_far(&known.into())).unwrap_or_default();
            let step = one.step_requests_per_second.map(|rate| rate.to_string()).unwrap_or_default();
            let [rate, p50, p99] = numbers(one);
            [one.name.clone(), capacity, step, rate, p50, p99]
        });
    }
    let headings = ["", "RPS", "P50", "P99", "P50 BY ROUND"];
    rows(headings, [Side::Left, RIGHT, RIGHT, RIGHT, Side::Left], live, |one| {
        let [rate, p50, p99] = numbers(one);
        [one.name.clone(), rate, p50, p99, courses.drawn(&one.name)]
    })
}

const RIGHT: Side = Side::Right;

/// A row for each cluster, below the headings.
fn rows<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    sides: [Side; COLUMNS],
    live: &Live,
    row: impl Fn(&LiveCluster) -> [String; COLUMNS],
) -> Vec<String> {
    let headings = std::iter::once(headings.map(str::to_owned));
    let rows: Vec<[String; COLUMNS]> = headings.chain(live.clusters.iter().map(row)).collect();
    aligned(&sides, &rows).lines().map(|line| format!("  {line}")).collect()
}

/// Rate, median and 99th percentile; nothing of a cluster that was not measured yet.
fn numbers(one: &LiveCluster) -> [String; 3] {
    if one.round == 0 {
        return Default::default();
    }
    let shown =
        |micros: Option<i64>| stats::quantile(micros.and_then(|micros| u64::try_from(micros).ok()), stats::time);
    [one.requests_per_second.to_string(), shown(one.p50_micros), shown(one.p99_micros)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::object;

    #[test]
    fn the_block_says_where_it_is_and_what_is_waited_for() {
        let going = object(&[("Accepted", "True", "Placed", ""), ("Deployed", "False", "Waiting", "3 of 4\nmembers")]);
        insta::assert_snapshot!(lines(&going, &Courses::default()).whole().join("\n"), @r"
        a  Measuring  round 2/10
          instances 3/4
          Waiting: 3 of 4 members
        ");
        let stalled = object(&[
            ("Accepted", "False", "NoDefaultVpc", "set network.subnetIds"),
            ("Stalled", "True", "NoDefaultVpc", "x"),
        ]);
        insta::assert_snapshot!(lines(&stalled, &Courses::default()).whole().join("\n"), @r"
        a  Measuring  round 2/10
          instances 3/4
          NoDefaultVpc: set network.subnetIds
          stalled: nothing happens until somebody changes something
        ");
    }

    #[test]
    fn a_run_that_is_on_is_a_table_with_its_rounds() {
        let mut object = object(&[("Measured", "False", "Running", "2/10 rounds")]);
        let mut courses = Courses::default();
        for (round, a, b) in [(1, 99_400, 48_300), (2, 80_000, 50_000)] {
            let cluster = |name: &str, p50| LiveCluster {
                name: name.to_owned(),
                round,
                requests_per_second: 982,
                p50_micros: Some(p50),
                ..LiveCluster::default()
            };
            let live = Live { round, clusters: vec![cluster("a", a), cluster("cluster2", b)] };
            object.status.as_mut().unwrap().live = Some(live);
            courses.see(&object);
        }
        insta::assert_snapshot!(lines(&object, &courses).whole().join("\n"), @r"
        a  Measuring  round 2/10
          instances 3/4
                    RPS      P50   P99  P50 BY ROUND
          a         982  80.0 ms  none  █▇
          cluster2  982  50.0 ms  none  ▄▅
          Running: 2/10 rounds
        ");
        // The next run begins at its first round.
        object.status.as_mut().unwrap().live.as_mut().unwrap().round = 1;
        courses.see(&object);
        assert_eq!(courses.drawn("a").chars().count(), 1);
    }

    #[test]
    fn a_search_is_a_table_of_what_is_known_and_of_the_step_that_is_on() {
        let mut object = object(&[("Measured", "False", "Running", "2/10 rounds")]);
        let known = |outcome: &str, milli_rps, rounds| {
            Some(api::LiveCapacity { outcome: outcome.to_owned(), milli_rps, rounds })
        };
        let cluster = |name: &str, capacity| LiveCluster { name: name.to_owned(), capacity, ..LiveCluster::default() };
        let clusters = vec![
            LiveCluster {
                round: 3,
                requests_per_second: 786,
                p50_micros: Some(12_300),
                p99_micros: Some(48_300),
                step_requests_per_second: Some(812),
                ..cluster("cluster1", known("Found", Some(741_300), 2))
            },
            LiveCluster { round: 2, requests_per_second: 20, ..cluster("quick", known("AtLeast", Some(20_000), 2)) },
            cluster("slow", known("Unmet", None, 0)),
            cluster("new", known("Found", None, 0)),
        ];
        object.status.as_mut().unwrap().live = Some(Live { round: 3, clusters });
        insta::assert_snapshot!(lines(&object, &Courses::default()).whole().join("\n"), @r"
        a  Measuring  round 2/10
          instances 3/4
                    CAPACITY                STEP ON  LAST RPS  LAST P50  LAST P99
          cluster1  741 after 2 rounds          812       786   12.3 ms   48.3 ms
          quick     >= 20.0 after 2 rounds                 20      none      none
          slow      none
          new       not known
          Running: 2/10 rounds
        ");
    }
}
