//! The planner's ports, in process.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use cloudsim::ec2::Action;
use cloudsim::{Fault, Settings, SharedSim};
use planner::Failure;
use planner::owner::{Owner, Tags};
use planner::ports::{
    Addressing, Architecture, Catalog, Compute, Egress, GroupRequest, ImageQuery, LaunchRequest, Regions, Rule,
    SecurityGroups, Selection, Source, SubnetsOf,
};

use crate::world::{SUBNET_A, VPC, X86_IMAGE, at, exact};

/// The future of a port in process is ready at once.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a port in process waited"),
    }
}

pub(crate) fn shared(settings: Settings) -> (SharedSim, Arc<AtomicI64>) {
    let second = Arc::new(AtomicI64::new(0));
    let clock = second.clone();
    let sim = cloudsim::Sim::new(7, settings).unwrap();
    (SharedSim::new(sim, Arc::new(move || at(clock.load(Ordering::Relaxed)))), second)
}

fn owner() -> Owner {
    Owner {
        installation: "main".into(),
        kubernetes_cluster: "k-1".into(),
        benchmark_uid: "b-1".into(),
        namespace: "default".into(),
        name: "bench".into(),
    }
}

fn launch(token: &str, count: u32, group_ids: Vec<String>) -> LaunchRequest {
    LaunchRequest {
        token: token.into(),
        instance_type: "t3.micro".into(),
        count,
        image_id: X86_IMAGE.into(),
        subnet_id: SUBNET_A.into(),
        group_ids,
        public_address: Addressing::Public,
        user_data: "#!/bin/bash".into(),
        root_device: "/dev/xvda".into(),
        root_gib: 8,
        volumes: Vec::new(),
        credits: None,
        instance_profile: None,
        tags: owner().tags(&Tags::new()),
        not_after: jiff::Timestamp::MAX,
    }
}

#[test]
fn a_benchmark_comes_and_goes() {
    let (cloud, second) = shared(Settings { page_size: 5, ..exact() });
    assert_eq!(now(cloud.identity()).unwrap().account, "000000000000");
    let request = GroupRequest {
        name: "members".into(),
        description: "members".into(),
        vpc_id: VPC.into(),
        tags: owner().tags(&Tags::new()),
        not_after: jiff::Timestamp::MAX,
    };
    let group = now(cloud.create_group(&request)).unwrap();
    assert_eq!(now(cloud.create_group(&request)).unwrap_err().failure, Failure::AlreadyExists);
    let rule = Rule { from_port: 0, to_port: 65_535, source: Source::Group(group.clone()) };
    now(cloud.authorize_ingress(&group, &rule)).unwrap();
    now(cloud.authorize_ingress(&group, &rule)).unwrap();
    assert_eq!(now(cloud.groups(&owner().proof())).unwrap()[0].ingress, [rule]);
    let made = now(cloud.launch(&launch("token", 12, vec![group.clone()]))).unwrap();
    let ids: Vec<_> = made.iter().map(|instance| instance.id.clone()).collect();
    let count = |of: &Selection| now(cloud.instances(of)).unwrap().len();
    assert_eq!(count(&Selection::Owner(owner())), 12);
    assert_eq!(count(&Selection::Owner(Owner { benchmark_uid: "b-2".into(), ..owner() })), 0);
    assert_eq!(count(&Selection::Installation("main".into())), 12);
    assert_eq!(count(&Selection::Tokens(vec!["token".into(), "other".into()])), 12);
    assert_eq!(count(&Selection::Ids(vec![ids[0].clone(), "i-0".into()])), 1, "unknown ids are left out");
    assert_eq!(now(cloud.interfaces(&group)).unwrap().len(), 12);
    assert_eq!(now(cloud.delete_group(&group)).unwrap_err().failure, Failure::DependencyViolation);
    let with_stale = [vec!["i-0".to_owned()], ids].concat();
    let refused = now(cloud.terminate(&with_stale)).unwrap();
    let refused: Vec<_> = refused.iter().map(|one| (one.id.as_str(), one.error.failure)).collect();
    assert_eq!(refused, [("i-0", Failure::NotFound)]);
    second.store(100, Ordering::Relaxed);
    now(cloud.delete_group(&group)).unwrap();
    now(cloud.delete_group(&group)).unwrap();
    let audit = cloud.lock().audit();
    assert_eq!((audit.launched, audit.terminated, audit.groups, audit.interfaces), (12, 12, 0, 0));
}

