//! Messages of SQS: delivered at least once and in any order, hidden, deleted, counted late.

use std::collections::{BTreeMap, BTreeSet};

use cloudsim::sqs::{ChangeVisibility, Entry, ReceiveMessage, Received, SendMessage, Sqs};
use cloudsim::{Queues, Settings, Sim, Span};
use proptest::prelude::*;

use crate::queues::{attributes, queue, steady};
use crate::world::{at, code, sim};

/// A region with the queue `q`, whose messages are hidden for 20 s.
fn region(queues: Queues) -> Sim {
    let mut sim = sim(Settings { queues, ..steady() });
    sim.sqs(at(0)).create_queue(&queue("q")).unwrap();
    sim
}

fn message(body: &str) -> SendMessage {
    SendMessage { body: body.into(), delay_seconds: None }
}

fn send(sim: &mut Sim, body: &str, second: i64) -> String {
    sim.sqs(at(second)).send_message("q", &message(body)).unwrap()
}

fn receive(sim: &mut Sim, count: u32, second: i64) -> Vec<Received> {
    let request = ReceiveMessage { max_messages: Some(count), ..ReceiveMessage::default() };
    sim.sqs(at(second)).receive_message("q", &request).unwrap()
}

fn delete(sim: &mut Sim, handle: &str, second: i64) {
    sim.sqs(at(second)).delete_message("q", handle).unwrap();
}

fn hide(sqs: &mut Sqs<'_>, handle: &str, seconds: u32) -> Result<(), String> {
    let change = ChangeVisibility { receipt_handle: handle.to_owned(), seconds };
    sqs.change_message_visibility("q", &change).map_err(|error| error.code)
}

/// Visible, in flight, delayed.
fn counts(sim: &mut Sim, second: i64) -> [u32; 3] {
    let all = sim.sqs(at(second)).get_queue_attributes("q", &["All".into()]).unwrap();
    ["", "NotVisible", "Delayed"].map(|end| all[&format!("ApproximateNumberOfMessages{end}")].parse().unwrap())
}

#[test]
fn a_message_is_hidden_while_somebody_has_it_and_comes_again_when_he_does_not_delete_it() {
    let mut sim = region(steady().queues);
    let id = send(&mut sim, "work", 1);
    let first = receive(&mut sim, 10, 2);
    assert_eq!(
        (first.len(), first[0].message_id.as_str(), &*first[0].body, first[0].receives),
        (1, id.as_str(), "work", 1)
    );
    assert_eq!((first[0].sent_at, first[0].first_received_at), (at(1), at(2)));
    assert_eq!(receive(&mut sim, 10, 21), []);
    assert_eq!(sim.sqs(at(21)).next_visible("q"), Some(at(22)));
    let second = receive(&mut sim, 10, 22);
    assert_eq!((second[0].receives, second[0].first_received_at), (2, at(2)));
    assert_ne!(second[0].receipt_handle, first[0].receipt_handle);
    delete(&mut sim, &first[0].receipt_handle, 23);
    assert_eq!(receive(&mut sim, 10, 42).len(), 1, "an old handle succeeds and deletes nothing");
    assert_eq!(sim.injected()["old receipt handle"], 1);
    let last = receive(&mut sim, 10, 62);
    delete(&mut sim, &last[0].receipt_handle, 90);
    assert_eq!(receive(&mut sim, 10, 200), [], "visible again, and not received by anybody else");
    delete(&mut sim, &last[0].receipt_handle, 201);
}

