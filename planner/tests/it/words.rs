//! Words of a stored status: how they are spelled, and that nothing is decided by one that this version does not know.

use std::collections::BTreeSet;

use planner::effect::Kind;
use planner::ports::Addressing;
use planner::world::World;
use planner::world::ledger::{LineState, Refusal};
use planner::{Action, Failure, Plan, Reason, RunOutcome, plan, status};

use crate::fixture::{COMPLETE, seconds, world};

/// Stored objects hold these: whoever renames a variant sees here that its word would change.
#[test]
fn stored_words_are_spelled_as_ever() {
    let failures = "Throttled NoCapacity Unsupported QuotaReached Unauthorized CredentialsExpired AccountRestricted \
                    Rejected TokenSpent NotFound NotYetVisible AlreadyExists NameTaken DependencyViolation TooLate Unreachable";
    let reasons = "Pending Placed Deleted Finished LedgerLost Expired UnknownRegion RegionNotEnabled \
                   UnknownInstanceType NotOffered UnknownSubnet UnknownZone TooFewZones SubnetsInTwoVpcs NoDefaultVpc NoControlSources ControlTooWide SubnetFull NoEgress \
                   Ipv6Only NeedsSecondZone OverBudget PriceUnknown UnknownImage WrongArchitecture ProgramsTooOld NoArtifact NoInstanceProfile Running Launching Replacing Relaunching Waiting \
                   BootFailed BalancerProvisioning BalancerImpaired BalancerFailed BalancerUnseen QueuesProvisioning QueuesUnseen ChangedByHand NoRecipe NotUnderstood Moving TearingDown GroupInUse BucketNotEmpty UnknownKind TerminationDenied NothingLeft \
                   WrongAccount WrongInstallation Healthy Unhealthy UpdateFailed ControlUnreachable ControlKeyChanged Starting \
                   Collecting Pausing Paused BalancerGone Valid Invalid Failed TooLong Expiring Aborted Met NotMet \
                   Undecided Recorded CrdTooOld OtherPrice InvalidObject";
    let split = |words: &'static str| words.split_whitespace().collect::<Vec<_>>();
    assert_eq!(Failure::ALL.iter().map(|failure| failure.name()).collect::<Vec<_>>(), split(failures));
    assert_eq!(Reason::all().map(Reason::name).collect::<Vec<_>>(), [split(reasons), split(failures)].concat());
    assert_eq!(RunOutcome::ALL.map(RunOutcome::name), ["Running", "Valid", "Invalid", "Aborted", "Failed"]);
    assert_eq!(LineState::ALL.map(LineState::name), ["Open", "Closed"]);
    assert_eq!(Addressing::ALL.map(Addressing::name), ["Private", "Public"]);
    assert_eq!([Refusal::NeverSeen, Refusal::BootFailed].map(Refusal::name), ["NeverSeen", "BootFailed"]);
}

#[test]
fn every_word_is_read_back_and_no_other() {
    for reason in Reason::all() {
        assert_eq!(Reason::parse(reason.name()), Some(reason));
    }
    for failure in Failure::ALL {
        assert_eq!(Failure::parse(failure.name()), Some(*failure));
        assert_eq!(Refusal::parse(failure.name()), Some(Refusal::Call(*failure)));
    }
    let names: BTreeSet<&str> = Reason::all().map(Reason::name).collect();
    assert_eq!(names.len(), Reason::all().count(), "no two reasons share a word");
    for word in ["", "running", "Brandnew", "Call"] {
        assert_eq!((Reason::parse(word), Failure::parse(word), Refusal::parse(word)), (None, None, None), "{word:?}");
    }
}

fn kinds(plan: &Plan) -> Vec<Kind> {
    plan.actions().map(|action| action.nature().kind).collect()
}

fn is_launch_of(action: &Action, pool: &str) -> bool {
    matches!(action, Action::Launch(request) if request.tags[planner::owner::POOL] == pool)
}

/// Plans of half an hour, each with the memory and the status that the one before left.
fn plans(world: &mut World) -> Vec<Plan> {
    let mut plans = Vec::new();
    for _ in 0..20 {
        let plan = plan(world);
        world.object.status = status(world, &plan, &[]);
        world.memory = plan.memory.clone();
        world.now += seconds(90);
        world.cloud.listed_at = world.now;
        plans.push(plan);
    }
    plans
}

