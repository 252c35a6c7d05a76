//! Queues of SQS: made once for each name, found and listed late, tagged, purged, deleted, and those of others.

use std::sync::Arc;

use cloudsim::sqs::{About, Action, Attributes, CreateQueue, NO_QUEUE, ReceiveMessage, SendMessage, queue_url};
use cloudsim::{
    Call, Fault, Lag, Outcome, PageRequest, Policy, Principal, Queues, RepeatedTags, Reply, Settings, Sim, Span,
    StaleReads,
};
use planner::owner::{Owner, Tags};
use planner::ports::{QUEUE_PREFIX, QueueRequest};

use crate::permissions::{ACCOUNT, owner};
use crate::ports::{now, shared};
use crate::world::{at, code, sim};

/// Queues appear and vanish at once.
pub(crate) fn steady() -> Settings {
    Settings {
        queues: Queues { creation: Span::NONE, deletion: Span::NONE, purge: Span::NONE, ..Queues::default() },
        ..Settings::default()
    }
}

pub(crate) fn queue(name: &str) -> CreateQueue {
    CreateQueue {
        name: name.into(),
        attributes: attributes(&[("VisibilityTimeout", "20")]),
        tags: owner().tags(&Tags::new()),
    }
}

pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn listed(sim: &mut Sim, prefix: &str, second: i64) -> Vec<String> {
    let mut names = sim.sqs(at(second)).list_queues(prefix, &PageRequest::default()).unwrap().items;
    names.sort();
    names
}

fn message(body: &str) -> SendMessage {
    SendMessage { body: body.into(), delay_seconds: None }
}

#[test]
fn a_name_and_its_attributes_make_it_the_same_queue() {
    let mut sim = sim(steady());
    let made = sim.sqs(at(0)).create_queue(&queue("a")).unwrap();
    assert_eq!(made.attributes["VisibilityTimeout"], "20");
    assert_eq!(made.attributes["MessageRetentionPeriod"], "345600");
    let again = sim.sqs(at(1)).create_queue(&queue("a")).unwrap();
    assert_eq!(again.number, made.number);
    let bare = CreateQueue { attributes: Attributes::new(), ..queue("a") };
    assert_eq!(sim.sqs(at(1)).create_queue(&bare).unwrap().number, made.number, "only what is named is compared");
    for other in [&[("VisibilityTimeout", "21")][..], &[("VisibilityTimeout", "20"), ("DelaySeconds", "1")]] {
        let other = CreateQueue { attributes: attributes(other), ..queue("a") };
        assert_eq!(code(sim.sqs(at(1)).create_queue(&other)), "QueueAlreadyExists");
    }
    assert_eq!((sim.audit().queues, sim.audit().made_queues["a"]), (1, 1));
}

#[test]
fn names_attributes_and_tags_have_their_limits() {
    let mut sim = sim(steady());
    let mut create = |request: CreateQueue| sim.sqs(at(0)).create_queue(&request).map(drop).map_err(|error| error.code);
    let long = "q".repeat(80);
    for good in ["a", "A-b_9", &long] {
        assert_eq!(create(queue(good)), Ok(()), "{good}");
    }
    let too_long = "q".repeat(81);
    for wrong in ["", "a.b", "a b", "ü", "a.fifo", &too_long] {
        assert_eq!(create(queue(wrong)), Err("InvalidParameterValue".into()), "{wrong}");
    }
    let with = |pairs: &[(&str, &str)]| CreateQueue { attributes: attributes(pairs), ..queue("b") };
    assert_eq!(create(with(&[("Colour", "red")])), Err("InvalidAttributeName".into()));
    assert_eq!(create(with(&[("VisibilityTimeout", "43201")])), Err("InvalidAttributeValue".into()));
    let reserved = CreateQueue { tags: [("aws:owner".into(), "us".into())].into(), ..queue("b") };
    assert_eq!(create(reserved), Err("InvalidParameterValue".into()));
    assert_eq!(sim.audit().queues, 3);
}

