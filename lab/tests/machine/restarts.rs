//! Instances that are stopped and started again.

use planner::desired::user_data::Control;
use wire::{Signer, sha256_hex};

use super::*;

fn stopped() -> MachineEvent {
    MachineEvent::Stopped { id: ID.to_owned() }
}

#[test]
fn a_second_boot_brings_the_worker_back_and_runs_no_user_data() {
    let (mut lab, address) = (Lab::new("second"), address(20));
    let script = lab.user_data().script().expect("script");
    lab.start(spec(address, script.clone()));
    assert_eq!(lab.event(), started());
    until("the last boot step", || lab.last_word().starts_with(console::READY).then_some(()));
    let boot = header(&get(address, "/").expect("the worker serves").0, "x-boot");
    lab.machines().stop(ID);
    assert_eq!((lab.event(), get(address, "/")), (stopped(), None));
    let before = lab.console();

    lab.start(MachineSpec { public_address: Some(Ipv4Addr::new(203, 0, 113, 9)), ..spec(address, script) });
    assert_eq!(lab.event(), started());
    let (head, _) = until("the worker, without anything that fetches it", || get(address, "/"));
    assert_ne!(header(&head, "x-boot"), boot, "another process");
    until("cloud-init's last word", || lab.console()[before.len()..].contains(" finished at ").then_some(()));
    let console = lab.console();
    let again = console.strip_prefix(&before).expect("the console goes on");
    assert!(again.contains(" login: ") && !again.contains("clusterbench: step"), "{again}");
    let ask = |request: &str| http((address, METADATA_PORT).into(), request).expect("metadata answer").1;
    let token = ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n");
    let get = |path: &str| ask(&format!("GET {path} HTTP/1.1\r\nX-aws-ec2-metadata-token: {token}\r\n"));
    assert_eq!(get("/latest/meta-data/public-ipv4"), "203.0.113.9");
    assert_eq!(get("/latest/meta-data/local-ipv4"), address.to_string());
    lab.machines().stop(ID);
    assert_eq!((lab.event(), count_processes(&lab.state)), (stopped(), 0));
}

/// A program that sleeps for so many seconds unless the file `go` is there, when it is another one.
fn held_back(lab: &Lab, (pause, then): (&str, &str)) -> (PathBuf, &'static [u8]) {
    let go = lab.state.join("go");
    let text = format!("#!/bin/bash\n[ -e {} ] || exec sleep {pause}\nexec {}\n", go.display(), binary(then).display());
    (go, Vec::leak(text.into_bytes()))
}

/// The power is cut when the program was started and the boot was not over.
fn cut_at_the_start(lab: &mut Lab, (pause, go): (&str, &Path), spec: MachineSpec) {
    until("the start", || lab.console().contains("clusterbench: step 6/6").then_some(()));
    until("the program", || (!with_argument(pause).is_empty()).then_some(()));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), stopped());
    fs::write(go, "").expect("file");
    lab.start(spec);
    assert_eq!(lab.event(), started());
    lab.boots();
}

/// What the loader brought has its port by then.
#[test]
fn a_boot_that_is_cut_after_the_start_of_a_program_that_was_brought_ends_with_it() {
    let (mut lab, at) = (Lab::new("cut-brought"), address(30));
    let (go, bytes) = held_back(&lab, ("1000.17", "balancer"));
    let sha256 = sha256_hex(bytes);
    let key = Signer::new([7; 32]).public_key();
    let data = UserData {
        role: Role::Balancer,
        payload: Payload::Brought { sha256: &sha256 },
        control: Some(Control { port: loader::CONTROL_PORT, public_key: &key }),
        ..lab.user_data()
    };
    let machine = spec(at, data.script().expect("script"));
    lab.start(machine.clone());
    assert_eq!(lab.event(), started());
    until("the loader", || loader::bring((at, loader::CONTROL_PORT), &sha256, bytes).filter(|status| status == "201"));
    cut_at_the_start(&mut lab, ("1000.17", &go), machine);
    assert_eq!(lab.console().matches("clusterbench: step 3/6").count(), 1, "nobody brings it again");
    assert!(get(at, "/").is_some_and(|(head, _)| head.contains(" 404 ")), "no member is known");
}