#[test]
fn what_breaks_on_the_way_is_unknown() {
    let (cloud, _) = shared(exact());
    for fault in [Fault::LostAnswer, Fault::Truncated, Fault::Status500, Fault::LateExecution(9)] {
        cloud.lock().inject_next(Action::DescribeInstances, fault);
        let error = now(cloud.instances(&Selection::Owner(owner()))).unwrap_err();
        assert_eq!(error.failure, Failure::Unreachable, "{fault:?}");
    }
    cloud.lock().set_capacity("t3.micro", "eu-west-1a", Some(0));
    let refused = now(cloud.launch(&launch("token", 1, vec![])));
    assert_eq!(refused.unwrap_err().failure, Failure::NoCapacity, "though it is a 500");
}

#[test]
fn an_effect_waits_for_its_poll() {
    let (cloud, _) = shared(exact());
    let request = launch("token", 1, vec![]);
    drop(cloud.launch(&request));
    assert_eq!(cloud.lock().audit().launched, 0);
}

#[test]
fn the_offer_is_read() {
    let (cloud, _) = shared(exact());
    let subnets = now(cloud.subnets(&SubnetsOf::Default)).unwrap();
    assert!(subnets.len() == 3 && subnets.iter().all(|subnet| subnet.egress == Egress::InternetGateway));
    assert_eq!(now(cloud.subnets(&SubnetsOf::Named(vec!["subnet-1".into()]))).unwrap_err().failure, Failure::NotFound);
    let image = |architecture| now(cloud.image(&ImageQuery::Alias { alias: "al2023".into(), architecture })).unwrap();
    let newest = image(Architecture::X86_64).unwrap();
    assert_eq!((newest.id.as_str(), newest.root_gib), (X86_IMAGE, 8), "newest, and not the minimal one");
    assert_eq!(image(Architecture::Arm64).unwrap().architecture, Architecture::Arm64);
    assert_eq!(now(cloud.image(&ImageQuery::Id("ami-0".into()))).unwrap(), None);
    let names = ["t2.micro".to_owned(), "t2.giant".to_owned(), "t2.*".to_owned()];
    assert_eq!(now(cloud.instance_types(&names)).unwrap().len(), 1);
    assert_eq!(now(cloud.offerings(&names[..1])).unwrap().len(), 2);
}

#[test]
fn nobody_answers_in_another_region() {
    let (cloud, _) = shared(exact());
    let elsewhere = cloud.region("us-east-1");
    assert_eq!(now(elsewhere.identity()).unwrap_err().failure, Failure::Unreachable);
    assert!(now(cloud.region("eu-west-1").identity()).is_ok());
}

#[test]
fn an_address_is_found_by_whatever_it_is_on_its_interface() {
    let (cloud, _) = shared(exact());
    let moment = cloud.now();
    let node = cloud.lock().ec2(moment).plant_kubernetes_node().unwrap();
    let (node, pod): (std::net::IpAddr, std::net::IpAddr) = (node.node.into(), node.pod.into());
    let vpc_id = now(cloud.subnets(&SubnetsOf::Default)).unwrap()[0].vpc_id.clone();
    let stranger = "192.0.2.1".parse().unwrap();
    let found = now(cloud.vpcs_of(&[stranger, pod, node])).unwrap();
    assert_eq!(found, [(node, vpc_id.clone()), (pod, vpc_id.clone())]);
    assert_eq!(
        now(cloud.vpcs_of(&[pod])).unwrap(),
        [(pod, vpc_id.clone())],
        "asked for or not, the node's is left out"
    );
    let further = "100.64.0.0/16".parse().unwrap();
    cloud.lock().network_mut().vpcs[0].further_cidrs.push(further);
    assert_eq!(now(cloud.blocks(&vpc_id)).unwrap(), [further, "127.31.0.0/16".parse().unwrap()]);
}