#[test]
fn what_a_repeated_create_does_to_tags_is_a_knob() {
    let other: Tags = [("colour".to_owned(), "red".to_owned())].into();
    let rows = [
        (RepeatedTags::Kept, "", false),
        (RepeatedTags::Taken, "", true),
        (RepeatedTags::Refused, "QueueAlreadyExists", false),
    ];
    for (repeated_tags, expected, is_tagged) in rows {
        let mut sim = sim(Settings { queues: Queues { repeated_tags, ..steady().queues }, ..steady() });
        sim.sqs(at(0)).create_queue(&queue("a")).unwrap();
        assert!(sim.sqs(at(0)).create_queue(&queue("a")).is_ok(), "equal tags are no matter");
        let repeated = sim.sqs(at(1)).create_queue(&CreateQueue { tags: other.clone(), ..queue("a") });
        assert_eq!(repeated.err().map_or_else(String::new, |error| error.code), expected, "{repeated_tags:?}");
        let tags = sim.sqs(at(1)).list_queue_tags("a").unwrap();
        assert_eq!(tags.contains_key("colour"), is_tagged, "{repeated_tags:?}");
        assert!(owner().owns(&tags));
    }
}

#[test]
fn a_new_queue_is_unknown_for_a_while_and_its_tags_for_longer() {
    let queues = Queues { creation: Span::seconds(1, 1), tags_late: Span::seconds(5, 5), ..steady().queues };
    let mut sim = sim(Settings { queues, ..steady() });
    sim.sqs(at(0)).create_queue(&queue("a")).unwrap();
    assert_eq!(listed(&mut sim, "", 0), ["a"]);
    assert_eq!(code(sim.sqs(at(0)).get_queue_url("a")), NO_QUEUE);
    assert_eq!(code(sim.sqs(at(0)).send_message("a", &message("m"))), NO_QUEUE);
    assert_eq!(code(sim.sqs(at(0)).list_queue_tags("a")), NO_QUEUE);
    assert!(sim.sqs(at(1)).send_message("a", &message("m")).is_ok());
    assert_eq!(sim.sqs(at(4)).list_queue_tags("a").unwrap(), Tags::new());
    assert!(owner().owns(&sim.sqs(at(5)).list_queue_tags("a").unwrap()));
    assert_eq!(sim.settings().latest_appearance_millis(), 6_000);
}

#[test]
fn a_deleted_queue_stays_for_a_while_and_its_name_rests_for_a_minute() {
    let mut sim = sim(Settings { queues: Queues { deletion: Span::seconds(30, 30), ..steady().queues }, ..steady() });
    let first = sim.sqs(at(0)).create_queue(&queue("a")).unwrap();
    sim.sqs(at(0)).delete_queue("a").unwrap();
    assert_eq!(sim.audit().queues, 0, "the truth");
    assert_eq!(listed(&mut sim, "", 29), ["a"]);
    assert!(sim.sqs(at(29)).send_message("a", &message("m")).is_ok(), "a send may succeed");
    sim.sqs(at(29)).delete_queue("a").unwrap();
    assert_eq!(listed(&mut sim, "", 30), [""; 0]);
    assert_eq!(code(sim.sqs(at(30)).send_message("a", &message("m"))), NO_QUEUE);
    assert_eq!(code(sim.sqs(at(30)).delete_queue("a")), NO_QUEUE);
    let recently = "AWS.SimpleQueueService.QueueDeletedRecently";
    assert_eq!(code(sim.sqs(at(59)).create_queue(&queue("a"))), recently, "it counts from the first deletion");
    let second = sim.sqs(at(60)).create_queue(&queue("a")).unwrap();
    assert_ne!(second.number, first.number);
    let received = sim.sqs(at(61)).receive_message("a", &ReceiveMessage::default()).unwrap();
    assert_eq!(received, [], "what was in it is gone");
}

