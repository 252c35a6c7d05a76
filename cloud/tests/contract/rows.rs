//! The rows of the contract. Each makes what it needs and touches nothing else.

use std::pin::Pin;
use std::rc::Rc;

use planner::owner::{Owner, POOL};
use planner::ports::{Addressing, Catalog, Compute, InstanceState, LaunchRequest, Regions, Selection};
use planner::{CloudError, Failure};

use crate::balancer_rows::*;
use crate::group_rows::*;
use crate::offer_rows::*;
use crate::power_rows::*;
use crate::target::{Target, ids};

/// One instance of this type fits into the zone of this letter, where capacity can be set.
pub(crate) const TYPE_WITHOUT_CAPACITY: &str = "c5.large";
pub(crate) const ZONE_LETTER_WITHOUT_CAPACITY: char = 'b';

pub(crate) const UNKNOWN_ID: &str = "i-0123456789abcdef0";

pub(crate) type Row<R> = (&'static str, fn(Rc<Target<R>>) -> Pin<Box<dyn Future<Output = ()>>>);

macro_rules! rows {
    ($($row:ident,)*) => {
        pub(crate) fn all<R: planner::ports::Regions>() -> Vec<crate::rows::Row<R>> {
            vec![$((stringify!($row), |target| Box::pin($row(target)))),*]
        }
    };
}

pub(crate) use rows;

rows![
    the_caller_is_an_account,
    a_launch_is_what_was_asked_for,
    a_launch_is_idempotent_by_token,
    a_token_is_good_for_one_request,
    a_token_of_the_dead_launches_nothing,
    a_rehearsal_makes_nothing_and_spends_no_token,
    a_rehearsal_is_refused_as_the_launch_would_be,
    lists_by_token_see_it,
    lists_by_owner_see_it,
    lists_never_see_neighbours,
    a_name_like_a_pattern_is_a_name,
    lists_are_whole_however_many_pages,
    an_empty_question_has_an_empty_answer,
    ids_that_are_unknown_are_left_out,
    terminating_twice_is_once,
    an_unknown_id_keeps_no_other_alive,
    a_stopped_instance_keeps_its_address_and_starts_again,
    starting_and_stopping_twice_is_once,
    what_is_not_stopped_yet_is_started_later,
    what_is_terminated_is_neither_started_nor_stopped,
    an_unknown_id_keeps_no_other_from_its_start_or_stop,
    a_stopped_instance_is_terminated,
    a_console_of_nobody_is_not_found,
    too_little_capacity_launches_none,
    an_unknown_type_is_refused,
    an_unknown_image_is_refused,
    an_unknown_subnet_is_refused,
    groups_are_seen_by_their_owner_only,
    a_group_name_is_taken_once,
    a_rule_is_there_once,
    a_network_is_listed_without_its_host_bits,
    a_group_in_use_stays,
    a_group_that_another_one_names_stays,
    a_deleted_group_is_gone,
    default_subnets_lie_in_zones,
    named_subnets_must_exist,
    default_subnets_reach_the_internet,
    a_vpc_has_its_subnets_and_its_blocks,
    an_address_tells_the_vpc_of_its_interface,
    an_ipv6_address_of_nobody_tells_nothing,
    a_region_knows_itself_and_no_zone,
    an_alias_means_the_newest_image_of_an_architecture,
    images_are_found_by_id_or_not,
    types_tell_their_facts,
    types_are_offered_in_zones,
    a_load_balancer_is_what_was_asked_for,
    a_name_is_one_load_balancer,
    a_load_balancer_needs_two_zones_and_a_name_of_its_form,
    a_deleted_load_balancer_is_gone_with_its_listeners,
    interfaces_of_a_load_balancer_hold_its_group,
    things_of_nobody_are_not_found_and_deleted,
    a_target_group_is_what_was_asked_for,
    an_equal_target_group_is_the_same_one,
    a_name_is_one_target_group,
    attributes_are_what_was_set,
    a_listener_is_there_once,
    an_equal_listener_is_the_same_one,
    rules_are_in_the_order_of_their_priority,
    a_priority_is_taken_once,
    a_target_group_tells_who_uses_it,
    a_target_group_in_use_stays,
    an_instance_that_does_not_run_is_no_target,
    a_target_is_unused_until_a_rule_names_its_group,
    a_target_that_is_taken_out_drains_and_goes,
];

pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, CloudError>) -> CloudError {
    let error = answer.expect_err("this must be refused");
    assert!(error.failure.is_refusal(), "not a refusal: {error:?}");
    error
}

