//! The page of a report, read back as the markup that it is.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "support/cloudwatch.rs"]
mod cloudwatch;
#[allow(dead_code, reason = "a part is used")]
#[path = "../../stats/tests/support/noise.rs"]
mod noise;
#[allow(dead_code, reason = "a part is used")]
#[path = "../../stats/tests/support/sample.rs"]
mod sample;
mod support;

use cloudwatch::account;
use proptest::prelude::*;
use report::{Column, csv, html, markdown, text};
use sample::material;
use support::{Element, body, document, elements, tables, words};
use wire::{Asked, Columns, Report, Row, Series, Span, SpanKind, Validity};

const BEFORE: &str = include_str!("golden/before.json");
const TODAY: &str = include_str!("golden/today.json");
const SEARCH: &str = include_str!("golden/search.json");
const NEWER: &str = include_str!("golden/newer.json");

fn read(text: &str) -> Report {
    serde_json::from_str(text).unwrap()
}

fn page(report: &Report) -> String {
    html(report, None).unwrap()
}

/// A run of so many clusters and rounds, with ten minutes of series.
fn large(clusters: usize, rounds: u32) -> Report {
    let mut material = material(clusters, rounds, 1000);
    let names: Vec<String> = material.spec.targets.iter().map(|target| target.cluster.clone()).collect();
    let row = |at: u32| Row {
        at,
        sent: 900 + u64::from(at % 97),
        answered: 900,
        load_micros: 1_000_000,
        mean_micros: Some(10_000 + u64::from(at % 89)),
        p50_micros: Some(9_000 + u64::from(at % 83)),
        p99_micros: Some(40_000 + u64::from(at % 79)),
        ..Row::default()
    };
    material.series = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let seconds = (0..590).filter(|at| at / 7 % clusters as u32 == place as u32).map(row);
            Series {
                cluster: name.clone(),
                start: "2026-11-29T10:00:00Z".parse().unwrap(),
                seconds: Some(Columns::of(1, seconds)),
                minutes: Some(Columns::of(60, (0..10).map(row))),
                spans: vec![Span { kind: SpanKind::Counted, round: 1, to_millis: 590_000, ..Span::default() }],
                ..Series::default()
            }
        })
        .collect();
    stats::report(material).unwrap()
}

#[test]
fn numbers_are_the_same_in_page_text_csv_and_document() {
    let report = read(TODAY);
    let page = page(&report);
    assert_eq!(
        serde_json::to_value(document(&page)).unwrap(),
        serde_json::to_value(&report).unwrap(),
        "nothing is left out"
    );
    let tables = tables(&page);
    let (totals, rounds) = (&tables[0], tables.last().unwrap());
    // The totals, by the columns of the text.
    let text = text(&report);
    for cluster in &report.clusters {
        let row = totals.iter().find(|row| row[0] == cluster.cluster).unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{}  ", cluster.cluster))).unwrap();
        let cells = Column::NUMBERS.map(|column| column.cell(cluster));
        assert_eq!(row[..], cells, "the page's");
        assert_eq!(
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>(),
            cells,
            "the text's"
        );
    }
    // The same cells in Markdown, and the same sentences in the same order.
    let markdown = markdown(&report);
    let rows: Vec<Vec<&str>> = markdown
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect()))
        .collect();
    assert_eq!(rows.len(), 2 + report.clusters.len(), "{markdown}");
    for (row, cluster) in rows[2..].iter().zip(&report.clusters) {
        assert_eq!(row[..], Column::NUMBERS.map(|column| column.cell(cluster)));
    }
    let said: Vec<String> = markdown
        .lines()
        .filter_map(|line| line.strip_prefix("- ").or_else(|| line.strip_prefix("**")?.strip_suffix("**")))
        .map(|line| line.replace('\\', ""))
        .collect();
    let in_cells = |line: &&str| {
        line.starts_with("CLUSTER ")
            || report.clusters.iter().any(|one| line.starts_with(&format!("{}  ", one.cluster)))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !in_cells(line)).collect();
    assert_eq!(said, lines, "the text's sentences, in its order");
    // Every round, by the columns of the CSV.
    let csv = csv(&report);
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), rounds.len() - 1), (12, 12), "{rounds:?}");
    let field = |line: &[&str], name: &str| line[names.iter().position(|known| *known == name).unwrap()].to_owned();
    for (row, line) in rounds[1..].iter().zip(&lines) {
        let time = |name: &str| stats::time(field(line, name).parse().unwrap());
        let expected = [
            field(line, "round"),
            field(line, "cluster"),
            field(line, "requests"),
            field(line, "failed"),
            field(line, "requests_per_second"),
            time("p50_micros"),
            time("p90_micros"),
            time("p99_micros"),
            time("p999_micros"),
        ];
        assert_eq!(row[..], expected);
    }
    // The columns of `kubectl get`.
    let micros = |cell: &str| {
        let (number, unit) = cell.split_once(' ').unwrap();
        number.parse::<f64>().unwrap() * if unit == "us" { 1.0 } else { 1000.0 }
    };
    for ((row, p99), rate) in totals[1..].iter().zip(report::p99(&report)).zip(report::requests_per_second(&report)) {
        assert_eq!(row[3], rate);
        assert!((micros(&row[6]) / micros(&p99) - 1.0).abs() < 0.006, "{} is {p99}", row[6]);
    }
    let said = words(&page);
    for sentence in [&report.comparisons[0].sentence, &report.further_comparisons[0].sentence] {
        assert!(said.contains(sentence.as_str()), "{sentence}\n{said}");
    }
}