fn first_line(world: &mut World, change: impl Fn(&mut api::Launch)) {
    change(&mut world.object.status.launches[0]);
}

/// A line of a state that a later version writes may still make instances, for all that this one knows.
#[test]
fn a_launch_of_an_unknown_state_is_neither_made_again_nor_given_up() {
    for text in ["line a/1 x2 open", "line a/1 x2 open\ndeleting"] {
        let mut world = world(text);
        first_line(&mut world, |line| line.state = "Parked".into());
        let line = world.object.status.launches[0].clone();
        for plan in plans(&mut world) {
            assert!(!kinds(&plan).contains(&Kind::RemoveFinalizer), "{text}");
            assert!(plan.actions().all(|action| !is_launch_of(action, "a")), "{text}");
            assert_eq!(plan.ledger.iter().filter(|line| line.pool == "a").collect::<Vec<_>>(), [&line], "{text}");
        }
        assert!(world.object.status.launches.contains(&line), "{text}");
    }
}

#[test]
fn a_pool_with_an_unknown_refusal_launches_nothing_and_says_so() {
    for text in ["line a/1 x2 closed reason Brandnew", "line a/1 x2 open reason Brandnew"] {
        let mut world = world(text);
        for plan in plans(&mut world) {
            assert!(plan.ledger.iter().all(|line| line.pool != "a" || line.number == 1), "{text}");
            assert!(plan.actions().all(|action| !is_launch_of(action, "a")), "{text}");
            let provisioned = plan.conditions.get(api::ConditionType::Provisioned);
            assert_eq!(provisioned.reason, Reason::NotUnderstood, "{text}: {}", provisioned.message);
        }
        assert_eq!(world.object.status.launches[0].reason, "Brandnew");
    }
}

#[test]
fn an_unknown_addressing_launches_and_terminates_nothing() {
    for text in ["", "have i-1 a/1 running outdated\nhave i-2 a/1 running outdated\nline a/1 x2 closed ids i-1,i-2"] {
        let mut world = world(text);
        world.object.status.placement.as_mut().unwrap().addressing = "Carrier".into();
        for plan in plans(&mut world) {
            let grave: Vec<Kind> =
                plan.actions().map(|one| one.nature()).filter(|one| one.is_grave).map(|one| one.kind).collect();
            assert!(grave.is_empty(), "{text}: {grave:?}");
            assert!(plan.conditions.get(api::ConditionType::Provisioned).message.contains("Carrier"));
        }
    }
}

/// The benchmark is to be torn down when its result is recorded: whether it is, cannot be told.
#[test]
fn a_run_of_an_unknown_outcome_ends_and_begins_nothing() {
    for run in ["run none", "run finished"] {
        let mut world = world(&format!("{COMPLETE}balancer healthy\n{run}\nrecorded"));
        world.object.spec.lifecycle.after_run = api::AfterRun::Terminate;
        assert!(!world.object.status.runs.is_empty());
        world.object.status.runs[0].outcome = "Superseded".into();
        let plan = plan(&world);
        assert_eq!(kinds(&plan), [], "{run}");
        assert_eq!(plan.conditions.get(api::ConditionType::Measured).reason, Reason::NotUnderstood);
    }
}

/// Its generators may be measuring still, whatever the spec asks for now, and its parts may be all that is left of it.
#[test]
fn a_run_of_an_unknown_outcome_keeps_its_generators_and_its_parts() {
    let mut world = world(&format!("{COMPLETE}balancer healthy\nrun none\nrecorded"));
    let newer = world.object.status.runs[0].clone();
    let part = api::Part {
        report_sha256: "hash".into(),
        rounds: 2,
        relaunches: 0,
        generator: 1,
        start_at: None,
        capacities: Vec::new(),
    };
    let older = api::Run { outcome: "Superseded".into(), generators: 3, parts: vec![part], ..newer.clone() };
    world.object.status.runs = vec![older, newer];
    assert_eq!(planner::runs::generators(&world), 1..=3);
    let written = status(&world, &plan(&world), &[]);
    assert_eq!(written.runs[0].parts.len(), 1);
}