// Who

async fn the_caller_is_an_account<R: Regions>(on: Rc<Target<R>>) {
    let identity = on.cloud.identity().await.unwrap();
    assert!(identity.account.len() == 12 && identity.account.bytes().all(|byte| byte.is_ascii_digit()), "{identity:?}");
    assert!(identity.arn.starts_with("arn:aws:") && identity.arn.contains(&identity.account), "{identity:?}");
}

// Launches

async fn a_launch_is_what_was_asked_for<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let subnet = on.subnets().await.remove(0);
    for addressing in [Addressing::Public, Addressing::Private] {
        let mut launch = LaunchRequest { count: 2, public_address: addressing, ..on.launch_of(&owner).await };
        launch.tags.insert(POOL.into(), "cluster1".into());
        let made = on.launch(&launch).await;
        let of = Selection::Ids(ids(&made));
        let running = async || {
            let found = on.cloud.instances(&of).await.unwrap();
            found.iter().all(|instance| instance.state == InstanceState::Running).then_some(found)
        };
        for instance in on.eventually("running", running).await {
            assert_eq!(instance.instance_type, launch.instance_type);
            assert_eq!(instance.image_id, launch.image_id);
            assert_eq!(instance.zone, subnet.zone);
            assert_eq!(instance.subnet_id.as_ref(), Some(&launch.subnet_id));
            assert_eq!(instance.tags, launch.tags);
            assert!(
                instance.private_address.is_some_and(|address| subnet.cidr.unwrap().contains(&address)),
                "{instance:?}"
            );
            assert_eq!(instance.public_address.is_some(), addressing == Addressing::Public, "{instance:?}");
        }
    }
}

async fn a_launch_is_idempotent_by_token<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let launch = LaunchRequest { count: 3, ..on.launch_of(&owner).await };
    let made = on.launch(&launch).await;
    let again = on.cloud.launch(&launch).await.unwrap();
    assert_eq!(ids(&again), ids(&made));
    assert_eq!(ids(&on.listed(Selection::Owner(owner), 3).await), ids(&made));
}

async fn a_token_is_good_for_one_request<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let launch = on.launch_of(&owner).await;
    let made = on.launch(&launch).await;
    let mut tagged = launch.clone();
    tagged.tags.insert("more".into(), "of it".into());
    for other in [
        LaunchRequest { count: 2, ..launch.clone() },
        LaunchRequest { instance_type: "t2.small".into(), ..launch.clone() },
        LaunchRequest { user_data: "#!/bin/bash\nfalse\n".into(), ..launch.clone() },
        tagged,
    ] {
        assert_eq!(refused(on.cloud.launch(&other).await).failure, Failure::TokenSpent);
    }
    assert_eq!(ids(&on.listed(Selection::Owner(owner), 1).await), ids(&made));
}

async fn a_rehearsal_makes_nothing_and_spends_no_token<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let launch = on.launch_of(&owner).await;
    // The same token with another request is refused once a launch has it.
    for count in [1, 2] {
        on.cloud.rehearse(&LaunchRequest { count, ..launch.clone() }).await.unwrap();
    }
    let made = ids(&on.launch(&LaunchRequest { count: 2, ..launch }).await);
    assert_eq!(ids(&on.listed(Selection::Owner(owner), 2).await), made);
}

async fn a_rehearsal_is_refused_as_the_launch_would_be<R: Regions>(on: Rc<Target<R>>) {
    let launch = on.launch_of(&on.owner()).await;
    for launch in [
        LaunchRequest { image_id: "ami-0123456789abcdef0".into(), ..launch.clone() },
        LaunchRequest { subnet_id: "subnet-0123456789abcdef0".into(), ..launch.clone() },
        LaunchRequest { group_ids: vec!["sg-0123456789abcdef0".into()], ..launch.clone() },
    ] {
        let (rehearsed, launched) =
            (refused(on.cloud.rehearse(&launch).await), refused(on.cloud.launch(&launch).await));
        assert_eq!((rehearsed.failure, rehearsed.code), (launched.failure, launched.code));
    }
}

