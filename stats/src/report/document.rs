//! Document of a report as it is stored: JSON that fits.

use wire::{ClusterReport, Histograms, REPORT_LIMIT_BYTES, Report, RoundReport, Series};

use crate::histogram::Latencies;

/// A way to shorten a report, and what is said of it. `false`: there was nothing to shorten.
type Cut = (fn(&mut Report) -> bool, &'static str);

/// End of every note that says what was given up.
pub const TOO_LONG: &str = ": the report was too long";

/// Details that a report gives up when it is too long, the least missed first. Totals always stay whole.
const CUTS: [Cut; 13] = [
    (
        |report| series(report, |series| series.seconds.take().is_some()),
        "the series by second were left out, those by minute are there: the report was too long",
    ),
    (
        |report| series(report, |series| series.minutes.take().is_some()),
        "the series by minute were left out: the report was too long",
    ),
    (
        |report| series(report, |series| series.queue.take().is_some()),
        "what waited in queues over time was left out: the report was too long",
    ),
    (
        |report| {
            let benchmark = report.run.facts.benchmark.as_mut();
            benchmark.is_some_and(|benchmark| !std::mem::take(&mut benchmark.yaml).is_empty())
        },
        "the benchmark's YAML was left out: the report was too long",
    ),
    (
        |report| {
            let rounds = report.rounds.iter_mut().flat_map(|round| &mut round.clusters);
            rounds.filter_map(|cluster| (!std::mem::take(&mut cluster.wrong).is_empty()).then_some(())).count() > 0
        },
        "the wrong answers of single rounds were left out, the first ones of each cluster are there: the report was too long",
    ),
    (
        |report| {
            clusters(report, |cluster| {
                coarsen(&mut cluster.histograms.service);
                coarsen(&mut cluster.histograms.send_lag);
                coarsen(&mut cluster.histograms.handshake);
            })
        },
        "the service, send lag and handshake histograms of single rounds have 2 significant digits, not 3: the report was too long",
    ),
    (
        |report| {
            clusters(report, |cluster| {
                coarsen(&mut cluster.histograms.response);
                cluster.addresses.iter_mut().for_each(|address| coarsen(&mut address.response));
                cluster.zones.iter_mut().for_each(|zone| coarsen(&mut zone.histogram));
            })
        },
        "the response histograms of single rounds have 2 significant digits, not 3: the report was too long",
    ),
    (
        |report| {
            clusters(report, |cluster| {
                cluster.histograms.service.clear();
                cluster.histograms.send_lag.clear();
                cluster.histograms.handshake.clear();
            })
        },
        "the service, send lag and handshake histograms of single rounds were left out: the report was too long",
    ),
    (
        |report| {
            clusters(report, |cluster| {
                cluster.histograms = Histograms::default();
                cluster.addresses.iter_mut().for_each(|address| address.response.clear());
                cluster.zones.iter_mut().for_each(|zone| zone.histogram.clear());
            })
        },
        "the histograms of single rounds were left out: the report was too long",
    ),
    (
        |report| {
            clusters(report, |cluster| {
                cluster.members.clear();
                cluster.addresses.clear();
                cluster.zones.clear();
            })
        },
        "the shares of single rounds were left out: the report was too long",
    ),
    (
        |report| series(report, |series| !std::mem::take(&mut series.spans).is_empty()),
        "begin and end of single rounds were left out: the report was too long",
    ),
    (
        |report| {
            let ways =
                report.rounds.iter_mut().flat_map(|round| &mut round.clusters).filter_map(|one| one.way.as_mut());
            ways.filter_map(|way| (!std::mem::take(&mut way.steps).is_empty()).then_some(())).count() > 0
        },
        "the steps of single rounds were left out, what each round found is there: the report was too long",
    ),
    (
        |report| rounds(report, |round| round.clusters.clear()),
        "the numbers of single rounds were left out: the report was too long",
    ),
];

fn series(report: &mut Report, shorten: fn(&mut Series) -> bool) -> bool {
    report.series.iter_mut().filter_map(|series| shorten(series).then_some(())).count() > 0
}

fn rounds(report: &mut Report, shorten: fn(&mut RoundReport)) -> bool {
    report.rounds.iter_mut().for_each(shorten);
    !report.rounds.is_empty()
}

fn clusters(report: &mut Report, shorten: fn(&mut ClusterReport)) -> bool {
    report.rounds.iter_mut().flat_map(|round| &mut round.clusters).for_each(shorten);
    !report.rounds.is_empty()
}

/// The report as JSON of at most [`REPORT_LIMIT_BYTES`], where that can be had by shortening series and single rounds only.
/// A note says what was given up.
///
/// # Errors
/// None that can happen with a report of ours.
pub fn document(report: Report) -> Result<Vec<u8>, serde_json::Error> {
    document_within(report, REPORT_LIMIT_BYTES).map(|(bytes, _)| bytes)
}

/// The same with another limit, and the notes of what was given up.
///
/// # Errors
/// As [`document`].
pub fn document_within(mut report: Report, limit: usize) -> Result<(Vec<u8>, Vec<&'static str>), serde_json::Error> {
    let (mut bytes, mut notes) = (serde_json::to_vec(&report)?, Vec::new());
    for (cut, note) in CUTS {
        if bytes.len() <= limit {
            break;
        }
        if cut(&mut report) {
            report.environment.notes.push(note.to_owned());
            notes.push(note);
            bytes = serde_json::to_vec(&report)?;
        }
    }
    Ok((bytes, notes))
}

/// Re-encodes a histogram with fewer digits. One that cannot be read stays as it is: the next cut removes it.
fn coarsen(histogram: &mut String) {
    if let Ok(latencies) = Latencies::decode(histogram) {
        *histogram = latencies.encode_coarsely();
    }
}
