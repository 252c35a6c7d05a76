//! Connections between instances, and with the internet.

use std::net::Ipv4Addr;

use cloudsim::ec2::{InterfaceRequest, PermissionSource, RunInstances, Target};
use cloudsim::{PublicAccess, Settings, Sim};

use crate::groups::{allow, create};
use crate::world::{SUBNET_A, at, exact, request, sim};

struct World {
    sim: Sim,
    worker: Ipv4Addr,
    balancer: Ipv4Addr,
    balancer_public: Ipv4Addr,
    lonely: Ipv4Addr,
}

const OPERATOR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const CUSTOMER: Ipv4Addr = Ipv4Addr::new(8, 8, 4, 4);

/// A worker in `members`; a public balancer in `members` and `edge`; one with no group of ours and no public address.
fn world() -> World {
    let mut sim = sim(exact());
    let members = create(&mut sim, "members", 0).unwrap();
    let edge = create(&mut sim, "edge", 0).unwrap();
    allow(&mut sim, &members, 8080, PermissionSource::Group(members.clone()), 0).unwrap();
    allow(&mut sim, &edge, 9090, PermissionSource::Cidr("127.0.0.0/24".parse().unwrap()), 0).unwrap();
    allow(&mut sim, &edge, 80, PermissionSource::Cidr("0.0.0.0/0".parse().unwrap()), 0).unwrap();
    let mut launch = |token: &str, groups: &[&String], public: bool| {
        let interface = InterfaceRequest {
            subnet_id: Some(SUBNET_A.into()),
            group_ids: groups.iter().map(|id| (*id).clone()).collect(),
            associate_public_address: Some(public),
            ..InterfaceRequest::default()
        };
        let request = RunInstances { interface: Some(interface), ..request(1, token) };
        let instance = sim.ec2(at(0)).run_instances(&request).unwrap().remove(0);
        let network = instance.network.clone().unwrap();
        (network.private_address, network.public_address)
    };
    let (worker, _) = launch("worker", &[&members], true);
    let (balancer, public) = launch("balancer", &[&members, &edge], true);
    let (lonely, _) = launch("lonely", &[], false);
    sim.advance(at(10));
    World { sim, worker, balancer, balancer_public: public.unwrap(), lonely }
}

#[test]
fn every_needed_edge_is_open_and_the_others_are_not() {
    let World { sim, worker, balancer, balancer_public, lonely } = world();
    assert_eq!(worker.to_string(), "127.31.0.10", "addresses start at ten");
    let rows = [
        (balancer, worker, 8080, ""),
        (worker, balancer, 8080, ""),
        (OPERATOR, balancer, 9090, ""),
        (CUSTOMER, balancer_public, 80, ""),
        (worker, CUSTOMER, 443, ""),
        (worker, balancer_public, 80, ""),
        (OPERATOR, worker, 8080, "no rule of"),
        (CUSTOMER, balancer_public, 9090, "no rule of"),
        (CUSTOMER, worker, 8080, "is private"),
        (lonely, worker, 8080, "no rule of"),
        (worker, lonely, 8080, "no rule of"),
        (lonely, CUSTOMER, 443, "no public address"),
        (worker, balancer_public, 8080, "no rule of"),
        (OPERATOR, Ipv4Addr::new(127, 31, 0, 99), 80, "no running instance"),
    ];
    for (from, to, port, expected) in rows {
        match sim.can_connect(from, to, port) {
            Ok(()) => assert_eq!(expected, "", "{from} -> {to}:{port} is open"),
            Err(why) => assert!(!expected.is_empty() && why.contains(expected), "{from} -> {to}:{port}: {why}"),
        }
    }
}

