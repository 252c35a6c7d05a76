//! Renderings of one report, beside each other.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

// The run that the tests of the statistics have, too: what it says is checked there, how it is written is checked here.
#[allow(dead_code, reason = "a part is used")]
#[path = "../../stats/tests/support/noise.rs"]
mod noise;
#[path = "../../stats/tests/support/sample.rs"]
mod sample;

use report::{chart, csv, markdown, queue_pictures, text};
use sample::{material, spread};
use wire::{AddressShare, GeneratorLimit, LimitHits, RoundOutcome};

#[test]
fn the_text_and_the_csv_say_what_the_document_says() {
    let mut material = material(2, 7, 200);
    material.rounds[1].outcome = RoundOutcome::Voided;
    material.rounds[1].reason = "\"i-1\", of cluster1, was lost".into();
    material.rounds[1].clusters[0].generator_limits =
        vec![LimitHits { limit: GeneratorLimit::Connections, requests: 3 }];
    material.planned_rounds = 6;
    let report = stats::report(material).unwrap();
    insta::assert_snapshot!(text(&report), @r#"
    INVALID
    This run is not valid: 1 round was voided, more than 10 % of 6 (last: "i-1", of cluster1, was lost). Its numbers are kept for reading and must not be quoted.
    threshold undecided: p99 latency of all requests: the run is not valid
    threshold undecided: p50 latency of all requests: the run is not valid
    round 2 voided and repeated: "i-1", of cluster1, was lost

    CLUSTER   REQUESTS  FAILED  REQUESTS/S      P50      P90      P99  P99.9
    cluster1      1200       6         995  9.75 ms  18.5 ms  35.2 ms   none
    cluster2      1200       6         995  10.1 ms  19.4 ms  32.7 ms   none

    cluster1: 1200 of 1200 planned requests sent, 20 us late at p50 and 95 us at p99
    cluster2: 1200 of 1200 planned requests sent, 21 us late at p50 and 107 us at p99
    cluster1 failures: 6 5xx
    cluster2 failures: 6 5xx
    cluster1 shares: i-0123456789abcde0 25 %, i-0123456789abcde1 25 %, i-0123456789abcde2 25 %, i-0123456789abcde3 25 %
    cluster2 shares: i-0123456789abcde0 25 %, i-0123456789abcde1 25 %, i-0123456789abcde2 25 %, i-0123456789abcde3 25 %
    not valid: 1 round was voided, more than 10 % of 6 (last: "i-1", of cluster1, was lost)
    6 rounds counted, 1 voided; 25 of 26 checks passed; 400 requests of warm-up not counted; seed 7
    measured in AWS eu-west-1b (euw1-az2) from i-0aaa, c6i.large, Intel(R) Xeon(R), 6.1.0
    cluster1: t2.micro, 1 vCPU, ami-0123, Standard credits with a baseline of 10 %, Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz, 6.1.0
    cluster2: t2.micro, 1 vCPU, ami-0123, Standard credits with a baseline of 10 %, Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz, 6.1.0
    balancer: c6i.large, RoundRobin
    programs: loadgen 0.1.0, balancer 0.1.0
    "#);
    let csv = csv(&report);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 14);
    let columns = lines[0].split(',').count();
    assert_eq!((columns, lines[1].split(',').count()), (62, 62));
    assert!(lines[1].starts_with("1,1,Counted,1,1,cluster1,8,Burst,200,200,200,199,0,1,0,0,0,0,0,1,0,64,200000,1000,"));
    let voided = r#","""i-1"", of cluster1, was lost",0,0,3,0,0,0,0,0,0,,,,,,,,,,,,,,,,,"#;
    assert!(lines[3].ends_with(voided), "{}", lines[3]);
}

#[test]
fn a_comment_has_the_verdict_above_the_numbers_and_the_rest_folded() {
    let mut material = material(2, 7, 200);
    material.planned_rounds = 7;
    let mut report = stats::report(material).unwrap();
    report.environment.notes.push("<script>`a|b`</script>".into());
    let written = markdown(&report);
    let (shown, folded) = written.split_once("<details>").unwrap();
    assert!(shown.contains("- note: \\<script\\>\\`a\\|b\\`\\</script\\>\n"), "{shown}");
    let table: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with('|')).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    | cluster | requests | failed | requests/s | p50 | p90 | p99 | p99.9 |
    | :-- | --: | --: | --: | --: | --: | --: | --: |
    | cluster1 | 1400 | 7 | 995 | 9.65 ms | 18.6 ms | 35.2 ms | none |
    | cluster2 | 1400 | 7 | 995 | 10.1 ms | 19.4 ms | 33.2 ms | none |
    ");
    let at = |part: &str| written.find(part).unwrap_or_else(|| panic!("{part} is not in {written}"));
    assert!(at("**") < at("| cluster |") && at("| cluster |") < at("<details>"));
    assert!(folded.starts_with("<summary>What was checked, where and with what</summary>\n\n- "), "{folded}");
    assert!(folded.ends_with("\n\n</details>\n") && folded.contains("rounds counted"), "{folded}");
}