#[test]
fn visibility_counts_from_the_call_up_to_twelve_hours() {
    let mut sim = region(steady().queues);
    send(&mut sim, "work", 0);
    let handle = receive(&mut sim, 1, 0)[0].receipt_handle.clone();
    assert_eq!(hide(&mut sim.sqs(at(15)), &handle, 20), Ok(()), "a heartbeat");
    assert_eq!(receive(&mut sim, 1, 34), []);
    assert_eq!(hide(&mut sim.sqs(at(34)), &handle, 0), Ok(()), "given back");
    assert_eq!(hide(&mut sim.sqs(at(34)), &handle, 1), Err("AWS.SimpleQueueService.MessageNotInflight".into()));
    let again = receive(&mut sim, 1, 34)[0].receipt_handle.clone();
    let invalid = || Err("InvalidParameterValue".to_owned());
    assert_eq!(hide(&mut sim.sqs(at(35)), &handle, 20), invalid(), "an old handle");
    assert_eq!(hide(&mut sim.sqs(at(35)), &again, 43_199), Ok(()));
    assert_eq!(hide(&mut sim.sqs(at(36)), &again, 43_199), invalid(), "more than twelve hours after the receive");
    assert_eq!(hide(&mut sim.sqs(at(36)), &again, 43_201), invalid());
    delete(&mut sim, &again, 37);
    assert_eq!(hide(&mut sim.sqs(at(37)), &again, 5), invalid(), "it is gone");
    assert_eq!(hide(&mut sim.sqs(at(37)), "handle", 5), Err("ReceiptHandleIsInvalid".into()));
    assert_eq!(code(sim.sqs(at(37)).delete_message("q", "handle")), "ReceiptHandleIsInvalid");
}

#[test]
fn all_come_once_in_some_order_about_the_oldest_first() {
    let mut sim = region(steady().queues);
    for index in 0..200 {
        send(&mut sim, &index.to_string(), 1);
    }
    let mut order: Vec<u32> = Vec::new();
    for _ in 0..40 {
        order.extend(receive(&mut sim, 5, 2).iter().map(|one| one.body.parse::<u32>().unwrap()));
    }
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 200);
    assert!(order.windows(2).any(|pair| pair[0] > pair[1]), "not in order");
    assert!(order[..20].iter().all(|index| *index < 40), "and no one is left behind: {:?}", &order[..20]);
}

#[test]
fn a_copy_is_delivered_too_also_after_the_message_is_deleted() {
    let queues = Queues { duplicate_per_mille: 1_000, duplicate_by: Span::seconds(5, 5), ..steady().queues };
    let mut sim = region(queues.clone());
    let id = send(&mut sim, "work", 0);
    let first = receive(&mut sim, 10, 0);
    delete(&mut sim, &first[0].receipt_handle, 1);
    assert_eq!(receive(&mut sim, 10, 4), []);
    sim.set_settings(Settings { queues: Queues { duplicate_per_mille: 0, ..queues }, ..steady() });
    let copy = receive(&mut sim, 10, 5);
    assert_eq!((copy[0].message_id.as_str(), copy[0].receives), (id.as_str(), 2));
    delete(&mut sim, &copy[0].receipt_handle, 6);
    assert_eq!(receive(&mut sim, 10, 600), []);
    assert_eq!(sim.injected()["duplicate of a message"], 1);
}

#[test]
fn a_receive_without_a_wait_may_find_nothing() {
    let mut sim = region(Queues { empty_receive_per_mille: 500, ..steady().queues });
    send(&mut sim, "work", 0);
    let request = ReceiveMessage { visibility_seconds: Some(0), ..ReceiveMessage::default() };
    let polled = |sim: &mut Sim, wait_seconds| {
        let request = ReceiveMessage { wait_seconds, ..request };
        (0..100).filter(|_| sim.sqs(at(1)).receive_message("q", &request).unwrap().is_empty()).count()
    };
    let (short, long) = (polled(&mut sim, None), polled(&mut sim, Some(20)));
    assert!((30..70).contains(&short) && long == 0, "{short} {long}");
}

