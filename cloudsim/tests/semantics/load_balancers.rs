//! Load balancers, listeners and rules: the name is the token, and what goes with what.

use cloudsim::ec2::{Permission, PermissionSource, RouteTable};
use cloudsim::elb::{
    CreateLoadBalancer, CreateRule, DescribeListeners, DescribeLoadBalancers, DescribeRules, LoadBalancerKind,
    RuleAction,
};
use cloudsim::{Filter, Lag, LoadBalancing, PageRequest, Provisioned, Query, Settings, Sim, Span};
use planner::owner::Tags;
use planner::ports::{LoadBalancerState, Scheme};

use crate::balancing::{
    balancer, chain, create_balancer, listener, not_found, rule, security_group, steady, target_group,
};
use crate::world::{SUBNET_A, SUBNET_B, SUBNET_C, at, code, sim};

fn state(sim: &mut Sim, arn: &str, second: i64) -> LoadBalancerState {
    let request = DescribeLoadBalancers { arns: vec![arn.into()], ..DescribeLoadBalancers::default() };
    sim.elb(at(second)).describe_load_balancers(&request).unwrap().items[0].state
}

fn with(change: impl FnOnce(&mut LoadBalancing)) -> Settings {
    let mut settings = steady();
    change(&mut settings.load_balancing);
    settings
}

#[test]
fn a_name_with_the_same_settings_is_the_same_load_balancer_and_with_others_a_duplicate() {
    let mut sim = sim(steady());
    let first = create_balancer(&mut sim, "cb-one", 0).unwrap();
    let other_order = CreateLoadBalancer { subnet_ids: vec![SUBNET_B.into(), SUBNET_A.into()], ..balancer("cb-one") };
    let again = sim.elb(at(1)).create_load_balancer(&other_order).unwrap();
    assert_eq!(first.arn, again.arn);
    let group = security_group(&mut sim, 1);
    for other in [
        CreateLoadBalancer { subnet_ids: vec![SUBNET_A.into(), SUBNET_C.into()], ..balancer("cb-one") },
        CreateLoadBalancer { scheme: Scheme::InternetFacing, ..balancer("cb-one") },
        CreateLoadBalancer { group_ids: vec![group.clone()], ..balancer("cb-one") },
    ] {
        assert_eq!(code(sim.elb(at(2)).create_load_balancer(&other)), "DuplicateLoadBalancerName", "{other:?}");
    }
    assert_eq!(sim.audit().made.load_balancers, [("cb-one".to_owned(), 1)].into());
    let retagged = CreateLoadBalancer { tags: Tags::new(), ..balancer("cb-one") };
    assert_eq!(sim.elb(at(3)).create_load_balancer(&retagged).unwrap().arn, first.arn, "tags are no settings");
    let tags_count = with(|knobs| knobs.tags_are_settings = true);
    sim.set_settings(tags_count);
    assert_eq!(code(sim.elb(at(3)).create_load_balancer(&retagged)), "DuplicateLoadBalancerName");
}

#[test]
fn a_strangers_load_balancer_answers_to_our_name() {
    let mut sim = sim(steady());
    let theirs = sim.elb(at(0)).plant_load_balancer("cb-one", LoadBalancerKind::Application, Tags::new()).unwrap();
    let default = sim.truth().elb.nodes(&theirs).to_vec();
    assert_eq!(default.len(), 2);
    // A success proves nothing.
    assert_eq!(create_balancer(&mut sim, "cb-one", 1).unwrap().arn, theirs);
    assert_eq!((sim.audit().load_balancers, sim.foreign_touched()), (0, &[][..]));
    let network = sim.elb(at(1)).plant_load_balancer("cb-two", LoadBalancerKind::Network, Tags::new());
    assert!(network.is_some());
    assert_eq!(code(create_balancer(&mut sim, "cb-two", 2)), "DuplicateLoadBalancerName");
    sim.elb(at(3)).delete_load_balancer(&theirs).unwrap();
    assert_eq!(sim.foreign_touched(), ["DeleteLoadBalancer cb-one"]);
}

