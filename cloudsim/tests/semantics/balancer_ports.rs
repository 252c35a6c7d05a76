//! The planner's ports of load balancers and metrics, in process.

use std::sync::atomic::Ordering;

use cloudsim::elb::{Action, LoadBalancerKind};
use cloudsim::{Fault, Settings, SharedSim, Throttling};
use jiff::Timestamp;
use planner::Failure;
use planner::owner::{Owner, Tags};
use planner::ports::{
    Algorithm, HealthCheck, ListenerRequest, LoadBalancerRequest, LoadBalancerState, LoadBalancers, MetricQuery,
    Metrics, Minutes, RuleRequest, Scheme, TargetGroupAttributes, TargetGroupRequest, TargetState,
};

use crate::balancing::steady;
use crate::ports::{now, shared};
use crate::world::{SUBNET_A, SUBNET_B, VPC, at, launch};

fn owner() -> Owner {
    Owner {
        installation: "main".into(),
        kubernetes_cluster: "k-1".into(),
        benchmark_uid: "b-1".into(),
        namespace: "default".into(),
        name: "bench".into(),
    }
}

fn balancer(name: &str) -> LoadBalancerRequest {
    LoadBalancerRequest {
        name: name.into(),
        scheme: Scheme::Internal,
        subnet_ids: vec![SUBNET_A.into(), SUBNET_B.into()],
        group_ids: Vec::new(),
        tags: owner().tags(&Tags::new()),
        not_after: Timestamp::MAX,
    }
}

fn group(name: &str) -> TargetGroupRequest {
    TargetGroupRequest {
        name: name.into(),
        port: 8080,
        vpc_id: VPC.into(),
        health_check: HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_count: 2,
            unhealthy_count: 2,
            statuses: "200-499".into(),
        },
        tags: owner().tags(&Tags::new()),
        not_after: Timestamp::MAX,
    }
}

fn one_target_group(cloud: &SharedSim) -> String {
    now(cloud.create_target_group(&group("cb-group"))).unwrap();
    now(cloud.target_groups()).unwrap()[0].arn.clone()
}

#[test]
fn a_load_balancer_goes_through_its_whole_life() {
    let (cloud, second) = shared(Settings { page_size: 1, ..steady() });
    now(cloud.create_load_balancer(&balancer("cb-one"))).unwrap();
    now(cloud.create_load_balancer(&balancer("cb-one"))).unwrap();
    let found = now(cloud.load_balancers()).unwrap();
    let [made] = &found[..] else { panic!("{found:?}") };
    assert!(owner().owns(&made.tags) && made.state == LoadBalancerState::Provisioning, "{made:?}");
    assert_eq!((made.subnet_ids.len(), made.group_ids.len(), made.vpc_id.as_str()), (2, 1, VPC));
    let group_arn = one_target_group(&cloud);
    let to = TargetGroupAttributes { algorithm: Algorithm::WeightedRandom, deregistration_delay_seconds: 30 };
    now(cloud.set_attributes(&group_arn, &to)).unwrap();
    assert_eq!(now(cloud.attributes(&group_arn)).unwrap(), to);
    let listener = ListenerRequest {
        load_balancer_arn: made.arn.clone(),
        port: 8080,
        tags: owner().tags(&Tags::new()),
        not_after: Timestamp::MAX,
    };
    now(cloud.create_listener(&listener)).unwrap();
    now(cloud.create_listener(&listener)).unwrap();
    let listener_arn = now(cloud.listeners(&made.arn)).unwrap()[0].arn.clone();
    let rule = |priority: u32, path: &str| RuleRequest {
        listener_arn: listener_arn.clone(),
        priority,
        paths: vec![path.to_owned(), format!("{path}/*")],
        forward: [(group_arn.clone(), 1)].into(),
        tags: Tags::new(),
        not_after: Timestamp::MAX,
    };
    for (priority, path) in [(20, "/b"), (10, "/a")] {
        now(cloud.create_rule(&rule(priority, path))).unwrap();
    }
    assert_eq!(now(cloud.create_rule(&rule(10, "/a"))).unwrap_err().failure, Failure::AlreadyExists);
    let rules = now(cloud.listeners(&made.arn)).unwrap().remove(0).rules;
    assert_eq!(rules.iter().map(|rule| rule.priority).collect::<Vec<_>>(), [10, 20], "without the default one");
    assert_eq!((&rules[0].paths[..], rules[0].forward[&group_arn]), (&["/a".to_owned(), "/a/*".to_owned()][..], 1));
    assert_eq!(now(cloud.target_groups()).unwrap()[0].load_balancer_arns, std::slice::from_ref(&made.arn));
    let ids = launch(&mut cloud.lock(), 1, "token", 0);
    assert_eq!(now(cloud.register(&group_arn, &ids)).unwrap_err().failure, Failure::Rejected, "it does not run yet");
    second.store(200, Ordering::Relaxed);
    now(cloud.register(&group_arn, &ids)).unwrap();
    second.store(210, Ordering::Relaxed);
    assert_eq!(now(cloud.targets(&group_arn)).unwrap()[0].state, TargetState::Healthy);
    now(cloud.deregister(&group_arn, &ids)).unwrap();
    assert_eq!(now(cloud.targets(&group_arn)).unwrap()[0].state, TargetState::Draining);
    assert_eq!(now(cloud.delete_target_group(&group_arn)).unwrap_err().failure, Failure::DependencyViolation);
    now(cloud.delete_rule(&rules[0].arn)).unwrap();
    now(cloud.delete_rule(&rules[0].arn)).unwrap();
    for _ in 0..2 {
        now(cloud.delete_load_balancer(&made.arn)).unwrap();
        now(cloud.delete_target_group(&group_arn)).unwrap();
    }
    assert!(now(cloud.load_balancers()).unwrap().is_empty() && now(cloud.target_groups()).unwrap().is_empty());
    assert_eq!(now(cloud.listeners(&made.arn)).unwrap_err().failure, Failure::NotFound);
}

