//! Broken operators. Each makes one mistake that real controllers make; a campaign that does not notice it proves
//! nothing. They are the planner with its world, its plan or its status perturbed, or an adapter that lies.

mod balancing;
mod following;

use api::{Launch, Placement};
use controller::Decisions;
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use planner::effect::Effect;
use planner::ports::{InstanceState, LaunchRequest};
use planner::prices::price::shipped;
use planner::world::ledger;
use planner::world::memory::Rehearsal;
use planner::world::{Deletion, Facet, Finalizer};
use planner::{Action, CloudError, Outcome, Plan, World, desired};

use crate::campaign::{Campaign, Failure, Sum, deaths, once, runtime, say, seed, side_by_side};
use crate::generate;
use crate::life::{self, Telling};
use crate::stage::cloud::Lie;
use crate::stage::kubernetes::Writes;
use crate::stage::play::Ways;

/// Seeds within which every mutant must be caught, or of which the known one is.
const SEEDS: u64 = 500;

/// Those that more than twenty seeds are needed for, and where they are looked for first. All are seeds that the right operator
/// passes, so a number that has become wrong costs time and proves no less.
const CAUGHT_AT: [(&str, u64); 10] = [
    ("refusal after a repeat closes the line", 211),
    ("truncated list believed", 149),
    ("no settling", 100),
    ("sent however late", 404),
    ("one instance keeps the others alive", 96),
    ("notAfter ignored", 27),
    ("paused is not looked at", 21),
    ("bucket before terminated", 20),
    ("queues before terminated", 20),
    ("an answer is taken for the thing", 1577),
];

struct Mutant {
    name: &'static str,
    /// Where it is looked for.
    campaign: Campaign,
    ways: Ways,
}

impl Mutant {
    fn known(&self) -> Option<u64> {
        CAUGHT_AT.iter().find(|(name, _)| *name == self.name).map(|(_, seed)| *seed)
    }

    /// All of the known seed; then the lives of all others, and last the deaths of those that have any: what dies at each effect
    /// of one seed takes as long as two hundred lives, and few mutants need it.
    fn failure(&self) -> Option<Failure> {
        let (campaign, ways, runtime, mut sum) = (self.campaign, self.ways, runtime(), Sum::default());
        let known = self.known().and_then(|known| runtime.block_on(seed(campaign, known, ways, &mut sum)).err());
        known
            .or_else(|| (0..SEEDS).find_map(|seed| runtime.block_on(once(campaign, seed, ways, &mut sum)).err()))
            .or_else(|| (0..SEEDS).find_map(|seed| runtime.block_on(deaths(campaign, seed, ways, &mut sum)).err()))
    }
}

/// The mistake of this name.
pub(crate) fn ways(name: &str) -> Ways {
    let all = all();
    let Some(mutant) = all.iter().find(|mutant| mutant.name == name) else {
        let names: Vec<&str> = all.iter().map(|mutant| mutant.name).collect();
        panic!("no mutant is called `{name}`; there are {names:?}");
    };
    mutant.ways
}

/// The names of those that few seeds catch.
pub(crate) fn rare() -> Vec<&'static str> {
    CAUGHT_AT.iter().map(|(name, _)| *name).collect()
}

