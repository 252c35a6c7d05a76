//! The rows about load balancers, their target groups, listeners, rules and targets.

use std::collections::BTreeMap;
use std::rc::Rc;

use planner::Failure;
use planner::owner::Tags;
use planner::ports::{
    Algorithm, Answer, Compute, GroupRequest, HealthCheck, InstanceState, LaunchRequest, Listener, ListenerRequest,
    LoadBalancer, LoadBalancerRequest, LoadBalancerState, LoadBalancers, Regions, RuleRequest, Scheme, SecurityGroups,
    Selection, Target as Registered, TargetGroup, TargetGroupAttributes, TargetGroupRequest, TargetState,
};

use crate::rows::refused;
use crate::target::{Target, ids};

const BALANCER_OF_NOBODY: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/cb-nobody/0123456789abcdef";
const GROUP_OF_NOBODY: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/cb-nobody/0123456789abcdef";
const LISTENER_OF_NOBODY: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/cb-nobody/0123456789abcdef/0123456789abcdef";
const RULE_OF_NOBODY: &str = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/cb-nobody/\
                              0123456789abcdef/0123456789abcdef/0123456789abcdef";

// Makers

fn tags<R: Regions>(on: &Target<R>) -> Tags {
    on.owner().tags(&Tags::from([("cost-center".to_owned(), "42".to_owned())]))
}

async fn balancer_of<R: Regions>(on: &Target<R>) -> LoadBalancerRequest {
    let subnets = on.subnets().await;
    let tags = tags(on);
    let group = GroupRequest {
        name: on.fresh("balancer"),
        description: "The load balancer".into(),
        vpc_id: subnets[0].vpc_id.clone(),
        tags: tags.clone(),
        not_after: jiff::Timestamp::MAX,
    };
    LoadBalancerRequest {
        name: on.fresh("cb-b"),
        scheme: Scheme::Internal,
        subnet_ids: subnets[..2].iter().map(|subnet| subnet.id.clone()).collect(),
        group_ids: vec![on.cloud.create_group(&group).await.unwrap()],
        tags,
        not_after: jiff::Timestamp::MAX,
    }
}

async fn group_of<R: Regions>(on: &Target<R>) -> TargetGroupRequest {
    TargetGroupRequest {
        name: on.fresh("cb-g"),
        port: 8080,
        vpc_id: on.subnets().await.remove(0).vpc_id,
        health_check: HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_count: 2,
            unhealthy_count: 3,
            statuses: "200-499".into(),
        },
        tags: tags(on),
        not_after: jiff::Timestamp::MAX,
    }
}

async fn make_balancer<R: Regions>(on: &Target<R>, request: &LoadBalancerRequest) -> LoadBalancer {
    answered(on, async || on.cloud.create_load_balancer(request).await).await.unwrap();
    on.eventually("the new load balancer", async || balancers(on, &request.name).await?.pop()).await
}

async fn make_group<R: Regions>(on: &Target<R>, request: &TargetGroupRequest) -> TargetGroup {
    on.cloud.create_target_group(request).await.unwrap();
    on.eventually("the new target group", async || groups(on, &request.name).await?.pop()).await
}

/// A load balancer that routes, with a listener.
async fn make_routing<R: Regions>(on: &Target<R>) -> (LoadBalancer, Listener) {
    let balancer = make_balancer(on, &balancer_of(on).await).await;
    let active = async || {
        let found = balancers(on, &balancer.name).await?.pop()?;
        (found.state == LoadBalancerState::Active).then_some(())
    };
    on.eventually("active", active).await;
    let listener = make_listener(on, &listener_of(on, &balancer, 8080)).await;
    (balancer, listener)
}

fn listener_of<R: Regions>(on: &Target<R>, balancer: &LoadBalancer, port: u16) -> ListenerRequest {
    let (load_balancer_arn, not_after) = (balancer.arn.clone(), jiff::Timestamp::MAX);
    ListenerRequest { load_balancer_arn, port, tags: tags(on), not_after }
}

async fn make_listener<R: Regions>(on: &Target<R>, request: &ListenerRequest) -> Listener {
    on.once_visible("a listener", async || on.cloud.create_listener(request).await).await;
    let seen = async || {
        let found = listeners(on, &request.load_balancer_arn).await?;
        found.into_iter().find(|listener| listener.port == request.port)
    };
    on.eventually("the new listener", seen).await
}

