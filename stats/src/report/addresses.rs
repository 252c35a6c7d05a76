//! Answers by address of a name. Pure.

use std::collections::BTreeMap;

use wire::AddressShare;

use super::answers::Answers;
use super::share::share_per_mille;
use crate::histogram::NotAHistogram;

/// Answers that came from one address.
#[derive(Clone, Debug, Default)]
pub struct AddressTally {
    pub answers: Answers,
    /// Connections to it that carried requests.
    pub connections: u64,
}

impl AddressTally {
    pub fn merge(&mut self, other: &Self) {
        self.answers.merge(&other.answers);
        self.connections += other.connections;
    }

    fn of(share: &AddressShare) -> Result<Self, NotAHistogram> {
        let answers = Answers::read(share.requests, &share.response)?;
        Ok(Self { answers, connections: share.connections })
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
    let all = addresses.iter().map(|(_, tally)| tally.answers.count()).sum();
    let share = |(address, AddressTally { answers, connections }): (String, AddressTally)| AddressShare {
        address,
        requests: answers.count(),
        share_per_mille: share_per_mille(answers.count(), all),
        connections,
        p50_micros: answers.p50_micros(),
        response: answers.histogram(),
    };
    addresses.into_iter().map(share).collect()
}
