//! Calls as they are counted: each attempt, with its failure.

use std::sync::Mutex;

use planner::ports::LoadBalancers;

use super::*;

/// Action and failure of a call.
type Call = (String, Option<Failure>);

/// The calls so far.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<Vec<Call>>>);

impl Counted {
    fn region(&self, aws: Aws) -> Arc<Region> {
        let counted = self.0.clone();
        let count = move |action: &str, failure| counted.lock().unwrap().push((action.to_owned(), failure));
        aws.counting(count).region("eu-west-1")
    }

    fn taken(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn each<const N: usize>(action: &str, failures: [Option<Failure>; N]) -> Vec<Call> {
    failures.map(|failure| (action.to_owned(), failure)).into()
}

/// The shape that STS gives errors (AWS STS API reference, "Common Errors"; the Query protocol of AWS).
fn refused_by_sts(code: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>words of {code}</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"
    )
}

#[tokio::test]
async fn every_page_and_every_repetition_counts() {
    let counted = Counted::default();
    let fake = Fake::start(|before, form| match (before, value(form, "Action")) {
        (_, Some("GetCallerIdentity")) => Reply::Answer(403, refused_by_sts("ExpiredToken")),
        (0, _) => Reply::Answer(503, refusal("RequestLimitExceeded")),
        (1, _) => Reply::Reset,
        (2, _) => Reply::Answer(200, described(1..3, "page-2")),
        _ => Reply::Answer(200, described(3..5, "")),
    })
    .await;
    let region = counted.region(aws(&fake));
    assert_eq!(region.instances(&Selection::Owner(owner())).await.unwrap().len(), 4);
    let failures = [Some(Failure::Throttled), Some(Failure::Unreachable), None, None];
    assert_eq!(counted.taken(), each("DescribeInstances", failures));
    region.identity().await.unwrap_err();
    assert_eq!(counted.taken(), each("GetCallerIdentity", [Some(Failure::CredentialsExpired)]));
}

#[tokio::test]
async fn a_launch_counts_once_whatever_becomes_of_it() {
    for (reply, failure) in [
        (Reply::Answer(200, launched()), None),
        (Reply::Answer(500, refusal("InsufficientInstanceCapacity")), Some(Failure::NoCapacity)),
        (Reply::Answer(400, refusal("BrandNewCode")), Some(Failure::Rejected)),
        (Reply::Reset, Some(Failure::Unreachable)),
        (Reply::Short(launched(), 200), Some(Failure::Unreachable)),
        (Reply::Unframed(200, launched().into_bytes()[..300].to_vec()), Some(Failure::Unreachable)),
        (Reply::Silence, Some(Failure::Unreachable)),
    ] {
        let counted = Counted::default();
        let reply = Mutex::new(Some(reply));
        let fake = Fake::start(move |_, _| reply.lock().unwrap().take().unwrap_or(Reply::Reset)).await;
        let patience = Patience { effect: Duration::from_millis(300), ..Patience::default() };
        let outcome = counted.region(aws(&fake).with_patience(patience)).launch(&launch()).await;
        assert_eq!(outcome.as_ref().err().map(|error| error.failure), failure, "{outcome:?}");
        assert_eq!(counted.taken(), each("RunInstances", [failure]), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_rehearsal_that_would_succeed_is_no_failure() {
    let counted = Counted::default();
    let fake = Fake::start(|_, _| Reply::Answer(412, refusal("DryRunOperation"))).await;
    counted.region(aws(&fake)).rehearse(&launch()).await.unwrap();
    assert_eq!(counted.taken(), each("RunInstances", [None]));
}

#[tokio::test]
async fn a_call_without_credentials_counts() {
    let counted = Counted::default();
    let fake = Fake::start(|_, _| Reply::Answer(200, launched())).await;
    let region = counted.region(Aws::new(without_credentials(&fake), Patience::default()));
    region.launch(&launch()).await.unwrap_err();
    assert_eq!(counted.taken(), each("RunInstances", [Some(Failure::CredentialsExpired)]));
    assert_eq!(fake.requests().len(), 0);
}

/// The SDK has types for many errors of ELBv2, which hide their codes.
#[tokio::test]
async fn a_refusal_counts_by_its_code_whatever_type_the_sdk_has_for_it() {
    for (code, failure) in [
        ("LoadBalancerNotFound", Failure::NotFound),
        ("AccessDenied", Failure::Unauthorized),
        ("BrandNewCode", Failure::Unreachable),
    ] {
        let counted = Counted::default();
        let fake = Fake::start(move |_, _| Reply::Answer(400, refused_by_sts(code))).await;
        let error = counted.region(aws(&fake)).listeners("arn").await.unwrap_err();
        assert_eq!((error.failure, error.code.as_str()), (failure, code));
        assert_eq!(counted.taken(), each("DescribeListeners", [Some(failure)]), "{code}");
    }
}
