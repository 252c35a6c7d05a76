//! Requests that nobody waits for, members that fall silent, and what a purge takes: in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use queue::front::{Front, Settings};
use queue::memory::Memory;
use queue::puller::Puller;
use tokio::task::JoinSet;
use tokio::time::sleep;
use wire::{Health, Membership, QueueStatus, ScalingStatus};

use crate::board::{Bent, Board, scaled};
use crate::puller::{answers, put};
use crate::stage::{
    IN, OUT, Scripted, ask, front_settings, in_virtual_time, membership, post, pull, puller_settings, serve, until,
};

const SECOND: Duration = Duration::from_secs(1);

/// Looks as an operator does, for so long.
async fn look_for(front: &Front<Memory>, time: Duration) -> QueueStatus {
    for _ in 0..time.as_secs() {
        drop(front.status());
        sleep(SECOND).await;
    }
    front.status().queues[0].clone()
}

/// The front that sent them is gone, and nobody works: SQS alone knows of them.
#[test]
fn what_a_front_before_left_is_known_after_two_minutes_and_until_it_is_worked_off() {
    in_virtual_time(async {
        let (memory, mut before) = (Arc::new(Memory::new()), JoinSet::new());
        let first = serve(Arc::clone(&memory), front_settings(), &mut before);
        for number in 0..3 {
            let first = Arc::clone(&first);
            before.spawn(async move { drop(ask(&first, post("/micro", number.to_string())).await) });
        }
        until(|| memory.messages(IN) == 3).await;
        assert_eq!(look_for(&first, SECOND * 5).await.unanswered(), (3, 0));
        before.shutdown().await;

        let mut tasks = JoinSet::new();
        let second = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        let young = look_for(&second, SECOND * 110).await;
        assert_eq!((young.open, young.inherited, young.unclear), (0, 0, 3), "they may be gone already");
        assert_eq!((young.all_unanswered(), young.is_empty()), (0, false));
        let old = look_for(&second, SECOND * 15).await;
        assert_eq!((old.open, old.inherited, old.unclear), (0, 3, 0));
        assert_eq!((old.unanswered(), old.is_empty()), ((3, 0), false));
        // One of its own comes. SQS's count may be of a moment with it, or of one without.
        let client = {
            let second = Arc::clone(&second);
            tokio::spawn(async move { ask(&second, post("/micro", "mine")).await.body })
        };
        let both = look_for(&second, SECOND * 5).await;
        assert_eq!((both.open, both.inherited, memory.messages(IN)), (1, 3, 4));
        pull(&memory, Scripted::answering(200, b"done", SECOND), puller_settings("i-1"), &mut tasks);
        assert_eq!(client.await.unwrap(), "done");
        until(|| memory.messages(IN) == 0).await;
        let after = look_for(&second, SECOND * 5).await;
        assert_eq!((after.open, after.inherited, after.unknown, after.is_empty()), (0, 0, 3, true));
    });
}

/// What nobody has looked into is not empty: neither before SQS has answered, nor when it does not answer any more.
#[test]
fn a_queue_whose_messages_nobody_has_counted_is_not_empty() {
    in_virtual_time(async {
        let (memory, mut tasks) = (Arc::new(Memory::new()), JoinSet::new());
        memory.hide_counts(true);
        let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        let never = look_for(&front, SECOND * 30).await;
        assert_eq!((never.all_unanswered(), never.is_uncounted, never.is_empty()), (0, true, false));
        memory.hide_counts(false);
        let counted = look_for(&front, SECOND * 5).await;
        assert_eq!((counted.is_uncounted, counted.is_empty()), (false, true));
        memory.hide_counts(true);
        assert!(look_for(&front, SECOND * 5).await.is_empty(), "one answer in vain is chance");
        assert!(!look_for(&front, SECOND * 15).await.is_empty());
        memory.hide_counts(false);
        assert!(look_for(&front, SECOND * 5).await.is_empty());
        // Nobody has asked for a while, and SQS was not asked: the first look says so.
        sleep(SECOND * 60).await;
        assert!(!front.status().queues[0].is_empty());
        assert!(look_for(&front, SECOND * 5).await.is_empty());
    });
}

#[test]
fn what_clients_gave_up_is_open_until_it_is_answered() {
    in_virtual_time(async {
        let (memory, mut tasks) = (Arc::new(Memory::new()), JoinSet::new());
        let front = serve(Arc::clone(&memory), Settings { timeout: SECOND * 10, ..front_settings() }, &mut tasks);
        assert_eq!(ask(&front, post("/micro", "")).await.status.as_u16(), 504);
        let late = look_for(&front, SECOND * 300).await;
        assert_eq!((late.accepted, late.failed, late.open, late.oldest_millis), (1, 1, 1, 0));
        assert_eq!((late.inherited, late.unanswered()), (0, (1, 0)), "it is its own");
        pull(&memory, Scripted::answering(200, b"done", SECOND), puller_settings("i-1"), &mut tasks);
        until(|| front.status().queues[0].is_empty()).await;
        assert_eq!(front.status().queues[0].outputs, 1);
    });
}

