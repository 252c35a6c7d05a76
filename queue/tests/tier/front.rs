//! The front: answers to clients, limits and counts.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use queue::front::{BODY_LIMIT, Settings};
use queue::memory::Memory;
use queue::{AnswerMessage, Content, Id, Outcome, Queues, Receive, RequestMessage, Tally};
use tokio::task::JoinSet;
use tokio::time::sleep;
use wire::QueueStatus;

use crate::stage::{IN, OUT, Scripted, answer, ask, front_settings, in_virtual_time, post, serve, tier, until};

const SECOND: Duration = Duration::from_secs(1);

/// The request that waits in the queue.
async fn next(memory: &Memory) -> RequestMessage {
    let receive = Receive { most: 1, visibility: SECOND * 100, wait: SECOND * 10 };
    RequestMessage::read(&memory.receive(&Tally::default(), IN, receive).await.unwrap()[0].body).unwrap()
}

fn says(id: Id, body: &str) -> String {
    AnswerMessage::new(id, 200, Content::of(&Bytes::copy_from_slice(body.as_bytes()))).text()
}

#[test]
fn an_answer_is_that_of_the_program_with_who_gave_it_and_where_the_time_went() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let program = Scripted::answering(201, b"a face\n", SECOND * 2);
        let calls = program.calls();
        let (memory, front, _puller) = tier(program, &mut tasks);
        front.apply(crate::stage::membership(&["i-1"]), None).unwrap();
        let mut request = post("/micro/deep?x=1", "picture");
        request.headers_mut().insert("x-clusterbench-seed", "9-1".parse().unwrap());
        let told = ask(&front, request).await;
        assert_eq!((told.status.as_u16(), &told.body[..]), (201, &b"a face\n"[..]));
        let header = |name| told.header(name);
        assert_eq!((header("content-type"), header("x-backend"), header("x-attempts")), ("text/plain", "i-1", "1"));
        assert!(header("x-boot").len() == 16, "{}", header("x-boot"));
        assert!(header("server-timing").contains("work;dur=2000."), "{}", header("server-timing"));
        let id = header("x-request-id").to_owned();
        let call = calls.lock().unwrap()[0].clone();
        assert_eq!((call.method.as_str(), call.path.as_str(), call.id), ("POST", "/micro/deep?x=1", id.clone()));
        assert_eq!((call.content_type.as_deref(), call.seed.as_deref()), (Some("image/jpeg"), Some("9-1")));
        assert_eq!(&call.body[..], b"picture");
        let objects = memory.objects();
        assert_eq!(&objects[&format!("in/micro/{id}")].body[..], b"picture");
        assert_eq!(&objects[&format!("out/micro/{id}")].body[..], b"a face\n");
        until(|| memory.messages(IN) + memory.messages(OUT) == 0).await;
        let status = front.status();
        assert_eq!((status.clusters[0].requests, status.clusters[0].members[0].requests), (1, 1));
        let queue = &status.queues[0];
        assert_eq!((queue.accepted, queue.answered, queue.failed, queue.inputs, queue.outputs), (1, 1, 0, 1, 1));
        assert_eq!((queue.arrivals.iter().sum::<u64>(), queue.oldest_millis), (1, 0));
        assert!(queue.service_micros.is_some_and(|micros| (2_000_000..2_100_000).contains(&micros)));
    });
}

#[test]
fn answers_of_any_length_and_any_bytes_are_passed_on() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let bodies: Vec<Vec<u8>> =
            vec![Vec::new(), vec![0xff, 0, 0xfe], vec![7; 64 * 1024], vec![8; 64 * 1024 + 1], vec![9; 2 * 1024 * 1024]];
        let given = bodies.clone();
        let program = Scripted::new(move |call| {
            let number: usize = std::str::from_utf8(&call.body).unwrap().parse().unwrap();
            (Duration::ZERO, Outcome::Answer(answer(200, &given[number])))
        });
        let (_memory, front, _puller) = tier(program, &mut tasks);
        for (number, body) in bodies.iter().enumerate() {
            let told = ask(&front, post("/micro", number.to_string())).await;
            assert!(told.status.as_u16() == 200 && told.body == body, "body {number}");
        }
    });
}