#[test]
fn a_queue_that_nobody_looked_at_is_said_and_a_broken_line_too() {
    let queue = |at_millis: Vec<u64>| wire::QueueColumns {
        waiting: vec![3; at_millis.len()],
        taken: vec![1; at_millis.len()],
        running: vec![2; at_millis.len()],
        starting: vec![0; at_millis.len()],
        at_millis,
    };
    let mut report = stats::report(material(2, 7, 200)).unwrap();
    let series = |cluster: &str, queue| wire::Series { cluster: cluster.into(), queue, ..wire::Series::default() };
    report.series = vec![series("cluster1", Some(queue(vec![0, 1_000, 40_000, 41_000]))), series("cluster2", None)];
    let [waiting, _] = queue_pictures(&report).unwrap();
    for sentence in [
        "A line is broken where nobody looked at the queue for longer than 30 s.",
        "nobody looked at the queue of cluster2.",
    ] {
        assert!(waiting.svg.contains(sentence), "{sentence} is not in {}", waiting.svg);
    }
    assert!(!waiting.svg.contains("nothing was sent"), "{}", waiting.svg);
    report.series.truncate(1);
    let [waiting, _] = queue_pictures(&report).unwrap();
    assert!(!waiting.svg.contains("queue of"), "{}", waiting.svg);
}

#[test]
fn right_and_wrong_answers_are_counted_and_the_first_wrong_ones_are_named() {
    let mut material = material(2, 7, 200);
    for (number, round) in material.rounds.iter_mut().enumerate() {
        let cluster = &mut round.clusters[0];
        cluster.right = Some(198);
        cluster.failures.wrong_answer = 2;
        let wrong = |request_id: String| wire::WrongAnswer {
            file: "pattern-007".into(),
            expected: "heron".into(),
            got: "say \"no\"".into(),
            request_id,
            instance: "i-1".into(),
        };
        cluster.wrong =
            vec![wrong(format!("r-{number}")), wire::WrongAnswer { instance: String::new(), ..wrong(String::new()) }];
    }
    let report = stats::report(material).unwrap();
    let text = text(&report);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" wrong")).collect();
    assert_eq!(lines.len(), 1 + 1 + 10 + 1, "{text}");
    assert!(lines[0].ends_with("failures: 7 5xx, 14 wrong answer"), "{text}");
    insta::assert_snapshot!([&lines[1..4], &lines[12..]].concat().join("\n"), @r#"
    cluster1: 1386 of 1400 answers right, 14 wrong
    cluster1 wrong: pattern-007 is "heron", the answer was "say \"no\"", request r-0, instance i-1
    cluster1 wrong: pattern-007 is "heron", the answer was "say \"no\""
    cluster1 wrong: and 4 more
    "#);
    let csv = csv(&report);
    let right = |cluster: &str| csv.lines().find(|line| line.contains(cluster)).unwrap().rsplit(',').nth(12);
    assert_eq!([right(",cluster1,"), right(",cluster2,")], [Some("198"), Some("")]);
}

#[test]
fn a_chart_is_drawn_for_each_cluster_that_answered() {
    let mut report = stats::report(material(2, 6, 200)).unwrap();
    report.clusters[1].histograms.response.clear();
    let chart = chart(&report);
    assert!(chart.starts_with("cluster1, answered requests by response time:\n  up to "), "{chart}");
    assert!(!chart.contains("cluster2"), "{chart}");
}

