use wire::Health;

use super::*;

fn cluster(health: &[Health]) -> Arc<Cluster> {
    let member = |(index, health): (usize, &Health)| {
        let wire = wire::Member { id: format!("i-{index}"), address: "127.0.0.1:1".into(), vcpus: None };
        let address = wire.address.parse().unwrap();
        let member = Member::new(&wire, address, MemberKey(index as u64), Arc::default(), 1);
        match health {
            Health::Healthy => member.set_healthy(),
            Health::Unhealthy => member.set_unhealthy("test"),
            Health::Unknown => {}
        }
        Arc::new(member)
    };
    let members: Vec<_> = health.iter().enumerate().map(member).collect();
    let state = Arc::new(ClusterState::new(wire::Policy::RoundRobin, Clock::start()));
    state.change(&members, None);
    let (name, path, policy) = ("a".into(), "/a".into(), wire::Policy::RoundRobin);
    Arc::new(Cluster { name, path, policy, members, state, neighbours: Neighbours::None })
}

fn told(placed: Placed) -> String {
    match placed {
        Placed::Now(Called::Send(flight)) => flight.member().id.clone(),
        Placed::Now(_) => "none".into(),
        Placed::Parked(_) => "waits".into(),
    }
}

fn picks(cluster: &Arc<Cluster>, avoid: Option<u64>) -> String {
    let pick = |_| match avoid {
        None => told(cluster.again()),
        Some(failed) => {
            let placed = cluster.retry(MemberKey(failed), false);
            placed.map_or("none".into(), |flight| flight.member().id.clone())
        }
    };
    (0..4).map(pick).collect::<Vec<String>>().join(" ")
}

#[tokio::test]
async fn eligibility() {
    use Health::{Healthy, Unhealthy, Unknown};
    for (health, avoid, expected) in [
        (&[][..], None, "none none none none"),
        (&[Unknown, Unknown], None, "waits waits waits waits"),
        (&[Healthy, Healthy, Unhealthy], None, "i-0 i-1 i-0 i-1"),
        (&[Healthy, Unhealthy], None, "i-0 i-0 i-0 i-0"),
        (&[Healthy, Unhealthy, Unhealthy], None, "i-0 i-1 i-2 i-0"),
        (&[Unhealthy, Unhealthy], None, "i-0 i-1 i-0 i-1"),
        (&[Unhealthy, Unhealthy, Unknown], None, "waits waits waits waits"),
        (&[Unhealthy, Unknown], Some(0), "none none none none"),
        (&[Healthy, Unhealthy, Unhealthy, Unknown], None, "i-0 i-1 i-2 i-0"),
        (&[Healthy, Unknown, Unknown, Unknown], None, "i-0 i-0 i-0 i-0"),
        (&[Healthy, Healthy, Healthy], Some(1), "i-0 i-2 i-0 i-2"),
        (&[Healthy], Some(0), "none none none none"),
    ] {
        assert_eq!(picks(&cluster(health), avoid), expected, "{health:?} avoiding {avoid:?}");
    }
}

#[test]
fn in_flight_is_counted_until_the_request_is_dropped() {
    let cluster = cluster(&[Health::Healthy]);
    let record = &cluster.members[0].record;
    let Placed::Now(Called::Send(mut flight)) = cluster.arrive() else { panic!("not placed") };
    assert_eq!(record.in_flight.load(Relaxed), 1);
    let now = flight.now();
    flight.answered(502, now);
    drop(flight);
    let (in_flight, failures) = (record.in_flight.load(Relaxed), record.failures.load(Relaxed));
    assert_eq!((in_flight, failures, record.latency.mean_micros()), (0, 1, None));
    assert_eq!(cluster.state.requests.load(Relaxed), 1);
}

/// They wait in the queue of the policy, and not beside it: in order, bounded, and forgotten when their clients go.
#[tokio::test]
async fn requests_that_wait_for_a_first_check_are_called_when_it_is_back() {
    let cluster = cluster(&[Health::Unknown, Health::Unknown]);
    let park = || match cluster.arrive() {
        Placed::Parked(called) => called,
        Placed::Now(_) => panic!("placed on a member that nobody checked"),
    };
    let (gone, mut first, mut second) = (park(), park(), park());
    assert_eq!((cluster.state.parked_now(), cluster.state.parked.load(Relaxed)), (3, 3));
    drop(gone);
    cluster.state.checked();
    assert!(first.try_recv().is_err(), "no check is back");
    assert_eq!(cluster.state.parked_now(), 2, "whose client is gone waits no more");
    cluster.members[1].set_healthy();
    cluster.state.checked();
    for called in [&mut first, &mut second] {
        let Ok(Called::Send(flight)) = called.try_recv() else { panic!("not called") };
        assert_eq!(flight.member().id, "i-1");
    }
    assert_eq!(cluster.state.parked_now(), 0);
}

#[tokio::test]
async fn a_retry_that_finds_nobody_costs_nothing_of_the_budget() {
    let cluster = cluster(&[Health::Healthy]);
    for _ in 0..100 {
        assert!(cluster.retry(MemberKey(0), false).is_none());
    }
    assert_eq!(cluster.state.retries.load(Relaxed), 0);
    // 30 for ten seconds, and a tenth of what came in.
    let made = (0..100).filter(|_| cluster.retry(MemberKey(0), true).is_some()).count();
    assert_eq!((made, cluster.state.retries.load(Relaxed)), (30, 30));
}