/// What a search found is the same in the table of the page and of the text, in the verdict, in the rounds and in the CSV.
#[test]
fn capacities_and_steps_are_the_same_in_page_text_csv_and_document() {
    let report = read(SEARCH);
    let page = page(&report);
    assert_eq!(serde_json::to_value(document(&page)).unwrap(), serde_json::to_value(&report).unwrap());
    let (tables, text, csv, said) = (tables(&page), text(&report), csv(&report), words(&page));
    let (capacities, rounds) = (&tables[0], tables.last().unwrap());
    assert_eq!(capacities[0][..4], ["cluster", "capacity", "interval", "worst round"]);
    for (cluster, row) in report.clusters.iter().zip(&capacities[1..]) {
        let found = cluster.capacity.as_ref().unwrap();
        let [rate, interval, lowest] = stats::capacity_rates(found);
        let interval = interval.trim().trim_matches(['[', ']']).replacen(", ", " to ", 1);
        assert_eq!(row[..4], [cluster.cluster.clone(), rate.clone(), interval, lowest.clone()]);
        let line = text.lines().find(|line| line.starts_with(&format!("{}  ", cluster.cluster))).unwrap();
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells, row.iter().map(String::as_str).collect::<Vec<_>>(), "the text's");
        let sentence = format!("{}: {rate} requests/s [", cluster.cluster);
        assert!(report.verdict.contains(&sentence) && said.contains(&sentence), "{sentence}");
        assert!(report.verdict.contains(&format!(", {lowest} in its worst round; ")), "{}", report.verdict);
    }
    // Every round: what it found, and the rates that were tried.
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| names.iter().position(|known| *known == name).unwrap();
    let ways = report.rounds.iter().flat_map(|round| &round.clusters).map(|cluster| cluster.way.as_ref().unwrap());
    let heading: Vec<&str> = rounds[0].iter().rev().take(2).map(String::as_str).collect();
    assert_eq!((heading, rounds.len() - 1), (vec!["rates tried", "capacity"], 22));
    for ((row, way), line) in rounds[1..].iter().zip(ways).zip(lines) {
        let [.., found, tried] = &row[..] else { panic!("{row:?}") };
        let milli: u64 = way.capacity_milli_rps.unwrap();
        assert_eq!(*found, stats::PerSecond::of(&[milli]).one(milli));
        let rates: Vec<String> = tried.split(", ").map(|one| one[..one.len() - 2].replace(',', "")).collect();
        let asked: Vec<String> = way.steps.iter().map(|step| step.requests_per_second.to_string()).collect();
        assert_eq!(rates, asked, "{tried}");
        // A reason of a voided round may hold a comma: columns are counted from the end.
        let cells: Vec<&str> = line.rsplit(',').collect();
        let cell = |name: &str| cells[names.len() - 1 - place(name)];
        assert_eq!((cell("way"), cell("capacity_milli_rps")), ("Found", milli.to_string().as_str()));
        let steps: Vec<&str> = cell("steps").split(' ').map(|step| step.split(':').next().unwrap()).collect();
        assert_eq!(steps, asked);
    }
    // The picture of each cluster has a mark for each step, and says in words what the rounds found.
    let all = elements(body(&page));
    let marks = all.iter().filter(|one| one.name == "title" && one.words.contains(", step ")).count();
    assert_eq!(
        marks,
        report
            .rounds
            .iter()
            .flat_map(|round| &round.clusters)
            .map(|one| one.way.as_ref().unwrap().steps.len())
            .sum::<usize>()
    );
    assert!(all.iter().any(|one| one.name == "title" && one.words.ends_with("missed and cut short")), "{said}");
    assert!(said.contains("the highest rate at p99 <= 50 ms with at most 1 of 1,000 failed"), "{said}");
    assert!(text.contains("cluster1, from ") && text.contains("+ kept, x not kept"), "{text}");
    // What a million cost is as sure as the capacities are, whose level is not 95 %.
    assert_eq!(all.iter().filter(|one| one.name == "title" && one.words.trim() == "interval").count(), 2, "{said}");
}

