//! Worlds in which clusters follow their queue: what is launched, started, drained and ended, and what stays quiet meanwhile.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use planner::ports::{Instance, InstanceState};
use planner::world::{Facet, Unknown};
use planner::{Action, Done, Failure, Memory, Outcome, Plan, World, plan, status};

use crate::fixture::{epoch, say, seconds, settle, world};
use crate::spelling::spell;

/// Front and generator run, and nobody works yet.
pub(crate) const EMPTY: &str = "
    clusters a=t2.micro*20
    queue
    queues a
    bucket
    line front/1 x1 closed ids i-f
    line generator/1 x1 closed ids i-g
    have i-f front/1 running
    have i-g generator/1 running
    balancer healthy
    run none
";

/// Four of them work since a long time.
pub(crate) const FOUR: &str = "
    line a/1 x4 closed ids i-1,i-2,i-3,i-4 age 500s
    have i-1 a/1 running age 500s
    have i-2 a/1 running age 490s
    have i-3 a/1 running age 480s
    have i-4 a/1 running age 10s
";

pub(crate) fn scaled(how: &str, more: &str) -> World {
    world(&format!("{EMPTY}\nscaled a {how}\n{more}"))
}

/// Lines of a plan without its conditions.
fn deeds(world: &World) -> String {
    let text = spell(world, &plan(world));
    text.lines().filter(|line| !line.contains("=True") && !line.contains("=False")).collect::<Vec<_>>().join("; ")
}

/// The conditions of a plan.
pub(crate) fn conditions(world: &World) -> String {
    let text = spell(world, &plan(world));
    text.lines().filter(|line| line.contains("=True") || line.contains("=False")).collect::<Vec<_>>().join("\n")
}

/// Looks once, as a process does that goes on.
pub(crate) fn look(world: &mut World, at: i64) -> Plan {
    world.now = epoch() + seconds(at);
    world.cloud.listed_at = world.now;
    let plan = plan(world);
    world.object.status = status(world, &plan, &[]);
    world.memory = plan.memory.clone();
    plan
}

/// Looks for so long each second.
pub(crate) fn watch(world: &mut World, for_seconds: i64) -> Plan {
    let first = world.now.duration_since(epoch()).as_secs();
    (first..first + for_seconds).for_each(|at| drop(look(world, at)));
    look(world, first + for_seconds)
}

fn instances(world: &mut World) -> &mut Vec<Instance> {
    match &mut world.cloud.instances {
        Facet::Known(instances) => instances,
        Facet::Unknown(_) => panic!("instances are known"),
    }
}

pub(crate) fn drained_by(plan: &Plan) -> BTreeSet<String> {
    let told = plan.actions().find_map(|action| match action {
        Action::SetMembership { to, .. } => to.clusters[0].scaling.clone(),
        _ => None,
    });
    told.map(|scaling| scaling.drain).unwrap_or_default()
}

pub(crate) fn ended(plan: &Plan) -> BTreeSet<String> {
    let ids = plan.actions().flat_map(|action| match action {
        Action::Terminate(ids) | Action::Stop(ids) => ids.clone(),
        _ => BTreeSet::new(),
    });
    ids.collect()
}

/// Instances of the cluster that are launched, or asked about before.
fn growth(world: &World, plan: &Plan) -> i32 {
    let is_new = |line: &&api::Launch| !world.object.status.launches.iter().any(|old| old.token == line.token);
    let written: i32 = plan.ledger.iter().filter(|line| line.pool == "a").filter(is_new).map(|line| line.count).sum();
    let asked = plan.actions().map(|action| match action {
        Action::Rehearse(request) if request.tags["clusterbench.dev/pool"] == "a" => request.count,
        _ => 0,
    });
    written + i32::try_from(asked.sum::<u32>()).unwrap()
}

fn silence(world: &mut World) {
    world.balancer = Some(Facet::Unknown(Unknown { failure: Failure::Unreachable, message: "no answer".into() }));
}