#[test]
fn a_request_that_is_wrong_is_refused_by_its_code() {
    let mut sim = sim(steady());
    let longest = "a".repeat(32);
    create_balancer(&mut sim, &longest, 0).unwrap();
    for name in ["", &"a".repeat(33), "-a", "a-", "a_b", "a.b", "internal-a"] {
        assert_eq!(code(create_balancer(&mut sim, name, 0)), "ValidationError", "{name}");
    }
    let rows = [
        (vec![SUBNET_A], "ValidationError"),
        (vec![SUBNET_A, SUBNET_A], "InvalidConfigurationRequest"),
        (vec![SUBNET_A, "subnet-1"], "SubnetNotFound"),
    ];
    for (subnets, expected) in rows {
        let subnet_ids = subnets.into_iter().map(str::to_owned).collect();
        let request = CreateLoadBalancer { subnet_ids, ..balancer("cb-one") };
        assert_eq!(code(sim.elb(at(0)).create_load_balancer(&request)), expected);
    }
    let unknown = CreateLoadBalancer { group_ids: vec!["sg-1".into()], ..balancer("cb-one") };
    assert_eq!(code(sim.elb(at(0)).create_load_balancer(&unknown)), "InvalidSecurityGroup");
    let reserved = CreateLoadBalancer { tags: [("aws:x".into(), "y".into())].into(), ..balancer("cb-one") };
    assert_eq!(code(sim.elb(at(0)).create_load_balancer(&reserved)), "ValidationError");
    let many = (0..51).map(|number| (number.to_string(), String::new())).collect();
    let many = CreateLoadBalancer { tags: many, ..balancer("cb-one") };
    assert_eq!(code(sim.elb(at(0)).create_load_balancer(&many)), "TooManyTags");
    // Two VPCs.
    let mut foreign = sim.truth().ec2.network().subnets[1].clone();
    (foreign.id, foreign.vpc_id) = ("subnet-2".into(), "vpc-2".into());
    sim.network_mut().subnets.push(foreign);
    let two = CreateLoadBalancer { subnet_ids: vec![SUBNET_A.into(), "subnet-2".into()], ..balancer("cb-one") };
    assert_eq!(code(sim.elb(at(0)).create_load_balancer(&two)), "InvalidSubnet");
}

#[test]
fn each_subnet_must_have_eight_free_addresses_and_nodes_take_one() {
    let mut sim = sim(Settings { subnet_addresses: Some(8), ..steady() });
    create_balancer(&mut sim, "cb-one", 0).unwrap();
    let free = |sim: &mut Sim| {
        let subnets = sim.ec2(at(1)).describe_subnets(&Query::ids([SUBNET_A, SUBNET_C])).unwrap().items;
        let of = |id: &str| subnets.iter().find(|subnet| subnet.id == id).unwrap().free_addresses;
        (of(SUBNET_A), of(SUBNET_C))
    };
    assert_eq!(free(&mut sim), (7, 8));
    let error = create_balancer(&mut sim, "cb-two", 1).unwrap_err();
    assert_eq!(error.code, "InvalidSubnet");
    assert!(error.message.contains(SUBNET_A) && error.message.contains("at least 8 free IP addresses"), "{error}");
}

#[test]
fn the_quota_counts_everybodys() {
    let mut sim = sim(with(|knobs| (knobs.balancer_quota, knobs.group_quota) = (Some(2), Some(1))));
    sim.elb(at(0)).plant_load_balancer("theirs", LoadBalancerKind::Application, Tags::new()).unwrap();
    create_balancer(&mut sim, "cb-one", 0).unwrap();
    assert_eq!(code(create_balancer(&mut sim, "cb-two", 0)), "TooManyLoadBalancers");
    assert!(create_balancer(&mut sim, "cb-one", 0).is_ok(), "it is there");
    sim.elb(at(0)).create_target_group(&target_group("cb-a")).unwrap();
    assert_eq!(code(sim.elb(at(0)).create_target_group(&target_group("cb-b"))), "TooManyTargetGroups");
}

#[test]
fn it_provisions_and_then_is_what_the_knob_says() {
    use LoadBalancerState::{Active, ActiveImpaired, Failed, Provisioning};
    let rows = [
        (Provisioned::Active, Active),
        (Provisioned::Impaired, ActiveImpaired),
        (Provisioned::Failed, Failed),
        (Provisioned::Never, Provisioning),
    ];
    for (knob, expected) in rows {
        let mut sim = sim(with(|knobs| knobs.provisioned = knob));
        let made = create_balancer(&mut sim, "cb-one", 0).unwrap();
        assert_eq!(
            made.dns_name.strip_prefix("internal-cb-one-").map(|rest| rest.ends_with(".eu-west-1.elb.amazonaws.com")),
            Some(true)
        );
        assert_eq!(state(&mut sim, &made.arn, 99), Provisioning);
        assert_eq!(state(&mut sim, &made.arn, 100), expected);
        assert_eq!(state(&mut sim, &made.arn, 10_000), expected);
    }
}

