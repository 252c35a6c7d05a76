//! Queues between a front and the workers, by the real loop: made first, found again by whoever goes on, gone in the end.

use api::BalancerKind;
use cloudsim::s3::{Body, PutObject};
use cloudsim::sqs::CreateQueue;
use cloudsim::{Queues, RepeatedTags, Settings, Span};
use jiff::SignedDuration;
use planner::resources::name::{bucket, queue_stem, request_queue};

use crate::stage::agents::Freshness;
use crate::stage::chaos::Moment;
use crate::stage::play::{Play, Ways, set_kind, spec, with_queues};
use crate::stories::{calm, tell};

fn play_of(knobs: Settings) -> Play {
    let spec = with_queues(spec(&[("a", "t2.large", 1), ("b", "t3.large", 2)]));
    let pace = Freshness { boot: SignedDuration::from_secs(5), run: SignedDuration::from_secs(20), spread: None };
    Play::with(7, knobs, spec, 1, pace, Ways::default())
}

/// A deletion of a queue takes as long as it may.
fn slow() -> Settings {
    let queues = Queues { deletion: Span::seconds(60, 60), creation: Span::seconds(1, 1), ..Queues::default() };
    Settings { queues, ..calm() }
}

fn left(play: &Play) -> (usize, usize, usize, usize, usize) {
    let audit = play.sim.lock().audit();
    (audit.live, audit.groups, audit.queues, audit.buckets, audit.launched - audit.terminated)
}

fn condition(play: &Play, kind: &str) -> (String, String) {
    let conditions = play.store.status().unwrap().conditions;
    let one = conditions.into_iter().find(|condition| condition.type_ == kind).unwrap();
    (one.reason, one.message)
}

async fn to_the_end(play: &mut Play) {
    play.store.delete(play.now());
    play.until(900, Play::is_gone).await.unwrap();
    assert_eq!(left(play), (0, 0, 0, 0, 0));
}

#[test]
fn a_calm_day_leaves_nothing() {
    tell(async || {
        let mut play = play_of(slow());
        play.until(300, Play::is_ready).await.unwrap();
        let audit = play.sim.lock().audit();
        assert_eq!((audit.live, audit.queues, audit.buckets), (5, 4, 1));
        let status = play.store.status().unwrap();
        let pools: Vec<_> = status.pools.iter().map(|pool| (pool.name.as_str(), pool.ready)).collect();
        assert_eq!(pools, [("a", 1), ("b", 2), ("front", 1), ("generator", 1)]);
        assert_eq!(status.queue.as_deref(), Some("0 waiting, 0 taken, 0 answers, 3 running, 0 in, 0 out"));
        assert_eq!(status.balancer.map(|front| front.kind), Some("Queue".to_owned()));
        to_the_end(&mut play).await;
        assert!(play.sim.lock().audit().made_queues.values().all(|count| *count == 1), "each is made once");
    });
}

/// Status, finalizer, groups, rules, queues, bucket, launches, membership, run, report, and all deletions.
#[test]
fn death_at_every_effect() {
    tell(async || {
        for moment in [Moment::Before, Moment::After] {
            for nth in 0.. {
                let mut play = play_of(calm());
                play.doom(nth, moment);
                play.survive(600).await.unwrap_or_else(|broken| panic!("death {moment:?} effect {nth}: {broken}"));
                let audit = play.sim.lock().audit();
                let made = (audit.launched, audit.live, audit.queues, audit.buckets);
                assert_eq!(made, (5, 5, 4, 1), "death {moment:?} effect {nth}");
                to_the_end(&mut play).await;
                if play.crashes == 0 {
                    assert!(nth > 20, "{nth}");
                    break;
                }
            }
        }
    });
}

#[test]
fn deletion_at_every_pass() {
    tell(async || {
        let mut deepest = 0;
        for at in 0.. {
            let mut play = play_of(calm());
            for _ in 0..at {
                play.step().await.unwrap();
            }
            let is_ready = play.is_ready();
            to_the_end(&mut play).await;
            deepest = deepest.max(play.sim.lock().audit().made_queues.len());
            if is_ready {
                break;
            }
        }
        assert_eq!(deepest, 4);
    });
}