#[test]
fn the_way_out_is_the_route() {
    let World { mut sim, worker, lonely, .. } = world();
    let default_route = |sim: &mut Sim, target: Option<Target>| {
        let routes = &mut sim.network_mut().route_tables[0].routes;
        match target {
            Some(target) => routes[1].target = target,
            None => drop(routes.pop()),
        }
    };
    default_route(&mut sim, Some(Target::NatGateway("nat-1".into())));
    assert_eq!(sim.can_connect(lonely, CUSTOMER, 443), Ok(()), "no public address needed behind NAT");
    default_route(&mut sim, Some(Target::Endpoint("vpce-1".into())));
    assert_eq!(sim.can_connect(worker, CUSTOMER, 443), Ok(()), "a gateway is behind the firewall");
    assert!(sim.can_connect(lonely, CUSTOMER, 443).unwrap_err().contains("no public address"));
    default_route(&mut sim, Some(Target::TransitGateway("tgw-1".into())));
    assert_eq!(sim.can_connect(lonely, CUSTOMER, 443), Ok(()), "the network behind it has a NAT");
    sim.network_mut().route_tables[0].routes[1].is_blackhole = true;
    assert!(sim.can_connect(worker, CUSTOMER, 443).unwrap_err().contains("no route"));
    default_route(&mut sim, None);
    assert!(sim.can_connect(worker, CUSTOMER, 443).unwrap_err().contains("no route"));
}

#[test]
fn block_public_access_closes_what_needs_a_public_address() {
    for public_access in [PublicAccess::BlockIngress, PublicAccess::BlockBidirectional] {
        let World { mut sim, worker, balancer, balancer_public, .. } = world();
        sim.set_settings(Settings { public_access, ..exact() });
        assert!(sim.can_connect(worker, CUSTOMER, 443).unwrap_err().contains("Block Public Access"));
        assert!(sim.can_connect(CUSTOMER, balancer_public, 80).unwrap_err().contains("Block Public Access"));
        assert_eq!(sim.can_connect(balancer, worker, 8080), Ok(()), "inside nothing changes");
        assert_eq!(sim.can_connect(OPERATOR, balancer, 9090), Ok(()), "nor from a network that is routed to it");
    }
}

#[test]
fn a_terminated_instance_answers_nobody() {
    let World { mut sim, worker, balancer, .. } = world();
    let id = sim
        .truth()
        .ec2
        .live_instances()
        .iter()
        .find(|live| live.network.as_ref().unwrap().private_address == worker)
        .unwrap()
        .id
        .clone();
    sim.ec2(at(11)).terminate_instances(&[id]).unwrap();
    assert!(sim.can_connect(balancer, worker, 8080).is_err());
}

/// The Kubernetes cluster of the operator lies in the VPC, and its interfaces are nobody's instances here.
#[test]
fn a_pod_reaches_instances_by_the_blocks_of_its_vpc() {
    let mut sim = sim(exact());
    let node = sim.ec2(at(0)).plant_kubernetes_node().unwrap();
    assert_ne!(node.node, node.pod);
    let edge = create(&mut sim, "edge", 0).unwrap();
    allow(&mut sim, &edge, 8081, PermissionSource::Cidr("127.31.0.0/16".parse().unwrap()), 0).unwrap();
    let interface = InterfaceRequest {
        subnet_id: Some(SUBNET_A.into()),
        group_ids: vec![edge],
        associate_public_address: Some(false),
        ..InterfaceRequest::default()
    };
    let request = RunInstances { interface: Some(interface), ..request(1, "token") };
    let instance = sim.ec2(at(0)).run_instances(&request).unwrap().remove(0);
    sim.advance(at(10));
    let target = instance.network.as_ref().unwrap().private_address;
    assert!(![node.node, node.pod].contains(&target));
    for from in [node.node, node.pod] {
        assert_eq!(sim.can_connect(from, target, 8081), Ok(()));
        assert!(sim.can_connect(from, target, 8080).is_err());
    }
    assert!(sim.can_connect(OPERATOR, target, 8081).is_err());
    assert_eq!(sim.audit().interfaces, 1, "that of the node is not counted");
}
