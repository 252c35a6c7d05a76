//! Programs of users: what of them replaces instances, what the balancer asks of them, and what is said where they do not fit.

use api::{Archive, ClusterWorker, ConditionType, Health, Variable};
use planner::desired::{self, measured_sha256};
use planner::{Action, World, plan};
use wire::HealthCheck;

use crate::fixture::{COMPLETE, world};
use crate::spelling::spell;

fn archive() -> api::Worker {
    api::Worker {
        archive: Some(Archive { url: "https://example.test/app.tar".into(), sha256: "a".repeat(64) }),
        command: vec!["python3".into(), "app.py".into()],
        ..api::Worker::default()
    }
}

fn with(worker: api::Worker) -> World {
    let mut world = world(&format!("{COMPLETE}balancer healthy\nrun none"));
    world.object.spec.worker = worker;
    world
}

/// Revision of the workers that a world wants.
fn revision(world: &World) -> String {
    let placement = world.object.status.placement.as_ref().unwrap();
    let pool = desired::pools(&world.object.spec).into_iter().find(|pool| pool.name == "a").unwrap();
    desired::recipe(world, placement, &pool, &placement.subnets()[0]).unwrap().revision
}

/// What a user can change is said where health is lacking; of our own worker there is nothing.
#[test]
fn a_program_that_is_not_heard_is_said_with_the_way_out() {
    let deployed = |worker: api::Worker| {
        let mut world = world(&format!("{COMPLETE}balancer told\nrun none"));
        world.object.spec.worker = worker;
        let text = spell(&world, &plan(&world));
        text.lines().find(|line| line.starts_with("Deployed")).unwrap().to_owned()
    };
    let ours = deployed(api::Worker::default());
    assert!(ours.ends_with("i-1 of a does not answer GET /health on 10.0.0.205:8080"), "{ours}");
    let file = api::Worker {
        artifact_url: Some("https://example.test/app".into()),
        artifact_sha256: Some("a".repeat(64)),
        ..api::Worker::default()
    };
    let theirs = deployed(file);
    assert_eq!(
        theirs.strip_prefix(&ours),
        Some(
            "; where that lasts, mend the program or how it is started (worker.command, where it has one), or set worker.port to the port that it listens on, or worker.health to what it answers"
        ),
        "{theirs}"
    );
}

#[test]
fn whatever_instances_are_told_of_a_program_makes_others_of_them() {
    let changes: [fn(&mut api::Worker); 6] = [
        |_| {},
        |worker| worker.archive.as_mut().unwrap().sha256 = "b".repeat(64),
        |worker| worker.packages = vec!["python3".into()],
        |worker| worker.setup = vec!["true".into()],
        |worker| worker.command.push("--verbose".into()),
        |worker| worker.environment = vec![Variable { name: "A".into(), value: "1".into() }],
    ];
    let mut seen = Vec::new();
    for change in changes {
        let mut worker = archive();
        change(&mut worker);
        let world = with(worker);
        let spec = &world.object.spec;
        seen.push((revision(&world), measured_sha256(spec), desired::program(spec, "a").described()));
        let plan = plan(&world);
        assert_eq!(
            plan.doomed.iter().filter(|id| ["i-1", "i-2"].contains(&id.as_str())).count(),
            2,
            "{:?}",
            plan.doomed
        );
    }
    for of in 0..3 {
        let mut all: Vec<&str> = seen.iter().map(|one| [&one.0, &one.1, &one.2][of].as_str()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), changes.len(), "{all:?}");
    }
    let described = desired::program(&with(archive()).object.spec, "a").described();
    let hash = "a".repeat(64);
    assert_eq!(
        described,
        format!("archive https://example.test/app.tar sha256 {hash}, command [\"python3\", \"app.py\"]")
    );
}

