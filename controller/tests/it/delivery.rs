//! Programs that the operator brings: instances wait for them, and nothing is lost where it dies while it does so.

use api::{BalancerKind, ClusterBenchmarkSpec};
use cloudsim::{CapacityPool, Settings};
use jiff::SignedDuration;

use crate::stage::agents::Freshness;
use crate::stage::chaos::Moment;
use crate::stage::play::{Play, Ways, set_kind, spec};
use crate::stories::{calm, tell};

const KINDS: [BalancerKind; 3] = [BalancerKind::Custom, BalancerKind::Queue, BalancerKind::Application];

fn play(kind: BalancerKind) -> Play {
    let mut wanted: ClusterBenchmarkSpec = spec(&[("a", "t2.large", 2)]);
    set_kind(&mut wanted, kind);
    let pace = Freshness { boot: SignedDuration::from_secs(10), run: SignedDuration::from_secs(20), spread: None };
    Play::with(7, calm(), wanted, 1, pace, Ways { is_pushing: true, ..Ways::default() })
}

fn deployed(play: &Play) -> String {
    let conditions = play.store.status().unwrap_or_default().conditions;
    conditions.into_iter().find(|one| one.type_ == "Deployed").map(|one| one.message).unwrap_or_default()
}

#[test]
fn everybody_gets_his_program_and_is_measured() {
    for kind in KINDS {
        tell(async || {
            let mut play = play(kind);
            play.until(600, |play| deployed(play).contains("waits for its program") || play.is_ready()).await.unwrap();
            assert!(kind == BalancerKind::Application || !play.is_ready(), "{kind:?}: it is said");
            play.until(600, Play::is_ready).await.unwrap();
            let running = play.store.status().unwrap().instances;
            for one in running {
                assert!(play.agents.loaders.missing(&play.sim, &one.id).is_empty(), "{kind:?}: {} waits", one.id);
            }
            assert_eq!(play.agents.loaders.in_vain(), 0, "{kind:?}");
        });
    }
}

#[test]
fn death_at_every_effect() {
    for moment in [Moment::Before, Moment::After, Moment::During(5)] {
        tell(async || {
            for nth in 0.. {
                let mut play = play(BalancerKind::Custom);
                play.doom(nth, moment);
                play.survive(1800).await.unwrap_or_else(|broken| panic!("death at effect {nth}: {broken}"));
                play.until(600, Play::is_ready).await.unwrap();
                assert_eq!(play.live(), 4, "{nth} {moment:?}");
                if play.crashes == 0 {
                    assert!(nth > 10, "{nth}");
                    break;
                }
            }
        });
    }
}

/// The zone has room for one of two generators: whoever runs has its program, and workers theirs through whoever reaches them.
#[test]
fn nobody_waits_for_the_program_of_a_generator_that_is_late() {
    for kind in KINDS {
        tell(async || {
            let mut wanted: ClusterBenchmarkSpec = spec(&[("a", "t2.large", 2)]);
            set_kind(&mut wanted, kind);
            (wanted.load.generator.count, wanted.load.generator.instance_type) = (2, "c5.xlarge".into());
            let zone = || "eu-west-1a".to_owned();
            wanted.network = Some(api::Network { zones: vec![zone()], ..api::Network::default() });
            let room = CapacityPool { instance_type: "c5.xlarge".into(), zone: zone(), count: 1 };
            let pace = Freshness { boot: SignedDuration::from_secs(10), ..Freshness::default() };
            let ways = Ways { is_pushing: true, ..Ways::default() };
            let mut play = Play::with(7, Settings { capacity: vec![room], ..calm() }, wanted, 1, pace, ways);
            let expected = if kind == BalancerKind::Application { 3 } else { 4 };
            let all_have_theirs = |play: &Play| {
                let live = play.sim.lock().truth().ec2.live_instances();
                let has = |id: &str| play.agents.loaders.missing(&play.sim, id).is_empty();
                live.len() == expected && live.iter().all(|one| has(&one.id))
            };
            play.until(300, all_have_theirs).await.unwrap_or_else(|broken| panic!("{kind:?}: {broken}"));
        });
    }
}

/// An operator that is not there for longer than a boot may take has nobody launched anew.
#[test]
fn nobody_is_given_up_who_waited_for_an_operator() {
    tell(async || {
        let mut play = play(BalancerKind::Custom);
        play.until(600, |play| play.live() == 4).await.unwrap();
        play.wait(std::time::Duration::from_secs(1200));
        play.until(600, Play::is_ready).await.unwrap();
        let launches = play.store.status().unwrap().launches;
        assert_eq!(launches.len(), 3, "{launches:?}");
        assert!(launches.iter().all(|line| line.reason.is_empty()), "{launches:?}");
    });
}