#[test]
fn nothing_waits_and_nobody_is_there() {
    let world = scaled("latency=60", "says a unanswered=0\nsettled");
    assert_snapshot!(spell(&world, &plan(&world)), @"
    start run 1 of 40 rounds
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 2 of 2 instances run; a has 0 to 20 that are launched as its queue asks
    Deployed=True Healthy: 0 to 20 of a as its queue asks, front and generator answer
    Measured=False Starting: the run is being started
    wake 1s
    ");
}

#[test]
fn what_waits_is_one_line_of_the_ledger() {
    assert_snapshot!(deeds(&scaled("latency=60", "says a unanswered=100\nsettled")), @"write down a/1 x10; wake 0s");
    assert_snapshot!(deeds(&scaled("depth=5", "says a unanswered=33\nsettled")), @"write down a/1 x7; wake 0s");
    assert_snapshot!(deeds(&scaled("depth=5", "says a unanswered=9999\nsettled")), @"write down a/1 x20; wake 0s");
    assert_snapshot!(deeds(&scaled("depth=5", "spread b\nsays a unanswered=33\nsettled")), @"write down a/1 x4; write down a/2 x3; wake 0s");
}

/// Nobody waits for these any more, or a front before this one sent them: they lie in the queue all the same, and with no fewest
/// nobody else would ever take them.
#[test]
fn what_clients_gave_up_and_what_a_front_inherited_is_worked_on() {
    for said in ["abandoned=33", "inherited=33", "unanswered=3 abandoned=20 inherited=10"] {
        assert_eq!(
            deeds(&scaled("depth=5", &format!("says a {said}\nsettled"))),
            "write down a/1 x7; wake 0s",
            "{said}"
        );
    }
    let mut world = scaled("latency=60", "says a inherited=1\nsettled");
    assert_snapshot!(deeds(&world), @"write down a/1 x1; wake 0s");
    assert!(conditions(&world).contains("at rest: requests wait for an answer"));
    // What SQS may still count although it is gone starts nobody, and is no rest.
    say(&mut world, "a", "unclear=9");
    assert_snapshot!(deeds(&world), @"wake 1s");
    assert!(conditions(&world).contains("at rest: SQS counts messages that the front does not know"));
    // Nor is a queue that nobody has looked into.
    say(&mut world, "a", "uncounted");
    assert_snapshot!(deeds(&world), @"wake 1s");
    assert!(conditions(&world).contains("at rest: SQS has not said how many messages there are"));
}

#[test]
fn for_what_only_may_wait_nobody_is_let_go() {
    for said in ["unclear=9", "uncounted"] {
        let mut world = scaled("latency=60", &format!("{FOUR}\nsays a {said}\nsettled"));
        assert_eq!(drained_by(&watch(&mut world, 100)), BTreeSet::new(), "{said}");
        say(&mut world, "a", "");
        assert_eq!(drained_by(&look(&mut world, 201)).len(), 4, "{said}");
    }
}

#[test]
fn who_was_told_to_finish_and_is_silent_for_longer_than_it_can_work_ends() {
    let text = |pool: &str, said: &str| {
        deeds(&scaled(&format!("latency=60 {pool}"), &format!("{FOUR}\nsays a draining=i-1,i-2 {said}\nsettled")))
    };
    assert_snapshot!(text("", "silent=i-1:89 busy=i-2"), @"wake 1s");
    assert_snapshot!(text("", "silent=i-1:90 busy=i-2"), @"terminate i-1; wake 1s");
    assert_snapshot!(text("", "drained=i-2 silent=i-1:90"), @"terminate i-2; terminate i-1; wake 1s");
    let stopped = resting("says a draining=i-2 silent=i-2:90\nsettled");
    assert_eq!(ended(&plan(&stopped)), ["i-2".to_owned()].into());
    assert!(plan(&stopped).effects.iter().any(|effect| effect.because.contains("have given no sign for 90 s")));
}

/// Its process or its host is dead. What it had is visible to others after a while; nobody else would ever end it.
#[test]
fn who_serves_and_is_silent_for_longer_than_it_can_work_is_told_to_finish_and_ends() {
    let busy = "unanswered=120 busy=i-1,i-2,i-3,i-4";
    let mut world = scaled("latency=60", &format!("{FOUR}\nsays a {busy}\nsettled"));
    look(&mut world, 100);
    say(&mut world, "a", &format!("{busy} silent=i-1:1"));
    assert_eq!(growth(&world.clone(), &look(&mut world, 101)), 3, "others make it up at once");
    say(&mut world, "a", &format!("{busy} silent=i-1:89"));
    let before = look(&mut world, 189);
    assert_eq!((drained_by(&before), ended(&before)), (BTreeSet::new(), BTreeSet::new()));
    say(&mut world, "a", &format!("{busy} uncounted silent=i-1:90"));
    let told = look(&mut world, 190);
    assert_eq!((drained_by(&told), ended(&told)), (["i-1".to_owned()].into(), BTreeSet::new()), "it is told first");
    let back = world.clone();
    say(&mut world, "a", &format!("{busy} draining=i-1 silent=i-1:91"));
    assert_eq!(ended(&look(&mut world, 191)), ["i-1".to_owned()].into());
    // Told to finish, it gives a sign: then its word is waited for.
    let mut world = back;
    say(&mut world, "a", &format!("{busy} draining=i-1"));
    assert_eq!(ended(&look(&mut world, 192)), BTreeSet::new());
    say(&mut world, "a", &format!("{busy} drained=i-1"));
    assert_eq!(ended(&look(&mut world, 193)), ["i-1".to_owned()].into());
}

#[test]
fn who_never_served_is_not_ended_for_its_silence() {
    let said = "unanswered=120 busy=i-2,i-3,i-4 silent=i-1:500";
    let mut world = scaled("latency=60", &format!("{FOUR}\nsays a {said}\nsettled"));
    for at in [100, 1_000] {
        let plan = look(&mut world, at);
        assert_eq!((drained_by(&plan), ended(&plan)), (BTreeSet::new(), BTreeSet::new()));
    }
    // An operator that was not there knows from the front that it did.
    say(&mut world, "a", &format!("{said} known=i-1"));
    world.memory = Memory::default();
    assert_eq!(drained_by(&look(&mut world, 1_001)), ["i-1".to_owned()].into());
}

/// A pool that stops its instances stops a dead one as well: its next start is another boot of the same host, or of another one.
#[test]
fn who_serves_and_is_silent_is_stopped_where_others_are_stopped() {
    let mut world = resting("says a unanswered=10 busy=i-1,i-2\nsettled");
    look(&mut world, 100);
    say(&mut world, "a", "unanswered=10 busy=i-1 silent=i-2:95");
    let told = look(&mut world, 195);
    assert_eq!((drained_by(&told), ended(&told)), (["i-2".to_owned()].into(), BTreeSet::new()));
    say(&mut world, "a", "unanswered=10 busy=i-1 draining=i-2 silent=i-2:96");
    let plan = look(&mut world, 196);
    assert!(plan.actions().any(|action| *action == Action::Stop(["i-2".to_owned()].into())));
}

#[test]
fn what_is_wanted_and_cannot_be_had_is_told_to_the_front() {
    let told =
        |world: &World| planner::balance::membership::membership(world).clusters[0].scaling.clone().unwrap().lacking;
    // EC2 refused a launch a moment ago, and the queue still asks for it.
    let refused = "line a/1 x7 closed reason NoCapacity age 20s\n";
    assert_eq!(told(&scaled("depth=5", &format!("{refused}says a unanswered=33\nsettled"))), 7);
    assert_eq!(told(&scaled("depth=5", &format!("{refused}says a\nsettled"))), 0);
    let long_ago = refused.replace("20s", "70s");
    assert_eq!(told(&scaled("depth=5", &format!("{long_ago}says a unanswered=33\nsettled"))), 0);
    // Nobody comes, whatever the reason.
    let mut world = resting("says a unanswered=99 busy=i-1,i-2\nsettled");
    watch(&mut world, 29);
    assert_eq!(told(&world), 0);
    watch(&mut world, 2);
    assert_eq!(told(&world), 2);
    assert!(conditions(&world).contains("2 are wanted and cannot be had"));
    say(&mut world, "a", "unanswered=10 busy=i-1,i-2");
    assert_eq!(told(&world), 0);
}

#[test]
fn those_that_come_or_boot_are_counted_and_not_asked_for_again() {
    let coming = "line a/1 x7 open unsent\nsays a unanswered=33\nsettled";
    assert_snapshot!(deeds(&scaled("depth=5", coming)), @"launch a/1 t2.micro x7; wake 1s");
    let pending = "line a/1 x2 closed ids i-1,i-2\nhave i-1 a/1 pending\nhave i-2 a/1 running\nsays a unanswered=10 sick=i-2\nsettled";
    assert_snapshot!(deeds(&scaled("depth=5", pending)), @"wake 1s");
}

#[test]
fn a_silent_front_starts_the_fewest_and_nobody_else() {
    for (how, drafted) in [("depth=1", 0), ("depth=1 min=2", 2)] {
        let mut world = scaled(how, "says a unanswered=99");
        silence(&mut world);
        assert_eq!(growth(&world, &plan(&world)), drafted, "{how}");
    }
    let mut four = scaled("latency=60", &format!("{FOUR}\nsays a drained=i-1\nsettled"));
    watch(&mut four, 60);
    silence(&mut four);
    let plan = look(&mut four, 200);
    assert_eq!((ended(&plan), drained_by(&plan)), (BTreeSet::new(), BTreeSet::new()));
}

#[test]
fn idle_ones_whose_minute_is_over_are_drained_first_and_who_has_finished_ends() {
    let mut world = scaled("latency=60", &format!("{FOUR}\nsays a busy=i-2\nsettled"));
    let first = plan(&world);
    assert_eq!(drained_by(&first), BTreeSet::new(), "nobody knows yet what was needed");
    say(&mut world, "a", "unanswered=60 busy=i-2");
    let plan = watch(&mut world, 50);
    // Sixty requests of 2 s are the work of two.
    assert_eq!(drained_by(&plan), ["i-1", "i-3"].map(str::to_owned).into());
    assert_eq!(ended(&plan), BTreeSet::new());
    // The front says that one has finished: it ends, the other goes on, and neither returns when more waits.
    settle(&mut world);
    say(&mut world, "a", "unanswered=900 busy=i-2,i-3 drained=i-1 draining=i-3");
    let before = world.clone();
    let plan = look(&mut world, 152);
    assert_eq!(ended(&plan), ["i-1".to_owned()].into());
    assert_eq!(growth(&before, &plan), 16, "four are alive until lists show their end");
    let told = planner::balance::membership::membership(&world).clusters[0].scaling.clone().unwrap();
    assert_eq!(told.drain, ["i-1", "i-3"].map(str::to_owned).into());
}

#[test]
fn who_leaves_is_remembered_when_the_front_begins_anew() {
    let mut world = scaled("latency=60", &format!("{FOUR}\nsays a draining=i-1 busy=i-1\nsettled"));
    look(&mut world, 100);
    say(&mut world, "a", "busy=i-1");
    if let Some(Facet::Known(front)) = &mut world.balancer {
        front.membership_sha256 = "anew".into();
    }
    assert_eq!(drained_by(&look(&mut world, 103)), ["i-1".to_owned()].into());
    // Without a memory nobody knows; it ends when it has finished, and is chosen again otherwise.
    world.memory = Memory::default();
    assert_eq!(drained_by(&look(&mut world, 104)), BTreeSet::new());
}

/// Lists are then as young as they can be: a boot that is seen late would look long.
#[test]
fn who_boots_comes_or_finishes_is_looked_at_often() {
    let is_moving = |more: &str| planner::counts::is_any_moving(&scaled("depth=5", &format!("{more}\nsettled")));
    assert!(!is_moving("says a"), "nobody is there");
    assert!(!is_moving(&format!("{FOUR}\nsays a unanswered=20 busy=i-1,i-2,i-3,i-4")), "all serve");
    assert!(is_moving(&format!("{FOUR}\nsays a unanswered=20 sick=i-4")), "it boots");
    assert!(is_moving("line a/1 x1 open age 1s\nsays a unanswered=5"), "it may still come");
    assert!(is_moving(&format!("{FOUR}\nsays a unanswered=20 draining=i-1")));
    let fixed = world(&format!("{EMPTY}\n{FOUR}\nsays a unanswered=20"));
    assert!(!planner::counts::is_any_moving(&fixed));
}

#[test]
fn an_operator_that_was_restarted_only_waits() {
    let mut world = scaled("latency=60", &format!("{FOUR}\nsays a\nsettled"));
    assert_eq!(drained_by(&watch(&mut world, 60)).len(), 4);
    world.memory = Memory::default();
    assert_eq!(drained_by(&look(&mut world, 162)), BTreeSet::new());
    assert_eq!(drained_by(&watch(&mut world, 50)).len(), 4);
}

#[test]
fn a_count_that_is_lowered_drains_before_anybody_ends() {
    let mut world = scaled("depth=1", &format!("{FOUR}\nsays a unanswered=99\nsettled"));
    world.object.spec.clusters[0].count = 2;
    let plan = plan(&world);
    assert_eq!((ended(&plan), drained_by(&plan)), (BTreeSet::new(), ["i-1", "i-2"].map(str::to_owned).into()));
}

#[test]
fn a_run_begins_at_rest_and_scaling_is_no_change() {
    let mut world =
        scaled("latency=60 min=1", "line a/1 x1 closed ids i-1\nhave i-1 a/1 running age 500s\nsays a\nsettled");
    let plan = plan(&world);
    let targets = plan.actions().find_map(|action| match action {
        Action::StartRun { run, .. } => Some(run.targets.clone()),
        _ => None,
    });
    assert!(targets.is_some_and(|targets| targets.iter().all(|target| target.scaled)));
    assert_snapshot!(conditions(&world), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 3 of 3 instances run; a has 1 to 20 that are launched as its queue asks
    Deployed=True Healthy: 1 to 20 of a as its queue asks, front and generator answer
    Measured=False Starting: the run is being started
    ");
    say(&mut world, "a", "unanswered=300 busy=i-1");
    assert_snapshot!(spell(&world, &self::plan(&world)), @"
    rehearse a/2 t2.micro x19
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 3 of 3 instances run; a has 1 to 20 that are launched as its queue asks
    Deployed=True Healthy: 1 to 20 of a as its queue asks, front and generator answer
    Measured=False Waiting: waits until cluster a is at rest: requests wait for an answer
    wake 0s
    ");
    let line = "line a/2 x2 closed ids i-2,i-3\nhave i-2 a/2 pending\nhave i-3 a/2 running";
    let text =
        format!("line a/1 x1 closed ids i-1\nhave i-1 a/1 running age 500s\n{line}\nsays a busy=i-1 sick=i-3\nsettled");
    assert_snapshot!(conditions(&scaled("latency=60 min=1", &text)), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 3 of 3 instances run; a has 1 to 20 that are launched as its queue asks
    Deployed=True Healthy: 1 to 20 of a as its queue asks, front and generator answer
    Measured=False Waiting: waits until cluster a is at rest: 2 are starting
    ");
    let ill = text.replace("have i-3 a/2 running", "have i-3 a/2 running age 2000s");
    assert!(conditions(&scaled("latency=60 min=1", &ill)).contains("Deployed=False Waiting: i-3 of a does not answer"));
}

#[test]
fn only_failed_boots_count_against_a_cluster_that_launches_often() {
    let lines = |count: usize, failed: usize| {
        let line = |number: usize| {
            let reason = if number <= failed { "reason BootFailed" } else { "" };
            format!(
                "line a/{number} x1 closed ids i-{number} age 300s {reason}\nhave i-{number} a/{number} running age 300s\n"
            )
        };
        (1..=count).map(line).collect::<String>() + "says a unanswered=99\nsettled"
    };
    let drafts = |world: &World| plan(world).ledger.iter().any(|line| line.number == 9);
    assert!(drafts(&scaled("depth=1", &lines(8, 2))));
    assert!(!drafts(&scaled("depth=1", &lines(8, 3))));
    assert!(conditions(&scaled("depth=1", &lines(8, 3))).contains("Provisioned=False BootFailed"));
}

#[test]
fn what_was_rehearsed_is_written_down_although_more_is_lacking_now() {
    let mut world = scaled("depth=5", "says a unanswered=30\nsettled\nunrehearsed");
    let asked = plan(&world);
    let outcomes: Vec<Outcome> = asked.actions().map(|action| Outcome::new(action.clone(), Ok(Done::Ok))).collect();
    assert!(asked.actions().any(|action| matches!(action, Action::Rehearse(request) if request.count == 6)));
    world.memory = asked.memory.clone();
    world.memory.acted(&world.clone(), &outcomes);
    say(&mut world, "a", "unanswered=42");
    let fresh: Vec<i32> = plan(&world).ledger.iter().filter(|line| line.pool == "a").map(|line| line.count).collect();
    assert_eq!(fresh, [6]);
}

/// Two of five run, three are stopped.
const RESTING: &str = "
    line a/1 x5 closed ids i-1,i-2,i-3,i-4,i-5 age 900s
    have i-1 a/1 running age 500s
    have i-2 a/1 running age 490s
    have i-3 a/1 stopped age 800s
    have i-4 a/1 stopped age 800s
    have i-5 a/1 stopping age 800s
";

pub(crate) fn resting(more: &str) -> World {
    world(&format!("{EMPTY}\nscaled a depth=5 startstop\n{RESTING}\n{more}").replacen(
        "a=t2.micro*20",
        "a=t2.micro*5",
        1,
    ))
}

#[test]
fn a_pool_is_launched_once_and_then_stopped_and_started() {
    let new = world(&format!("{EMPTY}\nscaled a depth=5 startstop\nsays a\nsettled").replacen("*20", "*5", 1));
    assert_snapshot!(deeds(&new), @"write down a/1 x5; wake 0s");
    // Stopped ones are there; two more are needed, and who is being stopped is not started yet.
    assert_snapshot!(deeds(&resting("says a unanswered=22 busy=i-1,i-2\nsettled")), @"start i-3 i-4; wake 1s");
    assert_snapshot!(deeds(&resting("says a unanswered=12 busy=i-1,i-2\nsettled")), @"start i-3; wake 1s");
    assert_snapshot!(deeds(&resting("says a unanswered=10 busy=i-1 drained=i-2\nsettled")), @"stop i-2; start i-3; wake 1s");
    assert_snapshot!(conditions(&resting("says a busy=i-1 drained=i-2\nsettled")), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 7 of 7 instances are there; a has 0 to 5 that are started and stopped as its queue asks
    Deployed=True Healthy: 0 to 5 of a as its queue asks, front and generator answer
    Measured=False Waiting: waits until cluster a is at rest: 1 instances take requests and 0 do at rest, 1 are finishing
    ");
}

#[test]
fn who_was_stopped_by_somebody_is_one_fewer_and_may_be_started_again() {
    let mut world = resting("says a unanswered=99\nsettled");
    instances(&mut world).iter_mut().filter(|one| one.id.len() == 3 && one.id != "i-f" && one.id != "i-g").for_each(
        |one| {
            one.state = InstanceState::Stopped;
            one.state_reason = Some("Client.InstanceInitiatedShutdown: Instance initiated shutdown".into());
        },
    );
    assert_snapshot!(deeds(&world), @"start i-3 i-4 i-5; set membership after v1: a=0; wake 1s");
    // Where the pool starts none, it is replaced.
    world.object.spec.clusters[0].scaling.as_mut().unwrap().pool = None;
    assert_eq!(ended(&plan(&world)).len(), 5);
}

#[test]
fn of_too_many_the_stopped_ones_end_and_nobody_else() {
    let mut world = resting("says a unanswered=99 busy=i-1,i-2\nsettled");
    world.object.spec.clusters[0].count = 3;
    assert_eq!(ended(&plan(&world)), ["i-3", "i-4"].map(str::to_owned).into());
    silence(&mut world);
    assert_eq!(ended(&plan(&world)), BTreeSet::new());
}

#[test]
fn a_cluster_that_is_gone_leaves_no_stopped_instance() {
    let mut world = resting("says a\nsettled");
    world.object.spec.clusters[0].name = "b".into();
    assert_eq!(ended(&plan(&world)), ["i-1", "i-2", "i-3", "i-4", "i-5"].map(str::to_owned).into());
}

#[test]
fn time_in_which_an_instance_was_stopped_is_paid_at_most() {
    let world = resting("says a\nsettled");
    let bounds: Vec<String> =
        plan(&world).ledger.into_iter().map(|line| format!("{} {}", line.pool, line.bound)).collect();
    assert_eq!(bounds, ["front ", "generator ", "a AtMost"]);
}

#[test]
fn status_says_what_is_wanted_and_who_comes_and_goes() {
    let text = format!("{FOUR}\nsays a unanswered=40 busy=i-1 draining=i-2 sick=i-4\nsettled");
    let world = scaled("depth=5", &text);
    let said = status(&world, &plan(&world), &[]);
    let queue = &said.queues[0];
    assert_eq!((queue.wanted, queue.starting, queue.draining), (Some(8), 1, 1));
    let pool = said.pools.iter().find(|pool| pool.name == "a").unwrap();
    assert_eq!((pool.desired, pool.ready, said.instances_ready.as_deref()), (8, 2, Some("4/10")));
    let states: Vec<&str> = said.instances.iter().filter(|one| one.pool == "a").map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["ready", "draining", "ready", "running"]);
}

#[test]
fn a_target_that_the_work_itself_nearly_takes_is_said() {
    let accepted = |seconds: i32, micros: i64| {
        let mut world = scaled(&format!("latency={seconds}"), "says a\nsettled");
        let work = serde_json::json!({ "profile": "Sleep", "meanMicros": micros });
        world.object.spec.worker.work = serde_json::from_value(work).unwrap();
        conditions(&world).lines().next().unwrap_or_default().to_owned()
    };
    assert!(accepted(3, 2_000_000).contains("scaling.targetSeconds 3 of cluster a is less than two requests take"));
    assert!(accepted(3, 2_000_000).contains("raise it to 4 or more"));
    assert!(!accepted(4, 2_000_000).contains("raise it"));
}
