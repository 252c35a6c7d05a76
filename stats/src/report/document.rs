//! Document of a report as it is stored: JSON that fits.

use wire::{ClusterReport, Histograms, REPORT_LIMIT_BYTES, Report, RoundReport};

use crate::histogram::Latencies;

/// A way to shorten the single rounds of a report, and what is said of it.
type Cut = (fn(&mut RoundReport), &'static str);

/// Details of single rounds that a report gives up when it is too long, the least missed first. Totals always stay whole.
const CUTS: [Cut; 6] = [
    (
        |round| {
            each(round, |cluster| {
                coarsen(&mut cluster.histograms.service);
                coarsen(&mut cluster.histograms.send_lag);
                coarsen(&mut cluster.histograms.handshake);
            });
        },
        "the service, send lag and handshake histograms of single rounds have 2 significant digits, not 3: the report was too long",
    ),
    (
        |round| {
            each(round, |cluster| {
                coarsen(&mut cluster.histograms.response);
                cluster.addresses.iter_mut().for_each(|address| coarsen(&mut address.response));
            });
        },
        "the response histograms of single rounds have 2 significant digits, not 3: the report was too long",
    ),
    (
        |round| {
            each(round, |cluster| {
                cluster.histograms.service.clear();
                cluster.histograms.send_lag.clear();
                cluster.histograms.handshake.clear();
            });
        },
        "the service, send lag and handshake histograms of single rounds were left out: the report was too long",
    ),
    (
        |round| {
            each(round, |cluster| {
                cluster.histograms = Histograms::default();
                cluster.addresses.iter_mut().for_each(|address| address.response.clear());
            });
        },
        "the histograms of single rounds were left out: the report was too long",
    ),
    (
        |round| {
            each(round, |cluster| {
                cluster.members.clear();
                cluster.addresses.clear();
            });
        },
        "the shares of single rounds were left out: the report was too long",
    ),
    (|round| round.clusters.clear(), "the numbers of single rounds were left out: the report was too long"),
];

fn each(round: &mut RoundReport, change: fn(&mut ClusterReport)) {
    round.clusters.iter_mut().for_each(change);
}

/// The report as JSON of at most [`REPORT_LIMIT_BYTES`], where that can be had by shortening the single rounds only.
/// A note says what was given up.
///
/// # Errors
/// None that can happen with a report of ours.
pub fn document(mut report: Report) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(&report)?;
    for (cut, note) in CUTS {
        if bytes.len() <= REPORT_LIMIT_BYTES {
            break;
        }
        report.rounds.iter_mut().for_each(cut);
        report.environment.notes.push(note.to_owned());
        bytes = serde_json::to_vec(&report)?;
    }
    Ok(bytes)
}

/// Re-encodes a histogram with fewer digits. One that cannot be read stays as it is: the next cut removes it.
fn coarsen(histogram: &mut String) {
    if let Ok(latencies) = Latencies::decode(histogram) {
        *histogram = latencies.encode_coarsely();
    }
}