/// A search that is not valid shows the rates that were tried, and no capacity.
#[test]
fn a_search_that_is_not_valid_has_no_table_of_capacities() {
    let mut report = read(SEARCH);
    let renderings = |report: &Report| [text(report), markdown(report)];
    let has_capacities = |report: &Report| {
        tables(&page(report)).iter().any(|table| table[0].iter().any(|heading| heading == "worst round"))
    };
    assert!(renderings(&report).iter().all(|one| one.contains("WORST ROUND")) && has_capacities(&report));
    report.validity = Validity::Invalid;
    for rendering in renderings(&report) {
        assert!(!rendering.contains("WORST ROUND"), "{rendering}");
        assert!(rendering.contains("+ kept, x not kept"), "{rendering}");
    }
    assert!(!has_capacities(&report));
}

#[test]
fn every_sentence_of_the_verdict_is_on_the_page_once() {
    let mut material = material(3, 8, 200);
    material.planned_rounds = 8;
    let report = stats::report(material).unwrap();
    assert_eq!(report.validity, Validity::Valid, "{:?}", report.reasons);
    let page = page(&report);
    let header = words(&page[page.find("<header").unwrap()..page.find("</header>").unwrap()]);
    for comparison in &report.comparisons {
        assert_eq!(header.matches(&comparison.sentence).count(), 1, "{header}");
    }
    let parts = stats::parts(&report);
    let mut verdict = report.verdict.clone();
    let sentences = parts.headlines.iter().map(|one| format!("{} {}", one.claim, one.basis));
    for part in sentences.chain(parts.cautions.iter().map(|one| format!("Note: {one}."))) {
        assert!(verdict.contains(part.trim()), "{part} is in {verdict}");
        verdict = verdict.replacen(part.trim(), "", 1);
    }
    assert_eq!(verdict.split_whitespace().collect::<Vec<_>>().join(" "), parts.rest);
    assert!(header.contains(&parts.rest), "{header}");
}

#[test]
fn what_is_not_valid_has_a_red_headline_and_no_difference() {
    let mut material = material(2, 7, 200);
    material.planned_rounds = 70;
    let report = stats::report(material).unwrap();
    assert_eq!(report.validity, Validity::Invalid);
    let page = page(&report);
    let all = elements(body(&page));
    let headline = all.iter().find(|one| one.name == "h1").unwrap();
    assert_eq!(headline.attribute("class"), Some("bad"));
    assert!(!headline.words.contains('%') && headline.words.contains("not valid"), "{}", headline.words);
    let said = words(&page);
    assert!(said.contains("only 7 of 70 rounds could be measured") && said.contains(stats::NOT_QUOTED), "{said}");
    assert!(!said.contains("Size of the difference") && !page.contains("class=\"effect\""), "{said}");
    for comparison in &report.comparisons {
        assert!(!said.contains(&comparison.sentence), "{}", comparison.sentence);
    }
}

