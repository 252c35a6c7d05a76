//! The memory of a process between passes. Losing it only delays: everything that it allows is also reached by waiting.

use std::collections::{BTreeMap, BTreeSet};

use api::Launch;
use jiff::{SignedDuration, Timestamp};

use super::Application;
use super::named::Named;
use crate::failure::CloudError;
use crate::ports::Datapoint;
use crate::scale::history::History;

/// Longer than any pause between two passes at an object that is being torn down.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(180);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Launches that this process wrote down itself and has not sent, by token.
    pub unsent: BTreeSet<String>,
    /// When something was first looked for in vain, after its settling time: a launch by its token, an answer by its words.
    pub absent_since: BTreeMap<String, Timestamp>,
    /// What was seen and heard of all that is created by name, by that name.
    pub named: BTreeMap<String, Named>,
    /// Terminations that were refused, by instance.
    pub denials: BTreeMap<String, Denial>,
    /// What CloudWatch said last of a run that is recorded, by the name of its report.
    pub heard: BTreeMap<String, Heard>,
    /// When listeners, attributes and targets of the load balancer were read last, and what was read.
    pub application: Option<(Timestamp, Application)>,
    /// When status last said what the front says of its queues.
    pub queues_said_at: Option<Timestamp>,
    /// When the run that is on was last written into status as it goes.
    pub live_said_at: Option<Timestamp>,
    /// What was seen of clusters whose number follows their queue, by name.
    pub scaling: BTreeMap<String, History>,
    /// What was heard of launches that are about to be written down, by the hash of the request.
    pub rehearsals: BTreeMap<String, Rehearsal>,
    /// When instances were last heard to wait for programs.
    pub loading_at: BTreeMap<String, Timestamp>,
    /// When this process looked last.
    pub looked_at: Option<Timestamp>,
    /// Passes in a row of which an effect failed.
    pub failed_passes: u32,
}

impl Memory {
    /// Begins a pass of `process` at `now`, with these lines in status. Absence is proven by passes that follow each
    /// other: what was missed before a long pause may have been made and lost again in it.
    pub(crate) fn begin_pass(&mut self, now: Timestamp, lines: &[Launch], process: &str) {
        if self.looked_at.is_none_or(|at| now.duration_since(at) > LONGEST_PAUSE) {
            self.absent_since.clear();
            self.named.values_mut().for_each(Named::forget_absence);
        }
        self.looked_at = Some(now);
        // A line that another process took over may have been sent by it, also when it is ours again: the write by which
        // we take it back may count without an answer, and then nobody else tells.
        self.unsent.retain(|token| lines.iter().any(|line| line.token == *token && line.sender == process));
    }

    /// Forgets every proof of a teardown: things are made again.
    pub(crate) fn begin_anew(&mut self) {
        self.absent_since.clear();
        self.named.values_mut().for_each(Named::forget_proof);
    }

    /// After a status was written: its new lines are ours alone, nobody has sent them. What was another process's in
    /// between may have been sent by it.
    pub fn recorded(&mut self, before: &[Launch], after: &[Launch], process: &str) {
        let is_new = |line: &&Launch| !before.iter().any(|old| old.token == line.token);
        self.unsent.extend(after.iter().filter(is_new).map(|line| line.token.clone()));
        let others = before.iter().chain(after).filter(|line| line.sender != process);
        self.unsent.retain(|token| {
            after.iter().any(|line| line.token == *token) && !others.clone().any(|line| line.token == *token)
        });
    }
}

/// A termination that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub error: CloudError,
    /// When it is tried again.
    pub again_at: Timestamp,
}

/// An answer of CloudWatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// When the first answer came.
    pub since: Timestamp,
    pub at: Timestamp,
    /// The points of each query.
    pub points: Vec<Vec<Datapoint>>,
}

/// What was heard of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    pub at: Timestamp,
    /// `None`: it would be taken.
    pub refusal: Option<CloudError>,
}
