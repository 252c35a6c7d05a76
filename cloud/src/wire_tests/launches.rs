//! RunInstances on the wire, carried out and rehearsed.

use planner::Failure;
use planner::ports::{Addressing, Compute, LaunchRequest, Volume};

use super::fake::{Fake, Form, Reply, value};
use super::{effects, launch, launched, refusal, region};

#[tokio::test]
async fn a_launch_says_exactly_this() {
    let fake = Fake::start(|_, _| Reply::Answer(200, launched())).await;
    let instances = region(&fake).launch(&launch()).await.unwrap();
    assert_eq!(instances.len(), 4);
    assert_eq!(instances[0].token.as_deref(), Some("a&b"));
    let lines: Vec<_> = fake.requests()[0].iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(lines.join("\n") + "\n", include_str!("run-instances.txt"));
}

#[tokio::test]
async fn an_equal_launch_is_equal_on_the_wire_and_unset_credits_are_not_there() {
    let fake = Fake::start(|_, _| Reply::Answer(200, launched())).await;
    let region = region(&fake);
    let private = LaunchRequest { credits: None, public_address: Addressing::Private, ..launch() };
    for request in [launch(), launch(), private] {
        region.launch(&request).await.unwrap();
    }
    let requests = fake.requests();
    assert_eq!(requests[0], requests[1]);
    assert_eq!(value(&requests[0], "CreditSpecification.CpuCredits"), Some("standard"));
    assert_eq!(value(&requests[2], "CreditSpecification.CpuCredits"), None);
    assert_eq!(value(&requests[2], "NetworkInterface.1.AssociatePublicIpAddress"), Some("false"));
}

#[tokio::test]
async fn a_profile_is_said_by_its_name_and_only_where_there_is_one() {
    let fake = Fake::start(|_, form| match value(form, "DryRun") {
        Some("true") => Reply::Answer(412, refusal("DryRunOperation")),
        _ => Reply::Answer(200, launched()),
    })
    .await;
    let region = region(&fake);
    let with_role = LaunchRequest { instance_profile: Some("clusterbench-queue".into()), ..launch() };
    region.launch(&launch()).await.unwrap();
    region.launch(&with_role).await.unwrap();
    region.rehearse(&with_role).await.unwrap();
    let requests = fake.requests();
    let names = [0, 1, 2].map(|number| value(&requests[number], "IamInstanceProfile.Name"));
    assert_eq!(names, [None, Some("clusterbench-queue"), Some("clusterbench-queue")]);
    assert!(requests.iter().all(|form| value(form, "IamInstanceProfile.Arn").is_none()));
}

/// A rehearsal is the launch with DryRun, under a token of its own.
#[tokio::test]
async fn a_rehearsal_says_what_the_launch_will_say() {
    let fake = Fake::start(|_, form| match value(form, "DryRun") {
        Some("true") => Reply::Answer(412, refusal("DryRunOperation")),
        _ => Reply::Answer(200, launched()),
    })
    .await;
    let region = region(&fake);
    region.rehearse(&launch()).await.unwrap();
    region.launch(&launch()).await.unwrap();
    let [rehearsed, launched] = &fake.requests()[..] else { panic!("two requests") };
    let same = |form: &Form| {
        form.iter().filter(|(key, _)| !["DryRun", "ClientToken"].contains(&key.as_str())).cloned().collect::<Vec<_>>()
    };
    assert_eq!(same(rehearsed), same(launched));
    assert_eq!((value(launched, "DryRun"), value(launched, "ClientToken")), (None, Some("token-1")));
    assert_ne!(value(rehearsed, "ClientToken"), Some("token-1"));
}

#[tokio::test]
async fn a_rehearsal_is_taken_or_refused_or_nothing_is_known() {
    let rows = [
        (412, refusal("DryRunOperation"), None),
        (403, refusal("UnauthorizedOperation"), Some(Failure::Unauthorized)),
        (400, refusal("TagPolicyViolation"), Some(Failure::Rejected)),
        (400, refusal("SomethingNew"), Some(Failure::Rejected)),
        (500, refusal("InternalError"), Some(Failure::Unreachable)),
        (503, refusal("RequestLimitExceeded"), Some(Failure::Throttled)),
        // Whoever answers that did not understand the question.
        (200, launched(), Some(Failure::Unreachable)),
    ];
    for (status, body, expected) in rows {
        let answer = body.clone();
        let fake = Fake::start(move |_, _| Reply::Answer(status, answer.clone())).await;
        let answer = region(&fake).rehearse(&launch()).await;
        assert_eq!(answer.as_ref().err().map(|error| error.failure), expected, "{status} {body} {answer:?}");
    }
}

/// No volume that the image asks for is left to what the image says of it.
#[tokio::test]
async fn every_volume_of_the_image_ends_with_its_instance() {
    let fake = Fake::start(|_, _| Reply::Answer(200, launched())).await;
    let volume = |device: &str, gib| Volume { device: device.into(), gib };
    let with_data = LaunchRequest { volumes: vec![volume("/dev/sdf", 100), volume("/dev/sdg", 500)], ..launch() };
    region(&fake).launch(&with_data).await.unwrap();
    let form = &fake.requests()[0];
    for (number, (device, gib)) in (1..).zip([("/dev/xvda", "8"), ("/dev/sdf", "100"), ("/dev/sdg", "500")]) {
        let said = |what: &str| value(form, &format!("BlockDeviceMapping.{number}.{what}"));
        assert_eq!((said("DeviceName"), said("Ebs.VolumeSize")), (Some(device), Some(gib)));
        let kept = ["Ebs.DeleteOnTermination", "Ebs.Encrypted", "Ebs.VolumeType"].map(said);
        assert_eq!(kept, [Some("true"), Some("true"), Some("gp3")], "{device}");
        assert_eq!(said("Ebs.SnapshotId"), None, "the image's to say");
    }
    assert_eq!(value(form, "BlockDeviceMapping.4.DeviceName"), None);
}

/// A code that nobody listed: the request is at fault, says its status, or nothing is known.
#[tokio::test]
async fn a_launch_that_is_refused_with_an_unknown_code_is_refused() {
    for (status, failure) in [(400, Failure::Rejected), (403, Failure::Rejected), (500, Failure::Unreachable)] {
        let fake = Fake::start(move |_, _| Reply::Answer(status, refusal("SomethingNew"))).await;
        let outcomes = effects(&region(&fake)).await;
        let failures: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap_err().failure).collect();
        assert_eq!(failures[0], failure, "{status}");
        assert!(failures[1..].iter().all(|other| *other == Failure::Unreachable), "{status} {failures:?}");
    }
}
