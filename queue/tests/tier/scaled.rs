//! A front and the pullers of a scaled cluster: duties, words, boots and calls, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use queue::front::Front;
use queue::memory::Memory;
use queue::puller::Puller;
use queue::{Duty, Queues, Receive, Tally};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use wire::{Health, QueueCalls, ScalingStatus};

use crate::board::{Bent, Board, scaled};
use crate::puller::{answers, put};
use crate::stage::{IN, Scripted, ask, front_settings, in_virtual_time, post, pull, puller_settings, until};

const SECOND: Duration = Duration::from_secs(1);

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

    /// A puller whose program takes so long.
    fn worker(&mut self, id: &str, work: Duration) -> Arc<Puller<Memory, Scripted>> {
        let program = Scripted::answering(200, b"done", work);
        let puller = pull(&self.memory, program, puller_settings(id), &mut self.tasks);
        self.board.connect(&puller);
        puller
    }

    fn tell(&self, members: &[&str], drain: &[&str]) {
        self.front.apply(scaled(members, drain), None).unwrap();
    }

    fn scaling(&self) -> ScalingStatus {
        self.front.status().queues[0].scaling.clone().unwrap()
    }

    fn is_drained(&self, id: &str) -> bool {
        self.scaling().drained.contains(id)
    }

    fn health(&self, number: usize) -> Health {
        self.front.status().clusters[0].members[number].health
    }
}

#[test]
fn a_drained_puller_takes_nothing_for_minutes_though_messages_wait_and_serves_again() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        let puller = stage.worker("i-1", SECOND);
        stage.tell(&["i-1"], &[]);
        put(&stage.memory, 1).await;
        until(|| answers(&stage.memory).len() == 1).await;
        until(|| stage.front.status().queues[0].running == 1).await;
        stage.tell(&["i-1"], &["i-1"]);
        assert!(stage.scaling().draining.contains("i-1") && stage.front.status().queues[0].running == 0);
        until(|| stage.is_drained("i-1")).await;
        for id in 2..6 {
            put(&stage.memory, id).await;
        }
        for _ in 0..300 {
            sleep(SECOND).await;
            assert!(stage.is_drained("i-1") && puller.status().received == 1);
        }
        assert_eq!(stage.health(0), Health::Healthy);
        stage.tell(&["i-1"], &[]);
        assert!(!stage.is_drained("i-1"));
        until(|| answers(&stage.memory).len() == 5).await;
        assert_eq!((puller.status().duty, stage.scaling().lost), (Duty::Serve, 0));
    });
}

#[test]
fn what_a_poll_that_is_on_brings_is_answered_before_the_word() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        let puller = stage.worker("i-1", SECOND * 10);
        stage.tell(&["i-1"], &[]);
        sleep(SECOND * 2).await;
        stage.tell(&["i-1"], &["i-1"]);
        until(|| puller.status().duty == Duty::Drain).await;
        let told = Instant::now();
        assert!(!puller.status().drained, "the poll is not broken off");
        put(&stage.memory, 1).await;
        put(&stage.memory, 2).await;
        until(|| puller.status().in_flight == 1).await;
        while !stage.is_drained("i-1") {
            assert_eq!(stage.scaling().draining.len(), 1);
            sleep(SECOND / 10).await;
        }
        assert_eq!(answers(&stage.memory).len(), 1);
        assert!((9..13).contains(&told.elapsed().as_secs()), "{:?}", told.elapsed());
        assert_eq!((puller.status().received, stage.memory.messages(IN)), (1, 1), "the second is for somebody else");
    });
}

#[test]
fn a_puller_that_restarted_is_told_again_and_not_called_drained_meanwhile() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        let first = stage.worker("i-1", SECOND * 30);
        stage.tell(&["i-1"], &["i-1"]);
        until(|| stage.is_drained("i-1")).await;
        let before = stage.board.orders().len();
        // The process dies and is started again; it takes a message at once.
        stage.board.cut("i-1");
        first.drain();
        until(|| stage.health(0) == Health::Unhealthy).await;
        assert!(!stage.is_drained("i-1"), "nobody is there");
        put(&stage.memory, 1).await;
        let second = stage.worker("i-1", SECOND * 30);
        until(|| second.status().duty == Duty::Drain).await;
        assert!(stage.board.orders().len() > before);
        while !second.status().drained {
            assert!(!stage.is_drained("i-1"));
            sleep(SECOND / 10).await;
        }
        assert_eq!((answers(&stage.memory).len(), second.status().received), (1, 1));
        until(|| stage.is_drained("i-1")).await;
        assert_eq!(stage.scaling().lost, 1, "its puller was another one");
    });
}

#[test]
fn a_silent_member_is_not_drained_and_is_when_it_speaks_again() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        stage.worker("i-1", SECOND);
        stage.tell(&["i-1"], &["i-1"]);
        until(|| stage.is_drained("i-1")).await;
        stage.board.silence("i-1", true);
        sleep(SECOND * 6).await;
        for _ in 0..120 {
            assert!(!stage.is_drained("i-1") && stage.health(0) == Health::Unhealthy);
            sleep(SECOND).await;
        }
        stage.board.silence("i-1", false);
        until(|| stage.is_drained("i-1")).await;
        stage.tell(&[], &[]);
        assert_eq!((stage.scaling().lost, stage.scaling().starts), (0, 1));
    });
}

