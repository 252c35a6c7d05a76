//! Restarts of the starter: it takes up what served, and what it tried, after it ended by itself or with a program.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use wire::Application;

use crate::stage::{OPERATOR, Stage};

/// Ends the starter as an instance that goes down in order does.
fn end(stage: &mut Stage) {
    stage.signal(Signal::TERM);
    let ended = stage.starter.take().expect("a starter").wait().expect("it ends");
    assert!(ended.success(), "{ended}");
}

/// A program that serves until it is ended for the first time, and never listens after that.
fn serves_once(stage: &Stage, name: &str) -> Application {
    let itself = std::env::current_exe().expect("path");
    let (marker, program) = (format!("\"$ENDS/{name}\""), itself.display());
    let script = format!(
        "#!/bin/sh\n[ ! -e {marker} ] || exec sleep 1000\nexec '{program}' --exact stage::the_program --ignored\n"
    );
    stage.artifact(name, &script)
}

#[test]
fn after_a_restart_what_served_last_serves_again() {
    let mut stage = Stage::new("restart");
    let (one, two) = (stage.program("one"), stage.program("two"));
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
    stage.signal(Signal::TERM);
    let ended = stage.starter.take().expect("a starter").wait().expect("it ends");
    assert!(ended.success() && stage.was_asked_to_end("two"), "{ended}");
    // The mirror is not needed for it.
    stage.files.lock().expect("lock").clear();
    stage.start(&one);
    stage.until_serving(&two);
    assert_eq!(stage.answer().as_deref(), Some("two"));
    assert_eq!(stage.status().expect("status").version, 2, "it is the same all the time");
}

#[test]
fn a_first_program_that_does_not_serve_ends_the_starter() {
    let mut stage = Stage::new("first");
    let ends = stage.artifact("ends", "#!/bin/sh\nexit 3\n");
    stage.start(&ends);
    let ended = stage.starter.take().expect("a starter").wait().expect("it ends");
    assert_eq!(ended.code(), Some(1), "{ended}");
}

/// A program that takes all memory takes its starter with it, or its instance. It is not run again and again.
#[test]
fn a_program_that_took_the_starter_with_it_is_not_run_again() {
    let mut stage = Stage::new("taken");
    let (one, two) = (stage.program("one"), stage.program("two"));
    let greedy = stage.artifact("greedy", "#!/bin/sh\necho $$ > \"$ENDS/pid\"\nexec sleep 1000\n");
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.order(&greedy, OPERATOR).0, 202);
    let read = |stage: &Stage| fs::read_to_string(stage.directory.join("ends/pid")).ok()?.trim().parse().ok();
    let pid = stage.until("it is run", read);
    stage.signal(Signal::KILL);
    stage.starter.take().expect("a starter").wait().expect("it ends");
    kill_process(Pid::from_raw(pid).expect("an id"), Signal::KILL).expect("kill");
    stage.start(&one);
    stage.until_serving(&one);
    let told = |stage: &Stage| {
        let status = stage.status().expect("status");
        let failure = status.failure.expect("a failure");
        assert!(failure.is_of(&greedy) && failure.started, "{failure:?}");
        assert_eq!((&status.serving, status.version, &status.starting), (&one.id(), 2, &None));
        failure.why
    };
    let why = told(&stage);
    assert!(why.contains("was run: the starter ended before it served, as when memory runs out"), "{why}");
    // It goes on to say so.
    end(&mut stage);
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(told(&stage), why);
    // Until what serves is what is asked for.
    assert_eq!(stage.order(&one, OPERATOR).0, 202);
    end(&mut stage);
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.status().expect("status").failure, None);
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    assert_eq!(stage.status().expect("status").version, 3);
}

/// That it did not serve is known after a restart too.
#[test]
fn what_was_run_and_did_not_serve_is_said_after_a_restart() {
    let mut stage = Stage::new("said");
    let (one, ends) = (stage.program("one"), stage.artifact("ends", "#!/bin/sh\nexit 3\n"));
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.order(&ends, OPERATOR).0, 202);
    let why = stage.until_failed(&ends);
    end(&mut stage);
    stage.start(&one);
    stage.until_serving(&one);
    let status = stage.status().expect("status");
    assert_eq!(status.version, 2);
    assert_eq!(status.failure.map(|failure| (failure.started, failure.why)), Some((true, why)));
}

/// The way out of a program that served once and does not any more is another one.
#[test]
fn what_cannot_be_started_again_after_a_restart_gives_way_to_an_order() {
    let mut stage = Stage::new("again");
    let (once, two) = (serves_once(&stage, "once"), stage.program("two"));
    stage.start(&once);
    stage.until_serving(&once);
    end(&mut stage);
    stage.start(&once);
    // What is known of it is said before anything serves.
    let begun = Instant::now();
    let status = stage.until("a status", Stage::status);
    assert!(begun.elapsed() < Duration::from_secs(4), "the machine is too slow for what follows");
    assert_eq!((status.version, status.serving.as_str(), status.starting), (1, "", Some(once.id())));
    stage.until("it is given up", |stage| stage.status()?.starting.is_none().then_some(()));
    assert_eq!(stage.answer(), None);
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    assert_eq!((stage.answer().as_deref(), stage.status().expect("status").version), (Some("two"), 2));
}
