//! Scripts from seeds. The same plan and seed give the same script for ever, until this file is changed.

use cloudsim::ec2::{self, IMAGE_WITH_DATA};
use cloudsim::{
    Action, AfterFailure, AfterTermination, Fault, FaultRates, Lag, ManualChange, ManualChanges, QuotaCheck, Settings,
    Span, StaleReads, Throttling, TokenRules,
};
use planner::owner;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::people::{is_in_place, with_cuts, with_hands, with_other_kinds, with_queues, with_requests, with_updates};
use crate::scaled;
use crate::script::{Edit, Script, Step, service_seconds};
use crate::stage::chaos::Moment;
use crate::stage::cloud::Credentials;
use crate::stage::kubernetes::StoreFault;
use crate::tiers::{balancer, buckets, load_balancing, queues, scaling};

/// What a seed is made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// A life on a nearly good day, then the same with a crash at each of its effects.
    Crash,
    /// Lists that are late, and edits, and crashes.
    Lag,
    /// Two operators, of which one stands still for minutes in the middle of a pass; upgrades.
    TwoOperators,
    /// Everything at once.
    Everything,
    /// One cluster that follows its queue, on days that are bad for it alone.
    Scaled,
}

/// Tags that say whose an instance is and what for.
const TAGS: [&str; 4] = [owner::BENCHMARK_UID, owner::POOL, owner::LAUNCH, owner::REVISION];

const TYPES: [&str; 4] = ["t2.large", "t3.large", "m5.large", "c6i.large"];

/// The script of a seed. That of [`Plan::Crash`] is the life without the crash.
pub(crate) fn script(plan: Plan, seed: u64) -> Script {
    if plan == Plan::Scaled { scaled::script(seed) } else { of_all(plan, seed) }
}

fn of_all(plan: Plan, seed: u64) -> Script {
    let random = &mut StdRng::seed_from_u64(seed ^ (plan as u64) << 56);
    let operators = match plan {
        Plan::Crash | Plan::Lag => 1,
        Plan::TwoOperators => 2,
        Plan::Everything | Plan::Scaled => random.random_range(1..=2),
    };
    let mut knobs = match plan {
        Plan::Crash => nearly_good_day(random),
        Plan::Lag => late_day(random),
        Plan::TwoOperators | Plan::Everything | Plan::Scaled => bad_day(random),
    };
    let clusters = ["a", "b"].iter().take(random.random_range(1..=2));
    let clusters = clusters
        .map(|name| {
            let kind = TYPES[random.random_range(0..TYPES.len())];
            ((*name).to_owned(), kind.to_owned(), random.random_range(1..=3))
        })
        .collect();
    let steps = match plan {
        Plan::Crash => calm_life(random),
        _ => {
            // Together with the lag of lists, what a call does is seen within the settling time.
            let latest = if plan == Plan::Lag { 60 } else { 180 };
            Life { random, operators, latest, ports: 0, deleted: false, frozen: None }.steps()
        }
    };
    let faults = if matches!(plan, Plan::TwoOperators | Plan::Everything) { launch_faults(random) } else { Vec::new() };
    // What a call used up that nobody heard of, the next one may lack.
    if !faults.is_empty() && random.random_bool(0.5) {
        knobs.vcpu_quota = Some(random.random_range(4..12));
    }
    let scaling = if generators(seed) > 1 { Vec::new() } else { scaling(seed, launches(seed)) };
    let steps = match plan {
        Plan::Crash => steps,
        _ => with_queues(seed, with_cuts(seed, with_updates(seed, with_other_kinds(seed, with_hands(seed, steps))))),
    };
    let store_faults = if plan == Plan::Crash { Vec::new() } else { store_faults(random) };
    Script {
        broke: String::new(),
        seed,
        operators,
        clusters,
        max_lifetime_seconds: if random.random_ratio(1, 10) { 900 } else { 7200 },
        boot_seconds: random.random_range(1..10),
        run_seconds: random.random_range(2..20),
        balancer: balancer(seed),
        zones: zones(seed),
        in_place: is_in_place(seed),
        is_pushed: !seed.is_multiple_of(3),
        launches: launches(seed),
        budget: budget(seed),
        image: image(seed),
        generators: generators(seed),
        service_seconds: service_seconds(),
        stretch_per_mille: random.random_range(1000..6000),
        knobs: Settings {
            load_balancing: load_balancing(plan, seed),
            queues: queues(plan, seed),
            buckets: buckets(plan, seed),
            ..knobs
        },
        faults,
        store_faults,
        doom: None,
        schedule: Vec::new(),
        is_counted: false,
        steps: with_requests(seed, !scaling.is_empty(), steps),
        scaling,
    }
}

