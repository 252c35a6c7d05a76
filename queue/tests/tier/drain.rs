//! Members that are to go: a worker that the front calls drained may be ended at once, whoever dies, restarts or is silent.
//! Fronts and pullers that say so too early do not pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use queue::front::Front;
use queue::memory::Memory;
use queue::puller::{Puller, Settings};
use queue::{AnswerMessage, RequestMessage};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc::unbounded_channel, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::board::{Bent, Board, scaled};
use crate::crashes::{DEADLY, Fickle, UNKIND, UNSTEADY};
use crate::deadly::Deadly;
use crate::stage::{IN, OUT, ask, front_settings, in_virtual_time, post, puller_settings};

const MEMBERS: usize = 6;
const REQUESTS: u64 = 120;
const SEEDS: u64 = 30;
/// A puller that died is started again after this, which is longer than the front needs to see that it is gone.
const RESTART: Duration = Duration::from_secs(3);

/// What was wrong at the end, and what happened.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Workers that were called drained and were not.
    too_early: u64,
    /// Requests that no client got an answer to, or that were sent and have no output.
    lost: u64,
    /// Requests with two different answers in the queue.
    different: u64,
    ended: u64,
    fronts: u64,
    deaths: u64,
    duplicates: u64,
}

type Alive = Option<Arc<Front<Deadly>>>;

/// Everything that lives on when a front or a worker dies.
struct World {
    seed: u64,
    memory: Arc<Memory>,
    board: Arc<Board>,
    runs: Arc<AtomicU64>,
    deaths: Arc<AtomicU64>,
}

impl World {
    /// A worker whose puller is started again after each death, and has forgotten its duty then.
    async fn worker(self: Arc<Self>, id: String, number: u64) {
        for life in 0.. {
            let (death, mut dead) = unbounded_channel();
            let cloud = Arc::new(Deadly::new(&self.memory, self.seed * 100_000 + number * 100 + life, DEADLY, death));
            let program = Fickle { cloud: Arc::clone(&cloud), runs: Arc::clone(&self.runs) };
            let visibility = Duration::from_secs(3);
            let settings = Settings { slots: 2, attempts: 50, visibility, ..puller_settings(&id) };
            let puller = Puller::new(cloud, program, settings);
            self.board.connect(&puller);
            let mut process = JoinSet::new();
            process.spawn(async move { puller.run().await });
            dead.recv().await;
            self.board.cut(&id);
            process.shutdown().await;
            self.deaths.fetch_add(1, SeqCst);
            sleep(RESTART).await;
        }
    }

    /// A front that knows nothing but its membership.
    fn front(&self, life: u64, tasks: &mut JoinSet<()>) -> Arc<Front<Deadly>> {
        let (alive, never) = unbounded_channel();
        let cloud = Arc::new(Deadly::new(&self.memory, self.seed * 77 + life, UNSTEADY, alive));
        let settings = queue::front::Settings { timeout: Duration::from_secs(3_000), ..front_settings() };
        let front = Front::with_pullers(cloud, Arc::clone(&self.board) as Arc<_>, settings);
        let own = Arc::clone(&front);
        tasks.spawn(async move {
            let _never = never;
            match own.run().await {}
        });
        front
    }
}

/// A client that asks the next front when the one that held its request died.
async fn client(mut fronts: watch::Receiver<Alive>, number: u64) -> u16 {
    sleep(Duration::from_millis(number * 400)).await;
    loop {
        let front = fronts.wait_for(Option::is_some).await.unwrap().clone();
        let Some(front) = front else { continue };
        let asked = ask(&front, post("/micro", number.to_string()));
        tokio::select! {
            told = asked => return told.status.as_u16(),
            _ = fronts.changed() => {}
        }
    }
}

/// What an operator does each half second: it lets somebody go, ends who is called drained, and replaces who was ended.
struct Operator {
    world: Arc<World>,
    random: StdRng,
    members: BTreeMap<String, AbortHandle>,
    drain: BTreeSet<String>,
    silent: BTreeMap<String, u32>,
    next: u64,
    seen: Seen,
}

impl Operator {
    fn new(world: &Arc<World>) -> Self {
        let (world, random) = (Arc::clone(world), StdRng::seed_from_u64(world.seed));
        let (members, drain, silent) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { world, random, members, drain, silent, next: 0, seen: Seen::default() }
    }

    fn fill(&mut self, workers: &mut JoinSet<()>) {
        while self.members.len() < MEMBERS {
            let id = format!("i-{}", self.next);
            let worker = Arc::clone(&self.world).worker(id.clone(), self.next);
            self.members.insert(id, workers.spawn(worker));
            self.next += 1;
        }
    }

    fn membership(&self) -> wire::Membership {
        let members: Vec<&str> = self.members.keys().map(String::as_str).collect();
        let drain: Vec<&str> = self.drain.iter().map(String::as_str).collect();
        scaled(&members, &drain)
    }

