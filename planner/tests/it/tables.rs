//! Worlds that want instances.

use insta::assert_snapshot;
use planner::{Action, CloudError, Failure, Outcome, plan, status};

use crate::fixture::{COMPLETE, world};
use crate::spelling::planned;

fn complete(more: &str) -> String {
    planned(&format!("{COMPLETE}\n{more}"))
}

#[test]
fn the_first_status_comes_before_the_finalizer() {
    assert_snapshot!(planned("new"), @"wake 0s");
}

#[test]
fn the_finalizer_comes_before_everything_else() {
    assert_snapshot!(planned("no finalizer\nunplaced"), @"
    add finalizer
    wake 0s
    ");
}

#[test]
fn a_stripped_finalizer_is_added_again() {
    assert_snapshot!(planned("no finalizer\nhave i-1 a/1 running"), @"
    add finalizer
    wake 0s
    ");
}

#[test]
fn groups_come_before_launches() {
    assert_snapshot!(planned("groups none"), @"
    create group clusterbench-uid-1-members
    create group clusterbench-uid-1-edge
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 1s
    ");
}

#[test]
fn groups_are_created_only_in_a_written_window() {
    assert_snapshot!(planned("groups none\nnow 121s"), @"
    place in subnet-a Public
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

/// EC2 drops host bits. Compared as text, such a rule is missing for ever, and nothing is ever launched.
#[test]
fn a_network_with_host_bits_is_the_rule_that_ec2_lists() {
    assert_eq!(planned("control 10.1.2.3/8"), planned(""));
    assert_snapshot!(planned("ingress 203.0.113.7/24"), @"
    allow sg-edge 8080-8080 from 203.0.113.0/24
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 1s
    ");
}

#[test]
fn a_refusal_says_what_can_be_done_about_it() {
    let refused = |clusters: &str, reason: &str, code: &str| {
        planned(&format!("clusters {clusters}\nline a/1 x2 closed age 20s reason {reason} code {code}"))
    };
    assert_snapshot!(refused("a=t2.micro*2 b=t2.large*3", "QuotaReached", "VcpuLimitExceeded"), @"
    write down b/1 x3
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False QuotaReached: 0 of 7 instances run; pool a: 2 x t2.micro in eu-west-1a: VcpuLimitExceeded: in EC2's words; this benchmark needs 12 vCPUs (a 2, b 6, balancer 2, generator 2) beside whatever else runs in eu-west-1: raise the quota L-1216C47A, \"Running On-Demand Standard instances\", in Service Quotas, or choose fewer or smaller instances; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    assert_snapshot!(refused("a=t2.micro*2", "Rejected", "InvalidParameterCombination"), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Rejected: 0 of 4 instances run; pool a: 2 x t2.micro in eu-west-1a: InvalidParameterCombination: in EC2's words; an account on the free plan may launch t3.micro, t3.small, t4g.micro, t4g.small, c7i-flex.large, m7i-flex.large only (see manifests/samples/free-plan.yaml), and t2.micro is none of them; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    // Of another quota, and of a type that the free plan allows, there is nothing to say.
    let volumes = refused("a=t2.micro*2", "QuotaReached", "VolumeLimitExceeded");
    assert!(volumes.contains("VolumeLimitExceeded") && !volumes.contains("vCPU"), "{volumes}");
    let free = refused("a=t3.micro*2", "Rejected", "InvalidParameterCombination");
    assert!(free.contains("in EC2's words") && !free.contains("free plan"), "{free}");
}

/// The family is the first thing that the shipped policy may lack.
#[test]
fn a_type_that_the_policy_does_not_name_is_said() {
    let denied = |kind: &str| {
        planned(&format!("clusters a={kind}*2\nline a/1 x2 open reason Unauthorized code UnauthorizedOperation"))
    };
    assert_snapshot!(denied("p5.xlarge"), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Unauthorized: 0 of 4 instances run; launch a/1: UnauthorizedOperation: in EC2's words; the types of docs/iam-policy.json do not include p5.xlarge: add it to ec2:InstanceType in the operator's policy
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    assert!(!denied("t2.micro").contains("policy"), "{}", denied("t2.micro"));
}

#[test]
fn launches_are_written_down_first() {
    assert_snapshot!(planned(""), @"
    write down a/1 x2
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn only_a_line_that_was_read_back_is_sent() {
    assert_snapshot!(planned("line a/1 x2 open"), @"
    launch a/1 t2.micro x2
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn a_request_that_cannot_be_rebuilt_is_never_sent() {
    assert_snapshot!(planned("line a/1 x2 open stale"), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn a_launch_that_is_no_longer_wanted_is_not_sent() {
    assert_snapshot!(planned("line a/2 x1 open\nhave i-1 a/1 running\nhave i-2 a/1 running"), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 2 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn nothing_is_sent_after_its_deadline() {
    assert_snapshot!(planned("line a/1 x2 open age 121s"), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn instances_that_a_list_does_not_show_yet_are_not_launched_again() {
    assert_snapshot!(planned("line a/1 x2 closed ids i-1,i-2\nhave i-1 a/1 pending"), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn a_launch_that_was_seen_is_closed() {
    assert_snapshot!(planned("line a/1 x2 open\nhave i-1 a/1 pending\nhave i-2 a/1 pending"), @"
    line a/1 Closed [i-1 i-2]
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn an_unknown_list_launches_and_terminates_nothing() {
    assert_snapshot!(planned("instances unknown\nline a/1 x2 open"), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=Unknown Unreachable: no answer
    Deployed=Unknown Unreachable: no answer
    Measured=False Waiting: waits for the instances
    wake 1s
    ");
}

#[test]
fn another_account_is_not_believed() {
    assert_snapshot!(planned("account 999\nline a/1 x2 open"), @"
    Provisioned=Unknown WrongAccount: the operator's credentials are for account 999, this benchmark lives in 111: nothing is done until they are for that account again
    wake 60s
    ");
}

#[test]
fn a_dead_instance_is_replaced_under_a_new_number() {
    assert_snapshot!(planned("line a/1 x2 closed ids i-1,i-2\nhave i-1 a/1 running\nhave i-2 a/1 terminated"), @"
    line a/1 Closed [i-1]
    write down a/2 x1
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 1 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn a_stopped_instance_is_terminated_and_replaced() {
    assert_snapshot!(planned("line a/1 x2 closed ids i-1,i-2\nhave i-1 a/1 running\nhave i-2 a/1 stopped"), @"
    terminate i-2
    write down a/2 x1
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 1 of 4 instances run; 1 being terminated
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn too_many_instances_lose_the_latest() {
    assert_snapshot!(planned("have i-3 a/2 running\nhave i-1 a/1 running\nhave i-2 a/1 running"), @"
    terminate i-3
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 2 of 4 instances run; 1 being terminated
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn instances_of_another_revision_are_replaced() {
    assert_snapshot!(planned("have i-1 a/1 running outdated\nhave i-2 a/1 running"), @"
    terminate i-1
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 1 of 4 instances run; 1 being terminated
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn instances_of_a_dropped_cluster_go() {
    assert_snapshot!(planned("have i-9 z/1 running"), @"
    terminate i-9
    write down a/1 x2
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 0 of 4 instances run; 1 being terminated
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn no_capacity_pauses_and_says_so() {
    assert_snapshot!(planned("line a/1 x2 closed age 20s reason NoCapacity"), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False NoCapacity: 0 of 4 instances run; pool a: 2 x t2.micro in eu-west-1a: NoCapacity; no other zone at hand offers all types; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn after_the_pause_a_new_number_is_tried() {
    assert_snapshot!(planned("line a/1 x2 closed age 61s reason NoCapacity"), @"
    write down a/2 x2
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

/// EC2 does not say which condition of a policy was not met: mostly the type is not in its list.
#[test]
fn a_launch_without_permission_asks_for_the_type() {
    let world = world("line a/1 x2 open");
    let plan = plan(&world);
    let error = CloudError::new(Failure::Unauthorized, "UnauthorizedOperation", "You are not authorized");
    let refused = |action: &Action| Outcome::new(action.clone(), Err(error.clone()));
    let outcomes: Vec<Outcome> = plan.actions().map(refused).collect();
    let status = status(&world, &plan, &outcomes);
    let provisioned = status.conditions.iter().find(|condition| condition.type_ == "Provisioned").unwrap();
    assert_eq!(provisioned.reason, "Unauthorized");
    assert_snapshot!(provisioned.message, @"launch 2 x t2.micro for a: UnauthorizedOperation: You are not authorized (the policy's statements LaunchInstancesMarkedAsOurs, LaunchWithSmallVolumesMarkedAsOurs, LaunchWithInterfacesMarkedAsOurs, LaunchInAnySubnetFromAnyImage, LaunchIntoOurGroups and TagOnlyWhatIsBeingCreated would allow it: is t2.micro in its list of ec2:InstanceType?); 0 of 4 instances run");
}

#[test]
fn a_failed_boot_is_replaced_and_remembered() {
    assert_snapshot!(
        planned("line a/1 x2 closed ids i-1,i-2\nhave i-1 a/1 running\nhave i-2 a/1 running\nconsole i-2 clusterbench: error: sha256 differs"),
        @"
    terminate i-2
    line a/1 Closed (BootFailed) [i-1 i-2]
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 1 of 4 instances run; 1 being terminated; i-2: clusterbench: error: sha256 differs
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    "
    );
}

#[test]
fn three_launches_without_a_boot_stall() {
    assert_snapshot!(
        planned("line a/1 x2 closed reason BootFailed\nline a/2 x2 closed reason BootFailed\nline a/3 x2 closed reason BootFailed"),
        @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False BootFailed: 0 of 4 instances run; pool a: 3 launches, and instances do not get ready: BootFailed; change the spec to try again
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    stalled by Provisioned
    wake 0s
    "
    );
}

#[test]
fn an_unreachable_balancer_is_never_replaced() {
    assert_snapshot!(complete("balancer unknown\nnow 2000s"), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=False Waiting: balancer does not answer yet: connection refused (port 8081 is open to 10.0.0.0/8 in group edge)
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn the_balancer_is_told_its_members() {
    assert_snapshot!(complete("balancer empty\nrun none"), @"
    set membership after v0: a=2
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=False Waiting: the balancer is being told its members
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn nothing_is_measured_before_every_member_is_healthy() {
    assert_snapshot!(complete("balancer told\nrun none"), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=False Waiting: 0 of 2 members are healthy; i-1 of a does not answer GET /health on 10.0.0.205:8080
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

/// What cannot be compared with the spec may be what a former one asked for.
#[test]
fn nothing_is_measured_while_types_are_unknown() {
    assert_snapshot!(complete("balancer healthy\nrun none\ntypes unknown"), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=Unknown Unreachable: no answer
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

#[test]
fn a_due_run_is_started() {
    assert_snapshot!(complete("balancer healthy\nrun none"), @"
    start run 1 of 40 rounds
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Starting: the run is being started
    wake 1s
    ");
}

#[test]
fn a_run_that_is_on_is_left_alone() {
    assert_snapshot!(complete("balancer healthy\nrun running"), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Running: 7 rounds are measured, the next look is after 20, the last after 40
    wake 1s
    ");
}

#[test]
fn a_finished_run_is_collected() {
    assert_snapshot!(complete("balancer healthy\nrun finished"), @"
    collect report of 1
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Collecting: the report is being collected
    wake 1s
    ");
}

#[test]
fn a_run_is_forgotten_only_when_status_holds_its_hash() {
    assert_snapshot!(complete("balancer healthy\nrun finished\nrecorded"), @"
    forget run 1
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=True Valid: b 14 % faster [9, 19]
    wake 1s
    ");
}

#[test]
fn a_recorded_run_is_not_repeated() {
    assert_snapshot!(complete("balancer healthy\nrun none\nrecorded"), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=True Valid: b 14 % faster [9, 19]
    wake 30s
    ");
}
