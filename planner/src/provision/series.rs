//! The series of launches of a pool: one in each zone. Numbers are the pool's, so no two series share one.

use std::collections::BTreeSet;

use api::{Launch, Placement};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::hint::{boot_hint, hint};
use super::rehearsal::Draft;
use super::{Causes, absence, finished, removal, security_groups, zone_fallback};
use crate::conditions::Reason;
use crate::cost::hourly;
use crate::counts::{Decision, length, zones};
use crate::desired::{PoolSpec, Recipe};
use crate::effect::Action;
use crate::instances::{alive, highest_number, readiness};
use crate::owner;
use crate::plan::{MOVING, Plan, SLOW};
use crate::ports::{Instance, InstanceState, LaunchRequest};
use crate::scale::pool::is_gone;
use crate::world::ledger::{self, LineState, Refusal, Step};
use crate::world::{Settings, World};

/// Launches of a series, of the same revision and with the same program, after which a failed boot is believed to fail again: in an hour, in all.
const LAUNCHES_PER_HOUR: usize = 3;
const LAUNCHES_IN_ALL: usize = 5;
/// Age of a line that another process wrote, from which on it is taken over. Whoever wrote it sends it at its next look.
const TAKEN_OVER_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// The comparison of one pool in one zone.
pub(super) struct Series<'a> {
    pub(super) world: &'a World,
    pub(super) placement: &'a Placement,
    pub(super) instances: &'a [Instance],
    pub(super) recipe: &'a Recipe<'a>,
    /// Index of its subnet in the placement.
    pub(super) zone: usize,
    /// Instances that are wanted; of a scaled cluster the most.
    pub(super) count: u32,
    /// What is decided about a scaled cluster.
    pub(super) scaled: Option<&'a Decision>,
    pub(super) plan: &'a mut Plan,
    pub(super) causes: &'a mut Causes,
}