/// Long ones are in objects until there is room: 10,000 clients that take theirs slowly would fill any memory.
#[test]
fn long_answers_that_nobody_has_taken_yet_are_256_mib_at_most_and_the_next_waits_for_room() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let longest = vec![7_u8; 16 * 1024 * 1024];
        let program = Scripted::answering(200, &longest, Duration::ZERO);
        let (memory, front, _puller) = tier(program, &mut tasks);
        let mut untaken = Vec::new();
        for _ in 0..16 {
            let response = front.answer(post("/micro", "")).await;
            assert_eq!(response.status().as_u16(), 200);
            untaken.push(response);
        }
        let next = {
            let front = Arc::clone(&front);
            tokio::spawn(async move { ask(&front, post("/micro", "")).await })
        };
        until(|| front.status().queues[0].answered == 17).await;
        sleep(SECOND * 10).await;
        assert!(!next.is_finished());
        assert_eq!(memory.calls().s3_gets, 17 + 16, "17 inputs, and the answers that there is room for");
        // Bytes that go on without the response count for as long as somebody has them.
        let response = untaken.pop().unwrap();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        sleep(SECOND).await;
        assert!(bytes.len() == longest.len() && !next.is_finished());
        drop(bytes);
        let told = next.await.unwrap();
        assert_eq!((told.status.as_u16(), told.body.len()), (200, longest.len()));
        drop(told);
        untaken.clear();
        assert_eq!(ask(&front, post("/micro", "")).await.status.as_u16(), 200);
    });
}

#[test]
fn a_long_answer_that_finds_no_room_in_time_is_a_504_and_takes_none() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let program = Scripted::answering(200, &vec![7_u8; 16 * 1024 * 1024], Duration::ZERO);
        let (_memory, front, _puller) = tier(program, &mut tasks);
        let mut untaken = Vec::new();
        for _ in 0..16 {
            untaken.push(front.answer(post("/micro", "")).await);
        }
        assert_eq!(ask(&front, post("/micro", "")).await.status.as_u16(), 504);
        drop(untaken.pop());
        assert_eq!(ask(&front, post("/micro", "")).await.status.as_u16(), 200);
    });
}

#[test]
fn what_cannot_be_served_is_refused_with_the_reason() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let front = serve(Arc::clone(&memory), Settings { most_held: 1, ..front_settings() }, &mut tasks);
        let nowhere = ask(&front, post("/microscope", "")).await;
        assert_eq!(nowhere.status.as_u16(), 404);
        assert_eq!(nowhere.body, r#"{"error":"no cluster is served at \"/microscope\"","paths":["/micro"]}"#);
        let announced = Request::post("/micro").header("content-length", BODY_LIMIT + 1);
        assert_eq!(ask(&front, announced.body(Body::empty()).unwrap()).await.status.as_u16(), 413);
        let long = Request::post("/micro").header("transfer-encoding", "chunked");
        let long = ask(&front, long.body(Body::from(vec![0; BODY_LIMIT + 1])).unwrap()).await;
        assert!(long.status.as_u16() == 413 && String::from_utf8_lossy(&long.body).contains("5242880 bytes"));
        let most = {
            let front = Arc::clone(&front);
            tokio::spawn(async move { ask(&front, post("/micro", vec![0; BODY_LIMIT])).await })
        };
        let held = next(&memory).await;
        let more = ask(&front, post("/micro", "")).await;
        assert_eq!((more.status.as_u16(), more.header("retry-after")), (503, "1"));
        memory.send(&Tally::default(), OUT, says(held.id, "first")).await.unwrap();
        assert_eq!(most.await.unwrap().body, "first");
        assert_eq!(front.status().queues[0].inputs, 1);
    });
}

#[test]
fn the_first_answer_wins_and_later_and_unknown_ones_are_counted_and_deleted() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        let client = {
            let front = Arc::clone(&front);
            tokio::spawn(async move { ask(&front, post("/micro", "")).await })
        };
        let id = next(&memory).await.id;
        for text in [says(99.into(), "nobody's"), says(id, "first"), says(id, "second"), "nonsense".into()] {
            memory.send(&Tally::default(), OUT, text).await.unwrap();
        }
        assert_eq!(client.await.unwrap().body, "first");
        until(|| memory.messages(OUT) == 0).await;
        let QueueStatus { answered, duplicates, unknown, outputs, .. } = front.status().queues[0].clone();
        assert_eq!((answered, duplicates, unknown, outputs), (1, 1, 1, 1));
    });
}