#[test]
fn counts_are_late_each_for_itself() {
    let mut exact = region(steady().queues);
    let mut late = region(Queues { count_lag: Span::seconds(30, 30), ..steady().queues });
    for sim in [&mut exact, &mut late] {
        for _ in 0..3 {
            send(sim, "work", 1);
        }
        sim.sqs(at(1)).send_message("q", &SendMessage { delay_seconds: Some(100), ..message("later") }).unwrap();
        receive(sim, 2, 2);
    }
    assert_eq!((counts(&mut exact, 2), counts(&mut late, 2)), ([1, 2, 1], [0, 0, 0]));
    assert_eq!((counts(&mut exact, 22), counts(&mut late, 22)), ([3, 0, 1], [0, 0, 0]));
    assert_eq!(counts(&mut late, 32), [1, 2, 1]);
    assert_eq!(counts(&mut late, 52), [3, 0, 1]);
    assert_eq!((counts(&mut exact, 101), counts(&mut late, 131)), ([4, 0, 0], [4, 0, 0]));
    let number = late.truth().sqs.live_queues()[0].number;
    assert_eq!(late.truth().sqs.messages(number).unwrap().visible, 4);
}

#[test]
fn a_message_is_kept_for_as_long_as_the_queue_says() {
    let mut sim = region(steady().queues);
    sim.sqs(at(0)).set_queue_attributes("q", &attributes(&[("MessageRetentionPeriod", "60")])).unwrap();
    send(&mut sim, "old", 0);
    send(&mut sim, "new", 30);
    let bodies: Vec<String> = receive(&mut sim, 10, 60).iter().map(|one| one.body.to_string()).collect();
    assert_eq!(bodies, ["new"]);
    assert_eq!(counts(&mut sim, 90), [0, 0, 0], "also while somebody has it");
}

#[test]
fn limits_of_messages_are_those_of_sqs() {
    let mut sim = region(steady().queues);
    let mut sqs = sim.sqs(at(0));
    let long = "x".repeat((1 << 20) + 1);
    for (body, expected) in
        [("", "MissingParameter"), (long.as_str(), "InvalidParameterValue"), ("\u{1}", "InvalidMessageContents")]
    {
        assert_eq!(code(sqs.send_message("q", &message(body))), expected);
    }
    assert!(sqs.send_message("q", &message(&long[1..])).is_ok(), "1 MiB");
    let delayed = |seconds| SendMessage { delay_seconds: Some(seconds), ..message("m") };
    assert_eq!(code(sqs.send_message("q", &delayed(901))), "InvalidParameterValue");
    assert!(sqs.send_message("q", &delayed(900)).is_ok());
    let none = ReceiveMessage::default();
    for wrong in [
        ReceiveMessage { max_messages: Some(0), ..none },
        ReceiveMessage { max_messages: Some(11), ..none },
        ReceiveMessage { wait_seconds: Some(21), ..none },
        ReceiveMessage { visibility_seconds: Some(43_201), ..none },
    ] {
        assert_eq!(code(sqs.receive_message("q", &wrong)), "InvalidParameterValue", "{wrong:?}");
    }
}

#[test]
fn too_many_in_flight_are_refused() {
    let mut sim = region(steady().queues);
    for _ in 0..120_001 {
        send(&mut sim, "m", 0);
    }
    for _ in 0..12_000 {
        assert_eq!(receive(&mut sim, 10, 1).len(), 10);
    }
    assert_eq!(code(sim.sqs(at(1)).receive_message("q", &ReceiveMessage::default())), "OverLimit");
    assert_eq!(receive(&mut sim, 1, 21).len(), 1, "when they are visible again");
}

