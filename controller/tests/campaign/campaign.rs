//! Plays seeds, on as many threads as there are cores, and tells what came of them.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crate::failures::{Origin, report};
use crate::generate::{self, Plan};
use crate::life::{self, Telling, Told};
use crate::script::Script;
use crate::stage::chaos::Moment;
use crate::stage::judge::Broken;
use crate::stage::play::Ways;

/// Seeds of every run of the tests: these, the same each time, and in continuous integration as many others. Thousands more are
/// the soak's.
const SEEDS: u64 = 500;
/// The same of benchmarks that scale, each of which takes as long as many others.
const SCALED: u64 = 50;
/// Below so many seeds it may be chance that nothing is launched.
const FEW: u64 = 100;
/// One in so many seeds of the whole campaign is also played with a crash at each of its effects.
const SYSTEMATIC: u64 = 100;

/// What `--plan` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Campaign {
    Only(Plan),
    All,
}

/// A script that breaks a rule.
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) script: Script,
    pub(crate) broken: Broken,
}

/// What all plays together were like.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) plays: u64,
    pub(crate) passes: u64,
    pub(crate) crashes: u64,
    pub(crate) freezes: u64,
    pub(crate) launched: u64,
    pub(crate) to_ready: usize,
    pub(crate) to_gone: usize,
    pub(crate) faults: BTreeMap<String, u64>,
    /// Time of the threads that played.
    cpu_seconds: f64,
}

impl Sum {
    fn add(&mut self, told: &Told) {
        self.plays += 1;
        self.passes += told.passes as u64;
        self.crashes += told.crashes as u64;
        self.freezes += told.freezes as u64;
        self.launched += told.launched as u64;
        self.to_ready = self.to_ready.max(told.to_ready);
        self.to_gone = self.to_gone.max(told.to_gone);
        for fault in &told.faults {
            *self.faults.entry(fault.clone()).or_default() += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.plays += other.plays;
        self.passes += other.passes;
        self.crashes += other.crashes;
        self.freezes += other.freezes;
        self.launched += other.launched;
        self.to_ready = self.to_ready.max(other.to_ready);
        self.to_gone = self.to_gone.max(other.to_gone);
        self.cpu_seconds += other.cpu_seconds;
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
    }
}

/// A runtime for plays: time stands still in it but for what plays do.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The plan of a seed within a campaign.
pub(crate) fn plan_of(campaign: Campaign, seed: u64) -> Plan {
    match campaign {
        Campaign::Only(plan) => plan,
        Campaign::All => [Plan::Everything, Plan::Lag, Plan::TwoOperators, Plan::Everything][(seed % 4) as usize],
    }
}

/// All plays of one seed.
pub(crate) async fn seed(campaign: Campaign, seed: u64, ways: Ways, sum: &mut Sum) -> Result<(), Failure> {
    // Deaths begin with the life without one.
    if plan_of(campaign, seed) != Plan::Crash {
        once(campaign, seed, ways, sum).await?;
    }
    deaths(campaign, seed, ways, sum).await
}

/// The life of a seed.
pub(crate) async fn once(campaign: Campaign, seed: u64, ways: Ways, sum: &mut Sum) -> Result<(), Failure> {
    one(seed, generate::script(plan_of(campaign, seed), seed), ways, sum).await.map(drop)
}

/// The crashes of a seed, if its campaign has them: as many plays as two hundred lives.
pub(crate) async fn deaths(campaign: Campaign, seed: u64, ways: Ways, sum: &mut Sum) -> Result<(), Failure> {
    let is_played = match campaign {
        Campaign::All => seed.is_multiple_of(SYSTEMATIC),
        Campaign::Only(plan) => plan == Plan::Crash,
    };
    if is_played { crashes(seed, generate::script(Plan::Crash, seed), ways, sum).await } else { Ok(()) }
}

async fn one(seed: u64, script: Script, ways: Ways, sum: &mut Sum) -> Result<Told, Failure> {
    match life::live(&script, ways, Telling::No).await.result {
        Ok(told) => {
            sum.add(&told);
            Ok(told)
        }
        Err(broken) => Err(Failure { seed, script, broken }),
    }
}

/// The life of a seed, then once more for each effect of it and each moment at which a process can die there.
async fn crashes(seed: u64, script: Script, ways: Ways, sum: &mut Sum) -> Result<(), Failure> {
    let told = one(seed, script.clone(), ways, sum).await?;
    for effect in 0..told.effects {
        let late = (seed + u64::from(effect)) * 37 % 180;
        for moment in [Moment::Before, Moment::After, Moment::During(late)] {
            one(seed, Script { doom: Some((effect, moment)), ..script.clone() }, ways, sum).await?;
        }
    }
    Ok(())
}

/// Plays seeds on all cores until one fails. The failure is the lowest one among those that were begun.
fn play(campaign: Campaign, seeds: Range<u64>, ways: Ways, threads: usize) -> (Sum, Option<Failure>) {
    let next = AtomicU64::new(seeds.start);
    let end = AtomicU64::new(seeds.end);
    let all: Mutex<(Sum, Option<Failure>)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let runtime = runtime();
                let mut sum = Sum::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end.load(Ordering::Relaxed) {
                        break;
                    }
                    if let Err(failure) = runtime.block_on(self::seed(campaign, seed, ways, &mut sum)) {
                        end.fetch_min(failure.seed, Ordering::Relaxed);
                        let failed = &mut all.lock().unwrap().1;
                        if failed.as_ref().is_none_or(|known| known.seed > failure.seed) {
                            *failed = Some(failure);
                        }
                    }
                }
                sum.cpu_seconds = cpu_seconds();
                all.lock().unwrap().0.merge(sum);
            });
        }
    });
    all.into_inner().unwrap()
}

