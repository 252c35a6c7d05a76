//! Rules that say how many instances a cluster behind a queue is to have. Pure: what is seen of the queue goes in, a count
//! comes out. Times are in seconds.
//!
//! A rule counts *slots*: requests that an instance works on at the same time. What waits and what is worked on is the front's
//! own count, which is exact and immediate; the counts of SQS may be a minute old.

/// What is seen of a cluster at one look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Requests that were accepted and not answered yet.
    pub unanswered: u64,
    /// Age of the oldest of them.
    pub oldest: f64,
    /// Requests that were accepted in each of the last stretches of [`STRETCH`] seconds.
    pub arrivals: Vec<u64>,
    /// Mean time that a slot is busy with one request, over the last ones. `None`: none was answered yet.
    pub service: Option<f64>,
    /// Slots of one instance.
    pub slots: u32,
    /// Instances that take requests. Those that are being drained are not among them.
    pub ready: u32,
    /// Instances that are starting: seconds until each is ready, as far as the boots before tell.
    pub starting: Vec<f64>,
    /// Mean time from the start of an instance to its readiness.
    pub boot: f64,
}

/// How the count follows the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Enough of them to answer everything within so many seconds, and no more.
    LatencyTarget {
        /// Seconds from the request to its answer.
        target: f64,
    },
    /// One for so many requests that are not answered.
    QueueDepth {
        /// Requests for each instance.
        messages: u32,
    },
}

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// So many more than are ready and starting.
    Start(u32),
    /// So many are needed now; fewer may go, once no look of the last boot time needed more.
    Need(u32),
}

/// Length of a stretch of arrivals.
pub const STRETCH: f64 = 10.0;
/// Mean boot time before anything was seen: of a launch, and of an instance that was stopped.
pub const BOOT: f64 = 45.0;
/// The same of an instance that was stopped.
pub const WARM_BOOT: f64 = 15.0;
/// Time of a request before one was answered: a guess that the first answers replace.
const SERVICE: f64 = 2.0;
/// An instance is paid for from about this moment after its start, when it is running and no longer pending (EC2 user guide,
/// "Instance state change"), and for at least [`LEAST_PAID`].
const PAID_FROM: f64 = 7.0;
/// Seconds that every start costs at least (EC2 pricing: Linux instances are billed by the second, 60 seconds at least).
const LEAST_PAID: f64 = 60.0;

/// Whether the time that a start costs at least is over: before, letting an instance go saves nothing.
pub fn is_paid(seconds_since_start: f64) -> bool {
    seconds_since_start >= PAID_FROM + LEAST_PAID
}

impl Rule {
    /// What the rule asks for. Bounds and what was needed before are left to [`Needs`](super::needs::Needs).
    pub fn wish(self, look: &Look) -> Wish {
        match self {
            Self::LatencyTarget { target } => latency_target(target, look),
            Self::QueueDepth { messages } => queue_depth(messages, look),
        }
    }
}

impl Look {
    /// Instances that take requests or will.
    pub fn there(&self) -> u32 {
        self.ready.saturating_add(u32::try_from(self.starting.len()).unwrap_or(u32::MAX))
    }
}

/// The work that is there and that comes until the oldest request has to be answered, beside the work that the instances can
/// do until then.
fn latency_target(target: f64, look: &Look) -> Wish {
    let service = look.service.unwrap_or(SERVICE).max(1e-6);
    let (slots, unanswered) = (f64::from(look.slots.max(1)), count(look.unanswered));
    let left = (target - look.oldest).max(service);
    // A burst is no rate: of six stretches the middle one counts.
    let flow = service * median(&look.arrivals) / STRETCH * (1.0 + 2.0 * service / target);
    let work = unanswered * service;
    let by_then = |ready_in: f64| (left - ready_in).max(0.0);
    let coming: f64 = look.starting.iter().map(|ready_in| by_then(*ready_in)).sum();
    let lack = work + flow * left - slots * (f64::from(look.ready) * left + coming);
    if lack <= 0.0 {
        let need = whole((work / left + flow) / slots);
        return Wish::Need(need.max(u32::from(look.unanswered > 0)));
    }
    // The minute that every start costs is used, also where the answers come later than they should.
    let useful = |ready_in: f64| (left - ready_in).max(PAID_FROM + LEAST_PAID - look.boot).max(service);
    let later: f64 = look.starting.iter().map(|ready_in| useful(*ready_in) - by_then(*ready_in)).sum();
    Wish::Start(whole((lack - slots * later) / (slots * useful(look.boot))))
}

