//! The binary as an instance runs it, with real programs: what it starts, what it refuses, and what it goes back to.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

mod archives;
mod restarts;
mod stage;

use std::fs;

use stage::{OPERATOR, SEED, Stage};
use wire::{APPLICATION_PATH, Application};

#[test]
fn another_program_takes_the_place_of_the_one_that_is_told_to_end() {
    let mut stage = Stage::new("replaces");
    let (one, two) = (stage.program("one"), stage.program("two"));
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.answer().as_deref(), Some("one"));
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    assert_eq!(stage.answer().as_deref(), Some("two"));
    assert!(stage.was_asked_to_end("one"));
    // The same order again changes nothing.
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    assert_eq!(stage.status().expect("status").starting, None);
    assert!(!stage.was_asked_to_end("two"));
    let kept: Vec<_> = fs::read_dir(stage.directory.join("data")).expect("data").flatten().collect();
    assert_eq!(kept.len(), 2, "the program and what is written down: {kept:?}");
}

#[test]
fn a_wrong_hash_is_not_run_and_the_old_program_never_stops() {
    let mut stage = Stage::new("hash");
    let one = stage.program("one");
    let wrong = Application { sha256: "0".repeat(64), ..stage.program("two") };
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.order(&wrong, OPERATOR).0, 202);
    let why = stage.until_failed(&wrong);
    assert!(why.contains("has sha256") && why.ends_with("it was not run"), "{why}");
    assert_eq!((stage.answer().as_deref(), stage.was_asked_to_end("one")), (Some("one"), false));
    assert_eq!(stage.status().expect("status").serving, one.id());
}

#[test]
fn what_cannot_be_fetched_leaves_the_old_program() {
    let mut stage = Stage::new("fetch");
    let one = stage.program("one");
    let gone = Application { url: format!("http://{}/gone", stage.mirror), ..stage.artifact("gone", "") };
    stage.files.lock().expect("lock").remove("/gone");
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&gone, OPERATOR);
    let why = stage.until_failed(&gone);
    assert!(why.starts_with("cannot fetch http://") && why.contains("404"), "{why}");
    assert_eq!((stage.answer().as_deref(), stage.was_asked_to_end("one")), (Some("one"), false));
}

#[test]
fn a_program_that_never_listens_or_ends_gives_way_to_the_old_one() {
    let mut stage = Stage::new("returns");
    let one = stage.program("one");
    let silent = stage.artifact("silent", "#!/bin/sh\nexec sleep 1000\n");
    let ends = stage.artifact("ends", "#!/bin/sh\nexit 3\n");
    stage.start(&one);
    stage.until_serving(&one);
    for (bad, words) in [(&silent, "it does not listen on 127.0.0.1:"), (&ends, "it ended: exit status: 3")] {
        assert_eq!(stage.order(bad, OPERATOR).0, 202);
        let why = stage.until_failed(bad);
        assert!(why.contains(words) && why.ends_with("what ran before serves again"), "{why}");
        assert_eq!(stage.answer().as_deref(), Some("one"));
        assert_eq!(stage.status().expect("status").serving, one.id());
    }
    // Reverted and set anew, it is tried anew.
    let two = stage.program("two");
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
    assert_eq!(stage.status().expect("status").failure, None);
}

#[test]
fn only_the_operators_order_for_this_instance_is_obeyed_and_only_for_what_it_saw() {
    let mut stage = Stage::new("signature");
    let (one, two) = (stage.program("one"), stage.program("two"));
    stage.start(&one);
    stage.until_serving(&one);
    for stranger in [([6; 32], "i-1"), (SEED, "i-2")] {
        let (status, why) = stage.order(&two, stranger);
        assert_eq!(status, 401, "{why}");
    }
    let unsigned = stage.send("PUT", APPLICATION_PATH, &[], "{}").expect("an answer");
    assert_eq!(unsigned.0, 401);
    // One that was signed for what served before comes late.
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
    assert_eq!(stage.order_after(&one, OPERATOR, 1).0, 412);
    assert_eq!(stage.answer().as_deref(), Some("two"));
}