/// Works on items, one on each core at a time; what came of them is in their order.
pub(crate) fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { break };
                    let came = work(item);
                    done.lock().unwrap().insert(number, came);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// Written past the test harness, which shows what tests print only when they fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// CPU time of this thread so far, in seconds: other tests run beside.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let after = text.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that we support.
    ticks as f64 / 100.0
}

#[test]
fn seeds() {
    let plan = std::env::var("CAMPAIGN_PLAN").unwrap_or_else(|_| "all".to_owned());
    if let Ok(text) = std::env::var("CAMPAIGN_SEEDS") {
        let (from, to) = text.split_once("..").expect("CAMPAIGN_SEEDS=A..B");
        return hold(&plan, from.parse().unwrap()..to.parse().unwrap());
    }
    hold(&plan, 0..SEEDS);
    // Bursts, silences and fronts that begin anew: of the mutants that are looked for there, the right operator is no one.
    hold("scaled", 0..SCALED);
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        // Others for each state of the sources: what is found here is kept as a file.
        let first = fresh();
        hold(&plan, first..first + SEEDS);
    }
}

/// From the hash of all committed files, so that who plays a commit again plays the same seeds; from the clock where
/// there is no git.
fn fresh() -> u64 {
    let tree = std::process::Command::new("git").args(["rev-parse", "--verify", "HEAD^{tree}"]).output();
    let hash = tree.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let digits = hash.as_deref().and_then(|hash| u64::from_str_radix(hash.get(..10)?, 16).ok());
    digits.unwrap_or_else(|| u64::try_from(jiff::Timestamp::now().as_second()).unwrap()) * 10_000
}

/// Plays seeds and says what came of them; panics with the story of the first one that breaks a rule.
fn hold(plan_name: &str, range: Range<u64>) {
    let campaign = match plan_name {
        "all" => Campaign::All,
        "crash" => Campaign::Only(Plan::Crash),
        "lag" => Campaign::Only(Plan::Lag),
        "two-operators" => Campaign::Only(Plan::TwoOperators),
        "scaled" => Campaign::Only(Plan::Scaled),
        "everything" => Campaign::Only(Plan::Everything),
        other => panic!("CAMPAIGN_PLAN={other}: crash, lag, two-operators, scaled or all"),
    };
    let (first, count) = (range.start, range.end - range.start);
    let started = Instant::now();
    let (sum, failure) = play(campaign, range, Ways::default(), cores());
    let (took, cpu) = (started.elapsed().as_secs_f64(), sum.cpu_seconds);
    say(&format!(
        "campaign of {plan_name}, seeds {first}..{}: {} plays, {} passes, {} launched, {} crashes, {} freezes in {took:.1} s; {:.0} seeds/s/core, {:.0} plays/s/core, {:.1} us/pass; worst: {} passes to ready, {} to gone",
        first + count,
        sum.plays,
        sum.passes,
        sum.launched,
        sum.crashes,
        sum.freezes,
        count as f64 / cpu,
        sum.plays as f64 / cpu,
        cpu * 1e6 / sum.passes as f64,
        sum.to_ready,
        sum.to_gone
    ));
    say(&format!("campaign: faults met: {:?}", sum.faults));
    if let Some(failure) = failure {
        panic!("{}", report(&failure, &Origin::seed(failure.seed, plan_name)));
    }
    // Rules hold easily where nothing is ever made.
    assert!(count < FEW || sum.launched > count, "{} launched in {count} lives: what holds them back?", sum.launched);
}
