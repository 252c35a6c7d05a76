//! Workers that are updated in place.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use planner::ports::TargetState;
use planner::world::{Facet, Unknown};
use planner::{Action, Failure, World, desired, plan};
use proptest::prelude::*;
use wire::{Health, Said, StarterStatus};

use crate::fixture::{self, BEHIND, seconds, world};
use crate::spelling::spell;

pub(crate) const FOUR: &str = "
    inplace
    clusters a=t2.micro*4
    line a/1 x4 closed ids i-1,i-2,i-3,i-4
    line balancer/1 x1 closed ids i-b
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-3 a/1 running
    have i-4 a/1 running
    have i-b balancer/1 running
    have i-g generator/1 running
    balancer healthy
    run none
";

/// Two workers behind a load balancer that routes to its clusters; the targets come last.
pub(crate) fn two_behind(more: &str) -> String {
    format!("inplace\n{BEHIND}front active\nroutes\nrun none\n{more}")
}

/// What is done, and what `Deployed` says; the rest is other tests' business.
pub(crate) fn deployed(world: &World) -> String {
    let text = spell(world, &plan(world));
    let is_other = |line: &str| ["Accepted", "Provisioned", "Measured", "wake"].iter().any(|one| line.starts_with(one));
    let url = format!("https://artifacts.example/{}/worker", "a".repeat(64));
    text.lines().filter(|line| !is_other(line)).map(|line| format!("{}\n", line.replace(&url, "URL"))).collect()
}

pub(crate) fn of(more: &str) -> String {
    deployed(&world(&format!("{FOUR}{more}")))
}

