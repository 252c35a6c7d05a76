//! Plays a script to its end: its steps, then a good day, convergence, deletion, and an hour in which nothing may
//! appear.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloudsim::Settings;
use cloudsim::elb::LoadBalancerKind;
use cloudsim::sqs::CreateQueue;
use futures::FutureExt;
use jiff::SignedDuration;
use planner::desired::{BALANCER, FRONT, GENERATOR};
use planner::ports::{InstanceState, NAME_PREFIX};
use planner::resources::ResourceKind;
use planner::resources::name::names;

use crate::script::{Script, Step};
use crate::stage::agents::Freshness;
use crate::stage::cloud::Credentials;
use crate::stage::judge::{Broken, Rule};
use crate::stage::play::{Play, Ways};

/// Passes after which what can be had must be there: three times the most that any of 2,000 seeds took (482 to ready,
/// 279 to gone).
const TO_READY: usize = 1_500;
/// The same for deletion: settling and proofs take minutes of passes each 5 s.
const TO_GONE: usize = 1_500;
/// What still comes must come within this time after the object is gone.
const AFTERWARDS: Duration = Duration::from_secs(3_600);
const ZONES: [&str; 3] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
/// Time within which a deleted benchmark terminates what it can: calls that are late, and pauses after refusals.
const OTHERS: SignedDuration = SignedDuration::from_mins(30);
/// Between two rounds of the sweeper, and rounds after which it must have found what was left.
const SWEEPS: Duration = Duration::from_secs(120);
/// An hour and a half: what a look for queues and buckets met while instances still lived is met again by the next one.
const TO_SWEPT: usize = 45;
/// After this time lists show everything.
const LATEST: Duration = Duration::from_secs(300);
/// Passes in which a ready benchmark clears away what it needs no more.
const TO_QUIET: usize = 5;

/// What a play was like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) passes: usize,
    pub(crate) crashes: usize,
    pub(crate) freezes: usize,
    pub(crate) launched: usize,
    /// Effects of the first operator.
    pub(crate) effects: u32,
    pub(crate) to_ready: usize,
    pub(crate) to_gone: usize,
    /// Faults that calls met, by kind.
    pub(crate) faults: Vec<String>,
}

/// What a play came to.
pub(crate) struct Ended {
    pub(crate) result: Result<Told, Broken>,
    /// Faults that calls to the cloud met, for repeating them one by one.
    pub(crate) faults: Vec<(cloudsim::Action, u64, cloudsim::Fault)>,
    pub(crate) story: String,
}

/// Whether somebody will read the story.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Yes,
    No,
}

pub(crate) async fn live(script: &Script, ways: Ways, telling: Telling) -> Ended {
    let pace = Freshness {
        boot: SignedDuration::from_secs(script.boot_seconds),
        run: SignedDuration::from_secs(script.run_seconds),
        spread: None,
    };
    let mut play = Play::with(script.seed, script.knobs.clone(), script.spec(), script.operators, pace, ways);
    let mut life = Life { script, play: &mut play, told: Told::default(), version: 1 };
    let result = AssertUnwindSafe(life.all()).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| Err(Broken::new(Rule::NoPanic, words(panic.as_ref()))));
    let told = life.told;
    let faults = play.sim.lock().faults().to_vec();
    let story = if telling == Telling::Yes { play.story() } else { String::new() };
    Ended { result: result.map(|()| told), faults, story }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

struct Life<'a> {
    script: &'a Script,
    play: &'a mut Play,
    told: Told,
    version: u32,
}