#[test]
fn one_that_faces_the_internet_without_a_gateway_provisions_for_ever() {
    let mut sim = sim(steady());
    let facing = |name: &str| CreateLoadBalancer { scheme: Scheme::InternetFacing, ..balancer(name) };
    let with_gateway = sim.elb(at(0)).create_load_balancer(&facing("cb-one")).unwrap();
    assert!(with_gateway.dns_name.starts_with("cb-one-"), "{}", with_gateway.dns_name);
    assert_eq!(state(&mut sim, &with_gateway.arn, 100), LoadBalancerState::Active);
    // Its subnets have a table of their own, and the gateway is still there.
    let own = RouteTable {
        id: "rtb-own".into(),
        is_main: false,
        subnet_ids: vec![SUBNET_A.into(), SUBNET_B.into()],
        routes: sim.network_mut().route_tables[0].routes[..1].to_vec(),
        ..sim.network_mut().route_tables[0].clone()
    };
    sim.network_mut().route_tables.push(own);
    let without = sim.elb(at(100)).create_load_balancer(&facing("cb-two")).unwrap();
    let internal = create_balancer(&mut sim, "cb-three", 100).unwrap();
    assert_eq!(state(&mut sim, &without.arn, 5_000), LoadBalancerState::Provisioning);
    assert_eq!(state(&mut sim, &internal.arn, 5_000), LoadBalancerState::Active);
    sim.network_mut().route_tables[0].routes.truncate(1);
    assert_eq!(code(sim.elb(at(5_000)).create_load_balancer(&facing("cb-four"))), "InvalidSubnet");
}

#[test]
fn nodes_that_face_the_internet_have_public_addresses_and_let_in_whom_a_rule_names_by_his() {
    let mut sim = sim(steady());
    let group = security_group(&mut sim, 0);
    let facing =
        CreateLoadBalancer { scheme: Scheme::InternetFacing, group_ids: vec![group.clone()], ..balancer("cb-one") };
    let arn = sim.elb(at(0)).create_load_balancer(&facing).unwrap().arn.clone();
    let nodes = sim.truth().elb.nodes(&arn).to_vec();
    let public: Vec<std::net::Ipv4Addr> = nodes.iter().filter_map(|node| node.public_address).collect();
    assert_eq!(public.len(), 2);
    let mut launched = crate::world::request(1, "token");
    let interface = launched.interface.as_mut().unwrap();
    (interface.group_ids, interface.associate_public_address) = (vec![group.clone()], Some(true));
    sim.ec2(at(0)).run_instances(&launched).unwrap();
    sim.advance(at(20));
    let network = sim.truth().ec2.live_instances()[0].network.clone().unwrap();
    let (from, seen_as) = (network.private_address, network.public_address.unwrap());
    // A rule that names the group stands for private addresses.
    let members = Permission::tcp(8080, 8080, PermissionSource::Group(group.clone()));
    sim.ec2(at(20)).authorize_ingress(&group, &[(members, None)]).unwrap();
    assert_eq!(sim.can_connect(from, nodes[0].address, 8080), Ok(()));
    assert!(sim.can_connect(from, public[0], 8080).unwrap_err().contains(&seen_as.to_string()));
    let host = Permission::tcp(8080, 8080, PermissionSource::Cidr(seen_as.into()));
    sim.ec2(at(20)).authorize_ingress(&group, &[(host, None)]).unwrap();
    assert_eq!(sim.can_connect(from, public[0], 8080), Ok(()));
    let stranger = "203.0.113.7".parse().unwrap();
    assert!(sim.can_connect(stranger, public[1], 8080).is_err());
    let internal = create_balancer(&mut sim, "cb-two", 20).unwrap().arn.clone();
    assert!(sim.truth().elb.nodes(&internal).iter().all(|node| node.public_address.is_none()));
}

