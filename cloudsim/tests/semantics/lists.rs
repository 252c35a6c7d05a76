//! Pages, filters, order, and the things that never change.

use std::collections::BTreeSet;

use cloudsim::ec2::LocationType;
use cloudsim::{DefaultVpc, Filter, PageRequest, Query, Settings, Sim};

use crate::world::{SUBNET_B, VPC, at, code, exact, launch, sim};

/// All ids by pages of `max_results`, and the size of each page.
fn pages(sim: &mut Sim, max_results: Option<usize>) -> (Vec<String>, Vec<usize>) {
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    let mut page = PageRequest { max_results, next_token: None };
    loop {
        let query = Query { filters: vec![Filter::tag("owner", "us")], page: page.clone(), ..Query::default() };
        let answer = sim.ec2(at(60)).describe_instances(&query).unwrap();
        sizes.push(answer.items.len());
        found.extend(answer.items.iter().map(|instance| instance.id.clone()));
        match answer.next_token {
            Some(token) => page.next_token = Some(token),
            None => return (found, sizes),
        }
    }
}

#[test]
fn pages_are_complete_small_and_shuffled() {
    let mut sim = sim(Settings { page_size: 7, ..exact() });
    let launched: BTreeSet<_> = launch(&mut sim, 40, "token", 0).into_iter().collect();
    let (first, sizes) = pages(&mut sim, None);
    assert_eq!(sizes, [7, 7, 7, 7, 7, 5]);
    assert_eq!(first.iter().cloned().collect::<BTreeSet<_>>(), launched);
    assert_eq!(first.len(), 40, "nothing twice");
    let (second, sizes) = pages(&mut sim, Some(5));
    assert_eq!(sizes, [5; 8], "the caller may ask for less");
    assert_ne!(first, second, "in no order");
    assert_eq!(second.iter().cloned().collect::<BTreeSet<_>>(), launched);
}

#[test]
fn a_page_can_be_asked_for_again() {
    let mut sim = sim(Settings { page_size: 5, ..exact() });
    launch(&mut sim, 8, "token", 0);
    let first = sim.ec2(at(0)).describe_instances(&Query::default()).unwrap();
    let next = PageRequest { max_results: None, next_token: first.next_token };
    let query = Query { page: next, ..Query::default() };
    let again = sim.ec2(at(0)).describe_instances(&query).unwrap();
    assert_eq!(sim.ec2(at(1)).describe_instances(&query).unwrap(), again);
    let wrong = PageRequest { max_results: None, next_token: Some("page-99".into()) };
    assert_eq!(code(sim.ec2(at(1)).describe_instances(&Query { page: wrong, ..query })), "InvalidNextToken");
}

#[test]
fn bad_lists_are_refused() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    let sized = |size| PageRequest { max_results: Some(size), next_token: None };
    let rows = [
        ("InvalidParameterCombination", Query { page: sized(10), ..Query::ids(&id) }),
        ("InvalidParameterValue", Query { page: sized(4), ..Query::default() }),
        ("InvalidParameterValue", Query { page: sized(1001), ..Query::default() }),
        ("InvalidParameterValue", Query::filtered([Filter::new("colour", ["red"])])),
        ("InvalidParameterValue", Query::filtered([Filter::new("instance-id", [""; 0])])),
        ("FilterLimitExceeded", Query::filtered([Filter::new("instance-id", ["i"; 201])])),
        ("InvalidInstanceID.NotFound", Query::ids(["i-0"])),
    ];
    for (expected, query) in rows {
        assert_eq!(code(sim.ec2(at(0)).describe_instances(&query)), expected, "{query:?}");
    }
}

#[test]
fn filters_narrow_a_list() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    launch(&mut sim, 1, "other", 0);
    let mut count = |filters: &[(&str, &str)]| {
        let filters = filters.iter().map(|(name, value)| Filter::new(*name, [*value]));
        sim.ec2(at(0)).describe_instances(&Query::filtered(filters)).unwrap().items.len()
    };
    assert_eq!(count(&[("client-token", "token")]), 1);
    assert_eq!(count(&[("instance-id", &id[0])]), 1);
    assert_eq!(count(&[("tag:owner", "us")]), 2);
    assert_eq!(count(&[("tag:owner", "them")]), 0);
    assert_eq!(count(&[("tag-key", "own*")]), 2);
    assert_eq!(count(&[("instance-state-name", "pending"), ("client-token", "other")]), 1);
    assert_eq!(count(&[("instance-state-name", "running")]), 0);
}