impl Life<'_> {
    async fn all(&mut self) -> Result<(), Broken> {
        self.prepare();
        for step in &self.script.steps {
            self.step(step).await?;
            self.play.check()?;
        }
        self.good_day().await?;
        self.end().await?;
        self.tell();
        Ok(())
    }

    fn prepare(&mut self) {
        plant_neighbours(self.play);
        let mut sim = self.play.sim.lock();
        for (action, nth, fault) in &self.script.faults {
            sim.inject_nth(*action, *nth, *fault);
        }
        drop(sim);
        let mut server = self.play.store.server();
        for (nth, fault) in &self.script.store_faults {
            let length = server.faults.len().max(nth + 1);
            server.faults.resize(length, None);
            server.faults[*nth] = Some(*fault);
        }
        drop(server);
        if let Some((nth, moment)) = self.script.doom {
            self.play.doom(nth, moment);
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), Broken> {
        let (may_forget, is_placed) = (self.may_forget(), self.is_placed());
        let has_launches = self.play.store.status().is_some_and(|status| !status.launches.is_empty());
        let play = &mut *self.play;
        match step {
            Step::Pass { operator, strike, stretch_per_mille } => {
                let operator = (*operator).min(self.script.operators - 1);
                let wake = match strike {
                    Some(_) => play.pass(operator, *strike).await?,
                    None => play.pass_on(operator).await?,
                };
                play.wait(stretched(wake, *stretch_per_mille));
            }
            Step::Ready => drop(self.until_ready().await?),
            Step::Gone => drop(self.until(TO_GONE, Play::is_gone).await?),
            Step::Wait { seconds } => play.wait(Duration::from_secs(*seconds)),
            Step::Thaw { operator } => play.thaw((*operator).min(self.script.operators - 1)).await?,
            Step::Upgrade { operator, version } => {
                play.replace_operator((*operator).min(self.script.operators - 1), *version);
                self.version = *version;
            }
            Step::Edit(_) if play.is_deleted() => {}
            Step::Edit(edit) => {
                play.note(format!("edit: {edit:?}"));
                play.store.edit(|spec| edit.apply(spec));
            }
            // Without the finalizer a deleted object is gone at once, and nobody is asked.
            Step::Delete if play.holds_finalizer() => {
                play.note("kubectl delete");
                play.store.delete(play.now());
            }
            Step::EndNamespace if play.holds_finalizer() => {
                play.note("kubectl delete namespace");
                play.store.server().namespace_ends = true;
                play.store.delete(play.now());
            }
            Step::WipeStatus if may_forget && play.holds_finalizer() => {
                self.play.note("status is wiped");
                self.play.wipe_status();
            }
            // Before the first launch a status without a placement can look like one that never had any.
            Step::TearStatus if may_forget && !play.is_deleted() && has_launches => {
                self.play.note("somebody removes the placement from status");
                self.play.store.server().change(|object| {
                    if let Some(status) = &mut object.status {
                        status.placement = None;
                    }
                });
            }
            Step::Abandon if may_forget && play.holds_finalizer() => {
                play.note("kubectl delete, and somebody strips the finalizer");
                play.judge.abandon();
                play.store.delete(play.now());
                play.store.strip_finalizer();
            }
            Step::Sweep { operator } => play.sweep((*operator).min(self.script.operators - 1)).await?,
            // With a wiped status the object would look new: what is left is the sweeper's, as after Abandon.
            Step::StripFinalizer if !play.is_deleted() && !play.is_wiped() => {
                play.note("somebody strips the finalizer");
                play.store.strip_finalizer();
            }
            Step::Terminate { nth } => {
                // Somebody else's call: its outcome is not ours to know.
                on_nth(play, *nth, |sim, id, now| drop(sim.ec2(now).terminate_instances(&[id.to_owned()])));
            }
            Step::Silence { seconds } => {
                play.note(format!("no agent answers for {seconds} s"));
                play.agents.silence(*seconds);
            }
            Step::Credentials(credentials) if *credentials != Credentials::OtherAccount || is_placed => {
                self.play.note(format!("credentials: {credentials:?}"));
                *self.play.credentials.lock().unwrap() = *credentials;
            }
            Step::Capacity { instance_type, count, zone: named } => {
                for zone in ZONES.iter().filter(|zone| named.as_ref().is_none_or(|named| named == *zone)) {
                    play.sim.lock().set_capacity(instance_type, zone, *count);
                }
            }
            Step::Outage(zone) => turn(play, |knobs| knobs.zone_outage.clone_from(zone)),
            Step::Cut(is_cut) => {
                play.note(format!("lists are cut: {is_cut}"));
                play.lists_are_cut.store(*is_cut, Ordering::Relaxed);
            }
            Step::Retag { nth, tag } => {
                on_nth(play, *nth, |sim, id, now| {
                    sim.ec2(now).retag_by_hand(id, |tags| drop(tags.insert(tag.clone(), "by hand".into())));
                });
            }
            Step::Untag { nth, tag } => {
                on_nth(play, *nth, |sim, id, now| {
                    sim.ec2(now).retag_by_hand(id, |tags| drop(tags.remove(tag)));
                });
            }
            Step::Protect { nth } => on_nth(play, *nth, |sim, id, now| sim.ec2(now).protect_by_hand(id, true)),
            Step::Quota(quota) => turn(play, |knobs| knobs.vcpu_quota = *quota),
            _ => {}
        }
        Ok(())
    }

    /// Whether status holds where everything lives: only then another account can be told from the right one.
    fn is_placed(&self) -> bool {
        self.play.store.status().is_some_and(|status| status.placement.is_some())
    }

    /// Under another account's credentials a lost status would begin anew over there.
    fn may_forget(&self) -> bool {
        *self.play.credentials.lock().unwrap() == Credentials::Own
    }

    /// No faults, no lag, enough of everything; everybody is awake.
    async fn good_day(&mut self) -> Result<(), Broken> {
        let play = &mut *self.play;
        let knobs = play.sim.lock().settings().clone();
        let knobs = Settings {
            boot: knobs.boot,
            stop: knobs.stop,
            interface_linger: knobs.interface_linger,
            page_size: knobs.page_size,
            token: knobs.token,
            ..Settings::default()
        };
        play.note("from here on a good day");
        play.sim.lock().set_settings(knobs);
        play.agents.silence(0);
        play.lists_are_cut.store(false, Ordering::Relaxed);
        *play.credentials.lock().unwrap() = Credentials::Own;
        play.store.server().faults.clear();
        play.store.edit(|spec| spec.paused = false);
        // A stopped instance has no timer that runs.
        play.end_what_only_people_can(&[InstanceState::Stopping, InstanceState::Stopped]);
        for operator in 0..self.script.operators {
            play.calm(operator);
            play.thaw(operator).await?;
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Broken> {
        if !self.play.is_deleted() {
            self.told.to_ready = self.until_ready().await?;
            self.quiet().await?;
            if let Some(status) = self.play.store.status() {
                self.play.bill.is_said(&status, self.play.now())?;
            }
            self.play.note("kubectl delete");
            self.play.store.delete(self.play.now());
        }
        // What is abandoned is the sweeper's, and nobody waits for its timers.
        if self.play.judge.is_abandoned() {
            self.play.end_what_only_people_can(&[InstanceState::Pending, InstanceState::Running]);
        } else {
            self.told.to_gone = self.others_go().await?;
        }
        self.told.to_gone += self.until(TO_GONE, Play::is_gone).await?;
        for _ in 0..TO_SWEPT {
            if self.play.judge.is_abandoned() {
                self.play.sweep(0).await?;
                self.play.wait(SWEEPS);
            }
        }
        self.play.judge.expect_nothing();
        self.play.wait(AFTERWARDS);
        self.play.check()
    }

    /// Ready, or beyond an expiry, after which nothing is measured any more, or out of the launches that a pool may
    /// have.
    async fn until_ready(&mut self) -> Result<usize, Broken> {
        let over = |play: &Play| matches!(play.phase().as_str(), "Expired" | "Stalled");
        self.until(TO_READY, |play| (play.is_ready() || over(play)) && play.holds_finalizer() || play.is_gone()).await
    }

    async fn until(&mut self, at_most: usize, done: impl Fn(&Play) -> bool) -> Result<usize, Broken> {
        for count in 0..at_most {
            if done(self.play) {
                return Ok(count);
            }
            let wake = self.play.pass_on(0).await?;
            self.play.wait(stretched(wake, self.script.stretch_per_mille));
        }
        Err(self.play.not_there(at_most))
    }

    /// All that can be terminated of a benchmark that is deleted goes soon, however long something else stays.
    async fn others_go(&mut self) -> Result<usize, Broken> {
        let deadline = self.play.now() + OTHERS;
        let count = self.until(TO_GONE, |play| play.left_alive().is_empty() || play.now() > deadline).await?;
        match self.play.left_alive() {
            none if none.is_empty() => Ok(count),
            left => {
                let live = self.play.live();
                let what = format!("{} of {live} instances live on, which nothing forbids to terminate", left.len());
                Err(Broken::new(Rule::OthersGo, what))
            }
        }
    }

    /// A benchmark that is ready causes no call that changes something, and no write.
    async fn quiet(&mut self) -> Result<(), Broken> {
        if !self.play.is_ready() {
            return Ok(());
        }
        // What was done by hand may be seen late, and be mended.
        for _ in 0..TO_QUIET {
            self.play.wait(LATEST);
            for _ in 0..TO_QUIET {
                let wake = self.play.pass_on(0).await?;
                self.play.wait(stretched(wake, 1000));
            }
            if self.until_ready().await? == 0 {
                break;
            }
        }
        self.evenly_spread()?;
        let before = (self.play.effects(), self.play.store.server().writes);
        let status = self.play.store.status();
        for _ in 0..2 {
            self.play.pass_on(0).await?;
        }
        let after = (self.play.effects(), self.play.store.server().writes);
        // A launch that is being proven absent is not quiet yet.
        let is_read = |run: &api::Run| run.cloud_watch.as_ref().is_some_and(|of| of.state == "Pending");
        let open = |status: &api::Status| {
            status.launches.iter().any(planner::world::ledger::is_open) || status.runs.iter().any(is_read)
        };
        let expired = self.play.phase() == "Expired";
        // A cent that was added is said, once a minute at most.
        let without_cost =
            |status: &Option<api::Status>| status.clone().map(|status| api::Status { cost: None, ..status });
        let is_money = u64::from(after.0 - before.0) == after.1 - before.1
            && after.1 - before.1 <= 2
            && without_cost(&status) == without_cost(&self.play.store.status());
        if self.play.is_ready() && !expired && !status.as_ref().is_some_and(open) && before != after && !is_money {
            let (effects, last) = (after.0 - before.0, self.play.last_effect());
            let what = format!(
                "nothing changed, and {effects} effects were tried, the last one {last}: {}",
                difference(&status, &self.play.store.status())
            );
            return Err(Broken::new(Rule::Quiet, what));
        }
        Ok(())
    }

    /// A cluster of a ready benchmark has as many instances in each of its zones.
    fn evenly_spread(&self) -> Result<(), Broken> {
        let status = self.play.store.status().filter(|_| self.play.is_ready()).unwrap_or_default();
        let sim = self.play.sim.lock();
        let live = sim.truth().ec2.live_instances();
        let pools: BTreeSet<&str> = status.launches.iter().map(|line| line.pool.as_str()).collect();
        for name in pools.into_iter().filter(|name| !matches!(*name, BALANCER | FRONT) && !name.starts_with(GENERATOR))
        {
            let ids: BTreeSet<&String> =
                status.launches.iter().filter(|line| line.pool == name).flat_map(|line| &line.instance_ids).collect();
            let mut by_zone: BTreeMap<&str, usize> = BTreeMap::new();
            for instance in live.iter().filter(|instance| !instance.state.is_dead() && ids.contains(&instance.id)) {
                *by_zone.entry(&instance.zone).or_default() += 1;
            }
            let counts: BTreeSet<usize> = by_zone.values().copied().collect();
            let is_everywhere = by_zone.is_empty() || by_zone.len() == usize::try_from(self.script.zones).unwrap();
            if counts.len() > 1 || !is_everywhere {
                let what = format!("cluster {name} has {by_zone:?} in {} zones", self.script.zones);
                return Err(Broken::new(Rule::EvenlySpread, what));
            }
        }
        Ok(())
    }

    fn tell(&mut self) {
        let sim = self.play.sim.lock();
        let name = |fault: &cloudsim::Fault| match fault {
            cloudsim::Fault::LateExecution(_) => "LateExecution".to_owned(),
            fault => format!("{fault:?}"),
        };
        let store = self.play.store.server();
        let met = store.faults_met.iter().map(|fault| format!("API server: {fault:?}"));
        self.told.faults = sim.faults().iter().map(|(_, _, fault)| name(fault)).chain(met).collect();
        self.told.passes = self.play.passes;
        self.told.crashes = self.play.crashes;
        self.told.freezes = self.play.freezes;
        self.told.launched = sim.truth().ec2.launched();
        self.told.effects = self.play.effects();
    }
}

/// Lines of the documents that differ.
fn difference(before: &Option<api::Status>, after: &Option<api::Status>) -> String {
    let [before, after] = [before, after].map(|status| serde_json::to_string_pretty(status).unwrap_or_default());
    let gone = before.lines().filter(|line| !after.contains(line.trim())).map(|line| format!("-{}", line.trim()));
    let come = after.lines().filter(|line| !before.contains(line.trim())).map(|line| format!("+{}", line.trim()));
    gone.chain(come).collect::<Vec<_>>().join(" ")
}

/// Something is done to an instance: that many in the list of the living.
fn on_nth(play: &Play, nth: usize, deed: impl FnOnce(&mut cloudsim::Sim, &str, jiff::Timestamp)) {
    let now = play.now();
    let mut sim = play.sim.lock();
    let live = sim.truth().ec2.live_instances();
    if let Some(instance) = live.get(nth % live.len().max(1)) {
        deed(&mut sim, &instance.id, now);
    }
}

fn turn(play: &Play, change: impl FnOnce(&mut Settings)) {
    let mut sim = play.sim.lock();
    let mut knobs = sim.settings().clone();
    change(&mut knobs);
    sim.set_settings(knobs);
}

fn stretched(wake: Duration, per_mille: u32) -> Duration {
    wake.max(Duration::from_millis(200)) * per_mille / 1000
}

/// Things of others, as near to ours as one can get.
fn plant_neighbours(play: &Play) {
    use planner::owner::{Owner, POOL};
    let ours = Owner {
        installation: "test".into(),
        kubernetes_cluster: "k8s-uid".into(),
        benchmark_uid: "uid-1".into(),
        namespace: "default".into(),
        name: "bench".into(),
    };
    let neighbours = [
        Owner { benchmark_uid: "uid-2".into(), name: "neighbour".into(), ..ours.clone() },
        // Of a benchmark that is gone, and another installation's to remove.
        Owner { installation: "other".into(), benchmark_uid: "uid-9".into(), name: "gone".into(), ..ours.clone() },
        Owner { installation: "other".into(), ..ours.clone() },
        Owner { kubernetes_cluster: "other".into(), ..ours.clone() },
    ];
    let now = play.now();
    for (index, owner) in neighbours.iter().enumerate() {
        let mut tags = owner.tags(&planner::owner::Tags::new());
        tags.insert(POOL.into(), "a".into());
        play.sim.lock().ec2(now).plant_instance(tags.clone());
        play.sim.lock().ec2(now).plant_group(&format!("clusterbench-{index}-members"), tags.clone());
        let name = format!("{NAME_PREFIX}neighbour-{index}");
        play.sim.lock().elb(now).plant_load_balancer(&name, LoadBalancerKind::Application, tags.clone());
        play.sim.lock().elb(now).plant_target_group(&name, tags.clone());
        // Under our very names, where they are not ones that are asked for.
        let name = |kind| format!("{}neighbour-{index}", names(&ours, kind).concat());
        let queue = CreateQueue { name: name(ResourceKind::Queue), tags: tags.clone(), ..CreateQueue::default() };
        play.sim.lock().sqs(now).plant_queue(&queue);
        play.sim.lock().s3(now).plant_bucket(&name(ResourceKind::Bucket), tags);
    }
}
