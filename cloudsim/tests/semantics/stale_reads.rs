//! Reads that go back in time, pages that repeat, rules and groups that are seen late.

use cloudsim::{Filter, Lag, PageRequest, PermissionSource, Query, Relapse, Settings, Sim, Span};

use crate::groups::{allow, create};
use crate::world::{at, code, exact, launch, sim};

/// Half of the calls of one way of looking show what was 100 s ago.
fn falls_back(relapse: Relapse) -> Settings {
    Settings { relapse: Relapse { by: Span::seconds(100, 100), ..relapse }, ..exact() }
}

/// How many of 200 looks show the instance at all.
fn sightings(sim: &mut Sim, query: &Query, second: i64) -> usize {
    let seen = |_| sim.describe_instances(query, at(second)).is_ok_and(|page| !page.items.is_empty());
    (0..200).map(seen).filter(|seen| *seen).count()
}

#[test]
fn a_later_list_can_show_an_earlier_state_each_index_by_itself() {
    let by_tag = Query::filtered([Filter::tag("owner", "us")]);
    let by_token = Query::filtered([Filter::new("client-token", ["token"])]);
    for (index, relapse) in [
        Relapse { id: 500, ..Relapse::default() },
        Relapse { tag: 500, ..Relapse::default() },
        Relapse { token: 500, ..Relapse::default() },
    ]
    .into_iter()
    .enumerate()
    {
        let mut sim = sim(falls_back(relapse));
        let id = launch(&mut sim, 1, "token", 0);
        let seen = [&Query::ids(&id), &by_tag, &by_token].map(|query| sightings(&mut sim, query, 60));
        for (other, seen) in seen.iter().enumerate() {
            // Without a relapse it is always there; with one it was not yet there in half of the looks.
            assert_eq!(*seen < 200, other == index, "{seen:?} of {index}");
        }
        assert!((70..130).contains(&seen[index]), "{seen:?}");
        assert!(seen.iter().all(|seen| *seen > 0));
        assert_eq!(sightings(&mut sim, &by_tag, 161), 200, "nothing is older than that");
        let relapses = sim.injected()["relapse"];
        assert!(relapses >= 70, "{relapses}");
    }
}

#[test]
fn a_termination_of_a_running_instance_can_find_nothing() {
    let mut sim = sim(falls_back(Relapse { id: 1000, ..Relapse::default() }));
    let id = launch(&mut sim, 1, "token", 0);
    assert_eq!(code(sim.terminate_instances(&id, at(60))), "InvalidInstanceID.NotFound");
    assert_eq!(sim.live_instances().len(), 1);
    assert!(sim.terminate_instances(&id, at(101)).is_ok());
}

#[test]
fn a_deleted_group_can_come_back_for_a_reader() {
    let mut sim = sim(falls_back(Relapse { tag: 1000, ..Relapse::default() }));
    let group = create(&mut sim, "members", 0).unwrap();
    sim.delete_security_group(&group, at(200)).unwrap();
    let ours = Query::filtered([Filter::tag("owner", "us")]);
    let mut count = |second| sim.describe_security_groups(&ours, at(second)).unwrap().items.len();
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
        |second| sim.describe_security_groups(&Query::ids([&group]), at(second)).unwrap().items[0].ingress.len();
    assert_eq!((rules(12), rules(13)), (0, 1));
    let id = launch(&mut sim, 1, "token", 20);
    assert!(sim.describe_instances(&Query::ids(&id), at(20)).is_ok(), "instances have theirs");
}

#[test]
fn a_page_can_come_with_the_token_it_was_asked_for_with() {
    let mut sim = sim(Settings { page_size: 5, repeated_page_per_mille: 1000, ..exact() });
    launch(&mut sim, 12, "token", 0);
    let first = sim.describe_instances(&Query::default(), at(0)).unwrap();
    let token = first.next_token.clone();
    assert!(token.is_some(), "the first page is never repeated");
    let query = Query { page: PageRequest { max_results: None, next_token: token.clone() }, ..Query::default() };
    let second = sim.describe_instances(&query, at(0)).unwrap();
    assert_eq!((second.items.len(), second.next_token), (5, token));
    assert_eq!(sim.injected()["repeated page"], 1);
}