async fn a_token_of_the_dead_launches_nothing<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let launch = on.launch_of(&owner).await;
    let made = ids(&on.launch(&launch).await);
    on.terminate(&made).await;
    // EC2 answered with the terminated instance for years and refuses now.
    match on.cloud.launch(&launch).await {
        Ok(again) => assert_eq!(ids(&again), made),
        Err(error) => assert_eq!(error.failure, Failure::TokenSpent, "{error}"),
    }
    assert_eq!(ids(&on.listed(Selection::Owner(owner), 1).await), made);
}

async fn too_little_capacity_launches_none<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let subnets = on.subnets().await;
    let full = subnets.iter().find(|subnet| subnet.zone.ends_with(ZONE_LETTER_WITHOUT_CAPACITY)).unwrap();
    let launch = LaunchRequest {
        instance_type: TYPE_WITHOUT_CAPACITY.into(),
        count: 2,
        subnet_id: full.id.clone(),
        credits: None,
        ..on.launch_of(&owner).await
    };
    let error = refused(on.cloud.launch(&launch).await);
    assert_eq!((error.failure, error.code.as_str()), (Failure::NoCapacity, "InsufficientInstanceCapacity"));
    // The other zones have it; which also shows that a list of this owner would have shown more.
    let other = subnets.iter().find(|subnet| subnet.zone != full.zone).unwrap();
    let launch = LaunchRequest { token: on.fresh("token"), subnet_id: other.id.clone(), ..launch };
    let made = on.launch(&launch).await;
    assert_eq!(ids(&on.listed(Selection::Owner(owner), 2).await), ids(&made));
}

async fn an_unknown_type_is_refused<R: Regions>(on: Rc<Target<R>>) {
    let launch = LaunchRequest { instance_type: "t2.gigantic".into(), ..on.launch_of(&on.owner()).await };
    assert_eq!(refused(on.cloud.launch(&launch).await).failure, Failure::Rejected);
}

async fn an_unknown_image_is_refused<R: Regions>(on: Rc<Target<R>>) {
    let launch = LaunchRequest { image_id: "ami-0123456789abcdef0".into(), ..on.launch_of(&on.owner()).await };
    assert_eq!(refused(on.cloud.launch(&launch).await).failure, Failure::NotFound);
}

async fn an_unknown_subnet_is_refused<R: Regions>(on: Rc<Target<R>>) {
    let launch = LaunchRequest { subnet_id: "subnet-0123456789abcdef0".into(), ..on.launch_of(&on.owner()).await };
    assert_eq!(refused(on.cloud.launch(&launch).await).failure, Failure::NotFound);
}

// Lists

async fn lists_by_token_see_it<R: Regions>(on: Rc<Target<R>>) {
    let launch = LaunchRequest { count: 2, ..on.launch_of(&on.owner()).await };
    let made = on.launch(&launch).await;
    let tokens = vec![launch.token.clone(), on.fresh("token")];
    let found = on.listed(Selection::Tokens(tokens), 2).await;
    assert_eq!(ids(&found), ids(&made));
    assert!(found.iter().all(|instance| instance.token.as_ref() == Some(&launch.token)), "{found:?}");
    assert_eq!(on.cloud.instances(&Selection::Tokens(vec![on.fresh("token")])).await.unwrap(), []);
}

async fn lists_by_owner_see_it<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let made = on.launch(&on.launch_of(&owner).await).await;
    for of in [Selection::Owner(owner.clone()), Selection::Installation(owner.installation)] {
        assert_eq!(ids(&on.listed(of, 1).await), ids(&made));
    }
}

async fn lists_never_see_neighbours<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let neighbours = [
        Owner { benchmark_uid: on.fresh("uid"), ..owner.clone() },
        Owner { kubernetes_cluster: "k-2".into(), ..owner.clone() },
        Owner { installation: format!("{}-2", owner.installation), ..owner.clone() },
    ];
    let mut made = Vec::new();
    for one in std::iter::once(&owner).chain(&neighbours) {
        let launched = ids(&on.launch(&on.launch_of(one).await).await);
        on.listed(Selection::Owner(one.clone()), 1).await;
        made.push(launched);
    }
    // Somebody who copied our Name and half of our tags.
    let mut near_miss = on.launch_of(&owner).await;
    near_miss.tags.remove(planner::owner::MANAGED_BY);
    on.launch(&near_miss).await;

    assert_eq!(ids(&on.listed(Selection::Owner(owner.clone()), 1).await), made[0]);
    let of_installation = on.listed(Selection::Installation(owner.installation.clone()), 3).await;
    assert_eq!(ids(&of_installation), sorted(&made[..3]));
}

