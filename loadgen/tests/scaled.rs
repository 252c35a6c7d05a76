//! Scaled clusters are measured from rest to rest, behind a front that does what the test says.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use loadgen::{Files, Progress, Settings};
use support::{Backend, FINE, FakeBalancer, Reply, closed_loop, report, settings, spec, status};
use wire::{
    BalancerStatus, CallPrices, ClosedLoop, ClusterFacts, Health, Members, Metric, Phase, Price, QueueCalls,
    QueueStatus, Report, RoundOutcome, RunSpec, ScalingStatus, Slice, Stop, Target, Validity,
};

/// Requests of a round.
const REQUESTS: u64 = 10;

/// A front whose cluster `a` has no instance at rest.
#[derive(Clone, Debug, Default)]
struct Tier {
    /// Requests that came, which all were answered.
    answered: u64,
    /// Others that their clients gave up.
    open: u64,
    /// Members that are there.
    members: usize,
    scaling: ScalingStatus,
}

impl Tier {
    fn status(&self) -> BalancerStatus {
        let mut told = status(&["a"], 0, Health::Healthy);
        let member = told.clusters[0].members.remove(0);
        told.clusters[0].members = (0..self.members)
            .map(|number| wire::MemberStatus { id: format!("i-{number}"), boot: None, ..member.clone() })
            .collect();
        let answered = self.answered;
        told.queues = vec![QueueStatus {
            cluster: "a".into(),
            accepted: answered,
            answered,
            open: self.open,
            inputs: answered,
            outputs: answered,
            scaling: Some(self.scaling.clone()),
            calls: QueueCalls { sqs: 4 * answered, s3_puts: 2 * answered, s3_gets: answered },
            ..QueueStatus::default()
        }];
        told
    }
}

/// A backend that answers at once, and how many requests it had.
async fn counting() -> (Backend, Arc<AtomicUsize>) {
    let counted = Arc::<AtomicUsize>::default();
    let seen = counted.clone();
    let backend = Backend::start(move |_, _| {
        seen.fetch_add(1, SeqCst);
        FINE
    })
    .await;
    (backend, counted)
}

/// A front that says what `tier` makes of the number of requests so far and of the looks since the last one that came.
async fn front(
    requests: Arc<AtomicUsize>,
    tier: impl Fn(u64, usize) -> Option<Tier> + Send + Sync + 'static,
) -> FakeBalancer {
    let last = std::sync::Mutex::new((0, 0));
    FakeBalancer::start(move |_| {
        let now = requests.load(SeqCst);
        let mut last = last.lock().unwrap();
        *last = if last.0 == now { (now, last.1 + 1) } else { (now, 0) };
        tier(now as u64, last.1).map(|tier| tier.status())
    })
    .await
}

/// After each round of requests two instances are there for two looks, and two boots of 60 seconds were paid.
fn burst(requests: u64, looks: usize) -> Tier {
    let rounds = requests / REQUESTS;
    let is_working = requests > 0 && looks < 2;
    let scaling = ScalingStatus { starts: 2 * rounds, instance_millis: 120_000 * rounds, ..ScalingStatus::default() };
    Tier { answered: requests, members: if is_working { 2 } else { 0 }, scaling, ..Tier::default() }
}

fn scaled(backend: &Backend, front: &FakeBalancer, rounds: u32) -> RunSpec {
    let target = Target { scaled: true, ..backend.target("a") };
    let mut run = spec(vec![target], rounds, vec![closed_loop(2, REQUESTS)]);
    run.balancer_control = Some(front.control());
    run
}

fn quick() -> Settings {
    let mut settings = settings();
    (settings.rest, settings.rest_holds) = (Duration::from_millis(1_500), Duration::ZERO);
    (settings.recovery, settings.counted_within) = (Duration::from_secs(2), Duration::ZERO);
    // Every look is counted here.
    settings.queue_looks = Duration::from_secs(3_600);
    settings
}