/// Several in every fifth seed. Drawn from a stream of its own: it was added later, and changes nothing else of a seed.
fn launches(seed: u64) -> i32 {
    let random = &mut StdRng::seed_from_u64(!seed);
    if random.random_ratio(1, 5) { random.random_range(2..=3) } else { 1 }
}

/// Two zones in every fourth seed, from a stream of its own as well.
fn zones(seed: u64) -> i32 {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x7a6f_6e65_735f_6f66);
    if random.random_ratio(1, 4) { 2 } else { 1 }
}

/// Two in every sixth seed, from a stream of its own as well.
fn generators(seed: u64) -> i32 {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x6765_6e65_7261_746f);
    if random.random_ratio(1, 6) { 2 } else { 1 }
}

/// A budget in every eighth seed, of which some do not pay the least run; from a stream of its own as well.
fn budget(seed: u64) -> Option<String> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x6d61_785f_7573_6420);
    random.random_ratio(1, 8).then(|| format!("0.{:02}", random.random_range(5..=80)))
}

/// One with data volumes, which stay unless a launch says otherwise, in every fifth seed; from a stream of its own too.
fn image(seed: u64) -> Option<String> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x0069_6d61_6765);
    random.random_ratio(1, 5).then(|| IMAGE_WITH_DATA.to_owned())
}

/// A life with one of each: measured, edited, measured again, deleted.
fn calm_life(random: &mut StdRng) -> Vec<Step> {
    let mut steps = vec![Step::Ready];
    let edit = match random.random_range(0..5) {
        0 => Edit::Count { cluster: 0, count: random.random_range(1..=4) },
        1 => Edit::Type { cluster: 0, instance_type: TYPES[random.random_range(0..TYPES.len())].into() },
        2 => Edit::Port(8090),
        3 => Edit::AfterRun(api::AfterRun::Terminate),
        _ => Edit::RunId("second".into()),
    };
    steps.push(Step::Edit(edit));
    steps.extend((0..random.random_range(0..6)).map(|_| Step::Pass {
        operator: 0,
        strike: None,
        stretch_per_mille: 1000,
    }));
    if random.random_bool(0.7) {
        steps.push(Step::Ready);
    }
    if random.random_bool(0.3) {
        steps.push(Step::Terminate { nth: random.random_range(0..4) });
        steps.push(Step::Ready);
    }
    steps.extend([if random.random_bool(0.2) { Step::EndNamespace } else { Step::Delete }, Step::Gone]);
    steps
}

fn span(random: &mut StdRng, most: u64) -> Span {
    Span::seconds(0, random.random_range(0..=most))
}

fn nearly_good_day(random: &mut StdRng) -> Settings {
    Settings {
        lag: Lag { id: span(random, 3), tag: span(random, 10), token: span(random, 5) },
        interface_linger: span(random, 20),
        boot: span(random, 20),
        stop: span(random, 30),
        page_size: random.random_range(0..6),
        token: token_rules(random),
        ..Settings::default()
    }
}

/// Late within what the operator's settling time (300 s) is made for.
fn late_day(random: &mut StdRng) -> Settings {
    Settings {
        lag: Lag { id: span(random, 60), tag: span(random, 240), token: span(random, 120) },
        interface_linger: span(random, 300),
        faults: FaultRates { truncated: random.random_range(0..=60), ..FaultRates::default() },
        stale_reads: stale_reads(random),
        repeated_page_per_mille: random.random_range(0..=20),
        ..nearly_good_day(random)
    }
}

/// Reads that go back, in every other seed.
fn stale_reads(random: &mut StdRng) -> StaleReads {
    let on = u32::from(random.random_bool(0.5));
    let mut rate = |most: u32| on * random.random_range(0..=most);
    let (id, tag, token) = (rate(200), rate(300), rate(200));
    StaleReads { id, tag, token, by: span(random, 50) }
}

/// People with a console of their own, in every fourth seed.
fn manual_changes(random: &mut StdRng) -> ManualChanges {
    if random.random_bool(0.75) {
        return ManualChanges::default();
    }
    let every = Span::seconds(random.random_range(20..120), 600);
    ManualChanges { every, kinds: [ManualChange::Stop, ManualChange::Terminate].into() }
}

