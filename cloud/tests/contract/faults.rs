//! Broken calls, end to end: SDK, wire, lab, and the lab's own record of what really happened.

use std::time::Duration;

use cloud::{Aws, Patience};
use cloudsim::Fault;
use cloudsim::ec2::Action;
use lab::aws::{ACCESS_KEY, SECRET_KEY};
use lab::region::{Region, RunningRegion};
use planner::Failure;
use planner::ports::{Compute, LaunchRequest, Regions, Selection};

use crate::settings;
use crate::target::Target;

pub(crate) async fn start() -> (RunningRegion, Target<Aws>) {
    let region = Region::start_for_tests(settings()).await;
    let patience = Patience { read_backoff: Duration::from_millis(1), ..Patience::default() };
    let regions = Aws::at(&url(&region), ACCESS_KEY, SECRET_KEY).with_patience(patience);
    let target = Target::new(&regions, &settings().region, || Duration::from_millis(20));
    (region, target)
}

fn url(region: &RunningRegion) -> String {
    format!("http://{}", region.endpoint())
}

fn calls(region: &RunningRegion, action: Action) -> u64 {
    region.audit().calls.get(&action.into()).copied().unwrap_or_default()
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_the_same_call() {
    for fault in [
        Fault::LostAnswer,
        Fault::LostRequest,
        Fault::Truncated,
        Fault::Status500,
        Fault::Status500AfterEffect,
        Fault::LateExecution(1),
    ] {
        let (region, on) = start().await;
        let owner = on.owner();
        let launch = LaunchRequest { count: 4, ..on.launch_of(&owner).await };
        region.sim().lock().inject_next(Action::RunInstances, fault);
        let error = on.cloud.launch(&launch).await.unwrap_err();
        assert_eq!(error.failure, Failure::Unreachable, "{fault:?}: {error:?}");
        assert_eq!(calls(&region, Action::RunInstances), 1, "{fault:?}");

        let made = on.launch(&launch).await;
        let settled = async || (region.sim().lock().late_calls() == 0).then_some(());
        on.eventually("the late call", settled).await;
        let found = on.listed(Selection::Owner(owner), 4).await;
        assert_eq!(crate::target::ids(&found), crate::target::ids(&made), "{fault:?}");
        assert_eq!(region.audit().launched, 4, "{fault:?}");
    }
}

#[tokio::test]
async fn a_throttled_launch_is_a_refusal_after_one_call() {
    let (region, on) = start().await;
    let launch = on.launch_of(&on.owner()).await;
    region.sim().lock().inject_next(Action::RunInstances, Fault::Throttled);
    assert_eq!(on.cloud.launch(&launch).await.unwrap_err().failure, Failure::Throttled);
    assert_eq!((calls(&region, Action::RunInstances), region.audit().launched), (1, 0));
}

#[tokio::test]
async fn a_list_is_whole_or_fails() {
    let (region, on) = start().await;
    let owner = on.owner();
    on.launch(&LaunchRequest { count: 4, ..on.launch_of(&owner).await }).await;
    on.listed(Selection::Owner(owner.clone()), 4).await;
    let of = Selection::Owner(owner);
    // What passes is tried again below the port.
    for fault in [Fault::LostAnswer, Fault::Throttled, Fault::Status500] {
        region.sim().lock().inject_next(Action::DescribeInstances, fault);
        assert_eq!(on.cloud.instances(&of).await.unwrap().len(), 4, "{fault:?}");
    }
    region.sim().lock().inject_next(Action::DescribeInstances, Fault::Truncated);
    let error = on.cloud.instances(&of).await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Truncated"));
}

#[tokio::test]
async fn wrong_credentials_say_so() {
    let (region, on) = start().await;
    let stranger = Aws::at(&url(&region), "somebody", "else").region(&on.region);
    for error in
        [stranger.identity().await.unwrap_err(), stranger.launch(&on.launch_of(&on.owner()).await).await.unwrap_err()]
    {
        assert_eq!(error.failure, Failure::CredentialsExpired, "{error:?}");
    }
    assert_eq!(region.audit().launched, 0);
}