fn queue_depth(messages: u32, look: &Look) -> Wish {
    let wanted = whole(count(look.unanswered) / f64::from(messages.max(1)));
    let there = look.there();
    if wanted > there { Wish::Start(wanted - there) } else { Wish::Need(wanted) }
}

/// The middle of the values; of an even number the mean of both in the middle.
fn median(values: &[u64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = |index: usize| sorted.get(index).copied().map_or(0.0, count);
    f64::midpoint(at(sorted.len().saturating_sub(1) / 2), at(sorted.len() / 2))
}

fn count(number: u64) -> f64 {
    // Exact below 2^53, and no queue holds more.
    #[allow(clippy::cast_precision_loss, reason = "exact below 2^53")]
    let count = number as f64;
    count
}

/// The next whole number, at least 0.
fn whole(number: f64) -> u32 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    let whole = number.ceil().clamp(0.0, 1e9) as u32;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Rule = Rule::LatencyTarget { target: 60.0 };

    fn look(unanswered: u64, ready: u32) -> Look {
        let (service, arrivals) = (Some(2.0), vec![0; 6]);
        Look { unanswered, ready, service, arrivals, slots: 1, boot: BOOT, ..Look::default() }
    }

    #[test]
    fn nothing_to_do_needs_nobody_and_a_single_request_needs_one() {
        assert_eq!(TARGET.wish(&look(0, 3)), Wish::Need(0));
        assert_eq!(TARGET.wish(&look(1, 3)), Wish::Need(1));
        assert_eq!(TARGET.wish(&look(1, 0)), Wish::Start(1));
    }

    #[test]
    fn what_the_ready_ones_answer_in_time_starts_nobody() {
        // 30 requests of 2 s are the 60 s of one slot, 300 those of ten.
        assert_eq!(TARGET.wish(&look(30, 1)), Wish::Need(1));
        assert_eq!(TARGET.wish(&look(300, 10)), Wish::Need(10));
        assert!(matches!(TARGET.wish(&look(300, 9)), Wish::Start(1..)));
    }

    #[test]
    fn those_that_are_starting_are_counted() {
        let Wish::Start(more) = TARGET.wish(&look(100, 0)) else { panic!("nobody is there") };
        let starting = Look { starting: vec![BOOT; 64][..more as usize].to_vec(), ..look(100, 0) };
        assert_eq!(TARGET.wish(&starting), Wish::Start(0));
        let depth = Rule::QueueDepth { messages: 5 };
        assert_eq!(depth.wish(&look(100, 0)), Wish::Start(20));
        assert_eq!(depth.wish(&Look { starting: vec![30.0; 12], ..look(100, 8) }), Wish::Need(20));
    }

    #[test]
    fn a_burst_is_no_rate_and_a_steady_flow_is() {
        let burst = Look { arrivals: vec![0, 0, 0, 0, 0, 1000], ..look(0, 0) };
        assert_eq!(TARGET.wish(&burst), Wish::Need(0));
        // 4 a second of 2 s keep eight slots busy, and a reserve.
        let steady = Look { arrivals: vec![40; 6], ..look(8, 20) };
        assert_eq!(TARGET.wish(&steady), Wish::Need(9));
    }

    #[test]
    fn the_older_the_oldest_request_the_more_are_started() {
        let Wish::Start(young) = TARGET.wish(&look(200, 2)) else { panic!("two are too few") };
        let Wish::Start(old) = TARGET.wish(&Look { oldest: 40.0, ..look(200, 2) }) else { panic!("two are too few") };
        assert!(old > young, "{old} {young}");
    }

    #[test]
    fn slots_of_an_instance_share_its_work() {
        assert_eq!(TARGET.wish(&Look { slots: 4, ..look(120, 1) }), Wish::Need(1));
    }
}