fn all() -> Vec<Mutant> {
    let plans = |name, plan: fn(&World) -> Plan| Mutant {
        name,
        campaign: Campaign::All,
        ways: Ways { decisions: Decisions { plan, ..Decisions::default() }, ..Ways::default() },
    };
    let records = |name, status: fn(&World, &Plan, &[Outcome]) -> api::Status| Mutant {
        name,
        campaign: Campaign::All,
        ways: Ways { decisions: Decisions { status, ..Decisions::default() }, ..Ways::default() },
    };
    let sees = |name, plan: fn(&World) -> Plan, status: fn(&World, &Plan, &[Outcome]) -> api::Status| Mutant {
        name,
        campaign: Campaign::All,
        ways: Ways { decisions: Decisions { plan, status }, ..Ways::default() },
    };
    let lies = |name, lie| Mutant { name, campaign: Campaign::All, ways: Ways { lie, ..Ways::default() } };
    let follows = |(name, plan)| Mutant { campaign: Campaign::Only(generate::Plan::Scaled), ..plans(name, plan) };
    let mut all = vec![
        sees("token not persisted", fresh_tokens, unwritten_lines),
        records("relaunch on timeout", timeout_is_refusal),
        plans("finalizer removed on an empty list", empty_list_lets_go),
        plans("status decides", status_lets_go),
        records("refusal after a repeat closes the line", every_send_is_the_only_one),
        plans("zone changed with an open line", zone_changes),
        sees("unknown read as empty", unknown_is_empty, |world, plan, outcomes| {
            planner::status(&emptied(world), plan, outcomes)
        }),
        lies("truncated list believed", Lie::TruncatedIsShort),
        plans("no settling", |world| {
            with(world, |world| {
                (world.settings.settle, world.settings.proof_gap) = (SignedDuration::ZERO, SignedDuration::ZERO);
            })
        }),
        plans("notAfter ignored", late_sends),
        lies("sent however late", Lie::LateSends),
        lies("one instance keeps the others alive", Lie::OneForAll),
        lies("sweeper ignores installation tag", Lie::AnyInstallation),
        lies("owner not checked", Lie::AnyOwner),
        lies("another account's lists believed", Lie::AnyAccount),
        plans("paused is not looked at", |world| with(world, |world| world.object.spec.paused = false)),
        plans("stripped finalizer stays off", |world| {
            let mut plan = planner::plan(world);
            if world.object.status.placement.is_some() {
                plan.effects.retain(|effect| effect.action != Action::AddFinalizer);
            }
            plan
        }),
        plans("report forgotten before it is recorded", forgets_early),
        plans("workers are not replaced between launches", |world| {
            with(world, |world| {
                world
                    .object
                    .status
                    .runs
                    .iter_mut()
                    .flat_map(|run| &mut run.parts)
                    .for_each(|part| part.relaunches = -1);
            })
        }),
        plans("generators begin one after the other", |world| {
            let mut plan = planner::plan(world);
            for effect in &mut plan.effects {
                if let Action::StartRun { run, .. } = &mut effect.action
                    && let Some(at) = run.start_at
                {
                    run.start_at = Some(at + SignedDuration::from_secs(i64::from(run.slice.index)));
                }
            }
            plan
        }),
        plans("numbers begin again", numbers_begin_again),
        plans("budget is kept by the operator only", budget_without_timers),
        plans("launches are not rehearsed", |world| {
            with(world, |world| {
                let plan = planner::plan(world);
                let asked = plan.actions().filter_map(|action| match action {
                    Action::Rehearse(request) => Some(ledger::request_sha256(request)),
                    _ => None,
                });
                world.memory.rehearsals.extend(asked.map(|hash| (hash, Rehearsal { at: world.now, refusal: None })));
            })
        }),
        plans("all zones but the first are forgotten", |world| {
            with(world, |world| {
                world.object.status.placement.iter_mut().for_each(|placement| placement.further_subnets.clear());
            })
        }),
        plans("only the root volume is mapped", |world| {
            with(world, |world| {
                let placement = world.object.status.placement.as_mut();
                placement.into_iter().flat_map(|one| &mut one.images).for_each(|image| image.volumes.clear());
            })
        }),
        lies("load balancer adopted by its name", Lie::AnyBalancer),
        plans("load balancer created anew when it is not found", balancing::recreates),
        plans("target groups go first", balancing::groups_first),
        plans("target groups are forgotten", |world| {
            with(world, |world| world.cloud.target_groups = Facet::Known(Vec::new()))
        }),
        plans("one list without it proves that no load balancer comes", balancing::one_list_proves),
        plans("targets are registered before they run", balancing::registers_early),
        lies("tags unread", Lie::AnyQueue),
        plans("bucket before terminated", bucket_first),
        plans("queues before terminated", queues_first),
        plans("a kind that is not known is dropped", |world| {
            with(world, |world| {
                let placement = world.object.status.placement.as_mut();
                placement.into_iter().for_each(|placement| placement.kinds.retain(|kind| kind == "SecurityGroup"));
                world.cloud.load_balancers = Facet::Known(Vec::new());
                world.cloud.target_groups = Facet::Known(Vec::new());
            })
        }),
        plans("an answer is taken for the thing", balancing::trusts_the_answer),
        plans("a price that is not known is nothing", |world| priced(world, |_| Some(0))),
        plans("another region's prices are taken", |world| {
            priced(world, |name| shipped("us-east-1", name).and_then(|price| i64::try_from(price).ok()))
        }),
        Mutant {
            name: "status written over what was not seen",
            campaign: Campaign::All,
            ways: Ways { writes: Writes::Blind, ..Ways::default() },
        },
    ];
    all.extend(following::ALL.map(follows));
    all
}

fn with(world: &World, change: impl FnOnce(&mut World)) -> Plan {
    let mut world = world.clone();
    change(&mut world);
    planner::plan(&world)
}

fn priced(world: &World, price: impl Fn(&str) -> Option<i64>) -> Plan {
    let mut plan = planner::plan(world);
    for placed in plan.placement.iter_mut().flat_map(|placement| &mut placement.prices) {
        placed.hourly_usd_micros = price(&placed.instance_type);
    }
    plan
}

fn is_new(world: &World, line: &Launch) -> bool {
    !world.object.status.launches.iter().any(|old| old.pool == line.pool && old.number == line.number)
}