#[test]
fn reports_of_three_versions_are_rendered_or_refused_with_a_word() {
    let before = read(BEFORE);
    let said = words(&page(&before));
    for lack in [
        "The course of the load is not in this report: it was measured by an earlier version",
        "Only the quantiles of the response times are in this report",
        "What the instances cost is not in this report",
        "The benchmark itself is not in this report",
    ] {
        assert!(said.contains(lack), "{lack}: {said}");
    }
    assert!(said.contains(&before.comparisons[0].sentence) && said.contains("Rounds in order"), "{said}");
    assert!(text(&before).contains(&before.verdict));

    let today = read(TODAY);
    let said = words(&page(&today));
    assert!(!said.contains("is not in this report"), "{said}");
    assert!(said.contains("instanceType: t3.large") && said.contains("default/small-vs-large"), "{said}");

    // One of a newer schema is refused, whatever it holds; a newer field of this schema is passed over.
    let newer = read(NEWER);
    let refused = html(&newer, None).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the report has schema \"clusterbench.dev/report/v2\", and this program reads clusterbench.dev/report/v1: take the program of the version that wrote it"
    );
    let field = NEWER.replacen("report/v2", "report/v1", 1);
    assert!(field.contains("carbon") && page(&read(&field)).contains("<h1"));
}

#[test]
fn cloudwatch_is_dotted_over_our_own_series_and_its_count_is_held_against_ours() {
    let report = read(TODAY);
    let account = account(&report);
    let page = html(&report, Some(&account)).unwrap();
    let said = words(&page);
    assert!(said.contains("small, CloudWatch RequestCount") && said.contains("Requests per target"), "{said}");
    for check in &account.checks {
        assert!(said.contains(&check.sentence), "{}: {said}", check.sentence);
    }
    let alone = words(&html(&report, None).unwrap());
    assert!(!alone.contains("CloudWatch") && !alone.contains("Requests per target"), "{alone}");
}

#[test]
fn a_page_is_short_enough_to_be_mailed() {
    for (clusters, rounds, most) in [(2, 40, 300_000), (16, 40, 1_000_000), (1, 1, 300_000)] {
        let report = large(clusters, rounds);
        let began = std::time::Instant::now();
        let page = page(&report);
        if let Ok(directory) = std::env::var("PAGES") {
            std::fs::write(format!("{directory}/{clusters}x{rounds}.html"), &page).unwrap();
        }
        println!("{clusters} clusters x {rounds} rounds: {} bytes in {:?}", page.len(), began.elapsed());
        assert!(page.len() <= most, "{clusters} x {rounds}: {} bytes", page.len());
        let kept = document(&page);
        assert_eq!(kept.clusters, report.clusters, "totals are whole");
        let is_whole = kept == report;
        let footer = words(
            &page[page.find("<footer").unwrap()..page.find("</footer>").unwrap()].replace("<footer>", "<header>"),
        );
        assert_eq!(footer.contains("The report itself is in this page as JSON"), is_whole, "{footer}");
        assert_eq!(footer.contains("A shortened copy of the report is in this page"), !is_whole, "{footer}");
        for note in kept.environment.notes.iter().filter(|note| !report.environment.notes.contains(note)) {
            assert!(footer.contains(note.trim_end_matches(stats::TOO_LONG)), "{note} is not in {footer}");
        }
        assert_eq!(kept.rounds.len(), report.rounds.len());
        assert!(page.contains("Response times by percentile"));
    }
}