#[test]
fn interfaces_hold_the_groups_from_creation_until_long_after_deletion() {
    let mut sim = sim(steady());
    let group = security_group(&mut sim, 0);
    let request = CreateLoadBalancer { group_ids: vec![group.clone()], ..balancer("cb-one") };
    let arn = sim.elb(at(0)).create_load_balancer(&request).unwrap().arn.clone();
    let in_group = |sim: &mut Sim, second| {
        let query = Query::filtered([Filter::new("group-id", [&group])]);
        sim.ec2(at(second)).describe_network_interfaces(&query).unwrap().items
    };
    let held = in_group(&mut sim, 0);
    assert_eq!(held.len(), 2);
    let id = arn.rsplit('/').next().unwrap();
    for interface in &held {
        assert_eq!(interface.description, format!("ELB app/cb-one/{id}"));
        assert_eq!((interface.status(), interface.requester_id.as_deref()), ("in-use", Some("amazon-elb")));
        assert!(interface.tags.is_empty() && interface.instance_id.is_none());
    }
    let managed = Query::filtered([Filter::new("requester-managed", ["true"])]);
    assert_eq!(sim.ec2(at(0)).describe_network_interfaces(&managed).unwrap().items.len(), 2);
    assert_eq!(code(sim.ec2(at(1)).delete_security_group(&group)), "DependencyViolation");
    sim.elb(at(200)).delete_load_balancer(&arn).unwrap();
    let gone = DescribeLoadBalancers { names: vec!["cb-one".into()], ..DescribeLoadBalancers::default() };
    assert_eq!(code(sim.elb(at(200)).describe_load_balancers(&gone)), "LoadBalancerNotFound");
    assert_eq!(in_group(&mut sim, 259).len(), 2);
    assert_eq!(code(sim.ec2(at(259)).delete_security_group(&group)), "DependencyViolation");
    assert_eq!(in_group(&mut sim, 260).len(), 0);
    sim.ec2(at(260)).delete_security_group(&group).unwrap();
    assert_eq!((sim.audit().interfaces, sim.audit().load_balancers), (0, 0));
}

#[test]
fn deleting_takes_listeners_and_rules_along_and_is_a_success_again() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    assert_eq!(code(sim.elb(at(1)).delete_target_group(&made.group)), "ResourceInUse");
    sim.elb(at(1)).delete_load_balancer(&made.balancer).unwrap();
    sim.elb(at(1)).delete_load_balancer(&made.balancer).unwrap();
    let rules = DescribeRules { arns: vec![made.rule], ..DescribeRules::default() };
    assert_eq!(code(sim.elb(at(1)).describe_rules(&rules)), "RuleNotFound");
    let listeners = DescribeListeners { arns: vec![made.listener], ..DescribeListeners::default() };
    assert_eq!(code(sim.elb(at(1)).describe_listeners(&listeners)), "ListenerNotFound");
    assert_eq!(sim.audit().target_groups, 1, "groups stay");
    sim.elb(at(1)).delete_target_group(&made.group).unwrap();
    sim.elb(at(1)).delete_target_group(&made.group).unwrap();
    assert_eq!(sim.audit().target_groups, 0);
    // The name is free again.
    let again = create_balancer(&mut sim, "cb-one", 2).unwrap();
    assert_ne!(again.arn, made.balancer);
    assert_eq!(sim.audit().made.load_balancers["cb-one"], 2);
}

#[test]
fn a_group_counts_as_used_for_a_while_after_its_last_rule() {
    let mut sim = sim(with(|knobs| knobs.used_linger = Span::seconds(30, 30)));
    let made = chain(&mut sim, 0);
    sim.elb(at(10)).delete_rule(&made.rule).unwrap();
    assert_eq!(code(sim.elb(at(39)).delete_target_group(&made.group)), "ResourceInUse");
    sim.elb(at(40)).delete_target_group(&made.group).unwrap();
}

#[test]
fn listeners_are_idempotent_when_equal_and_rules_never() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    let again = sim.elb(at(1)).create_listener(&listener(&made.balancer, 8080)).unwrap();
    assert_eq!(again.arn, made.listener);
    let mut other = listener(&made.balancer, 8080);
    other.default_action = RuleAction::Forward([(made.group.clone(), 1)].into());
    assert_eq!(code(sim.elb(at(1)).create_listener(&other)), "DuplicateListener");
    let same = rule(&made.listener, 1, "/cluster1", &made.group);
    assert_eq!(code(sim.elb(at(1)).create_rule(&same)), "PriorityInUse");
    let shown = DescribeRules { listener_arn: Some(made.listener.clone()), ..DescribeRules::default() };
    let mut priorities: Vec<_> =
        sim.elb(at(1)).describe_rules(&shown).unwrap().items.iter().map(|rule| rule.priority).collect();
    priorities.sort();
    assert_eq!(priorities, [None, Some(1)], "the default one is listed too");
    assert_eq!(sim.audit().made.rules, [("cb-one".to_owned(), 1)].into());
    assert_eq!(sim.audit().made.listeners, [("cb-one".to_owned(), 1)].into());
    sim.elb(at(2)).delete_rule(&made.rule).unwrap();
    assert_eq!(code(sim.elb(at(2)).delete_rule(&made.rule)), "RuleNotFound");
    let default = sim.truth().elb.live_rules().iter().find(|rule| rule.priority.is_none()).unwrap().arn.clone();
    assert_eq!(code(sim.elb(at(2)).delete_rule(&default)), "OperationNotPermitted");
}

