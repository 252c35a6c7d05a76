//! The puller: messages from their receive to their deletion, in virtual time.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use queue::memory::{Memory, Outage};
use queue::puller::{Puller, Settings};
use queue::{
    AnswerMessage, Id, Object, Objects, Outcome, Queues, Receive, RequestMessage, Sick, Tally, input_key, output_key,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::stage::{IN, OUT, Scripted, answer, ask, in_virtual_time, post, pull, puller_settings, tier, until};

const SECOND: Duration = Duration::from_secs(1);

/// A request in its queue, as a front leaves it.
pub(crate) async fn put(memory: &Memory, id: u128) -> Id {
    let id = Id::from(id);
    memory.put(&Tally::default(), &input_key("micro", id), Object::default()).await.unwrap();
    memory.send(&Tally::default(), IN, RequestMessage::new(id, "micro", "POST", "/micro").text()).await.unwrap();
    id
}

/// The answers that were sent.
pub(crate) fn answers(memory: &Memory) -> Vec<(u16, Bytes)> {
    let read = |text: &String| AnswerMessage::read(text).unwrap();
    let said = |message: AnswerMessage| (message.status, message.content.inline().unwrap().unwrap_or_default());
    memory.sent(OUT).iter().map(read).map(said).collect()
}

#[test]
fn a_program_that_always_fails_is_tried_as_often_as_allowed_and_then_answered_for() {
    in_virtual_time(async {
        let failures: [fn() -> Outcome; 3] = [
            || Outcome::Answer(answer(500, b"no")),
            || Outcome::Failed(Sick::Refused),
            || Outcome::Failed(Sick::Broken("died".into())),
        ];
        for failure in failures {
            let mut tasks = JoinSet::new();
            let program = Scripted::new(move |_| (Duration::ZERO, failure()));
            let calls = program.calls();
            let (memory, front, puller) = tier(program, &mut tasks);
            let begun = Instant::now();
            let told = ask(&front, post("/micro", "")).await;
            assert_eq!((told.status.as_u16(), told.header("x-attempts")), (502, "4"));
            let (body, last) = (String::from_utf8_lossy(&told.body), puller.status().last_failure.unwrap());
            assert!(body.contains(&format!("the last failure on this instance: {last}")), "{body}");
            assert_eq!(calls.lock().unwrap().len(), 3, "the fourth time it is not run");
            // 2 + 4 + 8 s, and at most a long poll after each.
            assert!((14..30).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
            let key = format!("out/micro/{}", told.header("x-request-id"));
            assert_eq!(memory.objects()[&key].body, told.body);
            until(|| puller.status().answered == 1).await;
            assert_eq!((puller.status().failed, puller.status().exhausted), (3, 1));
        }
    });
}

#[test]
fn a_program_that_never_answers_is_given_up_in_time() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let program = Scripted::answering(200, b"", SECOND * 10_000);
        let calls = program.calls();
        let settings = Settings { attempts: 1, timeout: SECOND * 50, ..puller_settings("i-1") };
        pull(&memory, program, settings, &mut tasks);
        put(&memory, 1).await;
        let begun = Instant::now();
        until(|| answers(&memory).len() == 1).await;
        assert_eq!((answers(&memory)[0].0, calls.lock().unwrap().len()), (502, 1));
        assert!((52..60).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    });
}

/// However each step of it goes: reading, working and writing do not have a time limit each.
#[test]
fn a_message_has_one_deadline_and_ends_once() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let program = Scripted::answering(200, b"done", SECOND * 25);
        let calls = program.calls();
        put(&memory, 1).await;
        memory.break_down(Outage::Fails);
        let puller = pull(&memory, program, puller_settings("i-1"), &mut tasks);
        until(|| puller.status().in_flight == 1).await;
        let begun = Instant::now();
        sleep(SECOND * 20).await;
        memory.break_down(Outage::None);
        until(|| calls.lock().unwrap().len() == 1).await;
        memory.break_down(Outage::Fails);
        until(|| puller.status().in_flight == 0).await;
        let took = begun.elapsed().as_secs();
        assert!((50..=60).contains(&took), "30 s for the program and 30 beside it: {took} s");
        assert_eq!((puller.status().call_failures, answers(&memory).len(), memory.messages(IN)), (1, 0, 1));
        memory.break_down(Outage::None);
        until(|| memory.messages(IN) == 0).await;
        assert_eq!((answers(&memory), calls.lock().unwrap().len()), (vec![(200, Bytes::from("done"))], 2));
    });
}

