//! The rows about security groups.

use std::rc::Rc;

use planner::Failure;
use planner::owner::{Owner, Tags};
use planner::ports::{GroupRequest, LaunchRequest, Regions, Rule, SecurityGroups, Selection, Source};

use crate::rows::refused;
use crate::target::{Target, ids};

// Groups

async fn group_of<R: Regions>(on: &Target<R>, owner: &Owner) -> GroupRequest {
    GroupRequest {
        name: on.fresh("members"),
        description: "Workers of team/micro-vs-large".into(),
        vpc_id: on.subnets().await.remove(0).vpc_id,
        tags: owner.tags(&Tags::from([("cost-center".to_owned(), "42".to_owned())])),
        not_after: jiff::Timestamp::MAX,
    }
}

async fn create<R: Regions>(on: &Target<R>, owner: &Owner) -> (String, GroupRequest) {
    let request = group_of(on, owner).await;
    let id = on.cloud.create_group(&request).await.unwrap();
    let seen = async || on.cloud.groups(&owner.proof()).await.unwrap().iter().any(|group| group.id == id).then_some(());
    on.eventually("the new group", seen).await;
    (id, request)
}

/// Deletes until it is not listed any more, as the planner does: "gone already" may mean "not visible yet".
async fn delete<R: Regions>(on: &Target<R>, owner: &Owner, id: &str) {
    let gone = async || {
        let listed = on.cloud.groups(&owner.proof()).await.unwrap().iter().any(|group| group.id == id);
        match on.cloud.delete_group(id).await {
            Ok(()) => (!listed).then_some(()),
            Err(error) if error.failure == Failure::DependencyViolation => None,
            Err(error) => panic!("{error}"),
        }
    };
    on.eventually("the group gone", gone).await;
}

pub(crate) async fn groups_are_seen_by_their_owner_only<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let neighbour = Owner { benchmark_uid: on.fresh("uid"), ..owner.clone() };
    assert_eq!(on.cloud.groups(&owner.proof()).await.unwrap(), []);
    let (id, request) = create(&on, &owner).await;
    create(&on, &neighbour).await;
    let found = on.cloud.groups(&owner.proof()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].id, &found[0].name, &found[0].vpc_id), (&id, &request.name, &request.vpc_id));
    assert_eq!(found[0].tags, request.tags);
    assert_eq!(found[0].ingress, []);
}

pub(crate) async fn a_group_name_is_taken_once<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let (id, request) = create(&on, &owner).await;
    assert_eq!(refused(on.cloud.create_group(&request).await).failure, Failure::AlreadyExists);
    let found = on.cloud.groups(&owner.proof()).await.unwrap();
    assert_eq!(found.into_iter().map(|group| group.id).collect::<Vec<_>>(), [id]);
}

pub(crate) async fn a_rule_is_there_once<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let (id, _) = create(&on, &owner).await;
    let mut rules = vec![
        Rule { from_port: 0, to_port: 65_535, source: Source::Group(id.clone()) },
        Rule { from_port: 8080, to_port: 8080, source: Source::Cidr("10.0.0.0/8".parse().unwrap()) },
        Rule { from_port: 8080, to_port: 8080, source: Source::Cidr("192.168.0.0/16".parse().unwrap()) },
    ];
    for _ in 0..2 {
        for rule in &rules {
            on.once_visible("a group for its rule", async || on.cloud.authorize_ingress(&id, rule).await).await;
        }
    }
    rules.sort();
    let seen = async || {
        let mut ingress = on.cloud.groups(&owner.proof()).await.unwrap().remove(0).ingress;
        ingress.sort();
        assert!(ingress.len() <= rules.len(), "{ingress:?}");
        (ingress == rules).then_some(())
    };
    on.eventually("three rules", seen).await;
    let gone = rules.remove(1);
    // One that is not visible to this call yet is as good as gone to it.
    let left = async || {
        on.cloud.revoke_ingress(&id, &gone).await.unwrap();
        let mut ingress = on.cloud.groups(&owner.proof()).await.unwrap().remove(0).ingress;
        ingress.sort();
        (ingress == rules).then_some(())
    };
    on.eventually("two rules", left).await;
    on.cloud.revoke_ingress(&id, &gone).await.unwrap();
}

pub(crate) async fn a_network_is_listed_without_its_host_bits<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let (id, _) = create(&on, &owner).await;
    let rule = |network: &str| Rule { from_port: 8081, to_port: 8081, source: Source::Cidr(network.parse().unwrap()) };
    let (written, kept) = (rule("100.68.0.18/18"), rule("100.68.0.0/18"));
    for asked in [&written, &kept, &written] {
        on.once_visible("a group for its rule", async || on.cloud.authorize_ingress(&id, asked).await).await;
    }
    let seen = async || {
        let ingress = on.cloud.groups(&owner.proof()).await.unwrap().remove(0).ingress;
        (!ingress.is_empty()).then_some(ingress)
    };
    assert_eq!(on.eventually("a rule", seen).await, [kept]);
}

pub(crate) async fn a_group_in_use_stays<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let (id, _) = create(&on, &owner).await;
    let launch = LaunchRequest { group_ids: vec![id.clone()], ..on.launch_of(&owner).await };
    let made = on.launch(&launch).await;
    let seen = async || {
        let interfaces = on.cloud.interfaces(&id).await.unwrap();
        (!interfaces.is_empty()).then_some(interfaces)
    };
    let interfaces = on.eventually("its interface", seen).await;
    assert_eq!(interfaces.len(), 1);
    assert_eq!(interfaces[0].instance_id.as_ref(), Some(&made[0].id));
    let found = on.listed(Selection::Ids(ids(&made)), 1).await;
    assert_eq!(found[0].group_ids, std::slice::from_ref(&id));

    assert_eq!(refused(on.cloud.delete_group(&id).await).failure, Failure::DependencyViolation);
    on.terminate(&ids(&made)).await;
    let free = async || on.cloud.interfaces(&id).await.unwrap().is_empty().then_some(());
    on.eventually("no interface left", free).await;
    delete(&on, &owner, &id).await;
}

pub(crate) async fn a_group_that_another_one_names_stays<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let (members, _) = create(&on, &owner).await;
    let (edge, _) = create(&on, &owner).await;
    let rule = Rule { from_port: 1, to_port: 9, source: Source::Group(edge.clone()) };
    on.once_visible("a group for its rule", async || on.cloud.authorize_ingress(&members, &rule).await).await;
    assert_eq!(refused(on.cloud.delete_group(&edge).await).failure, Failure::DependencyViolation);
    let named = async || {
        let groups = on.cloud.groups_naming(&edge).await.unwrap();
        (!groups.is_empty()).then_some(groups)
    };
    let naming = on.eventually("the group that names it", named).await;
    assert_eq!(naming.iter().map(|group| &group.id).collect::<Vec<_>>(), [&members]);
    assert_eq!(on.cloud.groups_naming(&members).await.unwrap(), []);
    delete(&on, &owner, &members).await;
    delete(&on, &owner, &edge).await;
}

pub(crate) async fn a_deleted_group_is_gone<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let (id, _) = create(&on, &owner).await;
    delete(&on, &owner, &id).await;
    assert_eq!(on.cloud.groups(&owner.proof()).await.unwrap(), []);
    on.cloud.delete_group(&id).await.unwrap();
    assert_eq!(on.cloud.interfaces(&id).await.unwrap(), []);
}