/// What an archive was set up to be is there once, and not taken away from under the program.
#[test]
fn a_boot_that_is_cut_after_the_start_of_an_archive_sets_nothing_up_again() {
    let (mut lab, at) = (Lab::new("cut-archive"), address(31));
    let (go, bytes) = held_back(&lab, ("1000.18", "worker"));
    let archive = programs::archive_of(&lab, &[("run.sh", bytes)]);
    let (setup, command) = (["echo set up >>said".to_owned()], ["./run.sh".to_owned()]);
    let payload = Payload::Archive {
        url: &archive.url,
        sha256: &archive.sha256,
        packages: &[],
        setup: &setup,
        command: &command,
    };
    let machine = spec(at, UserData { payload, ..lab.user_data() }.script().expect("script"));
    lab.start(machine.clone());
    assert_eq!(lab.event(), started());
    cut_at_the_start(&mut lab, ("1000.18", &go), machine);
    let said = fs::read_to_string(lab.directory().join("root/var/lib/clusterbench-app/said")).expect("the setup");
    assert_eq!(said, "set up\n");
    assert!(get(at, "/health").is_some_and(|(head, _)| head.contains(" 200 ")));
}

/// The timer stands still while the instance is stopped, and makes up for it.
#[test]
fn an_instance_whose_expiry_passed_while_it_was_stopped_powers_off_at_its_start() {
    let (mut lab, address) = (Lab::new("overdue"), address(21));
    let expires_at = Timestamp::now() + SignedDuration::from_secs(8);
    let script = UserData { expires_at, ..lab.user_data() }.script().expect("script");
    lab.start(spec(address, script.clone()));
    assert_eq!(lab.event(), started());
    until("an armed timer", || lab.console().contains("clusterbench: step 2/6").then_some(()));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), stopped());
    until("the expiry", || (Timestamp::now() > expires_at).then_some(()));
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    assert_eq!(lab.event(), MachineEvent::PoweredOff { id: ID.to_owned() });
}

/// What is enabled starts, each after those that it names; what was only started, or taken out again, does not. Files in memory are
/// gone, all others stay, and a timer without `Persistent=` makes up for nothing.
#[test]
fn only_enabled_units_start_again_in_their_order() {
    let (mut lab, address) = (Lab::new("enabled"), address(22));
    let due = Timestamp::now() + SignedDuration::from_secs(4);
    let calendar = due.strftime("%Y-%m-%d %H:%M:%S UTC");
    let script = format!(
        r#"#!/bin/bash
units=$DESTDIR/etc/systemd/system
unit() {{
  printf '[Unit]\nAfter=%s\n[Service]\nType=oneshot\nExecStart=/bin/bash -c "echo %s >>{boots}"\n[Install]\nWantedBy=multi-user.target\n' "$2" "$1" >"$units/$1.service"
}}
timer() {{
  printf '[Timer]\nOnCalendar={calendar}\n%s\n[Install]\nWantedBy=timers.target\n' "$2" >"$units/$1.timer"
  unit "$1" ""
}}
unit a b.service
unit b c.service
unit c ""
unit only-started ""
unit disabled ""
timer late Persistent=true
timer never ""
systemctl daemon-reload
systemctl enable a.service b.service c.service disabled.service
systemctl enable --now late.timer never.timer
systemctl start only-started.service
systemctl disable disabled.service
touch "$DESTDIR/tmp/memory" "$DESTDIR/opt/disk"
echo prepared
"#,
        boots = lab.state.join("boots").display(),
    );
    let boots = |lab: &Lab| fs::read_to_string(lab.state.join("boots")).unwrap_or_default();
    lab.start(spec(address, script.clone()));
    assert_eq!(lab.event(), started());
    until("the units", || lab.said().iter().any(|line| line == "prepared").then_some(()));
    lab.machines().stop(ID);
    assert_eq!((lab.event(), boots(&lab).as_str()), (stopped(), "only-started\n"));
    until("the time of the timers", || (Timestamp::now() > due).then_some(()));
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    until("all of them", || (boots(&lab).lines().count() >= 5).then_some(()));
    let lines = boots(&lab);
    let in_order: Vec<_> = lines.lines().skip(1).filter(|line| *line != "late").collect();
    assert_eq!(in_order, ["c", "b", "a"], "{lines}");
    let exists = |path: &str| lab.directory().join("root").join(path).exists();
    assert_eq!((exists("tmp/memory"), exists("opt/disk"), exists("tmp")), (false, true, true));
    lab.machines().stop(ID);
    assert_eq!((lab.event(), boots(&lab).contains("never")), (stopped(), false));
}