fn reasons(report: &Report) -> Vec<(RoundOutcome, &str)> {
    report.rounds.iter().map(|round| (round.outcome, round.reason.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_begins_at_rest_and_ends_when_it_is_there_again_with_what_it_cost() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, looks| Some(burst(requests, looks))).await;
    let mut run = scaled(&backend, &front, 2);
    run.judging.metric = Metric::UsdMicrosPerThousand;
    // Nobody is there to answer when a round begins, so that nobody can be known.
    run.request.expect.members = Members::Known;
    // Instances are new in each round: there is nobody to warm up.
    run.warmup_requests = 50;
    run.facts.clusters = vec![ClusterFacts {
        cluster: "a".into(),
        price: Some(Price {
            instances: 4,
            instance_usd_micros: 36_000,
            least: Some(0),
            calls: Some(CallPrices {
                sqs_usd_micros: 400_000,
                s3_put_usd_micros: 5_000_000,
                s3_get_usd_micros: 400_000,
                basis: String::new(),
            }),
            ..Price::default()
        }),
        ..ClusterFacts::default()
    }];
    let report = report(&run, &quick()).await;
    assert_eq!(reasons(&report), [(RoundOutcome::Counted, ""); 2]);
    assert_eq!(backend.seen().len() as u64, 2 * REQUESTS, "no warm-up");
    for round in &report.rounds {
        let cluster = &round.clusters[0];
        let cost = cluster.queue_cost.unwrap();
        assert_eq!((cost.instance_millis, cost.starts), (120_000, 2));
        assert_eq!(cost.calls, QueueCalls { sqs: 40, s3_puts: 20, s3_gets: 10 });
        // 36,000 millionths an hour for 120 s, and calls.
        assert_eq!(cost.usd_nanos, Some(1_200_000 + 16_000 + 100_000 + 4_000));
        assert_eq!((cluster.slots, cluster.failures.total()), (None, 0));
        // Two looks more than the load took.
        assert!(cost.millis >= 400 && u128::from(cost.millis) > u128::from(cluster.load_micros / 1_000), "{cost:?}");
    }
    assert_eq!(report.clusters[0].queue_cost.unwrap().starts, 4);
    let note = "instances of a come and go: steal, speed, slots and use above the baseline are not known of them";
    assert!(report.environment.notes.iter().any(|one| one == note), "{:?}", report.environment.notes);
}

/// What is not at rest is waited for, by each of the things that rest is made of.
#[tokio::test(flavor = "multi_thread")]
async fn no_load_is_sent_before_the_cluster_is_at_rest() {
    let unrest: [fn(&mut Tier); 4] = [
        |tier| tier.members = 1,
        |tier| tier.scaling.starting = 1,
        |tier| {
            tier.scaling.draining.insert("i-0".into());
        },
        |tier| {
            tier.scaling.drained.insert("i-0".into());
        },
    ];
    for change in unrest {
        let (backend, requests) = counting().await;
        let (seen, restless) = (requests.clone(), Arc::new(AtomicUsize::new(0)));
        let noted = restless.clone();
        let front = front(requests, move |requests, looks| {
            let mut tier = burst(requests, looks);
            if noted.fetch_add(1, SeqCst) < 4 {
                assert_eq!(seen.load(SeqCst), 0, "load was sent before rest");
                change(&mut tier);
            }
            Some(tier)
        })
        .await;
        let report = report(&scaled(&backend, &front, 1), &quick()).await;
        assert_eq!(reasons(&report), [(RoundOutcome::Counted, "")]);
        assert!(restless.load(SeqCst) > 4, "it was looked at until it was at rest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_come_to_rest_voids_the_round_with_what_was_waited_for() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, _| Some(burst(requests, 0))).await;
    let run = scaled(&backend, &front, 6);
    let progress = Progress::new(6);
    let measured = loadgen::measure(&run, &quick(), &progress, |_| (), std::future::pending()).await.unwrap();
    assert!(measured.failed, "the third time in a row it is no use");
    let report = measured.report().unwrap();
    let why = "no rest within 1 s: a has 2 instances, and at rest it has 0";
    assert_eq!(reasons(&report), [(RoundOutcome::Voided, why); 3]);
    assert_eq!(report.rounds[0].voided_by, "a", "after its own load");
    assert_eq!(report.rounds[0].clusters[0].queue_cost.unwrap().starts, 2, "what it used is known");
    assert_eq!(backend.seen().len() as u64, REQUESTS, "the next ones did not begin");
    assert!(report.reasons[0].starts_with("3 rounds in a row were voided"), "{:?}", report.reasons);
    assert_eq!(report.validity, Validity::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_instance_voids_the_round_and_scaling_does_not() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, looks| {
        let mut tier = burst(requests, looks);
        tier.scaling.lost = u64::from(requests >= REQUESTS);
        Some(tier)
    })
    .await;
    let report = report(&scaled(&backend, &front, 1), &quick()).await;
    let lost = (RoundOutcome::Voided, "1 instance of a ended before it was drained, or was restarted");
    assert_eq!(reasons(&report), [lost, (RoundOutcome::Counted, "")], "only the round that it was lost in");
}

/// Other boots behind one name, as when an instance is stopped and started again.
#[tokio::test(flavor = "multi_thread")]
async fn another_boot_of_an_instance_of_a_scaled_cluster_voids_nothing() {
    let counted = Arc::<AtomicUsize>::default();
    let seen = counted.clone();
    let backend = Backend::start(move |number, _| {
        seen.fetch_add(1, SeqCst);
        let boot = if number < 5 { "a" } else { "b" };
        Reply::Fine { backend: "i-1", boot, after: Duration::ZERO }
    })
    .await;
    let front = front(counted, |requests, looks| Some(burst(requests, looks))).await;
    let report = report(&scaled(&backend, &front, 1), &quick()).await;
    assert_eq!(reasons(&report), [(RoundOutcome::Counted, "")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_that_was_restarted_voids_the_round() {
    let (backend, requests) = counting().await;
    // It forgets what it answered in the first round.
    let front = front(requests, |requests, looks| {
        let forgotten = if requests >= REQUESTS { REQUESTS } else { 0 };
        let mut tier = burst(requests, looks);
        tier.answered -= forgotten.min(tier.answered);
        (tier.scaling.starts, tier.scaling.instance_millis) = (0, 0);
        Some(tier)
    })
    .await;
    let report = report(&scaled(&backend, &front, 1), &quick()).await;
    let restarted = "the front knows of 0 answers of a, and 10 came: it was restarted";
    assert_eq!(reasons(&report), [(RoundOutcome::Voided, restarted), (RoundOutcome::Counted, "")]);
}

/// Also where its number of instances is fixed, which costs its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_number_behind_a_queue_costs_the_time_of_the_round() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, _| {
        let tier = Tier { answered: requests, members: 3, ..Tier::default() };
        Some(tier)
    })
    .await;
    let mut run = scaled(&backend, &front, 1);
    run.targets[0].scaled = false;
    let report = report(&run, &quick()).await;
    assert_eq!(reasons(&report), [(RoundOutcome::Counted, "")]);
    let cost = report.rounds[0].clusters[0].queue_cost.unwrap();
    assert_eq!((cost.instance_millis, cost.starts), (3 * cost.millis, 0));
    assert_eq!(cost.calls, QueueCalls { sqs: 40, s3_puts: 20, s3_gets: 10 });
    assert_eq!(cost.usd_nanos, None, "nobody told prices");
}

/// What clients gave up is still worked on: within the next round it would count. A twin is measured in the same one.
#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_number_is_sent_no_load_before_it_has_worked_off_what_was_left() {
    for (rounds, has_twin) in [(2, false), (1, true)] {
        let (backend, requests) = counting().await;
        let (left, early) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let noted = early.clone();
        let front = front(requests, move |requests, looks| {
            // Requests came since the last look.
            let is_loaded = requests > 0 && looks == 0;
            let open = if requests > 0 && looks < 3 { 2 } else { 0 };
            if left.swap(open, SeqCst) > 0 && is_loaded {
                noted.fetch_add(1, SeqCst);
            }
            Some(Tier { answered: requests, open: open as u64, members: 3, ..Tier::default() })
        })
        .await;
        let mut run = scaled(&backend, &front, rounds);
        run.targets[0].scaled = false;
        if has_twin {
            run.targets.push(Target { cluster: "a again".into(), ..run.targets[0].clone() });
        }
        let report = report(&run, &quick()).await;
        assert_eq!(reasons(&report), vec![(RoundOutcome::Counted, ""); rounds as usize]);
        assert_eq!((backend.seen().len() as u64, early.load(SeqCst)), (2 * REQUESTS, 0), "twin: {has_twin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_number_that_never_works_off_what_was_left_voids_the_rounds() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, _| {
        Some(Tier { answered: requests, open: u64::from(requests > 0), members: 3, ..Tier::default() })
    })
    .await;
    let mut run = scaled(&backend, &front, 6);
    run.targets[0].scaled = false;
    let progress = Progress::new(6);
    let measured = loadgen::measure(&run, &quick(), &progress, |_| (), std::future::pending()).await.unwrap();
    assert!(measured.failed, "the third time in a row it is no use");
    let why = "no rest within 1 s: 1 requests of a have no answer";
    let void = (RoundOutcome::Voided, why);
    assert_eq!(reasons(&measured.report().unwrap()), [(RoundOutcome::Counted, ""), void, void, void]);
    assert_eq!(backend.seen().len() as u64, REQUESTS, "nothing was sent onto it");
}

/// One of two generators, whose first place in the timetable is in so many seconds.
fn one_of_two(backend: &Backend, front: &FakeBalancer, seconds: u64) -> RunSpec {
    let mut run = scaled(backend, front, 1);
    run.targets[0].scaled = false;
    run.phases = vec![Phase::ClosedLoop(ClosedLoop { concurrency: 2, stop: Stop::DurationSeconds(1) })];
    (run.slice, run.drain_seconds) = (Slice { index: 0, count: 2 }, Some(1));
    run.start_at = Some(jiff::Timestamp::now() + Duration::from_secs(seconds));
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_generators_sends_no_load_before_the_cluster_is_at_rest() {
    let (backend, requests) = counting().await;
    let (looks, early) = (AtomicUsize::new(0), Arc::<AtomicUsize>::default());
    let noted = early.clone();
    let front = front(requests, move |requests, _| {
        // Two looks are for the members.
        let open = u64::from(looks.fetch_add(1, SeqCst) < 6);
        if open > 0 {
            noted.fetch_max(requests as usize, SeqCst);
        }
        Some(Tier { answered: requests, open, members: 3, ..Tier::default() })
    })
    .await;
    // Rest is looked for until four seconds before.
    let report = report(&one_of_two(&backend, &front, 8), &quick()).await;
    assert_eq!(reasons(&report), [(RoundOutcome::Counted, "")]);
    assert_eq!(early.load(SeqCst), 0, "load was sent before rest");
    assert!(!backend.seen().is_empty());
}

/// The next load has its moment: it is not sent onto what is left, and does not move.
#[tokio::test(flavor = "multi_thread")]
async fn several_generators_pass_a_place_over_before_which_the_cluster_is_not_at_rest() {
    let (backend, requests) = counting().await;
    let front =
        front(requests, |requests, _| Some(Tier { answered: requests, open: 1, members: 3, ..Tier::default() })).await;
    let (run, progress, voided) = (one_of_two(&backend, &front, 8), Progress::new(1), tokio::sync::Notify::new());
    let enough = async {
        voided.notified().await;
        "the first round is enough".to_owned()
    };
    let measured = loadgen::measure(&run, &quick(), &progress, |_| voided.notify_one(), enough).await.unwrap();
    let report = measured.report().unwrap();
    let why = "no rest before the next load in the timetable of the generators: 1 requests of a have no answer; give it more time (drainSeconds), or let one generator send the load, which waits for it";
    assert_eq!(reasons(&report), [(RoundOutcome::Voided, why)]);
    assert_eq!((report.rounds[0].voided_by.as_str(), backend.seen().len()), ("a", 0));
}

/// A front would answer 413 to each request with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_long_for_a_front_ends_the_run_before_its_first_request() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, _| Some(Tier { answered: requests, members: 3, ..Tier::default() })).await;
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("too-long-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let table = directory.join("expected.csv");
    std::fs::write(directory.join("face.jpg"), vec![0_u8; 5 * 1024 * 1024 + 1]).unwrap();
    std::fs::write(&table, "file,result\nface,hello\n").unwrap();
    let mut settings = quick();
    settings.files = Some(Arc::new(Files::read(&directory, &table, None, None).unwrap()));
    let mut run = scaled(&backend, &front, 2);
    (run.targets[0].scaled, run.request.method, run.warmup_requests) = (false, "POST".into(), 5);
    let progress = Progress::new(2);
    let measured = loadgen::measure(&run, &settings, &progress, |_| (), std::future::pending()).await.unwrap();
    assert!(measured.failed, "another try would find out no more");
    let report = measured.report().unwrap();
    let why = "face.jpg is sent as 5242881 bytes, and behind queues a request has at most 5242880: ";
    assert!(report.reasons[0].starts_with(why), "{:?}", report.reasons);
    assert_eq!((report.rounds.len(), backend.seen().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_of_a_scaled_cluster_is_measured_from_rest_to_rest_too() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, looks| Some(burst(requests, looks))).await;
    let mut run = scaled(&backend, &front, 2);
    run.targets.push(Target { cluster: "a again".into(), scaled: false, ..run.targets[0].clone() });
    let report = report(&run, &quick()).await;
    assert_eq!(reasons(&report), [(RoundOutcome::Counted, ""); 2]);
    let all = report.rounds.iter().flat_map(|round| &round.clusters);
    let starts: Vec<u64> = all.map(|cluster| cluster.queue_cost.unwrap().starts).collect();
    assert_eq!(starts, [2; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_over_time_is_in_the_report_and_a_balancer_has_no_queue() {
    let (backend, requests) = counting().await;
    let front = front(requests, |requests, looks| Some(burst(requests, looks))).await;
    let run = scaled(&backend, &front, 1);
    let mut settings = quick();
    settings.queue_looks = Duration::from_millis(20);
    let seen = report(&run, &settings).await;
    let queue = seen.series[0].queue.clone().unwrap();
    assert!(queue.at_millis.len() > 3, "while rest is waited for: {queue:?}");
    assert!(queue.at_millis.is_sorted(), "{queue:?}");
    assert_eq!(
        [&queue.waiting, &queue.taken, &queue.running, &queue.starting].map(Vec::len),
        [queue.at_millis.len(); 4]
    );
    assert_eq!(report(&run, &quick()).await.series[0].queue, None, "nobody looked");
}
