//! Availability zones of the members that answer. Pure.

use std::collections::HashMap;

use stats::Answers;
use wire::RunZone;

/// Zones of a run by number, and the one that each member is in.
#[derive(Debug, Default)]
pub(crate) struct Zones {
    names: Vec<String>,
    of_members: HashMap<Vec<u8>, usize>,
}

impl Zones {
    pub(crate) fn new(zones: &[RunZone]) -> Self {
        let members = |(number, zone): (usize, &RunZone)| {
            let placed = |member: &String| (member.clone().into_bytes(), number);
            zone.members.iter().map(placed).collect::<Vec<_>>()
        };
        Self {
            names: zones.iter().map(|zone| zone.zone.clone()).collect(),
            of_members: zones.iter().enumerate().flat_map(members).collect(),
        }
    }

    /// Number of the zone that a member is in, by the name that it gives itself.
    pub(crate) fn of(&self, member: &[u8]) -> Option<usize> {
        self.of_members.get(member).copied()
    }

    /// Answers of each zone, by number: none so far.
    pub(crate) fn unanswered(&self) -> Vec<Answers> {
        vec![Answers::default(); self.names.len()]
    }

    /// The same by name.
    pub(crate) fn named(&self, answers: Vec<Answers>) -> Vec<(String, Answers)> {
        self.names.iter().cloned().zip(answers).collect()
    }
}
