//! Worlds in which the operator holds still, because it was told to or because it cannot believe what it sees.

use insta::assert_snapshot;
use planner::ports::{Instance, InstanceState};
use planner::world::{Facet, Seal};
use planner::{Action, plan, status};

use crate::fixture::{COMPLETE, world};
use crate::spelling::{planned, spell};

fn complete(more: &str) -> String {
    planned(&format!("{COMPLETE}\nbalancer healthy\n{more}"))
}

#[test]
fn paused_launches_replaces_and_measures_nothing() {
    assert_snapshot!(planned("paused\nunplaced\ngroups none"), @"
    Accepted=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Provisioned=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Deployed=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Measured=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    stalled by Accepted
    wake 30s
    ");
    assert_snapshot!(planned("paused\nline a/1 x2 open\nhave i-1 a/1 running outdated"), @"
    line a/1 Open [i-1]
    Accepted=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Provisioned=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Deployed=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Measured=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    stalled by Accepted
    wake 1s
    ");
    assert_snapshot!(complete("paused\nrun none"), @"
    Accepted=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Provisioned=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Deployed=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Measured=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    stalled by Accepted
    wake 1s
    ");
}

#[test]
fn paused_still_brings_a_report_home() {
    assert_snapshot!(complete("paused\nrun finished"), @"
    collect report of 1
    Accepted=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Provisioned=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Deployed=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Measured=False Collecting: the report is being collected
    stalled by Accepted
    wake 1s
    ");
    assert_snapshot!(complete("paused\nrun running\nnow 7100s"), @"
    stop run 1
    Accepted=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Provisioned=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Deployed=Unknown Paused: spec.paused is true: nothing is launched, replaced or measured anew until it is false; deletion and lifecycle.maxLifetimeSeconds still end everything
    Measured=False Expiring: lifecycle.maxLifetimeSeconds is nearly over: the run is stopped, what it measured is kept
    stalled by Accepted
    wake 1s
    ");
}

/// What is done with the run that is on, and what is said of it.
fn of_the_run(more: &str) -> (Option<String>, String) {
    let text = complete(&format!("run running\n{more}"));
    let lines = || text.lines().map(str::trim);
    let action = lines().find(|line| line.contains(" run 1") && !line.contains('='));
    let measured = lines().find_map(|line| line.strip_prefix("Measured=False ")).unwrap();
    (action.map(str::to_owned), measured.to_owned())
}

#[test]
fn paused_holds_a_run_between_rounds_and_lets_it_go_on() {
    let progress = "7 rounds are measured, the next look is after 20, the last after 40";
    let says = |more: &str, action: Option<&str>, said: &str| {
        assert_eq!(of_the_run(more), (action.map(str::to_owned), said.replace("PROGRESS", progress)), "{more}");
    };
    says("hold no", None, "Running: PROGRESS");
    let first = "Pausing: PROGRESS; spec.paused is true: the round that is on is finished first";
    says("paused\nhold no", Some("hold run 1"), first);
    says("paused\nhold after", None, first);
    says(
        "paused\nhold held",
        None,
        "Paused: paused after round 7 of 20: it goes on when spec.paused is false; lifecycle.maxLifetimeSeconds is not prolonged",
    );
    let again = "Running: PROGRESS; spec.paused is false again: the run goes on";
    says("hold after", Some("resume run 1"), again);
    says("hold held", Some("resume run 1"), again);
    // Before the expiry it is stopped, and what it measured is brought home.
    says(
        "paused\nhold held\nnow 7100s",
        Some("stop run 1"),
        "Expiring: lifecycle.maxLifetimeSeconds is nearly over: the run is stopped, what it measured is kept",
    );
}

#[test]
fn a_run_that_cannot_be_held_is_finished_and_the_condition_says_so() {
    let (action, said) = of_the_run("paused");
    assert_eq!(action, None);
    assert_snapshot!(said, @"Running: 7 rounds are measured, the next look is after 20, the last after 40; spec.paused is true: the run that is on is finished first; nothing is launched, replaced or measured after it (its generator is of a version that holds none)");
}

#[test]
fn paused_does_not_hold_up_deletion_and_expiry() {
    for text in ["paused\ndeleting\nhave i-1 a/1 running", "paused\nnow 7200s\nhave i-1 a/1 running"] {
        assert!(planned(text).contains("terminate i-1"), "{text}");
    }
}

#[test]
fn deletion_waits_for_the_right_account() {
    assert_snapshot!(planned("deleting\naccount 999\ngroups none"), @"
    Provisioned=Unknown WrongAccount: the operator's credentials are for account 999, this benchmark lives in 111: nothing is done until they are for that account again
    wake 60s
    ");
}

#[test]
fn an_edited_ledger_is_a_lost_one() {
    assert_snapshot!(planned("edited\nline a/1 x2 open\nhave i-1 a/1 running"), @"
    terminate i-1
    line a/1 Open [i-1]
    Accepted=True LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    Provisioned=False TearingDown: still there: i-1 (running), up to 1 instances of launch a/1, sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    Measured=False LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    wake 1s
    ");
}

/// Even when nothing is seen any more and the written deadline is long over: a line that somebody took out of the
/// ledger may have been sent the moment before.
#[test]
fn what_an_edited_ledger_may_hide_is_waited_for() {
    let mut world = world("edited\ndeleting\ngroups none\nnow 3000s");
    world.memory = plan(&world).memory;
    for wait in [100, 100, 100, 119, 2] {
        assert!(!spell(&world, &plan(&world)).contains("remove finalizer"));
        world.memory = plan(&world).memory;
        world.now += jiff::SignedDuration::from_secs(wait);
        world.cloud.listed_at = world.now;
    }
    for _ in 0..2 {
        world.memory = plan(&world).memory;
        world.now += jiff::SignedDuration::from_secs(61);
        world.cloud.listed_at = world.now;
    }
    assert!(spell(&world, &plan(&world)).contains("remove finalizer"));
}

/// The region of an edited placement is not believed: lists of another region would show nothing.
#[test]
fn an_edited_region_hides_nothing() {
    let mut world = world("");
    if let Some(placement) = &mut world.object.status.placement {
        placement.region = "us-east-1".into();
    }
    assert_eq!(world.region(), "us-east-1");
    world.object.seal = Seal::Broken;
    assert_eq!(world.region(), "eu-west-1");
    world.object.spec.region = Some("eu-west-3".into());
    assert_eq!(world.region(), "eu-west-3");
}

#[test]
fn a_status_is_sealed_and_an_edit_breaks_the_seal() {
    let world = world("line a/1 x2 open\nhave i-1 a/1 pending");
    let mut status = status(&world, &plan(&world), &[]);
    assert!(Seal::of("uid-1", &status) == Seal::Whole);
    assert!(Seal::of("uid-2", &status) == Seal::Broken);
    status.launches.remove(0);
    assert!(Seal::of("uid-1", &status) == Seal::Broken);
    assert!(Seal::of("uid-1", &api::Status::default()) == Seal::Whole);
}

/// Writing beside an edit must not make it look whole.
#[test]
fn a_broken_seal_is_not_mended_by_the_next_status() {
    let mut world = world("edited\nline a/1 x2 open\nhave i-1 a/1 running");
    world.object.status.seal = "what was".into();
    let written = status(&world, &plan(&world), &[]);
    assert_eq!((written.seal.as_str(), written.observed_generation), ("what was", Some(-1)));
    assert!(Seal::of("uid-1", &written) == Seal::Broken);
}

#[test]
fn another_installation_is_left_alone() {
    let mut world = world("deleting\nhave i-1 a/1 running");
    world.settings.installation = "renamed".into();
    assert_snapshot!(spell(&world, &plan(&world)), @"
    Provisioned=Unknown WrongInstallation: this benchmark was made by installation test in Kubernetes cluster k8s-uid, the operator is renamed in k8s-uid: nothing is done until an operator of that name runs (--installation)
    stalled by Provisioned
    wake 60s
    ");
}

/// Members that the balancer is told, when a list shows the two workers of a measuring benchmark like this.
fn told_when(change: impl FnOnce(&mut Vec<Instance>)) -> Option<Vec<String>> {
    let mut world = world(&format!("{COMPLETE}\nbalancer healthy\nrun running"));
    let Facet::Known(instances) = &mut world.cloud.instances else { unreachable!() };
    change(instances);
    plan(&world).actions().cloned().find_map(|action| match action {
        Action::SetMembership { to, .. } => Some(to.clusters[0].members.iter().map(|m| m.id.clone()).collect()),
        _ => None,
    })
}

#[test]
fn a_list_from_the_past_takes_no_member_away() {
    assert_eq!(told_when(|_| ()), None);
    assert_eq!(told_when(|instances| instances[0].state = InstanceState::Pending), None);
    assert_eq!(told_when(|instances| drop(instances.remove(0))), None);
    // What is seen to end is taken out.
    let rest = Some(vec!["i-2".to_owned()]);
    assert_eq!(told_when(|instances| instances[0].state = InstanceState::ShuttingDown), rest);
    assert_eq!(told_when(|instances| instances[0].state = InstanceState::Stopping), rest);
}

#[test]
fn another_processs_line_is_taken_over_before_it_is_sent() {
    let sends = |text: &str| {
        let world = world(text);
        let plan = plan(&world);
        let is_sent = plan.actions().any(|action| matches!(action, Action::Launch(_)));
        (plan.ledger[0].sender.clone(), is_sent)
    };
    let says = |sender: &str, is_sent| (sender.to_owned(), is_sent);
    assert_eq!(sends("line a/1 x2 open age 3s"), says("operator", true));
    assert_eq!(sends("line a/1 x2 open of other age 3s"), says("other", false), "whoever wrote it is about to send it");
    assert_eq!(sends("line a/1 x2 open of other age 15s"), says("operator", false), "first status has to say so");
    assert_eq!(sends("line a/1 x2 open of other age 300s"), says("other", false), "it is too late to send it");
}

#[test]
fn what_was_another_processs_may_have_been_sent() {
    let ours = world("line a/1 x2 open").object.status.launches;
    let others = world("line a/1 x2 open of other").object.status.launches;
    let mut memory = planner::Memory::default();
    memory.recorded(&[], &ours, "operator");
    assert_eq!(memory.unsent.len(), 1, "nobody else can have sent it");
    memory.recorded(&others, &ours, "operator");
    assert!(memory.unsent.is_empty(), "taken back from a process that may have sent it");
    memory.recorded(&[], &others, "operator");
    assert!(memory.unsent.is_empty());
}

#[test]
fn an_instance_of_another_line_closes_none_by_its_tags() {
    let mut world = world("line a/1 x1 closed ids i-1\nline a/2 x1 open\nhave i-1 a/2 running");
    let token = world.object.status.launches[0].token.clone();
    let Facet::Known(instances) = &mut world.cloud.instances else { unreachable!() };
    instances[0].token = Some(token);
    let line = &plan(&world).ledger[1];
    assert_eq!((line.state.as_str(), line.instance_ids.len()), ("Open", 0));
}