#[test]
fn the_network_is_there() {
    let mut sim = sim(exact());
    launch(&mut sim, 3, "token", 0);
    let vpcs = sim.ec2(at(0)).describe_vpcs(&Query::filtered([Filter::new("is-default", ["true"])])).unwrap().items;
    assert_eq!((vpcs.len(), vpcs[0].id.as_str(), vpcs[0].cidr.to_string().as_str()), (1, VPC, "127.31.0.0/16"));
    let mut subnets = sim.ec2(at(0)).describe_subnets(&Query::default()).unwrap().items;
    subnets.sort_by(|a, b| a.zone.cmp(&b.zone));
    let rows: Vec<_> = subnets
        .iter()
        .map(|subnet| format!("{} {} {} {}", subnet.zone, subnet.zone_id, subnet.cidr.unwrap(), subnet.free_addresses))
        .collect();
    assert_eq!(
        rows,
        [
            "eu-west-1a euw1-az3 127.31.0.0/20 4082",
            "eu-west-1b euw1-az1 127.31.16.0/20 4085",
            "eu-west-1c euw1-az2 127.31.32.0/20 4085"
        ]
    );
    assert_eq!(sim.ec2(at(0)).describe_subnets(&Query::ids([SUBNET_B])).unwrap().items.len(), 1);
    assert_eq!(code(sim.ec2(at(0)).describe_subnets(&Query::ids(["subnet-1"]))), "InvalidSubnetID.NotFound");
    let tables = sim.ec2(at(0)).describe_route_tables(&Query::default()).unwrap().items;
    assert!(tables.len() == 1 && tables[0].is_main);
}

#[test]
fn an_account_may_have_no_default_vpc() {
    let mut sim = sim(Settings { default_vpc: DefaultVpc::Absent, ..exact() });
    let defaults = Query::filtered([Filter::new("default-for-az", ["true"])]);
    assert_eq!(sim.ec2(at(0)).describe_subnets(&defaults).unwrap().items, []);
    assert_eq!(sim.ec2(at(0)).describe_subnets(&Query::default()).unwrap().items.len(), 3);
}

#[test]
fn types_and_offerings_are_listed() {
    let mut sim = sim(exact());
    let types = sim.ec2(at(0)).describe_instance_types(&Query::ids(["t2.micro", "c7g.large"])).unwrap().items;
    assert_eq!(types.len(), 2);
    assert_eq!(code(sim.ec2(at(0)).describe_instance_types(&Query::ids(["t2.giant"]))), "InvalidInstanceType");
    let query = Query::filtered([Filter::new("instance-type", ["t2.micro", "t3.micro"])]);
    let mut offered = |by| {
        let found = sim.ec2(at(0)).describe_instance_type_offerings(&query, by).unwrap().items;
        let mut found: Vec<_> =
            found.into_iter().map(|offering| format!("{} {}", offering.instance_type, offering.location)).collect();
        found.sort();
        found
    };
    let zones = offered(LocationType::Zone);
    assert_eq!(zones.len(), 5);
    assert!(!zones.contains(&"t2.micro eu-west-1c".to_owned()));
    assert_eq!(offered(LocationType::Region), ["t2.micro eu-west-1", "t3.micro eu-west-1"]);
}

#[test]
fn a_list_by_tag_token_or_id_is_what_a_scan_would_find_also_after_a_change_of_tags() {
    let mut sim = sim(Settings { lag: cloudsim::Lag::up_to(cloudsim::Span::seconds(0, 30)), ..exact() });
    for token in ["one", "two", "three"] {
        launch(&mut sim, 3, token, 0);
    }
    let all: Vec<_> = sim.truth().ec2.listed_instances().iter().map(|instance| instance.id.clone()).collect();
    sim.ec2(at(40)).retag_by_hand(&all[0], |tags| drop(tags.insert("owner".into(), "them".into())));
    sim.ec2(at(40)).retag_by_hand(&all[1], |tags| tags.clear());
    sim.ec2(at(50)).terminate_instances(&all[2..4]).unwrap();
    for second in [50, 55, 60, 100, 3_000, 4_000] {
        for (literal, pattern) in [
            (Filter::tag("owner", "us"), Filter::new("tag:owner", ["us*"])),
            (Filter::tag("owner", "them"), Filter::new("tag:owner", ["them*"])),
            (Filter::new("client-token", ["two", "one"]), Filter::new("client-token", ["two*", "one*"])),
            (
                Filter::new("instance-id", &all[..5]),
                Filter::new("instance-id", all[..5].iter().map(|id| format!("{id}*"))),
            ),
        ] {
            let mut found = |filters: Vec<Filter>| {
                let mut items = sim.ec2(at(second)).describe_instances(&Query::filtered(filters)).unwrap().items;
                items.sort_by(|one, other| one.id.cmp(&other.id));
                items
            };
            let (indexed, scanned) = (found(vec![literal.clone()]), found(vec![pattern.clone()]));
            assert_eq!(indexed, scanned, "{literal:?} at {second}");
            // What the index offers must still pass the other filters.
            assert_eq!(found(vec![pattern, literal]), scanned);
        }
    }
}