#[test]
fn entries_of_a_batch_have_results_of_their_own() {
    fn entry<T>(id: &str, of: T) -> Entry<T> {
        Entry { id: id.to_owned(), of }
    }
    let codes = |results: Vec<Entry<Result<String, cloudsim::SimError>>>| -> Vec<String> {
        results.into_iter().map(|one| one.of.err().map_or_else(|| one.id.clone(), |error| error.code)).collect()
    };
    let mut sim = region(steady().queues);
    let mut sqs = sim.sqs(at(0));
    let batch = [entry("a", message("1")), entry("b", message("\0")), entry("c", message("3"))];
    assert_eq!(codes(sqs.send_message_batch("q", &batch).unwrap()), ["a", "InvalidMessageContents", "c"]);
    let half = "x".repeat(600_000);
    let rows = [
        (vec![], "EmptyBatchRequest"),
        ((0..11).map(|index| entry(&index.to_string(), message("m"))).collect(), "TooManyEntriesInBatchRequest"),
        (vec![entry("a", message("m")), entry("a", message("m"))], "BatchEntryIdsNotDistinct"),
        (vec![entry("a b", message("m"))], "InvalidBatchEntryId"),
        (vec![entry("a", message(&half)), entry("b", message(&half))], "BatchRequestTooLong"),
    ];
    for (batch, expected) in rows {
        assert_eq!(code(sqs.send_message_batch("q", &batch)), format!("AWS.SimpleQueueService.{expected}"));
    }
    let got = receive(&mut sim, 10, 1);
    assert_eq!(got.len(), 2);
    let handles: Vec<&str> = got.iter().map(|one| one.receipt_handle.as_str()).collect();
    let change = |handle: &str| ChangeVisibility { receipt_handle: handle.to_owned(), seconds: 0 };
    let changes = [entry("a", change(handles[0])), entry("b", change("x"))];
    let changed = sim.sqs(at(2)).change_message_visibility_batch("q", &changes).unwrap();
    assert!(changed[0].of.is_ok() && changed[1].of.is_err());
    let deleted = [entry("a", handles[0].to_owned()), entry("b", handles[1].to_owned())];
    let deleted = sim.sqs(at(2)).delete_message_batch("q", &deleted).unwrap();
    assert!(deleted.iter().all(|one| one.of.is_ok()));
    assert_eq!(counts(&mut sim, 2), [0, 0, 0]);
}

/// One step of somebody who uses the queue; numbers choose among the handles that he has.
#[derive(Clone, Debug)]
enum Step {
    Send,
    Receive(u32),
    Delete(usize),
    Hide(usize, u32),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Send),
        3 => (1..=10_u32).prop_map(Step::Receive),
        2 => (0..40_usize).prop_map(Step::Delete),
        1 => (0..40_usize, 0..60_u32).prop_map(|(which, seconds)| Step::Hide(which, seconds)),
        1 => (1..30_i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever somebody does, what is not deleted by its latest handle is there, counted once, and comes again; what is
    /// deleted so never does.
    #[test]
    fn no_message_is_lost_and_none_comes_after_its_deletion(steps in prop::collection::vec(step(), 1..80)) {
        let mut sim = region(steady().queues);
        let (mut second, mut expected) = (0, BTreeSet::new());
        // Every handle that was given out, with its message; and the latest of each message.
        let (mut handles, mut latest) = (Vec::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Send => drop(expected.insert(send(&mut sim, "m", second))),
                Step::Receive(count) => {
                    for got in receive(&mut sim, count, second) {
                        prop_assert!(expected.contains(&got.message_id), "it was deleted");
                        handles.push((got.message_id.clone(), got.receipt_handle.clone()));
                        latest.insert(got.message_id, got.receipt_handle);
                    }
                }
                Step::Delete(which) => {
                    let Some((id, handle)) = handles.get(which) else { continue };
                    delete(&mut sim, handle, second);
                    if latest[id] == *handle {
                        expected.remove(id);
                    }
                }
                Step::Hide(which, seconds) => {
                    let Some((id, handle)) = handles.get(which) else { continue };
                    let is_hidden = hide(&mut sim.sqs(at(second)), handle, seconds).is_ok();
                    prop_assert!(!is_hidden || latest[id] == *handle && expected.contains(id));
                }
                Step::Wait(seconds) => second += seconds,
            }
            let counted = counts(&mut sim, second).iter().sum::<u32>() as usize;
            prop_assert_eq!(counted, expected.len());
        }
        let mut left = BTreeSet::new();
        while let [first, rest @ ..] = &receive(&mut sim, 10, second + 100)[..] {
            for got in std::iter::once(first).chain(rest) {
                prop_assert!(left.insert(got.message_id.clone()), "twice within its visibility");
            }
        }
        prop_assert_eq!(left, expected);
    }
}