#[test]
fn rules_have_limits() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    let with_paths = |paths: &[&str]| CreateRule {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..rule(&made.listener, 7, "/x", &made.group)
    };
    for paths in [&[][..], &["/a", "/b", "/c", "/d", "/e", "/f"], &["/*/*/*/*/*/*"], &["/a b"], &[""]] {
        assert_eq!(code(sim.elb(at(1)).create_rule(&with_paths(paths))), "ValidationError", "{paths:?}");
    }
    for priority in [0, 50_001] {
        let request = CreateRule { priority, ..with_paths(&["/a"]) };
        assert_eq!(code(sim.elb(at(1)).create_rule(&request)), "ValidationError", "{priority}");
    }
    let unknown = rule(&made.listener, 7, "/x", &format!("{}0", made.group));
    assert_eq!(code(sim.elb(at(1)).create_rule(&unknown)), "TargetGroupNotFound");
    assert_eq!(code(sim.elb(at(1)).create_rule(&rule("arn", 7, "/x", &made.group))), "ListenerNotFound");
    for priority in 2..=100 {
        let fixed = CreateRule { priority, action: not_found(), ..with_paths(&["/a"]) };
        sim.elb(at(1)).create_rule(&fixed).unwrap();
    }
    let one_more = CreateRule { priority: 101, ..with_paths(&["/a"]) };
    assert_eq!(code(sim.elb(at(1)).create_rule(&one_more)), "TooManyRules");
    // A target group is for one load balancer.
    let other = create_balancer(&mut sim, "cb-two", 1).unwrap().arn.clone();
    let its = sim.elb(at(1)).create_listener(&listener(&other, 8080)).unwrap().arn.clone();
    let shared = rule(&its, 1, "/x", &made.group);
    assert_eq!(code(sim.elb(at(1)).create_rule(&shared)), "TargetGroupAssociationLimit");
}

#[test]
fn what_was_just_made_is_unknown_to_other_calls_for_a_while() {
    let lag = Lag::up_to(Span::seconds(20, 20));
    let mut sim = sim(with(|knobs| knobs.lag = Some(lag)));
    let arn = create_balancer(&mut sim, "cb-one", 0).unwrap().arn.clone();
    let group = sim.elb(at(0)).create_target_group(&target_group("cb-group")).unwrap().arn;
    assert_eq!(code(sim.elb(at(19)).create_listener(&listener(&arn, 8080))), "LoadBalancerNotFound");
    assert_eq!(code(sim.elb(at(19)).describe_target_group_attributes(&group)), "TargetGroupNotFound");
    assert_eq!(code(sim.elb(at(19)).describe_target_health(&group, &[])), "TargetGroupNotFound");
    assert_eq!(code(sim.elb(at(19)).register_targets(&group, &["i-1".into()])), "TargetGroupNotFound");
    assert_eq!(code(sim.elb(at(19)).describe_tags(std::slice::from_ref(&arn))), "LoadBalancerNotFound");
    let all = DescribeLoadBalancers::default();
    assert_eq!(sim.elb(at(19)).describe_load_balancers(&all).unwrap().items.len(), 0);
    assert!(create_balancer(&mut sim, "cb-one", 19).is_ok_and(|same| same.arn == arn), "a create looks at the truth");
    // A delete that does not see it is a success without effect.
    sim.elb(at(19)).delete_load_balancer(&arn).unwrap();
    assert_eq!(sim.audit().load_balancers, 1);
    let listener_arn = sim.elb(at(20)).create_listener(&listener(&arn, 8080)).unwrap().arn.clone();
    let new = rule(&listener_arn, 1, "/cluster1", &group);
    assert_eq!(code(sim.elb(at(39)).create_rule(&new)), "ListenerNotFound");
    let rule_arn = sim.elb(at(40)).create_rule(&new).unwrap().arn.clone();
    assert_eq!(code(sim.elb(at(59)).delete_rule(&rule_arn)), "RuleNotFound");
    let listed = DescribeRules { listener_arn: Some(listener_arn), ..DescribeRules::default() };
    assert_eq!(sim.elb(at(59)).describe_rules(&listed).unwrap().items.len(), 1, "the default one");
    assert_eq!(code(sim.elb(at(59)).create_rule(&new)), "PriorityInUse", "though nobody sees it");
    assert_eq!(sim.elb(at(60)).describe_rules(&listed).unwrap().items.len(), 2);
    sim.elb(at(60)).delete_load_balancer(&arn).unwrap();
    assert_eq!(sim.elb(at(79)).describe_load_balancers(&all).unwrap().items.len(), 1, "and what is gone is seen");
    assert_eq!(sim.elb(at(80)).describe_load_balancers(&all).unwrap().items.len(), 0);
}

