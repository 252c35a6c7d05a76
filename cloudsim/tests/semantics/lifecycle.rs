//! From pending to gone.

use cloudsim::ec2::{Change, RunInstances, Shutdown};
use cloudsim::{BootFailure, Lag, Machines, Query, Settings, Sim, Span};

use crate::world::{at, code, exact, ids, launch, request, sim, states};

#[test]
fn an_instance_lives_and_dies() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    assert_eq!(states(&mut sim, &id, 9), ["pending"]);
    assert_eq!(states(&mut sim, &id, 10), ["running"]);
    let change = sim.ec2(at(20)).terminate_instances(&id).unwrap().remove(0);
    assert_eq!((change.previous.name(), change.current.name()), ("running", "shutting-down"));
    assert_eq!(states(&mut sim, &id, 39), ["shutting-down"]);
    assert_eq!(states(&mut sim, &id, 40), ["terminated"]);
    let again = sim.ec2(at(41)).terminate_instances(&id).unwrap().remove(0);
    assert_eq!((again.previous.name(), again.current.name()), ("terminated", "terminated"), "again is no error");
    let audit = sim.audit();
    assert_eq!((audit.launched, audit.terminated, audit.live), (1, 1, 0));
}

#[test]
fn a_terminated_instance_fades_for_an_hour() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    sim.ec2(at(20)).terminate_instances(&id).unwrap();
    let mut look = |second| sim.ec2(at(second)).describe_instances(&Query::ids(&id)).map(|page| page.items[0].clone());
    let seen = look(639).unwrap();
    assert!(seen.network.is_some() && !seen.tags.is_empty());
    let seen = look(640).unwrap();
    assert!(seen.network.is_none() && !seen.tags.is_empty(), "fields first");
    assert!(look(2440).unwrap().tags.is_empty(), "then tags");
    assert_eq!(look(3639).unwrap().state.name(), "terminated");
    assert_eq!(code(look(3640)), "InvalidInstanceID.NotFound");
    assert_eq!(sim.audit().terminated, 1, "the audit does not forget");
}

#[test]
fn one_unknown_id_terminates_nothing() {
    let mut sim = sim(exact());
    let mut all = launch(&mut sim, 2, "token", 0);
    all.push("i-0".into());
    assert_eq!(code(sim.ec2(at(20)).terminate_instances(&all)), "InvalidInstanceID.NotFound");
    assert_eq!(states(&mut sim, &all[..2], 60), ["running", "running"]);
}

#[test]
fn readers_see_each_change_late_and_each_in_its_way() {
    let lag = Lag { id: Span::seconds(1, 1), tag: Span::seconds(5, 5), token: Span::seconds(8, 8) };
    let mut sim = sim(Settings { lag, ..exact() });
    let id = launch(&mut sim, 1, "token", 0);
    assert_eq!(code(sim.ec2(at(0)).describe_instances(&Query::ids(&id))), "InvalidInstanceID.NotFound");
    assert_eq!(code(sim.ec2(at(0)).terminate_instances(&id)), "InvalidInstanceID.NotFound", "which does not mean gone");
    assert_eq!(sim.truth().ec2.live_instances().len(), 1, "the truth has no lag");
    let by_tag = Query::filtered([cloudsim::Filter::tag("owner", "us")]);
    let by_token = Query::filtered([cloudsim::Filter::new("client-token", ["token"])]);
    let mut state = |query: &Query, second| {
        let items = sim.ec2(at(second)).describe_instances(query).unwrap().items;
        items.first().map(|instance| instance.state.name())
    };
    assert_eq!(state(&Query::ids(&id), 1), Some("pending"));
    assert_eq!((state(&by_tag, 4), state(&by_tag, 5)), (None, Some("pending")));
    assert_eq!((state(&by_token, 7), state(&by_token, 8)), (None, Some("pending")));
    assert_eq!(state(&by_tag, 15), Some("running"), "began at 10");
    sim.ec2(at(20)).terminate_instances(&id).unwrap();
    let mut state =
        |query: &Query, second| sim.ec2(at(second)).describe_instances(query).unwrap().items[0].state.name();
    assert_eq!(state(&by_tag, 24), "running", "terminate, then list: still there");
    assert_eq!((state(&Query::ids(&id), 24), state(&by_tag, 25)), ("shutting-down", "shutting-down"));
}

#[test]
fn a_shutdown_from_inside_does_what_was_asked_for() {
    let mut sim = sim(exact());
    let terminates = launch(&mut sim, 1, "one", 0);
    let stops = RunInstances { shutdown: Shutdown::Stop, ..request(1, "two") };
    let stops = ids(&sim.ec2(at(0)).run_instances(&stops).unwrap());
    for id in terminates.iter().chain(&stops) {
        sim.ec2(at(20)).guest_shutdown(id);
        sim.ec2(at(21)).guest_shutdown(id);
    }
    let all = [terminates.clone(), stops].concat();
    assert_eq!(states(&mut sim, &all, 30), ["shutting-down", "stopping"]);
    // The second one began at 21: the time of the calls before does not go back.
    assert_eq!(states(&mut sim, &all, 41), ["terminated", "stopped"]);
    let reason = sim.truth().ec2.instance(&terminates[0]).unwrap().state_reason.clone().unwrap();
    assert_eq!(reason.code, "Client.InstanceInitiatedShutdown");
}

