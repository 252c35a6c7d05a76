//! Totals of a cluster: counts and histograms added up, over rounds or over generators. Pure.

use std::collections::BTreeMap;

use wire::{
    ClusterReport, Failures, GeneratorLimit, Histograms, LimitHits, MemberShare, RoundReport, Speed, WRONG_ANSWERS,
};

use super::addresses::{self, AddressTally, address_shares};
use super::answers::Answers;
use super::share::share_per_mille;
use super::zones::{self, zone_shares};
use crate::handshakes::{self, Handshakes};
use crate::histogram::{Latencies, NotAHistogram};
use crate::metric::answered;
use crate::price::Costs;
use crate::queue_cost::QueueCosts;
use crate::rounds::counted_of;

/// One cluster over the counted rounds.
pub(crate) fn total(name: &str, rounds: &[RoundReport]) -> Result<ClusterReport, NotAHistogram> {
    sum(name, counted_of(rounds, name))
}

/// Adds up what was measured of one cluster: in several rounds, or by several generators in one.
///
/// # Errors
/// A histogram that cannot be read.
pub fn sum<'a>(name: &str, parts: impl IntoIterator<Item = &'a ClusterReport>) -> Result<ClusterReport, NotAHistogram> {
    let mut all = ClusterReport { cluster: name.to_owned(), ..ClusterReport::default() };
    let [mut response, mut service, mut send_lag, mut open] = std::array::from_fn(|_| Latencies::new());
    let mut handshakes = None;
    let mut members: BTreeMap<String, u64> = BTreeMap::new();
    let mut by_address: BTreeMap<String, AddressTally> = BTreeMap::new();
    let mut by_zone: BTreeMap<String, Answers> = BTreeMap::new();
    let mut limits: BTreeMap<GeneratorLimit, u64> = BTreeMap::new();
    let mut speeds: Vec<Option<Speed>> = Vec::new();
    // Thousandths times time, and time.
    let mut stolen = (0_u128, 0_u128);
    let (mut costs, mut queue_costs) = (Costs::default(), QueueCosts::default());
    for part in parts {
        for (sum, text) in [
            (&mut response, &part.histograms.response),
            (&mut service, &part.histograms.service),
            (&mut send_lag, &part.histograms.send_lag),
            (&mut open, &part.histograms.open),
        ] {
            if !text.is_empty() {
                sum.merge(&Latencies::decode(text)?);
            }
        }
        handshakes::add(&mut handshakes, Handshakes::of(part)?);
        all.requests += part.requests;
        all.planned += part.planned;
        all.sent += part.sent;
        all.open_at_end += part.open_at_end;
        all.load_micros += part.load_micros;
        all.connections += part.connections;
        all.announced_ends += part.announced_ends;
        all.waited += part.waited;
        all.failures.add(&part.failures);
        all.failed_status = all.failed_status.and(part.failed_status);
        if let Some(right) = part.right {
            *all.right.get_or_insert_default() += right;
        }
        let room = WRONG_ANSWERS.saturating_sub(all.wrong.len());
        all.wrong.extend(part.wrong.iter().take(room).cloned());
        all.slots = all.slots.max(part.slots);
        if let Some(steal) = part.steal_per_mille {
            // A short round with a bad moment is not a bad run: what counts is what was taken of all the time.
            let weight = u128::from(part.load_micros.max(1));
            stolen = (stolen.0 + u128::from(steal) * weight, stolen.1 + weight);
        }
        costs.add(part);
        queue_costs.add(part);
        speeds.push(part.speed);
        for member in &part.members {
            *members.entry(member.id.clone()).or_default() += member.requests;
        }
        addresses::add(&mut by_address, &part.addresses)?;
        zones::add(&mut by_zone, &part.zones)?;
        for hits in &part.generator_limits {
            *limits.entry(hits.limit).or_default() += hits.requests;
        }
    }
    all.steal_per_mille = stolen.0.checked_div(stolen.1).map(|share| u32::try_from(share).unwrap_or(u32::MAX));
    costs.into_report(&mut all);
    all.queue_cost = queue_costs.sum();
    speeds.dedup();
    all.speed = if let [one] = speeds[..] { one } else { None };
    finish(&mut all, &response, &open);
    all.members = shares(members);
    all.addresses = address_shares(by_address);
    all.zones = zone_shares(by_zone);
    all.generator_limits = limits.into_iter().map(|(limit, requests)| LimitHits { limit, requests }).collect();
    all.histograms = Histograms {
        response: response.encode(),
        service: encoded(&service),
        send_lag: encoded(&send_lag),
        open: encoded(&open),
        handshake: String::new(),
    };
    if let Some(handshakes) = handshakes {
        handshakes.into_report(&mut all);
    }
    Ok(all)
}

/// Everything that follows from counts and histograms.
fn finish(all: &mut ClusterReport, response: &Latencies, open: &Latencies) {
    let failed = all.failures.total();
    all.latency = response.quantiles_with_open(failed, open);
    all.latency_of_successes = response.quantiles(0);
    all.requests_per_second = per_second(answered(all), all.load_micros);
}

/// A histogram that was not recorded takes no room.
fn encoded(latencies: &Latencies) -> String {
    if latencies.count() == 0 { String::new() } else { latencies.encode() }
}

/// Rounded to the nearest.
fn per_second(answered: u64, micros: u64) -> u64 {
    (u128::from(answered) * 1_000_000 + u128::from(micros) / 2).checked_div(u128::from(micros)).unwrap_or(0) as u64
}

/// Shares of members in thousandths of all answers.
pub fn shares(answers: impl IntoIterator<Item = (String, u64)>) -> Vec<MemberShare> {
    let answers: Vec<_> = answers.into_iter().collect();
    let all = answers.iter().map(|(_, count)| count).sum();
    let member = |(id, requests)| MemberShare { id, requests, share_per_mille: share_per_mille(requests, all) };
    answers.into_iter().map(member).collect()
}

/// Measurement of one cluster in one round by one generator, to be made into its part of the report.
#[derive(Debug, Default)]
pub struct Tally {
    pub response: Latencies,
    pub service: Latencies,
    pub send_lag: Latencies,
    pub open: Latencies,
    pub handshakes: Option<Handshakes>,
    pub failures: Failures,
    /// Everything else; quantiles, rate, histograms and counts of requests are filled in.
    pub rest: ClusterReport,
}

impl Tally {
    pub fn into_report(self) -> ClusterReport {
        let mut all = self.rest;
        all.failures = self.failures;
        all.open_at_end = self.open.count();
        all.requests = self.response.count() + self.failures.total() + self.open.count();
        finish(&mut all, &self.response, &self.open);
        all.histograms = Histograms {
            response: self.response.encode(),
            service: encoded(&self.service),
            send_lag: encoded(&self.send_lag),
            open: encoded(&self.open),
            handshake: String::new(),
        };
        if let Some(handshakes) = self.handshakes {
            handshakes.into_report(&mut all);
        }
        all
    }
}