fn rule_of<R: Regions>(
    on: &Target<R>,
    listener: &Listener,
    priority: u32,
    path: &str,
    to: &TargetGroup,
) -> RuleRequest {
    RuleRequest {
        listener_arn: listener.arn.clone(),
        priority,
        paths: vec![path.to_owned(), format!("{path}/*")],
        forward: BTreeMap::from([(to.arn.clone(), 1)]),
        tags: tags(on),
        not_after: jiff::Timestamp::MAX,
    }
}

async fn make_rule<R: Regions>(on: &Target<R>, request: &RuleRequest) {
    on.once_visible("a rule", async || on.cloud.create_rule(request).await).await;
}

/// Launches, and waits until it runs.
async fn make_instances<R: Regions>(on: &Target<R>, count: u32) -> Vec<String> {
    let launch = LaunchRequest { count, ..on.launch_of(&on.owner()).await };
    let made = ids(&on.launch(&launch).await);
    let of = Selection::Ids(made.clone());
    let running = async || {
        let found = on.cloud.instances(&of).await.unwrap();
        let runs = found.iter().all(|instance| instance.state == InstanceState::Running);
        (runs && found.len() == made.len()).then_some(())
    };
    on.eventually("running", running).await;
    made
}

async fn register<R: Regions>(on: &Target<R>, group: &TargetGroup, ids: &[String]) {
    let registered = async || match on.cloud.register(&group.arn, ids).await {
        // It is not seen to run yet.
        Err(error) if error.code == "InvalidTarget" || is_unknown(&error) => None,
        answer => {
            answer.unwrap();
            Some(())
        }
    };
    on.eventually("registered", registered).await;
}

// Lookers

/// What was just made is not known everywhere at once; and a list whose tags are not known yet is no list.
fn is_unknown(error: &planner::CloudError) -> bool {
    error.failure == Failure::NotFound || error.code.ends_with("NotFound")
}

fn known<T>(answer: Answer<T>) -> Option<T> {
    match answer {
        Err(error) if is_unknown(&error) => None,
        answer => Some(answer.unwrap()),
    }
}

/// The answer to a call once everything that it names is known.
async fn answered<R: Regions, T>(on: &Target<R>, call: impl AsyncFn() -> Answer<T>) -> Answer<T> {
    let look = async || match call().await {
        // It may be a security group that was just made.
        Err(error) if error.code == "InvalidSecurityGroup" || is_unknown(&error) => None,
        answer => Some(answer),
    };
    on.eventually("everything that a call names", look).await
}

async fn balancers<R: Regions>(on: &Target<R>, name: &str) -> Option<Vec<LoadBalancer>> {
    let found = known(on.cloud.load_balancers().await)?;
    Some(found.into_iter().filter(|balancer| balancer.name == name).collect())
}

async fn groups<R: Regions>(on: &Target<R>, name: &str) -> Option<Vec<TargetGroup>> {
    let found = known(on.cloud.target_groups().await)?;
    Some(found.into_iter().filter(|group| group.name == name).collect())
}

async fn listeners<R: Regions>(on: &Target<R>, balancer_arn: &str) -> Option<Vec<Listener>> {
    known(on.cloud.listeners(balancer_arn).await)
}

/// Looks until every target is in this state, and there are as many.
async fn all_are<R: Regions>(on: &Target<R>, group: &TargetGroup, state: TargetState, count: usize) -> Vec<Registered> {
    let look = async || {
        let found = known(on.cloud.targets(&group.arn).await)?;
        (found.len() == count && found.iter().all(|target| target.state == state)).then_some(found)
    };
    on.eventually(&format!("{count} targets {}", state.name()), look).await
}

/// Deletes until no list shows it, as the planner does.
async fn delete_balancer<R: Regions>(on: &Target<R>, balancer: &LoadBalancer) {
    let gone = async || {
        on.cloud.delete_load_balancer(&balancer.arn).await.unwrap();
        balancers(on, &balancer.name).await?.is_empty().then_some(())
    };
    on.eventually("the load balancer gone", gone).await;
}

