//! The rows about instances that are stopped and started again.

use std::rc::Rc;

use planner::Failure;
use planner::ports::{Addressing, Compute, Instance, InstanceState, LaunchRequest, Regions, Selection};

use crate::rows::{UNKNOWN_ID, refused};
use crate::target::{Target, ids};

/// One instance, as soon as it is in this state and a list shows it.
async fn in_state<R: Regions>(on: &Target<R>, id: &str, state: InstanceState) -> Instance {
    let of = Selection::Ids(vec![id.to_owned()]);
    let look = async || on.cloud.instances(&of).await.unwrap().into_iter().find(|instance| instance.state == state);
    on.eventually(&format!("{id} {}", state.name()), look).await
}

async fn running<R: Regions>(on: &Target<R>) -> Instance {
    let launch = LaunchRequest { public_address: Addressing::Public, ..on.launch_of(&on.owner()).await };
    let id = ids(&on.launch(&launch).await).remove(0);
    in_state(on, &id, InstanceState::Running).await
}

async fn stopped<R: Regions>(on: &Target<R>) -> Instance {
    let instance = running(on).await;
    on.cloud.stop(std::slice::from_ref(&instance.id)).await.unwrap();
    in_state(on, &instance.id, InstanceState::Stopped).await
}

pub(crate) async fn a_stopped_instance_keeps_its_address_and_starts_again<R: Regions>(on: Rc<Target<R>>) {
    let first = running(&on).await;
    let id = std::slice::from_ref(&first.id);
    on.cloud.stop(id).await.unwrap();
    let stopped = in_state(&on, &first.id, InstanceState::Stopped).await;
    let of = Selection::Ids(id.to_vec());
    let without = async || on.cloud.instances(&of).await.unwrap().remove(0).public_address.is_none().then_some(());
    on.eventually("no public address", without).await;
    assert_eq!(stopped.private_address, first.private_address);
    assert!(stopped.state_reason.as_ref().is_some_and(|why| why.contains("UserInitiatedShutdown")), "{stopped:?}");
    on.cloud.start(id).await.unwrap();
    let with = async || {
        let again = on.cloud.instances(&of).await.unwrap().remove(0);
        (again.state == InstanceState::Running && again.public_address.is_some()).then_some(again)
    };
    let again = on.eventually("running again", with).await;
    assert_eq!((again.private_address, &again.tags), (first.private_address, &first.tags));
    assert_ne!(again.public_address, first.public_address);
    // EC2 tells whole seconds.
    assert!(again.launched_at >= first.launched_at, "{} after {}", again.launched_at, first.launched_at);
}

pub(crate) async fn starting_and_stopping_twice_is_once<R: Regions>(on: Rc<Target<R>>) {
    let instance = running(&on).await;
    let id = std::slice::from_ref(&instance.id);
    on.cloud.start(id).await.unwrap();
    let still = in_state(&on, &instance.id, InstanceState::Running).await;
    assert_eq!(still.launched_at, instance.launched_at, "it ran already");
    on.cloud.stop(id).await.unwrap();
    on.cloud.stop(id).await.unwrap();
    in_state(&on, &instance.id, InstanceState::Stopped).await;
    on.cloud.stop(id).await.unwrap();
    on.cloud.start(id).await.unwrap();
    on.cloud.start(id).await.unwrap();
    in_state(&on, &instance.id, InstanceState::Running).await;
}

pub(crate) async fn what_is_not_stopped_yet_is_started_later<R: Regions>(on: Rc<Target<R>>) {
    let instance = running(&on).await;
    let id = std::slice::from_ref(&instance.id);
    on.cloud.stop(id).await.unwrap();
    // It may have stopped by now.
    if let Err(error) = on.cloud.start(id).await {
        assert_eq!((error.failure, error.code.as_str()), (Failure::NotYetVisible, "IncorrectInstanceState"));
    }
    on.once_visible("a start", async || on.cloud.start(id).await).await;
    in_state(&on, &instance.id, InstanceState::Running).await;
}

pub(crate) async fn what_is_terminated_is_neither_started_nor_stopped<R: Regions>(on: Rc<Target<R>>) {
    let instance = running(&on).await;
    let id = std::slice::from_ref(&instance.id);
    on.terminate(id).await;
    for answer in [on.cloud.start(id).await, on.cloud.stop(id).await] {
        assert_eq!(refused(answer).code, "IncorrectInstanceState");
    }
    in_state(&on, &instance.id, InstanceState::Terminated).await;
}

pub(crate) async fn an_unknown_id_keeps_no_other_from_its_start_or_stop<R: Regions>(on: Rc<Target<R>>) {
    let (one, other) = (running(&on).await, running(&on).await);
    let all = [one.id.clone(), UNKNOWN_ID.to_owned(), other.id.clone()];
    assert_eq!(refused(on.cloud.stop(&all).await).failure, Failure::NotFound);
    for id in [&one.id, &other.id] {
        in_state(&on, id, InstanceState::Stopped).await;
    }
    assert_eq!(refused(on.cloud.start(&all).await).failure, Failure::NotFound);
    for id in [&one.id, &other.id] {
        in_state(&on, id, InstanceState::Running).await;
    }
}

pub(crate) async fn a_stopped_instance_is_terminated<R: Regions>(on: Rc<Target<R>>) {
    let instance = stopped(&on).await;
    on.terminate(std::slice::from_ref(&instance.id)).await;
    in_state(&on, &instance.id, InstanceState::Terminated).await;
}
