use wire::Health;

use super::*;
use crate::lane::Called;

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
    let tally = Arc::new(Tally::new(wire::Policy::RoundRobin, Clock::start()));
    tally.change(&members, None);
    Arc::new(Cluster { name: "a".into(), path: "/a".into(), policy: wire::Policy::RoundRobin, members, tally })
}

fn picks(cluster: &Arc<Cluster>, avoid: Option<u64>) -> String {
    let pick = |_| cluster.place(avoid.map(MemberKey)).map_or("none".into(), |flight| flight.member().id.clone());
    (0..4).map(pick).collect::<Vec<String>>().join(" ")
}

#[test]
fn eligibility() {
    use Health::{Healthy, Unhealthy, Unknown};
    for (health, avoid, expected) in [
        (&[][..], None, "none none none none"),
        (&[Unknown, Unknown], None, "none none none none"),
        (&[Healthy, Healthy, Unhealthy], None, "i-0 i-1 i-0 i-1"),
        (&[Healthy, Unhealthy], None, "i-0 i-0 i-0 i-0"),
        (&[Healthy, Unhealthy, Unhealthy], None, "i-0 i-1 i-2 i-0"),
        (&[Unhealthy, Unhealthy], None, "i-0 i-1 i-0 i-1"),
        (&[Unhealthy, Unhealthy, Unknown], None, "none none none none"),
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
    assert_eq!(cluster.tally.requests.load(Relaxed), 1);
}
