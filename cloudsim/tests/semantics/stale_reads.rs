//! Reads that go back in time, pages that repeat, rules and groups that are seen late.

use cloudsim::ec2::PermissionSource;
use cloudsim::{Filter, Lag, PageRequest, Query, Settings, Sim, Span, StaleReads};

use crate::groups::{allow, create};
use crate::world::{at, code, exact, launch, sim};

/// Half of the calls of one way of looking show what was 100 s ago.
fn falls_back(stale_reads: StaleReads) -> Settings {
    Settings { stale_reads: StaleReads { by: Span::seconds(100, 100), ..stale_reads }, ..exact() }
}

/// How many of 200 looks show the instance at all.
fn sightings(sim: &mut Sim, query: &Query, second: i64) -> usize {
    let seen = |_| sim.ec2(at(second)).describe_instances(query).is_ok_and(|page| !page.items.is_empty());
    (0..200).map(seen).filter(|seen| *seen).count()
}

#[test]
fn a_later_list_can_show_an_earlier_state_each_index_by_itself() {
    let by_tag = Query::filtered([Filter::tag("owner", "us")]);
    let by_token = Query::filtered([Filter::new("client-token", ["token"])]);
    for (index, stale) in [
        StaleReads { id: 500, ..StaleReads::default() },
        StaleReads { tag: 500, ..StaleReads::default() },
        StaleReads { token: 500, ..StaleReads::default() },
    ]
    .into_iter()
    .enumerate()
    {
        let mut sim = sim(falls_back(stale));
        let id = launch(&mut sim, 1, "token", 0);
        let seen = [&Query::ids(&id), &by_tag, &by_token].map(|query| sightings(&mut sim, query, 60));
        for (other, seen) in seen.iter().enumerate() {
            // Without a stale read it is always there; with one it was not yet there in half of the reads.
            assert_eq!(*seen < 200, other == index, "{seen:?} of {index}");
        }
        assert!((70..130).contains(&seen[index]), "{seen:?}");
        assert!(seen.iter().all(|seen| *seen > 0));
        assert_eq!(sightings(&mut sim, &by_tag, 161), 200, "nothing is older than that");
        let stale = sim.injected()["stale read"];
        assert!(stale >= 70, "{stale}");
    }
}

#[test]
fn a_termination_of_a_running_instance_can_find_nothing() {
    let mut sim = sim(falls_back(StaleReads { id: 1000, ..StaleReads::default() }));
    let id = launch(&mut sim, 1, "token", 0);
    assert_eq!(code(sim.ec2(at(60)).terminate_instances(&id)), "InvalidInstanceID.NotFound");
    assert_eq!(sim.truth().ec2.live_instances().len(), 1);
    assert!(sim.ec2(at(101)).terminate_instances(&id).is_ok());
}

#[test]
fn a_deleted_group_can_come_back_for_a_reader() {
    let mut sim = sim(falls_back(StaleReads { tag: 1000, ..StaleReads::default() }));
    let group = create(&mut sim, "members", 0).unwrap();
    sim.ec2(at(200)).delete_security_group(&group).unwrap();
    let ours = Query::filtered([Filter::tag("owner", "us")]);
    let mut count = |second| sim.ec2(at(second)).describe_security_groups(&ours).unwrap().items.len();
    assert_eq!((count(210), count(299), count(300), count(400)), (1, 1, 0, 0));
}

#[test]
fn groups_and_rules_have_lags_of_their_own() {
    let settings = Settings {
        lag: Lag::default(),
        group_lag: Some(Lag::up_to(Span::seconds(4, 4))),
        rule_lag: Some(Lag::up_to(Span::seconds(9, 9))),
        ..exact()
    };
    let mut sim = sim(settings);
    let group = create(&mut sim, "members", 0).unwrap();
    let source = PermissionSource::Group(group.clone());
    assert_eq!(code(allow(&mut sim, &group, 80, source.clone(), 3)), "InvalidGroup.NotFound");
    allow(&mut sim, &group, 80, source.clone(), 4).unwrap();
    assert_eq!(code(allow(&mut sim, &group, 80, source, 5)), "InvalidPermission.Duplicate", "made, and not listed yet");
    let mut rules =
        |second| sim.ec2(at(second)).describe_security_groups(&Query::ids([&group])).unwrap().items[0].ingress.len();
    assert_eq!((rules(12), rules(13)), (0, 1));
    let id = launch(&mut sim, 1, "token", 20);
    assert!(sim.ec2(at(20)).describe_instances(&Query::ids(&id)).is_ok(), "instances have theirs");
}

#[test]
fn a_page_can_come_with_the_token_it_was_asked_for_with() {
    let mut sim = sim(Settings { page_size: 5, repeated_page_per_mille: 1000, ..exact() });
    launch(&mut sim, 12, "token", 0);
    let first = sim.ec2(at(0)).describe_instances(&Query::default()).unwrap();
    let token = first.next_token.clone();
    assert!(token.is_some(), "the first page is never repeated");
    let query = Query { page: PageRequest { max_results: None, next_token: token.clone() }, ..Query::default() };
    let second = sim.ec2(at(0)).describe_instances(&query).unwrap();
    assert_eq!((second.items.len(), second.next_token), (5, token));
    assert_eq!(sim.injected()["repeated page"], 1);
}
