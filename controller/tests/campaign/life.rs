//! Plays a script to its end: its steps, then a good day, convergence, deletion, and an hour in which nothing may
//! appear.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloudsim::Settings;
use futures::FutureExt;
use jiff::SignedDuration;
use planner::ports::InstanceState;

use crate::neighbours::plant_neighbours;
use crate::script::{Script, Step};
use crate::stage::agents::Freshness;
use crate::stage::cloud::Credentials;
use crate::stage::judge::{Broken, Rule};
use crate::stage::play::{Play, Ways};
use crate::stage::schedule::Site;
use crate::watch::{Stop, Watch};

/// Passes after which what can be had must be there: three times the most that any of 2,000 seeds took (482 to ready,
/// 279 to gone).
const TO_READY: usize = 1_500;
/// The same where bursts are worked off: a look every two seconds while 150 requests of up to two minutes each have no answer, of a few
/// instances.
const TO_WORKED_OFF: usize = 6_000;
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
    /// It was not played to its end, because somebody knew the rest.
    pub(crate) is_known: bool,
    /// Sites that it came to, where they are counted.
    pub(crate) sites: Vec<Site>,
    pub(crate) story: String,
}

/// Whether somebody will read the story.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Yes,
    No,
}

pub(crate) async fn live(script: &Script, ways: Ways, telling: Telling) -> Ended {
    watched(script, ways, telling, None).await
}

/// The same, unless what follows is known.
pub(crate) async fn watched<'w>(
    script: &Script,
    ways: Ways,
    telling: Telling,
    watch: Option<&'w mut (dyn Watch + Send + 'w)>,
) -> Ended {
    let pace = Freshness {
        boot: SignedDuration::from_secs(script.boot_seconds),
        run: SignedDuration::from_secs(script.run_seconds),
        spread: None,
    };
    let ways = Ways { is_pushing: script.is_pushed, ..ways };
    let mut play = Play::with(script.seed, script.knobs.clone(), script.spec(), script.operators, pace, ways);
    play.agents.serve_for(SignedDuration::from_secs(script.service_seconds));
    let mut life = Life { script, play: &mut play, watch, told: Told::default(), step_number: 0, version: 1 };
    let result = AssertUnwindSafe(life.all()).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| Err(Broken::new(Rule::NoPanic, words(panic.as_ref())).into()));
    let told = life.told;
    let faults = play.sim.lock().faults().to_vec();
    let sites = play.schedule.sites();
    let story = if telling == Telling::Yes { play.story() } else { String::new() };
    let (result, is_known) = match result {
        Ok(()) => (Ok(told), false),
        Err(Stop::Known) => (Ok(told), true),
        Err(Stop::Broken(broken)) => (Err(broken), false),
    };
    Ended { result, is_known, faults, sites, story }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

pub(crate) struct Life<'a, 'w> {
    pub(crate) script: &'a Script,
    pub(crate) play: &'a mut Play,
    watch: Option<&'w mut (dyn Watch + Send + 'w)>,
    told: Told,
    /// Number of the step that is played.
    step_number: usize,
    version: u32,
}