/// A bad day within the same: late by at most 180 s, seen at most 60 s after that.
fn bad_day(random: &mut StdRng) -> Settings {
    let late_by = span(random, 180);
    let mut rate = |most: u32| random.random_range(0..=most);
    let (no_capacity, repeated_page) = (rate(3), rate(20));
    let faults = FaultRates {
        lost_answer: rate(60),
        lost_request: rate(40),
        late_execution: rate(40),
        late_by,
        truncated: rate(40),
        throttled: rate(60),
        status500: rate(20),
        status500_after_effect: rate(20),
        status503: rate(20),
        status503_after_effect: rate(20),
    };
    Settings {
        stale_reads: StaleReads { by: span(random, 30), ..stale_reads(random) },
        manual_changes: manual_changes(random),
        quota_linger: span(random, 60),
        no_capacity_per_mille: if no_capacity == 0 { 150 } else { 0 },
        repeated_page_per_mille: repeated_page,
        lag: Lag { id: span(random, 20), tag: span(random, 60), token: span(random, 40) },
        interface_linger: span(random, 120),
        boot: span(random, 60),
        stop: span(random, 90),
        faults,
        page_size: random.random_range(0..6),
        fails_at_boot_per_mille: random.random_range(0..20),
        throttling: if random.random_bool(0.5) { Throttling::Published } else { Throttling::Off },
        token: token_rules(random),
        vcpu_quota: random.random_ratio(1, 5).then(|| random.random_range(6..24)),
        ..Settings::default()
    }
}

fn token_rules(random: &mut StdRng) -> TokenRules {
    TokenRules {
        after_failure: if random.random_bool(0.5) { AfterFailure::Burnt } else { AfterFailure::Free },
        after_termination: if random.random_bool(0.5) {
            AfterTermination::Refused
        } else {
            AfterTermination::OldAnswer
        },
        quota_check: if random.random_bool(0.5) { QuotaCheck::BeforeToken } else { QuotaCheck::AfterToken },
    }
}

/// Launches that nobody hears of and that take effect when they are nearly given up, in every third seed.
fn launch_faults(random: &mut StdRng) -> Vec<(Action, u64, Fault)> {
    if random.random_bool(0.67) {
        return Vec::new();
    }
    let late = (1..12).filter(|_| random.random_bool(0.4)).collect::<Vec<u64>>();
    late.into_iter()
        .map(|nth| (ec2::Action::RunInstances.into(), nth, Fault::LateExecution(random.random_range(30..180))))
        .collect()
}

/// Calls to the API server that go wrong, of those that a play makes.
fn store_faults(random: &mut StdRng) -> Vec<(usize, StoreFault)> {
    let mut nth = 0;
    let mut faults = Vec::new();
    let gap = random.random_range(4..200);
    loop {
        nth += random.random_range(1..=gap);
        if nth > 300 {
            return faults;
        }
        let fault = match random.random_range(0..4) {
            0 => StoreFault::Unavailable,
            1 => StoreFault::LostAnswer,
            _ => StoreFault::Conflict,
        };
        faults.push((nth, fault));
    }
}

/// Writes steps.
struct Life<'a> {
    random: &'a mut StdRng,
    operators: usize,
    /// Seconds that a call may be under way whose sender died.
    latest: u64,
    ports: i32,
    deleted: bool,
    /// Who stands still, if the strike meets an effect.
    frozen: Option<usize>,
}

