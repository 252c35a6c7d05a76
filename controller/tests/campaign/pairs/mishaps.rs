//! Mishaps that can happen at a site, in a fixed order, and why no other can.

use cloudsim::{Action, Fault};

use crate::script::{Edit, Happening, Step};
use crate::stage::chaos::Moment;
use crate::stage::kubernetes::StoreFault;
use crate::stage::schedule::{AgentFault, Mishap, Site};

/// Seconds after which a call whose connection broke takes effect, at its extremes. The latest and the stalest list together are
/// less than the settling time, as in the random campaign.
const LATE: [u64; 2] = [1, 180];
/// How far a list is behind, at its extremes.
pub(super) const STALEST: u64 = 110;
const STALE: [u64; 2] = [1, STALEST];
/// How long a process stands still, at its extremes: shorter than any call may be late, and longer than the settling time.
const STANDS: [u64; 2] = [1, 400];

/// A fault that is not placed, where, and why it would show nothing more.
pub(super) const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("effect", "truncated answer", "the answer is lost: both are Unreachable (planner/src/failure/codes.rs)"),
    ("effect, read", "HTTP 503, before and after", "as HTTP 500: both are Unreachable"),
    ("read", "lost answer, late, HTTP 500 after", "a read has no effect: as the lost request and HTTP 500"),
    ("read that is no list", "cut, stale", "it is one item, or of a catalog that does not change"),
    ("rehearsal", "lost answer, late, HTTP 500 after, cut, stale", "it has no effect and shows no list"),
    ("read", "death", "nothing was done since the effect or the pass before it, where it is placed"),
    ("read", "freeze", "the lists of its pass would be of different moments, as where one of them is stale"),
    (
        "effect",
        "late with a living sender",
        "of the API server: a write is conditional, so it is the lost answer or a conflict",
    ),
    ("question to an agent", "lost answer, late, HTTP 500, throttle", "no answer, whatever became of it"),
    ("order to an agent", "HTTP 500 before and after, throttle", "as the lost request and the lost answer"),
    (
        "effect, read",
        "edit, deed by hand",
        "seen by a later call of the pass: as before that pass, or a conflict and then before the next",
    ),
    (
        "pass",
        "another edit, another deed by hand",
        "the random campaign plays those of tags, protection, a wiped status, a stripped finalizer, a pause",
    ),
    (
        "everywhere",
        "what it has cost",
        "the bill is of all that was done before, which moments that are alike do not share",
    ),
    (
        "list, as a later fault",
        "the past within 110 s of a former fault",
        "plays are merged by what is, and a stale list shows what was: the random campaign plays both together",
    ),
    ("while it rests", "everything", "there it is judged that nothing is done without a reason"),
];

/// The word for each, in tables.
pub(super) fn name(happening: &Happening) -> &'static str {
    match happening {
        Happening::Mishap(mishap) => match mishap {
            Mishap::Strike(Moment::Before) => "death before",
            Mishap::Strike(Moment::After) => "death after",
            Mishap::Strike(Moment::During(_)) => "death, late effect",
            Mishap::Strike(Moment::Freeze) | Mishap::Stand(_) => "freeze",
            Mishap::Cloud(Fault::LostRequest) | Mishap::Agent(AgentFault::LostRequest) => "lost request",
            Mishap::Cloud(Fault::LostAnswer) | Mishap::Agent(AgentFault::LostAnswer) => "lost answer",
            Mishap::Cloud(Fault::LateExecution(_)) | Mishap::Agent(AgentFault::Late(_)) => "late effect",
            Mishap::Cloud(Fault::Truncated) => "cut list",
            Mishap::Cloud(Fault::Stale(_)) => "stale list",
            Mishap::Cloud(Fault::Throttled) => "throttle",
            Mishap::Cloud(Fault::Status500 | Fault::Status503) => "HTTP 500",
            Mishap::Cloud(Fault::Status500AfterEffect | Fault::Status503AfterEffect) => "HTTP 500 after",
            Mishap::Store(StoreFault::Unavailable) => "API server: lost request",
            Mishap::Store(StoreFault::LostAnswer) => "API server: lost answer",
            Mishap::Store(StoreFault::Conflict) => "API server: conflict",
        },
        Happening::People(Step::Upgrade { .. }) => "death between passes",
        Happening::People(Step::Delete) => "deletion",
        Happening::People(Step::Edit(_)) => "edit",
        Happening::People(_) => "deed by hand",
    }
}

/// All that can happen at a site.
pub(super) fn at(site: Site) -> Vec<Happening> {
    let cloud = |faults: &[Fault]| faults.iter().map(|fault| Happening::Mishap(Mishap::Cloud(*fault))).collect();
    let store = |faults: &[StoreFault]| faults.iter().map(|fault| Happening::Mishap(Mishap::Store(*fault))).collect();
    let agent = |faults: &[AgentFault]| faults.iter().map(|fault| Happening::Mishap(Mishap::Agent(*fault))).collect();
    match site {
        Site::Pass => people().into_iter().map(Happening::People).collect(),
        Site::Effect(_) => {
            let strikes = [Moment::Before, Moment::After, Moment::During(LATE[0]), Moment::During(LATE[1])];
            let strikes = strikes.map(Mishap::Strike).into_iter();
            strikes.chain(STANDS.map(Mishap::Stand)).map(Happening::Mishap).collect()
        }
        Site::Cloud(action) if action.is_mutation() => cloud(&[
            Fault::LostRequest,
            Fault::LostAnswer,
            Fault::LateExecution(LATE[0]),
            Fault::LateExecution(LATE[1]),
            Fault::Status500,
            Fault::Status500AfterEffect,
            Fault::Throttled,
        ]),
        Site::Cloud(action) if is_list(action) => cloud(&[
            Fault::LostRequest,
            Fault::Truncated,
            Fault::Stale(STALE[0]),
            Fault::Stale(STALE[1]),
            Fault::Status500,
            Fault::Throttled,
        ]),
        Site::Cloud(_) | Site::Rehearsal => cloud(&[Fault::LostRequest, Fault::Status500, Fault::Throttled]),
        Site::Read(_) => store(&[StoreFault::Unavailable]),
        Site::Write(_) => store(&[StoreFault::Unavailable, StoreFault::LostAnswer, StoreFault::Conflict]),
        Site::Question(_) => agent(&[AgentFault::LostRequest]),
        Site::Order(_) => agent(&[
            AgentFault::LostRequest,
            AgentFault::LostAnswer,
            AgentFault::Late(LATE[0]),
            AgentFault::Late(LATE[1]),
        ]),
    }
}

/// Before a pass: the process dies and another one takes its place, and what people do.
fn people() -> [Step; 6] {
    [
        Step::Upgrade { operator: 0, version: 1 },
        Step::Delete,
        Step::Edit(Edit::Count { cluster: 0, count: 2 }),
        Step::Edit(Edit::Port(8090)),
        Step::Edit(Edit::RunId("second".to_owned())),
        Step::Terminate { nth: 0 },
    ]
}

/// Lists of what operators make, which can be cut and can be of another moment.
fn is_list(action: Action) -> bool {
    const LISTS: [&str; 12] = [
        "DescribeInstances",
        "DescribeSecurityGroups",
        "DescribeNetworkInterfaces",
        "DescribeLoadBalancers",
        "DescribeTargetGroups",
        "DescribeTargetHealth",
        "DescribeListeners",
        "DescribeRules",
        "DescribeTags",
        "ListQueues",
        "ListBuckets",
        "ListObjectVersions",
    ];
    LISTS.contains(&action.name())
}