async fn delete_group<R: Regions>(on: &Target<R>, group: &TargetGroup) {
    let gone = async || match on.cloud.delete_target_group(&group.arn).await {
        Err(error) if error.failure == Failure::DependencyViolation => None,
        answer => {
            answer.unwrap();
            groups(on, &group.name).await?.is_empty().then_some(())
        }
    };
    on.eventually("the target group gone", gone).await;
}

// Load balancers

pub(crate) async fn a_load_balancer_is_what_was_asked_for<R: Regions>(on: Rc<Target<R>>) {
    let request = balancer_of(&on).await;
    let made = make_balancer(&on, &request).await;
    assert!(made.arn.contains(&format!(":loadbalancer/app/{}/", request.name)), "{made:?}");
    assert_eq!((made.scheme, &made.tags), (request.scheme, &request.tags));
    assert_eq!(made.vpc_id, on.subnets().await[0].vpc_id);
    assert_eq!(made.group_ids, request.group_ids);
    let (mut subnets, mut asked) = (made.subnet_ids.clone(), request.subnet_ids.clone());
    subnets.sort();
    asked.sort();
    assert_eq!(subnets, asked);
    assert!(made.dns_name.contains(&request.name) && !made.dns_name.contains('/'), "{made:?}");
    let active = async || {
        let found = balancers(&on, &request.name).await?.pop()?;
        assert!(matches!(found.state, LoadBalancerState::Provisioning | LoadBalancerState::Active), "{found:?}");
        (found.state == LoadBalancerState::Active).then_some(found)
    };
    let found = on.eventually("active", active).await;
    assert_eq!((found.arn, found.dns_name), (made.arn, made.dns_name));
}

pub(crate) async fn a_name_is_one_load_balancer<R: Regions>(on: Rc<Target<R>>) {
    let request = balancer_of(&on).await;
    let made = make_balancer(&on, &request).await;
    answered(&on, async || on.cloud.create_load_balancer(&request).await).await.unwrap();
    let other = LoadBalancerRequest { subnet_ids: all_subnets(&on).await, ..request.clone() };
    let error = refused(answered(&on, async || on.cloud.create_load_balancer(&other).await).await);
    assert_eq!(error.failure, Failure::AlreadyExists);
    let seen = async || balancers(&on, &request.name).await;
    let found = on.eventually("the list", seen).await;
    assert_eq!(found.iter().map(|one| &one.arn).collect::<Vec<_>>(), [&made.arn]);
    let (mut subnets, mut asked) = (found[0].subnet_ids.clone(), request.subnet_ids.clone());
    subnets.sort();
    asked.sort();
    assert_eq!(subnets, asked);
}

async fn all_subnets<R: Regions>(on: &Target<R>) -> Vec<String> {
    let subnets = on.subnets().await;
    assert!(subnets.len() > 2, "three zones");
    subnets.into_iter().map(|subnet| subnet.id).collect()
}

pub(crate) async fn a_load_balancer_needs_two_zones_and_a_name_of_its_form<R: Regions>(on: Rc<Target<R>>) {
    let request = balancer_of(&on).await;
    let one_zone = LoadBalancerRequest { subnet_ids: request.subnet_ids[..1].to_vec(), ..request.clone() };
    let named = |name: String| LoadBalancerRequest { name, ..request.clone() };
    let long = format!("cb-{}", "x".repeat(30));
    for wrong in [one_zone, named(long), named("internal-x".into()), named("cb_x".into()), named("cb-x-".into())] {
        let name = wrong.name.clone();
        let error = refused(answered(&on, async || on.cloud.create_load_balancer(&wrong).await).await);
        assert_eq!(error.failure, Failure::Rejected, "{name}: {error}");
    }
}

pub(crate) async fn a_deleted_load_balancer_is_gone_with_its_listeners<R: Regions>(on: Rc<Target<R>>) {
    let (balancer, _) = make_routing(&on).await;
    delete_balancer(&on, &balancer).await;
    on.cloud.delete_load_balancer(&balancer.arn).await.unwrap();
    let gone = async || match on.cloud.listeners(&balancer.arn).await {
        Err(error) => {
            assert_eq!(error.failure, Failure::NotFound);
            Some(())
        }
        Ok(_) => None,
    };
    on.eventually("no listeners", gone).await;
}