/// The call of a line, as the planner would make it once it has read it back.
fn call(world: &World, line: &Launch) -> Option<LaunchRequest> {
    let placement = world.object.status.placement.as_ref()?;
    let pool = desired::pools(&world.object.spec).into_iter().find(|pool| pool.name == line.pool)?;
    let subnets = placement.subnets();
    let recipe = desired::recipe(world, placement, &pool, &subnets[0]).ok()?;
    let count = u32::try_from(line.count).ok()?;
    let request = recipe.request(line.group_ids.clone(), line.number, count, line.token.clone()).ok()?;
    let not_after = line.not_after.as_ref()?.0;
    Some(LaunchRequest { not_after, ..request })
}

/// Launches at once, under a token that only this process knows (terraform-provider-aws#27543, CAPA#5794).
fn fresh_tokens(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    let new: Vec<usize> = (0..plan.ledger.len()).filter(|at| is_new(world, &plan.ledger[*at])).collect();
    for at in new {
        let line = &mut plan.ledger[at];
        line.token = format!("{}{}", &line.token[..32], world.now.as_millisecond());
        if let Some(request) = call(world, line) {
            plan.effects.push(Action::Launch(request).into());
        }
    }
    plan
}

fn unwritten_lines(world: &World, plan: &Plan, outcomes: &[Outcome]) -> api::Status {
    let mut status = planner::status(world, plan, outcomes);
    status.launches.retain(|line| !line.instance_ids.is_empty());
    status
}

/// A call without an answer is taken for one that failed (hetzner, karpenter#1448).
fn timeout_is_refusal(world: &World, plan: &Plan, outcomes: &[Outcome]) -> api::Status {
    let refused = |outcome: &Outcome| match (&outcome.action, &outcome.result) {
        (Action::Launch(_), Err(error)) if error.failure == planner::Failure::Unreachable => {
            let error = CloudError::new(planner::Failure::NoCapacity, error.code.clone(), error.message.clone());
            Outcome::new(outcome.action.clone(), Err(error))
        }
        _ => outcome.clone(),
    };
    let outcomes: Vec<Outcome> = outcomes.iter().map(refused).collect();
    every_send_is_the_only_one(world, plan, &outcomes)
}

fn every_send_is_the_only_one(world: &World, plan: &Plan, outcomes: &[Outcome]) -> api::Status {
    let mut plan = plan.clone();
    plan.memory.unsent.extend(plan.ledger.iter().map(|line| line.token.clone()));
    planner::status(world, &plan, outcomes)
}

fn lets_go(world: &World, is_empty: bool) -> Plan {
    let mut plan = planner::plan(world);
    if world.object.deletion == Deletion::Asked && world.object.finalizer == Finalizer::Present && is_empty {
        plan.effects = vec![Action::RemoveFinalizer.into()];
    }
    plan
}

/// Nothing is listed, so nothing is there (karpenter#947, CAPA#2915).
fn empty_list_lets_go(world: &World) -> Plan {
    let over = |instances: &Vec<planner::ports::Instance>| {
        instances.iter().all(|instance| instance.state == InstanceState::Terminated)
    };
    lets_go(
        world,
        world.cloud.instances.known().is_some_and(over) && world.cloud.groups.known().is_some_and(Vec::is_empty),
    )
}

/// Status says that there are no instances, so there are none.
fn status_lets_go(world: &World) -> Plan {
    lets_go(world, world.object.status.instances.is_empty())
}

/// The next zone is tried while a call to the last one may still take effect (reliability of zonal tokens).
fn zone_changes(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    let unheard = |line: &Launch| ledger::is_open(line) && !line.message.is_empty();
    if plan.ledger.iter().any(unheard)
        && let Some(placement) = &plan.placement
    {
        let next = if placement.zone.ends_with('a') { "b" } else { "a" };
        plan.placement = Some(Placement {
            zone: format!("eu-west-1{next}"),
            subnet_id: format!("subnet-0de0fa170000000{next}0"),
            ..placement.clone()
        });
        plan.ledger.iter_mut().filter(|line| unheard(line)).for_each(|line| ledger::close(line, world.now));
    }
    plan
}

fn emptied(world: &World) -> World {
    let mut world = world.clone();
    if world.cloud.instances.known().is_none() {
        world.cloud.instances = Facet::Known(Vec::new());
    }
    if world.cloud.groups.known().is_none() {
        world.cloud.groups = Facet::Known(Vec::new());
    }
    world
}

fn unknown_is_empty(world: &World) -> Plan {
    planner::plan(&emptied(world))
}