#[test]
fn zones_and_addresses_are_shown_with_their_medians() {
    let mut material = material(2, 7, 200);
    spread(&mut material);
    let mut report = stats::report(material).unwrap();
    let address = |address: &str, p50_micros| AddressShare {
        address: address.into(),
        requests: 700,
        share_per_mille: 500,
        p50_micros,
        ..AddressShare::default()
    };
    report.clusters[0].addresses = vec![address("10.0.0.7:80", Some(9_500)), address("10.0.0.8:80", None)];
    report.clusters[1].zones[1].p50_micros = None;
    let text = text(&report);
    let is_meant = |line: &&str| *line != report.verdict && (line.contains("eu-west-1") || line.contains("address"));
    insta::assert_snapshot!(text.lines().filter(is_meant).collect::<Vec<_>>().join("\n"), @"
    cluster1 answers by address: 10.0.0.7:80 50 % with p50 9.50 ms, 10.0.0.8:80 50 % with p50 none
    cluster1 in eu-west-1a: 50 % of the answers, p50 9.05 ms
    cluster1 in eu-west-1b: 50 % of the answers, p50 11.1 ms
    cluster2 in eu-west-1a: 50 % of the answers, p50 9.05 ms
    cluster2 in eu-west-1b: 50 % of the answers, p50 none
    measured in AWS eu-west-1a (euw1-az1), eu-west-1b (euw1-az2) from i-0aaa, c6i.large, Intel(R) Xeon(R), 6.1.0
    cluster1: t2.micro, 1 vCPU, ami-0123, 2 in eu-west-1a and 2 in eu-west-1b, Standard credits with a baseline of 10 %, Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz, 6.1.0
    cluster2: t2.micro, 1 vCPU, ami-0123, 2 in eu-west-1a and 2 in eu-west-1b, Standard credits with a baseline of 10 %, Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz, 6.1.0
    ");
    let spread = "The clusters have their instances in several zones, 2 in eu-west-1a and 2 in eu-west-1b each.";
    assert!(report.verdict.contains(spread), "{}", report.verdict);
}

/// Two clusters with prices, of ten rounds of a closed loop.
fn priced() -> stats::Material {
    let mut material = material(2, 10, 200);
    let stop = wire::Stop::Requests(200);
    material.spec.phases = vec![wire::Phase::ClosedLoop(wire::ClosedLoop { concurrency: 10, stop })];
    for facts in &mut material.environment.clusters {
        facts.price = Some(wire::Price {
            instances: 4,
            instance_usd_micros: 12_600,
            extras_usd_micros: 5_877,
            surplus_usd_micros: None,
            least: None,
            stopped_usd_micros: None,
            calls: None,
            basis: "on-demand, eu-west-1, 2026-07-20".into(),
        });
    }
    for (cluster, number) in material.rounds.iter_mut().flat_map(|round| &mut round.clusters).zip(0..) {
        cluster.load_micros += number * 4_700 % 9_000;
    }
    material
}

fn about_money(report: &wire::Report) -> Vec<String> {
    text(report)
        .lines()
        .filter(|line| line.contains("per million") || line.contains("cost at") || line.starts_with("cost: "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_answers_cost_is_in_the_text_the_csv_and_the_words_of_a_picture() {
    let mut material = priced();
    for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        if cluster.cluster == "cluster2" {
            (cluster.surplus_per_mille, cluster.hourly_usd_micros) = (Some(1_200), Some(133_908));
        }
    }
    let report = stats::report(material).unwrap();
    insta::assert_snapshot!(about_money(&report).join("\n"), @"
    cluster1: 0.021 USD per million good answers [0.021, 0.021] (4 x t2.micro, 0.074 USD an hour; on-demand, eu-west-1, 2026-07-20)
    cluster2: 0.039 USD per million good answers [0.038, 0.039] (4 x t2.micro with 1.2 surplus vCPUs, 0.13 USD an hour; on-demand, eu-west-1, 2026-07-20)
    ");
    let csv = csv(&report);
    let line = csv.lines().find(|line| line.contains(",cluster2,")).unwrap();
    assert!(line.contains(",1200,133908,false,"), "{line}");
    let million: u64 = line.rsplit(',').nth(13).unwrap().parse().unwrap();
    assert!((37_000..40_000).contains(&million), "{million}");
    // Reports of former versions know no price.
    let mut former = report.clone();
    former.clusters.iter_mut().for_each(|cluster| cluster.answer_cost = None);
    assert_eq!(about_money(&former), [""; 0]);
}

/// A scaled cluster behind queues has no hour that is like another.
#[test]
fn what_instances_and_calls_cost_is_in_the_text_and_the_csv() {
    let mut material = priced();
    for facts in &mut material.environment.clusters {
        let price = facts.price.as_mut().unwrap();
        price.least = Some(0);
        price.calls = Some(wire::CallPrices {
            sqs_usd_micros: 400_000,
            s3_put_usd_micros: 5_000_000,
            s3_get_usd_micros: 400_000,
            basis: "calls of a test".into(),
        });
    }
    for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        let calls = wire::QueueCalls { sqs: 840, s3_puts: 400, s3_gets: 200 };
        let (millis, instance_millis, starts) = (90_000, 300_000, 4);
        let cost = wire::QueueCost { millis, instance_millis, starts, calls, ..wire::QueueCost::default() };
        (cluster.queue_cost, cluster.hourly_usd_micros) = (Some(cost), None);
    }
    let report = stats::report(material).unwrap();
    // 18,477 millionths an hour for 300 s, and 0.002416 USD of calls, for 199 answers.
    assert_eq!(
        about_money(&report)[0],
        "cluster1: 19.88 USD per million good answers [19.88, 19.88] (3000 instance-seconds in 40 starts, 8400 calls of SQS, 6000 of S3; on-demand, eu-west-1, 2026-07-20; calls of a test)"
    );
    let csv = csv(&report);
    let line = csv.lines().find(|line| line.contains(",cluster2,")).unwrap();
    assert!(line.ends_with(",,,19878141,,300000,4,840,400,200,3955750,false,,,,,"), "{line}");
}

#[test]
fn under_a_fixed_rate_the_cost_at_this_rate_is_of_those_that_met_their_thresholds() {
    let mut material = priced();
    material.spec.phases = vec![wire::Phase::OpenLoop(wire::OpenLoop {
        arrivals: wire::Arrivals::Poisson,
        requests_per_second: 1_000,
        stop: wire::Stop::Requests(200),
        ramp: None,
        max_connections: None,
    })];
    material.thresholds.clear();
    let limited = |limits: [u64; 2]| {
        let mut material = material.clone();
        let at_most = |(name, limit): (&str, u64)| wire::Threshold {
            cluster: name.into(),
            metric: wire::Metric::P50,
            limit: wire::Limit::AtMost(limit),
        };
        material.thresholds = ["cluster1", "cluster2"].into_iter().zip(limits).map(at_most).collect();
        about_money(&stats::report(material).unwrap())
    };
    let all = about_money(&stats::report(material.clone()).unwrap());
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].starts_with("cost at this rate: cluster1 0.0"), "{all:?}");
    let [one] = &limited([1, 1_000_000])[..] else { panic!("one of them") };
    assert!(one.starts_with("cost at this rate: cluster2 "), "{one}");
    assert_eq!(limited([1, 1]), ["cost at this rate: no cluster was shown to meet its thresholds"]);
    // A cluster that is measured twice has its thresholds twice, and is said once.
    material.spec.targets[1].url = material.spec.targets[0].url.clone();
    assert!(about_money(&stats::report(material.clone()).unwrap())[0].starts_with("cost at this rate: cluster1 "));
    material.thresholds =
        vec![wire::Threshold { cluster: "cluster1".into(), metric: wire::Metric::P50, limit: wire::Limit::AtMost(1) }];
    let missed = stats::report(material.clone()).unwrap();
    assert_eq!(about_money(&missed), ["cost at this rate: no cluster was shown to meet its thresholds"]);
    material.aborted = Some("the balancer went".into());
    let invalid = stats::report(material).unwrap();
    assert_eq!(about_money(&invalid), ["cost: not judged, the run is not valid"]);
}

#[test]
fn an_upper_bound_is_said_to_be_one() {
    let mut material = priced();
    for facts in &mut material.environment.clusters {
        facts.price.as_mut().unwrap().surplus_usd_micros = Some(50_000);
    }
    insta::assert_snapshot!(about_money(&stats::report(material).unwrap())[0], @"cluster1: at most 0.072 USD per million good answers [0.071, 0.072] (4 x t2.micro, at most 0.25 USD an hour; its members do not say how busy they are, so all surplus CPU credits are in it; on-demand, eu-west-1, 2026-07-20)");
}

#[test]
fn the_text_says_what_it_cost_to_measure_and_on_which_side_the_truth_is() {
    let mut report = stats::report(priced()).unwrap();
    let said = |report: &wire::Report| {
        let text = text(report);
        text.lines().find(|line| line.starts_with("measuring cost")).map(str::to_owned)
    };
    assert_eq!(said(&report), None, "nobody told what is paid");
    let part = |what: &str, usd_micros| wire::CostPart { what: what.into(), usd_micros };
    let parts = vec![part("cluster1", 20_000), part("balancer", 11_000)];
    let mut cost = wire::RunCost { usd_micros: 31_000, seconds: 240, parts, ..wire::RunCost::default() };
    report.cost = Some(cost.clone());
    let exact =
        "measuring cost 0.031 USD in 4 min (cluster1 0.020, balancer 0.011; without boot, waiting and teardown)";
    assert_eq!(said(&report).as_deref(), Some(exact));
    cost.is_at_most = true;
    report.cost = Some(cost.clone());
    assert!(said(&report).unwrap().starts_with("measuring cost at most 0.031 USD in 4 min ("));
    cost.unpriced = vec!["x9.huge".into()];
    report.cost = Some(cost);
    let least = said(&report).unwrap();
    assert!(
        least.starts_with("measuring cost at least 0.031 USD") && least.contains("; no price for x9.huge; "),
        "{least}"
    );
}