impl Life<'_, '_> {
    async fn all(&mut self) -> Result<(), Stop> {
        self.prepare();
        self.watch.iter_mut().for_each(|watch| watch.begins(self.play));
        self.play.schedule.open(self.script.is_counted);
        for (number, step) in self.script.steps.iter().enumerate() {
            self.step_number = number;
            self.step(step).await?;
            self.play.check()?;
        }
        self.play.schedule.open(false);
        self.step_number = self.script.steps.len();
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
        for (number, happening) in &self.script.schedule {
            happening.mishap().into_iter().for_each(|mishap| self.play.schedule.place(*number, mishap));
        }
        if let Some((nth, moment)) = self.script.doom {
            self.play.doom(nth, moment);
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
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
            Step::Rest => self.rest().await?,
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
                play.judge.meddles();
                on_nth(play, *nth, |sim, id, now| {
                    sim.ec2(now).retag_by_hand(id, |tags| drop(tags.insert(tag.clone(), "by hand".into())));
                });
            }
            Step::Untag { nth, tag } => {
                play.judge.meddles();
                on_nth(play, *nth, |sim, id, now| {
                    sim.ec2(now).retag_by_hand(id, |tags| drop(tags.remove(tag)));
                });
            }
            Step::Protect { nth } => {
                play.judge.meddles();
                on_nth(play, *nth, |sim, id, now| sim.ec2(now).protect_by_hand(id, true));
            }
            Step::Requests { cluster, count } => {
                let clusters = play.store.server().object.as_ref().map(|object| object.spec.clusters.clone());
                let clusters = clusters.unwrap_or_default();
                clusters.get(*cluster).into_iter().for_each(|cluster| play.agents.arrive(&cluster.name, *count));
            }
            Step::FrontRestarts => {
                play.note("the front begins anew");
                play.agents.restart_fronts();
            }
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
    async fn good_day(&mut self) -> Result<(), Stop> {
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

    async fn end(&mut self) -> Result<(), Stop> {
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
        Ok(self.play.check()?)
    }

    /// Ready, or beyond an expiry, after which nothing is measured any more, or out of the launches that a pool may
    /// have.
    pub(crate) async fn until_ready(&mut self) -> Result<usize, Stop> {
        let over = |play: &Play| matches!(play.phase().as_str(), "Expired" | "Stalled");
        let is_done = |play: &Play| play.is_ready() && play.is_worked_off() || over(play);
        let is_loaded = self.script.steps.iter().any(|step| matches!(step, Step::Requests { .. }));
        let most = if is_loaded { TO_WORKED_OFF } else { TO_READY };
        self.until(most, |play| is_done(play) && play.holds_finalizer() || play.is_gone()).await
    }

    /// A pass of the first operator, or one of each; how long they want to sleep.
    async fn passes(&mut self) -> Result<Duration, Stop> {
        if !self.play.schedule.is_open() {
            return Ok(self.play.pass_on(0).await?);
        }
        let mut wake = Duration::MAX;
        for operator in 0..self.script.operators {
            self.begin_pass(operator).await?;
            wake = wake.min(self.play.pass_on(operator).await?);
        }
        Ok(wake)
    }

    /// What people do before the pass, unless the rest is known.
    async fn begin_pass(&mut self, operator: usize) -> Result<(), Stop> {
        // What was found while all waited is not lost where the rest is known.
        self.play.check()?;
        // How long the first one wants to sleep is known to nobody before all have had their turn.
        if operator == 0
            && let Some(watch) = &mut self.watch
            && watch.knows(self.play, self.step_number)
        {
            return Err(Stop::Known);
        }
        let number = self.play.schedule.reach(Site::Pass);
        let scheduled = self.script.schedule.iter().filter(|(at, _)| *at == number);
        let mut deeds: Vec<Step> = scheduled.filter_map(|(_, happening)| happening.deed()).cloned().collect();
        deeds.extend(self.watch.as_mut().and_then(|watch| watch.deed(number)));
        for deed in &deeds {
            Box::pin(self.step(deed)).await?;
            // What the pass does is judged by what people want by then.
            self.play.check()?;
        }
        Ok(())
    }

    async fn until(&mut self, at_most: usize, done: impl Fn(&Play) -> bool) -> Result<usize, Stop> {
        for count in 0..at_most {
            if done(self.play) {
                return Ok(count);
            }
            let wake = self.passes().await?;
            // Beside its passes an operator sweeps, and that alone finds them.
            if !self.play.strays().is_empty() {
                self.play.sweep(0).await?;
            }
            self.play.wait(stretched(wake, self.script.stretch_per_mille));
        }
        Err(self.play.not_there(at_most).into())
    }

    /// All that can be terminated of a benchmark that is deleted goes soon, however long something else stays.
    async fn others_go(&mut self) -> Result<usize, Stop> {
        let deadline = self.play.now() + OTHERS;
        let count = self.until(TO_GONE, |play| play.left_alive().is_empty() || play.now() > deadline).await?;
        match self.play.left_alive() {
            none if none.is_empty() => Ok(count),
            left => {
                let live = self.play.live();
                let what = format!("{} of {live} instances live on, which nothing forbids to terminate", left.len());
                Err(Broken::new(Rule::OthersGo, what).into())
            }
        }
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

pub(crate) fn stretched(wake: Duration, per_mille: u32) -> Duration {
    wake.max(Duration::from_millis(200)) * per_mille / 1000
}
