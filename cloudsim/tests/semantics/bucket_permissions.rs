//! The questions to IAM that calls of S3 mean, and what a denial hides.

use std::sync::Arc;

use cloudsim::s3::{About, Action, CreateBucket, ObjectCall};
use cloudsim::{Ask, Call, Policy, Principal, Reply, Sim};
use planner::owner::Tags;

use crate::buckets::{NAME, bucket, create, get, id};
use crate::world::{at, exact, sim};

/// The questions about a call of the operator, which is refused because no policy is attached.
fn asked(about: About) -> Vec<(String, String)> {
    let mut sim = sim(exact());
    sim.record_asks();
    sim.attach(Arc::new(allow("*")));
    let call = Call::about(about).by(Principal::Operator);
    let Reply::Whole(answer) = sim.call(call, at(0), |_, _| Ok(())) else { panic!("no answer") };
    answer.unwrap();
    sim.recorded_asks().iter().map(|Ask { action, resource, .. }| (action.clone(), resource.clone())).collect()
}

fn allow(actions: &str) -> Policy {
    let document = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":[\"{actions}\"],\"Resource\":\"*\"}}]}}"
    );
    Policy::parse(&document).unwrap()
}

#[test]
fn calls_ask_for_the_permissions_of_the_service_authorization_reference() {
    let arn = format!("arn:aws:s3:::{NAME}");
    let of = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
    let of_version =
        ObjectCall { action: Action::DeleteObject, bucket: NAME.into(), key: "a".into(), of_version: true };
    let rows = [
        (About::NewBucket(bucket(NAME).into()), vec![of("s3:CreateBucket", &arn), of("s3:TagResource", &arn)]),
        (
            About::NewBucket(CreateBucket { tags: Tags::new(), ..bucket(NAME) }.into()),
            vec![of("s3:CreateBucket", &arn)],
        ),
        (About::bucket(Action::GetBucketTagging, NAME), vec![of("s3:GetBucketTagging", &arn)]),
        (About::bucket(Action::HeadBucket, NAME), vec![of("s3:ListBucket", &arn)]),
        (About::bucket(Action::DeleteBucket, NAME), vec![of("s3:DeleteBucket", &arn)]),
        (About::list(Action::ListObjectsV2, NAME, "in/"), vec![of("s3:ListBucket", &arn)]),
        (About::list(Action::ListObjectVersions, NAME, ""), vec![of("s3:ListBucketVersions", &arn)]),
        (About::object(Action::PutObject, NAME, "a/b"), vec![of("s3:PutObject", &format!("{arn}/a/b"))]),
        (About::object(Action::HeadObject, NAME, "a"), vec![of("s3:GetObject", &format!("{arn}/a"))]),
        (About::Object(of_version), vec![of("s3:DeleteObjectVersion", &format!("{arn}/a"))]),
        (
            About::Objects(NAME.into(), [id("a"), id("b")].into()),
            vec![of("s3:DeleteObject", &format!("{arn}/a")), of("s3:DeleteObject", &format!("{arn}/b"))],
        ),
    ];
    for (about, expected) in rows {
        assert_eq!(asked(about.clone()), expected, "{about:?}");
    }
    let mut sim = sim(exact());
    sim.record_asks();
    let list = Call::new(Action::ListBuckets).by(Principal::Operator);
    let Reply::Whole(Err(refusal)) = sim.call(list, at(0), |_, _| Ok(())) else { panic!("allowed") };
    assert_eq!(refusal.code, "AccessDenied");
    assert_eq!(sim.recorded_asks()[0].action, "s3:ListAllMyBuckets");
}

#[test]
fn who_may_not_list_does_not_hear_what_is_not_there() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    let fetch = |sim: &mut Sim, actions: &str| {
        sim.attach(Arc::new(allow(actions)));
        let call = Call::about(About::object(Action::GetObject, NAME, "none")).by(Principal::Operator);
        match sim.call(call, at(1), |sim, now| sim.s3(now).get_object(&get("none"))) {
            Reply::Whole(answer) => (answer.as_ref().unwrap_err().code.clone(), answer.unwrap_err().status),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fetch(&mut sim, "s3:GetObject"), ("AccessDenied".to_owned(), 403));
    assert_eq!(fetch(&mut sim, "s3:*"), ("NoSuchKey".to_owned(), 404));
}