#[test]
fn lists_have_prefixes_and_pages_and_a_thousand_without_them() {
    let mut sim = sim(steady());
    for index in 0..1_005 {
        sim.sqs(at(0)).create_queue(&queue(&format!("q-{index}"))).unwrap();
    }
    sim.sqs(at(0)).create_queue(&queue("other")).unwrap();
    assert_eq!(listed(&mut sim, "other", 1), ["other"]);
    let bare = sim.sqs(at(1)).list_queues("q-", &PageRequest::default()).unwrap();
    assert_eq!((bare.items.len(), bare.next_token), (1_000, None), "nothing says that there are more");
    let mut page = PageRequest { max_results: Some(600), next_token: None };
    let first = sim.sqs(at(1)).list_queues("q-", &page).unwrap();
    page.next_token = first.next_token;
    let second = sim.sqs(at(1)).list_queues("q-", &page).unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next_token), (600, 405, None));
    for (max_results, token) in [(Some(0), None), (Some(1_001), None), (Some(1), Some("page-77".to_owned()))] {
        let page = PageRequest { max_results, next_token: token };
        assert_eq!(code(sim.sqs(at(1)).list_queues("", &page)), "InvalidParameterValue", "{page:?}");
    }
}

#[test]
fn tags_and_attributes_change() {
    let mut sim = sim(steady());
    sim.sqs(at(0)).create_queue(&queue("a")).unwrap();
    let mut sqs = sim.sqs(at(1));
    sqs.tag_queue("a", &[("colour".into(), "red".into())].into()).unwrap();
    assert_eq!(sqs.list_queue_tags("a").unwrap()["colour"], "red");
    sqs.untag_queue("a", &["colour".into()]).unwrap();
    assert!(!sqs.list_queue_tags("a").unwrap().contains_key("colour"));
    sqs.set_queue_attributes("a", &attributes(&[("VisibilityTimeout", "7")])).unwrap();
    let names = ["VisibilityTimeout".to_owned(), "QueueArn".to_owned(), "RedrivePolicy".to_owned()];
    let shown = sqs.get_queue_attributes("a", &names).unwrap();
    let arn = format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:a");
    assert_eq!(shown, attributes(&[("QueueArn", &arn), ("VisibilityTimeout", "7")]));
    assert_eq!(sqs.get_queue_attributes("a", &[]).unwrap(), Attributes::new());
    assert!(sqs.get_queue_attributes("a", &["All".into()]).unwrap().len() > 10);
    assert_eq!(code(sqs.get_queue_attributes("a", &["Colour".into()])), "InvalidAttributeName");
    for outcome in [sqs.tag_queue("b", &Tags::new()), sqs.untag_queue("b", &[]), sqs.purge_queue("b")] {
        assert_eq!(code(outcome), NO_QUEUE);
    }
}

#[test]
fn a_purge_takes_its_time_and_eats_what_comes_meanwhile() {
    let counted = |sim: &mut Sim, second| {
        let names = ["ApproximateNumberOfMessages".to_owned()];
        sim.sqs(at(second)).get_queue_attributes("a", &names).unwrap()["ApproximateNumberOfMessages"].clone()
    };
    let mut sim = sim(Settings { queues: Queues { purge: Span::seconds(60, 60), ..steady().queues }, ..steady() });
    sim.sqs(at(0)).create_queue(&queue("a")).unwrap();
    sim.sqs(at(0)).send_message("a", &message("before")).unwrap();
    sim.sqs(at(1)).purge_queue("a").unwrap();
    for second in 1..60 {
        sim.sqs(at(second)).send_message("a", &message("after")).unwrap();
    }
    assert_eq!(code(sim.sqs(at(60)).purge_queue("a")), "AWS.SimpleQueueService.PurgeQueueInProgress");
    assert_eq!(counted(&mut sim, 60), "60");
    let left: usize = counted(&mut sim, 61).parse().unwrap();
    assert!((1..59).contains(&left), "{left} of 59 that were sent after the call");
    sim.sqs(at(61)).purge_queue("a").unwrap();
}