#[test]
fn a_launch_can_be_accepted_and_die() {
    let mut sim = sim(exact());
    sim.let_fail_at_boot(1);
    let two = launch(&mut sim, 2, "token", 0);
    assert_eq!(states(&mut sim, &two, 9), ["pending", "pending"]);
    assert_eq!(states(&mut sim, &two, 10), ["terminated", "running"]);
    let code = |sim: &Sim, id: &str| sim.truth().ec2.instance(id).unwrap().state_reason.as_ref().unwrap().code;
    assert!(BootFailure::ALL.iter().any(|why| why.code() == code(&sim, &two[0])));
    for (number, why) in (1..).zip(BootFailure::ALL) {
        let mut settings = sim.settings().clone();
        settings.boot_failures = [*why].into();
        sim.set_settings(settings);
        sim.let_fail_at_boot(1);
        let one = launch(&mut sim, 1, why.code(), number * 100);
        assert_eq!(states(&mut sim, &one, number * 100 + 10), ["terminated"]);
        assert_eq!(code(&sim, &one[0]), why.code());
    }
}

#[test]
fn a_driver_starts_and_stops_machines() {
    let mut sim = sim(Settings { machines: Machines::Driven, ..exact() });
    let all =
        ids(&sim.ec2(at(0)).run_instances(&RunInstances { user_data: "#!".into(), ..request(3, "token") }).unwrap());
    assert_eq!(sim.ec2(at(9)).due(), []);
    // One never gets a machine, and so has none to wait for.
    sim.ec2(at(9)).terminate_instances(&all[2..]).unwrap();
    assert_eq!(states(&mut sim, &all[2..], 9), ["terminated"]);
    let changes = sim.ec2(at(10)).due();
    let started: Vec<_> = changes
        .iter()
        .map(|change| match change {
            Change::Start(start) => (start.instance.id.clone(), start.user_data.as_str(), start.instance.vcpus),
            Change::Stop { id } => panic!("{id} stops"),
        })
        .collect();
    assert_eq!(started, [(all[0].clone(), "#!", 2), (all[1].clone(), "#!", 2)]);
    sim.ec2(at(20)).terminate_instances(&all[..1]).unwrap();
    assert_eq!(sim.ec2(at(20)).due(), [Change::Stop { id: all[0].clone() }]);
    assert_eq!(states(&mut sim, &all[..1], 900), ["shutting-down"], "until the machine is gone");
    sim.ec2(at(901)).machine_stopped(&all[0]);
    assert_eq!(states(&mut sim, &all[..1], 901), ["terminated"]);
    sim.ec2(at(902)).machine_stopped(&all[1]);
    assert_eq!(states(&mut sim, &all[1..2], 902), ["terminated"], "a machine that ends by itself has shut down");
    assert_eq!(sim.ec2(at(1000)).due(), []);
}

#[test]
fn the_console_comes_late_and_latest_needs_nitro() {
    let mut sim = sim(Settings { console_lag_millis: 60_000, ..exact() });
    let nitro = launch(&mut sim, 1, "one", 0).remove(0);
    let xen = RunInstances { instance_type: "t2.micro".into(), ..request(1, "two") };
    let xen = ids(&sim.ec2(at(0)).run_instances(&xen).unwrap()).remove(0);
    for (second, line) in [(10, "booting"), (20, "ready")] {
        sim.ec2(at(second)).set_console(&nitro, line.into());
        sim.ec2(at(second)).set_console(&xen, line.into());
    }
    let mut text =
        |id: &str, latest, second| sim.ec2(at(second)).console_output(id, latest).map(|console| console.text);
    assert_eq!(text(&nitro, true, 20).unwrap().as_deref(), Some("ready"));
    assert_eq!(code(text(&xen, true, 20)), "UnsupportedOperation");
    assert_eq!(text(&xen, false, 69).unwrap(), None);
    assert_eq!(text(&xen, false, 70).unwrap().as_deref(), Some("booting"));
    assert_eq!(text(&xen, false, 80).unwrap().as_deref(), Some("ready"));
    assert_eq!(code(text("i-0", false, 80)), "InvalidInstanceID.NotFound");
}

#[test]
fn a_story_tells_what_happened() {
    let mut sim = cloudsim::Sim::new(7, exact()).unwrap();
    let id = launch(&mut sim, 1, "token", 0);
    sim.ec2(at(20)).terminate_instances(&id).unwrap();
    sim.advance(at(100));
    let start = at(0).as_second();
    let lines = sim.story().iter().map(|line| format!("{:>3} s  {}", line.at.as_second() - start, line.what));
    let story = lines.collect::<Vec<_>>().join("\n").replace(&id[0], "i-1");
    let eni = sim.story().last().unwrap().what.split(' ').next().unwrap().to_owned();
    insta::assert_snapshot!(story.replace(&eni, "eni-1"), @r"
      0 s  RunInstances 1 x t3.micro at subnet-0de0fa170000000a0, token token -> i-1
     10 s  i-1 is running
     20 s  TerminateInstances i-1
     40 s  i-1 is terminated
     70 s  eni-1 is gone
    ");
}