#[test]
fn a_call_that_is_never_answered_does_not_keep_a_message() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        put(&memory, 1).await;
        memory.break_down(Outage::Hangs);
        let puller = pull(&memory, Scripted::answering(200, b"done", SECOND), puller_settings("i-1"), &mut tasks);
        until(|| puller.status().in_flight == 1).await;
        let begun = Instant::now();
        until(|| puller.status().in_flight == 0).await;
        assert_eq!(begun.elapsed().as_secs(), 60);
        memory.break_down(Outage::None);
        until(|| memory.messages(IN) == 0).await;
        assert_eq!(answers(&memory), [(200, Bytes::from("done"))]);
    });
}

#[test]
fn work_that_takes_longer_than_the_visibility_is_done_once() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let mut calls = Vec::new();
        for id in ["i-1", "i-2"] {
            let program = Scripted::answering(200, b"done", SECOND * 25);
            calls.push(program.calls());
            let settings = Settings { visibility: SECOND * 3, ..puller_settings(id) };
            pull(&memory, program, settings, &mut tasks);
        }
        put(&memory, 1).await;
        until(|| memory.messages(IN) == 0).await;
        assert_eq!(calls.iter().map(|calls| calls.lock().unwrap().len()).sum::<usize>(), 1);
        assert_eq!(answers(&memory), [(200, Bytes::from("done"))]);
    });
}

#[test]
fn only_free_slots_take_messages() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let program = Scripted::answering(200, b"", SECOND * 4);
        let most = Arc::clone(&program.most_at_once);
        let puller = pull(&memory, program, Settings { slots: 3, ..puller_settings("i-1") }, &mut tasks);
        for id in 0..10 {
            put(&memory, id).await;
        }
        until(|| puller.status().in_flight == 3).await;
        let counts = memory.counts(&Tally::default(), IN).await.unwrap();
        assert_eq!((counts.visible, counts.in_flight), (7, 3));
        let begun = Instant::now();
        until(|| answers(&memory).len() == 10).await;
        assert_eq!(most.load(SeqCst), 3);
        // Four rounds: a slot that becomes free is used at once.
        assert!(begun.elapsed() < SECOND * 18, "{:?}", begun.elapsed());
    });
}

#[test]
fn nothing_is_taken_while_the_program_is_not_well() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let program = Scripted::answering(200, b"", Duration::ZERO);
        let health = program.health_switch();
        *health.lock().unwrap() = Err(Sick::Refused);
        let puller = pull(&memory, program, puller_settings("i-1"), &mut tasks);
        put(&memory, 1).await;
        sleep(SECOND * 60).await;
        assert_eq!((puller.status().received, puller.status().waits_for), (0, Some(Sick::Refused.to_string())));
        *health.lock().unwrap() = Ok(Some("b7".into()));
        until(|| answers(&memory).len() == 1).await;
        let message = AnswerMessage::read(&memory.sent(OUT)[0]).unwrap();
        assert!(message.boot.ends_with("-b7") && message.attempts == 1, "{}", message.boot);
    });
}

#[test]
fn an_output_that_is_there_is_the_answer_whoever_made_it() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let metadata = [("status", "404"), ("backend", "i-9"), ("boot", "b9"), ("work-micros", "77")];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let there = Object { body: Bytes::from("earlier"), content_type: Some("text/css".into()), metadata };
        memory.put(&Tally::default(), &output_key("micro", 1.into()), there.clone()).await.unwrap();
        let puller = pull(&memory, Scripted::answering(200, b"later", SECOND), puller_settings("i-1"), &mut tasks);
        put(&memory, 1).await;
        until(|| memory.messages(IN) == 0 && !memory.sent(OUT).is_empty()).await;
        let message = AnswerMessage::read(&memory.sent(OUT)[0]).unwrap();
        assert_eq!((message.status, message.content_type.as_deref()), (404, Some("text/css")));
        assert_eq!((message.backend.as_str(), message.boot.as_str(), message.work_micros), ("i-9", "b9", Some(77)));
        assert_eq!(answers(&memory), [(404, Bytes::from("earlier"))]);
        assert_eq!((memory.objects()[&output_key("micro", 1.into())].clone(), puller.status().outrun), (there, 1));
    });
}