impl Life<'_> {
    fn steps(&mut self) -> Vec<Step> {
        let length = self.random.random_range(10..70);
        let delete_at = self.random.random_bool(0.3).then(|| self.random.random_range(1..length));
        let mut steps = Vec::new();
        for index in 0..length {
            steps.push(self.pass());
            if delete_at == Some(index) {
                self.deleted = true;
                steps.push(if self.random.random_bool(0.2) { Step::EndNamespace } else { Step::Delete });
            }
            if self.random.random_ratio(1, 8) {
                self.event(&mut steps);
            }
            self.wake_up(&mut steps);
        }
        steps
    }

    /// Whoever stands still goes on after a while, which is minutes for the others.
    fn wake_up(&mut self, steps: &mut Vec<Step>) {
        let Some(operator) = self.frozen else { return };
        if self.random.random_ratio(1, 4) {
            let others = self.random.random_range(0..8);
            if self.random.random_bool(0.5) {
                steps.push(Step::Wait { seconds: self.random.random_range(10..500) });
            }
            for _ in 0..others {
                let stretch_per_mille = self.random.random_range(500..4000);
                steps.push(Step::Pass { operator: 1 - operator, strike: None, stretch_per_mille });
            }
            steps.push(Step::Thaw { operator });
            self.frozen = None;
        }
    }

    fn pass(&mut self) -> Step {
        let operator = self.random.random_range(0..self.operators);
        let strike = self.random.random_bool(0.2).then(|| (self.random.random_range(0..4), self.moment()));
        if strike.is_some_and(|(_, moment)| moment == Moment::Freeze) {
            self.frozen = Some(operator);
        }
        Step::Pass { operator, strike, stretch_per_mille: self.random.random_range(500..4000) }
    }

    fn moment(&mut self) -> Moment {
        let freezes = self.operators == 2 && self.frozen.is_none();
        match self.random.random_range(0..if freezes { 6 } else { 3 }) {
            0 => Moment::Before,
            1 => Moment::After,
            2 => Moment::During(self.random.random_range(0..self.latest)),
            _ => Moment::Freeze,
        }
    }

    fn event(&mut self, steps: &mut Vec<Step>) {
        let step = match self.random.random_range(0..30) {
            0..=5 => Step::Edit(self.edit()),
            6 | 7 => Step::Terminate { nth: self.random.random_range(0..10) },
            8 if !self.deleted => Step::StripFinalizer,
            9 => Step::WipeStatus,
            10 => Step::TearStatus,
            11 | 12 => Step::Wait { seconds: self.random.random_range(30..600) },
            13 => Step::Silence { seconds: self.random.random_range(10..600) },
            14 => Step::Credentials(Credentials::OtherAccount),
            15 => Step::Credentials(Credentials::Expired),
            16 | 24 => Step::Capacity {
                instance_type: TYPES[self.random.random_range(0..TYPES.len())].into(),
                count: self.random.random_bool(0.6).then(|| self.random.random_range(0..4)),
                zone: self.random.random_bool(0.5).then(|| self.zone()),
            },
            23 => Step::Outage(self.random.random_bool(0.6).then(|| self.zone())),
            25 => return self.paused(steps),
            26 => return self.cuts(steps),
            27 => return self.elsewhere(steps),
            28 => Step::Retag {
                nth: self.random.random_range(0..10),
                tag: TAGS[self.random.random_range(0..TAGS.len())].into(),
            },
            17 => Step::Quota(self.random.random_bool(0.5).then(|| self.random.random_range(4..20))),
            19 => Step::Sweep { operator: self.random.random_range(0..self.operators) },
            20 if self.random.random_ratio(1, 4) => Step::Abandon,
            18 | 21 | 22 => Step::Upgrade {
                operator: self.random.random_range(0..self.operators),
                version: self.random.random_range(1..4),
            },
            _ => return,
        };
        let borrowed = matches!(step, Step::Credentials(_));
        steps.push(step);
        if borrowed {
            steps.extend((0..self.random.random_range(1..8)).map(|_| self.pass()));
            steps.push(Step::Credentials(Credentials::Own));
        }
    }

    fn zone(&mut self) -> String {
        ["eu-west-1a", "eu-west-1b", "eu-west-1c"][self.random.random_range(0..3)].to_owned()
    }

    /// Somebody wants quiet for a while.
    fn paused(&mut self, steps: &mut Vec<Step>) {
        steps.push(Step::Edit(Edit::Paused(true)));
        steps.extend((0..self.random.random_range(1..8)).map(|_| self.pass()));
        if self.random.random_bool(0.8) {
            steps.push(Step::Edit(Edit::Paused(false)));
        }
    }

    /// Lists are cut, for longer than it takes to believe that something is gone.
    fn cuts(&mut self, steps: &mut Vec<Step>) {
        self.settled(steps);
        steps.push(Step::Cut(true));
        self.long_passes(steps);
        steps.push(Step::Cut(false));
    }

    /// Credentials of another account, for longer than it takes to believe that something is gone.
    fn elsewhere(&mut self, steps: &mut Vec<Step>) {
        self.settled(steps);
        steps.push(Step::Credentials(Credentials::OtherAccount));
        self.long_passes(steps);
        steps.push(Step::Credentials(Credentials::Own));
    }

    /// So long after the last launch that absence can be proven.
    fn settled(&mut self, steps: &mut Vec<Step>) {
        if self.random.random_bool(0.7) {
            steps.push(Step::Wait { seconds: self.random.random_range(400..600) });
        }
        if !self.deleted && self.random.random_bool(0.2) {
            self.deleted = true;
            steps.push(Step::Delete);
        }
    }

    fn long_passes(&mut self, steps: &mut Vec<Step>) {
        for _ in 0..self.random.random_range(3..10) {
            steps.push(self.pass());
            steps.push(Step::Wait { seconds: self.random.random_range(10..90) });
        }
    }

    fn edit(&mut self) -> Edit {
        let random = &mut *self.random;
        match random.random_range(0..12) {
            0..=3 => Edit::Count { cluster: random.random_range(0..2), count: random.random_range(1..=4) },
            4 => Edit::Type {
                cluster: random.random_range(0..2),
                instance_type: TYPES[random.random_range(0..TYPES.len())].into(),
            },
            5 => {
                self.ports += 1;
                Edit::Port(8080 + self.ports % 5)
            }
            6 => Edit::RunId(format!("run-{}", random.random_range(0..5))),
            7 => Edit::AfterRun(if random.random_bool(0.5) { api::AfterRun::Terminate } else { api::AfterRun::Keep }),
            8 => Edit::Policy(api::Policy::RoundRobin),
            9 => Edit::Tag(format!("team-{}", random.random_range(0..3))),
            10 => Edit::AddCluster("c".into()),
            _ => Edit::DropCluster,
        }
    }
}
