//! Pullers that die at every step, queues that deliver twice, late and early, calls that fail or lose their answer: every
//! request is answered once, by what its object holds. Other orders of the effects do not pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use queue::memory::{Memory, Unkind};
use queue::puller::{Effect, ORDER, Puller, Settings};
use queue::{AnswerMessage, Call, Outcome, Program, Sick};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::deadly::{Chances, Deadly};
use crate::stage::{OUT, answer, ask, front_settings, in_virtual_time, post, puller_settings, serve};

const PULLERS: u64 = 8;
const REQUESTS: u64 = 60;
const SEEDS: u64 = 30;
pub(crate) const UNKIND: Unkind = Unkind { duplicates: 200, early: 50, undeleted: 50 };
/// A worker's: about one step in twenty is its last one.
pub(crate) const DEADLY: Chances = Chances { death: 50, failure: 30, lost_answer: 30 };
/// The front's: its clients would die with it.
pub(crate) const UNSTEADY: Chances = Chances { death: 0, failure: 30, lost_answer: 30 };

/// A program of which no two runs answer the same.
pub(crate) struct Fickle {
    pub(crate) cloud: Arc<Deadly>,
    pub(crate) runs: Arc<AtomicU64>,
}

impl Program for Fickle {
    async fn run(&self, call: Call) -> Outcome {
        let run = self.runs.fetch_add(1, SeqCst);
        sleep(Duration::from_millis(200 + run * 37 % 1_500)).await;
        if self.cloud.roll(30) {
            self.cloud.die().await;
        }
        match run % 10 {
            // Not UTF-8, and longer than what a message takes.
            0 => Outcome::Answer(answer(200, &[&run.to_be_bytes()[..], &[0xfe; 70_000]].concat())),
            1 => Outcome::Answer(answer(404, format!("{} {run}", call.id).as_bytes())),
            2 => Outcome::Answer(answer(500, b"broken")),
            3 => Outcome::Failed(Sick::Broken("reset".into())),
            _ => Outcome::Answer(answer(200, format!("{} {run}", call.id).as_bytes())),
        }
    }

    async fn health(&self) -> Result<Option<String>, Sick> {
        Ok(None)
    }
}

/// What was wrong at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wrong {
    /// Requests without an answer.
    lost: u64,
    /// Requests with two different answers in the queue.
    different: u64,
    /// Answers that are not what the object holds.
    unlike: u64,
    deaths: u64,
    duplicates: u64,
}

/// A worker that is started again a second after each death.
async fn worker(memory: Arc<Memory>, seed: u64, settings: Settings, runs: Arc<AtomicU64>, deaths: Arc<AtomicU64>) {
    for life in 0.. {
        let (death, mut dead) = unbounded_channel();
        let cloud = Arc::new(Deadly::new(&memory, seed * 1_000 + life, DEADLY, death));
        let program = Fickle { cloud: Arc::clone(&cloud), runs: Arc::clone(&runs) };
        let puller = Puller::new(cloud, program, settings.clone());
        let mut process = JoinSet::new();
        process.spawn(async move { puller.run().await });
        dead.recv().await;
        process.shutdown().await;
        deaths.fetch_add(1, SeqCst);
        sleep(Duration::from_secs(1)).await;
    }
}

async fn play(seed: u64, order: [Effect; 3]) -> Wrong {
    let memory = Arc::new(Memory::unkind(seed, UNKIND));
    let (runs, deaths) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    let (alive, _never) = unbounded_channel();
    let cloud = Arc::new(Deadly::new(&memory, seed, UNSTEADY, alive));
    let timeout = Duration::from_secs(3_000);
    let front = serve(cloud, queue::front::Settings { timeout, ..front_settings() }, &mut tasks);
    for number in 0..PULLERS {
        let visibility = Duration::from_secs(3);
        let settings = puller_settings(&format!("i-{number}"));
        let settings = Settings { slots: 2, attempts: 50, visibility, order, ..settings };
        let (runs, deaths) = (Arc::clone(&runs), Arc::clone(&deaths));
        tasks.spawn(worker(Arc::clone(&memory), seed * 100 + number, settings, runs, deaths));
    }
    let mut clients = JoinSet::new();
    for number in 0..REQUESTS {
        let front = Arc::clone(&front);
        clients.spawn(async move {
            sleep(Duration::from_millis(number * 50)).await;
            ask(&front, post("/micro", number.to_string())).await
        });
    }
    let told = clients.join_all().await;
    // Answers that are still on their way may be different ones, too.
    sleep(Duration::from_secs(60)).await;
    tasks.shutdown().await;

    let (objects, mut wrong) = (memory.objects(), Wrong::default());
    for told in &told {
        let object = objects.get(&format!("out/micro/{}", told.header("x-request-id")));
        wrong.lost += u64::from(!matches!(told.status.as_u16(), 200 | 404));
        let is_like = object.is_some_and(|object| {
            object.body == told.body && object.metadata.get("status").map(String::as_str) == Some(told.status.as_str())
        });
        wrong.unlike += u64::from(!is_like && told.status.as_u16() < 500);
    }
    let mut answers: BTreeMap<String, (u16, Option<Bytes>)> = BTreeMap::new();
    for text in memory.sent(OUT) {
        let message = AnswerMessage::read(&text).unwrap();
        let said = (message.status, message.content.inline().unwrap());
        let first = answers.entry(message.id.to_string()).or_insert_with(|| said.clone());
        wrong.different += u64::from(*first != said);
    }
    let status = &front.status().queues[0];
    assert_eq!(status.accepted, status.answered + status.failed, "seed {seed}: {status:?}");
    Wrong { deaths: deaths.load(SeqCst), duplicates: status.duplicates, ..wrong }
}

#[test]
fn nothing_is_lost_and_no_answer_is_different_whoever_dies_when() {
    let mut all = Wrong::default();
    for seed in 0..SEEDS {
        let wrong = in_virtual_time(play(seed, ORDER));
        assert_eq!((wrong.lost, wrong.different, wrong.unlike), (0, 0, 0), "seed {seed}: {wrong:?}");
        all.deaths += wrong.deaths;
        all.duplicates += wrong.duplicates;
    }
    println!("{} requests, {} deaths, {} duplicates dropped", SEEDS * REQUESTS, all.deaths, all.duplicates);
    // Otherwise nothing was shown.
    assert!(all.deaths > SEEDS * 10 && all.duplicates > SEEDS, "{all:?}");
}

#[test]
fn another_order_of_the_effects_is_noticed() {
    use Effect::{Forget, Store, Tell};
    let is_lost: fn(&Wrong) -> bool = |wrong| wrong.lost > 0;
    let is_different: fn(&Wrong) -> bool = |wrong| wrong.different + wrong.unlike > 0;
    let mutants = [
        ([Store, Forget, Tell], is_lost),
        ([Forget, Store, Tell], is_lost),
        ([Tell, Store, Forget], is_different),
        ([Tell, Forget, Store], is_different),
    ];
    for (order, is_caught) in mutants {
        let first = (0..SEEDS).find_map(|seed| {
            let wrong = in_virtual_time(play(seed, order));
            is_caught(&wrong).then_some((seed, wrong))
        });
        println!("{order:?}: {first:?}");
        assert!(first.is_some(), "{order:?} passed {SEEDS} seeds");
    }
}