#[test]
fn other_credentials_see_nothing_and_a_stale_read_what_was() {
    let mut elsewhere = sim(steady());
    elsewhere.sqs(at(0)).create_queue(&queue("a")).unwrap();
    elsewhere.set_settings(Settings { account: "111111111111".into(), ..steady() });
    assert_eq!(listed(&mut elsewhere, "", 1), [""; 0]);
    assert_eq!(code(elsewhere.sqs(at(1)).get_queue_url("a")), NO_QUEUE);
    let stale_reads = StaleReads { id: 1_000, tag: 1_000, token: 0, by: Span::seconds(5, 5) };
    let mut stale = sim(Settings { stale_reads, ..steady() });
    stale.sqs(at(0)).create_queue(&queue("a")).unwrap();
    assert_eq!(listed(&mut stale, "", 4), [""; 0]);
    assert_eq!(listed(&mut stale, "", 5), ["a"]);
    let lag = Some(Lag { tag: Span::seconds(9, 9), ..Lag::default() });
    let mut late = sim(Settings { queues: Queues { lag, ..steady().queues }, ..steady() });
    late.sqs(at(0)).create_queue(&queue("a")).unwrap();
    assert!(late.sqs(at(0)).get_queue_url("a").is_ok());
    assert_eq!((listed(&mut late, "", 8), listed(&mut late, "", 9)), (vec![], vec!["a".to_owned()]));
}

#[test]
fn what_is_somebody_elses_is_noted_when_it_is_touched() {
    let mut sim = sim(steady());
    let planted = CreateQueue { tags: Tags::new(), ..queue("clusterbench-a-in") };
    sim.sqs(at(0)).plant_queue(&planted).unwrap();
    let answered = sim.sqs(at(1)).create_queue(&queue("clusterbench-a-in")).unwrap();
    assert_eq!((sim.audit().queues, sim.foreign_touched().len()), (0, 0), "a success proves no ownership");
    assert_eq!(sim.sqs(at(1)).list_queue_tags(&answered.name).unwrap(), Tags::new());
    sim.sqs(at(2)).send_message(&answered.name, &message("m")).unwrap();
    sim.sqs(at(3)).delete_queue(&answered.name).unwrap();
    assert_eq!(sim.foreign_touched(), ["SendMessage clusterbench-a-in", "DeleteQueue clusterbench-a-in"]);
}

fn governed(policy: &str) -> Sim {
    let mut sim = sim(steady());
    sim.attach(Arc::new(Policy::parse(policy).unwrap()));
    sim
}

fn call<T>(
    sim: &mut Sim,
    about: About,
    operation: impl FnOnce(&mut Sim, jiff::Timestamp) -> Outcome<T> + Send + 'static,
) -> Result<T, String> {
    match sim.call(Call::about(about).by(Principal::Operator), at(0), operation) {
        Reply::Whole(outcome) => outcome.map_err(|error| error.code),
        _ => panic!("no whole answer"),
    }
}

fn create(sim: &mut Sim, request: CreateQueue) -> Result<(), String> {
    let request = Arc::new(request);
    call(sim, About::NewQueue(request.clone()), move |sim, now| sim.sqs(now).create_queue(&request).map(drop))
}

/// A policy that allows some actions on some queues, under a condition.
fn allowing(actions: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{ "Version": "2012-10-17", "Statement": [{{ "Effect": "Allow", "Action": [{actions}],
        "Resource": "arn:aws:sqs:*:{ACCOUNT}:{resource}"{condition} }}] }}"#
    )
}

