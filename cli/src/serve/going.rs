//! The words of a page about a benchmark without a result: those of the terminal. Pure.

use api::ClusterBenchmark;
use jiff::Timestamp;
use report::{LiveCluster, LivePage};

use super::RELOAD_SECONDS;
use crate::courses::Courses;
use crate::standing::{Standing, standing, waiting_for};

/// How a benchmark goes, as it was seen at a moment.
pub(super) fn page(object: &ClusterBenchmark, courses: &Courses, now: Timestamp) -> LivePage {
    let standing = standing(object);
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let namespace = object.metadata.namespace.iter().map(|namespace| format!("{namespace}/{name}"));
    let status = object.status.clone().unwrap_or_default();
    let zone = status.placement.iter().map(|placement| placement.zone.clone()).filter(|zone| !zone.is_empty());
    let run = format!("run {}", object.spec.run_id);
    let subject = namespace.chain([run]).chain(zone).collect::<Vec<_>>().join(" \u{b7} ");
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let phase = some(status.phase).unwrap_or_else(|| "Waiting for the operator".to_owned());
    let headline = match some(status.progress) {
        Some(progress) => format!("{phase}: {progress}"),
        None => phase,
    };
    let mut facts = Vec::new();
    let instances = some(status.instances_ready).map(|ready| format!("instances {ready}"));
    let cost = some(status.cost.map(|cost| cost.summary));
    let about: Vec<String> = [instances, cost, some(status.queue)].into_iter().flatten().collect();
    facts.extend((!about.is_empty()).then(|| about.join(" \u{b7} ")));
    facts.extend(waiting_for(object).map(|one| format!("{}: {}", one.reason, one.message)));
    match &standing {
        Standing::Recorded { result, .. } => facts.push(result.clone()),
        Standing::Stalled { .. } => facts.push("Stalled: nothing happens until somebody changes something.".to_owned()),
        Standing::Deleted => facts.extend(status.leftovers.iter().map(|left| format!("still there: {left}"))),
        Standing::Pending => {}
    }
    let whole = |number: i64| u64::try_from(number).unwrap_or(0);
    let cluster = |one: &api::LiveCluster| LiveCluster {
        name: one.name.clone(),
        round: whole(one.round),
        requests_per_second: whole(one.requests_per_second),
        p50_micros: one.p50_micros.map(whole),
        p99_micros: one.p99_micros.map(whole),
        medians: courses.of(&one.name),
        capacity: one.capacity.as_ref().map(Into::into),
        step_requests_per_second: one.step_requests_per_second.map(whole),
    };
    LivePage {
        subject,
        headline,
        is_stuck: matches!(standing, Standing::Stalled { .. }),
        facts,
        clusters: status.live.iter().flat_map(|live| &live.clusters).map(cluster).collect(),
        conditions: status
            .conditions
            .iter()
            .map(|one| [one.type_.clone(), one.status.clone(), one.reason.clone(), one.message.clone()])
            .collect(),
        footer: footer(now),
    }
}

/// The benchmark is gone, and nothing was measured that could be shown.
pub(super) fn gone(namespace: &str, name: &str, now: Timestamp) -> LivePage {
    LivePage {
        subject: format!("{namespace}/{name}"),
        headline: "Gone: it was deleted".to_owned(),
        is_stuck: true,
        footer: footer(now),
        ..LivePage::default()
    }
}

fn footer(now: Timestamp) -> String {
    let now = now.strftime("%Y-%m-%d %H:%M:%S UTC");
    format!("As the operator said it at {now}. This page asks again by itself every {RELOAD_SECONDS} seconds.")
}

#[cfg(test)]
mod tests {
    use api::Live;
    use report::live_page;

    use super::*;
    use crate::standing::tests::object;

    #[test]
    fn the_page_says_what_the_terminal_says() {
        let mut object =
            object(&[("Accepted", "True", "Placed", "a"), ("Measured", "False", "Running", "2/10 <rounds>")]);
        object.metadata.namespace = Some("team".to_owned());
        let of = |round, p50_micros| api::LiveCluster {
            name: "a".to_owned(),
            round,
            requests_per_second: 982,
            p50_micros,
            ..api::LiveCluster::default()
        };
        let mut courses = Courses::default();
        for (round, p50) in [(1, 99_400), (2, 80_000)] {
            object.status.as_mut().unwrap().live = Some(Live { round, clusters: vec![of(round, Some(p50))] });
            courses.see(&object);
        }
        let page = page(&object, &courses, Timestamp::UNIX_EPOCH);
        assert_eq!(page.subject, "team/a \u{b7} run 1");
        assert_eq!(page.headline, "Measuring: round 2/10");
        assert_eq!(page.facts, ["instances 3/4", "Running: 2/10 <rounds>"]);
        assert_eq!(page.clusters[0].medians, [(1, 99_400), (2, 80_000)]);
        assert!(!page.is_stuck && page.footer.starts_with("As the operator said it at 1970-01-01 00:00:00 UTC."));
        let written = live_page(&page);
        assert!(written.contains("2/10 &lt;rounds&gt;") && !written.contains("<script"), "{written}");
        assert!(
            written.contains("a, round 1: p50 99.4 ms") && written.contains("<td class=\"num\">982</td>"),
            "{written}"
        );
    }

    #[test]
    fn a_search_shows_its_capacities_and_no_course_of_medians() {
        let mut object = object(&[("Measured", "False", "Running", "2/10 rounds")]);
        let mut courses = Courses::default();
        let known = api::LiveCapacity { outcome: "Found".to_owned(), milli_rps: Some(741_300), rounds: 2 };
        let measured = api::LiveCluster {
            name: "a".to_owned(),
            round: 3,
            requests_per_second: 786,
            p50_micros: Some(48_300),
            capacity: Some(known),
            step_requests_per_second: Some(1_812),
            ..api::LiveCluster::default()
        };
        let unmet = api::LiveCapacity { outcome: "Unmet".to_owned(), ..api::LiveCapacity::default() };
        let slow = api::LiveCluster { name: "slow".to_owned(), capacity: Some(unmet), ..api::LiveCluster::default() };
        object.status.as_mut().unwrap().live = Some(Live { round: 3, clusters: vec![measured, slow] });
        courses.see(&object);
        let written = live_page(&page(&object, &courses, Timestamp::UNIX_EPOCH));
        let cells =
            |texts: &[&str]| -> String { texts.iter().map(|text| format!("<td class=\"num\">{text}</td>")).collect() };
        for row in [
            cells(&["741 after 2 rounds", "1812", "3", "786", "48.3 ms", "none"]),
            cells(&["none", "", "", "", "", ""]),
        ] {
            assert!(written.contains(&row), "{row} is not in {written}");
        }
        assert!(!written.contains("p50 of each round"), "rates of steps differ: {written}");
    }

    #[test]
    fn who_is_stuck_is_said_in_red() {
        let stuck = object(&[("Stalled", "True", "BootFailed", "i-1 ended")]);
        let page = page(&stuck, &Courses::default(), Timestamp::UNIX_EPOCH);
        assert!(page.is_stuck && page.facts.iter().any(|fact| fact.starts_with("Stalled: ")), "{page:?}");
        assert!(live_page(&page).contains("<h1 class=\"bad\">"));
        let gone = gone("team", "a", Timestamp::UNIX_EPOCH);
        assert!(live_page(&gone).contains("Gone: it was deleted") && !live_page(&gone).contains("Measured so far"));
    }
}