    fn look(&mut self, front: &Front<Deadly>, workers: &mut JoinSet<()>) {
        for drained in front.status().queues[0].scaling.clone().unwrap().drained {
            let Some(worker) = self.members.remove(&drained) else { continue };
            let is_so = self.world.board.truth(&drained).is_none_or(|puller| puller.drained);
            self.seen.too_early += u64::from(!is_so);
            self.seen.ended += 1;
            worker.abort();
            self.world.board.cut(&drained);
            self.drain.remove(&drained);
        }
        self.silent.retain(|id, looks| {
            *looks -= 1;
            let is_still = *looks > 0;
            self.world.board.silence(id, is_still);
            is_still
        });
        if self.drain.len() < 3 && self.random.random_ratio(1, 4) {
            let serving: Vec<_> = self.members.keys().filter(|id| !self.drain.contains(*id)).cloned().collect();
            let chosen = serving[self.random.random_range(0..serving.len())].clone();
            if self.random.random_ratio(1, 4) {
                self.silent.insert(chosen.clone(), self.random.random_range(10..40));
                self.world.board.silence(&chosen, true);
            }
            self.drain.insert(chosen);
        }
        self.fill(workers);
        front.apply(self.membership(), None).unwrap();
    }
}

async fn play(seed: u64, bent: Bent) -> Seen {
    let memory = Arc::new(Memory::unkind(seed, UNKIND));
    let (runs, deaths) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let world = Arc::new(World { seed, memory: Arc::clone(&memory), board: Board::new(bent), runs, deaths });
    let (mut workers, mut tasks, mut clients) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    let mut operator = Operator::new(&world);
    operator.fill(&mut workers);
    let (fronts, watched) = watch::channel(None);
    (0..REQUESTS).for_each(|number| drop(clients.spawn(client(watched.clone(), number))));
    let mut answered = Vec::new();
    while answered.len() < REQUESTS as usize {
        operator.seen.fronts += 1;
        let front = world.front(operator.seen.fronts, &mut tasks);
        front.apply(operator.membership(), None).unwrap();
        fronts.send_replace(Some(Arc::clone(&front)));
        // It lives for some seconds, the last one as long as it is needed.
        let looks = if operator.seen.fronts < 4 { operator.random.random_range(20..60) } else { u32::MAX };
        for _ in 0..looks {
            sleep(Duration::from_millis(500)).await;
            operator.look(&front, &mut workers);
            while let Some(told) = clients.try_join_next() {
                answered.push(told.unwrap());
            }
            if answered.len() == REQUESTS as usize {
                break;
            }
        }
        operator.seen.duplicates += front.status().queues[0].duplicates;
        fronts.send_replace(None);
        tasks.shutdown().await;
        sleep(Duration::from_secs(1)).await;
    }
    // Requests of fronts that died are answered as well.
    crate::stage::until(|| memory.messages(IN) == 0).await;
    sleep(Duration::from_secs(30)).await;
    workers.shutdown().await;

    let mut seen = operator.seen;
    seen.lost += answered.iter().filter(|status| !matches!(**status, 200 | 404)).count() as u64;
    let objects = memory.objects();
    let asked: BTreeSet<_> =
        memory.sent(IN).iter().map(|text| RequestMessage::read(text).unwrap().id.to_string()).collect();
    seen.lost += asked.iter().filter(|id| !objects.contains_key(&format!("out/micro/{id}"))).count() as u64;
    let mut answers = BTreeMap::new();
    for text in memory.sent(OUT) {
        let message = AnswerMessage::read(&text).unwrap();
        let said = (message.status, message.content.inline().unwrap());
        let first = answers.entry(message.id).or_insert_with(|| said.clone());
        seen.different += u64::from(*first != said);
    }
    Seen { deaths: world.deaths.load(SeqCst), ..seen }
}

#[test]
fn who_is_called_drained_may_be_ended_and_nothing_is_lost_or_answered_twice() {
    let mut all = Seen::default();
    for seed in 0..SEEDS {
        let seen = in_virtual_time(play(seed, Bent::Not));
        assert_eq!((seen.too_early, seen.lost, seen.different), (0, 0, 0), "seed {seed}: {seen:?}");
        all.ended += seen.ended;
        all.fronts += seen.fronts;
        all.deaths += seen.deaths;
        all.duplicates += seen.duplicates;
    }
    println!("{} requests, {all:?}", SEEDS * REQUESTS);
    // Otherwise nothing was shown.
    assert!(all.ended > SEEDS * 5 && all.fronts > SEEDS && all.deaths > SEEDS * 10, "{all:?}");
}

#[test]
fn a_word_that_comes_too_early_is_noticed() {
    for bent in [Bent::PollIsNothing, Bent::SilenceIsAWord] {
        let first = (0..SEEDS).find_map(|seed| {
            let seen = in_virtual_time(play(seed, bent));
            (seen.too_early > 0).then_some((seed, seen))
        });
        println!("{bent:?}: {first:?}");
        assert!(first.is_some(), "{bent:?} passed {SEEDS} seeds");
    }
}