#[test]
fn each_call_needs_its_permission_on_its_queue() {
    let denied = || Err("AccessDenied".to_owned());
    let mut untagging = governed(&allowing(r#""sqs:CreateQueue""#, "clusterbench-*", ""));
    assert_eq!(create(&mut untagging, queue("clusterbench-a")), denied(), "tags in the call need sqs:TagQueue");
    let bare = |name: &str| CreateQueue { tags: Tags::new(), ..queue(name) };
    assert_eq!(create(&mut untagging, bare("clusterbench-a")), Ok(()));
    assert_eq!(create(&mut untagging, bare("clusterbench")), denied(), "another name");
    let mut sending = governed(&allowing(r#""sqs:SendMessage""#, "clusterbench-a", ""));
    sending.sqs(at(0)).create_queue(&queue("clusterbench-a")).unwrap();
    let name = || "clusterbench-a".to_owned();
    for (action, expected) in [
        (Action::SendMessage, Ok(())),
        (Action::SendMessageBatch, Ok(())),
        (Action::ReceiveMessage, denied()),
        (Action::DeleteMessageBatch, denied()),
        (Action::DeleteQueue, denied()),
        (Action::PurgeQueue, denied()),
        (Action::ListQueueTags, denied()),
    ] {
        assert_eq!(call(&mut sending, About::Queue(action, name()), |_, _| Ok(())), expected, "{action:?}");
    }
    assert_eq!(call(&mut sending, About::LostTags(name(), vec!["owner".into()]), |_, _| Ok(())), denied());
    // A list is about all queues of the account: a policy by name does not allow it.
    for (resource, is_allowed) in [("clusterbench-*", false), ("*", true)] {
        let mut listing = governed(&allowing(r#""sqs:ListQueues""#, resource, ""));
        let reply = listing.call(Call::new(Action::ListQueues).by(Principal::Operator), at(0), |_, _| Ok(()));
        assert_eq!(matches!(reply, Reply::Whole(Ok(()))), is_allowed, "{resource}");
    }
}

#[test]
fn conditions_see_the_tags_of_the_request_and_of_the_queue() {
    let condition = r#", "Condition": { "StringEquals": { "aws:RequestTag/clusterbench.dev/installation": "main" } }"#;
    let mut sim = governed(&allowing(r#""sqs:CreateQueue", "sqs:TagQueue""#, "*", condition));
    assert_eq!(create(&mut sim, queue("a")), Ok(()));
    let other = Owner { installation: "other".into(), ..owner() };
    assert!(create(&mut sim, CreateQueue { tags: other.tags(&Tags::new()), ..queue("b") }).is_err());
    let condition = r#", "Condition": { "StringEquals": { "aws:ResourceTag/clusterbench.dev/installation": "main" } }"#;
    sim.attach(Arc::new(Policy::parse(&allowing(r#""sqs:DeleteQueue""#, "*", condition)).unwrap()));
    sim.sqs(at(0)).plant_queue(&CreateQueue { tags: other.tags(&Tags::new()), ..queue("b") }).unwrap();
    let mut delete = |name: &str| call(&mut sim, About::Queue(Action::DeleteQueue, name.to_owned()), |_, _| Ok(()));
    assert_eq!(
        (delete("a"), delete("b"), delete("c")),
        (Ok(()), Err("AccessDenied".into()), Err("AccessDenied".into()))
    );
}

fn request(name: &str) -> QueueRequest {
    let CreateQueue { name, attributes, tags } = queue(name);
    QueueRequest { name, attributes, tags, not_after: jiff::Timestamp::MAX }
}

#[test]
fn the_port_makes_lists_and_deletes_and_leaves_others_alone() {
    use planner::ports::Queues as _;
    let (cloud, second) = shared(Settings { page_size: 3, ..steady() });
    let near = cloud.lock().sqs(at(0)).plant_near_misses(&owner());
    cloud.lock().sqs(at(0)).create_queue(&queue("another-a")).unwrap();
    let name = format!("{QUEUE_PREFIX}abc-micro-in");
    now(cloud.create_queue(&request(&name))).unwrap();
    now(cloud.create_queue(&request(&name))).unwrap();
    let late = QueueRequest { not_after: at(-1), ..request(&name) };
    assert_eq!(now(cloud.create_queue(&late)).unwrap_err().failure, planner::Failure::TooLate);
    let queues = now(cloud.queues()).unwrap();
    assert_eq!(queues.len(), near + 1, "by all pages, and only those that begin as ours do");
    let ours: Vec<_> = queues.iter().filter(|queue| owner().owns(&queue.tags)).collect();
    let [ours] = &ours[..] else { panic!("{ours:?}") };
    assert_eq!((&ours.name, ours.url.as_str()), (&name, queue_url("eu-west-1", ACCOUNT, &name).as_str()));
    now(cloud.delete_queue(&ours.url)).unwrap();
    now(cloud.delete_queue(&ours.url)).unwrap();
    assert_eq!(now(cloud.queues()).unwrap().len(), near);
    let recently = now(cloud.create_queue(&request(&name))).unwrap_err();
    assert_eq!(recently.code, "AWS.SimpleQueueService.QueueDeletedRecently");
    second.store(60, std::sync::atomic::Ordering::Relaxed);
    now(cloud.create_queue(&request(&name))).unwrap();
    let other = QueueRequest { attributes: attributes(&[("DelaySeconds", "1")]), ..request(&name) };
    assert_eq!(now(cloud.create_queue(&other)).unwrap_err().code, "QueueAlreadyExists");
    let audit = cloud.lock().audit();
    assert_eq!((audit.queues, audit.made_queues[&name]), (2, 2));
    assert_eq!(audit.foreign_touched, [""; 0]);
}

#[test]
fn a_queue_that_goes_while_it_is_asked_for_its_tags_is_left_out() {
    use planner::ports::Queues as _;
    // Lists show it longer than calls find it.
    let lag = Some(Lag { tag: Span::seconds(30, 30), ..Lag::default() });
    let (cloud, second) = shared(Settings { queues: Queues { lag, ..steady().queues }, ..steady() });
    let name = format!("{QUEUE_PREFIX}a");
    now(cloud.create_queue(&request(&name))).unwrap();
    second.store(40, std::sync::atomic::Ordering::Relaxed);
    let queues = now(cloud.queues()).unwrap();
    now(cloud.delete_queue(&queues[0].url)).unwrap();
    assert_eq!(listed(&mut cloud.lock(), "", 41), [name]);
    assert_eq!(now(cloud.queues()).unwrap(), []);
}

#[test]
fn calls_about_queues_meet_faults_like_any_other() {
    use planner::ports::Queues as _;
    let (cloud, second) = shared(steady());
    let name = format!("{QUEUE_PREFIX}a");
    for (fault, made) in
        [(Fault::LostRequest, 0), (Fault::Status503, 0), (Fault::LateExecution(30), 0), (Fault::LostAnswer, 1)]
    {
        cloud.lock().inject_next(Action::CreateQueue, fault);
        let failed = now(cloud.create_queue(&request(&name))).unwrap_err();
        assert_eq!(failed.failure, planner::Failure::Unreachable, "{fault:?}");
        assert_eq!(cloud.lock().audit().queues, made, "{fault:?}");
    }
    second.store(40, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(now(cloud.queues()).unwrap().len(), 1);
    assert_eq!(cloud.lock().audit().made_queues[&name], 1, "the late one found it there");
    cloud.lock().inject_next(Action::ListQueues, Fault::Throttled);
    let throttled = now(cloud.queues()).unwrap_err();
    assert_eq!((throttled.failure, throttled.code.as_str()), (planner::Failure::Throttled, "RequestThrottled"));
}

#[test]
fn somebody_changes_queues_by_hand() {
    let mut sim =
        sim(Settings { queues: Queues { manual_changes: Span::seconds(10, 20), ..steady().queues }, ..steady() });
    for index in 0..20 {
        sim.sqs(at(0)).create_queue(&queue(&format!("q-{index}"))).unwrap();
    }
    sim.advance(at(200));
    let left = sim.audit().queues;
    let owned = |name: &str| sim.truth().sqs.tags(name).is_some_and(|tags| owner().owns(&tags));
    let untagged = (0..20).filter(|index| !owned(&format!("q-{index}"))).count();
    assert!(left < 20 && untagged > 0, "{left} left, {untagged} lost a tag");
    assert!(sim.injected()["manual change of a queue"] >= 9);
    assert_eq!(sim.foreign_touched(), [""; 0]);
}