#[test]
fn lists_have_ours_and_near_misses_and_neither_other_names_nor_other_types() {
    let (cloud, _) = shared(steady());
    let planted = cloud.lock().elb(at(0)).plant_near_misses(&owner());
    cloud.lock().elb(at(0)).plant_load_balancer("web", LoadBalancerKind::Application, Tags::new()).unwrap();
    now(cloud.create_load_balancer(&balancer("cb-one"))).unwrap();
    now(cloud.create_target_group(&group("cb-one"))).unwrap();
    let (balancers, groups) = (now(cloud.load_balancers()).unwrap(), now(cloud.target_groups()).unwrap());
    assert!(groups.len() > 20, "tags are asked for in several calls");
    // One of the planted things is a network load balancer with all our tags.
    assert_eq!(balancers.len() + groups.len(), planted - 1 + 2);
    assert_eq!(
        balancers.iter().filter(|one| owner().owns(&one.tags)).map(|one| &one.name).collect::<Vec<_>>(),
        ["cb-one"]
    );
    assert_eq!(groups.iter().filter(|one| owner().owns(&one.tags)).count(), 1);
}

#[test]
fn calls_that_came_too_late_are_not_sent_and_what_breaks_is_unknown() {
    let (cloud, _) = shared(steady());
    let late = LoadBalancerRequest { not_after: at(-1), ..balancer("cb-one") };
    assert_eq!(now(cloud.create_load_balancer(&late)).unwrap_err().failure, Failure::TooLate);
    assert_eq!(cloud.lock().audit().load_balancers, 0);
    cloud.lock().inject_next(Action::CreateLoadBalancer, Fault::LostAnswer);
    assert_eq!(now(cloud.create_load_balancer(&balancer("cb-one"))).unwrap_err().failure, Failure::Unreachable);
    assert_eq!(cloud.lock().audit().load_balancers, 1);
    for action in [Action::DescribeLoadBalancers, Action::DescribeTags] {
        cloud.lock().inject_next(action, Fault::Truncated);
        assert_eq!(now(cloud.load_balancers()).unwrap_err().failure, Failure::Unreachable, "{action:?}");
    }
}

#[test]
fn a_late_create_brings_back_a_name_that_was_deleted() {
    let (cloud, second) = shared(steady());
    cloud.lock().inject_next(Action::CreateTargetGroup, Fault::LateExecution(300));
    assert_eq!(now(cloud.create_target_group(&group("cb-group"))).unwrap_err().failure, Failure::Unreachable);
    let arn = one_target_group(&cloud);
    now(cloud.delete_target_group(&arn)).unwrap();
    second.store(299, Ordering::Relaxed);
    assert_eq!(now(cloud.target_groups()).unwrap(), []);
    second.store(300, Ordering::Relaxed);
    assert_eq!(now(cloud.target_groups()).unwrap().len(), 1);
}

#[test]
fn it_has_buckets_of_its_own() {
    let (cloud, second) = shared(Settings { throttling: Throttling::Published, ..steady() });
    let lists = |count: usize| (0..count).filter(|_| now(cloud.load_balancers()).is_ok()).count();
    assert_eq!(lists(50), 40);
    let error = now(cloud.load_balancers()).unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Throttled, "ThrottlingException"));
    // All lists share it, effects and EC2 do not.
    assert_eq!(now(cloud.target_groups()).unwrap_err().failure, Failure::Throttled);
    now(cloud.create_load_balancer(&balancer("cb-one"))).unwrap();
    assert!(now(planner::ports::SecurityGroups::groups(&cloud, &Tags::new())).is_ok());
    second.store(1, Ordering::Relaxed);
    // Each of these asks for tags, too.
    assert_eq!(lists(20), 5);
}

#[test]
fn metrics_come_in_the_order_of_their_queries() {
    let (cloud, second) = shared(Settings { page_size: 2, ..steady() });
    let query = |metric: &str, statistic: &str, target_group: Option<&str>| MetricQuery {
        metric: metric.into(),
        statistic: statistic.into(),
        load_balancer: "app/cb-one/1".into(),
        target_group: target_group.map(str::to_owned),
    };
    {
        let mut sim = cloud.lock();
        let mut cloudwatch = sim.cloudwatch(at(0));
        for minute in 0..3 {
            cloudwatch.put("RequestCount", "app/cb-one/1", Some("targetgroup/cb-a/1"), at(minute * 60), 1.0, 7);
            cloudwatch.put("RequestCount", "app/cb-one/1", Some("targetgroup/cb-b/1"), at(minute * 60), 1.0, 5);
        }
    }
    second.store(600, Ordering::Relaxed);
    let queries = [
        query("RequestCount", "Sum", Some("targetgroup/cb-b/1")),
        query("TargetResponseTime", "p99", Some("targetgroup/cb-a/1")),
        query("RequestCount", "Sum", None),
    ];
    let found = now(cloud.metrics(&queries, &Minutes { from: at(0), to: at(120) })).unwrap();
    let values: Vec<Vec<f64>> = found.iter().map(|series| series.iter().map(|point| point.value).collect()).collect();
    assert_eq!(values, [vec![5.0, 5.0], vec![], vec![12.0, 12.0]]);
    assert_eq!(found[0][1].at, at(60));
    let many: Vec<MetricQuery> = (0..501).map(|_| queries[0].clone()).collect();
    assert_eq!(now(cloud.metrics(&many, &Minutes { from: at(0), to: at(60) })).unwrap().len(), 501, "by two calls");
}