/// The check is the balancer's: nothing is launched for another one, and nothing is told to one that knows none.
#[test]
fn the_balancer_is_told_what_a_healthy_worker_answers() {
    let health = Some(Health { path: "/ready".into(), status: Some(204) });
    let plain = with(api::Worker::default());
    let mut asked = with(api::Worker { health: health.clone(), ..api::Worker::default() });
    assert_eq!(revision(&plain), revision(&asked));
    let told = |world: &World| {
        plan(world).actions().find_map(|action| match action {
            Action::SetMembership { to, .. } => Some(to.clusters[0].health.clone()),
            _ => None,
        })
    };
    assert_eq!(told(&plain), None, "it has them already");
    assert_eq!(told(&asked), Some(Some(HealthCheck { path: "/ready".into(), status: Some(204) })));
    asked.object.spec.clusters[0].worker = Some(ClusterWorker::default());
    assert_eq!(told(&asked), None, "the cluster has a worker of its own, without a check");

    asked.object.spec.clusters[0].worker = Some(ClusterWorker { health, ..ClusterWorker::default() });
    asked.object.status.placement.as_mut().unwrap().known_fields.clear();
    let plan = plan(&asked);
    assert_eq!(plan.actions().count(), 0);
    let accepted = plan.conditions.get(ConditionType::Accepted);
    assert!(accepted.message.starts_with("worker.health: this benchmark keeps the programs"), "{}", accepted.message);
}

/// A load balancer of AWS asks what the worker says of itself, in place of what is asked of all.
#[test]
fn the_target_group_asks_what_a_healthy_worker_answers() {
    let mut world = world("application\nclusters a=t2.micro*2 b=t2.micro*2");
    let application = world.object.spec.balancer.application.get_or_insert_default();
    (application.health_check.path, application.health_check.statuses) = ("/all".into(), "200-299".into());
    let asked = |world: &World| {
        let plan = plan(world);
        let checks = plan.actions().filter_map(|action| match action {
            Action::CreateTargetGroup(group) => {
                Some((group.health_check.path.clone(), group.health_check.statuses.clone()))
            }
            _ => None,
        });
        checks.collect::<Vec<_>>()
    };
    let row = |path: &str, statuses: &str| (path.to_owned(), statuses.to_owned());
    assert_eq!(asked(&world), [row("/all", "200-299"), row("/all", "200-299")]);
    let health = |status| Some(Health { path: "/ready".into(), status });
    world.object.spec.worker.health = health(Some(204));
    world.object.spec.clusters[1].worker = Some(ClusterWorker { health: health(None), ..ClusterWorker::default() });
    // No program of ours has to know it.
    world.object.status.placement.as_mut().unwrap().known_fields.clear();
    assert_eq!(asked(&world), [row("/ready", "204"), row("/ready", "200-299")]);
}

/// Behind queues it is the puller that asks: it is told by its environment, and the front asks the puller.
#[test]
fn the_puller_is_told_what_a_healthy_worker_answers() {
    let plain = world("queue\nqueues a\nbucket\nunrehearsed");
    let mut asked = plain.clone();
    asked.object.spec.worker.health = Some(Health { path: "/ready".into(), status: Some(204) });
    assert_ne!(revision(&plain), revision(&asked));
    let told = |world: &World| {
        let plan = plan(world);
        let scripts: Vec<String> = plan
            .actions()
            .filter_map(|action| match action {
                Action::Rehearse(launch) => Some(launch.user_data.clone()),
                _ => None,
            })
            .collect();
        assert!(scripts.len() > 2, "front, workers, generator");
        scripts
            .iter()
            .filter(|text| text.contains("HEALTH_PATH=\"/ready\"") && text.contains("HEALTH_STATUS=\"204\""))
            .count()
    };
    assert_eq!((told(&plain), told(&asked)), (0, 1));
    assert_eq!(planner::balance::membership::membership(&asked).clusters[0].health, None);
    asked
        .object
        .status
        .placement
        .as_mut()
        .unwrap()
        .known_fields
        .retain(|field| field != "worker.health with balancer.kind Queue");
    let accepted = plan(&asked).conditions.get(ConditionType::Accepted).message.clone();
    assert!(
        accepted.starts_with("worker.health with balancer.kind Queue: this benchmark keeps the programs"),
        "{accepted}"
    );
}

#[test]
fn what_does_not_fit_into_user_data_is_named() {
    let mut world = world("");
    world.object.spec.worker = api::Worker { setup: vec!["x".repeat(1024); 14], ..archive() };
    let said = spell(&world, &plan(&world));
    assert!(
        said.contains("Provisioned=False NoRecipe: ") && said.contains("; pool a: the user data would be "),
        "{said}"
    );
    assert!(said.contains("shorten worker.setup, or move it into the archive"), "{said}");
    assert!(!said.contains("write down "), "nobody pays for the others: {said}");
}