pub(crate) async fn interfaces_of_a_load_balancer_hold_its_group<R: Regions>(on: Rc<Target<R>>) {
    let request = balancer_of(&on).await;
    let group = request.group_ids[0].clone();
    let balancer = make_balancer(&on, &request).await;
    let seen = async || {
        let interfaces = on.cloud.interfaces(&group).await.unwrap();
        (!interfaces.is_empty()).then_some(interfaces)
    };
    let interfaces = on.eventually("its interfaces", seen).await;
    assert!(interfaces.iter().all(|interface| interface.instance_id.is_none()), "{interfaces:?}");
    assert_eq!(refused(on.cloud.delete_group(&group).await).failure, Failure::DependencyViolation);
    delete_balancer(&on, &balancer).await;
    let free = async || on.cloud.interfaces(&group).await.unwrap().is_empty().then_some(());
    on.eventually("no interface left", free).await;
    let gone = async || match on.cloud.delete_group(&group).await {
        Err(error) if error.failure == Failure::DependencyViolation => None,
        answer => {
            answer.unwrap();
            Some(())
        }
    };
    on.eventually("the security group gone", gone).await;
}

pub(crate) async fn things_of_nobody_are_not_found_and_deleted<R: Regions>(on: Rc<Target<R>>) {
    assert_eq!(refused(on.cloud.listeners(BALANCER_OF_NOBODY).await).failure, Failure::NotFound);
    assert_eq!(refused(on.cloud.targets(GROUP_OF_NOBODY).await).failure, Failure::NotFound);
    assert_eq!(refused(on.cloud.attributes(GROUP_OF_NOBODY).await).failure, Failure::NotFound);
    let listener = Listener { arn: LISTENER_OF_NOBODY.into(), port: 8080, rules: Vec::new() };
    let group = make_group(&on, &group_of(&on).await).await;
    let rule = rule_of(&on, &listener, 1, "/a", &group);
    assert_eq!(refused(on.cloud.create_rule(&rule).await).failure, Failure::NotFound);
    on.cloud.delete_rule(RULE_OF_NOBODY).await.unwrap();
    on.cloud.delete_load_balancer(BALANCER_OF_NOBODY).await.unwrap();
    on.cloud.delete_target_group(GROUP_OF_NOBODY).await.unwrap();
    delete_group(&on, &group).await;
}

// Target groups

pub(crate) async fn a_target_group_is_what_was_asked_for<R: Regions>(on: Rc<Target<R>>) {
    let request = group_of(&on).await;
    let made = make_group(&on, &request).await;
    assert_eq!((made.port, &made.vpc_id), (request.port, &request.vpc_id));
    assert_eq!((&made.health_check, &made.tags), (&request.health_check, &request.tags));
    assert_eq!(made.load_balancer_arns, Vec::<String>::new());
    assert!(made.arn.contains(&format!(":targetgroup/{}/", request.name)), "{made:?}");
    assert_eq!(known(on.cloud.targets(&made.arn).await), Some(Vec::new()));
    delete_group(&on, &made).await;
    on.cloud.delete_target_group(&made.arn).await.unwrap();
}

pub(crate) async fn an_equal_target_group_is_the_same_one<R: Regions>(on: Rc<Target<R>>) {
    let request = group_of(&on).await;
    let made = make_group(&on, &request).await;
    on.cloud.create_target_group(&request).await.unwrap();
    let found = on.eventually("the list", async || groups(&on, &request.name).await).await;
    assert_eq!(found.iter().map(|one| &one.arn).collect::<Vec<_>>(), [&made.arn]);
}

pub(crate) async fn a_name_is_one_target_group<R: Regions>(on: Rc<Target<R>>) {
    let request = group_of(&on).await;
    make_group(&on, &request).await;
    let other = TargetGroupRequest { port: 8081, ..request.clone() };
    assert_eq!(refused(on.cloud.create_target_group(&other).await).failure, Failure::AlreadyExists);
    let found = on.eventually("the list", async || groups(&on, &request.name).await).await;
    assert_eq!(found.iter().map(|one| one.port).collect::<Vec<_>>(), [8080]);
}

