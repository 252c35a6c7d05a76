//! Worlds with queues between a front and the workers.

use api::{BalancerKind, Placement};
use insta::assert_snapshot;
use planner::ports::{Instance, InstanceState};
use planner::world::{Facet, Unknown};
use planner::{Action, CloudError, Done, Failure, Memory, Outcome, World, plan, status};

use crate::fixture::{BETWEEN, COMPLETE, between, epoch, seconds, world};
use crate::spelling::{planned, spell};

fn names(world: &World) -> Vec<&'static str> {
    plan(world).actions().map(Action::name).collect()
}

/// Actions that concern queues and buckets.
fn queueing(world: &World) -> Vec<&'static str> {
    names(world).into_iter().filter(|name| name.ends_with("Queue") || name.ends_with("Bucket")).collect()
}

fn reason(world: &World, outcomes: &[Outcome]) -> (String, String) {
    let status = status(world, &plan(world), outcomes);
    let provisioned = status.conditions.into_iter().find(|condition| condition.type_ == "Provisioned").unwrap();
    (provisioned.reason, provisioned.message)
}

fn instances(world: &mut World) -> &mut Vec<Instance> {
    match &mut world.cloud.instances {
        Facet::Known(instances) => instances,
        Facet::Unknown(_) => panic!("instances are known"),
    }
}

fn asks_for(world: &mut World, kind: BalancerKind) {
    world.object.spec.balancer.kind = kind;
    if kind != BalancerKind::Queue {
        world.object.spec.balancer.queue = None;
    }
}

/// What a pass writes down is read by the next one.
fn write(world: &mut World) {
    let plan = plan(world);
    world.object.status = status(world, &plan, &[]);
    world.memory = plan.memory;
}

