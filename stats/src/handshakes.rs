//! TLS handshakes of one cluster: merged by adding counts, like everything else.

use std::collections::BTreeSet;

use wire::ClusterReport;

use crate::histogram::{Latencies, NotAHistogram};

/// Handshakes that succeeded.
#[derive(Clone, Debug, Default)]
pub struct Handshakes {
    times: Latencies,
    resumed: u64,
    protocols: BTreeSet<String>,
}

impl Handshakes {
    pub fn record(&mut self, micros: u64, is_resumed: bool, protocol: &str) {
        self.times.record(micros);
        self.resumed += u64::from(is_resumed);
        if !self.protocols.contains(protocol) {
            self.protocols.insert(protocol.to_owned());
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.times.merge(&other.times);
        self.resumed += other.resumed;
        self.protocols.extend(other.protocols.iter().cloned());
    }

    /// Those of a part of the load; `None`: it had none.
    pub(crate) fn of(part: &ClusterReport) -> Result<Option<Self>, NotAHistogram> {
        let Some(counted) = &part.handshakes else { return Ok(None) };
        let text = &part.histograms.handshake;
        let times = if text.is_empty() { Latencies::new() } else { Latencies::decode(text)? };
        Ok(Some(Self { times, resumed: counted.resumed, protocols: counted.protocols.iter().cloned().collect() }))
    }

    /// Fills in what a report says of them.
    pub(crate) fn into_report(self, all: &mut ClusterReport) {
        let times = self.times.quantiles(0);
        all.histograms.handshake = self.times.encode();
        all.handshakes = Some(wire::Handshakes {
            count: self.times.count(),
            resumed: self.resumed,
            p50_micros: times.p50_micros,
            p99_micros: times.p99_micros,
            protocols: self.protocols.into_iter().collect(),
        });
    }
}

/// Adds up what some parts had.
pub(crate) fn add(sum: &mut Option<Handshakes>, part: Option<Handshakes>) {
    if let Some(part) = part {
        sum.get_or_insert_default().merge(&part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tally, sum};

    fn part(times: &[u64], resumed: u64, protocol: &str) -> ClusterReport {
        let mut handshakes = Handshakes::default();
        for (number, micros) in (0..).zip(times) {
            handshakes.record(*micros, number < resumed, protocol);
        }
        Tally { handshakes: Some(handshakes), ..Tally::default() }.into_report()
    }

    #[test]
    fn quantiles_are_of_all_handshakes_and_counts_are_added() {
        let (fast, slow) = (part(&[100; 3], 3, "TLSv1.3 A"), part(&[900; 7], 0, "TLSv1.2 B"));
        let all = sum("all", [&fast, &slow, &Tally::default().into_report()]).unwrap();
        let handshakes = all.handshakes.unwrap();
        assert_eq!((handshakes.count, handshakes.resumed), (10, 3));
        assert_eq!((handshakes.p50_micros, handshakes.p99_micros), (Some(900), Some(900)));
        assert_eq!(handshakes.protocols, ["TLSv1.2 B", "TLSv1.3 A"]);
        assert_eq!(Latencies::decode(&all.histograms.handshake).unwrap().count(), 10);
    }

    #[test]
    fn without_tls_nothing_is_said_of_it() {
        let none = Tally::default().into_report();
        let json = serde_json::to_string(&sum("all", [&none]).unwrap()).unwrap();
        assert!(!json.contains("andshake"), "{json}");
    }
}