/// A line that is over is sent as if it were not.
fn late_sends(world: &World) -> Plan {
    let mut plan = with(world, |world| {
        for line in &mut world.object.status.launches {
            line.not_after = line.not_after.clone().map(|mut at| {
                at.0 += SignedDuration::from_secs(600);
                at
            });
        }
    });
    for line in &mut plan.ledger {
        let old = world.object.status.launches.iter().find(|old| old.token == line.token);
        line.not_after = old.map_or(line.not_after.clone(), |old| old.not_after.clone());
    }
    plan
}

fn forgets_early(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    let forgotten: Vec<Effect> = plan
        .actions()
        .filter_map(|action| match action {
            Action::CollectReport { control, run, sha256 } => Some(
                Action::ForgetRun {
                    control: control.clone(),
                    instance_id: String::new(),
                    name: run.name(),
                    report_sha256: sha256.clone(),
                }
                .into(),
            ),
            _ => None,
        })
        .collect();
    plan.effects.extend(forgotten);
    plan
}

fn numbers_begin_again(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    for line in plan.ledger.iter_mut().filter(|line| is_new(world, line)) {
        line.number = 1;
        if let Some(request) = call(world, line) {
            line.request_sha256 = ledger::request_sha256(&request);
            line.token = ledger::token(world, &line.pool, 1, &line.request_sha256);
        }
    }
    plan
}

/// The bucket goes as soon as it is deleted, whoever still writes into it.
fn bucket_first(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    let account = world.identity.known().map(|one| one.account.clone()).unwrap_or_default();
    let buckets = world.cloud.buckets.known().into_iter().flatten();
    let goes = buckets.filter(|_| world.object.deletion == Deletion::Asked);
    let empties: Vec<Effect> = goes
        .map(|one| Action::EmptyBucket { name: one.name.clone(), account: account.clone() }.into())
        .filter(|effect: &Effect| !plan.effects.iter().any(|other| other.action == effect.action))
        .collect();
    plan.effects.extend(empties);
    plan
}

fn queues_first(world: &World) -> Plan {
    let mut plan = planner::plan(world);
    let queues = world.cloud.queues.known().into_iter().flatten();
    let goes = queues.filter(|_| world.object.deletion == Deletion::Asked);
    let deletes: Vec<Effect> = goes
        .map(|queue| Action::DeleteQueue { url: queue.url.clone(), name: queue.name.clone() }.into())
        .filter(|effect: &Effect| !plan.effects.iter().any(|other| other.action == effect.action))
        .collect();
    plan.effects.extend(deletes);
    plan
}

/// The timers of instances are those of a benchmark without a budget; the operator ends them when it is spent.
fn budget_without_timers(world: &World) -> Plan {
    let lifetime = SignedDuration::from_secs(i64::from(world.object.spec.lifecycle.max_lifetime_seconds));
    let Some(placement) = &world.object.status.placement else {
        let mut plan = planner::plan(world);
        if let Some(placement) = &mut plan.placement {
            let end = jiff::Timestamp::from_second((world.now + lifetime).as_second());
            placement.expires_at = end.ok().map(Time);
        }
        return plan;
    };
    let is_spent = planner::budget::expiry(world, placement).is_some_and(|at| world.now >= at);
    let mut world = world.clone();
    if let Some(budget) = world.object.spec.budget.as_mut().filter(|_| !is_spent) {
        budget.max_usd = "999999".to_owned();
    }
    planner::plan(&world)
}

#[test]
fn every_mutant_is_caught() {
    // One alone, by its name, for who works on it.
    let only = std::env::var("CAMPAIGN_MUTANT").ok();
    let mut mutants = all();
    mutants.retain(|mutant| only.as_ref().is_none_or(|only| only == mutant.name));
    // Those that may take long begin first.
    mutants.sort_by_key(|mutant| mutant.known().is_none());
    // A thread for each, not all threads for one: few seeds are played of most, and what others played beyond them would be lost.
    let caught = side_by_side(&mutants, |mutant| {
        let Some(failure) = mutant.failure() else { return false };
        let (name, rule, seed) = (mutant.name, failure.broken.rule, failure.seed);
        let death = if failure.script.doom.is_some() { " with a death at an effect" } else { "" };
        let moved = mutant.known().filter(|known| *known != seed);
        let moved = moved.map(|known| format!(", and not at {known} any more")).unwrap_or_default();
        let fair = runtime().block_on(life::live(&failure.script, Ways::default(), Telling::No)).result;
        assert!(fair.is_ok(), "the right operator breaks a rule where `{name}` does, at seed {seed}");
        say(&format!("campaign: mutant `{name}` is caught by {rule:?} at seed {seed}{death}{moved}"));
        true
    });
    let escaped = mutants.iter().zip(caught).filter(|(_, is_caught)| !is_caught).map(|(mutant, _)| mutant.name);
    let escaped: Vec<&str> = escaped.collect();
    assert!(escaped.is_empty(), "not caught within {SEEDS} seeds: {escaped:?}");
}
