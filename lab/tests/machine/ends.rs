//! However an instance ends, nothing of it is left.

use super::*;

#[test]
fn stopping_kills_what_left_its_session_its_group_and_its_environment() {
    let (mut lab, address) = (Lab::new("setsid"), address(3));
    // A length that no other process on this machine sleeps.
    let length = format!("{}.25", 100_000 + std::process::id());
    let script = format!(
        "#!/bin/bash\nsetsid env -i /bin/sh -c 'trap \"\" TERM; /bin/sleep {length}; true' &\nsetsid setsid sleep {length} &\n"
    );
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    until("both sleeps", || (with_argument(&length).len() == 2).then_some(()));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() });
    assert_eq!(with_argument(&length), []);
}

/// User data that starts services which say in the file `ends` how they end: each command is run at SIGTERM.
fn services(rows: &[(&str, &str, &str)]) -> String {
    let mut script = "#!/bin/bash\n".to_owned();
    for (name, settings, at_end) in rows {
        script.push_str(&format!(
            "cat >\"$DESTDIR/opt/{name}\" <<'END'\n#!/bin/bash\ntrap '{at_end}' TERM\ntouch \"$DESTDIR/{name}.up\"\n\
             while :; do sleep 0.05; done\nEND\nchmod +x \"$DESTDIR/opt/{name}\"\n\
             printf '%s\\n' '[Unit]' {settings} '[Service]' 'ExecStart=/opt/{name}' 'Restart=always' \
             >\"$DESTDIR/etc/systemd/system/{name}.service\"\nsystemctl start {name}\n\
             until [ -e \"$DESTDIR/{name}.up\" ]; do sleep 0.02; done\n"
        ));
    }
    script + "echo up\n"
}

/// What was written down by those that ended, in this order.
fn ends(lab: &Lab) -> String {
    fs::read_to_string(lab.directory().join("root/ends")).unwrap_or_default()
}

/// Much longer than what processes of no unit get.
#[test]
fn units_stop_in_the_reverse_order_of_their_start_and_each_has_its_time() {
    let (mut lab, address) = (Lab::new("order"), address(16));
    let end = |name: &str| format!("sleep 1; echo {name} >>\"$DESTDIR/ends\"; exit 0");
    let (program, puller) = (end("program"), end("puller"));
    let rows =
        [("program", "", program.as_str()), ("puller", "'After=network.target program.service'", puller.as_str())];
    lab.start(spec(address, services(&rows)));
    assert_eq!(lab.event(), started());
    until("both run", || (lab.said() == ["up"]).then_some(()));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() });
    assert_eq!(ends(&lab), "puller\nprogram\n");
}

#[test]
fn a_unit_that_does_not_stop_is_killed_after_its_time_and_the_next_one_stops() {
    let (mut lab, address) = (Lab::new("stuck"), address(17));
    let rows = [
        ("program", "", "echo program >>\"$DESTDIR/ends\"; exit 0"),
        ("stuck", "'After=program.service' '[Service]' 'TimeoutStopSec=1'", "echo stuck >>\"$DESTDIR/ends\""),
    ];
    lab.start(spec(address, services(&rows)));
    assert_eq!(lab.event(), started());
    until("both run", || (lab.said() == ["up"]).then_some(()));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() });
    assert_eq!(ends(&lab), "stuck\nprogram\n");
}

/// Nobody waits for a drain when the lab ends, not even of an instance that is shutting down.
#[test]
fn a_lab_that_ends_waits_for_no_drain() {
    let (mut lab, address) = (Lab::new("cut"), address(18));
    lab.start(spec(address, services(&[("stuck", "", "touch \"$DESTDIR/asked\"")])));
    assert_eq!(lab.event(), started());
    until("it runs", || (lab.said() == ["up"]).then_some(()));
    lab.machines().stop(ID);
    until("it is asked to stop", || lab.directory().join("root/asked").exists().then_some(()));
    let begun = Instant::now();
    drop(lab.processes.take());
    // systemd's own default is 90 s.
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
}

