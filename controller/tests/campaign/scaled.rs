//! Scripts about clusters that follow their queue, from seeds: bursts that are worked on for longer than a boot takes, runs that are
//! due meanwhile, pauses, fronts that begin anew or give no answer, and operators that die.

use api::{BalancerKind, Scaling, ScalingPolicy, ScalingPool};
use cloudsim::{Settings, Span};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::script::{Edit, Script, Step};
use crate::stage::chaos::Moment;

/// The script of a seed.
pub(crate) fn script(seed: u64) -> Script {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x666f_6c6c_6f77_7321);
    let scaling = scaling(random);
    // Short enough that few do, or longer than a boot and the minute that it costs: of that a rule that counts on times knows nothing
    // before the first answer.
    let is_long = random.random_bool(0.5) && scaling.policy == ScalingPolicy::QueueDepth;
    let service_seconds = if is_long { random.random_range(70..120) } else { 4 };
    Script {
        broke: String::new(),
        seed,
        operators: 1,
        clusters: vec![("a".to_owned(), "m5.large".to_owned(), random.random_range(8..=12))],
        max_lifetime_seconds: 14_400,
        budget: None,
        image: None,
        boot_seconds: random.random_range(1..10),
        run_seconds: random.random_range(2..20),
        balancer: BalancerKind::Queue,
        zones: 1,
        in_place: false,
        is_pushed: !seed.is_multiple_of(3),
        launches: 1,
        generators: 1,
        scaling: vec![Some(scaling)],
        service_seconds,
        stretch_per_mille: 1_000,
        knobs: Settings { boot: Span::seconds(0, 15), stop: Span::seconds(0, 20), ..Settings::default() },
        faults: Vec::new(),
        store_faults: Vec::new(),
        doom: None,
        schedule: Vec::new(),
        is_counted: false,
        steps: steps(random),
    }
}

fn scaling(random: &mut StdRng) -> Scaling {
    let is_latency = random.random_bool(0.5);
    let (seconds, messages) = (random.random_range(150..400), random.random_range(2..6));
    Scaling {
        policy: if is_latency { ScalingPolicy::LatencyTarget } else { ScalingPolicy::QueueDepth },
        min: Some(random.random_range(0..=2)),
        target_seconds: is_latency.then_some(seconds),
        messages_per_instance: (!is_latency).then_some(messages),
        pool: random.random_ratio(1, 3).then_some(ScalingPool::StartStop),
    }
}

fn steps(random: &mut StdRng) -> Vec<Step> {
    let mut steps = vec![Step::Ready];
    for burst in 0..random.random_range(2..=4) {
        let count = if random.random_bool(0.3) { random.random_range(1..4) } else { random.random_range(10..50) };
        steps.push(Step::Requests { cluster: 0, count });
        passes(random, 2..10, &mut steps);
        match random.random_range(0..4) {
            0 => steps.push(Step::FrontRestarts),
            1 => steps.push(Step::Silence { seconds: random.random_range(30..200) }),
            2 => steps.push(Step::Edit(Edit::RunId(format!("run-{burst}")))),
            _ if burst % 2 == 1 => {
                steps.push(Step::Edit(Edit::Paused(true)));
                passes(random, 5..60, &mut steps);
                steps.push(Step::Edit(Edit::Paused(false)));
            }
            _ => {}
        }
        passes(random, 40..120, &mut steps);
        if random.random_bool(0.3) {
            steps.push(Step::Ready);
        }
    }
    steps
}

/// Looks of an operator, which dies at one of them now and then.
fn passes(random: &mut StdRng, count: std::ops::Range<usize>, steps: &mut Vec<Step>) {
    for _ in 0..random.random_range(count) {
        let moment = [Moment::Before, Moment::After, Moment::During(20)][random.random_range(0..3)];
        let strike = random.random_ratio(1, 40).then(|| (random.random_range(0..2), moment));
        steps.push(Step::Pass { operator: 0, strike, stretch_per_mille: 1_000 });
    }
}