#[test]
fn who_is_no_member_any_more_is_told_to_drain_and_whoever_comes_back_serves() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        let (first, second) = (stage.worker("i-1", SECOND * 20), stage.worker("i-2", SECOND));
        stage.tell(&["i-1", "i-2"], &[]);
        put(&stage.memory, 1).await;
        until(|| first.status().in_flight + second.status().in_flight == 1).await;
        stage.tell(&["i-2"], &[]);
        // It came and went before anybody looked.
        let third = stage.worker("i-3", SECOND);
        stage.tell(&["i-2", "i-3"], &[]);
        stage.tell(&["i-2"], &[]);
        until(|| first.status().drained && third.status().drained).await;
        assert_eq!((second.status().duty, answers(&stage.memory).len()), (Duty::Serve, 1));
        assert_eq!((stage.scaling().starts, stage.scaling().lost), (3, 2), "neither was drained when it left");
        sleep(SECOND * 5).await;
        let orders = stage.board.orders().len();
        sleep(SECOND * 60).await;
        assert_eq!(stage.board.orders().len(), orders, "nobody asks who is drained and gone");
        stage.tell(&["i-1", "i-2"], &[]);
        until(|| first.status().duty == Duty::Serve).await;
        assert_eq!(stage.scaling().starts, 3, "the boot goes on");
    });
}

#[test]
fn who_comes_back_while_it_is_told_to_drain_serves_and_is_told_one_thing() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        let worker = stage.worker("i-1", SECOND * 100);
        stage.tell(&["i-1"], &[]);
        put(&stage.memory, 1).await;
        until(|| worker.status().in_flight == 1).await;
        stage.tell(&[], &[]);
        until(|| worker.status().duty == Duty::Drain).await;
        stage.tell(&["i-1"], &[]);
        until(|| worker.status().duty == Duty::Serve).await;
        let orders = stage.board.orders().len();
        sleep(SECOND * 30).await;
        assert_eq!((stage.board.orders().len(), worker.status().duty), (orders, Duty::Serve));
    });
}

#[test]
fn boots_are_counted_and_timed_with_the_first_membership_that_names_them() {
    in_virtual_time(async {
        let stage = Stage::new();
        stage.tell(&["i-1", "i-2"], &[]);
        let millis = stage.scaling().instance_millis;
        assert!(
            (180_000..2_000_000).contains(&millis),
            "two of a minute and a half, and what the tests took: {millis}"
        );
        sleep(SECOND * 100).await;
        assert_eq!(stage.scaling().instance_millis, millis + 200_000);
        stage.tell(&["i-2"], &[]);
        sleep(SECOND * 10).await;
        assert_eq!(stage.scaling().instance_millis, millis + 210_000);
        assert_eq!((stage.scaling().starts, stage.scaling().lost), (2, 1));
        // Another start of the same instance, which is in the future by this clock.
        let mut again = scaled(&["i-2"], &[]);
        for since in again.clusters[0].scaling.iter_mut().flat_map(|scaling| scaling.since.values_mut()) {
            *since += 1_000_000;
        }
        stage.front.apply(again, None).unwrap();
        assert_eq!(stage.scaling().instance_millis, millis + 210_000 + 60_000);
        assert_eq!((stage.scaling().starts, stage.scaling().lost), (3, 2));
    });
}

#[test]
fn a_cluster_that_does_not_scale_says_nothing_of_it() {
    in_virtual_time(async {
        let stage = Stage::new();
        let mut membership = scaled(&["i-1"], &[]);
        membership.clusters[0].scaling = None;
        stage.front.apply(membership, None).unwrap();
        assert_eq!(stage.front.status().queues[0].scaling, None);
    });
}

#[test]
fn calls_of_front_and_pullers_are_as_many_as_the_queues_and_objects_saw() {
    in_virtual_time(async {
        let mut stage = Stage::new();
        stage.worker("i-1", SECOND);
        let second = stage.worker("i-2", SECOND * 8);
        stage.tell(&["i-1", "i-2"], &[]);
        let mut clients = JoinSet::new();
        for number in 0..20 {
            let (front, body) = (Arc::clone(&stage.front), vec![number; 70_000]);
            clients.spawn(async move { ask(&front, post("/micro", body)).await.status.as_u16() });
        }
        assert!(clients.join_all().await.into_iter().all(|status| status == 200));
        // One process is drained and dies, another one begins at nothing.
        stage.tell(&["i-1", "i-2"], &["i-2"]);
        until(|| stage.is_drained("i-2")).await;
        second.drain();
        stage.worker("i-2", SECOND);
        stage.tell(&["i-1", "i-2"], &["i-1", "i-2"]);
        sleep(SECOND * 10).await;
        until(|| stage.scaling().drained.len() == 2).await;
        let (told, seen) = (stage.front.status().queues[0].calls, stage.memory.calls());
        assert_eq!(told, seen);
        assert!(seen.s3_puts == 40 && seen.s3_gets == 20 && seen.sqs > 60, "{seen:?}");
    });
}

#[test]
fn calls_of_one_cluster_are_not_those_of_another() {
    in_virtual_time(async {
        let stage = Stage::new();
        let mut both = scaled(&[], &[]);
        let other = wire::Cluster { name: "large".into(), path: "/large".into(), ..both.clusters[0].clone() };
        both.clusters.push(other);
        stage.front.apply(both, None).unwrap();
        let front = Arc::clone(&stage.front);
        let client = tokio::spawn(async move { ask(&front, post("/large", "")).await });
        sleep(SECOND).await;
        let calls = |number: usize| stage.front.status().queues[number].calls;
        assert_eq!((calls(0).s3_puts, calls(1).s3_puts), (0, 1));
        // One long poll each, and one message.
        let idle = QueueCalls { s3_puts: 1, sqs: calls(0).sqs + 1, s3_gets: 0 };
        assert_eq!(calls(1), idle);
        client.abort();
        let receive = Receive { most: 1, visibility: SECOND, wait: Duration::ZERO };
        assert_eq!(stage.memory.receive(&Tally::default(), "s-large-in", receive).await.unwrap().len(), 1);
    });
}