pub(crate) async fn attributes_are_what_was_set<R: Regions>(on: Rc<Target<R>>) {
    let group = make_group(&on, &group_of(&on).await).await;
    let usual = on.once_visible("attributes", async || on.cloud.attributes(&group.arn).await).await;
    assert_eq!((usual.algorithm, usual.deregistration_delay_seconds), (Algorithm::RoundRobin, 300));
    let to = TargetGroupAttributes { algorithm: Algorithm::LeastOutstandingRequests, deregistration_delay_seconds: 7 };
    for _ in 0..2 {
        on.once_visible("attributes", async || on.cloud.set_attributes(&group.arn, &to).await).await;
    }
    let set = async || (known(on.cloud.attributes(&group.arn).await)? == to).then_some(());
    on.eventually("what was set", set).await;
}

// Listeners and rules

pub(crate) async fn a_listener_is_there_once<R: Regions>(on: Rc<Target<R>>) {
    let (balancer, first) = make_routing(&on).await;
    assert_eq!((first.port, &first.rules), (8080, &Vec::new()));
    let other = make_listener(&on, &listener_of(&on, &balancer, 8081)).await;
    assert_ne!(first.arn, other.arn);
    let seen = async || {
        let found = listeners(&on, &balancer.arn).await?;
        (found.len() == 2).then(|| found.iter().map(|one| one.port).collect::<Vec<_>>())
    };
    let mut ports = on.eventually("two listeners", seen).await;
    ports.sort_unstable();
    assert_eq!(ports, [8080, 8081]);
}

pub(crate) async fn an_equal_listener_is_the_same_one<R: Regions>(on: Rc<Target<R>>) {
    let balancer = make_balancer(&on, &balancer_of(&on).await).await;
    let request = listener_of(&on, &balancer, 8080);
    let made = make_listener(&on, &request).await;
    on.once_visible("the listener again", async || on.cloud.create_listener(&request).await).await;
    let found = on.eventually("its list", async || listeners(&on, &balancer.arn).await).await;
    assert_eq!(found.iter().map(|one| &one.arn).collect::<Vec<_>>(), [&made.arn]);
}

pub(crate) async fn rules_are_in_the_order_of_their_priority<R: Regions>(on: Rc<Target<R>>) {
    let (balancer, listener) = make_routing(&on).await;
    let group = make_group(&on, &group_of(&on).await).await;
    for (priority, path) in [(20, "/b"), (3, "/cluster1"), (10, "/a")] {
        make_rule(&on, &rule_of(&on, &listener, priority, path, &group)).await;
    }
    let seen = async || {
        let found = listeners(&on, &balancer.arn).await?.pop()?.rules;
        assert!(found.len() <= 3, "{found:?}");
        (found.len() == 3).then_some(found)
    };
    let rules = on.eventually("three rules", seen).await;
    let told: Vec<_> = rules.iter().map(|rule| (rule.priority, rule.paths.join(" "))).collect();
    let expected = [(3, "/cluster1 /cluster1/*"), (10, "/a /a/*"), (20, "/b /b/*")];
    assert_eq!(told, expected.map(|(priority, paths)| (priority, paths.to_owned())));
    assert!(rules.iter().all(|rule| rule.forward == BTreeMap::from([(group.arn.clone(), 1)])), "{rules:?}");
    let gone = async || {
        on.cloud.delete_rule(&rules[1].arn).await.unwrap();
        let found = listeners(&on, &balancer.arn).await?.pop()?.rules;
        (found.len() == 2).then(|| found.iter().map(|rule| rule.priority).collect::<Vec<_>>())
    };
    assert_eq!(on.eventually("a rule gone", gone).await, [3, 20]);
    on.cloud.delete_rule(&rules[1].arn).await.unwrap();
}

pub(crate) async fn a_priority_is_taken_once<R: Regions>(on: Rc<Target<R>>) {
    let (balancer, listener) = make_routing(&on).await;
    let group = make_group(&on, &group_of(&on).await).await;
    let request = rule_of(&on, &listener, 10, "/a", &group);
    make_rule(&on, &request).await;
    let error = refused(answered(&on, async || on.cloud.create_rule(&request).await).await);
    assert_eq!(error.failure, Failure::AlreadyExists, "even an equal one");
    let seen = async || Some(listeners(&on, &balancer.arn).await?.pop()?.rules).filter(|rules| !rules.is_empty());
    assert_eq!(on.eventually("the rule", seen).await.len(), 1);
}