/// Calls of SQS within a minute in which an operator looks each second.
async fn calls_within_a_minute(memory: &Memory, front: &Front<Memory>) -> u64 {
    let before = memory.calls().sqs;
    for _ in 0..60 {
        drop(front.status());
        sleep(SECOND).await;
    }
    memory.calls().sqs - before
}

/// The queues of a cluster that was removed are deleted a little later. What comes to them until then is deleted.
#[test]
fn a_cluster_that_is_gone_with_its_queues_is_no_more_asked_for_until_it_is_back() {
    in_virtual_time(async {
        let (memory, mut tasks) = (Arc::new(Memory::new()), JoinSet::new());
        let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        assert!(look_for(&front, SECOND * 5).await.is_empty());
        front.apply(Membership::default(), None).unwrap();
        assert!(calls_within_a_minute(&memory, &front).await > 0, "its queues are still there");
        [IN, OUT].into_iter().for_each(|queue| memory.take_away(queue, true));
        // A long poll is on.
        sleep(SECOND * 30).await;
        assert_eq!(calls_within_a_minute(&memory, &front).await, 0);
        [IN, OUT].into_iter().for_each(|queue| memory.take_away(queue, false));
        front.apply(membership(&[]), None).unwrap();
        pull(&memory, Scripted::answering(200, b"done", SECOND), puller_settings("i-1"), &mut tasks);
        assert_eq!(ask(&front, post("/micro", "")).await.body, "done");
        assert!(look_for(&front, SECOND * 5).await.is_empty(), "its messages are counted again");
    });
}

/// One that is served may have queues that are not made yet, or are made anew.
#[test]
fn a_cluster_that_is_served_is_asked_for_whether_or_not_its_queues_are_there() {
    in_virtual_time(async {
        let (memory, mut tasks) = (Arc::new(Memory::new()), JoinSet::new());
        [IN, OUT].into_iter().for_each(|queue| memory.take_away(queue, true));
        let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        assert!(!look_for(&front, SECOND * 60).await.is_empty());
        [IN, OUT].into_iter().for_each(|queue| memory.take_away(queue, false));
        pull(&memory, Scripted::answering(200, b"done", SECOND), puller_settings("i-1"), &mut tasks);
        assert_eq!(ask(&front, post("/micro", "")).await.body, "done");
    });
}

/// A front and whoever it reaches.
struct Stage {
    memory: Arc<Memory>,
    board: Arc<Board>,
    front: Arc<Front<Memory>>,
    tasks: JoinSet<()>,
}

impl Stage {
    fn new() -> Self {
        let (memory, board, mut tasks) = (Arc::new(Memory::new()), Board::new(Bent::Not), JoinSet::new());
        let front = Front::with_pullers(Arc::clone(&memory), Arc::clone(&board) as Arc<_>, front_settings());
        let own = Arc::clone(&front);
        tasks.spawn(async move { match own.run().await {} });
        Self { memory, board, front, tasks }
    }

    fn worker(&mut self, id: &str, program: Scripted) -> Arc<Puller<Memory, Scripted>> {
        let puller = pull(&self.memory, program, puller_settings(id), &mut self.tasks);
        self.board.connect(&puller);
        puller
    }

    fn scaling(&self) -> ScalingStatus {
        self.front.status().queues[0].scaling.clone().unwrap()
    }

    fn silent(&self) -> Option<u64> {
        self.scaling().silent.get("i-1").copied()
    }
}

#[test]
fn a_member_that_is_to_finish_and_whose_puller_is_dead_is_silent_for_longer_and_longer() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        // No answer of its comes within the time that a program has.
        let puller = stage.worker("i-1", Scripted::answering(200, b"done", SECOND * 600));
        stage.front.apply(scaled(&["i-1"], &[]), None).unwrap();
        put(&stage.memory, 1).await;
        until(|| puller.status().in_flight == 1).await;
        stage.front.apply(scaled(&["i-1"], &["i-1"]), None).unwrap();
        until(|| puller.status().duty == queue::Duty::Drain).await;
        assert_eq!(stage.silent(), None, "it answers");
        stage.board.cut("i-1");
        sleep(SECOND * 3).await;
        let first = stage.silent().unwrap();
        sleep(SECOND * 100).await;
        assert!((102_000..104_000).contains(&stage.silent().unwrap()), "{first} {:?}", stage.silent());
        assert!(stage.scaling().draining.contains("i-1") && stage.scaling().drained.is_empty());
    });
}