#[test]
fn a_guest_that_shuts_down_powers_off() {
    let (mut lab, address) = (Lab::new("shutdown"), address(4));
    lab.start(spec(
        address,
        "#!/bin/bash\necho bye\nsetsid sleep 600 &\nshutdown -r now\nshutdown -h now\nsleep 600\n".to_owned(),
    ));
    assert_eq!(lab.event(), started());
    assert_eq!(lab.event(), MachineEvent::PoweredOff { id: ID.to_owned() });
    assert_eq!(count_processes(&lab.state), 0);
    assert_eq!(lab.said(), ["bye", "the lab's shutdown knows only: shutdown -h now"]);
    assert!(lab.console().ends_with("] reboot: Power down\r\n"), "{}", lab.console());
}

/// Not a test of its own: the lab that the next test kills.
#[test]
fn holder() {
    let Some(state) = std::env::var_os(HOLDER) else { return };
    let mut lab = Lab::at(state.into());
    let script = lab.user_data().script().expect("script");
    lab.start(spec(address(9), script));
    assert_eq!(lab.event(), started());
    until("the worker", || get(address(9), "/health"));
    println!("serving at {}", address(9));
    thread::sleep(PATIENCE * 10);
}

#[test]
fn a_lab_that_is_killed_takes_its_instances_along() {
    let state = std::env::temp_dir().join(format!("machine-{}-killed", std::process::id()));
    let mut holder = hold(&state);
    assert!(count_processes(&state) >= 2);
    holder.kill().expect("kill");
    holder.wait().expect("wait");
    until("the inits to notice", || (count_processes(&state) == 0).then_some(()));
    assert_eq!(sweep_leftovers(&state).expect("sweep"), 0);
    fs::remove_dir_all(&state).expect("clean");
}

#[test]
fn what_outlives_a_killed_lab_and_a_killed_init_is_swept_at_the_next_start() {
    let state = std::env::temp_dir().join(format!("machine-{}-swept", std::process::id()));
    let mut holder = hold(&state);
    let directory = state.join("instances").join(ID).canonicalize().expect("directory");
    let inits = with_argument(directory.to_str().expect("text"));
    assert_eq!(inits.len(), 1);
    // Stopped first, so that the lab cannot clean up after its init.
    let lab = Pid::from_child(&holder);
    kill_process(lab, Signal::STOP).expect("stop");
    kill_process(inits[0], Signal::KILL).expect("kill");
    kill_process(lab, Signal::KILL).expect("kill");
    holder.wait().expect("wait");
    let left = count_processes(&state);
    assert!(left >= 1, "the worker lives on");
    // Processes of the boot that were about to end may have ended meanwhile.
    let swept = sweep_leftovers(&state).expect("sweep");
    assert!((1..=left).contains(&swept), "{swept} of {left}");
    assert!(!directory.join("quota").exists(), "its group is removed too");
    assert_eq!(count_processes(&state), 0);
    fs::remove_dir_all(&state).expect("clean");
}

#[test]
fn an_instance_whose_init_is_killed_has_failed_and_leaves_nothing() {
    let (mut lab, address) = (Lab::new("init"), address(10));
    lab.start(spec(address, "#!/bin/bash\nsetsid sleep 600 &\necho up\n".to_owned()));
    assert_eq!(lab.event(), started());
    until("the sleep", || (lab.said() == ["up"]).then_some(()));
    let directory = lab.directory().canonicalize().expect("directory");
    kill_process(with_argument(directory.to_str().expect("text"))[0], Signal::KILL).expect("kill");
    match lab.event() {
        MachineEvent::Failed { why, .. } => assert!(why.contains("signal: 9"), "{why}"),
        event => panic!("{event:?}"),
    }
    assert_eq!(count_processes(&lab.state), 0);
}

/// Another process of this test that holds a lab with one instance serving.
fn hold(state: &Path) -> std::process::Child {
    let mut holder = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "ends::holder", "--nocapture"])
        .env(HOLDER, state)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("holder");
    let mut lines = BufReader::new(holder.stdout.take().expect("stdout")).lines();
    let served = lines.any(|line| line.expect("text").starts_with("serving at "));
    assert!(served, "the holder's instance never served");
    holder
}

#[test]
fn an_id_cannot_lead_out_of_the_lab() {
    let mut lab = Lab::new("ids");
    let machines: &dyn Machines = lab.machines();
    assert_eq!(machines.console("../../../etc/passwd"), "");
    machines.start(MachineSpec { id: "../escaped".to_owned(), ..spec(address(11), String::new()) });
    assert!(matches!(lab.event(), MachineEvent::Failed { .. }));
    assert!(!lab.state.join("escaped").exists());
}