#[test]
fn nothing_comes_from_elsewhere_and_only_the_sheet_of_the_page_counts() {
    let page = page(&large(2, 8));
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let policy = policy.replace("&#39;", "'");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    for sign in ["http:", "https:", "url(", "@import", "src=", "href="] {
        let at = body(&page).find(sign).map(|at| &body(&page)[at.saturating_sub(60)..at + 20]);
        assert_eq!(at, None, "{sign}");
    }
    let styled = elements(body(&page)).into_iter().find(|one| one.attribute("style").is_some());
    assert!(styled.is_none(), "{styled:?}");
    let pictures: Vec<Element> = elements(body(&page)).into_iter().filter(|one| one.name == "svg").collect();
    assert!(pictures.len() > 10);
    for picture in pictures {
        let is_named = picture.attribute("aria-label").or(picture.attribute("aria-labelledby")).is_some();
        assert!(is_named || picture.attribute("aria-hidden") == Some("true"), "{picture:?}");
    }
}

/// Names as somebody writes them who wants to be more than a name.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("</script>".to_owned()),
        Just("<script>alert(1)</script>".to_owned()),
        Just("<!--".to_owned()),
        Just("\"'><img src=x onerror=y>".to_owned()),
        Just("]]>&amp;&#60;".to_owned()),
        Just(" (p50 latency of all requests".to_owned()),
        Just("\u{202e}\u{0}\u{1b}\u{ffff}\u{2028}".to_owned()),
        Just("日本 ü".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(parts, 0..4).prop_map(|parts| parts.concat())
}

const TAGS: [&str; 34] = [
    "b", "circle", "dd", "desc", "details", "div", "dl", "dt", "footer", "g", "h1", "h2", "h3", "header", "li", "main",
    "p", "path", "pre", "rect", "section", "small", "span", "summary", "svg", "table", "tbody", "td", "text", "th",
    "thead", "title", "tr", "ul",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_becomes_markup(names in proptest::collection::vec(hostile(), 8)) {
        let mut report = read(TODAY);
        let [cluster, benchmark, yaml, note, member, reason, threshold, summary] = &names[..] else { unreachable!() };
        let old = std::mem::replace(&mut report.clusters[0].cluster, cluster.clone());
        let rounds = report.rounds.iter_mut().flat_map(|round| &mut round.clusters);
        rounds.filter(|one| one.cluster == old).for_each(|one| one.cluster.clone_from(cluster));
        report.series[0].cluster.clone_from(cluster);
        report.comparisons[0].baseline.clone_from(cluster);
        report.comparisons[0].sentence = format!("{cluster} is better {reason}");
        report.verdict = format!("{} {summary}", report.comparisons[0].sentence);
        report.summary.clone_from(summary);
        report.run.facts.benchmark = Some(Asked { namespace: benchmark.clone(), name: benchmark.clone(), yaml: yaml.clone() });
        report.environment.notes.push(note.clone());
        report.environment.settings.push(note.clone());
        report.clusters[0].members = vec![wire::MemberShare { id: member.clone(), requests: 7, share_per_mille: 1000 }];
        report.rounds[0].outcome = wire::RoundOutcome::Voided;
        report.rounds[0].reason.clone_from(reason);
        report.gates[0].about.clone_from(member);
        report.thresholds.push(wire::ThresholdResult {
            threshold: wire::Threshold { cluster: cluster.clone(), metric: wire::Metric::P50, limit: wire::Limit::AtMost(1) },
            outcome: wire::ThresholdOutcome::NotMet,
            sentence: threshold.clone(),
        });
        for validity in [Validity::Valid, Validity::Invalid] {
            report.validity = validity;
            report.reasons = vec![reason.clone()];
            let page = page(&report);
            prop_assert_eq!(page.matches("<script").count(), 1);
            prop_assert_eq!(page.matches("</script").count(), 1);
            prop_assert_eq!(document(&page), report.clone());
            for one in elements(body(&page)) {
                prop_assert!(TAGS.contains(&one.name.as_str()), "{}", one.name);
                prop_assert!(one.attributes.iter().all(|(name, _)| !name.starts_with("on") && name != "style"), "{one:?}");
            }
        }
    }
}
