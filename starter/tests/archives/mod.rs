//! Archives: set up beside what serves, and started in its place; or not, and then what serves goes on.

use std::fs;

use rustix::process::{Pid, Signal, test_kill_process};
use wire::{Application, Archive};

use crate::stage::{OPERATOR, Stage};

/// A line that goes on until the test lets it.
const WAITS: &str = "touch \"$ENDS/waits\"; until [ -e \"$ENDS/go\" ]; do sleep 0.01; done";

fn lines(last: &[&str]) -> Vec<String> {
    last.iter().map(|line| (*line).to_owned()).collect()
}

fn with_setup(application: &Application, setup: &[&str]) -> Application {
    let command = application.archive.clone().expect("an archive").command;
    Application { archive: Some(Archive { setup: lines(setup), command }), ..application.clone() }
}

/// A starter that serves an archive, which calls itself `one`.
fn serving_one(name: &str) -> (Stage, Application) {
    let mut stage = Stage::new(name);
    let one = stage.archive(&["printf one >name"]);
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.answer().as_deref(), Some("one"));
    (stage, one)
}

/// What serves goes on, and nothing is left of what was to take its place.
fn assert_untouched(stage: &Stage, one: &Application, failed: &Application) {
    let status = stage.status().expect("status");
    let failure = status.failure.expect("a failure");
    assert!(failure.is_of(failed) && !failure.started, "{failure:?}");
    assert_eq!((&status.serving, status.version, &status.starting), (&one.id(), 1, &None));
    assert_eq!((stage.answer().as_deref(), stage.was_asked_to_end("one")), (Some("one"), false));
    let directories = stage.kept().into_iter().filter(|name| name.starts_with("app-") && !name.ends_with(".set-up"));
    assert_eq!(directories.count(), 1, "{:?}", stage.kept());
}

#[test]
fn another_setup_is_run_beside_what_serves_which_goes_on_meanwhile() {
    let (stage, one) = serving_one("beside");
    let two = with_setup(&one, &[WAITS, "printf two >name; [ \"$PWD\" = \"$HOME\" ]"]);
    // The archive is there already.
    stage.files.lock().expect("lock").clear();
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until("it is being set up", |stage| stage.directory.join("ends/waits").exists().then_some(()));
    let status = stage.status().expect("status");
    assert_eq!((&status.serving, status.starting, status.version), (&one.id(), Some(two.id()), 1));
    assert_eq!((stage.answer().as_deref(), stage.was_asked_to_end("one")), (Some("one"), false));
    fs::write(stage.directory.join("ends/go"), "").expect("go");
    stage.until_serving(&two);
    assert_eq!(stage.answer().as_deref(), Some("two"));
    assert!(stage.was_asked_to_end("one"));
    let kept = stage.kept();
    assert_eq!(kept.len(), 4, "the archive, its directory, that it is set up, and what is written down: {kept:?}");
}

#[test]
fn another_command_or_environment_is_another_program() {
    let (stage, one) = serving_one("command");
    let setup = lines(&["printf one >name"]);
    let words = ["sh", "-c", "printf two >\"$1\"; exec ./serve", "sh", "name"];
    let two = Application { archive: Some(Archive { setup: setup.clone(), command: lines(&words) }), ..one.clone() };
    let mut three = with_setup(&one, &["printf %s \"$WORD\" >name"]);
    three.environment.insert("WORD".into(), "a b".into());
    for (application, name) in [(&two, "two"), (&three, "a b"), (&one, "one")] {
        assert_eq!(stage.order(application, OPERATOR).0, 202);
        stage.until_serving(application);
        assert_eq!(stage.answer().as_deref(), Some(name));
    }
    assert_eq!(stage.status().expect("status").version, 4);
}

#[test]
fn a_setup_that_fails_leaves_what_serves_and_says_its_last_line() {
    let (stage, one) = serving_one("setup-fails");
    let bad =
        with_setup(&one, &["true", "echo looking; echo no matching distribution >&2; echo; exit 3", "touch never"]);
    // Tried anew, it fails anew.
    for _ in 0..2 {
        assert_eq!(stage.order(&bad, OPERATOR).0, 202);
        let why = stage.until_failed(&bad);
        assert_eq!(why, "worker.setup[1]: exit status: 3; it said: no matching distribution");
        assert_untouched(&stage, &one, &bad);
    }
    let silent = with_setup(&one, &["false | true"]);
    assert_eq!(stage.order(&silent, OPERATOR).0, 202);
    assert_eq!(stage.until_failed(&silent), "worker.setup[0]: exit status: 1; it said: nothing");
}