/// Nobody has told it to finish: the operator has to know that it is dead.
#[test]
fn a_member_that_serves_and_whose_puller_is_dead_is_silent_for_longer_and_longer() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        stage.worker("i-1", Scripted::answering(200, b"done", SECOND));
        stage.worker("i-2", Scripted::answering(200, b"done", SECOND));
        stage.front.apply(scaled(&["i-1", "i-2"], &[]), None).unwrap();
        let well = |stage: &Stage, member: usize| stage.front.status().clusters[0].members[member].health;
        until(|| well(&stage, 0) == Health::Healthy && well(&stage, 1) == Health::Healthy).await;
        assert_eq!(stage.scaling().silent, BTreeMap::new(), "they answer");
        stage.board.cut("i-1");
        sleep(SECOND * 100).await;
        assert!((99_000..102_000).contains(&stage.silent().unwrap()), "{:?}", stage.silent());
        assert_eq!((stage.scaling().silent.len(), stage.scaling().draining.len()), (1, 0));
    });
}

/// The front does not reach it, but its answers come: it works.
#[test]
fn who_is_not_reached_and_answers_is_not_silent_since_before_its_last_answer() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        let puller = stage.worker("i-1", Scripted::answering(200, b"done", SECOND * 20));
        stage.front.apply(scaled(&["i-1"], &[]), None).unwrap();
        until(|| stage.front.status().clusters[0].members[0].health == Health::Healthy).await;
        stage.board.silence("i-1", true);
        stage.front.apply(scaled(&["i-1"], &["i-1"]), None).unwrap();
        for id in 1..=5 {
            put(&stage.memory, id).await;
        }
        // It was not told, and goes on.
        for answered in 1..=5 {
            until(|| answers(&stage.memory).len() == answered).await;
            sleep(SECOND).await;
            assert!(stage.silent().is_some_and(|millis| millis < 3_000), "{:?}", stage.silent());
        }
        sleep(SECOND * 30).await;
        assert!(stage.silent().is_some_and(|millis| millis > 29_000));
        assert_eq!(puller.status().duty, queue::Duty::Serve);
    });
}

#[test]
fn who_has_nothing_to_do_is_drained_also_when_its_program_is_not_well() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        let program = Scripted::answering(200, b"done", SECOND);
        let health = program.health_switch();
        stage.worker("i-1", program);
        stage.front.apply(scaled(&["i-1"], &[]), None).unwrap();
        until(|| stage.front.status().clusters[0].members[0].health == Health::Healthy).await;
        *health.lock().unwrap() = Err(queue::Sick::Refused);
        until(|| stage.front.status().clusters[0].members[0].health == Health::Unhealthy).await;
        stage.front.apply(scaled(&["i-1"], &["i-1"]), None).unwrap();
        until(|| stage.scaling().drained.contains("i-1")).await;
    });
}

#[test]
fn instances_that_cannot_be_had_are_said_and_each_time_is_counted() {
    in_virtual_time(async {
        let stage = Stage::new();
        for (lacking, lacks) in [(0, 0), (2, 1), (3, 1), (0, 1), (1, 2)] {
            let mut membership = scaled(&[], &[]);
            membership.clusters[0].scaling.as_mut().unwrap().lacking = lacking;
            stage.front.apply(membership, None).unwrap();
            assert_eq!((stage.scaling().lacking, stage.scaling().lacks), (lacking, lacks));
        }
    });
}

/// Two rounds of requests; between them the queue, which is empty, is purged or not. Requests without an answer.
async fn two_rounds(seed: u64, purges: bool) -> usize {
    let (memory, mut tasks) = (Arc::new(Memory::unkind(seed, crate::crashes::UNKIND)), JoinSet::new());
    let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
    for number in 0..4 {
        let program = Scripted::answering(200, b"done", SECOND);
        pull(&memory, program, puller_settings(&format!("i-{number}")), &mut tasks);
    }
    let mut lost = 0;
    for round in 0..2 {
        if purges && round == 1 {
            memory.purge(IN, SECOND * 60);
        }
        let mut clients = JoinSet::new();
        for number in 0..20 {
            let front = Arc::clone(&front);
            clients.spawn(async move { ask(&front, post("/micro", number.to_string())).await.status.as_u16() });
        }
        lost += clients.join_all().await.into_iter().filter(|status| *status != 200).count();
    }
    lost
}

/// A purge takes what is sent after it, so that nothing of ours purges, also where the queue should be empty.
#[test]
fn a_purge_between_rounds_is_noticed() {
    let lost = |purges| (0..10).map(|seed| in_virtual_time(two_rounds(seed, purges))).collect::<Vec<_>>();
    assert_eq!(lost(false), [0; 10]);
    let caught = lost(true).iter().position(|lost| *lost > 0);
    println!("purge: caught at seed {caught:?}");
    assert!(caught.is_some());
}
