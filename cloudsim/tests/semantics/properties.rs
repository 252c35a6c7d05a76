//! Properties that hold whatever is called in whatever order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use cloudsim::ec2::{About, Action};
use cloudsim::{Call, Fault, FaultRates, Query, Reply, Settings, Sim};
use planner::ports::InstanceState;
use proptest::prelude::*;

use crate::world::{SUBNET_A, SUBNET_B, at, request_in};

#[derive(Clone, Debug)]
enum Step {
    Launch { token: u8, count: u32, zone_b: bool },
    Terminate(usize),
    Shutdown(usize),
    Stop(usize),
    Start(usize),
    List,
    Wait(i64),
    Break(Action, Fault),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fault = prop_oneof![
        Just(Fault::LostAnswer),
        Just(Fault::LostRequest),
        (0..300u64).prop_map(Fault::LateExecution),
        Just(Fault::Truncated),
        Just(Fault::Status500AfterEffect),
    ];
    let action = prop_oneof![
        3 => Just(Action::RunInstances),
        1 => Just(Action::StopInstances),
        1 => Just(Action::StartInstances),
    ];
    let step = prop_oneof![
        // A token always goes with the same count.
        4 => (0..4u8, any::<bool>()).prop_map(|(token, zone_b)| Step::Launch { token, count: u32::from(token) + 1, zone_b }),
        2 => any::<usize>().prop_map(Step::Terminate),
        1 => any::<usize>().prop_map(Step::Shutdown),
        2 => any::<usize>().prop_map(Step::Stop),
        2 => any::<usize>().prop_map(Step::Start),
        2 => Just(Step::List),
        3 => (0..600i64).prop_map(Step::Wait),
        2 => (action, fault).prop_map(|(action, fault)| Step::Break(action, fault)),
    ];
    prop::collection::vec(step, 1..60)
}

fn hard() -> Settings {
    Settings { faults: FaultRates { throttled: 50, status500: 50, ..FaultRates::default() }, ..Settings::bad_day() }
}

/// A private address is one instance's as long as it is there; a public one is that of one that may run, and of none that is
/// stopped.
fn check_addresses(sim: &Sim, private: &mut BTreeMap<String, Ipv4Addr>) {
    let mut public = BTreeSet::new();
    for instance in sim.truth().ec2.live_instances() {
        let network = instance.network.as_ref().unwrap();
        let first = private.entry(instance.id.clone()).or_insert(network.private_address);
        assert_eq!(*first, network.private_address, "{}", instance.id);
        let has_public = network.public_address.is_some();
        match instance.state {
            InstanceState::Pending | InstanceState::Running => assert!(has_public, "{}", instance.id),
            InstanceState::Stopped => assert!(!has_public, "{}", instance.id),
            _ => {}
        }
        assert!(network.public_address.is_none_or(|address| public.insert(address)), "{}", instance.id);
    }
}

/// Plays the steps and returns everything that was answered; checks the books after every step.
fn play(seed: u64, steps: &[Step]) -> (Sim, Vec<String>) {
    let mut sim = Sim::new(seed, hard()).unwrap();
    let (mut second, mut known, mut answers, mut addresses) = (0, Vec::<String>::new(), Vec::new(), BTreeMap::new());
    for step in steps {
        match step {
            Step::Launch { token, count, zone_b } => {
                let subnet = if *zone_b { SUBNET_B } else { SUBNET_A };
                let request = Arc::new(request_in(subnet, *count, &format!("token-{token}")));
                let call = Call::about(About::Launch(request.clone()));
                let reply = sim.call(call, at(second), move |sim, now| sim.ec2(now).run_instances(&request));
                if let Reply::Whole(Ok(made)) = &reply {
                    known.extend(made.iter().map(|instance| instance.id.clone()));
                }
                answers.push(format!("{reply:?}"));
            }
            Step::Terminate(index) if !known.is_empty() => {
                let ids = vec![known[index % known.len()].clone()];
                let call = Call::about(About::Instances(Action::TerminateInstances, ids.clone()));
                let reply = sim.call(call, at(second), move |sim, now| sim.ec2(now).terminate_instances(&ids));
                answers.push(format!("{reply:?}"));
            }
            Step::Stop(index) if !known.is_empty() => {
                let ids = vec![known[index % known.len()].clone()];
                let call = Call::about(About::Instances(Action::StopInstances, ids.clone()));
                let reply = sim.call(call, at(second), move |sim, now| sim.ec2(now).stop_instances(&ids));
                answers.push(format!("{reply:?}"));
            }
            Step::Start(index) if !known.is_empty() => {
                let ids = vec![known[index % known.len()].clone()];
                let call = Call::about(About::Instances(Action::StartInstances, ids.clone()));
                let reply = sim.call(call, at(second), move |sim, now| sim.ec2(now).start_instances(&ids));
                answers.push(format!("{reply:?}"));
            }
            Step::Shutdown(index) if !known.is_empty() => {
                sim.ec2(at(second)).guest_shutdown(&known[index % known.len()])
            }
            Step::List => {
                let call = Call::new(Action::DescribeInstances).bare(true);
                let reply = sim.call(call, at(second), |sim, now| sim.ec2(now).describe_instances(&Query::default()));
                answers.push(format!("{reply:?}"));
            }
            Step::Wait(seconds) => second += seconds,
            Step::Break(action, fault) => sim.inject_next(*action, *fault),
            Step::Terminate(_) | Step::Shutdown(_) | Step::Stop(_) | Step::Start(_) => (),
        }
        check_addresses(&sim, &mut addresses);
        let audit = sim.audit();
        assert_eq!(audit.live, audit.launched - audit.terminated, "step {step:?}");
    }
    (sim, answers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_token_never_makes_more_than_it_asked_for(seed: u64, steps in steps()) {
        let (mut sim, _) = play(seed, &steps);
        sim.advance(at(100_000));
        let mut made: BTreeMap<String, usize> = BTreeMap::new();
        for line in sim.story().iter().filter_map(|line| line.what.strip_prefix("RunInstances ")) {
            let Some((asked, ids)) = line.split_once(" -> ") else { continue };
            for id in ids.split(' ') {
                *made.entry(format!("{asked} {id}")).or_default() += 1;
            }
        }
        let mut launches: BTreeMap<&str, usize> = BTreeMap::new();
        for key in made.keys() {
            if let Some((asked, _)) = key.rsplit_once(' ') {
                *launches.entry(asked).or_default() += 1;
            }
        }
        for (asked, instances) in &launches {
            let wanted: usize = asked.split(' ').next().unwrap().parse().unwrap();
            prop_assert_eq!(*instances, wanted, "{}", asked);
        }
        prop_assert_eq!(sim.audit().launched, launches.values().sum::<usize>());
    }

    #[test]
    fn the_same_seed_and_calls_give_the_same_answers(seed: u64, steps in steps()) {
        let (first, answers) = play(seed, &steps);
        let (second, again) = play(seed, &steps);
        prop_assert_eq!(answers, again);
        prop_assert_eq!(first.story(), second.story());
        prop_assert_eq!(first.audit(), second.audit());
    }
}

#[test]
fn another_seed_gives_other_ids() {
    let steps = [Step::Launch { token: 0, count: 1, zone_b: false }];
    assert_ne!(play(1, &steps).1, play(2, &steps).1);
}