pub(crate) async fn a_target_group_tells_who_uses_it<R: Regions>(on: Rc<Target<R>>) {
    let (balancer, listener) = make_routing(&on).await;
    let group = make_group(&on, &group_of(&on).await).await;
    make_rule(&on, &rule_of(&on, &listener, 10, "/a", &group)).await;
    let used = async || Some(groups(&on, &group.name).await?.pop()?.load_balancer_arns).filter(|arns| !arns.is_empty());
    assert_eq!(on.eventually("the group in use", used).await, [balancer.arn]);
}

pub(crate) async fn a_target_group_in_use_stays<R: Regions>(on: Rc<Target<R>>) {
    let (balancer, listener) = make_routing(&on).await;
    let group = make_group(&on, &group_of(&on).await).await;
    make_rule(&on, &rule_of(&on, &listener, 10, "/a", &group)).await;
    let error = refused(on.cloud.delete_target_group(&group.arn).await);
    assert_eq!((error.failure, error.code.as_str()), (Failure::DependencyViolation, "ResourceInUse"));
    delete_balancer(&on, &balancer).await;
    delete_group(&on, &group).await;
}

// Targets

pub(crate) async fn an_instance_that_does_not_run_is_no_target<R: Regions>(on: Rc<Target<R>>) {
    let group = make_group(&on, &group_of(&on).await).await;
    let unknown = ["i-0123456789abcdef0".to_owned()];
    let error = refused(answered(&on, async || on.cloud.register(&group.arn, &unknown).await).await);
    assert_eq!((error.failure, error.code.as_str()), (Failure::Rejected, "InvalidTarget"));
    on.cloud.deregister(&group.arn, &unknown).await.unwrap();
}

pub(crate) async fn a_target_is_unused_until_a_rule_names_its_group<R: Regions>(on: Rc<Target<R>>) {
    let (_, listener) = make_routing(&on).await;
    let group = make_group(&on, &group_of(&on).await).await;
    let made = make_instances(&on, 2).await;
    register(&on, &group, &made).await;
    let found = all_are(&on, &group, TargetState::Unused, 2).await;
    assert!(found.iter().all(|target| target.reason.as_deref() == Some("Target.NotInUse")), "{found:?}");
    make_rule(&on, &rule_of(&on, &listener, 10, "/a", &group)).await;
    let mut found = all_are(&on, &group, TargetState::Healthy, 2).await;
    found.sort_by(|one, other| one.instance_id.cmp(&other.instance_id));
    assert_eq!(found.iter().map(|target| target.instance_id.clone()).collect::<Vec<_>>(), made);
    assert!(found.iter().all(|target| target.reason.is_none()), "{found:?}");
    // Registered is registered, also twice.
    register(&on, &group, &made[..1]).await;
    assert_eq!(all_are(&on, &group, TargetState::Healthy, 2).await.len(), 2);
    on.terminate(&made).await;
}

pub(crate) async fn a_target_that_is_taken_out_drains_and_goes<R: Regions>(on: Rc<Target<R>>) {
    let (_, listener) = make_routing(&on).await;
    let group = make_group(&on, &group_of(&on).await).await;
    let delay = TargetGroupAttributes { algorithm: Algorithm::RoundRobin, deregistration_delay_seconds: 1 };
    on.once_visible("attributes", async || on.cloud.set_attributes(&group.arn, &delay).await).await;
    make_rule(&on, &rule_of(&on, &listener, 10, "/a", &group)).await;
    let made = make_instances(&on, 1).await;
    register(&on, &group, &made).await;
    all_are(&on, &group, TargetState::Healthy, 1).await;
    on.cloud.deregister(&group.arn, &made).await.unwrap();
    let found = all_are(&on, &group, TargetState::Draining, 1).await;
    assert_eq!(found[0].reason.as_deref(), Some("Target.DeregistrationInProgress"));
    // Whoever is let in again serves again.
    register(&on, &group, &made).await;
    all_are(&on, &group, TargetState::Healthy, 1).await;
    on.cloud.deregister(&group.arn, &made).await.unwrap();
    all_are(&on, &group, TargetState::Draining, 1).await;
    let gone = async || known(on.cloud.targets(&group.arn).await)?.is_empty().then_some(());
    on.eventually("no target left", gone).await;
    on.cloud.deregister(&group.arn, &made).await.unwrap();
    on.terminate(&made).await;
}
