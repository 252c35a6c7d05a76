//! The ends of instances of a cluster that follows its queue: only whom a front saw finish, as long as the cluster is wanted
//! as it is.

use std::collections::{BTreeMap, BTreeSet};

use cloudsim::Sim;
use jiff::{SignedDuration, Timestamp};
use planner::desired;
use planner::ports::InstanceState;

use super::{Broken, Judge, Rule};

/// A call may be under way, and its sender stand still, for so long.
const LATE: SignedDuration = SignedDuration::from_mins(20);

#[derive(Debug, Default)]
pub(super) struct Finishing {
    /// Generation of the spec that a line was written for, by its token, and that of the object.
    generations: BTreeMap<String, i64>,
    pub(super) generation: i64,
    /// Members of clusters that follow their queue: those that take requests or have some, by cluster; and when others were seen
    /// to have finished.
    working: BTreeMap<String, BTreeSet<String>>,
    finished_at: BTreeMap<String, Timestamp>,
    /// Whether somebody has changed tags or protection, so that not all end together.
    has_hands: bool,
}

impl Finishing {
    /// A line was written, of a status that looked at this generation.
    pub(super) fn written(&mut self, token: &str, generation: Option<i64>) {
        self.generations.insert(token.to_owned(), generation.unwrap_or(-1));
    }

    /// Whether a front ever saw an instance finish.
    pub(super) fn has_finished(&self, id: &str) -> bool {
        self.finished_at.contains_key(id)
    }
}

impl Judge {
    /// The members of a cluster that follows its queue, as they are now.
    pub(crate) fn works(&self, cluster: &str, finished: BTreeSet<String>, working: BTreeSet<String>, now: Timestamp) {
        let mut book = self.book();
        book.finishing.finished_at.extend(finished.into_iter().map(|id| (id, now)));
        book.finishing.working.insert(cluster.to_owned(), working);
    }

    /// Somebody changes tags, or protects an instance.
    pub(crate) fn meddles(&self) {
        self.book().finishing.has_hands = true;
    }

    /// Instances are told to end, or to stop, which lists do not show to be ended with everything else.
    pub(crate) fn ends(&self, sim: &Sim, ids: &[String], now: Timestamp) {
        let mut book = self.book();
        let live = sim.truth().ec2.live_instances();
        let line_of = |id: &String| {
            let instance = live.iter().find(|one| one.id == *id && one.state == InstanceState::Running)?;
            book.lines.get(instance.token.as_deref()?)
        };
        let is_front = |one: &&std::sync::Arc<cloudsim::ec2::Instance>| {
            let line = one.token.as_ref().and_then(|token| book.lines.get(token));
            one.state == InstanceState::Running && line.is_some_and(|line| line.pool == desired::FRONT)
        };
        // Without a front nobody is told anything; and all end together when nothing is wanted any more.
        let goes_on = live.iter().find(is_front).is_some_and(|front| !ids.contains(&front.id));
        if book.abandoned || book.finishing.has_hands || !goes_on {
            return;
        }
        let is_late = |id: &String| book.finishing.finished_at.get(id).is_some_and(|at| now.duration_since(*at) < LATE);
        let broken = ids.iter().find_map(|id| {
            let line = line_of(id)?;
            let is_of_now = book.finishing.generations.get(&line.token) == Some(&book.finishing.generation);
            let works = book.finishing.working.get(&line.pool).is_some_and(|all| all.contains(id));
            (is_of_now && works && !is_late(id))
                .then(|| format!("{id} of {} ends and was not told to finish", line.pool))
        });
        if let Some(what) = broken {
            book.broken.get_or_insert(Broken::new(Rule::FinishesFirst, what));
        }
    }
}