/// What was seen is a version and no name: the program that serves again is not the one that was seen.
#[test]
fn an_order_for_what_served_before_the_last_two_changes_is_refused() {
    let mut stage = Stage::new("versions");
    let (one, two, ends) = (stage.program("one"), stage.program("two"), stage.artifact("ends", "#!/bin/sh\nexit 3\n"));
    stage.start(&one);
    stage.until_serving(&one);
    for application in [&two, &one] {
        assert_eq!(stage.order(application, OPERATOR).0, 202);
        stage.until_serving(application);
    }
    let status = stage.status().expect("status");
    assert_eq!((status.serving, status.version), (one.id(), 3));
    let (status, why) = stage.order_after(&two, OPERATOR, 1);
    assert_eq!(status, 412);
    assert!(why.contains("the version that serves is 3"), "{why}");
    // One that was ended and started again is another version too.
    assert_eq!(stage.order(&ends, OPERATOR).0, 202);
    stage.until_failed(&ends);
    let status = stage.status().expect("status");
    assert_eq!((status.serving, status.version), (one.id(), 4));
}

#[test]
fn a_failure_names_its_url_and_is_forgotten_when_what_serves_is_asked_for() {
    let mut stage = Stage::new("forgotten");
    let (one, two) = (stage.program("one"), stage.program("two"));
    let elsewhere = Application { url: format!("http://{}/nowhere", stage.mirror), ..two.clone() };
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&elsewhere, OPERATOR);
    stage.until_failed(&elsewhere);
    let failure = stage.status().expect("status").failure.expect("a failure");
    assert!(failure.is_of(&elsewhere) && !failure.is_of(&two), "{failure:?}");
    assert!(!failure.started, "{failure:?}");
    // By who saw something else it is not.
    stage.order_after(&one, OPERATOR, 7);
    assert!(stage.status().expect("status").failure.is_some());
    assert_eq!(stage.order(&one, OPERATOR).0, 202);
    assert_eq!(stage.status().expect("status").failure, None);
    // The same program from where it is.
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
}

#[test]
fn a_mirror_that_only_trickles_is_given_up() {
    let mut stage = Stage::new("trickle");
    let one = stage.program("one");
    let slow = Application { url: format!("http://{}/trickle", stage.mirror), ..stage.artifact("slow", "") };
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&slow, OPERATOR);
    let why = stage.until_failed(&slow);
    assert!(why.starts_with("cannot fetch http://") && why.contains("timed out"), "{why}");
}

#[test]
fn a_server_that_a_shell_started_ends_with_it() {
    let mut stage = Stage::new("wrapped");
    let (wrapped, two) = (stage.wrapped("wrapped", "wait"), stage.program("two"));
    stage.start(&wrapped);
    stage.until_serving(&wrapped);
    assert_eq!(stage.answer().as_deref(), Some("wrapped"));
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    // It had time to finish before the other one began.
    assert!(stage.was_asked_to_end("wrapped"));
    assert_eq!(stage.answer().as_deref(), Some("two"));
}

#[test]
fn nothing_is_started_beside_a_server_that_went_into_the_background() {
    let mut stage = Stage::new("detached");
    let mut detached = stage.wrapped("detached", "echo $! > \"$ENDS/pid\"\nexec sleep 1000");
    detached.environment.insert("DETACHED".into(), "1".into());
    let two = stage.program("two");
    stage.start(&detached);
    stage.until_serving(&detached);
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    let why = stage.until_failed(&two);
    assert!(why.contains("was not run: something still listens") && why.contains("into the background"), "{why}");
    assert_eq!(stage.answer().as_deref(), Some("detached"));
    stage.signal(rustix::process::Signal::TERM);
    stage.starter.take().expect("a starter").wait().expect("it ends");
    let pid = fs::read_to_string(stage.directory.join("ends/pid")).expect("its id");
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().expect("a number")).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
}

#[test]
fn a_program_that_listens_and_ends_does_not_serve() {
    let mut stage = Stage::new("once");
    let (one, mut once) = (stage.program("one"), stage.program("once"));
    once.environment.insert("ONCE".into(), "1".into());
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.order(&once, OPERATOR).0, 202);
    let why = stage.until_failed(&once);
    assert!(why.contains("it ended: exit status: 3") && why.ends_with("what ran before serves again"), "{why}");
    assert_eq!(stage.answer().as_deref(), Some("one"));
}