impl Series<'_> {
    fn pool(&self) -> &PoolSpec {
        self.recipe.pool
    }

    /// Instances of the series that may still work, lowest launch first.
    fn alive(&self) -> Vec<&Instance> {
        let mut alive = alive(&self.world.object.spec, &self.plan.ledger, self.instances, &self.pool().name);
        alive.retain(|instance| self.has(instance));
        alive
    }

    /// Whether an instance of the pool is in the zone of the series. One that is in no zone of the placement is in the first.
    fn has(&self, instance: &Instance) -> bool {
        zones::of(Some(self.placement), instance) == self.zone
    }

    /// The same of a launch, by its subnet.
    fn has_line(&self, line: &Launch) -> bool {
        line.pool == self.recipe.pool.name && zones::of_line(Some(self.placement), line) == self.zone
    }

    fn count(&self) -> usize {
        length(self.count)
    }

    /// The count in words.
    fn wanted(&self) -> String {
        match self.scaled {
            Some(Decision { wanted, most, .. }) => format!("{wanted} wanted of at most {most}"),
            None => format!("{} wanted", self.count),
        }
    }

    /// Terminates instances that are not what the spec asks for, did not boot, or are too many. Of a scaled cluster nobody is too
    /// many by his place in a list.
    pub(super) fn remove(&mut self) {
        let (mut doomed, mut is_kept) = (BTreeSet::new(), false);
        let (mut kept, mut outdated, mut failed) = (0, 0, 0);
        for instance in self.alive() {
            let is_outdated = instance.tags.get(owner::REVISION) != Some(&self.recipe.revision);
            let has_failed = readiness::failed_boot(self.world, self.placement, instance).is_some();
            (outdated, failed) = (outdated + usize::from(is_outdated), failed + usize::from(has_failed));
            let is_spared = is_outdated && !self.causes.may_replace;
            is_kept |= is_spared && !has_failed && kept < self.count();
            let is_too_many = self.scaled.is_none() && kept == self.count();
            if is_outdated && !is_spared || has_failed || is_too_many {
                doomed.insert(instance.id.clone());
            } else {
                kept += 1;
            }
        }
        self.causes.is_kept |= is_kept;
        // A stopped instance never serves again for us, and its volume is billed; but where the pool starts it again.
        let name = &self.pool().name;
        let is_stopped = |state| matches!(state, InstanceState::Stopping | InstanceState::Stopped);
        doomed.extend(
            self.instances
                .iter()
                .filter(|instance| ledger::pool_of(&self.plan.ledger, instance) == Some(name) && self.has(instance))
                .filter(|one| is_stopped(one.state) && is_gone(&self.world.object.spec, name, one.state))
                .map(|instance| instance.id.clone()),
        );
        let because = format!(
            "pool {}: {} wanted, {kept} kept; {outdated} are not what the spec asks for, {failed} did not boot",
            self.pool().name,
            self.count()
        );
        removal::terminate(self.world, self.instances, self.plan, doomed, &because);
        self.scale();
    }

    /// Ends whom the front saw finish or be silent for too long, and starts stopped ones that are needed.
    fn scale(&mut self) {
        let Some(decision) = self.scaled else { return };
        let alive = self.alive().into_iter().map(|instance| instance.id.clone());
        let here: BTreeSet<String> = alive.filter(|id| !self.plan.doomed.contains(id)).collect();
        let because = format!("pool {}: {}", self.pool().name, self.wanted());
        finished::end(self.world, self.instances, self.plan, (decision, &here), &because);
        let started: BTreeSet<String> = decision.start.intersection(&here).cloned().collect();
        if !started.is_empty() {
            self.plan.act(Action::Start(started), because);
        }
    }

    /// Sends what is written down. How many instances are coming.
    pub(super) fn send_lines(&mut self, group_ids: Option<&security_groups::GroupIds>) -> usize {
        let name = self.pool().name.clone();
        let mut coming = 0;
        for index in 0..self.plan.ledger.len() {
            if !self.has_line(&self.plan.ledger[index]) {
                continue;
            }
            let Plan { ledger, memory, .. } = &mut *self.plan;
            let unaccounted = absence::unaccounted(self.world, memory, self.instances, &mut ledger[index]);
            let line = self.plan.ledger[index].clone();
            let is_wanted = self.alive().len() + coming + unaccounted <= self.count();
            coming += unaccounted;
            if ledger::is_open(&line) && is_wanted && ledger::step(&line, self.world.now) == Step::Send {
                self.take_over(index);
            }
            let line = self.plan.ledger[index].clone();
            if ledger::is_open(&line) && !(is_wanted && self.send(&line, group_ids)) {
                self.plan.wake_within(MOVING * 5);
            }
            if ledger::is_open(&line) && !line.message.is_empty() {
                let reason = ledger::refusal(&line).map_or(Reason::Launching, Refusal::reason);
                let hint = hint(self.world, &line.instance_type, &line.message);
                self.causes.add(format!("launch {name}/{}: {}{hint}", line.number, line.message), reason);
            }
        }
        coming
    }

    /// Drafts what is missing beside those that are coming. Of a pool with too many in another zone no more than it has room
    /// for: they go first.
    pub(super) fn launch(
        &mut self,
        (coming, room): (usize, usize),
        group_ids: Option<&security_groups::GroupIds>,
        drafts: &mut Vec<Draft>,
    ) {
        let name = self.pool().name.clone();
        let missing = self.count().saturating_sub(self.alive().len() + coming).min(room);
        if !self.is_understood() || missing == 0 || !self.may_launch() {
            return;
        }
        let because = format!("{}, {} alive, {coming} coming", self.wanted(), self.alive().len());
        let drafted = drafts.iter().filter(|draft| draft.line.pool == name).count();
        let highest = highest_number(self.world, &self.plan.ledger, self.instances, &name);
        let number = 1 + highest + i64::try_from(drafted).unwrap_or(i64::MAX - 1 - highest);
        drafts.extend(group_ids.and_then(|group_ids| self.draft(number, missing, group_ids, because)));
    }

    /// Whether the ledger holds no word of the pool that this version does not know. Says so if one is in the way.
    fn is_understood(&mut self) -> bool {
        let name = &self.recipe.pool.name;
        let mut strange = self.plan.ledger.iter().filter(|line| line.pool == *name && !ledger::is_understood(line));
        let Some(Launch { number, state, reason, .. }) = strange.next() else { return true };
        if self.alive().len() < self.count() {
            let message = format!(
                "launch {name}/{number} has state \"{state}\" and reason \"{reason}\" in status.launches, which this version of the operator does not know: nothing is launched for the pool until one runs that does"
            );
            self.causes.stall(message, Reason::NotUnderstood);
        }
        false
    }

    /// Makes a line ours that another process wrote and may not send any more: it has ended, or it stands still. The call
    /// is made when status was seen to say so. Whoever it was taken from can no longer write down what became of its own
    /// call, and so cannot take a refusal for the only answer.
    fn take_over(&mut self, index: usize) {
        let Settings { process, launch_window, .. } = &self.world.settings;
        let line = &mut self.plan.ledger[index];
        let written = line.not_after.as_ref().map(|at| at.0 - *launch_window);
        let is_due = written.is_none_or(|at| self.world.now.duration_since(at) >= TAKEN_OVER_AFTER);
        if line.sender != *process && is_due {
            line.sender.clone_from(process);
            self.plan.wake = SignedDuration::ZERO;
        }
    }

    /// Plans the call of an open line, if it is ours, may still be sent and can be rebuilt exactly.
    fn send(&mut self, line: &Launch, group_ids: Option<&security_groups::GroupIds>) -> bool {
        let Some(group_ids) = group_ids else { return false };
        if ledger::step(line, self.world.now) != Step::Send || !is_ours(self.world, line) {
            return false;
        }
        let count = u32::try_from(line.count).unwrap_or(0);
        let ids = group_ids.of(self.pool().role);
        let request = self.recipe.request(ids, line.number, count, line.token.clone());
        let Ok(request) = request else { return false };
        let sha256 = ledger::request_sha256(&request);
        let token = ledger::token(self.world, &line.pool, line.number, &sha256);
        if sha256 != line.request_sha256 || token != line.token {
            return false;
        }
        let Some(not_after) = &line.not_after else { return false };
        let because =
            format!("{}, {} alive, launch {} is written down", self.wanted(), self.alive().len(), line.number);
        self.plan.act(Action::Launch(LaunchRequest { not_after: not_after.0, ..request }), because);
        true
    }

    /// Whether another launch of this pool is worth paying for now.
    fn may_launch(&mut self) -> bool {
        let (name, revision, now) = (&self.recipe.pool.name, &self.recipe.revision, self.world.now);
        let lines: Vec<&Launch> =
            self.plan.ledger.iter().filter(|line| line.pool == *name && line.revision == *revision).collect();
        // Where workers are updated in place, what they start with is no part of their revision.
        let application = self.recipe.application();
        let has_failed = |line: &Launch| ledger::refusal(line) == Some(Refusal::BootFailed);
        // A scaled cluster launches often, so only its failures are counted.
        let counts = |line: &&Launch| line.application == application && (self.scaled.is_none() || has_failed(line));
        let same: Vec<&Launch> = lines.iter().copied().filter(counts).collect();
        if let Some(failed) = same.iter().rev().find(|line| has_failed(line)) {
            let hour = SignedDuration::from_hours(1);
            let recent = |line: &&&Launch| line.closed_at.as_ref().is_none_or(|at| now.duration_since(at.0) < hour);
            if same.len() >= LAUNCHES_IN_ALL || same.iter().filter(recent).count() >= LAUNCHES_PER_HOUR {
                let message = format!(
                    "pool {name}: {} launches, and instances do not get ready: {}; {} to try again",
                    same.len(),
                    failed.message,
                    boot_hint(&failed.message, &self.world.settings.artifacts.delivery)
                );
                self.causes.stall(message, Reason::BootFailed);
                self.plan.wake_within(SLOW);
                return false;
            }
        }
        let Some(last) = lines.last() else { return true };
        let Some(Refusal::Call(failure)) = ledger::refusal(last) else { return true };
        let pause = self.world.settings.refusal_pause;
        if last.closed_at.as_ref().is_some_and(|at| now.duration_since(at.0) < pause) {
            let outlook = zone_fallback::outlook(self.world, self.placement, last).unwrap_or("trying again in a while");
            let hint = hint(self.world, &last.instance_type, &last.message);
            let message = format!(
                "pool {name}: {} x {} in {}: {}{hint}; {outlook}",
                self.count,
                self.recipe.pool.instance_type,
                self.recipe.zone(),
                last.message
            );
            self.causes.add(message, failure.into());
            self.plan.wake_within(MOVING * 5);
            return false;
        }
        true
    }

    /// How many are launched at once. What a scaled cluster lacks changes from look to look: as many go as were asked about, if
    /// that is no more than are missing, and the others with the next line.
    fn rehearsed(&self, number: i64, missing: u32, group_ids: &[String]) -> u32 {
        let heard = &self.plan.memory.rehearsals;
        if self.scaled.is_none() || heard.is_empty() {
            return missing;
        }
        let has_passed = |count: &u32| {
            let request = self.recipe.request(group_ids.to_vec(), number, *count, String::new());
            let heard = request.ok().and_then(|request| heard.get(&ledger::request_sha256(&request)));
            heard.is_some_and(|heard| heard.refusal.is_none())
        };
        (1..=missing).rev().find(has_passed).unwrap_or(missing)
    }

    /// A new line: the next number, the whole request, and until when it may be sent.
    fn draft(
        &mut self,
        number: i64,
        missing: usize,
        group_ids: &security_groups::GroupIds,
        because: String,
    ) -> Option<Draft> {
        let name = self.recipe.pool.name.clone();
        let ids = group_ids.of(self.recipe.pool.role);
        let count = self.rehearsed(number, u32::try_from(missing).unwrap_or(u32::MAX), &ids);
        let request = match self.recipe.request(ids.clone(), number, count, String::new()) {
            Ok(request) => request,
            Err(why) => {
                self.causes.stall(format!("pool {name}: {why}"), Reason::NoRecipe);
                return None;
            }
        };
        let sha256 = ledger::request_sha256(&request);
        let line = Launch {
            token: ledger::token(self.world, &name, number, &sha256),
            pool: name,
            number,
            instance_type: request.instance_type.clone(),
            sender: self.world.settings.process.clone(),
            subnet_id: request.subnet_id.clone(),
            image_id: request.image_id.clone(),
            group_ids: ids,
            count: i32::try_from(count).unwrap_or(i32::MAX),
            revision: self.recipe.revision.clone(),
            request_sha256: sha256,
            state: LineState::Open.name().to_owned(),
            reason: String::new(),
            message: String::new(),
            closed_at: None,
            launched_at: None,
            ended_at: None,
            bound: String::new(),
            booked: 0,
            hourly_usd_micros: hourly::price(self.placement, &request.instance_type),
            extras_usd_micros: i64::try_from(hourly::extras(
                self.placement,
                &request.image_id,
                Some(request.public_address),
            ))
            .ok(),
            measured_surplus: None,
            application: self.recipe.application(),
            not_after: Some(Time(self.world.now + self.world.settings.launch_window)),
            instance_ids: Vec::new(),
        };
        Some(Draft { line, request, because })
    }
}

/// Whether status was seen to say that this process makes the call.
fn is_ours(world: &World, line: &Launch) -> bool {
    let process = &world.settings.process;
    world.object.status.launches.iter().any(|seen| seen.token == line.token && seen.sender == *process)
}