#[test]
fn queues_and_bucket_are_made_before_whoever_uses_them_is_launched() {
    assert_snapshot!(planned("queue"), @"
    create queue clusterbench-amwoltfeegwdp2l2-a-in
    create queue clusterbench-amwoltfeegwdp2l2-a-out
    create bucket clusterbench-amwoltfeegwdp2l2-111-eu-west-1-an
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False QueuesProvisioning: 0 of 4 instances run; clusterbench-amwoltfeegwdp2l2-a-in and 2 more: queues and bucket are made before front and workers are launched
    Deployed=False Waiting: the front's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    assert_snapshot!(planned("queue\nqueues a\nbucket"), @"
    write down a/1 x2
    write down front/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the front's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn both_kinds_are_announced_before_the_first_of_them_is_made() {
    let mut world = world("queue");
    world.object.status.placement.as_mut().unwrap().kinds = vec!["SecurityGroup".into()];
    let plan = plan(&world);
    assert_eq!(queueing(&world), [""; 0]);
    assert_eq!(plan.placement.unwrap().kinds, ["SecurityGroup", "Queue", "Bucket"]);
}

#[test]
fn what_is_made_carries_all_tags_its_expiry_and_what_it_needs() {
    let world = world("queue");
    let plan = plan(&world);
    let requests: Vec<_> = plan
        .actions()
        .filter_map(|action| match action {
            Action::CreateQueue(request) => Some((request.attributes.clone(), request.tags.clone(), request.not_after)),
            Action::CreateBucket(request) => Some((Default::default(), request.tags.clone(), request.not_after)),
            _ => None,
        })
        .collect();
    assert_eq!(requests.len(), 3);
    for (_, tags, not_after) in &requests {
        assert!(world.owner().owns(tags), "{tags:?}");
        assert_eq!(tags["clusterbench.dev/expires-at"], (epoch() + seconds(7200)).to_string());
        assert_eq!(*not_after, epoch() + seconds(120));
    }
    let attributes = |index: usize| serde_json::to_string(&requests[index].0).unwrap();
    assert_eq!(attributes(0), r#"{"MessageRetentionPeriod":"7200","VisibilityTimeout":"20"}"#);
    assert_eq!(attributes(1), r#"{"MessageRetentionPeriod":"7200"}"#);
}

#[test]
fn a_run_begins_when_queues_are_there_and_every_worker_is_a_member_of_the_front() {
    assert_snapshot!(planned(&between("balancer healthy\nrun none")), @"
    start run 1 of 40 rounds
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, front and generator answer
    Measured=False Starting: the run is being started
    wake 1s
    ");
    // Somebody deleted one: it is made again first.
    let lacking = world(&format!("{BETWEEN}bucket\nbalancer healthy\nrun none"));
    assert_eq!(names(&lacking), ["CreateQueue", "CreateQueue"]);
    assert_eq!(reason(&lacking, &[]).0, "QueuesProvisioning");
}

/// Those of a run before, or of whoever tried the front: workers would be busy with them in the first round.
#[test]
fn a_run_begins_when_nothing_is_left_in_the_queue_of_a_fixed_number() {
    let run = |more: &str| planned(&between(&format!("balancer healthy\nrun none\n{more}")));
    assert!(run("says a").contains("start run 1"), "{}", run("says a"));
    for (said, why) in [
        ("unanswered=3", "requests wait for an answer"),
        ("abandoned=3", "requests wait for an answer"),
        ("inherited=3", "requests wait for an answer"),
        ("unclear=3", "SQS counts messages that the front does not know"),
        ("uncounted", "SQS has not said how many messages there are"),
    ] {
        let plan = run(&format!("says a {said}"));
        assert!(plan.contains(&format!("Measured=False Waiting: waits until cluster a is at rest: {why}")), "{plan}");
        assert!(plan.contains("wake 1s") && !plan.contains("start run"), "{plan}");
    }
}

/// No list of them is no proof of anything.
#[test]
fn queues_that_cannot_be_listed_are_neither_made_nor_missed() {
    let why = Unknown { failure: Failure::Unauthorized, message: "AccessDenied: no".into() };
    let mut early = world("queue");
    early.cloud.queues = Facet::Unknown(why.clone());
    let plan = plan(&early);
    assert_eq!(plan.actions().count(), 0);
    let pools: Vec<_> = plan.ledger.iter().map(|line| line.pool.as_str()).collect();
    assert_eq!(pools, ["generator"]);
    let (said, message) = reason(&early, &[]);
    assert_eq!(said, "QueuesUnseen");
    assert!(message.contains("AccessDenied: no"), "{message}");
    let mut deleting = world(&between("deleting"));
    (deleting.cloud.queues, deleting.cloud.buckets) = (Facet::Unknown(why.clone()), Facet::Unknown(why));
    assert_eq!(names(&deleting), ["Terminate"]);
}

#[test]
fn teardown_waits_for_the_writers_then_takes_queues_then_the_bucket() {
    assert_snapshot!(planned(&between("deleting")), @"
    terminate i-1 i-2 i-f i-g
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: i-1 (running), i-2 (running), i-f (running), i-g (running), queue clusterbench-amwoltfeegwdp2l2-a-in, queue clusterbench-amwoltfeegwdp2l2-a-out, bucket clusterbench-amwoltfeegwdp2l2-111-eu-west-1-an, sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
    let mut world = world(&between("deleting\nnow 1000s"));
    instances(&mut world).iter_mut().for_each(|one| one.state = InstanceState::ShuttingDown);
    assert_eq!(queueing(&world), [""; 0]);
    instances(&mut world).iter_mut().for_each(|one| one.state = InstanceState::Terminated);
    assert_eq!(queueing(&world), ["DeleteQueue", "DeleteQueue"]);
    world.cloud.queues = Facet::Known(Vec::new());
    assert_eq!(queueing(&world), ["EmptyBucket"]);
    carry(&mut world, |_| Ok(Done::Partly));
    assert_eq!(queueing(&world), ["EmptyBucket"]);
    carry(&mut world, |_| Ok(Done::Ok));
    assert_eq!(queueing(&world), ["DeleteBucket"]);
}

/// Carries out what concerns queues and buckets, with this answer.
fn carry(world: &mut World, answer: impl Fn(&Action) -> Result<Done, CloudError>) -> Vec<Outcome> {
    let plan = plan(world);
    let is_about = |action: &&Action| action.name().ends_with("Queue") || action.name().ends_with("Bucket");
    let tried = plan.actions().filter(is_about);
    let outcomes: Vec<Outcome> = tried.map(|action| Outcome::of(world, action.clone(), answer(action))).collect();
    world.memory = plan.memory.clone();
    let before = world.clone();
    world.memory.acted(&before, &outcomes);
    outcomes
}

/// Lists show it for a minute, in which it is neither deleted again nor taken for one that can be used.
#[test]
fn a_queue_whose_deletion_was_answered_is_going() {
    let mut deleting = world(&between("deleting\nnow 1000s"));
    instances(&mut deleting).iter_mut().for_each(|one| one.state = InstanceState::Terminated);
    carry(&mut deleting, |_| Ok(Done::Ok));
    assert_eq!(queueing(&deleting), [""; 0]);
    deleting.now += seconds(60);
    assert_eq!(queueing(&deleting), ["DeleteQueue", "DeleteQueue"]);
    let mut wanted = world("queue\nqueues a\nbucket");
    for name in wanted.cloud.queues.known().unwrap().iter().map(|queue| queue.name.clone()).collect::<Vec<_>>() {
        wanted.memory.named.entry(name).or_default().deleted_at = Some(wanted.now);
    }
    let pools: Vec<_> = plan(&wanted).ledger.iter().map(|line| line.pool.clone()).collect();
    assert_eq!(pools, ["generator"]);
}

/// One list without it proves nothing: a create call that was never answered may take effect late.
#[test]
fn the_finalizer_goes_after_two_lists_without_any_name_of_either_kind() {
    let mut world = world("queue\ndeleting\ngroups none\nnow 1000s");
    let mut memory = Memory::default();
    for (pass, lets_go) in [(0, false), (30, false), (61, true)] {
        world.now = epoch() + seconds(1000 + pass);
        world.cloud.listed_at = world.now;
        world.memory = memory;
        let plan = plan(&world);
        assert_eq!(plan.actions().any(|action| *action == Action::RemoveFinalizer), lets_go, "after {pass} s");
        memory = plan.memory;
    }
    // What was never announced needs no proof.
    let early = planned("deleting\ngroups none\nkinds\nnow 1000s");
    assert!(!early.contains("queue") && !early.contains("bucket"), "{early}");
}

/// SQS answers a create call of an existing name with the existing queue, whoever's it is.
#[test]
fn a_strangers_queue_or_bucket_is_said_and_left_alone() {
    let taken = |action: &Action| match action {
        Action::CreateBucket(_) => Err(CloudError::new(Failure::AlreadyExists, "BucketAlreadyOwnedByYou", "it exists")),
        _ => Ok(Done::Ok),
    };
    let mut world = world("queue");
    assert!(carry(&mut world, taken).iter().all(|one| one.result.is_ok() || one.action.name() == "CreateBucket"));
    world.now += world.settings.settle;
    if let Some(placement) = &mut world.object.status.placement {
        placement.create_not_after.as_mut().unwrap().0 = world.now;
    }
    let outcomes = carry(&mut world, taken);
    let failures: Vec<_> = outcomes.iter().map(|one| one.result.as_ref().unwrap_err().failure).collect();
    assert_eq!(failures, [Failure::NameTaken; 3]);
    let (said, message) = reason(&world, &outcomes);
    assert_eq!(said, "NameTaken");
    assert!(message.contains("does not carry our tags"), "{message}");
}

/// Only after a lost ledger: a new object has a new uid and other names.
#[test]
fn a_name_that_is_not_free_yet_is_waited_for() {
    let mut world = world("queue");
    let recently = || CloudError::new(Failure::DependencyViolation, "QueueDeletedRecently", "wait 60 seconds");
    let mut pauses = Vec::new();
    for _ in 0..3 {
        let outcomes = carry(&mut world, |action| match action {
            Action::CreateQueue(_) => Err(recently()),
            _ => Ok(Done::Ok),
        });
        let (said, message) = reason(&world, &outcomes);
        assert!(said == "DependencyViolation" && message.contains("QueueDeletedRecently"), "{said}: {message}");
        pauses.push(world.memory.wake(seconds(1), &outcomes).as_secs());
    }
    assert_eq!(pauses, [1, 2, 4]);
    assert!(world.memory.named.values().all(|named| named.held.is_none()), "nothing of ours is held");
}

/// Somebody switched versioning on: deleting the objects leaves their former versions.
#[test]
fn a_bucket_that_keeps_versions_is_a_leftover_with_its_way_out() {
    let mut world = world("queue\nbucket\ndeleting\ngroups none\nnow 1000s");
    let kept = |action: &Action| match action {
        Action::DeleteBucket { .. } => {
            Err(CloudError::new(Failure::DependencyViolation, "BucketNotEmpty", "not empty"))
        }
        _ => Ok(Done::Ok),
    };
    let mut tried = Vec::new();
    let mut last = Vec::new();
    for _ in 0..6 {
        tried.extend(queueing(&world));
        last = carry(&mut world, kept);
        world.now += seconds(40);
        world.cloud.listed_at = world.now;
    }
    // Emptied once more after the first refusal, then only tried.
    let tries = ["EmptyBucket", "DeleteBucket", "EmptyBucket", "DeleteBucket", "DeleteBucket", "DeleteBucket"];
    assert_eq!(tried, tries);
    let (said, message) = reason(&world, &last);
    assert_eq!(said, "BucketNotEmpty");
    assert!(message.contains("versioning") && message.contains("the rest follows by itself"), "{message}");
    let plan = plan(&world);
    let bucket = world.cloud.buckets.known().unwrap()[0].name.clone();
    assert_eq!(plan.leftovers, [format!("bucket {bucket}")]);
    assert_eq!(plan.conditions.stalled_by, Some(api::ConditionType::Provisioned));
}

/// Workers of either kind have other programs.
#[test]
fn another_kind_launches_all_anew_and_leaves_no_queue() {
    let mut world = world(&between("balancer healthy\nrun none\nnow 400s"));
    asks_for(&mut world, BalancerKind::Custom);
    write(&mut world);
    let placed = |world: &World| world.object.status.placement.clone().unwrap().queue.unwrap();
    assert_eq!((placed(&world).number, placed(&world).instance_profile.as_str()), (1, ""));
    let plan = plan(&world);
    let doomed: Vec<_> = plan.doomed.iter().map(String::as_str).collect();
    assert_eq!((doomed, queueing(&world)), (vec!["i-1", "i-2", "i-f"], vec![]));
    instances(&mut world).retain(|one| one.id == "i-g");
    for line in world.object.status.launches.iter_mut().filter(|line| line.pool != "generator") {
        line.instance_ids.clear();
    }
    assert_eq!(queueing(&world), ["DeleteQueue", "DeleteQueue"]);
    world.cloud.queues = Facet::Known(Vec::new());
    assert_eq!(queueing(&world), ["EmptyBucket"]);
    world.cloud.buckets = Facet::Known(Vec::new());
    assert_eq!(queueing(&world), [""; 0]);
    // And back: other names than those that are not free yet.
    let spec = crate::fixture::world("queue").object.spec;
    world.object.spec = spec;
    write(&mut world);
    let owner = world.owner();
    assert_eq!(placed(&world).number, 2);
    assert_eq!(placed(&world).stem, planner::resources::name::numbered_queue_stem(&owner, 2));
}

#[test]
fn our_balancer_goes_when_queues_take_its_place() {
    let mut world = world(COMPLETE);
    world.object.spec = crate::fixture::world("queue").object.spec;
    write(&mut world);
    let doomed: Vec<_> = plan(&world).doomed.into_iter().collect();
    assert_eq!(doomed, ["i-1", "i-2", "i-b"], "a worker has another program, and no role yet");
}

/// A placement of an earlier version holds no programs for queues.
#[test]
fn programs_that_know_no_queues_are_not_asked_to_serve_them() {
    let mut world = world(COMPLETE);
    world.object.spec = crate::fixture::world("queue").object.spec;
    world.object.status.placement.as_mut().unwrap().known_fields = Vec::new();
    let said = spell(&world, &plan(&world));
    assert!(said.contains("Accepted=False ProgramsTooOld: balancer.kind Queue:"), "{said}");
    assert!(!said.contains("terminate"), "{said}");
}

#[test]
fn other_settings_are_other_queues_and_the_former_go_with_their_last_writer() {
    let mut world = world(&between("balancer healthy\nrun none\nnow 400s"));
    world.object.spec.balancer.queue.as_mut().unwrap().visibility_seconds = 60;
    write(&mut world);
    let made = |world: &World| -> Vec<String> {
        let plan = plan(world);
        plan.actions().filter(|action| action.name() == "CreateQueue").map(Action::words).collect()
    };
    if let Some(Placement { create_not_after: Some(at), .. }) = &mut world.object.status.placement {
        at.0 = world.now;
    }
    assert_eq!(made(&world).len(), 2);
    assert!(made(&world).iter().all(|words| words.contains("-2-a-")), "{:?}", made(&world));
    assert!(!queueing(&world).contains(&"DeleteQueue"), "those that are replaced still write");
}

#[test]
fn the_queues_of_a_cluster_that_is_gone_go_when_nobody_writes_to_them() {
    let text = between("balancer healthy\nrun none\nnow 400s").replace("queues a", "queues a b");
    let deleted = |change: fn(&mut World)| {
        let mut world = world(&text);
        change(&mut world);
        plan(&world).actions().filter(|action| action.name() == "DeleteQueue").map(Action::words).collect::<Vec<_>>()
    };
    assert_eq!(deleted(|_| {}).len(), 2);
    assert!(deleted(|_| {}).iter().all(|words| words.contains("-b-")));
    let lives = |world: &mut World| {
        let mut one = instances(world)[0].clone();
        (one.id, one.state) = ("i-9".into(), InstanceState::ShuttingDown);
        one.tags.insert("clusterbench.dev/pool".into(), "b".into());
        instances(world).push(one);
    };
    assert_eq!(deleted(lives), [""; 0]);
    let is_coming = |world: &mut World| {
        let line = world.object.status.launches[0].clone();
        let (pool, state) = ("b".to_owned(), "Open".to_owned());
        world.object.status.launches.push(api::Launch {
            pool,
            state,
            instance_ids: Vec::new(),
            token: "t".into(),
            ..line
        });
    };
    assert_eq!(deleted(is_coming), [""; 0]);
    let serves_it_still = |world: &mut World| {
        if let Some(Facet::Known(front)) = &mut world.balancer {
            front.membership_sha256 = "former".into();
        }
    };
    assert_eq!(deleted(serves_it_still), [""; 0]);
}

#[test]
fn deletion_at_any_moment_needs_nothing_else() {
    for text in ["queue", "queue\nqueues a", "queue\nbucket", "queue\nqueues a\nbucket"] {
        let mut world = world(&format!("{text}\ndeleting\nnow 1000s"));
        for _ in 0..12 {
            let plan = plan(&world);
            let outcomes: Vec<_> =
                plan.actions().map(|action| Outcome::of(&world, action.clone(), Ok(Done::Ok))).collect();
            for outcome in &outcomes {
                match &outcome.action {
                    Action::DeleteQueue { .. } => world.cloud.queues = Facet::Known(Vec::new()),
                    Action::DeleteBucket { .. } => world.cloud.buckets = Facet::Known(Vec::new()),
                    Action::DeleteGroup { .. } => world.cloud.groups = Facet::Known(Vec::new()),
                    _ => {}
                }
            }
            world.object.status = status(&world, &plan, &outcomes);
            world.memory = plan.memory.clone();
            let before = world.clone();
            world.memory.acted(&before, &outcomes);
            if outcomes.iter().any(|outcome| outcome.action == Action::RemoveFinalizer) {
                world.object.finalizer = planner::world::Finalizer::Absent;
                break;
            }
            world.now += seconds(30);
            world.cloud.listed_at = world.now;
        }
        assert_eq!(world.object.finalizer, planner::world::Finalizer::Absent, "{text}");
    }
}

#[test]
fn a_profile_that_does_not_exist_is_said_before_anything_is_paid() {
    let mut world = world("queue\nqueues a\nbucket\nunrehearsed");
    let words = "Value (clusterbench-queue) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
    let refused = CloudError::new(Failure::Rejected, "InvalidParameterValue", words);
    let plan = plan(&world);
    let outcomes: Vec<_> = plan
        .actions()
        .filter(|action| matches!(action, Action::Rehearse(_)))
        .map(|action| Outcome::new(action.clone(), Err(refused.clone())))
        .collect();
    assert_eq!(outcomes.len(), 3);
    let said = |status: &api::Status| {
        let accepted = status.conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
        (accepted.status.clone(), accepted.reason.clone(), accepted.message.clone())
    };
    let first = status(&world, &plan, &outcomes);
    let (accepted, why, message) = said(&first);
    assert_eq!((accepted.as_str(), why.as_str()), ("False", "NoInstanceProfile"));
    assert!(message.contains("docs/iam-instance-policy.json"), "{message}");
    // And it is said as long as it is remembered.
    world.memory = plan.memory.clone();
    world.memory.acted(&world.clone(), &outcomes);
    let next = self::plan(&world);
    assert_eq!(said(&status(&world, &next, &[])).1, "NoInstanceProfile");
    assert!(next.ledger.is_empty());
}

#[test]
fn what_the_front_says_of_its_queues_is_written_each_five_seconds() {
    let mut world = world(&between("balancer healthy\nrun running"));
    let mut memory = Memory::default();
    let mut said = Vec::new();
    for second in 0..12 {
        world.now = epoch() + seconds(100 + second);
        world.cloud.listed_at = world.now;
        if let Some(Facet::Known(front)) = &mut world.balancer {
            let (cluster, inputs) = ("a".to_owned(), u64::try_from(second).unwrap());
            front.queues = vec![wire::QueueStatus { cluster, inputs, running: 2, ..wire::QueueStatus::default() }];
        }
        world.memory = memory;
        let plan = plan(&world);
        world.object.status = status(&world, &plan, &[]);
        memory = plan.memory;
        said.push(world.object.status.queues[0].inputs);
    }
    assert_eq!(said, [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10, 10]);
    let column = world.object.status.queue.clone().unwrap();
    assert_eq!(column, "0 waiting, 0 taken, 0 answers, 2 running, 10 in, 0 out");
    // A front that is silent just now changes nothing.
    world.balancer = Some(Facet::Unknown(Unknown { failure: Failure::Unreachable, message: String::new() }));
    assert_eq!(status(&world, &plan(&world), &[]).queue.unwrap(), column);
    // Of another kind there are none.
    asks_for(&mut world, BalancerKind::Custom);
    assert_eq!(status(&world, &plan(&world), &[]).queue, None);
}

#[test]
fn a_budget_says_what_it_does_not_cover() {
    let text = between("balancer healthy\nrun none\nbudget 50.00 placed 50\nprices t2.micro=11600 c6i.large=85000");
    let said = planned(&text);
    assert!(said.contains("queues and bucket are ended by the operator alone"), "{said}");
    let world = world(&text);
    let cost = status(&world, &plan(&world), &[]).cost.unwrap();
    assert!(cost.basis.ends_with("calls of SQS and S3 are not counted"), "{}", cost.basis);
}