fn sorted(groups: &[Vec<String>]) -> Vec<String> {
    let mut all = groups.concat();
    all.sort();
    all
}

async fn a_name_like_a_pattern_is_a_name<R: Regions>(on: Rc<Target<R>>) {
    let plain = on.owner();
    on.launch(&on.launch_of(&plain).await).await;
    let pattern = Owner { installation: format!("{}*", plain.installation), ..plain };
    assert_eq!(on.cloud.instances(&Selection::Owner(pattern.clone())).await.unwrap(), []);
    let made = on.launch(&on.launch_of(&pattern).await).await;
    assert_eq!(ids(&on.listed(Selection::Owner(pattern), 1).await), ids(&made));
}

async fn lists_are_whole_however_many_pages<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let launch = LaunchRequest { count: 12, ..on.launch_of(&owner).await };
    let made = ids(&on.launch(&launch).await);
    for of in [Selection::Owner(owner), Selection::Ids(made.clone())] {
        assert_eq!(ids(&on.listed(of, 12).await), made);
    }
}

async fn an_empty_question_has_an_empty_answer<R: Regions>(on: Rc<Target<R>>) {
    on.launch(&on.launch_of(&on.owner()).await).await;
    assert_eq!(on.cloud.instances(&Selection::Tokens(vec![])).await.unwrap(), []);
    assert_eq!(on.cloud.instances(&Selection::Ids(vec![])).await.unwrap(), []);
    assert_eq!(on.cloud.instance_types(&[]).await.unwrap(), []);
    assert_eq!(on.cloud.offerings(&[]).await.unwrap(), []);
    on.cloud.terminate(&[]).await.unwrap();
}

async fn ids_that_are_unknown_are_left_out<R: Regions>(on: Rc<Target<R>>) {
    let made = ids(&on.launch(&on.launch_of(&on.owner()).await).await);
    let asked = vec![UNKNOWN_ID.to_owned(), made[0].clone()];
    assert_eq!(ids(&on.listed(Selection::Ids(asked), 1).await), made);
    assert_eq!(on.cloud.instances(&Selection::Ids(vec![UNKNOWN_ID.to_owned()])).await.unwrap(), []);
}

// Ends

async fn terminating_twice_is_once<R: Regions>(on: Rc<Target<R>>) {
    let owner = on.owner();
    let made = ids(&on.launch(&on.launch_of(&owner).await).await);
    on.cloud.terminate(&made).await.unwrap();
    on.cloud.terminate(&made).await.unwrap();
    on.terminate(&made).await;
    on.cloud.terminate(&made).await.unwrap();
    // Terminated instances stay listed, by owner too.
    let found = on.listed(Selection::Owner(owner), 1).await;
    let dead = async || {
        let found = on.cloud.instances(&Selection::Ids(ids(&found))).await.unwrap();
        (found[0].state == InstanceState::Terminated).then(|| found[0].clone())
    };
    let dead = on.eventually("terminated", dead).await;
    assert!(dead.state_reason.as_ref().is_some_and(|why| why.contains("UserInitiatedShutdown")), "{dead:?}");
}

async fn an_unknown_id_keeps_no_other_alive<R: Regions>(on: Rc<Target<R>>) {
    let launch = LaunchRequest { count: 2, ..on.launch_of(&on.owner()).await };
    let made = ids(&on.launch(&launch).await);
    let asked = [&made[..1], &[UNKNOWN_ID.to_owned()], &made[1..]].concat();
    let refused = on.cloud.terminate(&asked).await.unwrap();
    let refused: Vec<_> = refused.iter().map(|one| (one.id.as_str(), one.error.failure)).collect();
    assert_eq!(refused, [(UNKNOWN_ID, Failure::NotFound)]);
    let of = Selection::Ids(made);
    let ending = async || {
        let found = on.cloud.instances(&of).await.unwrap();
        found.iter().all(|instance| instance.state.is_dead()).then_some(())
    };
    on.eventually("both on their way out", ending).await;
}

async fn a_console_of_nobody_is_not_found<R: Regions>(on: Rc<Target<R>>) {
    let made = ids(&on.launch(&on.launch_of(&on.owner()).await).await);
    on.cloud.console(&made[0]).await.unwrap();
    assert_eq!(refused(on.cloud.console(UNKNOWN_ID).await).failure, Failure::NotFound);
}