#[test]
fn a_request_whose_time_is_up_or_whose_client_is_gone_has_failed_and_its_answer_is_unknown() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let front = serve(Arc::clone(&memory), Settings { timeout: SECOND * 10, ..front_settings() }, &mut tasks);
        let late = ask(&front, post("/micro", "")).await;
        assert_eq!(late.status.as_u16(), 504);
        assert!(String::from_utf8_lossy(&late.body).contains("got no answer within 10 s"));
        let late = next(&memory).await.id;
        let client = {
            let front = Arc::clone(&front);
            tokio::spawn(async move { ask(&front, post("/micro", "")).await })
        };
        let gone = next(&memory).await.id;
        sleep(SECOND).await;
        assert_eq!(front.status().queues[0].oldest_millis, 1_000);
        client.abort();
        assert!(client.await.is_err());
        memory.send(&Tally::default(), OUT, says(late, "late")).await.unwrap();
        memory.send(&Tally::default(), OUT, says(gone, "gone")).await.unwrap();
        until(|| memory.messages(OUT) == 0).await;
        let status = front.status();
        let QueueStatus { accepted, answered, failed, unknown, outputs, .. } = status.queues[0].clone();
        assert_eq!((accepted, answered, failed, unknown, outputs), (2, 0, 2, 2, 2));
        assert_eq!((status.clusters[0].requests, status.clusters[0].failures), (2, 2));
        // The place is free again.
        assert_eq!(status.queues[0].oldest_millis, 0);
    });
}

#[test]
fn a_cluster_without_members_accepts_requests_and_holds_them_until_somebody_comes() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        for is_scaled in [true, false] {
            let mut membership = crate::stage::membership(&[]);
            membership.clusters[0].scaling = is_scaled.then(wire::ClusterScaling::default);
            front.apply(membership, None).unwrap();
            let client = {
                let front = Arc::clone(&front);
                tokio::spawn(async move { ask(&front, post("/micro", "")).await })
            };
            sleep(SECOND * 90).await;
            let queue = front.status().queues[0].clone();
            assert_eq!((queue.unanswered(), queue.oldest_millis, queue.running), ((1, 0), 90_000, 0));
            let worker = crate::stage::pull(
                &memory,
                Scripted::answering(200, b"late", SECOND),
                crate::stage::puller_settings("i-1"),
                &mut tasks,
            );
            assert_eq!(client.await.unwrap().body, "late");
            worker.drain();
            sleep(SECOND * 6).await;
        }
    });
}

#[test]
fn the_mean_service_is_the_time_of_a_slot_from_the_receive_to_the_deletion() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        // Each call of the worker's takes 20 ms in the mean: GET, PUT, send and delete are 80 ms beside the program's 100.
        let (alive, _never) = tokio::sync::mpsc::unbounded_channel();
        let kind = crate::deadly::Chances { death: 0, failure: 0, lost_answer: 0 };
        let cloud = Arc::new(crate::deadly::Deadly::new(&memory, 1, kind, alive));
        let program = Scripted::answering(200, b"", Duration::from_millis(100));
        crate::stage::pull(&cloud, program, crate::stage::puller_settings("i-1"), &mut tasks);
        let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        for _ in 0..50 {
            assert_eq!(ask(&front, post("/micro", "")).await.status.as_u16(), 200);
        }
        let service = front.status().queues[0].service_micros.unwrap();
        assert!((165_000..195_000).contains(&service), "{service}");
    });
}

#[test]
fn the_numbers_of_messages_are_asked_for_while_somebody_wants_them() {
    in_virtual_time(async {
        let mut tasks = JoinSet::new();
        let memory = Arc::new(Memory::new());
        let front = serve(Arc::clone(&memory), front_settings(), &mut tasks);
        for _ in 0..3 {
            memory.send(&Tally::default(), IN, "x".into()).await.unwrap();
        }
        memory
            .receive(&Tally::default(), IN, Receive { most: 1, visibility: SECOND * 100, wait: SECOND })
            .await
            .unwrap();
        sleep(SECOND * 10).await;
        assert_eq!(front.status().queues[0].waiting, 0, "nobody had asked");
        sleep(SECOND * 3).await;
        let queue = front.status().queues[0].clone();
        assert_eq!((queue.waiting, queue.in_flight, queue.running), (2, 1, 0));
    });
}
