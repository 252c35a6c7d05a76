//! Answers by address of a name. Pure.

use std::collections::BTreeMap;

use wire::AddressShare;

use super::share::share_per_mille;
use crate::histogram::{Latencies, NotAHistogram};

/// Answers that came from one address.
#[derive(Clone, Debug, Default)]
pub struct AddressTally {
    pub answers: u64,
    /// Connections to it that carried requests.
    pub connections: u64,
    /// Times of the good answers.
    pub response: Latencies,
}

impl AddressTally {
    pub fn merge(&mut self, other: &Self) {
        self.answers += other.answers;
        self.connections += other.connections;
        self.response.merge(&other.response);
    }

    fn of(share: &AddressShare) -> Result<Self, NotAHistogram> {
        let response = if share.response.is_empty() { Latencies::new() } else { Latencies::decode(&share.response)? };
        Ok(Self { answers: share.requests, connections: share.connections, response })
    }
}

/// Adds the addresses of one part of a cluster's report.
pub(crate) fn add(all: &mut BTreeMap<String, AddressTally>, part: &[AddressShare]) -> Result<(), NotAHistogram> {
    for share in part {
        all.entry(share.address.clone()).or_default().merge(&AddressTally::of(share)?);
    }
    Ok(())
}

/// Shares of a name's addresses in thousandths of all answers.
pub fn address_shares(addresses: impl IntoIterator<Item = (String, AddressTally)>) -> Vec<AddressShare> {
    let addresses: Vec<_> = addresses.into_iter().collect();
    let all = addresses.iter().map(|(_, tally)| tally.answers).sum();
    let share = |(address, tally): (String, AddressTally)| AddressShare {
        address,
        requests: tally.answers,
        share_per_mille: share_per_mille(tally.answers, all),
        connections: tally.connections,
        p50_micros: tally.response.quantile(500),
        response: if tally.response.count() == 0 { String::new() } else { tally.response.encode() },
    };
    addresses.into_iter().map(share).collect()
}
