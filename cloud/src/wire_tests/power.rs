//! StartInstances and StopInstances on the wire.

use planner::Failure;
use planner::ports::Compute;

use super::fake::{Fake, Form, Reply, list, value};
use super::{refusal, region, xml};

/// The answer to a change of states that says nothing of them.
fn changed(form: &Form) -> Reply {
    let action = value(form, "Action").unwrap_or_default();
    Reply::Answer(200, xml(&format!("{action}Response"), "<instancesSet/>"))
}

/// What one of them is refused for keeps none of the others back, but for want of capacity or quota.
#[tokio::test]
async fn what_refuses_one_start_or_stop_keeps_no_other_back() {
    for (status, code, failure, is_last) in [
        (400, "IncorrectInstanceState", Failure::NotYetVisible, false),
        (400, "InvalidInstanceID.NotFound", Failure::NotFound, false),
        (403, "UnauthorizedOperation", Failure::Unauthorized, false),
        (400, "BrandNewReason", Failure::Unreachable, false),
        (500, "InsufficientInstanceCapacity", Failure::NoCapacity, true),
        (400, "VcpuLimitExceeded", Failure::QuotaReached, true),
        (400, "InstanceLimitExceeded", Failure::QuotaReached, true),
    ] {
        let is_good = |form: &Form| !list(form, "InstanceId").contains(&"i-bad");
        let fake = Fake::start(move |_, form| match is_good(form) {
            true => changed(form),
            false => Reply::Answer(status, refusal(code)),
        })
        .await;
        let (region, ids) = (region(&fake), ["i-1", "i-bad", "i-zoo"].map(str::to_owned));
        for error in [region.start(&ids).await.unwrap_err(), region.stop(&ids).await.unwrap_err()] {
            assert_eq!((error.failure, error.code.as_str()), (failure, code));
        }
        let sent: Vec<_> = fake.requests().iter().map(|form| list(form, "InstanceId").join(" ")).collect();
        let each = ["i-1 i-bad i-zoo", "i-1", "i-bad", "i-zoo"];
        let each = if is_last { &each[..3] } else { &each[..] };
        assert_eq!(sent, [each, each].concat(), "{code}");
    }
}

#[tokio::test]
async fn a_start_and_a_stop_say_nothing_but_the_ids() {
    let fake = Fake::start(|_, form| changed(form)).await;
    let ids = ["i-2", "i-1"].map(str::to_owned);
    region(&fake).start(&ids).await.unwrap();
    region(&fake).stop(&ids).await.unwrap();
    region(&fake).start(&[]).await.unwrap();
    for (request, action) in fake.requests().iter().zip(["StartInstances", "StopInstances"]) {
        let said: Vec<_> = request.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let first = format!("Action={action}");
        assert_eq!(said, [first.as_str(), "Version=2016-11-15", "InstanceId.1=i-1", "InstanceId.2=i-2"]);
    }
    assert_eq!(fake.requests().len(), 2);
}