/// S3 says 404 of what is not there to who may list the bucket, and 403 to everybody else, such as our own role.
#[test]
fn an_input_that_is_gone_uses_its_attempts_keeps_no_slot_and_is_answered_for() {
    for is_hidden in [false, true] {
        in_virtual_time(async {
            let mut tasks = JoinSet::new();
            let memory = Arc::new(Memory::new());
            memory.hide_absence(is_hidden);
            let program = Scripted::answering(200, b"done", SECOND);
            let calls = program.calls();
            let puller = pull(&memory, program, puller_settings("i-1"), &mut tasks);
            let begun = Instant::now();
            let lost = RequestMessage::new(1.into(), "micro", "POST", "/micro");
            memory.send(&Tally::default(), IN, lost.text()).await.unwrap();
            until(|| puller.status().failed == 1 && puller.status().in_flight == 0).await;
            assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
            put(&memory, 2).await;
            until(|| memory.messages(IN) == 0).await;
            let statuses: Vec<u16> = answers(&memory).iter().map(|(status, _)| *status).collect();
            assert_eq!(statuses, [200, 502], "the one slot was free for the other request");
            // 2 + 4 + 8 s, and at most a long poll after each.
            assert!((14..30).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
            let status = puller.status();
            assert_eq!((status.failed, status.exhausted, status.call_failures), (3, 1, 0));
            assert_eq!(calls.lock().unwrap().len(), 1, "the program was not asked");
            assert_eq!(memory.calls().s3_gets, 4, "once for each attempt, and once for the other request");
            assert_eq!(status.waits_for, None, "the program is not to blame");
        });
    }
}

/// A puller and the end of its run.
fn ending(memory: &Arc<Memory>, work: Duration) -> (Arc<Puller<Memory, Scripted>>, tokio::task::JoinHandle<()>) {
    let puller = Puller::new(Arc::clone(memory), Scripted::answering(200, b"", work), puller_settings("i-1"));
    let own = Arc::clone(&puller);
    (puller, tokio::spawn(async move { own.run().await }))
}

#[test]
fn a_puller_that_ends_finishes_what_it_has_and_takes_no_more() {
    in_virtual_time(async {
        let memory = Arc::new(Memory::new());
        let (puller, ended) = ending(&memory, SECOND * 12);
        put(&memory, 1).await;
        until(|| puller.status().in_flight == 1).await;
        put(&memory, 2).await;
        puller.drain();
        ended.await.unwrap();
        assert_eq!((answers(&memory).len(), puller.status().received), (1, 1));
        let counts = memory.counts(&Tally::default(), IN).await.unwrap();
        assert_eq!((counts.visible, counts.in_flight), (1, 0));
    });
}

#[test]
fn what_is_not_finished_is_given_back_and_visible_at_once() {
    in_virtual_time(async {
        let memory = Arc::new(Memory::new());
        let (puller, ended) = ending(&memory, SECOND * 1_000);
        put(&memory, 1).await;
        until(|| puller.status().in_flight == 1).await;
        puller.drain();
        let begun = Instant::now();
        puller.give_back();
        ended.await.unwrap();
        assert!(begun.elapsed() < SECOND && puller.status().given_back == 1);
        assert_eq!(memory.counts(&Tally::default(), IN).await.unwrap().visible, 1);
    });
}

#[test]
fn a_message_that_a_long_poll_brings_after_the_end_began_is_given_back_at_once() {
    in_virtual_time(async {
        let memory = Arc::new(Memory::new());
        let (puller, ended) = ending(&memory, SECOND);
        sleep(SECOND).await;
        puller.drain();
        sleep(SECOND).await;
        assert!(!ended.is_finished(), "the long poll is not broken off");
        put(&memory, 1).await;
        ended.await.unwrap();
        let receive = Receive { most: 1, visibility: SECOND, wait: Duration::ZERO };
        let again = memory.receive(&Tally::default(), IN, receive).await.unwrap();
        assert_eq!((again.len(), again[0].count, puller.status().given_back), (1, 2, 1));
        assert!(answers(&memory).is_empty());
    });
}

#[test]
fn a_message_of_nobody_is_skipped_and_deleted_when_it_was_taken_too_often() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let program = Scripted::answering(200, b"", Duration::ZERO);
        let calls = program.calls();
        let puller = pull(&memory, program, puller_settings("i-1"), &mut tasks);
        memory.send(&Tally::default(), IN, "nonsense".into()).await.unwrap();
        put(&memory, 1).await;
        until(|| memory.messages(IN) == 0).await;
        assert_eq!((calls.lock().unwrap().len(), puller.status().received, answers(&memory).len()), (1, 5, 1));
    });
}