#[test]
fn what_a_setup_leaves_in_the_background_ends_with_its_line() {
    let (stage, one) = serving_one("background");
    let bad = with_setup(&one, &["sleep 1000 & echo $! >\"$ENDS/pid\"", "exit 1"]);
    assert_eq!(stage.order(&bad, OPERATOR).0, 202);
    stage.until_failed(&bad);
    let pid = fs::read_to_string(stage.directory.join("ends/pid")).expect("its id");
    let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("an id");
    // Whoever took it in may not have looked at it yet.
    stage.until("it ends", |_| is_over(pid).then_some(()));
}

fn is_over(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_err() || stat.contains(") Z ")
}

#[test]
fn a_setup_that_takes_too_long_is_ended() {
    let (stage, one) = serving_one("long");
    let long = with_setup(&one, &["echo waiting for a lock; exec sleep 1000"]);
    assert_eq!(stage.order(&long, OPERATOR).0, 202);
    let why = stage.until_failed(&long);
    assert_eq!(why, "worker.setup[0]: it took too long; it said: waiting for a lock");
    assert_untouched(&stage, &one, &long);
}

#[test]
fn what_is_no_archive_or_another_one_leaves_what_serves() {
    let (stage, one) = serving_one("no-archive");
    let text = stage.artifact("text", "#!/bin/sh\n");
    let text = Application { archive: one.archive.clone(), ..text };
    let wrong = Application { sha256: "0".repeat(64), ..one.clone() };
    for (bad, begin, word) in [
        (&text, format!("worker.archive: tar cannot unpack {}: exit status: 2; it said: tar: ", text.url), "tar: "),
        (&wrong, format!("{} has sha256 ", wrong.url), "it was not run"),
    ] {
        assert_eq!(stage.order(bad, OPERATOR).0, 202);
        let why = stage.until_failed(bad);
        assert!(why.starts_with(&begin) && why.contains(word), "{why}");
        assert_untouched(&stage, &one, bad);
    }
}

#[test]
fn a_command_that_ends_gives_way_to_what_served_before_in_its_own_directory() {
    let (stage, one) = serving_one("ends");
    let bad =
        Application { archive: Some(Archive { setup: Vec::new(), command: lines(&["./nothing"]) }), ..one.clone() };
    assert_eq!(stage.order(&bad, OPERATOR).0, 202);
    let why = stage.until_failed(&bad);
    assert!(why.contains("it ended: exit status: 127") && why.ends_with("what ran before serves again"), "{why}");
    assert_eq!((stage.answer().as_deref(), stage.status().expect("status").version), (Some("one"), 2));
}

#[test]
fn after_a_restart_nothing_is_fetched_or_set_up_again() {
    let mut stage = Stage::new("set-up");
    let one = stage.archive(&["printf one >name; echo again >>\"$ENDS/setups\""]);
    stage.start(&one);
    stage.until_serving(&one);
    stage.signal(Signal::TERM);
    assert!(stage.starter.take().expect("a starter").wait().expect("it ends").success());
    stage.files.lock().expect("lock").clear();
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.answer().as_deref(), Some("one"));
    assert_eq!(fs::read_to_string(stage.directory.join("ends/setups")).expect("setups"), "again\n");
}

/// Half a setup is none: whoever comes after it begins with an empty directory.
#[test]
fn a_starter_that_is_killed_in_a_setup_takes_up_what_served_and_begins_anew() {
    let (mut stage, one) = serving_one("killed");
    let two = with_setup(&one, &["[ ! -e half ]; touch half", WAITS, "printf two >name"]);
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until("it is being set up", |stage| stage.directory.join("ends/waits").exists().then_some(()));
    stage.signal(Signal::KILL);
    stage.starter.take().expect("a starter").wait().expect("it ends");
    // systemd does so with all that is left of a unit.
    stage.until("the program ends", |stage| stage.end_orphans().then_some(()));
    stage.start(&one);
    stage.until_serving(&one);
    let status = stage.status().expect("status");
    assert_eq!((status.version, status.failure), (1, None));
    fs::write(stage.directory.join("ends/go"), "").expect("go");
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    assert_eq!(stage.answer().as_deref(), Some("two"));
}

/// Package managers take the right to write from what they install.
#[test]
fn a_directory_that_its_setup_locked_goes_with_its_program() {
    let mut stage = Stage::new("locked");
    let one = stage.archive(&["printf one >name; mkdir -p a/b; touch a/b/c; chmod -R a-w a"]);
    let two = with_setup(&one, &["printf two >name"]);
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    assert_eq!(stage.kept().len(), 4, "{:?}", stage.kept());
}

#[test]
fn an_archive_that_nobody_could_start_is_refused() {
    let (stage, one) = serving_one("refused");
    for (command, word) in
        [(lines(&[]), "archive.command"), (lines(&["", "x"]), "archive.command"), (lines(&["a\0"]), "zero byte")]
    {
        let bad = Application { archive: Some(Archive { setup: Vec::new(), command }), ..one.clone() };
        let (status, why) = stage.order(&bad, OPERATOR);
        assert_eq!(status, 400, "{why}");
        assert!(why.contains(word), "{why}");
    }
}