#[test]
fn half_of_them_go_out_first() {
    assert_snapshot!(of("runs i-1=old i-2=old i-3=old i-4=old"), @r"
    set membership after v1: a=2
    Deployed=False Waiting: the balancer is being told its members
    ");
}

#[test]
fn those_that_are_gone_from_the_balancer_are_told() {
    assert_snapshot!(of("runs i-1=old i-2=old i-3=old i-4=old\nserves i-3 i-4"), @r"
    update i-1 (v1) i-2 (v1)
    Deployed=False Waiting: cluster a: 0 of 4 workers run what the spec asks for, 2 are out to be updated
    ");
}

#[test]
fn nobody_is_told_twice_and_what_is_under_way_stays_out() {
    assert_snapshot!(of("runs i-1=starting i-2=busy i-3=old i-4=old\nserves i-3 i-4"), @"Deployed=False Waiting: cluster a: 0 of 4 workers run what the spec asks for, 2 are out to be updated");
}

#[test]
fn what_is_updated_comes_in_again_before_others_go_out() {
    assert_snapshot!(of("runs i-1=new i-2=new i-3=old i-4=old\nserves i-3 i-4"), @r"
    set membership after v1: a=4
    Deployed=False Waiting: the balancer is being told its members
    ");
    // Once they are healthy.
    assert_snapshot!(of("runs i-1=new i-2=new i-3=old i-4=old"), @r"
    set membership after v1: a=2
    Deployed=False Waiting: the balancer is being told its members
    ");
    assert_snapshot!(of("runs i-1=new i-2=new i-3=new i-4=new"), @r"
    start run 1 of 40 rounds
    Deployed=True Healthy: 4 of 4 members are healthy, balancer and generator answer
    ");
}

#[test]
fn at_least_one_goes_out_and_no_more_than_the_percentage() {
    for (percent, out) in [(1, 1), (25, 1), (49, 1), (74, 2), (75, 3), (100, 4)] {
        let text = FOUR.replace("inplace", &format!("inplace {percent}"));
        let text = deployed(&world(&format!("{text}runs i-1=old i-2=old i-3=old i-4=old")));
        assert!(text.starts_with(&format!("set membership after v1: a={}\n", 4 - out)), "{percent}: {text}");
    }
}

#[test]
fn the_first_that_fails_is_the_last() {
    assert_snapshot!(of("runs i-1=failed i-2=new i-3=old i-4=old\nserves i-3 i-4"), @r"
    set membership after v1: a=4
    Deployed=False Waiting: the balancer is being told its members
    ");
    assert_snapshot!(of("runs i-1=failed i-2=new i-3=old i-4=old"), @r"
    Deployed=False UpdateFailed: i-1 of a was not updated to URL: it does not listen; no other worker is updated and nothing is measured: mend the program and set its new hash, or set worker back to what it was
    stalled by Deployed
    ");
}

#[test]
fn one_that_serves_and_is_not_healthy_keeps_the_others_waiting_and_fails_in_the_end() {
    let text = format!("{}runs i-1=new i-2=old i-3=old i-4=old", FOUR.replace("inplace", "inplace 25"));
    let mut world = world(&text);
    if let Some(Facet::Known(balancer)) = &mut world.balancer {
        balancer.clusters[0].members[0].health = Health::Unhealthy;
    }
    assert_snapshot!(deployed(&world), @"Deployed=False Waiting: i-1 of a runs what the spec asks for and is not healthy yet; the others wait for it");
    world.memory = plan(&world).memory;
    world.now += seconds(901);
    world.memory.looked_at = Some(world.now);
    let text = deployed(&world);
    assert!(
        text.starts_with("Deployed=False UpdateFailed: i-1 of a runs what the spec asks for and is not healthy"),
        "{text}"
    );
}

#[test]
fn what_is_not_known_moves_nobody() {
    let mut world = world(&format!("{FOUR}runs i-1=old i-2=old i-3=old i-4=old"));
    world.applications = Some(Facet::Unknown(Unknown { failure: Failure::Unreachable, message: "no route".into() }));
    assert_snapshot!(deployed(&world), @"Deployed=False Waiting: what workers run is not known: no route; the operator asks their starters through balancer, whose port 8081 it has to reach");
    world.applications = None;
    assert_snapshot!(deployed(&world), @"Deployed=False Waiting: what workers run is not known yet");
    // Those that are out stay out: they may be about to be started.
    fixture::serves(&mut world, &["i-3", "i-4"]);
    assert_snapshot!(deployed(&world), @"Deployed=False Waiting: what workers run is not known yet");
    assert_snapshot!(of("runs i-1=silent i-2=starting i-3=old i-4=old\nserves i-3 i-4"), @"Deployed=False Waiting: cluster a: 0 of 4 workers run what the spec asks for, 1 are out to be updated");
    // One that serves and whose starter is silent is left alone, and nothing is measured.
    assert_snapshot!(of("runs i-1=new i-2=silent i-3=new i-4=new"), @"Deployed=False Waiting: what i-2 of a runs is not known: connection refused; balancer asks its starter at port 8081: where that lasts, terminate i-2, and another worker takes its place");
}

#[test]
fn a_first_program_is_no_update() {
    let text = of("runs i-1=new i-2=booting i-3=new i-4=new");
    assert!(text.starts_with("Deployed=True Healthy: "), "{text}");
}

/// What a run's document says of workers is the proof that they served the same all along.
#[test]
fn no_run_begins_before_every_starter_has_seen_its_worker_serve() {
    let served = |world: &World| {
        let begun = |action: &Action| match action {
            Action::StartRun { run, .. } => Some(run.serving.len()),
            _ => None,
        };
        plan(world).actions().find_map(begun)
    };
    assert_eq!(served(&world(&format!("{FOUR}runs i-1=new i-2=new i-3=new i-4=new"))), Some(4));
    let mut world = world(&format!("{FOUR}runs i-1=new i-2=booting i-3=new i-4=new"));
    assert_eq!(served(&world), None);
    assert!(spell(&world, &plan(&world)).contains("Waiting: the starters of the workers are asked what these serve"));
    // One that never does holds nobody up for good.
    world.memory = plan(&world).memory;
    world.now += world.settings.settle;
    world.memory.looked_at = Some(world.now);
    assert_eq!(served(&world), Some(3), "{}", spell(&world, &plan(&world)));
}

#[test]
fn nobody_is_updated_or_asked_while_the_run_is_on() {
    let text = format!("{FOUR}runs i-1=old i-2=old i-3=old i-4=old").replace("run none", "run running");
    let mut world = world(&text);
    assert!(planner::balance::updates::question(&world).is_some());
    world.object.status.runs.push(planner::runs::wanted(&world).begun());
    assert_eq!(planner::balance::updates::question(&world), None);
    assert_snapshot!(deployed(&world), @"Deployed=True Healthy: 4 of 4 members are healthy, balancer and generator answer");
}

#[test]
fn a_load_balancer_lets_a_target_finish_before_its_worker_is_told() {
    let of = |targets: &str| deployed(&world(&two_behind(&format!("runs i-1=old i-2=old\ntargets {targets}"))));
    assert_snapshot!(of("i-1=healthy i-2=healthy"), @r"
    deregister i-1
    Deployed=False Waiting: targets are being registered; 2 of 2 are healthy
    ");
    assert_snapshot!(of("i-1=draining i-2=healthy"), @"Deployed=False Waiting: cluster a: 0 of 2 workers run what the spec asks for, 1 are out to be updated");
    assert_snapshot!(of("i-2=healthy"), @r"
    update i-1 (v1)
    Deployed=False Waiting: cluster a: 0 of 2 workers run what the spec asks for, 1 are out to be updated
    ");
    assert_eq!(TargetState::parse("draining"), TargetState::Draining);
}

/// A revision is what instances are launched with. What reaches them in place is no part of it; where they are replaced,
/// it is, and the revision is the one that it always was.
#[test]
fn only_where_workers_are_replaced_another_program_is_another_revision() {
    let revision = |change: &dyn Fn(&mut api::ClusterBenchmarkSpec)| {
        let mut world = world("");
        change(&mut world.object.spec);
        let placement = world.object.status.placement.clone().unwrap();
        let pools = desired::pools(&world.object.spec);
        desired::recipe(&world, &placement, &pools[0], &placement.subnets()[0]).unwrap().revision
    };
    let work = |spec: &mut api::ClusterBenchmarkSpec| {
        spec.worker.work = serde_json::from_str(r#"{ "profile": "Sleep", "meanMicros": 2000 }"#).unwrap();
    };
    let users = |spec: &mut api::ClusterBenchmarkSpec| {
        spec.worker.artifact_url = Some("https://example.test/program".into());
        spec.worker.artifact_sha256 = Some("b".repeat(64));
    };
    let in_place = |spec: &mut api::ClusterBenchmarkSpec| spec.worker.update = api::Update::InPlace;
    let replaced = [revision(&|_| ()), revision(&work), revision(&users)];
    assert_eq!(replaced.iter().collect::<BTreeSet<_>>().len(), 3);
    let updated = [
        revision(&in_place),
        revision(&|spec| (in_place(spec), work(spec)).1),
        revision(&|spec| (in_place(spec), users(spec)).1),
    ];
    assert_eq!(updated.iter().collect::<BTreeSet<_>>().len(), 1);
    assert!(!replaced.contains(&updated[0]));
    // As they were before there was another way.
    assert_snapshot!(replaced.join(" "), @"44afb9bc2ed9d702 5189a8469fac0c44 95a4afa2b14b30e1");
}

#[test]
fn how_a_program_arrives_is_not_what_is_measured() {
    let mut spec = world("").object.spec;
    let before = desired::measured_sha256(&spec);
    (spec.worker.update, spec.worker.max_unavailable_percent) = (api::Update::InPlace, Some(10));
    assert_eq!(desired::measured_sha256(&spec), before);
    spec.worker.port = 9000;
    assert_ne!(desired::measured_sha256(&spec), before);
}

#[test]
fn a_benchmark_that_was_placed_without_a_starter_says_so() {
    let mut world = world(FOUR);
    world.object.status.placement.as_mut().unwrap().artifacts.retain(|artifact| artifact.name != "starter");
    let text = spell(&world, &plan(&world));
    let way_out = "the placement has no starter for x86_64: choose instance types of another architecture";
    assert!(text.contains("Provisioned=False NoRecipe") && text.contains(way_out), "{text}");
    assert!(!text.contains("terminate"), "{text}");
}

/// Workers, their starters and the balancer as a world that goes on, one pass after the other.
struct Course {
    world: World,
    /// Passes until a starter is done with what it starts.
    pace: BTreeMap<String, u32>,
    /// The starter that fails.
    broken: Option<String>,
    new: String,
    /// The most that did not serve at the same time.
    most_out: usize,
    orders: usize,
}

impl Course {
    fn new(count: usize, percent: i32, paces: &[u32], broken: Option<usize>) -> Self {
        let ids: Vec<String> = (1..=count).map(|number| format!("i-{number}")).collect();
        let have: String = ids.iter().map(|id| format!("have {id} a/1 running\n")).collect();
        let runs: String = ids.iter().map(|id| format!(" {id}=old")).collect();
        let (_, others) = FOUR.split_once("have i-4 a/1 running").unwrap();
        let world = world(&format!(
            "inplace {percent}\nclusters a=t2.micro*{count}\nline a/1 x{count} closed ids {}\nline balancer/1 x1 closed ids i-b\nline generator/1 x1 closed ids i-g\n{have}{others}runs{runs}",
            ids.join(",")
        ));
        let new = fixture::wanted(&world, "i-1");
        let pace = ids.iter().zip(paces.iter().cycle()).map(|(id, pace)| (id.clone(), *pace)).collect();
        let broken = broken.and_then(|index| ids.get(index).cloned());
        Self { world, pace, broken, new, most_out: 0, orders: 0 }
    }

    fn starters(&mut self) -> &mut BTreeMap<String, Said> {
        match &mut self.world.applications {
            Some(Facet::Known(all)) => all,
            _ => panic!("they are known"),
        }
    }

    fn pass(&mut self) -> bool {
        let plan = plan(&self.world);
        self.world.memory = plan.memory.clone();
        self.world.now += seconds(1);
        self.world.cloud.listed_at = self.world.now;
        for action in plan.actions() {
            match action {
                Action::SetMembership { to, .. } => {
                    let ids: Vec<&str> = to.clusters[0].members.iter().map(|member| member.id.as_str()).collect();
                    self.set_members(&ids, &to.sha256());
                }
                Action::UpdateWorkers { recipients, .. } => {
                    for one in recipients {
                        assert!(!self.members().contains(&one.id), "{} still serves", one.id);
                        let new = self.new.clone();
                        let Some(Said::Status(status)) = self.starters().get_mut(&one.id) else { continue };
                        assert_eq!((status.version, &status.starting), (one.version, &None));
                        status.starting = Some(new);
                        self.orders += 1;
                    }
                }
                other => assert!(matches!(other, Action::StartRun { .. }), "{other:?}"),
            }
        }
        self.go_on();
        let starting = self.starters().values().filter(|said| is_starting(said)).count();
        let count = self.pace.len();
        self.most_out = self.most_out.max(count - self.members().len()).max(starting);
        plan.conditions.is_true(api::ConditionType::Deployed) || plan.conditions.stalled_by.is_some()
    }

    /// Health checks pass at once; starters take their time.
    fn go_on(&mut self) {
        if let Some(Facet::Known(balancer)) = &mut self.world.balancer {
            balancer.clusters[0].members.iter_mut().for_each(|member| member.health = Health::Healthy);
        }
        let (broken, new) = (self.broken.clone(), self.new.clone());
        let mut pace = std::mem::take(&mut self.pace);
        for (id, said) in self.starters() {
            let Said::Status(status) = said else { continue };
            let left = pace.get_mut(id).unwrap();
            if status.starting.is_some() && *left == 0 {
                status.starting = None;
                status.version += 1;
                if broken.as_ref() == Some(id) {
                    status.failure = Some(wire::ApplicationFailure {
                        application: new.clone(),
                        url: format!("https://artifacts.example/{}/worker", "a".repeat(64)),
                        started: true,
                        age_seconds: 0,
                        why: "it does not listen".into(),
                    });
                } else {
                    status.serving.clone_from(&new);
                }
            } else if status.starting.is_some() {
                *left -= 1;
            }
        }
        self.pace = pace;
    }

    fn members(&self) -> Vec<String> {
        let Some(Facet::Known(balancer)) = &self.world.balancer else { panic!("it is known") };
        balancer.clusters[0].members.iter().map(|member| member.id.clone()).collect()
    }

    /// Members that come have not been checked yet.
    fn set_members(&mut self, ids: &[&str], sha256: &str) {
        let Some(Facet::Known(balancer)) = &mut self.world.balancer else { panic!("it is known") };
        let old = std::mem::take(&mut balancer.clusters[0].members);
        let new = |id: &&str| wire::MemberStatus {
            id: (*id).to_owned(),
            address: "10.0.0.1:8080".into(),
            health: Health::Unknown,
            in_flight: 0,
            requests: 0,
            failures: 0,
            share_per_mille: 0,
            latency_micros: None,
            losses: 0,
            boot: None,
            slots: None,
            opinion: wire::MemberOpinion::default(),
        };
        let member = |id: &&str| old.iter().find(|member| member.id == **id).cloned().unwrap_or_else(|| new(id));
        balancer.clusters[0].members = ids.iter().map(member).collect();
        balancer.membership_sha256 = sha256.to_owned();
    }

    fn serving(&mut self) -> Vec<StarterStatus> {
        let statuses = self.starters().values().map(|said| match said {
            Said::Status(status) => status.clone(),
            other => panic!("{other:?}"),
        });
        statuses.collect()
    }
}

fn is_starting(said: &Said) -> bool {
    matches!(said, Said::Status(status) if status.starting.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn batches_never_exceed_the_percentage_and_all_are_updated(
        count in 1..9_usize, percent in 1..=100, paces in proptest::collection::vec(0..5_u32, 1..5),
    ) {
        let mut course = Course::new(count, percent, &paces, None);
        let passes = (0..500).find(|_| course.pass());
        prop_assert!(passes.is_some());
        let most = (count * usize::try_from(percent).unwrap() / 100).max(1);
        prop_assert!(course.most_out <= most, "{} of {count} were out at {percent} %", course.most_out);
        prop_assert_eq!(course.orders, count);
        let new = course.new.clone();
        prop_assert!(course.serving().iter().all(|status| status.serving == new));
    }

    #[test]
    fn a_failure_stops_the_update_and_the_rest_serves(
        count in 1..9_usize, percent in 1..=100, broken in 0..8_usize, paces in proptest::collection::vec(0..5_u32, 1..5),
    ) {
        let mut course = Course::new(count, percent, &paces, Some(broken % count));
        let passes = (0..500).find(|_| course.pass());
        prop_assert!(passes.is_some());
        let orders = course.orders;
        for _ in 0..20 {
            course.pass();
        }
        prop_assert_eq!((course.orders, course.members().len()), (orders, count));
        let failures = course.serving().into_iter().filter(|status| status.failure.is_some()).count();
        prop_assert_eq!(failures, 1);
    }
}
