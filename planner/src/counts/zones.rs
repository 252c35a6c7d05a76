//! Zones of instances and launches; and those of a scaled cluster: as many in each as can be, and never more than the zone's share
//! of the most.

use api::{Launch, Placement};

use crate::ports::Instance;

/// Zones of the placement.
pub(super) fn count(placement: Option<&Placement>) -> usize {
    placement.map_or(1, |placement| placement.subnets().len())
}

/// The zone of an instance. One that is in no zone of the placement is in the first.
pub(crate) fn of(placement: Option<&Placement>, instance: &Instance) -> usize {
    placement.map_or(0, |placement| placement.zone_index(|subnet| subnet.zone == instance.zone))
}

/// The same of a launch, by its subnet.
pub(crate) fn of_line(placement: Option<&Placement>, line: &Launch) -> usize {
    placement.map_or(0, |placement| placement.zone_index(|subnet| subnet.subnet_id == line.subnet_id))
}

/// A count in so many zones: what cannot be divided is in the first ones.
pub(super) fn shares(count: u32, zones: usize) -> Vec<u32> {
    let all = u32::try_from(zones.max(1)).unwrap_or(1);
    (0..all).map(|zone| count / all + u32::from(zone < count % all)).collect()
}

/// So many more, each where the fewest are and the limit is not reached, by zone.
pub(super) fn levelled(there: &[u32], limits: &[u32], more: u32) -> Vec<u32> {
    let mut added = vec![0; there.len()];
    for _ in 0..more {
        let open = (0..there.len()).filter(|zone| there[*zone] + added[*zone] < limits[*zone]);
        let Some(emptiest) = open.min_by_key(|zone| there[*zone] + added[*zone]) else { break };
        added[emptiest] += 1;
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_level_the_zones_and_exceed_no_share() {
        assert_eq!(levelled(&[3, 0], &[5, 5], 4), [1, 3]);
        assert_eq!(levelled(&[0, 0, 0], &[2, 2, 2], 4), [2, 1, 1]);
        assert_eq!(levelled(&[2, 0], &[2, 2], 9), [0, 2]);
        assert_eq!(levelled(&[4], &[2], 1), [0]);
        assert_eq!(shares(5, 2), [3, 2]);
    }
}
