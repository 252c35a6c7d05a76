//! The termination of instances, and the words for those that the cloud refuses to terminate.
//!
//! The policy that we ask users to grant allows it by three tags. An instance of which somebody edited one of them cannot
//! be terminated by us, nor can one that somebody protected; each ends itself when its time is over. EC2 refuses a request
//! for all when it refuses it for one, so what it may refuse is asked for apart from the others; and the adapters ask for
//! each alone after a refusal.

use std::collections::BTreeSet;

use api::Launch;
use jiff::{SignedDuration, Timestamp};

use super::absence::unaccounted;
use crate::effect::Action;
use crate::failure::Failure;
use crate::owner::Owner;
use crate::plan::Plan;
use crate::ports::{Instance, InstanceState, Refused};
use crate::world::memory::{Denial, Memory};
use crate::world::{World, ledger};

/// Until a refused termination is tried again: only people can change what is in the way.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Code of a refusal because of termination protection (API reference, TerminateInstances).
const PROTECTED: &str = "OperationNotPermitted";

impl Denial {
    pub(crate) fn of(refused: &Refused, now: Timestamp) -> Self {
        Self { error: refused.error.clone(), again_at: now + PAUSE }
    }
}

/// Whether a refused id says nothing but that no list shows it: EC2 does not know it (any more), or not yet. A policy by
/// tags words that as a missing permission, because nothing has no tags (aws/karpenter-provider-aws#2100).
pub(crate) fn is_unseen(world: &World, refused: &Refused) -> bool {
    let seen = world.cloud.instances.known().is_some_and(|all| all.iter().any(|instance| instance.id == refused.id));
    !seen && matches!(refused.error.failure, Failure::NotFound | Failure::Unauthorized)
}

/// Plans the end of these instances, of which `instances` is a complete list. Those that were just refused wait.
pub(crate) fn terminate(world: &World, instances: &[Instance], plan: &mut Plan, ids: BTreeSet<String>, because: &str) {
    plan.doomed.extend(ids.iter().cloned());
    let owner = world.owner();
    let (mut ours, mut edited, mut unlisted) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for id in ids {
        if let Some(denial) = plan.memory.denials.get(&id).filter(|denial| world.now < denial.again_at) {
            let pause = denial.again_at.duration_since(world.now);
            plan.wake_within(pause);
            continue;
        }
        match instances.iter().find(|instance| instance.id == id) {
            None => unlisted.insert(id),
            Some(instance) if lacking(&owner, instance).is_empty() => ours.insert(id),
            Some(_) => edited.insert(id),
        };
    }
    for some in [ours, edited, unlisted] {
        if !some.is_empty() {
            plan.act(Action::Terminate(some), because);
        }
    }
}

/// What keeps an instance alive that was to be terminated, and the way out; `None` when nothing is known to.
pub(crate) fn refusal(world: &World, plan: &Plan, instance: &Instance) -> Option<String> {
    let Denial { error, .. } = plan.memory.denials.get(&instance.id)?;
    let lacking = lacking(&world.owner(), instance);
    let id = &instance.id;
    let why = if error.code == PROTECTED {
        format!(
            "termination protection is on: switch it off (aws ec2 modify-instance-attribute --no-disable-api-termination \
             --instance-id {id})"
        )
    } else if error.failure == Failure::Unauthorized && !lacking.is_empty() {
        let tags: Vec<String> = lacking.iter().map(|(key, value)| format!("Key={key},Value={value}")).collect();
        format!(
            "{}, because somebody edited its tags: put them back (aws ec2 create-tags --resources {id} --tags {}) or \
             terminate it by hand",
            error.code,
            tags.join(" ")
        )
    } else {
        format!("{error}")
    };
    let placement = plan.placement.as_ref();
    let end = placement.and_then(|placement| placement.expires_at.as_ref()).filter(|at| world.now < at.0);
    Some(match end {
        Some(at) => format!("{why}; it ends itself at {}", at.0),
        None => why,
    })
}

/// The proof tags that an instance does not have, with the values that they should have.
fn lacking(owner: &Owner, instance: &Instance) -> Vec<(String, String)> {
    owner.proof().into_iter().filter(|(key, value)| instance.tags.get(key) != Some(value)).collect()
}

impl Plan {
    /// Instances that are to be terminated and are refused, each with what to do about it.
    pub(crate) fn refusals(&self, world: &World, instances: &[Instance]) -> Vec<String> {
        let doomed = instances.iter().filter(|instance| self.doomed.contains(&instance.id));
        doomed
            .filter_map(|one| Some(format!("{} ({}; {})", one.id, one.state.name(), refusal(world, self, one)?)))
            .collect()
    }
}

/// Reason of `Provisioned` when the cloud refuses to terminate an instance.
pub(crate) const DENIED: &str = "TerminationDenied";

/// Terminates what may still run or bill, listed or not; whether all are seen terminated.
pub(crate) fn terminate_all(world: &World, instances: &[Instance], plan: &mut Plan, because: &str) -> bool {
    let owner = world.owner();
    let in_ledger = |id: &String| plan.ledger.iter().any(|line| line.instance_ids.contains(id));
    let left: Vec<&Instance> = instances
        .iter()
        .filter(|instance| owner.owns(&instance.tags) || in_ledger(&instance.id))
        .filter(|instance| instance.state != InstanceState::Terminated)
        .collect();
    let mut doomed: BTreeSet<String> = left
        .iter()
        .filter(|instance| instance.state != InstanceState::ShuttingDown)
        .map(|instance| instance.id.clone())
        .collect();
    let gone = left.is_empty();
    for instance in &left {
        let (id, state) = (&instance.id, instance.state.name());
        let text = match refusal(world, plan, instance).filter(|_| doomed.contains(id)) {
            Some(why) => format!("{id} ({state}; {why})"),
            None => format!("{id} ({state})"),
        };
        plan.leftovers.push(text);
    }
    // Ids that a launch answered and that no list shows yet.
    let unlisted = plan.ledger.iter().flat_map(|line| &line.instance_ids);
    doomed.extend(unlisted.filter(|id| !instances.iter().any(|instance| instance.id == **id)).cloned());
    terminate(world, instances, plan, doomed, because);
    gone
}

/// Whether this process wrote the line and certainly never sent it. Nobody else can have: status was seen to say that this
/// process is the sender, another one takes a line over in status first, and that write or the one that closes the line
/// meets a conflict. So there is nothing to wait for.
fn is_unsent(world: &World, memory: &Memory, line: &Launch) -> bool {
    let is_ours = line.sender == world.settings.process && memory.unsent.contains(&line.token);
    ledger::is_open(line) && line.instance_ids.is_empty() && is_ours && !world.ledger_is_lost()
}

/// Whether no launch can bring an instance any more.
pub(crate) fn settle_lines(world: &World, instances: &[Instance], plan: &mut Plan) -> bool {
    let mut settled = true;
    let Plan { ledger, memory, leftovers, .. } = plan;
    for line in ledger {
        if is_unsent(world, memory, line) {
            ledger::give_up(line, "it was never sent", world.now);
            continue;
        }
        let unaccounted = unaccounted(world, memory, instances, line);
        if unaccounted > 0 {
            settled = false;
            leftovers.push(format!("up to {unaccounted} instances of launch {}/{}", line.pool, line.number));
        }
    }
    settled
}