#[test]
fn lists_have_pages_and_tags_are_asked_for_by_twenty() {
    let mut sim = sim(Settings { page_size: 3, ..steady() });
    let arns: Vec<String> = (0..7)
        .map(|number| sim.elb(at(0)).create_target_group(&target_group(&format!("cb-{number}"))).unwrap().arn)
        .collect();
    let mut page = PageRequest { max_results: Some(400), next_token: None };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let request = cloudsim::elb::DescribeTargetGroups { page: page.clone(), ..Default::default() };
        let answer = sim.elb(at(1)).describe_target_groups(&request).unwrap();
        found.extend(answer.items.into_iter().map(|group| group.arn));
        pages += 1;
        page.next_token = answer.next_token;
        if page.next_token.is_none() {
            break;
        }
    }
    found.sort();
    let mut expected = arns.clone();
    expected.sort();
    assert_eq!((found, pages), (expected, 3));
    for max_results in [0, 401] {
        let page = PageRequest { max_results: Some(max_results), next_token: None };
        let request = DescribeLoadBalancers { page, ..DescribeLoadBalancers::default() };
        assert_eq!(code(sim.elb(at(1)).describe_load_balancers(&request)), "ValidationError");
    }
    let tags = sim.elb(at(1)).describe_tags(&arns).unwrap();
    assert!(tags.len() == 7 && tags.iter().all(|(_, tags)| tags["owner"] == "us"));
    let many: Vec<String> = (0..21).map(|_| arns[0].clone()).collect();
    assert_eq!(code(sim.elb(at(1)).describe_tags(&many)), "ValidationError");
    assert_eq!(code(sim.elb(at(1)).describe_tags(&[arns[0].clone(), format!("{}0", arns[1])])), "TargetGroupNotFound");
    let absent = DescribeLoadBalancers { names: vec!["cb-none".into()], ..DescribeLoadBalancers::default() };
    assert_eq!(code(sim.elb(at(1)).describe_load_balancers(&absent)), "LoadBalancerNotFound");
}

#[test]
fn people_edit_tags_and_delete_rules_by_hand() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    assert!(sim.elb(at(1)).retag_balancer_by_hand(&made.balancer, Tags::clear));
    assert!(
        sim.elb(at(1)).retag_target_group_by_hand(&made.group, |tags| drop(tags.insert("owner".into(), "x".into())))
    );
    let tags = sim.elb(at(1)).describe_tags(&[made.balancer.clone(), made.group.clone()]).unwrap();
    assert_eq!((tags[0].1.len(), tags[1].1["owner"].as_str()), (0, "x"));
    assert!(sim.elb(at(1)).delete_rule_by_hand(&made.rule));
    assert!(!sim.elb(at(1)).delete_rule_by_hand(&made.rule));
    assert_eq!(code(sim.elb(at(1)).delete_rule(&made.rule)), "RuleNotFound");
    assert_eq!(sim.foreign_touched(), [""; 0]);
}

#[test]
fn changes_by_hand_and_scale_events_come_by_their_knobs() {
    let mut sim = sim(with(|knobs| {
        (knobs.manual_changes, knobs.scaling) = (Span::seconds(30, 60), Span::seconds(60, 60));
    }));
    let made = chain(&mut sim, 0);
    let before = sim.truth().elb.nodes(&made.balancer).to_vec();
    sim.advance(at(2_000));
    let after = sim.truth().elb.nodes(&made.balancer).to_vec();
    assert!(before.len() == 2 && after.len() == 2);
    assert!(before.iter().zip(&after).all(|(one, other)| one.zone == other.zone && one.address != other.address));
    assert_eq!(sim.audit().interfaces, 2, "the old ones went");
    assert!(sim.injected()["manual change of a load balancer"] > 3 && sim.injected()["node moved"] > 20);
    assert_eq!(sim.foreign_touched(), [""; 0]);
}