/// The names of another object are others, because they hold its uid: none has to rest.
#[test]
fn deleted_and_created_again_ten_times_no_name_has_to_rest() {
    tell(async || {
        let mut play = play_of(slow());
        let fresh = play.store.server().object.clone().unwrap();
        for round in 1..=10 {
            play.until(300, Play::is_ready).await.unwrap();
            play.store.delete(play.now());
            play.until(900, Play::is_gone).await.unwrap();
            assert_eq!(play.sim.lock().audit().made_queues.len(), 4 * round);
            let mut next = fresh.clone();
            next.metadata.uid = Some(format!("uid-{}", 100 + round));
            play.judge.wiped();
            play.store.server().create(next);
        }
        let told = play.story();
        assert!(!told.contains("QueueDeletedRecently"), "{told}");
        play.store.delete(play.now());
        play.until(900, Play::is_gone).await.unwrap();
        assert_eq!(left(&play), (0, 0, 0, 0, 0));
    });
}

/// A name rests for a minute after a wiped status alone: what exists goes, and the same names are asked for again.
#[test]
fn a_wiped_status_begins_anew_when_the_names_are_free() {
    tell(async || {
        let mut play = play_of(slow());
        play.until(300, Play::is_ready).await.unwrap();
        play.wipe_status();
        play.until(1_500, |play| play.is_ready() && play.sim.lock().audit().launched == 10).await.unwrap();
        to_the_end(&mut play).await;
    });
}

#[test]
fn another_kind_and_back_leaves_nothing_and_makes_no_worker_of_the_other() {
    tell(async || {
        let mut play = play_of(slow());
        play.until(300, Play::is_ready).await.unwrap();
        play.store.edit(|spec| set_kind(spec, BalancerKind::Custom));
        play.until(600, |play| play.is_ready() && play.sim.lock().audit().buckets == 0).await.unwrap();
        let audit = play.sim.lock().audit();
        assert_eq!((audit.live, audit.queues, audit.launched), (5, 0, 9), "the generator stays");
        // And back, at once.
        play.store.edit(|spec| set_kind(spec, BalancerKind::Queue));
        play.until(600, Play::is_ready).await.unwrap();
        let audit = play.sim.lock().audit();
        assert_eq!((audit.live, audit.queues, audit.buckets, audit.launched), (5, 4, 1, 13));
        assert_eq!(play.store.status().unwrap().placement.unwrap().queue.unwrap().number, 2);
        to_the_end(&mut play).await;
    });
}

/// Whoever it is of, it is neither used nor deleted, and the message says what to do.
#[test]
fn a_strangers_queue_or_bucket_under_our_name_is_left_alone() {
    tell(async || {
        let owner = planner::owner::Owner {
            installation: "test".into(),
            kubernetes_cluster: "k8s-uid".into(),
            benchmark_uid: "uid-1".into(),
            namespace: "default".into(),
            name: "bench".into(),
        };
        for repeated_tags in RepeatedTags::ALL {
            let knobs = Settings { queues: Queues { repeated_tags, ..Queues::default() }, ..calm() };
            let account = knobs.account.clone();
            let mut play = play_of(knobs);
            let now = play.now();
            play.sim.lock().s3(now).plant_bucket(&bucket(&owner, &account, "eu-west-1"), Default::default());
            let name = request_queue(&queue_stem(&owner), "a");
            play.sim.lock().sqs(now).plant_queue(&CreateQueue { name, ..CreateQueue::default() });
            let is_said = |play: &Play| condition(play, "Provisioned").0 == "NameTaken";
            play.until(900, |play| play.store.status().is_some_and(|s| !s.conditions.is_empty()) && is_said(play))
                .await
                .unwrap();
            assert!(condition(&play, "Provisioned").1.contains("it does not carry our tags"));
            // Nothing but the generator was launched: the others would not find what they need.
            assert_eq!(play.live(), 1);
            to_the_end(&mut play).await;
        }
    });
}

/// Somebody switched versioning on.
#[test]
fn a_bucket_with_versions_is_said_and_everything_else_goes() {
    tell(async || {
        let mut play = play_of(calm());
        play.until(300, Play::is_ready).await.unwrap();
        let name = play.store.status().unwrap().placement.unwrap().queue.unwrap().bucket;
        let now = play.now();
        {
            let mut sim = play.sim.lock();
            assert!(sim.s3(now).version_bucket_by_hand(&name));
            let put = PutObject {
                bucket: name.clone(),
                key: "in/1".into(),
                body: Body::in_memory(b"a request".to_vec(), &[]),
                claims: Vec::new(),
                only_new: false,
                expected_owner: None,
                headers: Default::default(),
            };
            sim.s3(now).put_object(put).unwrap();
        }
        play.store.delete(play.now());
        play.until(900, |play| condition(play, "Provisioned").0 == "BucketNotEmpty").await.unwrap();
        let audit = play.sim.lock().audit();
        assert_eq!((audit.live, audit.groups, audit.queues, audit.buckets), (0, 0, 0, 1));
        assert_eq!(play.store.status().unwrap().leftovers, [format!("bucket {name}")]);
    });
}
